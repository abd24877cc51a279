"""Activation and the activation layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphnn import activations, layers
from graphnn.testing import check_layer

X = np.array([[-2.0, -0.5, 0.0, 0.4, 1.5, 7.0]], "float32")


@pytest.mark.parametrize(
    "name",
    "relu relu6 elu selu gelu silu softplus softsign tanh sigmoid hard_sigmoid exponential linear mish leaky_relu softmax "
    "log_softmax log_sigmoid".split(),
)
def test_activation(name: str) -> None:
    layer = check_layer(layers.Activation, {"activation": name}, (3, 4), expected_output_shape=(3, 4))
    assert layer.get_config()["activation"] == name
    assert np.allclose(layer(X), activations.get(name)(X), atol=1e-6)


def test_activation_of_a_function() -> None:
    layer = layers.Activation(lambda x: x * 2)
    assert np.allclose(layer(X), 2 * X)
    with pytest.raises(ValueError, match="nope"):
        layers.Activation("nope")


@pytest.mark.parametrize(
    ("cls", "kwargs", "expected"),
    [
        (layers.ReLU, {}, [0, 0, 0, 0.4, 1.5, 7]),
        (layers.ReLU, {"max_value": 6}, [0, 0, 0, 0.4, 1.5, 6]),
        (layers.ReLU, {"negative_slope": 0.5}, [-1, -0.25, 0, 0.4, 1.5, 7]),
        (layers.ReLU, {"threshold": 1.0, "negative_slope": 0.1}, [-0.3, -0.15, -0.1, -0.06, 1.5, 7]),
        (layers.LeakyReLU, {}, [-0.6, -0.15, 0, 0.4, 1.5, 7]),
        (layers.LeakyReLU, {"negative_slope": 0.1}, [-0.2, -0.05, 0, 0.4, 1.5, 7]),
        (layers.ELU, {"alpha": 2.0}, [2 * np.expm1(-2), 2 * np.expm1(-0.5), 0, 0.4, 1.5, 7]),
    ],
)
def test_rectifiers(cls: Any, kwargs: dict[str, Any], expected: list[float]) -> None:
    check_layer(cls, kwargs, (3, 4), expected_output_shape=(3, 4))
    assert np.allclose(cls(**kwargs)(X)[0], expected, atol=1e-6)


@pytest.mark.parametrize(("shared", "shape"), [(None, (3, 4)), ([1], (1, 4)), (2, (3, 1)), ([1, 2], (1, 1))])
def test_prelu(shared: Any, shape: tuple[int, ...]) -> None:
    layer = check_layer(layers.PReLU, {"shared_axes": shared, "alpha_initializer": "ones"}, (2, 3, 4), expected_weights=["alpha"])
    assert layer.alpha.shape == shape
    layer.set_weights([np.full(shape, 0.25, "float32")])
    x = np.array([[-2.0, 2.0, -4.0, 1.0]] * 3, "float32")[None]
    assert np.allclose(layer(x)[0, 0], [-0.5, 2.0, -1.0, 1.0])


def test_prelu_takes_another_length_along_a_shared_axis() -> None:
    layer = layers.PReLU(shared_axes=[1])
    layer(np.ones((2, 3, 4), "float32"))
    assert layer(np.ones((2, 7, 4), "float32")).shape == (2, 7, 4)
    with pytest.raises(ValueError, match="axis 2"):
        layer(np.ones((2, 3, 5), "float32"))


@pytest.mark.parametrize("axis", [-1, 1, [2], [1, 2]])
def test_softmax(axis: Any) -> None:
    layer = check_layer(layers.Softmax, {"axis": axis}, (2, 3, 4), expected_output_shape=(2, 3, 4))
    axes = tuple(axis) if isinstance(axis, list) else axis
    assert np.allclose(np.sum(layer(np.random.RandomState(0).rand(2, 3, 4).astype("float32")), axis=axes), 1, atol=1e-6)


def test_softmax_mask() -> None:
    layer = layers.Softmax()
    x = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], "float32")
    y = layer(x, mask=np.array([[True, True, False], [False, False, False]]))
    e = np.exp([1.0, 2.0])
    assert np.allclose(y, [[*(e / e.sum()), 0], [0, 0, 0]], atol=1e-6)
    assert np.allclose(layer(x, mask=np.array([0.9, 0.6, 0.4], "float32")), [[*(e / e.sum()), 0]] * 2, atol=1e-6)
    with pytest.raises(ValueError, match=r"Softmax.*, 4\).*, 3\)"):
        layer(x, mask=np.ones((2, 4), bool))


def test_arguments() -> None:
    for cls, kwargs in [
        (layers.ReLU, {"max_value": -1}),
        (layers.ReLU, {"negative_slope": None}),
        (layers.ReLU, {"threshold": -0.1}),
        (layers.LeakyReLU, {"negative_slope": -1}),
    ]:
        with pytest.raises(ValueError, match=next(iter(kwargs))):
            cls(**kwargs)
    with pytest.warns(UserWarning, match="negative_slope"):
        assert layers.LeakyReLU(alpha=0.1).negative_slope == 0.1
