"""Batches of (x, y, sample_weight)."""

from __future__ import annotations

from typing import Any

from ..tree import is_list

__all__ = ["pack_x_y_sample_weight", "unpack_x_y_sample_weight"]


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """x, y and sample_weight of what `train_step` is given, None where there is none.

    Raises:
        ValueError: for a tuple of another length than one, two or three.

    >>> from graphnn.utils import unpack_x_y_sample_weight
    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    parts = tuple(data) if is_list(data) else (data,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(f"Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, found: {data}")
    x, y, sample_weight = (*parts, None, None)[:3]
    return x, y, sample_weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """A tuple of what is there; x alone where it is neither list nor tuple.

    >>> from graphnn.utils import pack_x_y_sample_weight
    >>> pack_x_y_sample_weight(1), pack_x_y_sample_weight(1, 2)
    (1, (1, 2))
    """
    if y is None:
        return (x,) if is_list(x) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)
