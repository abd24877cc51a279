"""Sums of beginnings and the like, for any associative function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.ir import Value

from ..dispatch import op, value
from ._structures import Structure, check_functions, flat, packed
from .joining import concatenate, stack


@op(static=("f", "reverse", "axis"))
def associative_scan(f: Callable[..., Any], elems: Structure, reverse: bool = False, axis: int = 0) -> Any:
    """x[0], f(x[0], x[1]), f(f(x[0], x[1]), x[2]), ... for an associative f, in about 2 log2(n) calls of f on long tensors.

    Args:
        f: takes two structures like `elems`, of any extent along `axis`, and combines their elements.
        elems: tensors of the same extent along `axis`.
        reverse: from the last element to the first.
        axis: along which the elements are.

    Raises:
        ValueError: extents differ.

    Source: G. Blelloch, Prefix sums and their applications, 1990.

    >>> import numpy as np
    >>> associative_scan(lambda a, b: a + b, np.array([1.0, 2.0, 3.0, 4.0])).tolist()
    [1.0, 3.0, 6.0, 10.0]
    """
    check_functions("associative_scan", f=f)
    leaves = flat(elems)
    places = [build.normal_axis(axis, v.ndim) for v in leaves]
    counts = {v.shape[a] for v, a in zip(leaves, places, strict=True)}
    if len(counts) != 1:
        given = ", ".join(str(c) for c in counts)
        raise ValueError(f"`associative_scan`: tensors must have one extent along axis {axis}. Received: {given}")
    n = int(counts.pop())

    def cut(values: list[Value], part: slice) -> list[Value]:
        return [v[(slice(None),) * a + (part,)] for v, a in zip(values, places, strict=True)]

    def combined(a: list[Value], b: list[Value]) -> list[Value]:
        return flat(f(packed(elems, a), packed(elems, b)))

    def sums(values: list[Value], count: int) -> list[Value]:
        if count < 2:
            return values
        pairs = count // 2
        odd = sums(combined(cut(values, slice(0, 2 * pairs, 2)), cut(values, slice(1, 2 * pairs, 2))), pairs)
        rest = (count - 1) // 2  # elements 2, 4, ...
        even = cut(values, slice(0, 1))
        if rest:
            more = combined(cut(odd, slice(0, rest)), cut(values, slice(2, 2 * rest + 1, 2)))
            even = [value(concatenate([a, b], axis=at)) for a, b, at in zip(even, more, places, strict=True)]
        return [_interleaved(a, b, at, pairs, count) for a, b, at in zip(even, odd, places, strict=True)]

    if reverse:
        leaves = cut(leaves, slice(None, None, -1))
    found = sums(leaves, n)
    return packed(elems, cut(found, slice(None, None, -1)) if reverse else found)


def _interleaved(even: Value, odd: Value, axis: int, pairs: int, count: int) -> Value:
    before: tuple[slice, ...] = (slice(None),) * axis
    both = value(stack([even[(*before, slice(0, pairs))], odd], axis=axis + 1))
    shape = both.shape
    y = build.reshape(both, (*shape[:axis], 2 * pairs, *shape[axis + 2 :]))
    return value(concatenate([y, even[(*before, slice(pairs, None))]], axis=axis)) if count % 2 else y
