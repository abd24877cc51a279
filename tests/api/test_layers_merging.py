"""Merging layers, their function forms, and Dot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.testing import check_layer

R = np.random.RandomState(0)
A, B, C = (R.uniform(0.5, 2.0, (2, 3, 4)).astype("float32") for _ in range(3))
FORMS: list[tuple[Any, Any, Any]] = [
    (layers.Add, layers.add, lambda *x: sum(x)),
    (layers.Subtract, layers.subtract, lambda a, b: a - b),
    (layers.Multiply, layers.multiply, lambda *x: np.prod(np.broadcast_arrays(*x), axis=0)),
    (layers.Average, layers.average, lambda *x: sum(x) / len(x)),
    (layers.Maximum, layers.maximum, lambda *x: np.max(np.broadcast_arrays(*x), axis=0)),
    (layers.Minimum, layers.minimum, lambda *x: np.min(np.broadcast_arrays(*x), axis=0)),
]


@pytest.mark.parametrize(("cls", "function", "numpy"), FORMS)
def test_elementwise(cls: Any, function: Any, numpy: Any) -> None:
    check_layer(cls, {}, [(2, 3, 4), (2, 3, 4)], expected_output_shape=(2, 3, 4), expected_weights=[])
    tensors = [A, B] if cls is layers.Subtract else [A, B, C]
    assert np.allclose(cls()(tensors), numpy(*tensors), atol=1e-6)
    assert np.allclose(function(tensors), numpy(*tensors), atol=1e-6)
    symbols = [graphnn.Input((3, 4)) for _ in tensors]
    model = graphnn.Model(symbols, function(symbols, name="joined"))
    assert np.allclose(model(tensors), numpy(*tensors), atol=1e-6) and model.layers[-1].name == "joined"


@pytest.mark.parametrize(("cls", "_function", "numpy"), FORMS)
@pytest.mark.parametrize(
    ("shapes", "spread", "output"),
    [
        ([(2, 4), (2, 3, 4)], [(2, 1, 4), (2, 3, 4)], (2, 3, 4)),
        ([(2, 1, 4), (2, 3, 1)], [(2, 1, 4), (2, 3, 1)], (2, 3, 4)),
        ([(2, 3, 4), (2, 1)], [(2, 3, 4), (2, 1, 1)], (2, 3, 4)),
    ],
)
def test_broadcasting(cls: Any, _function: Any, numpy: Any, shapes: Any, spread: Any, output: Any) -> None:
    check_layer(cls, {}, shapes, expected_output_shape=output)
    tensors = [R.rand(*s).astype("float32") for s in shapes]
    assert np.allclose(cls()(tensors), numpy(*[t.reshape(s) for t, s in zip(tensors, spread, strict=True)]), atol=1e-6)


def test_masks() -> None:
    table = np.arange(20, dtype="float32").reshape(5, 4) + 1
    words = layers.Embedding(5, 4, mask_zero=True, weights=table)
    ids = np.array([[1, 2, 0], [3, 0, 0]])
    x, y = table[ids], table[ids[::-1]]
    here, there = (ids != 0)[..., None], (ids[::-1] != 0)[..., None]
    u, v = words(ids), words(ids[::-1].copy())

    def joined(cls: Any, neutral: float, join: Any) -> Any:
        return join(np.where(here, x, neutral), np.where(there, y, neutral))

    either = here | there
    for cls, neutral, join in ((layers.Maximum, -np.inf, np.maximum), (layers.Minimum, np.inf, np.minimum)):
        assert np.array_equal(np.where(either, cls()([u, v]), 0), np.where(either, joined(cls, neutral, join), 0))
    product = np.where(either, joined(layers.Multiply, 1.0, np.multiply), 0)
    assert np.array_equal(layers.Multiply()([u, v]), product)
    assert np.array_equal(layers.Add()([u, v]), x + y)
    assert np.array_equal(layers.Add()([u, v])._keras_mask, either[..., 0])
    assert getattr(layers.Add()([u, y]), "_keras_mask", None) is None
    assert np.array_equal(layers.Concatenate(axis=1)([u, v])._keras_mask, np.concatenate([here, there], 1)[..., 0])


@pytest.mark.parametrize("axis", [1, 2, -1, -2])
def test_concatenate(axis: int) -> None:
    shapes = [[2, 3, 4], [2, 3, 4]]
    shapes[1][axis] = 5
    check_layer(layers.Concatenate, {"axis": axis}, [tuple(s) for s in shapes])
    tensors = [R.rand(*s).astype("float32") for s in shapes]
    assert np.array_equal(layers.Concatenate(axis)(tensors), np.concatenate(tensors, axis))
    assert np.array_equal(layers.concatenate(tensors, axis=axis), np.concatenate(tensors, axis))


def test_concatenate_along_the_batch() -> None:
    assert layers.Concatenate(0)([A, B]).shape == (4, 3, 4)


@pytest.mark.parametrize(
    ("axes", "shapes", "equation"),
    [
        (1, [(2, 3), (2, 3)], "bi,bi->b"),
        (-1, [(2, 3, 4), (2, 5, 4)], "bik,bjk->bij"),
        (1, [(2, 3, 4), (2, 3, 5)], "bki,bkj->bij"),
        ([2, 1], [(2, 3, 4), (2, 4, 5)], "bik,bkj->bij"),
        ([1, 2], [(2, 3), (2, 5, 3)], "bk,bjk->bj"),
        ([-2, -1], [(1, 3, 2), (1, 1, 2, 3)], "bki,bjlk->bijl"),
        ([3, 1], [(2, 3, 5, 4), (2, 4, 6)], "bilk,bkj->bilj"),
    ],
)
@pytest.mark.parametrize("normalize", [False, True])
def test_dot(axes: Any, shapes: Any, equation: str, normalize: bool) -> None:
    check_layer(layers.Dot, {"axes": axes, "normalize": normalize}, shapes, training=False)
    x, y = (R.standard_normal(s).astype("float32") for s in shapes)
    ax, ay = axes if isinstance(axes, list) else (axes, axes)
    u, v = (t / np.linalg.norm(t, axis=a, keepdims=True) if normalize else t for t, a in ((x, ax), (y, ay)))
    want = np.einsum(equation, u, v)
    want = want[:, None] if want.ndim == 1 else want
    assert np.allclose(layers.Dot(axes, normalize=normalize)([x, y]), want, atol=1e-5)
    assert np.allclose(layers.dot([x, y], axes, normalize=normalize), want, atol=1e-5)


def test_errors() -> None:
    for cls in (layers.Add, layers.Concatenate):
        with pytest.raises(ValueError, match=f"{cls.__name__}.*list"):
            cls()(graphnn.Input((4,)))
        with pytest.raises(ValueError, match="list"):
            cls()(A)
    with pytest.raises(ValueError, match=r"Add 'a'.*broadcast.*\(None, 3\), \(None, 4\)"):
        layers.Add(name="a")([graphnn.Input((3,)), graphnn.Input((4,))])
    with pytest.raises(ValueError, match="batch sizes"):
        layers.Add()([A, A[:1]])
    with pytest.raises(ValueError, match="exactly 2"):
        layers.Subtract()([A, B, C])
    for other in (graphnn.Input((5, 4)), graphnn.Input((3,)), graphnn.Input((3, 4, 1))):
        with pytest.raises(ValueError, match=r"Concatenate.*match"):
            layers.Concatenate()([graphnn.Input((3, 4)), other])
    with pytest.raises(ValueError, match="axis 7"):
        layers.Concatenate(7)([A, B])
    with pytest.raises(ValueError, match=r"Dot.*extent 4.*3"):
        layers.Dot((2, 1))([A, B])
    with pytest.raises(ValueError, match="other than 0"):
        layers.Dot(0)([A, B])
    with pytest.raises(ValueError, match="exactly 2"):
        layers.Dot(1)([A, B, C])
    with pytest.raises(TypeError, match="axes"):
        layers.Dot("a")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="axes"):
        layers.Dot((1, 2, 3))
