"""Texts as data: what a user gives, checked, as arrays of objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import tree
from .tensor import Array, Operators

STRING = "string"


class TextError(TypeError, ValueError):
    """Texts where numbers are expected, or the other way round. (Keras raises one or the other.)"""


class TextRows(np.ndarray[Any, np.dtype[Any]]):
    """An array of texts (str or bytes, as objects), and the numbers that were made of its rows so far."""

    kept: dict[Any, tuple[Array, Array]]  # by call: a table, and which of its rows are filled

    def __array_finalize__(self, obj: Any) -> None:
        self.kept = {}


def text_rows(x: Any, name: str = "") -> TextRows | None:
    """Texts, where x is one, or an array or a list of them; None where it holds none.

    Raises:
        TextError: it holds texts and other things; it is called `name` in the message.
    """
    if tree.is_list(x):
        if not any(isinstance(e, str | bytes) or _kind(e) in "USOT" for e in tree.flatten(x)):
            return None
    elif not isinstance(x, str | bytes) and _kind(x) not in "USOT":
        return None
    a: Array = np.asarray(x)
    if a.dtype.kind not in "USOT":
        return None
    flat: list[Any] = a.ravel().tolist()
    bad = next((i for i, t in enumerate(flat) if not isinstance(t, str | bytes)), None)
    if bad is not None:
        if not name or not any(isinstance(t, str | bytes) for t in flat):
            return None
        at = [int(i) for i in np.unravel_index(bad, a.shape)]
        raise TextError(
            f"{name} is an array of texts, but holds {flat[bad]!r:.60} (of type {type(flat[bad]).__name__}) at {at}; all of it must "
            "be texts (str or bytes)"
        )
    out = np.empty(len(flat), object)
    out[:] = flat
    return out.reshape(a.shape).view(TextRows)


def decoded(rows: Array, encoding: str) -> Array:
    """A plain array of str; `encoding` is that of bytes.

    Raises:
        TextError: bytes are not of that encoding.
    """
    out = np.empty(rows.size, object)
    try:
        out[:] = [t.decode(encoding) if isinstance(t, bytes) else t for t in rows.ravel().tolist()]
    except UnicodeDecodeError as e:
        raise TextError(f"a text that came as bytes is not {encoding}: {e.object!r:.60}, at byte {e.start}: {e.reason}") from None
    return out.reshape(rows.shape)


def dtype_of(a: Array) -> str:
    """The name of the dtype of an array as programs have it."""
    return STRING if isinstance(a, TextRows) else a.dtype.name


def _kind(x: Any) -> str:
    """The kind of the dtype of an array; "-" for anything else."""
    if isinstance(x, Operators):
        return "-"
    dtype: Any = getattr(x, "dtype", None)
    if isinstance(dtype, np.dtype):
        return dtype.kind
    return "O" if STRING in str(dtype) else "-"
