"""Models of pictures, with the names of their layers and the shapes of their weights as in Keras."""

from . import imagenet_utils, mobilenet_v2, resnet, resnet50, resnet_v2
from .mobilenet_v2 import MobileNetV2
from .resnet import ResNet50, ResNet101, ResNet152
from .resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2

__all__ = [
    "MobileNetV2", "ResNet50", "ResNet50V2", "ResNet101", "ResNet101V2", "ResNet152", "ResNet152V2", "imagenet_utils", "mobilenet_v2",
    "resnet", "resnet50", "resnet_v2",
]  # fmt: skip
