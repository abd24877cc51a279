"""The contenders of growth_sequences.py: classifiers of token sequences trained with SGD, each as its users would write it.

A contender has `epoch(x, y)`, a shuffled pass over the rows, and `predict(x)`, both in batches of its size. `planned()` gives the bytes of
work space of the last job and of the weights with what the optimizer keeps, or None.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from growth_points import Fitted, Looped

RATE = 0.05
TOKENS, CLASSES, HEAD = 1000, 10, 32


@dataclass(frozen=True)
class Net:
    """One LSTM or one layer of attention over `length` steps of vectors of `width` numbers."""

    layer: str
    length: int
    width: int

    @property
    def flops(self) -> float:
        """Operations of a forward pass of one sequence, about."""
        if self.layer == "lstm":
            return 2.0 * self.length * 8 * self.width**2
        return 2.0 * self.length * (4 * self.width**2 + 2 * self.length * self.width)


class Graphnn(Fitted):
    """The network in layers of Keras, trained by fit."""

    def __init__(self, net: Net, batch: int):
        keras: Any = importlib.import_module("graphnn")
        layers = keras.layers
        super().__init__(batch)
        inputs = keras.Input((net.length,), dtype="int32")
        x = layers.Embedding(TOKENS, net.width)(inputs)
        if net.layer == "lstm":
            x = layers.LSTM(net.width, return_sequences=True)(x)
        else:
            x = layers.MultiHeadAttention(net.width // HEAD, HEAD)(x, x)
        x = layers.GlobalAveragePooling1D()(x)
        self.model = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))
        self.model.compile(keras.optimizers.SGD(RATE), "sparse_categorical_crossentropy")


class Torch(Looped):
    """PyTorch, eager."""

    def __init__(self, net: Net, batch: int):
        super().__init__(batch)
        torch, nn = self.torch, self.torch.nn

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embed = nn.Embedding(TOKENS, net.width)
                if net.layer == "lstm":
                    self.lstm = nn.LSTM(net.width, net.width, batch_first=True)
                else:
                    self.qkv = nn.Linear(net.width, 3 * net.width)
                    self.out = nn.Linear(net.width, net.width)
                self.dense = nn.Linear(net.width, CLASSES)

            def forward(self, x: Any) -> Any:
                x = self.embed(x)
                if net.layer == "lstm":
                    x, _ = self.lstm(x)
                else:
                    rows, steps, _ = x.shape
                    q, k, v = (p.view(rows, steps, -1, HEAD).transpose(1, 2) for p in self.qkv(x).chunk(3, -1))
                    x = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(rows, steps, -1)
                    x = self.out(x)
                return self.dense(x.mean(1))

        self.model = Model()
        self.optimizer = torch.optim.SGD(self.model.parameters(), RATE, fused=True)

    def tensors(self, x: Any) -> Any:
        """Ids as PyTorch wants them."""
        return self.torch.from_numpy(x).long()


def make(name: str, net: Net, batch: int) -> Any:
    """A contender by name."""
    return {"graphnn": Graphnn, "torch": Torch}[name](net, batch)
