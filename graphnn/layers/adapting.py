"""Layers that learn from data before training: arrays, lists and iterables of batches; and what they learnt as sorted tables in graphs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.index import Take
from graphnn_compiler.trace import emit

from .. import tree
from ..context import collected
from ..dispatch import value
from ..tensor import Array


def batches(layer: Any, data: Any, steps: int | None = None, texts: bool = False) -> Iterator[Array]:
    """The arrays in data, which may come in batches; of (x, y) only x.

    Args:
        data: an array or a (nested) list of elements; or an iterable of batches.
        steps: the number of batches at most.
        texts: whether elements are texts too; else they must be numbers.

    Raises:
        ValueError: elements are of another kind.
    """
    items: Any = data
    listed = isinstance(data, str | bytes | int | float) or (tree.is_list(data) and not any(hasattr(e, "shape") for e in items))
    if listed or hasattr(items, "__array__"):
        yield _elements(layer, items, texts)
        return
    for batch in islice(items, steps):
        yield _elements(layer, batch[0] if isinstance(batch, tuple) or _pair(batch) else batch, texts)


def _pair(batch: Any) -> bool:
    """Whether a list holds arrays, as some loaders give (x, y)."""
    parts: list[Any] = list(batch) if isinstance(batch, list) else []  # pyright: ignore[reportUnknownArgumentType]
    return bool(parts) and all(hasattr(e, "shape") for e in parts)


def _elements(layer: Any, x: Any, texts: bool) -> Array:
    a: Array = np.asarray(x)
    if a.dtype.kind in "fiub" or (texts and a.dtype.kind in "USO"):
        return a
    wanted = "texts or integers" if texts else "numbers"
    raise ValueError(f"{type(layer).__name__} {layer.name!r}: data must be {wanted}. Received: an array of dtype {a.dtype}")


def not_yet(layer: Any, x: Value) -> Value:
    """The integers of a layer that has to learn first: they have a shape while a model is put together; no program may run with them."""
    collected().unready.append(layer)
    return emit(Take(0), value(np.zeros(0, "int64")), cast(x, "int64"))  # in the body of a loop, this fails


def place_among(table: Array, x: Value) -> Value:
    """How many numbers of an ascending table are not above each element of x, as int64; none for NaN. Found by halving."""
    n = len(table)
    if not n:
        return build.broadcast_to(value(0, "int64"), x.shape)
    steps = n.bit_length()
    top = np.inf if table.dtype.kind == "f" else np.iinfo(table.dtype).max
    full = value(np.concatenate([table, np.full((1 << steps) - 1 - n, top, table.dtype)]))
    place = cast(build.broadcast_to(value(0, "int64"), x.shape), "int64")
    for k in reversed(range(steps)):
        probe = emit(Take(0), full, place + ((1 << k) - 1))
        place = place + cast(probe <= x, "int64") * (1 << k)
    return emit(elementwise.Minimum(), place, build.broadcast_to(value(n, "int64"), x.shape))
