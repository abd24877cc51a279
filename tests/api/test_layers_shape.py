"""Flatten, Reshape, Permute, RepeatVector."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.testing import check_layer

X = np.arange(48, dtype="float32").reshape(2, 3, 4, 2)


@pytest.mark.parametrize(
    ("cls", "kwargs", "input_shape", "output_shape"),
    [
        (layers.Flatten, {}, (4, 3, 2), (4, 6)),
        (layers.Flatten, {}, (4,), (4, 1)),
        (layers.Flatten, {"data_format": "channels_first"}, (4, 3, 2, 5), (4, 30)),
        (layers.Reshape, {"target_shape": (2, 3)}, (4, 6), (4, 2, 3)),
        (layers.Reshape, {"target_shape": (-1,)}, (4, 3, 2), (4, 6)),
        (layers.Reshape, {"target_shape": (3, -1, 1)}, (4, 6), (4, 3, 2, 1)),
        (layers.Reshape, {"target_shape": ()}, (4, 1), (4,)),
        (layers.Permute, {"dims": (2, 1)}, (4, 3, 2), (4, 2, 3)),
        (layers.Permute, {"dims": (3, 1, 2)}, (4, 3, 2, 5), (4, 5, 3, 2)),
        (layers.RepeatVector, {"n": 3}, (4, 2), (4, 3, 2)),
    ],
)
def test_layers(cls: Any, kwargs: dict[str, Any], input_shape: Any, output_shape: Any) -> None:
    check_layer(cls, kwargs, input_shape, expected_output_shape=output_shape, expected_weights=[])


def test_numbers() -> None:
    assert np.array_equal(layers.Flatten()(X), X.reshape(2, 24))
    assert np.array_equal(layers.Flatten("channels_first")(X), X.transpose(0, 2, 3, 1).reshape(2, 24))
    assert np.array_equal(layers.Reshape((4, 6))(X), X.reshape(2, 4, 6))
    assert np.array_equal(layers.Permute((3, 1, 2))(X), X.transpose(0, 3, 1, 2))
    assert np.array_equal(layers.RepeatVector(3)(X[:, :, 0, 0]), np.repeat(X[:, None, :, 0, 0], 3, 1))


def test_unknown_extents() -> None:
    x = graphnn.Input((None, 4))
    assert layers.Flatten()(x).shape == (None, None)
    y = layers.Reshape((-1, 2))(x)
    assert y.shape == (None, None, 2)
    model = graphnn.Model(x, [y, layers.Permute((2, 1))(x), layers.Flatten()(x)])
    for n in (1, 3, 5):
        a = np.random.RandomState(n).rand(2, n, 4).astype("float32")
        out = model(a)
        assert np.array_equal(out[0], a.reshape(2, -1, 2)) and np.array_equal(out[1], a.transpose(0, 2, 1))
        assert np.array_equal(out[2], a.reshape(2, -1))


def test_integers_pass_unchanged() -> None:
    x = np.arange(12).reshape(2, 6)
    assert np.array_equal(layers.Reshape((3, 2))(x), x.reshape(2, 3, 2))
    assert layers.Flatten()(x).dtype.kind == "i"


def test_errors() -> None:
    for shape in ((4, 4), (5, -1)):
        with pytest.raises(ValueError, match="total size"):
            layers.Reshape(shape)(X)
        with pytest.raises(ValueError, match="total size"):
            layers.Reshape(shape)(graphnn.Input((3, 4, 2)))
    for shape in ((-1, -1), (-2, 3)):
        with pytest.raises(ValueError, match="target_shape"):
            layers.Reshape(shape)
    with pytest.raises(ValueError, match="dims"):
        layers.Permute((0, 1))
    with pytest.raises(ValueError, match="ndim=3"):
        layers.Permute((2, 1))(X)
    with pytest.raises(TypeError, match=r"n=1.5"):
        layers.RepeatVector(1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive"):
        layers.RepeatVector(0)
    with pytest.raises(ValueError, match="data_format"):
        layers.Flatten("channels")
