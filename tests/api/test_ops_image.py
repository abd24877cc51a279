"""Ops on images: numbers against NumPy, both data formats, one image and many, integers, gradients, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import ops
from graphnn.testing import check_gradients

R = np.random.RandomState(0)
X = R.rand(2, 5, 6, 3).astype("float32")
im = ops.image


def first(a: Any) -> Any:
    return np.ascontiguousarray(np.moveaxis(a, -1, -3))


CALLS: dict[str, Any] = {
    "resize": lambda x, **k: im.resize(x, (7, 4), "bicubic", True, **k),
    "resize_crop": lambda x, **k: im.resize(x, (4, 4), crop_to_aspect_ratio=True, **k),
    "resize_pad": lambda x, **k: im.resize(x, (9, 4), pad_to_aspect_ratio=True, fill_value=2.0, **k),
    "nearest": lambda x, **k: im.resize(x, (3, 9), "nearest", **k),
    "patches": lambda x, **k: im.extract_patches(x, 2, 1, padding="same", **k),
    "pad": lambda x, **k: im.pad_images(x, 1, 2, target_height=8, right_padding=1, **k),
    "crop": lambda x, **k: im.crop_images(x, 1, 2, target_height=3, right_cropping=1, **k),
    "grey": im.rgb_to_grayscale,
    "hsv": im.rgb_to_hsv,
    "rgb": im.hsv_to_rgb,
    "blur": lambda x, **k: im.gaussian_blur(x, (3, 5), (0.7, 1.2), **k),
    "affine": lambda x, **k: im.affine_transform(x, [[1.1, 0.1, 0.3, -0.1, 0.9, 0.7, 0.01, 0.02]] * (x.shape[0] if x.ndim == 4 else 1), **k),
    "elastic": lambda x, **k: im.elastic_transform(x, 3.0, 1.0, seed=3, **k),
}


@pytest.mark.parametrize("name", CALLS)
def test_data_formats_and_single_images(name: str) -> None:
    want = np.asarray(CALLS[name](X, data_format="channels_last"))
    assert np.allclose(CALLS[name](first(X), data_format="channels_first"), first(want), atol=1e-6)
    if name != "elastic":  # whose noise is another for a batch
        assert np.allclose(CALLS[name](X[0], data_format="channels_last"), want[0], atol=1e-6)


@pytest.mark.parametrize("name", CALLS)
def test_gradients_and_symbolic_images(name: str) -> None:
    start = graphnn.Input((5, 6, 3), batch_size=2, dtype="float64")
    model = graphnn.Model(start, CALLS[name](start, data_format="channels_last"))
    x = X.astype("float64") * 0.8 + 0.1
    assert np.allclose(model(x), CALLS[name](x, data_format="channels_last"), atol=1e-12)
    if name not in ("hsv", "rgb"):  # which have kinks everywhere
        check_gradients(model, x)


def test_images_of_any_size() -> None:
    x = graphnn.Input((None, None, 2))
    outputs = [im.resize(x, (4, 3), i) for i in ("bilinear", "nearest")]
    model = graphnn.Model(x, [*outputs, im.extract_patches(x, 2, padding="same"), im.gaussian_blur(x)])
    for rows, columns in ((5, 6), (3, 3), (8, 2)):
        a = R.rand(2, rows, columns, 2).astype("float32")
        found = model(a)
        for y, want in zip(found, (im.resize(a, (4, 3)), im.resize(a, (4, 3), "nearest"), im.extract_patches(a, 2, padding="same")), strict=False):
            assert np.allclose(y, want, atol=1e-6)


def test_resizing_by_hand() -> None:
    ramp = np.arange(4, dtype="float32").reshape(1, 1, 4, 1)
    assert im.resize(ramp, (1, 2)).ravel().tolist() == [0.5, 2.5]
    assert im.resize(ramp, (1, 8), "nearest").ravel().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert np.allclose(im.resize(ramp, (1, 2), antialias=True).ravel(), [5 / 7, 16 / 7])
    for method in ("bicubic", "lanczos3", "lanczos5"):  # constants stay
        assert np.allclose(im.resize(np.ones((1, 4, 5, 1), "float32"), (9, 3), method, True), 1, atol=1e-6)
    big = np.array([[[[200], [100]]]], "uint8")
    assert (y := im.resize(big, (1, 4), "bicubic")).dtype == "uint8" and y.ravel().tolist() == [209, 179, 121, 91]
    assert im.resize(big, (1, 4), "nearest").ravel().tolist() == [200, 200, 100, 100]


def test_patches_by_hand() -> None:
    windows = np.lib.stride_tricks.sliding_window_view(X, (2, 3), (1, 2))[:, ::2, ::1]  # (n, y, x, c, i, j)
    want = windows.transpose(0, 1, 2, 4, 5, 3).reshape(2, 2, 4, 18)
    assert np.array_equal(im.extract_patches(X, (2, 3), (2, 1)), want)
    volumes = R.rand(1, 4, 4, 4, 2).astype("float32")
    assert np.array_equal(im.extract_patches_3d(volumes, 2)[0, 1, 0, 1], volumes[0, 2:4, 0:2, 2:4].ravel())
    assert np.array_equal(im.extract_patches(volumes, (2, 2, 2)), im.extract_patches_3d(volumes, 2))


def test_borders_by_hand() -> None:
    assert np.array_equal(im.pad_images(X, 1, 2, 0, 3), np.pad(X, ((0, 0), (1, 0), (2, 3), (0, 0))))
    assert np.array_equal(im.crop_images(X, 1, 2, 0, 3), X[:, 1:, 2:3])


def test_colours() -> None:
    import colorsys

    hsv = np.asarray(im.rgb_to_hsv(X)).reshape(-1, 3)
    want = np.array([colorsys.rgb_to_hsv(*map(float, p)) for p in X.reshape(-1, 3)])
    assert np.allclose(hsv, want, atol=1e-6)
    assert np.allclose(im.hsv_to_rgb(im.rgb_to_hsv(X)), X, atol=1e-6)
    grey = np.full((1, 1, 1, 3), 0.5, "float32")
    assert im.rgb_to_hsv(grey).ravel().tolist() == [0, 0, 0.5] and im.rgb_to_hsv(grey * 0).ravel().tolist() == [0, 0, 0]
    assert im.rgb_to_grayscale(np.full((1, 1, 3), 100, "uint8")).dtype == "uint8"


@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
def test_places_outside(mode: str) -> None:
    x = np.array([1, 2, 3], "float32")
    index = {
        "constant": [-1] * 3 + [0, 1, 2] + [-1] * 3,
        "nearest": [0, 0, 0, 0, 1, 2, 2, 2, 2],
        "wrap": [0, 1, 2, 0, 1, 2, 0, 1, 2],
        "mirror": [1, 2, 1, 0, 1, 2, 1, 0, 1],
        "reflect": [2, 1, 0, 0, 1, 2, 2, 1, 0],
    }[mode]
    want = np.array([9.0 if i < 0 else x[i] for i in index])
    where = np.arange(-3.0, 6.0, dtype="float32")[None]
    for order in (0, 1):
        assert np.array_equal(im.map_coordinates(x, where, order, mode, 9.0), want)
    half = im.map_coordinates(x, where[:, :-1] + np.float32(0.5), 1, mode, 9.0)
    assert np.allclose(half, (want[1:] + want[:-1]) / 2)
    assert im.map_coordinates(np.array([1, 2], "int32"), [[0.5]], 1).dtype == "int32"


def test_gradient_of_places() -> None:
    table = R.rand(4, 5)
    places = R.uniform(0.2, 2.8, (2, 6))

    def total(x: Any, where: Any) -> Any:
        return ops.sum(ops.square(im.map_coordinates(x, where, 1, "reflect")))

    for i, a in enumerate((table, places)):
        found = np.asarray(graphnn.grad(total, argnums=i)(table, places))
        step = np.zeros_like(a)
        at = (1, 2)
        step[at] = 1e-6
        args = [[table, places], [table, places]]
        args[0][i], args[1][i] = a + step, a - step
        slope = (float(total(*args[0])) - float(total(*args[1]))) / 2e-6
        assert abs(slope - found[at]) < 1e-6 * (1 + abs(slope))


def test_transforms_by_hand() -> None:
    corners = np.array([[0, 0], [0, 4], [5, 0], [5, 4]], "float32")
    assert np.allclose(im.perspective_transform(X, [corners] * 2, [corners] * 2), X, atol=1e-5)
    turned = corners[[1, 0, 3, 2]]
    assert np.allclose(im.perspective_transform(X, [corners] * 2, [turned] * 2), X[:, ::-1], atol=1e-5)
    right = im.affine_transform(X, [[1, 0, -2, 0, 1, 0, 0, 0]] * 2, fill_value=7.0)
    assert np.array_equal(right[:, :, 2:], X[:, :, :4]) and (np.asarray(right)[:, :, :2] == 7).all()


def test_filters() -> None:
    spike = np.zeros((1, 5, 5, 1), "float32")
    spike[0, 2, 2] = 1
    y = np.asarray(im.gaussian_blur(spike, (3, 3), (0.5, 2.0)))[0, 1:4, 1:4, 0]
    down, across = (np.exp(-0.5 * (np.arange(-1, 2) / s) ** 2) for s in (0.5, 2.0))
    assert np.allclose(y, np.outer(down / down.sum(), across / across.sum()), atol=1e-6)
    edges = np.asarray(im.sobel_edges(np.broadcast_to(np.arange(5, dtype="float32").reshape(1, 5, 1, 1), (1, 5, 5, 1))))
    assert edges.shape == (1, 5, 5, 1, 2)
    assert (edges[0, 1:-1, 1:-1, 0, 0] == 8).all() and (edges[0, 1:-1, 1:-1, 0, 1] == 0).all()
    a = R.rand(2, 12, 13, 3).astype("float32")
    assert np.allclose(im.ssim(a, a), 1) and (np.asarray(im.ssim(a, 1 - a)) < 0.5).all()


def test_the_elastic_transform_follows_its_seed() -> None:
    a, b, c = (np.asarray(im.elastic_transform(X, 5.0, 1.0, seed=s)) for s in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_scale_and_translate() -> None:
    x = np.arange(4, dtype="float32")
    assert np.allclose(im.scale_and_translate(x, (8,), [2.0], [0.0], (0,), "cubic"), im.resize(x[None, :, None], (1, 8), "bicubic").ravel())
    assert im.scale_and_translate(x, (4,), [1.0], [1.0], (0,), "linear").tolist() == [0, 0, 1, 2]
    for method in ("linear", "cubic", "lanczos3", "lanczos5"):
        wide = im.scale_and_translate(x, (3,), [0.75], [0.0], (0,), method)
        name = {"linear": "bilinear", "cubic": "bicubic"}.get(method, method)
        assert np.allclose(wide, im.resize(x[None, :, None], (1, 3), name, True).ravel(), atol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: im.resize(X, (0, 2)), ValueError, "size"),
        (lambda: im.resize(X, 5), ValueError, "size"),
        (lambda: im.resize(X, (2, 2), "area"), ValueError, "interpolation"),
        (lambda: im.resize(X, (2, 2), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ValueError, "Only one"),
        (lambda: im.resize(X, (2, 2), pad_to_aspect_ratio=True, fill_mode="wrap"), ValueError, "fill_mode"),
        (lambda: im.resize(X[0, 0], (2, 2)), ValueError, "rank"),
        (lambda: im.resize(X, (2, 2), data_format="x"), ValueError, "data_format"),
        (lambda: im.extract_patches(X, "a"), TypeError, "size"),
        (lambda: im.extract_patches(X, 9), ValueError, "do not fit"),
        (lambda: im.extract_patches(X, 2, padding="full"), ValueError, "full"),
        (lambda: im.pad_images(X, 1), ValueError, "exactly two"),
        (lambda: im.pad_images(X, -1, 0, 0, 0), ValueError, "top_padding"),
        (lambda: im.crop_images(X, target_height=9, top_cropping=0, left_cropping=0, right_cropping=0), ValueError, "bottom_cropping"),
        (lambda: im.crop_images(X, 3, 0, 2, 0), ValueError, "nothing is left"),
        (lambda: im.rgb_to_hsv(X[..., :2]), ValueError, "channel"),
        (lambda: im.rgb_to_hsv(np.zeros((1, 1, 3), "uint8")), ValueError, "float"),
        (lambda: im.map_coordinates(X, [[0.0]], 1), ValueError, "coordinates"),
        (lambda: im.map_coordinates([1.0], [[0.0]], 2), ValueError, "order"),
        (lambda: im.map_coordinates([1.0], [[0.0]], 1, "x"), ValueError, "fill_mode"),
        (lambda: im.affine_transform(X, np.ones((2, 6))), ValueError, "transform"),
        (lambda: im.affine_transform(X, np.ones((3, 8))), ValueError, "transform"),
        (lambda: im.affine_transform(X, np.ones((2, 8)), "bicubic"), ValueError, "interpolation"),
        (lambda: im.perspective_transform(X, np.ones((2, 3, 2)), np.ones((2, 4, 2))), ValueError, "start_points"),
        (lambda: im.gaussian_blur(X, 0), ValueError, "kernel_size"),
        (lambda: im.gaussian_blur(X, 3, 0.0), ValueError, "sigma"),
        (lambda: im.ssim(X, X), ValueError, "smaller than the window"),
        (lambda: im.scale_and_translate(X, (1, 2), [1.0], [1.0], (0,), "linear"), ValueError, "output_shape"),
        (lambda: im.scale_and_translate([1.0], (2,), [1.0], [1.0], (0,), "nearest"), ValueError, "method"),
    ],
)
def test_bad_input(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
