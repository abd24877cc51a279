"""Bidirectional."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import recurrent_reference as reference

import graphnn
from graphnn import layers
from graphnn.testing import check_layer

R = np.random.RandomState(0)
X = R.standard_normal((4, 5, 3)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [0, 1, 0, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)
JOINS: dict[Any, Any] = {
    "concat": lambda a, b: np.concatenate([a, b], -1),
    "sum": np.add,
    "mul": np.multiply,
    "ave": lambda a, b: (a + b) / 2,
}


def close(a: Any, b: Any) -> None:
    assert np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=0, atol=1e-5)


def both(weights: Any, x: Any, states: Any, mask: Any, sequences: bool) -> tuple[Any, Any, list[Any]]:
    """Outputs of both directions in the order of time, and the last states."""
    zero = sequences
    y, a = reference.run(reference.lstm(weights[:3]), x, states[:2], mask, False, zero)
    z, b = reference.run(reference.lstm(weights[3:]), x, states[2:], mask, True, zero)
    return (y, z[:, ::-1], [*a, *b]) if sequences else (y[:, -1], z[:, -1], [*a, *b])


@pytest.mark.parametrize("mode", [*JOINS, None])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("started", [False, True])
def test_against_numpy(mode: Any, sequences: bool, masked: bool, started: bool) -> None:
    layer = layers.Bidirectional(layers.LSTM(2, return_sequences=sequences, return_state=True), mode)
    states = [R.standard_normal((4, 2)).astype("float32") if started else np.zeros((4, 2), "float32") for _ in range(4)]
    mask = MASK if masked else None
    found = layer(X, initial_state=states if started else None, mask=mask)
    y, z, last = both(layer.get_weights(), X, states, mask, sequences)
    outputs = [y, z] if mode is None else [JOINS[mode](y, z)]
    assert isinstance(found, tuple)
    for a, b in zip(found, [*outputs, *last], strict=True):
        close(a, b)


@pytest.mark.parametrize("kwargs", [{}, {"merge_mode": "sum"}, {"merge_mode": None}, {"merge_mode": "mul"}])
def test_layer(kwargs: dict[str, Any]) -> None:
    def make(dtype: str = "float32", **more: Any) -> Any:
        return layers.Bidirectional(layers.GRU(2, return_sequences=True, dtype=dtype), dtype=dtype, **more)

    make.from_config = layers.Bidirectional.from_config  # type: ignore[attr-defined]
    check_layer(make, kwargs, (3, 4, 3), expected_weights=["kernel", "recurrent_kernel", "bias"] * 2)


def test_names_and_configuration() -> None:
    layer = layers.Bidirectional(layers.LSTM(2, return_sequences=True, name="mine"), name="two")
    layer(X)
    assert [w.path for w in layer.weights[::3]] == ["two/forward_mine/lstm_cell/kernel", "two/backward_mine/lstm_cell/kernel"]
    config = json.loads(json.dumps(layer.get_config()))
    assert config["merge_mode"] == "concat" and config["backward_layer"]["config"]["go_backwards"]
    again = layers.Bidirectional.from_config(config)
    assert again.get_config() == layer.get_config()
    again(X)
    again.set_weights(layer.get_weights())
    assert np.array_equal(again(X), layer(X))


def test_a_backward_layer_of_its_own() -> None:
    layer = layers.Bidirectional(layers.LSTM(2), backward_layer=layers.SimpleRNN(3, go_backwards=True))
    found = layer(X)
    weights = layer.get_weights()
    y, _ = reference.run(reference.lstm(weights[:3]), X, [np.zeros((4, 2))] * 2)
    z, _ = reference.run(reference.simple_rnn(weights[3:]), X, [np.zeros((4, 3))], None, True)
    close(found, np.concatenate([y[:, -1], z[:, -1]], -1))


def test_first_weights() -> None:
    first = layers.Bidirectional(layers.GRU(2))
    first(X)
    second = layers.Bidirectional(layers.GRU(2), weights=first.get_weights())
    assert np.array_equal(second(X), first(X))


def test_masks_travel() -> None:
    ids = graphnn.Input((4,), dtype="int32")
    inner, last = layers.Bidirectional(layers.LSTM(2, return_sequences=True)), layers.Bidirectional(layers.LSTM(2))
    model = graphnn.Model(ids, last(inner(layers.Embedding(5, 3, mask_zero=True)(ids))))
    numbers = np.array([[1, 2, 0, 0], [0, 0, 0, 0], [3, 0, 4, 0]])
    zeros = [np.zeros((3, 2))] * 4
    y, z, _ = both(inner.get_weights(), model.layers[1].get_weights()[0][numbers], zeros, numbers != 0, True)
    y, z, _ = both(last.get_weights(), np.concatenate([y, z], -1), zeros, numbers != 0, False)
    close(model.predict(numbers, verbose=0), np.concatenate([y, z], -1))
    mask = object()
    assert layers.Bidirectional(layers.GRU(2)).compute_mask(X, mask) is None
    assert inner.compute_mask(X, mask) is mask
    assert layers.Bidirectional(layers.GRU(2, return_sequences=True), None).compute_mask(X, mask) == (mask, mask)


def test_stateful() -> None:
    layer = layers.Bidirectional(layers.LSTM(2, stateful=True))
    states = [np.zeros((4, 2))] * 4
    for _ in range(3):
        found = layer(X)
        y, z, states = both(layer.get_weights(), X, states, None, False)
        close(found, np.concatenate([y, z], -1))
    assert layer.stateful and len(layer.states) == 4
    layer.reset_states()
    assert not any(s.numpy().any() for s in layer.states)
    assert layers.Bidirectional(layers.GRU(2)).states is None


def test_noise() -> None:
    layer = layers.Bidirectional(layers.GRU(2, dropout=0.4, recurrent_dropout=0.2))
    assert np.abs(np.asarray(layer(X, training=True)) - layer(X)).max() > 1e-3


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"`layer` must be a layer.*'x'"):
        layers.Bidirectional("x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"must be a recurrent layer.*Dense.*go_backwards"):
        layers.Bidirectional(layers.Dense(3))
    with pytest.raises(ValueError, match="`backward_layer` must be a layer"):
        layers.Bidirectional(layers.GRU(2), backward_layer=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"merge mode.*foo"):
        layers.Bidirectional(layers.GRU(2), "foo")
    with pytest.raises(ValueError, match="different values of `go_backwards`"):
        layers.Bidirectional(layers.GRU(2), backward_layer=layers.GRU(2))
    with pytest.raises(ValueError, match="different values of `go_backwards`"):
        layers.Bidirectional(layers.GRU(2, go_backwards=True))
    for name in ("return_sequences", "return_state", "stateful"):
        with pytest.raises(ValueError, match=f"the same `{name}`"):
            layers.Bidirectional(layers.GRU(2), backward_layer=layers.GRU(2, go_backwards=True, **{name: True}))
    zeros = np.zeros((4, 2), "float32")
    with pytest.raises(ValueError, match=r"'mine'.*`initial_state`.*3 tensors"):
        layers.Bidirectional(layers.GRU(2), name="mine")(X, initial_state=[zeros] * 3)
    with pytest.raises(ValueError, match=r"'mine'.*`initial_state`"):
        layers.Bidirectional(layers.LSTM(2), name="mine")(X, initial_state=zeros)
    with pytest.raises(ValueError, match="`initial_state` must have 1 tensors"):
        layers.Bidirectional(layers.GRU(2))(X, initial_state=[zeros] * 4)
