"""Arguments that need no other look: NumPy arrays in C order, alone or in a flat structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .tensor import Array


def plain_arrays(x: Any) -> tuple[Any, Sequence[Array]]:
    """What x is (None for an array, else its type, or the names of a dictionary), and its arrays; none where x is anything else.

    >>> a = np.zeros((2, 3))
    >>> plain_arrays((a, a))[0], len(plain_arrays({"x": a})[1]), plain_arrays([a.T])[1], plain_arrays([1.0])[1]
    (<class 'tuple'>, 1, (), ())
    """
    if type(x) is np.ndarray:
        return None, (x,) if x.ndim and x.flags.c_contiguous else ()
    kind: Any = x.__class__
    if kind is not list and kind is not tuple and kind is not dict:
        return None, ()
    arrays: Sequence[Any] = tuple(x.values()) if kind is dict else tuple(x)
    for a in arrays:
        if type(a) is not np.ndarray or not a.ndim or not a.flags.c_contiguous:
            return None, ()
    return tuple(x) if kind is dict else kind, arrays
