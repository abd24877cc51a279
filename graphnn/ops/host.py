"""Ops whose result's shape depends on numbers. They work on arrays, outside of models, by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from graphnn_compiler.ir import Value
from graphnn_compiler.trace import active

from ..program import as_array
from ..tensor import Array, KerasTensor, Tensor, as_tensor
from ..variable import Variable
from ._common import Tensorish


def concrete(x: Tensorish, name: str) -> Array:
    """x as an array of its own.

    Raises:
        ValueError: x is symbolic.
    """
    from ..dispatch import listed

    if isinstance(x, KerasTensor | Value) or (active() is not None and isinstance(x, Variable)):
        raise ValueError(
            f"the shape of the result of {name} depends on the numbers in it, so {name} works on arrays only, outside of models"
        )
    return np.array(listed(x) if isinstance(x, list | tuple | bool | int | float) else as_array(x))


def is_concrete(*xs: Any) -> bool:
    """True if all are arrays or numbers that can be looked at now."""
    return active() is None and not any(isinstance(x, KerasTensor | Value) for x in xs)


def nonzero(x: Tensorish) -> tuple[Tensor, ...]:
    """The indices of the elements that are not 0: a tensor for each axis. Works on arrays only.

    Raises:
        ValueError: x is symbolic.

    >>> nonzero([[1, 0], [0, 2]])[1].tolist()
    [0, 1]
    """
    return tuple(as_tensor(i.astype("int32")) for i in np.nonzero(concrete(x, "nonzero")))


def unique(
    x: Tensorish,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: float | None = None,
) -> Any:
    """The different elements of x. Works on arrays only.

    Args:
        x: an array.
        sorted: accepted for compatibility; the result is sorted.
        return_index: whether to give also where each first occurs.
        return_inverse: whether to give also the indices that rebuild x.
        return_counts: whether to give also how often each occurs.
        axis: compare slices along this axis; by default single elements.
        size: length of the result: cut, or filled up.
        fill_value: what to fill up with, by default 0.

    Raises:
        ValueError: x is symbolic.

    >>> unique([3, 1, 1]).tolist()
    [1, 3]
    """
    a = concrete(x, "unique")
    found: Any = np.unique(a, return_index=True, return_inverse=True, return_counts=True, axis=axis)
    values, rest = found[0], [found[1], found[2].reshape(a.shape if axis is None else -1), found[3]]
    along = axis or 0
    if size is not None:
        values = _resized(values, size, along, fill_value or 0)
        rest = [_resized(rest[0], size, 0, 0), rest[1], _resized(rest[2], size, 0, 0)]
    wanted = [r.astype("int32") for r, asked in zip(rest, (return_index, return_inverse, return_counts), strict=True) if asked]
    tensors = tuple(as_tensor(r) for r in (values, *wanted))
    return tensors if wanted else tensors[0]


def _resized(a: Array, size: int, axis: int, fill: float) -> Array:
    n = a.shape[axis]
    if n >= size:
        return np.take(a, np.arange(size), axis)
    pad = [(0, size - n if i == axis else 0) for i in range(a.ndim)]
    return np.pad(a, pad, constant_values=fill)


def highest(x: Tensorish, name: str) -> int:
    """The largest element of integers that can be looked at, -1 of none.

    Raises:
        ValueError: x is symbolic.
    """
    a = concrete(x, name)
    return int(a.max()) if a.size else -1
