"""ResNet50V2, ResNet101V2 and ResNet152V2.

Source: K. He et al., "Identity mappings in deep residual networks", 2016 (arXiv:1603.05027).
"""

from __future__ import annotations

from typing import Any

from .. import layers
from ..models import Model
from . import imagenet_utils
from .imagenet_utils import check_weights, decode_predictions, finished, input_of, topped
from .resnet import first_pool, norm, relu, stem

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]


def _block(x: Any, filters: int, strides: int, widen: bool, name: str) -> Any:
    """Normalization and activation first, then 1x1, 3x3 and 1x1 convolutions around which x is added."""
    active = relu(norm(x, f"{name}_preact_bn"), f"{name}_preact_relu")
    if widen:
        short = layers.Conv2D(4 * filters, 1, strides=strides, name=f"{name}_0_conv")(active)
    else:
        short = layers.MaxPooling2D(1, strides=strides)(x) if strides > 1 else x
    y = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(active)
    y = relu(norm(y, f"{name}_1_bn"), f"{name}_1_relu")
    y = layers.ZeroPadding2D(((1, 1), (1, 1)), name=f"{name}_2_pad")(y)
    y = layers.Conv2D(filters, 3, strides=strides, use_bias=False, name=f"{name}_2_conv")(y)
    y = relu(norm(y, f"{name}_2_bn"), f"{name}_2_relu")
    y = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(y)
    return layers.Add(name=f"{name}_out")([short, y])


def _resnet(
    depths: tuple[int, ...], include_top: bool, weights: Any, input_tensor: Any, input_shape: Any, pooling: str | None, classes: int,
    classifier_activation: Any, name: str,
) -> Model:  # fmt: skip
    check_weights(weights, include_top, classes)
    start, x = input_of(input_shape, input_tensor, 224, 32, include_top)
    x = first_pool(stem(x))
    for stage, depth in enumerate(depths):
        for i in range(depth):
            strides = 2 if stage < len(depths) - 1 and i == depth - 1 else 1
            x = _block(x, 64 << stage, strides, not i, f"conv{stage + 2}_block{i + 1}")
    x = relu(norm(x, "post_bn"), "post_relu")
    return finished(start, topped(x, include_top, pooling, classes, classifier_activation), name, weights)


def ResNet50V2(
    include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: str | None = None,
    classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet50v2",
) -> Model:  # fmt: skip
    """ResNet V2 with 50 layers of weights. Arguments as of `ResNet50`.

    >>> from graphnn.applications import ResNet50V2
    >>> ResNet50V2(weights=None, input_shape=(32, 32, 3), classes=10).count_params()
    23585290
    """
    return _resnet(
        (3, 4, 6, 3), include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


def ResNet101V2(
    include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: str | None = None,
    classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet101v2",
) -> Model:  # fmt: skip
    """ResNet V2 with 101 layers of weights. Arguments as of `ResNet50`."""
    return _resnet(
        (3, 4, 23, 3), include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


def ResNet152V2(
    include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: str | None = None,
    classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet152v2",
) -> Model:  # fmt: skip
    """ResNet V2 with 152 layers of weights. Arguments as of `ResNet50`."""
    return _resnet(
        (3, 8, 36, 3), include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Pixels from 0 to 255 as numbers from -1 to 1: `imagenet_utils.preprocess_input` with mode "tf"."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
