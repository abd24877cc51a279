"""ZeroPadding1D-3D, Cropping1D-3D, UpSampling1D-3D."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.testing import check_layer

R = np.random.RandomState(0)


@pytest.mark.parametrize(
    ("name", "argument", "shape", "widths"),
    [
        ("ZeroPadding1D", {}, (2, 4, 3), [(1, 1)]),
        ("ZeroPadding1D", {"padding": (0, 2), "data_format": "channels_first"}, (2, 3, 4), [(0, 2)]),
        ("ZeroPadding2D", {"padding": 2}, (2, 4, 3, 2), [(2, 2), (2, 2)]),
        ("ZeroPadding2D", {"padding": (0, 3)}, (2, 4, 3, 2), [(0, 0), (3, 3)]),
        ("ZeroPadding2D", {"padding": ((1, 2), 0), "data_format": "channels_first"}, (2, 2, 4, 3), [(1, 2), (0, 0)]),
        ("ZeroPadding3D", {"padding": (1, 0, (0, 2))}, (2, 2, 3, 2, 2), [(1, 1), (0, 0), (0, 2)]),
    ],
)
def test_zero_padding(name: str, argument: dict[str, Any], shape: Any, widths: Any) -> None:
    layer = check_layer(getattr(layers, name), argument, shape, expected_weights=[])
    x = R.standard_normal(shape).astype("float32")
    channels_first = argument.get("data_format") == "channels_first"
    around = [(0, 0), (0, 0), *widths] if channels_first else [(0, 0), *widths, (0, 0)]
    assert np.array_equal(layer(x), np.pad(x, around))


@pytest.mark.parametrize(
    ("name", "argument", "shape", "widths"),
    [
        ("Cropping1D", {}, (2, 4, 3), [(1, 1)]),
        ("Cropping1D", {"cropping": (0, 3)}, (2, 4, 3), [(0, 3)]),
        ("Cropping2D", {}, (2, 4, 3, 2), [(0, 0), (0, 0)]),
        ("Cropping2D", {"cropping": (1, 0), "data_format": "channels_first"}, (2, 2, 4, 3), [(1, 1), (0, 0)]),
        ("Cropping2D", {"cropping": ((0, 1), (2, 0))}, (2, 4, 3, 2), [(0, 1), (2, 0)]),
        ("Cropping3D", {}, (2, 3, 4, 3, 2), [(1, 1)] * 3),
    ],
)
def test_cropping(name: str, argument: dict[str, Any], shape: Any, widths: Any) -> None:
    layer = check_layer(getattr(layers, name), argument, shape, expected_weights=[])
    x = R.standard_normal(shape).astype("float32")
    front = 2 if argument.get("data_format") == "channels_first" else 1
    cut = tuple(slice(a, n - b) for (a, b), n in zip(widths, x.shape[front:], strict=False))
    assert np.array_equal(layer(x), x[(slice(None),) * front + cut])


@pytest.mark.parametrize(
    ("name", "argument", "shape", "times"),
    [
        ("UpSampling1D", {"size": 3}, (2, 4, 3), [3]),
        ("UpSampling2D", {}, (2, 4, 3, 2), [2, 2]),
        ("UpSampling2D", {"size": (1, 3), "data_format": "channels_first"}, (2, 2, 4, 3), [1, 3]),
        ("UpSampling3D", {"size": (2, 1, 3)}, (2, 2, 3, 2, 2), [2, 1, 3]),
        ("UpSampling3D", {"data_format": "channels_first"}, (1, 2, 2, 3, 2), [2, 2, 2]),
    ],
)
def test_up_sampling(name: str, argument: dict[str, Any], shape: Any, times: Any) -> None:
    layer = check_layer(getattr(layers, name), argument, shape, expected_weights=[])
    x = R.standard_normal(shape).astype("float32")
    want = x
    for axis, n in enumerate(times, 2 if argument.get("data_format") == "channels_first" else 1):
        want = np.repeat(want, n, axis)
    assert np.array_equal(layer(x), want)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_up_sampling_by_weights(interpolation: str, data_format: str) -> None:
    shape = (2, 4, 3, 2) if data_format == "channels_last" else (2, 2, 4, 3)
    argument = {"size": (2, 3), "interpolation": interpolation, "data_format": data_format}
    layer = check_layer(layers.UpSampling2D, argument, shape, expected_weights=[])
    x = R.standard_normal(shape).astype("float32")
    size = (8, 9)
    want = graphnn.ops.image.resize(x, size, interpolation=interpolation, data_format=data_format)
    assert np.array_equal(layer(x), want)
    assert np.allclose(layer(np.ones(shape, "float32")), 1, atol=1e-6), "weights have sum 1"


def test_up_sampling_of_unknown_extents() -> None:
    x = graphnn.Input((None, 3, 2))
    model = graphnn.Model(x, layers.UpSampling2D(2, interpolation="bilinear")(x))
    assert model.output_shape == (None, None, 6, 2)
    for rows in (2, 5):
        assert model.predict(np.ones((1, rows, 3, 2), "float32"), verbose=0).shape == (1, 2 * rows, 6, 2)


def test_unknown_extents() -> None:
    x = graphnn.Input((None, None, 2))
    y = layers.UpSampling2D(2)(layers.Cropping2D(1)(layers.ZeroPadding2D((2, 1))(x)))
    assert y.shape == (None, None, None, 2)
    model = graphnn.Model(x, y)
    for shape in ((1, 3, 4, 2), (2, 2, 5, 2)):
        data = R.standard_normal(shape).astype("float32")
        want = np.pad(data, [(0, 0), (1, 1), (0, 0), (0, 0)]).repeat(2, 1).repeat(2, 2)
        assert np.array_equal(model.predict(data, verbose=0), want)


BAD: list[tuple[type[Exception], Any, str]] = [
    (ValueError, lambda: layers.ZeroPadding2D(-1), "padding=-1"),
    (ValueError, lambda: layers.ZeroPadding2D(((1, -1), (0, 0))), "padding"),
    (ValueError, lambda: layers.ZeroPadding2D((1, 2, 3)), "padding"),  # type: ignore[arg-type]
    (ValueError, lambda: layers.ZeroPadding2D("a"), "padding"),  # type: ignore[arg-type]
    (ValueError, lambda: layers.ZeroPadding2D(1.5), "padding"),  # type: ignore[arg-type]
    (ValueError, lambda: layers.ZeroPadding1D((1, 2, 3)), "padding"),
    (ValueError, lambda: layers.ZeroPadding1D(1, data_format="x"), "data_format"),
    (ValueError, lambda: layers.ZeroPadding2D(1)(graphnn.Input((4, 4))), "ndim=4"),
    (ValueError, lambda: layers.Cropping2D(-1), "cropping=-1"),
    (ValueError, lambda: layers.Cropping1D((1, 2, 3)), "cropping"),
    (ValueError, lambda: layers.Cropping1D(2, name="cut")(graphnn.Input((4, 1))), "'cut'.*leave"),
    (ValueError, lambda: layers.Cropping2D(3)(np.ones((1, 4, 7, 1), "float32")), "leave"),
    (ValueError, lambda: layers.Cropping3D(1)(graphnn.Input((2, 4, 4, 1))), "leave"),
    (TypeError, lambda: layers.UpSampling1D(1.5), "size=1.5"),  # type: ignore[arg-type]
    (ValueError, lambda: layers.UpSampling1D(0), "size=0"),
    (ValueError, lambda: layers.UpSampling2D((1, 2, 3)), "size"),
    (ValueError, lambda: layers.UpSampling2D(2, interpolation="cubic"), "interpolation='cubic'"),
    (ValueError, lambda: layers.UpSampling3D((2, 0, 2)), "size"),
]


@pytest.mark.parametrize(("error", "make", "words"), BAD)
def test_bad_input_is_named(error: type[Exception], make: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        make()
