"""Conv1D-3D, their transposes, DepthwiseConv1D-2D, SeparableConv1D-2D, and the ops behind them."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from convolution_reference import first, reference, transposed_reference

import graphnn
from graphnn import layers, ops
from graphnn.testing import check_layer

R = np.random.RandomState(0)


def normal(*shape: int) -> Any:
    return R.standard_normal(shape).astype("float32")


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("space", "size", "strides", "dilation", "groups"),
    [
        ((9,), (3,), (1,), (1,), 1),
        ((9,), (2,), (3,), (1,), 2),
        ((10,), (3,), (1,), (3,), 1),
        ((3,), (1,), (4,), (1,), 1),
        ((6, 7), (3, 2), (1, 1), (1, 1), 1),
        ((7, 6), (3, 3), (2, 2), (1, 1), 2),
        ((6, 7), (2, 3), (1, 2), (1, 1), 4),
        ((7, 8), (3, 2), (1, 1), (2, 3), 1),
        ((7, 8), (3, 2), (2, 2), (2, 2), 1),  # the op takes both at once, the layers do not
        ((4, 5, 4), (2, 3, 2), (1, 2, 1), (1, 1, 1), 2),
        ((5, 4, 4), (2, 2, 3), (1, 1, 1), (2, 1, 1), 1),
    ],
)
def test_conv_op(space: Any, size: Any, strides: Any, dilation: Any, groups: int, padding: str) -> None:
    x, w = normal(2, *space, 4), normal(*size, 4 // groups, 8)
    want = reference(x, w, strides, padding, dilation, groups)
    options: Any = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    assert np.allclose(ops.conv(x, w, **options), want, atol=1e-4)
    assert np.allclose(ops.conv(first(x), w, data_format="channels_first", **options), first(want), atol=1e-4)
    assert np.allclose(ops.conv(x.astype("float64"), w.astype("float64"), **options), want, atol=1e-12)


@pytest.mark.parametrize(("padding", "strides"), list(product(["valid", "same"], [1, 2, 3])))
def test_depthwise_and_separable_ops(padding: str, strides: int) -> None:
    x, w, point = normal(2, 7, 6, 3), normal(3, 2, 3, 2), normal(1, 1, 6, 4)
    both: Any = (strides, strides)
    want = reference(x, w.reshape(3, 2, 1, 6), both, padding, (1, 1), 3)
    options: Any = {"strides": strides, "padding": padding}
    assert np.allclose(ops.depthwise_conv(x, w, **options), want, atol=1e-4)
    assert np.allclose(ops.depthwise_conv(first(x), w, data_format="channels_first", **options), first(want), atol=1e-4)
    mixed = want @ point[0, 0]
    assert np.allclose(ops.separable_conv(x, w, point, **options), mixed, atol=1e-4)
    found = ops.separable_conv(first(x), w, point, data_format="channels_first", **options)
    assert np.allclose(found, first(mixed), atol=1e-4)


@pytest.mark.parametrize(
    ("size", "stride", "dilation", "padding", "more", "extent", "low"),
    [  # for an input of 5 places
        (3, 1, 1, "valid", None, 7, 0),
        (3, 2, 1, "valid", None, 11, 0),
        (2, 4, 1, "valid", None, 20, 0),
        (3, 2, 1, "valid", 1, 12, 0),
        (1, 3, 1, "valid", 0, 13, 0),
        (3, 1, 1, "same", None, 5, 1),
        (3, 2, 1, "same", None, 10, 0),
        (4, 2, 1, "same", None, 10, 1),
        (1, 3, 1, "same", None, 15, 0),
        (4, 1, 1, "same", 0, 4, 2),
        (4, 3, 1, "same", 1, 13, 1),
        (3, 3, 1, "same", 2, 15, 0),
        (3, 1, 2, "same", None, 5, 2),
        (2, 1, 3, "same", None, 5, 1),
        (3, 1, 3, "valid", None, 11, 0),
    ],
)
def test_conv_transpose_op(
    size: int, stride: int, dilation: int, padding: str, more: int | None, extent: int, low: int
) -> None:
    options: Any = {"strides": stride, "padding": padding, "output_padding": more, "dilation_rate": dilation}
    x, w = normal(2, 5, 3), normal(size, 4, 3)
    want = transposed_reference(x, w, (stride,), (low,), (extent,), (dilation,))
    assert np.allclose(ops.conv_transpose(x, w, **options), want, atol=1e-4)
    assert np.allclose(ops.conv_transpose(first(x), w, data_format="channels_first", **options), first(want), atol=1e-4)
    x, w = normal(1, 5, 5, 2), normal(size, size, 3, 2)
    want = transposed_reference(x, w, (stride,) * 2, (low,) * 2, (extent,) * 2, (dilation,) * 2)
    assert np.allclose(ops.conv_transpose(x, w, **options), want, atol=1e-4)


def test_causal_convolution_sees_nothing_of_later_steps() -> None:
    layer = layers.Conv1D(3, 3, padding="causal", dilation_rate=2)
    x = normal(1, 9, 2)
    y = np.asarray(layer(x))
    assert np.allclose(y, reference(x, layer.kernel.numpy(), (1,), "causal", (2,)), atol=1e-5)
    later = x.copy()
    later[:, 5:] += 1
    changed = np.asarray(layer(later))
    assert np.array_equal(changed[:, :5], y[:, :5]) and not np.allclose(changed[:, 5:], y[:, 5:])


def test_dtypes_of_the_ops() -> None:
    x, w = R.randint(-5, 5, (2, 6, 3)), R.randint(-5, 5, (2, 3, 4))
    want = reference(x, w, (1,), "valid", (1,))
    found = ops.conv(x.astype("int32"), w.astype("int32"))
    assert found.dtype == np.int32 and np.array_equal(found, want)
    half = ops.conv(x.astype("float16"), w.astype("float16"))
    assert half.dtype == np.float16 and np.allclose(half, want, atol=0.1)
    assert ops.conv(x.astype("float32"), w.astype("float64")).dtype == np.float64


LAYERS: list[tuple[str, dict[str, Any], Any]] = [
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, (3, 7, 2)),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "strides": 2, "groups": 2, "activation": "tanh"}, (3, 7, 2)),
    ("Conv1D", {"filters": 2, "kernel_size": 2, "padding": "causal", "data_format": "channels_first"}, (3, 2, 7)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "same", "kernel_regularizer": "l2"}, (3, 5, 4, 2)),
    ("Conv2D", {"filters": 4, "kernel_size": (3, 2), "strides": (2, 1), "groups": 2, "padding": "same"}, (3, 5, 4, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 2, "dilation_rate": 2, "use_bias": False}, (3, 5, 4, 2)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "data_format": "channels_first"}, (3, 2, 5, 6)),
    ("Conv3D", {"filters": 2, "kernel_size": 2, "padding": "same", "strides": (1, 2, 1)}, (2, 3, 4, 3, 2)),
    ("Conv3D", {"filters": 2, "kernel_size": (1, 2, 2), "data_format": "channels_first"}, (2, 2, 3, 3, 3)),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "output_padding": 1}, (3, 4, 2)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (3, 3, 4, 2)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": (2, 3), "dilation_rate": 2, "activation": "tanh"}, (3, 3, 4, 2)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 2, "strides": (2, 3), "data_format": "channels_first"}, (2, 2, 3, 4)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2}, (2, 2, 2, 3, 2)),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}, (3, 6, 2)),
    ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "padding": "same", "depthwise_constraint": "max_norm"}, (2, 5, 6, 3)),
    ("DepthwiseConv2D", {"kernel_size": 2, "data_format": "channels_first", "use_bias": False}, (2, 3, 4, 5)),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, (3, 6, 2)),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 3, "depth_multiplier": 2, "activation": "tanh"}, (2, 5, 4, 2)),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 2, "strides": 2, "data_format": "channels_first"}, (2, 3, 5, 4)),
]


@pytest.mark.parametrize(("name", "kwargs", "shape"), LAYERS)
def test_layer(name: str, kwargs: dict[str, Any], shape: Any) -> None:
    names = ["depthwise_kernel", "pointwise_kernel"] if name.startswith("Sep") else ["kernel"]
    names += ["bias"] * kwargs.get("use_bias", True)
    check_layer(getattr(layers, name), kwargs, shape, expected_weights=names)


def test_shapes_of_weights() -> None:
    x = normal(2, 7, 6, 4)
    for layer, shapes in (
        (layers.Conv2D(6, (3, 2), groups=2), [(3, 2, 2, 6), (6,)]),
        (layers.Conv2DTranspose(6, (3, 2)), [(3, 2, 6, 4), (6,)]),
        (layers.DepthwiseConv2D((3, 2), depth_multiplier=3), [(3, 2, 4, 3), (12,)]),
        (layers.SeparableConv2D(6, (3, 2), depth_multiplier=3), [(3, 2, 4, 3), (1, 1, 12, 6), (6,)]),
    ):
        layer(x)
        assert [w.shape for w in layer.weights] == shapes


def test_older_names() -> None:
    assert layers.Convolution2D is layers.Conv2D and layers.Convolution3DTranspose is layers.Conv3DTranspose
    assert layers.SeparableConvolution1D is layers.SeparableConv1D


def test_unknown_extents_are_known_when_the_data_comes() -> None:
    x = graphnn.Input((None, None, 2))
    y = layers.Conv2D(3, 3, strides=2, padding="same")(x)
    y = layers.Add()([y, layers.Conv2D(3, 1, strides=2, padding="same")(x)])
    y = layers.Conv2DTranspose(2, 3, strides=2, padding="same")(y)
    assert y.shape == (None, None, None, 2)
    model = graphnn.Model(x, y)
    for rows, columns in ((5, 8), (4, 4), (9, 3)):
        data = normal(2, rows, columns, 2)
        want = model.layers[1](data) + model.layers[2](data)
        assert np.allclose(model.predict(data, verbose=0), model.layers[4](want), atol=1e-5)


def test_symbolic_extents_are_traced_once() -> None:
    x = graphnn.Input((None, 2))
    model = graphnn.Model(x, layers.Conv1D(3, 2, strides=3, padding="same")(x))
    for n in range(1, 12):
        data = normal(1, n, 2)
        want = reference(data, model.layers[1].kernel.numpy(), (3,), "same", (1,))
        assert np.allclose(model.predict(data, verbose=0), want, atol=1e-5), n


def test_low_rank_adaptation() -> None:
    layer = layers.Conv2D(6, 3, groups=2)
    x = normal(2, 5, 5, 4)
    y = np.asarray(layer(x))
    layer.enable_lora(2)
    assert [(w.name, w.shape, w.trainable) for w in layer.weights if "lora" in w.name] == [
        ("lora_kernel_a", (3, 3, 2, 2), True),
        ("lora_kernel_b", (2, 6), True),
    ]
    assert not layer.kernel.trainable and np.allclose(layer(x), y, atol=1e-6)
    assert layer.get_config()["lora_rank"] == 2 and "lora_rank" not in layers.Conv2D(2, 3).get_config()


IMAGE = (8, 8, 3)
BAD: list[tuple[str, Any, str]] = [
    ("filters of 0", lambda: layers.Conv2D(0, 3), "filters"),
    ("filters below 0", lambda: layers.Conv2DTranspose(-1, 3), "filters"),
    ("filters not in groups", lambda: layers.Conv2D(5, 3, groups=2), "groups=2"),
    ("no groups", lambda: layers.Conv2D(4, 3, groups=0), "groups"),
    ("channels not in groups", lambda: layers.Conv2D(4, 3, groups=2)(graphnn.Input(IMAGE)), "conv2d.*groups=2.*3 channels"),
    ("kernel of 0", lambda: layers.Conv2D(2, 0), "kernel_size"),
    ("kernel of three", lambda: layers.Conv2D(2, (3, 3, 3)), "kernel_size"),
    ("kernel of text", lambda: layers.Conv2D(2, "3"), "kernel_size"),  # type: ignore[arg-type]
    ("stride of 0", lambda: layers.Conv1D(2, 3, strides=0), "strides"),
    ("dilation of 0", lambda: layers.Conv3D(2, 3, dilation_rate=(1, 0, 1)), "dilation_rate"),
    ("strides and dilation", lambda: layers.Conv2D(2, 3, strides=2, dilation_rate=2), "strides.*dilation"),
    ("the same transposed", lambda: layers.Conv2DTranspose(2, 3, strides=(2, 1), dilation_rate=(1, 2)), "strides.*dilation"),
    ("unknown padding", lambda: layers.Conv2D(2, 3, padding="mirror"), "padding='mirror'"),
    ("causal images", lambda: layers.Conv2D(2, 3, padding="causal"), "causal"),
    ("causal depthwise", lambda: layers.DepthwiseConv1D(3, padding="causal"), "causal"),
    ("unknown layout", lambda: layers.Conv2D(2, 3, data_format="nchw"), "data_format='nchw'"),
    ("output_padding too large", lambda: layers.Conv1DTranspose(2, 3, strides=2, output_padding=2), "output_padding"),
    ("output_padding below 0", lambda: layers.Conv1DTranspose(2, 3, strides=2, output_padding=-1), "output_padding"),
    ("no depth", lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), "depth_multiplier"),
    ("groups of a transpose", lambda: layers.Conv2DTranspose(2, 3, groups=2), "groups"),
    ("rank of the input", lambda: layers.Conv2D(2, 3)(graphnn.Input((8, 8))), "ndim=4"),
    ("channels unknown", lambda: layers.Conv2D(2, 3)(graphnn.Input((8, 8, None))), "conv2d.*channels"),
    ("image too small", lambda: layers.Conv2D(2, 3)(graphnn.Input((2, 8, 3))), "conv2d.*axis 0 of extent 2"),
    ("dilated too far", lambda: layers.SeparableConv2D(2, 3, dilation_rate=4)(graphnn.Input(IMAGE)), "separable_conv2d.*of 9"),
    ("empty image", lambda: layers.Conv2DTranspose(2, 2, padding="same", output_padding=0)(graphnn.Input((1, 1, 3))), "empty"),
    ("op: channels", lambda: ops.conv(np.ones((1, 5, 4)), np.ones((2, 3, 2))), "4 channels"),
    ("op: filters", lambda: ops.conv(np.ones((1, 5, 4)), np.ones((2, 2, 3))), "3 filters"),
    ("op: rank", lambda: ops.conv(np.ones((1, 5, 4)), np.ones((2, 2, 4, 6))), "axes"),
    ("op: padding", lambda: ops.conv(np.ones((1, 5, 4)), np.ones((2, 4, 6)), padding="full"), "padding='full'"),
    ("op: too small", lambda: ops.conv(np.ones((1, 5, 4)), np.ones((7, 4, 6))), "axis 0 of extent 5"),
    ("op: strides", lambda: ops.conv(np.ones((1, 5, 4)), np.ones((2, 4, 6)), strides=(2, 2)), "strides"),
    ("op: transposed channels", lambda: ops.conv_transpose(np.ones((1, 5, 4)), np.ones((2, 6, 3))), "channels"),
    ("op: depthwise channels", lambda: ops.depthwise_conv(np.ones((1, 5, 4)), np.ones((2, 3, 1))), "channels"),
    ("op: kernels", lambda: ops.separable_conv(np.ones((1, 5, 4)), np.ones((2, 4, 2)), np.ones((1, 7, 3))), "pointwise"),
]


@pytest.mark.parametrize(("what", "make", "words"), BAD, ids=[b[0] for b in BAD])
def test_bad_input_is_named(what: str, make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_a_layer_keeps_its_number_of_channels() -> None:
    layer = layers.Conv2D(2, 3, name="edges")
    layer(normal(1, 8, 8, 3))
    with pytest.raises(ValueError, match=r"edges.*axis -1.*3"):
        layer(normal(1, 8, 8, 4))
    with pytest.raises(ValueError, match="would be empty"):
        layer(normal(1, 8, 2, 3))
    assert layer(normal(0, 8, 8, 3)).shape == (0, 6, 6, 2)
