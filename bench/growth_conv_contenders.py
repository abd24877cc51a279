"""The contenders of growth_conv.py: residual networks trained with SGD and momentum, each as its users would write it.

A contender has `epoch(x, y)`, a shuffled pass over the rows, and `predict(x)`, both in batches of its size. Images have the channels
last. `planned()` gives the bytes of work space of the last job and of the weights with what the optimizer keeps, or None.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from growth_points import Fitted, Looped

RATE = 0.02
MOMENTUM = 0.9
STAGES_50 = ((64, 3), (128, 4), (256, 6), (512, 3))


@dataclass(frozen=True)
class Net:
    """A residual network: of depth 6n + 2 for small images (He et al. 2015, section 4.2), or ResNet-50."""

    depth: int
    side: int
    width: int

    @property
    def classes(self) -> int:
        """Classes told apart."""
        return 1000 if self.depth == 50 else 10

    @property
    def flops(self) -> float:
        """Operations of a forward pass of one image, about."""
        if self.depth == 50:
            return 8.2e9 * (self.side / 224) ** 2
        first = self.side**2 * 9 * 3 * self.width
        return 2.0 * (first + (self.depth - 2) * self.side**2 * 9 * self.width**2)


class Graphnn(Fitted):
    """The network in layers of Keras, trained by fit."""

    def __init__(self, net: Net, batch: int):
        keras: Any = importlib.import_module("graphnn")
        super().__init__(batch)
        inputs = keras.Input((net.side, net.side, 3))
        if net.depth == 50:
            applications: Any = importlib.import_module("graphnn.applications")
            self.model = applications.ResNet50(weights=None, input_shape=(net.side, net.side, 3), classes=net.classes)
        else:
            self.model = keras.Model(inputs, self._small(keras.layers, inputs, net))
        self.model.compile(keras.optimizers.SGD(RATE, momentum=MOMENTUM), "sparse_categorical_crossentropy")

    @staticmethod
    def _small(layers: Any, x: Any, net: Net) -> Any:
        def conv(x: Any, filters: int, kernel: int, strides: int) -> Any:
            x = layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
            return layers.BatchNormalization()(x)

        x = layers.ReLU()(conv(x, net.width, 3, 1))
        for stage in range(3):
            filters = net.width << stage
            for block in range((net.depth - 2) // 6):
                strides = 2 if stage and not block else 1
                y = conv(layers.ReLU()(conv(x, filters, 3, strides)), filters, 3, 1)
                x = layers.ReLU()(layers.add([conv(x, filters, 1, 2) if strides == 2 else x, y]))
        return layers.Dense(net.classes, activation="softmax")(layers.GlobalAveragePooling2D()(x))


class Torch(Looped):
    """PyTorch, eager, in its channels_last format."""

    def __init__(self, net: Net, batch: int):
        super().__init__(batch)
        torch = self.torch
        self.model = (self._fifty(torch.nn, net) if net.depth == 50 else self._small(torch.nn, net)).to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(self.model.parameters(), RATE, momentum=MOMENTUM, fused=True)

    @staticmethod
    def _small(nn: Any, net: Net) -> Any:
        blocks: list[Any] = [_conv(nn, 3, net.width, 3, 1), nn.ReLU(True)]
        channels = net.width
        for stage in range(3):
            filters = net.width << stage
            for block in range((net.depth - 2) // 6):
                strides = 2 if stage and not block else 1
                body = nn.Sequential(_conv(nn, channels, filters, 3, strides), nn.ReLU(True), _conv(nn, filters, filters, 3, 1))
                blocks.append(_residual(nn, body, _conv(nn, channels, filters, 1, 2) if strides == 2 else nn.Identity()))
                channels = filters
        return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, net.classes))

    @staticmethod
    def _fifty(nn: Any, net: Net) -> Any:
        blocks: list[Any] = [_conv(nn, 3, 64, 7, 2), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)]
        channels = 64
        for stage, (inner, count) in enumerate(STAGES_50):
            for block in range(count):
                strides = 2 if stage and not block else 1
                body = nn.Sequential(
                    *(_conv(nn, channels, inner, 1, strides), nn.ReLU(True), _conv(nn, inner, inner, 3, 1), nn.ReLU(True)),
                    _conv(nn, inner, 4 * inner, 1, 1),
                )
                blocks.append(_residual(nn, body, nn.Identity() if block else _conv(nn, channels, 4 * inner, 1, strides)))
                channels = 4 * inner
        return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, net.classes))

    def tensors(self, x: Any) -> Any:
        """Images with the channels second."""
        return self.torch.from_numpy(x).permute(0, 3, 1, 2)


def _conv(nn: Any, channels: int, filters: int, kernel: int, strides: int) -> Any:
    layer = nn.Conv2d(channels, filters, kernel, strides, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(filters))


def _residual(nn: Any, body: Any, shortcut: Any) -> Any:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.shortcut, self.relu = body, shortcut, nn.ReLU(True)

        def forward(self, x: Any) -> Any:
            return self.relu(self.body(x) + self.shortcut(x))

    return Residual()


def make(name: str, net: Net, batch: int) -> Any:
    """A contender by name."""
    return {"graphnn": Graphnn, "torch": Torch}[name](net, batch)
