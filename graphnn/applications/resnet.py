"""ResNet50, ResNet101 and ResNet152.

Source: K. He et al., "Deep residual learning for image recognition", 2015 (arXiv:1512.03385).
"""

from __future__ import annotations

from typing import Any

from .. import layers
from ..models import Model
from . import imagenet_utils
from .imagenet_utils import channel_axis, check_weights, decode_predictions, finished, input_of, topped

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

EPSILON = 1.001e-5


def norm(x: Any, name: str) -> Any:
    """Batch normalization."""
    return layers.BatchNormalization(axis=channel_axis(), epsilon=EPSILON, name=name)(x)


def relu(x: Any, name: str) -> Any:
    """max(x, 0)."""
    return layers.Activation("relu", name=name)(x)


def _conv_norm(x: Any, filters: int, size: int, name: str, strides: int = 1, padding: str = "valid") -> Any:
    x = layers.Conv2D(filters, size, strides=strides, padding=padding, name=f"{name}_conv")(x)
    return norm(x, f"{name}_bn")


def _block(x: Any, filters: int, strides: int, widen: bool, name: str) -> Any:
    """1x1, 3x3 and 1x1 convolutions around which x, or where it has another shape a 1x1 convolution of it, is added."""
    short = _conv_norm(x, 4 * filters, 1, f"{name}_0", strides) if widen else x
    y = relu(_conv_norm(x, filters, 1, f"{name}_1", strides), f"{name}_1_relu")
    y = relu(_conv_norm(y, filters, 3, f"{name}_2", padding="same"), f"{name}_2_relu")
    y = _conv_norm(y, 4 * filters, 1, f"{name}_3")
    return relu(layers.Add(name=f"{name}_add")([short, y]), f"{name}_out")


def stem(x: Any) -> Any:
    """The first convolution, 7x7 with stride 2, before its normalization."""
    x = layers.ZeroPadding2D(((3, 3), (3, 3)), name="conv1_pad")(x)
    return layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)


def first_pool(x: Any) -> Any:
    """Maxima of 3x3 pixels with stride 2."""
    x = layers.ZeroPadding2D(((1, 1), (1, 1)), name="pool1_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def _resnet(
    depths: tuple[int, ...], include_top: bool, weights: Any, input_tensor: Any, input_shape: Any, pooling: str | None, classes: int,
    classifier_activation: Any, name: str,
) -> Model:  # fmt: skip
    check_weights(weights, include_top, classes)
    start, x = input_of(input_shape, input_tensor, 224, 32, include_top)
    x = first_pool(relu(norm(stem(x), "conv1_bn"), "conv1_relu"))
    for stage, depth in enumerate(depths):
        for i in range(depth):
            strides = 2 if stage and not i else 1
            x = _block(x, 64 << stage, strides, not i, f"conv{stage + 2}_block{i + 1}")
    return finished(start, topped(x, include_top, pooling, classes, classifier_activation), name, weights)


def ResNet50(
    include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: str | None = None,
    classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet50",
) -> Model:  # fmt: skip
    """ResNet with 50 layers of weights.

    Args:
        include_top: whether the model ends with a dense layer of classes.
        weights: None for random ones, or the path of a weights file.
        input_tensor: a symbolic tensor to start from.
        input_shape: of one picture; by default (224, 224, 3), without the top of any size from 32 on.
        pooling: without the top: "avg" or "max" over rows and columns, None for neither.
        classes: the number of classes.
        classifier_activation: the activation of the top, None for logits.
        name: of the model.

    Raises:
        ValueError: an argument is none of these.

    >>> from graphnn.applications import ResNet50
    >>> ResNet50(weights=None, input_shape=(32, 32, 3), classes=10).count_params()
    23608202
    """
    return _resnet(
        (3, 4, 6, 3), include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


def ResNet101(
    include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: str | None = None,
    classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet101",
) -> Model:  # fmt: skip
    """ResNet with 101 layers of weights. Arguments as of `ResNet50`."""
    return _resnet(
        (3, 4, 23, 3), include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


def ResNet152(
    include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: str | None = None,
    classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet152",
) -> Model:  # fmt: skip
    """ResNet with 152 layers of weights. Arguments as of `ResNet50`."""
    return _resnet(
        (3, 8, 36, 3), include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Pixels from 0 to 255 as blue, green and red less their means: `imagenet_utils.preprocess_input` with mode "caffe"."""
    return imagenet_utils.preprocess_input(x, data_format, "caffe")
