"""Activation functions against NumPy, by name, and their configurations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import activations

X = np.concatenate([np.linspace(-9, 9, 37), [0.0, 0.5, -0.5, 1.0, -1.0]]).reshape(6, 7).astype("float64")


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def elu(x: Any, a: float = 1.0) -> Any:
    return np.where(x > 0, x, a * np.expm1(np.minimum(x, 0)))


CASES: list[tuple[str, dict[str, Any], Callable[[Any], Any]]] = [
    ("relu", {}, lambda x: np.maximum(x, 0)),
    ("relu", {"negative_slope": 0.1}, lambda x: np.where(x > 0, x, 0.1 * x)),
    ("relu", {"max_value": 2.0}, lambda x: np.clip(x, 0, 2)),
    ("relu", {"max_value": 6}, lambda x: np.clip(x, 0, 6)),
    ("relu", {"threshold": 1.5}, lambda x: np.where(x > 1.5, x, 0)),
    (
        "relu",
        {"threshold": 1.5, "negative_slope": 0.1, "max_value": 4.0},
        lambda x: np.where(x > 1.5, np.minimum(x, 4), 0.1 * (x - 1.5)),
    ),
    ("leaky_relu", {}, lambda x: np.where(x > 0, x, 0.2 * x)),
    ("relu6", {}, lambda x: np.clip(x, 0, 6)),
    ("softmax", {}, softmax),
    ("log_softmax", {}, lambda x: np.log(softmax(x))),
    ("elu", {"alpha": 0.5}, lambda x: elu(x, 0.5)),
    ("selu", {}, lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772)),
    ("celu", {"alpha": 0.5}, lambda x: np.maximum(x, 0) + 0.5 * np.expm1(np.minimum(x, 0) / 0.5)),
    ("softplus", {}, lambda x: np.logaddexp(x, 0)),
    ("softsign", {}, lambda x: x / (1 + abs(x))),
    ("soft_shrink", {}, lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0)),
    ("hard_shrink", {}, lambda x: np.where(abs(x) > 0.5, x, 0)),
    ("sparse_plus", {}, lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x))),
    ("silu", {}, lambda x: x * sigmoid(x)),
    ("swish", {}, lambda x: x * sigmoid(x)),
    ("squareplus", {"b": 3}, lambda x: (x + np.sqrt(x**2 + 3)) / 2),
    ("gelu", {"approximate": True}, lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    ("tanh", {}, np.tanh),
    ("tanh_shrink", {}, lambda x: x - np.tanh(x)),
    ("hard_tanh", {}, lambda x: np.clip(x, -1, 1)),
    ("threshold", {"threshold": 1.0, "default_value": 7.0}, lambda x: np.where(x > 1, x, 7)),
    ("sigmoid", {}, sigmoid),
    ("hard_sigmoid", {}, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("log_sigmoid", {}, lambda x: -np.logaddexp(-x, 0)),
    ("sparse_sigmoid", {}, lambda x: np.clip((x + 1) / 2, 0, 1)),
    ("hard_silu", {}, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ("hard_swish", {}, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ("exponential", {}, np.exp),
    ("linear", {}, lambda x: x),
    ("mish", {}, lambda x: x * np.tanh(np.logaddexp(x, 0))),
]


@pytest.mark.parametrize(("name", "options", "want"), CASES, ids=[c[0] + "".join(c[1]) for c in CASES])
def test_numbers(name: str, options: Any, want: Callable[[Any], Any]) -> None:
    np.testing.assert_allclose(getattr(activations, name)(X, **options), want(X), rtol=1e-6, atol=1e-9)
    single = getattr(activations, name)(X.astype("float32"), **options)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, want(X), rtol=3e-5, atol=3e-6)


def test_halves_and_projections() -> None:
    np.testing.assert_allclose(activations.glu(X[:, :6]), X[:, :3] * sigmoid(X[:, 3:6]), rtol=1e-6)
    z = np.array([[0.0, 0.1, 3.0], [5.0, 1.0, 2.0]])
    np.testing.assert_array_equal(activations.sparsemax(z), [[0, 0, 1], [1, 0, 0]])


@pytest.mark.parametrize("name", sorted(activations.ALL_OBJECTS_DICT))
def test_names(name: str) -> None:
    found = activations.get(name)
    assert callable(found) and found is getattr(activations, name)
    if found not in (activations.silu, activations.hard_silu):
        assert activations.serialize(found) == name
    assert activations.deserialize(activations.serialize(found)) is found


def test_other_identifiers() -> None:
    def mine(x: Any) -> Any:
        return x

    assert activations.get(None) is activations.linear
    assert activations.get(mine) is mine
    layer = graphnn.layers.LeakyReLU(negative_slope=0.1)
    again = activations.get(activations.serialize(layer))
    assert again.get_config() == layer.get_config()
    for bad in ("nope", 3, {"class_name": "Nope", "config": {}}):
        with pytest.raises(ValueError, match=r"nope|3|Nope"):
            activations.get(bad)
    with graphnn.saving.custom_object_scope({"mine": mine}):
        assert activations.get("mine") is mine


def test_symbolic_tensors_and_models() -> None:
    x = graphnn.Input((7,), dtype="float64")
    model = graphnn.Model(x, activations.mish(activations.relu(x, negative_slope=0.1)))
    inner = np.where(X > 0, X, 0.1 * X)
    np.testing.assert_allclose(model(X), inner * np.tanh(np.logaddexp(inner, 0)), rtol=1e-6)
