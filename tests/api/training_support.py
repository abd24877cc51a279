"""A softmax classifier trained by NumPy alone, and small models for the tests of training."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphnn
from graphnn import layers

Array = Any
SPARSE = "sparse_categorical_crossentropy"


def data(n: int = 13, width: int = 4, classes: int = 3, seed: int = 0) -> tuple[Array, Array]:
    """Rows and class numbers."""
    random = np.random.RandomState(seed)
    return random.normal(size=(n, width)).astype("float32"), random.randint(0, classes, n)


def filled(model: Any, seed: int = 1) -> Any:
    """The model with weights that depend on the seed alone."""
    random = np.random.RandomState(seed)
    model.set_weights([(random.normal(size=v.shape) * 0.3).astype("float32") for v in model.weights])
    return model


def classifier(
    units: int = 3, width: int = 4, loss: Any = SPARSE, activation: Any = "softmax", lr: float = 0.1, **options: Any
) -> Any:
    """A dense layer, compiled with SGD."""
    x = graphnn.Input((width,), name="in")
    model = filled(graphnn.Model(x, layers.Dense(units, activation=activation, name="out")(x)))
    model.compile(graphnn.optimizers.SGD(lr), loss, **options)
    return model


def two_outputs(kind: str = "list", **options: Any) -> Any:
    """Two inputs i (4) and j (3), two outputs a (2, linear) and b (3, softmax)."""
    i, j = graphnn.Input((4,), name="i"), graphnn.Input((3,), name="j")
    h = layers.Concatenate()([i, j])
    a, b = layers.Dense(2, name="a")(h), layers.Dense(3, activation="softmax", name="b")(h)
    model = graphnn.Model([i, j], [a, b]) if kind == "list" else graphnn.Model({"i": i, "j": j}, {"a": a, "b": b})
    filled(model)
    if options:
        model.compile(graphnn.optimizers.SGD(0.1), **options)
    return model


class Reference:
    """Softmax regression by SGD in float64: what `classifier` must do."""

    def __init__(self, model: Any, lr: float = 0.1):
        self.w, self.b = (a.astype("float64") for a in model.get_weights())
        self.lr = lr

    def probabilities(self, x: Array) -> Array:
        z = x @ self.w + self.b
        e = np.exp(z - z.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def loss(self, x: Array, y: Array, weight: Array | None = None) -> float:
        each = -np.log(self.probabilities(x)[np.arange(len(y)), y])
        return float((each if weight is None else each * weight).mean())

    def step(self, x: Array, y: Array, weight: Array | None = None) -> None:
        d = self.probabilities(x)
        d[np.arange(len(y)), y] -= 1
        d = (d if weight is None else d * weight[:, None]) / len(y)
        self.w -= self.lr * x.T.astype("float64") @ d
        self.b -= self.lr * d.sum(0)

    def epoch(self, x: Array, y: Array, batch: int, weight: Array | None = None, order: Array | None = None) -> float:
        """Trains for one epoch; gives the mean of the losses before each step, weighted by rows."""
        order = np.arange(len(x)) if order is None else order
        total = 0.0
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            part = None if weight is None else weight[rows]
            total += self.loss(x[rows], y[rows], part) * len(rows)
            self.step(x[rows], y[rows], part)
        return total / len(x)
