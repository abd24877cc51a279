"""Pooling over windows, over everything, and to a given size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers, ops
from graphnn.testing import check_layer

X = np.random.RandomState(0).standard_normal((2, 5, 6, 3)).astype("float32")


@pytest.mark.parametrize(
    ("cls", "kwargs", "input_shape", "output_shape"),
    [
        (layers.MaxPooling1D, {}, (2, 7, 3), (2, 3, 3)),
        (layers.MaxPooling1D, {"pool_size": 3, "strides": 1, "padding": "same"}, (2, 7, 3), (2, 7, 3)),
        (layers.MaxPooling2D, {"data_format": "channels_first"}, (2, 3, 5, 4), (2, 3, 2, 2)),
        (layers.MaxPooling2D, {"pool_size": (3, 2), "strides": (2, 3), "padding": "same"}, (2, 5, 7, 2), (2, 3, 3, 2)),
        (layers.MaxPooling3D, {"strides": 1}, (2, 3, 3, 4, 2), (2, 2, 2, 3, 2)),
        (layers.AveragePooling1D, {"pool_size": 2, "strides": 3, "padding": "same"}, (2, 7, 3), (2, 3, 3)),
        (layers.AveragePooling2D, {"pool_size": 3, "strides": 2, "padding": "SAME"}, (2, 5, 4, 2), (2, 3, 2, 2)),
        (layers.AveragePooling3D, {"pool_size": 2, "data_format": "channels_first"}, (2, 2, 4, 3, 2), (2, 2, 2, 1, 1)),
        (layers.GlobalMaxPooling1D, {}, (2, 5, 3), (2, 3)),
        (layers.GlobalMaxPooling2D, {"keepdims": True}, (2, 5, 4, 3), (2, 1, 1, 3)),
        (layers.GlobalMaxPooling3D, {"data_format": "channels_first"}, (2, 3, 2, 3, 2), (2, 3)),
        (layers.GlobalAveragePooling1D, {"data_format": "channels_first", "keepdims": True}, (2, 3, 5), (2, 3, 1)),
        (layers.GlobalAveragePooling2D, {}, (2, 5, 4, 3), (2, 3)),
        (layers.GlobalAveragePooling3D, {"keepdims": True}, (2, 2, 3, 2, 3), (2, 1, 1, 1, 3)),
        (layers.AdaptiveMaxPooling1D, {"output_size": 3}, (2, 7, 2), (2, 3, 2)),
        (layers.AdaptiveMaxPooling2D, {"output_size": (2, 5)}, (2, 4, 3, 2), (2, 2, 5, 2)),
        (layers.AdaptiveMaxPooling3D, {"output_size": 2, "data_format": "channels_first"}, (2, 2, 3, 4, 3), (2, 2, 2, 2, 2)),
        (layers.AdaptiveAveragePooling1D, {"output_size": (4,)}, (2, 7, 2), (2, 4, 2)),
        (layers.AdaptiveAveragePooling2D, {"output_size": 3, "data_format": "channels_first"}, (2, 2, 4, 5), (2, 2, 3, 3)),
        (layers.AdaptiveAveragePooling3D, {"output_size": (1, 2, 3)}, (2, 3, 3, 4, 2), (2, 1, 2, 3, 2)),
    ],
)
def test_layers(cls: Any, kwargs: dict[str, Any], input_shape: Any, output_shape: Any) -> None:
    check_layer(cls, kwargs, input_shape, expected_output_shape=output_shape, expected_weights=[])


def test_numbers() -> None:
    windows = np.lib.stride_tricks.sliding_window_view(X, (2, 3), (1, 2))[:, ::2, ::3]
    assert np.array_equal(ops.max_pool(X, (2, 3)), windows.max((-1, -2)))
    assert np.allclose(ops.average_pool(X, (2, 3)), windows.mean((-1, -2)), atol=1e-6)
    turned = X.transpose(0, 3, 1, 2)
    assert np.array_equal(ops.max_pool(turned, (2, 3), data_format="channels_first"), windows.max((-1, -2)).transpose(0, 3, 1, 2))
    assert np.allclose(layers.GlobalAveragePooling2D()(X), X.mean((1, 2)), atol=1e-6)
    assert np.array_equal(layers.GlobalMaxPooling2D()(X), X.max((1, 2)))
    assert np.array_equal(ops.adaptive_max_pool(X, 1)[:, 0, 0], X.max((1, 2)))


def test_the_average_of_a_window_that_hangs_over_counts_what_is_there() -> None:
    x = np.arange(1, 6, dtype="float32").reshape(1, 5, 1)
    assert ops.average_pool(x, 4, 2, "same").ravel().tolist() == [2.0, 3.5, 4.5]
    assert ops.max_pool(-x, 4, 2, "same").ravel().tolist() == [-1.0, -2.0, -4.0]
    assert ops.average_pool(x, 9, 1, "same").ravel().tolist() == [3.0] * 5


def test_integers_keep_their_dtype() -> None:
    x = np.array([-3, 2, 5, 9], "int32").reshape(1, 4, 1)
    assert (y := ops.max_pool(x, 2)).dtype == "int32" and y.ravel().tolist() == [2, 9]
    assert (y := ops.average_pool(x, 2)).dtype == "int32" and y.ravel().tolist() == [0, 7]
    assert ops.max_pool(x > 4, 2).ravel().tolist() == [False, True]
    assert ops.adaptive_average_pool(x, 2).dtype == "float32"


def test_a_mask_leaves_steps_out_of_the_average() -> None:
    ids = np.array([[1, 2, 0], [2, 0, 0]])
    embedding = layers.Embedding(3, 2, mask_zero=True)
    start = graphnn.Input((3,), dtype="int32")
    for keepdims in (False, True):
        model = graphnn.Model(start, layers.GlobalAveragePooling1D(keepdims=keepdims)(embedding(start)))
        table = embedding.get_weights()[0]
        want = np.stack([(table[1] + table[2]) / 2, table[2]])
        assert np.allclose(model(ids), want[:, None] if keepdims else want, atol=1e-6)


def test_images_of_any_size() -> None:
    x = graphnn.Input((None, None, 2))
    y = layers.MaxPooling2D(3, 2, "same")(layers.AveragePooling2D(2)(x))
    assert y.shape == (None, None, None, 2)
    model = graphnn.Model(x, [y, layers.AdaptiveAveragePooling2D(2)(x)])
    for rows, columns in ((8, 6), (5, 9), (2, 2)):
        a = np.random.RandomState(rows).standard_normal((3, rows, columns, 2)).astype("float32")
        assert np.array_equal(model(a)[0], ops.max_pool(ops.average_pool(a, 2), 3, 2, "same"))
        assert model(a)[1].shape == (3, 2, 2, 2)


def test_other_names() -> None:
    assert layers.MaxPool2D is layers.MaxPooling2D and layers.AvgPool1D is layers.AveragePooling1D
    assert layers.GlobalAvgPool3D is layers.GlobalAveragePooling3D and layers.GlobalMaxPool1D is layers.GlobalMaxPooling1D


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: layers.MaxPooling2D(0), ValueError, "pool_size"),
        (lambda: layers.MaxPooling2D((2, 2, 2)), ValueError, "pool_size"),
        (lambda: layers.MaxPooling2D(2.5), ValueError, "pool_size"),
        (lambda: layers.AveragePooling1D(2, strides=0), ValueError, "strides"),
        (lambda: layers.AveragePooling1D(2, padding="causal"), ValueError, "causal"),
        (lambda: layers.MaxPooling3D(data_format="last"), ValueError, "data_format"),
        (lambda: layers.AdaptiveMaxPooling2D((1, 2, 3)), TypeError, "output_size"),
        (lambda: layers.AdaptiveAveragePooling3D("a"), TypeError, "output_size"),
        (lambda: layers.AdaptiveAveragePooling3D(0), ValueError, "output_size"),
        (lambda: layers.MaxPooling2D(6)(X), ValueError, "zero or negative"),
        (lambda: layers.MaxPooling2D(7)(graphnn.Input((5, 5, 1))), ValueError, "zero or negative"),
        (lambda: layers.MaxPooling2D()(X[0]), ValueError, "expected ndim=4"),
        (lambda: ops.max_pool(X[0, 0], 2), ValueError, "3, 4 or 5 axes"),
        (lambda: ops.average_pool(X > 0, 2), TypeError, "bool"),
    ],
)
def test_bad_input(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()
