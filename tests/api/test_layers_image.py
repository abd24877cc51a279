"""Layers that resize, crop, normalize and augment images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers, ops
from graphnn.testing import check_config, check_layer

X = (np.random.RandomState(0).rand(8, 6, 7, 2) * 255).astype("float32")

AUGMENTATIONS: list[tuple[Any, dict[str, Any]]] = [
    (layers.RandomFlip, {"mode": "horizontal"}),
    (layers.RandomFlip, {}),
    (layers.RandomRotation, {"factor": 0.2, "fill_mode": "wrap"}),
    (layers.RandomZoom, {"height_factor": (-0.3, 0.2), "width_factor": 0.1, "interpolation": "nearest"}),
    (layers.RandomZoom, {"height_factor": 0.3}),
    (layers.RandomTranslation, {"height_factor": 0.2, "width_factor": (0.1, 0.3), "fill_mode": "constant", "fill_value": 4.0}),
    (layers.RandomContrast, {"factor": (0.3, 0.6)}),
    (layers.RandomBrightness, {"factor": 0.4, "value_range": (0, 200)}),
]


@pytest.mark.parametrize(
    ("cls", "kwargs", "input_shape", "output_shape"),
    [
        (layers.Resizing, {"height": 4, "width": 9}, (2, 5, 6, 3), (2, 4, 9, 3)),
        (layers.Resizing, {"height": 4, "width": 4, "crop_to_aspect_ratio": True, "antialias": True}, (2, 8, 6, 1), (2, 4, 4, 1)),
        (layers.Resizing, {"height": 7, "width": 4, "pad_to_aspect_ratio": True, "data_format": "channels_first"}, (2, 2, 5, 6), (2, 2, 7, 4)),
        (layers.CenterCrop, {"height": 3, "width": 4}, (2, 6, 7, 2), (2, 3, 4, 2)),
        (layers.CenterCrop, {"height": 8, "width": 3, "data_format": "channels_first"}, (2, 2, 6, 7), (2, 2, 8, 3)),
        (layers.Normalization, {}, (4, 3), (4, 3)),
        (layers.Normalization, {"axis": [1, 2], "invert": True}, (2, 3, 4, 2), (2, 3, 4, 2)),
        (layers.Normalization, {"mean": [1.0, 2.0], "variance": [4.0, 9.0]}, (5, 2), (5, 2)),
        (layers.Rescaling, {"scale": [1.0, 2.0], "offset": 3.0}, (5, 2), (5, 2)),
    ],
)
def test_layers(cls: Any, kwargs: dict[str, Any], input_shape: Any, output_shape: Any) -> None:
    check_layer(cls, kwargs, input_shape, expected_output_shape=output_shape)


def test_center_crop_by_hand() -> None:
    assert np.array_equal(layers.CenterCrop(3, 4)(X), X[:, 1:4, 1:5])
    assert np.allclose(layers.CenterCrop(12, 7)(X), ops.image.resize(X[:, :, 2:5], (12, 7)), atol=1e-3)


def test_normalization_of_what_it_has_seen() -> None:
    for axis, over in ((-1, (0, 1, 2)), (1, (0, 2, 3)), ((1, -1), (0, 2)), (None, (0, 1, 2, 3)), (0, (1, 2, 3))):
        layer = layers.Normalization(axis=axis)
        layer.adapt(X)
        want = (X - X.mean(over, keepdims=True)) / X.std(over, keepdims=True)
        assert np.allclose(layer(X), want, atol=1e-4)
        back = layers.Normalization(axis=axis, invert=True)
        back.adapt(X)
        assert np.allclose(back(want.astype("float32")), X, atol=1e-2)
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(X)
    parts.adapt((X[i : i + 3], np.zeros(3)) for i in range(0, 8, 3))
    assert all(np.allclose(a, b) for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True))
    assert [w.name for w in whole.weights] == ["mean", "variance", "count"] and not whole.trainable_weights
    constant = layers.Normalization()
    constant.adapt(np.zeros((3, 1), "float32"))
    assert np.isfinite(constant(np.ones((1, 1), "float32"))).all()
    listed = layers.Normalization(axis=None)
    listed.adapt([1.0, 3.0])
    assert listed(np.array([[3.0]], "float32")).tolist() == [[1.0]]


@pytest.mark.parametrize(("cls", "kwargs"), AUGMENTATIONS)
def test_augmentation(cls: Any, kwargs: dict[str, Any]) -> None:
    check_config(cls, kwargs)
    first, again, other = (np.asarray(cls(**kwargs, seed=s)(X, training=True)) for s in (1, 1, 2))
    assert first.shape == X.shape and np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.array_equal(cls(**kwargs, seed=1)(X, training=False), X)
    turned = cls(**kwargs, seed=1, data_format="channels_first")(X.transpose(0, 3, 1, 2), training=True)
    assert np.allclose(np.asarray(turned).transpose(0, 2, 3, 1), first, atol=1e-3)
    single = cls(**kwargs, seed=1)(X[0], training=True)
    assert np.allclose(single, first[0], atol=1e-3)  # the first draw is that of the first image
    assert cls(**kwargs)(X.astype("uint8"), training=True).dtype == "float32"
    layer = cls(**kwargs, seed=1)
    assert not np.array_equal(layer(X, training=True), layer(X, training=True))  # each call draws anew
    assert [v.name for v in layer.variables] == ["seed_generator_state"] and not layer.weights


def test_augmentation_inside_a_program() -> None:
    def made() -> Any:
        graphnn.utils.set_random_seed(0)
        x = graphnn.Input((6, 7, 2))
        y = x
        for i, (cls, kwargs) in enumerate(AUGMENTATIONS):
            y = cls(**kwargs, seed=i)(y)
        y = layers.GlobalAveragePooling2D()(layers.RandomCrop(4, 4, seed=9)(y))
        model = graphnn.Model(x, layers.Dense(1)(y))
        model.compile("sgd", "mse")
        return model

    histories = [made().fit(X / 255, np.arange(8.0), batch_size=3, epochs=2, verbose=0).history["loss"] for _ in range(2)]
    assert histories[0] == histories[1] and np.isfinite(histories[0]).all()
    model = made()
    assert np.array_equal(model.predict(X, verbose=0), model.predict(X, verbose=0))


def test_random_crop() -> None:
    x = np.arange(80, dtype="float32").reshape(1, 10, 8, 1).repeat(3, 0)
    layer, corners = layers.RandomCrop(6, 5, seed=1), set()
    for _ in range(60):
        y = np.asarray(layer(x, training=True))
        start = int(y[0, 0, 0, 0])
        row, column = divmod(start, 8)
        assert np.array_equal(y, x[:, row : row + 6, column : column + 5])
        corners.add((row, column))
    assert {r for r, _ in corners} == set(range(5)) and {c for _, c in corners} == set(range(4))
    assert np.array_equal(layer(x, training=False), x)
    assert layer(graphnn.Input((10, 8, 1))).shape == (None, 6, 5, 1)
    assert np.allclose(layers.RandomCrop(12, 4)(x, training=True), layers.CenterCrop(12, 4)(x))


def test_draws_stay_in_their_bounds() -> None:
    x = np.zeros((500, 1, 1, 1), "float32")
    b = np.asarray(layers.RandomBrightness((-0.2, 0.5), (-1, 1), seed=1)(x, training=True)).ravel() / 2
    assert -0.2 <= b.min() < -0.18 and 0.48 < b.max() <= 0.5
    flat = np.tile(np.array([-0.5, 0.5], "float32").reshape(1, 1, 2, 1), (500, 1, 1, 1))
    c = np.asarray(layers.RandomContrast((0.3, 0.6), (-1, 1), seed=1)(flat, training=True))[:, 0, 1, 0] * 2
    assert 0.7 <= c.min() < 0.73 and 1.57 < c.max() <= 1.6
    flipped = np.asarray(layers.RandomFlip("horizontal", seed=1)(flat, training=True))[:, 0, 0, 0]
    assert 200 < (flipped > 0).sum() < 300


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: layers.Resizing(0, 2), ValueError, "height"),
        (lambda: layers.Resizing(2, 2, "area"), ValueError, "interpolation"),
        (lambda: layers.CenterCrop(2, 0), ValueError, "width"),
        (lambda: layers.Normalization(mean=1.0), ValueError, "variance"),
        (lambda: layers.Normalization(mean=[[1.0]], variance=[[1.0]]), ValueError, "rank"),
        (lambda: layers.Normalization(axis=5)(X), ValueError, "range"),
        (lambda: layers.Normalization(axis=1)(graphnn.Input((None, 3))), ValueError, "known shape"),
        (lambda: layers.Normalization(mean=1.0, variance=1.0).adapt(X), ValueError, "given"),
        (lambda: layers.Normalization().adapt(X[:0]), ValueError, "no data"),
        (lambda: layers.RandomFlip("diagonal"), ValueError, "mode"),
        (lambda: layers.RandomRotation(1.5), ValueError, "factor"),
        (lambda: layers.RandomRotation("a"), ValueError, "factor"),
        (lambda: layers.RandomRotation(0.1, "mirror"), NotImplementedError, "fill_mode"),
        (lambda: layers.RandomZoom(-1.0), ValueError, "height_factor"),
        (lambda: layers.RandomZoom(0.1, interpolation="bicubic"), NotImplementedError, "interpolation"),
        (lambda: layers.RandomTranslation(0.1, (0.1, 1.1)), ValueError, "width_factor"),
        (lambda: layers.RandomContrast(-0.1), ValueError, "factor"),
        (lambda: layers.RandomBrightness(0.1, 3), ValueError, "value_range"),
        (lambda: layers.RandomCrop(2, 2)(X[0, 0], training=True), ValueError, "rank"),
    ],
)
def test_bad_input(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()
