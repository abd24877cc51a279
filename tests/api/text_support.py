"""Small models of texts, and texts for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import graphnn
from graphnn import layers
from graphnn.utils import set_random_seed

WORDS = "a b c d e f g".split()
RNG = np.random.RandomState(0)
X = np.array([[" ".join(RNG.choice(WORDS, RNG.randint(1, 9)))] for _ in range(83)], object)
Y = RNG.rand(83).astype("float32")
NUMBERS = RNG.rand(83, 3).astype("float32")
KINDS = np.array(RNG.choice(["x", "y", "z"], (83, 1)))


def vectorize(length: int | None = 5, **kwargs: Any) -> Any:
    return layers.TextVectorization(vocabulary=WORDS, output_sequence_length=length, **kwargs)


def text_input(*shape: int | None, **kwargs: Any) -> Any:
    return graphnn.Input(shape or (1,), dtype="string", **kwargs)


def compiled(model: Any) -> Any:
    model.compile("adam", "mse", metrics=["mae"])
    return model


def head(ids: Any) -> Any:
    h = layers.GlobalAveragePooling1D()(layers.Embedding(12, 8)(ids))
    return layers.Dense(1)(layers.Dropout(0.3)(h))


def text_model(layer: Any) -> Any:
    set_random_seed(1)
    x = text_input()
    return compiled(graphnn.Model(x, head(layer(x))))


def ids_model(length: int | None = 5) -> Any:
    set_random_seed(1)
    x = graphnn.Input((length,), dtype="int64")
    return compiled(graphnn.Model(x, head(x)))


def model_of(*makers: Callable[[Any], Any], shape: Any = (1,)) -> Any:
    start = y = graphnn.Input(shape, dtype="string")
    for make in makers:
        y = make(y)
    return graphnn.Model(start, y)


def same_weights(a: Any, b: Any) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a.get_weights(), b.get_weights(), strict=True))


def batches(size: int = 10) -> Iterator[tuple[Any, Any]]:
    for k in range(0, len(X), size):
        yield X[k : k + size], Y[k : k + size]
