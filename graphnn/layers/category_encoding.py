"""Categories as vectors of zeros and ones.

Exports: CategoryEncoding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import reduce
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.index import Take
from graphnn_compiler.trace import emit

from ..dispatch import value
from ..ops.classes import hits
from .common import ConfiguredLayer

__all__ = ["CategoryEncoding"]

MODES = ("int", "one_hot", "multi_hot", "count")


class CategoryEncoding(ConfiguredLayer):
    """Integers below a known number as ones among zeros. Works inside compiled models.

    Args:
        num_tokens: how many categories there are; they are 0, 1, ..., `num_tokens` - 1.
        output_mode: `"one_hot"`, a vector for each integer (a last axis of extent 1 is left out first); `"multi_hot"`, one vector for
            the integers along the last axis, 1 where a category is among them; `"count"`, how often each is.
        sparse: accepted for compatibility; the result is dense.

    Shapes:
        input `(..., n)` of integers, and with "count" weights of the same shape in `count_weights`; output `(..., num_tokens)`.

    Raises:
        IndexError: an integer is negative or not below `num_tokens`; the message has it and its position.
        TypeError: a number is not integral.
        ValueError: an argument is none of these, or there are weights without "count".

    >>> from graphnn import layers
    >>> layers.CategoryEncoding(4, output_mode="count")([[0, 1], [3, 3]]).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]]
    """

    unsaved = ("sparse",)

    def __init__(self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if output_mode == "binary":
            output_mode = "multi_hot"
        if output_mode not in MODES[1:]:
            raise ValueError(f"CategoryEncoding: `output_mode` must be one of {MODES[1:]}. Received: output_mode={output_mode!r}")
        if num_tokens is None:
            raise ValueError(
                "CategoryEncoding: `num_tokens` must be set. If it is not known beforehand, IntegerLookup finds it in data."
            )
        if isinstance(num_tokens, bool) or not isinstance(num_tokens, int | np.integer) or num_tokens < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"CategoryEncoding: `num_tokens` must be an integer >= 1. Received: num_tokens={num_tokens}.")
        self.num_tokens = int(num_tokens)
        self.output_mode = output_mode
        self.sparse = sparse
        self.autocast = False

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(
                f"CategoryEncoding {self.name!r}: `count_weights` is not used when `output_mode` is not `'count'`. "
                f"Received: output_mode={self.output_mode!r} and count_weights={count_weights}"
            )
        ids = checked(value(inputs), self.num_tokens)
        return encoded(ids, self.output_mode, self.num_tokens, self.compute_dtype, count_weights)


def checked(ids: Value, depth: int) -> Value:
    """Integers as int64, each of which must be one of 0 to depth - 1 when the program runs."""
    if is_float(ids.dtype):
        ids = build.whole_index(ids)
    return emit(Take(0), value(np.arange(depth)), cast(ids, "int64"))


def encoded(ids: Value, mode: str, depth: int, dtype: str, weights: Any = None) -> Value:
    """Integers (..., n) in one of `MODES`: (..., n, depth) for "one_hot", an n of 1 left out; (..., depth) for what is taken together."""
    if mode == "int":
        return cast(ids, dtype)
    if mode == "one_hot":
        if ids.ndim > 1 and ids.shape[-1] == 1:
            ids = build.reshape(ids, ids.shape[:-1])
        found = cast(hits(ids, depth, -1), dtype)
        return found if found.ndim > 1 else build.expand(found, 0)
    if ids.ndim == 0:
        ids = build.expand(ids, 0)
    found = hits(ids, depth, -1)
    if mode == "multi_hot":
        return cast(build.reduced(reduce.Any, found, -2), dtype)
    counts = cast(found, dtype)
    if weights is not None:
        each = value(weights, dtype)
        if each.shape != ids.shape:
            raise ValueError(f"`count_weights` must have the shape of the inputs. Received: shapes {each.shape} and {ids.shape}")
        counts = counts * build.expand(each, -1)
    return build.reduced(reduce.Sum, counts, -2)
