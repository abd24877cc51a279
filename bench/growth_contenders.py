"""The contenders of growth.py: an MLP width-width-width-10 with SGD, each as its users would write it.

A contender has `epoch(x, y)`, a shuffled pass over the rows, and `predict(x)`, both in batches of its size. The first call of either
is not measured.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import Any

import numpy as np
from growth_points import Fitted, Looped

RATE = 0.01


class Keras(Fitted):
    """Any package with the API of Keras 3."""

    def __init__(self, package: str, width: int, batch: int):
        if package == "keras":
            sys.modules["tensorflow"] = None  # type: ignore[assignment]  # as if it were not installed: it would be imported for its seed
        keras: Any = importlib.import_module(package)
        layers = keras.layers
        super().__init__(batch)
        self.model = keras.Sequential(
            [
                keras.Input((width,)),
                layers.Dense(width, activation="relu"),
                layers.Dense(width, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        )
        self.model.compile(keras.optimizers.SGD(RATE), "sparse_categorical_crossentropy")


class Torch(Looped):
    """PyTorch, eager, with tensor slicing and the fused optimizer."""

    def __init__(self, width: int, batch: int):
        super().__init__(batch)
        torch: Any = self.torch
        nn = torch.nn
        self.model = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))
        self.optimizer = torch.optim.SGD(self.model.parameters(), RATE, fused=True)

    def tensors(self, x: Any) -> Any:
        """The rows as they are."""
        return self.torch.from_numpy(x)


class JaxScan:
    """Plain JAX with an epoch in one compiled call."""

    def __init__(self, width: int, batch: int):
        jax: Any = importlib.import_module("jax")
        self.jax, self.batch, jnp = jax, batch, jax.numpy
        sizes = [(width, width), (width, width), (width, 10)]
        make = jax.nn.initializers.glorot_uniform()
        self.state = [(make(k, s), jnp.zeros(s[1])) for k, s in zip(jax.random.split(jax.random.key(0), 3), sizes, strict=True)]
        self.rng = np.random.default_rng(1)

        def forward(p: Any, x: Any) -> Any:
            for k, b in p[:-1]:
                x = jax.nn.relu(x @ k + b)
            return x @ p[-1][0] + p[-1][1]

        def loss(p: Any, x: Any, y: Any) -> Any:
            return -jax.nn.log_softmax(forward(p, x))[jnp.arange(len(y)), y].mean()

        def epoch(p: Any, x: Any, y: Any, order: Any) -> Any:
            def step(p: Any, idx: Any) -> Any:
                value, g = jax.value_and_grad(loss)(p, x[idx], y[idx])
                return jax.tree.map(lambda a, d: a - RATE * d, p, g), value

            return jax.lax.scan(step, p, order)

        self.run = jax.jit(epoch, donate_argnums=0)
        self.forward = jax.jit(lambda p, x: jax.nn.softmax(forward(p, x)))

    def epoch(self, x: Any, y: Any) -> None:
        """One scan over the shuffled batches."""
        order = self.rng.permutation(len(x)).reshape(-1, self.batch)
        self.state, losses = self.run(self.state, x, y, order)
        float(losses.mean())

    def predict(self, x: Any) -> Any:
        """The probabilities."""
        b = self.batch
        return np.concatenate([np.asarray(self.forward(self.state, x[i : i + b])) for i in range(0, len(x), b)])


class Sklearn:
    """scikit-learn's MLPClassifier."""

    def __init__(self, width: int, batch: int):
        module: Any = importlib.import_module("sklearn.neural_network")
        warnings.simplefilter("ignore")  # it says that one epoch does not converge
        self.batch = batch
        self.model = module.MLPClassifier(
            (width, width), solver="sgd", learning_rate_init=RATE, momentum=0.0, batch_size=batch, max_iter=1, warm_start=True, alpha=0.0
        )

    def epoch(self, x: Any, y: Any) -> None:
        """One epoch of fit."""
        self.model.fit(x, y)

    def predict(self, x: Any) -> Any:
        """The probabilities."""
        b = self.batch
        return np.concatenate([self.model.predict_proba(x[i : i + b]) for i in range(0, len(x), b)])


def make(name: str, width: int, batch: int) -> Any:
    """A contender by name."""
    if name in ("graphnn", "keras-jax"):
        return Keras("graphnn" if name == "graphnn" else "keras", width, batch)
    return {"torch": Torch, "jax-scan": JaxScan, "sklearn": Sklearn}[name](width, batch)
