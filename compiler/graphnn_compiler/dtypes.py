"""Promotion of dtypes: the lattice of Keras 3. A Python number takes the dtype of what it meets, as far as its kind fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from .ops.base import DTYPES, FLOATS

DEFAULT_FLOAT = "float32"
_KIND_ORDER = {"b": 0, "u": 1, "i": 2, "f": 3}


def kind(dtype: str) -> str:
    """One of b, u, i, f; a ValueError for what is no number."""
    if dtype[0] not in _KIND_ORDER:
        raise ValueError(f"Invalid dtype: {dtype}. A tensor must hold numbers")
    return dtype[0]


def check(dtype: Any) -> str:
    """The canonical name of a dtype, or a ValueError that lists those that exist."""
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None) or np.dtype(dtype).name
    name = {"float": DEFAULT_FLOAT, "int": "int32"}.get(name, name)
    if name not in DTYPES:
        raise ValueError(f"dtype {dtype!r} is not supported; it must be one of {', '.join(DTYPES)}")
    return name


def _join(a: str, b: str) -> str:
    if a == b:
        return a
    ka, kb = kind(a), kind(b)
    if _KIND_ORDER[ka] > _KIND_ORDER[kb]:
        a, b, ka, kb = b, a, kb, ka
    size_a, size_b = (np.dtype(d).itemsize for d in (a, b))
    if ka == kb:
        return a if size_a > size_b else b
    if ka == "b" or kb == "f":
        return b
    if size_a < size_b:
        return b
    return f"int{size_a * 16}" if size_a < 8 else DEFAULT_FLOAT


def promote(*dtypes: str | type) -> str:
    """The dtype in which values of these dtypes meet; `bool`, `int` and `float` stand for Python numbers.

    >>> promote("int32", "float16"), promote("uint8", "int8"), promote("int32", float), promote("float32", int)
    ('float16', 'int16', 'float32', 'float32')
    """
    strong = [d for d in dtypes if isinstance(d, str)]
    weak = [d for d in dtypes if not isinstance(d, str)]
    if not strong:
        return DEFAULT_FLOAT if float in weak else "int32" if int in weak else "bool"
    out = strong[0]
    for d in strong[1:]:
        out = _join(out, d)
    if float in weak and out not in FLOATS:
        return DEFAULT_FLOAT
    if int in weak and out == "bool":
        return "int32"
    return out
