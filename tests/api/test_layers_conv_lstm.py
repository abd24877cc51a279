"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import recurrent_reference
from convolution_reference import reference

import graphnn
from graphnn import layers
from graphnn.testing import check_layer

R = np.random.RandomState(0)
SPACES = {1: (6,), 2: (5, 6), 3: (3, 4, 3)}
MASK = np.array([[1, 1, 1], [0, 1, 0], [0, 0, 0]], bool)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def step_of(layer: Any) -> Any:
    """The step in NumPy, channels last."""
    kernel, recurrent, bias = layer.get_weights()
    ones = (1,) * layer.rank

    def step(x: Any, states: Any) -> Any:
        h, c = states
        z = reference(x, kernel, layer.strides, layer.padding, layer.dilation_rate) + bias
        z = z + reference(h, recurrent, ones, "same", ones)
        i, f, g, o = np.split(z, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return h, [h, c]

    return step


@pytest.mark.parametrize("rank", SPACES)
@pytest.mark.parametrize("options", [{}, {"padding": "same", "strides": 2}, {"dilation_rate": 2}, {"go_backwards": True}])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_against_numpy(rank: int, options: dict[str, Any], first: bool, masked: bool) -> None:
    data_format = "channels_first" if first else "channels_last"
    layer = getattr(layers, f"ConvLSTM{rank}D")(
        2, 2, return_sequences=True, return_state=True, data_format=data_format, bias_initializer="ones", **options
    )
    x = R.standard_normal((3, 3, *SPACES[rank], 2)).astype("float32")
    mask = MASK if masked else None
    found = layer(np.moveaxis(x, -1, 2) if first else x, mask=mask)
    state = np.zeros((3, *(np.moveaxis(found[1], 1, -1) if first else found[1]).shape[1:]))
    outputs, states = recurrent_reference.run(step_of(layer), x, [state, state], mask, options.get("go_backwards", False))
    for k, (a, b) in enumerate(zip(found, [outputs, *states], strict=True)):
        b = np.moveaxis(b, -1, 1 if k else 2) if first else b
        assert a.shape == b.shape and np.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("rank", SPACES)
@pytest.mark.parametrize("kwargs", [{}, {"return_sequences": True, "padding": "same"}, {"use_bias": False, "unroll": True}])
def test_layer(rank: int, kwargs: dict[str, Any]) -> None:
    names = ["kernel", "recurrent_kernel", "bias"] if kwargs.get("use_bias", True) else ["kernel", "recurrent_kernel"]
    shape = (2, 3, *SPACES[rank][:1], *(2,) * (rank - 1), 2)
    layer = check_layer(
        getattr(layers, f"ConvLSTM{rank}D"), {"filters": 2, "kernel_size": 2, **kwargs}, shape, expected_weights=names
    )
    assert layer.weights[0].path.endswith("/conv_lstm_cell/kernel")


def test_bias_of_the_forget_gate() -> None:
    layer = layers.ConvLSTM1D(2, 2)
    layer(np.zeros((1, 2, 4, 2), "float32"))
    assert layer.get_weights()[2].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_noise() -> None:
    x = R.standard_normal((2, 3, 6, 2)).astype("float32")
    for options in ({"dropout": 0.5}, {"recurrent_dropout": 0.5}, {"dropout": 0.5, "data_format": "channels_first"}):
        layer = layers.ConvLSTM1D(2, 2, **options)
        a, b = np.asarray(layer(x, training=True)), np.asarray(layer(x, training=True))
        assert np.abs(a - b).max() > 1e-3 and np.array_equal(layer(x), layer(x))


def test_stateful_and_initial_states() -> None:
    x = R.standard_normal((2, 3, 6, 2)).astype("float32")
    layer = layers.ConvLSTM1D(2, 2, stateful=True, return_state=True)
    first = layer(x)
    second = layer(x)
    assert np.abs(second[0] - first[0]).max() > 1e-4
    plain = layers.ConvLSTM1D.from_config({**layer.get_config(), "stateful": False})
    plain(x)
    plain.set_weights(layer.get_weights())
    assert np.allclose(plain(x, initial_state=first[1:])[0], second[0], atol=1e-6)


def test_it_trains() -> None:
    x = R.standard_normal((4, 3, 6, 6, 1)).astype("float32")
    model = graphnn.Sequential(
        [graphnn.Input((None, 6, 6, 1)), layers.ConvLSTM2D(3, 3, padding="same"), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    losses = model.fit(x, x.mean((1, 2, 3, 4))[:, None], epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="ndim=5"):
        layers.ConvLSTM2D(2, 2)(np.zeros((1, 2, 3), "float32"))
    with pytest.raises(ValueError, match="filters=0"):
        layers.ConvLSTM2D(0, 2)
    with pytest.raises(ValueError, match="kernel_size"):
        layers.ConvLSTM2D(2, (2, 2, 2))
    with pytest.raises(ValueError, match=r"strides.*dilation_rate"):
        layers.ConvLSTM2D(2, 2, strides=2, dilation_rate=2)
    with pytest.raises(ValueError, match="causal"):
        layers.ConvLSTM1D(2, 2, padding="causal")
    with pytest.raises(ValueError, match="extents of the images must be known"):
        layers.ConvLSTM2D(2, 2)(graphnn.Input((3, None, None, 2)))
    with pytest.raises(ValueError, match="number of channels"):
        layers.ConvLSTM2D(2, 2)(graphnn.Input((3, 4, 4, None)))
    with pytest.raises(ValueError, match="window"):
        layers.ConvLSTM1D(2, 5)(np.zeros((1, 2, 3, 2), "float32"))
    with pytest.raises(ValueError, match=r"'mine'.*tensor 0 of `initial_state`.*3, 2\).*4, 2\)"):
        layers.ConvLSTM1D(2, 2, name="mine")(
            np.zeros((1, 2, 4, 2), "float32"), initial_state=[np.zeros((1, 4, 2), "float32")] * 2
        )
    layer = layers.ConvLSTM1D(2, 2, name="mine")
    layer(np.zeros((1, 2, 4, 2), "float32"))
    with pytest.raises(ValueError, match=r"mine.*axis 3.*2"):
        layer(np.zeros((1, 2, 4, 3), "float32"))
    with pytest.raises(ValueError, match="batch size must be known"):
        layers.ConvLSTM1D(2, 2, stateful=True)(graphnn.Input((3, 4, 2)))
