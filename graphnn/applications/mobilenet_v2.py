"""MobileNetV2.

Source: M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018 (arXiv:1801.04381).
"""

from __future__ import annotations

from typing import Any

from .. import layers
from ..config import image_data_format
from ..models import Model
from . import imagenet_utils
from .imagenet_utils import channel_axis, check_weights, decode_predictions, finished, input_of, topped

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

# Of each stage: by how much a block widens its input, channels, blocks, stride of the first block.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def rounded(channels: float) -> int:
    """The multiple of 8 that is nearest to a number of channels, at least 8 and not less than nine tenths of it."""
    found = max(8, int(channels + 4) // 8 * 8)
    return found + 8 if found < 0.9 * channels else found


def _norm(x: Any, name: str) -> Any:
    axis = -1 if channel_axis() == 3 else 1
    return layers.BatchNormalization(axis=axis, epsilon=1e-3, momentum=0.999, name=name)(x)


def _active(x: Any, name: str) -> Any:
    return layers.ReLU(6.0, name=name)(x)


def _before_stride(x: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Padding of a 3x3 convolution with stride 2, so that the last row and column are covered."""
    sides = x.shape[1:3] if image_data_format() == "channels_last" else x.shape[2:4]
    top, left = (1 if n is not None and n % 2 else 0 for n in sides)
    return (top, 1), (left, 1)


def _block(x: Any, widen: int, channels: int, strides: int, number: int) -> Any:
    """A 1x1 convolution that widens, a depthwise one, and a 1x1 one that narrows; x is added where it has the shape."""
    name = f"block_{number}_" if number else "expanded_conv_"
    inside = x.shape[channel_axis()]
    y = x
    if number:
        y = layers.Conv2D(widen * inside, 1, padding="same", use_bias=False, name=f"{name}expand")(y)
        y = _active(_norm(y, f"{name}expand_BN"), f"{name}expand_relu")
    if strides == 2:
        y = layers.ZeroPadding2D(_before_stride(y), name=f"{name}pad")(y)
    padding = "same" if strides == 1 else "valid"
    y = layers.DepthwiseConv2D(3, strides=strides, padding=padding, use_bias=False, name=f"{name}depthwise")(y)
    y = _active(_norm(y, f"{name}depthwise_BN"), f"{name}depthwise_relu")
    y = layers.Conv2D(channels, 1, padding="same", use_bias=False, name=f"{name}project")(y)
    y = _norm(y, f"{name}project_BN")
    return layers.Add(name=f"{name}add")([x, y]) if inside == channels and strides == 1 else y


def MobileNetV2(
    input_shape: Any = None, alpha: float = 1.0, include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
    pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str | None = None,
) -> Model:  # fmt: skip
    """A network of inverted residuals for small machines.

    Args:
        input_shape: of one picture; by default (224, 224, 3), without the top of any size from 32 on.
        alpha: by how much more channels there are.
        include_top: whether the model ends with a dense layer of classes.
        weights: None for random ones, or the path of a weights file.
        input_tensor: a symbolic tensor to start from.
        pooling: without the top: "avg" or "max" over rows and columns, None for neither.
        classes: the number of classes.
        classifier_activation: the activation of the top, None for logits.
        name: of the model; by default made of alpha and the rows of the input.

    Raises:
        ValueError: an argument is none of these.

    >>> from graphnn.applications import MobileNetV2
    >>> model = MobileNetV2((32, 32, 3), weights=None, classes=10)
    >>> model.name, model.count_params()
    ('mobilenetv2_1.00_32', 2270794)
    """
    check_weights(weights, include_top, classes)
    if not isinstance(alpha, int | float) or alpha <= 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"`alpha` must be a positive number. Received: alpha={alpha}")
    start, x = input_of(input_shape, input_tensor, 224, 32, include_top)
    rows = 224 if input_tensor is not None else x.shape[1 if channel_axis() == 3 else 2]
    x = layers.Conv2D(rounded(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(x)
    x = _active(_norm(x, "bn_Conv1"), "Conv1_relu")
    number = 0
    for widen, channels, blocks, stride in STAGES:
        for i in range(blocks):
            x = _block(x, widen, rounded(int(channels * alpha)), 1 if i else stride, number)
            number += 1
    last = rounded(1280 * alpha) if alpha > 1.0 else 1280
    x = layers.Conv2D(last, 1, use_bias=False, name="Conv_1")(x)
    x = _active(_norm(x, "Conv_1_bn"), "out_relu")
    x = topped(x, include_top, pooling, classes, classifier_activation, pool_name=None)
    return finished(start, x, name or f"mobilenetv2_{alpha:0.2f}_{rows}", weights)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Pixels from 0 to 255 as numbers from -1 to 1: `imagenet_utils.preprocess_input` with mode "tf"."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
