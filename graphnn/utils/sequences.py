"""Sequences of different lengths as one array."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..tensor import Array


def pad_sequences(
    sequences: Iterable[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> Array:
    """Cuts sequences, or fills them up, to one length.

    Args:
        sequences: lists or arrays; their elements may be arrays of one shape.
        maxlen: the length; by default that of the longest.
        dtype: of the result.
        padding: whether the filling comes before ("pre") or behind ("post") the elements.
        truncating: whether elements at the start ("pre") or at the end ("post") of a longer one are left out.
        value: the filling.

    Returns:
        An array of shape (number of sequences, maxlen, ...).

    Raises:
        ValueError: a sequence is none, elements have different shapes, or an argument is none of its values.

    >>> pad_sequences([[1, 2, 3], [4]]).tolist()
    [[1, 2, 3], [0, 0, 4]]
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f"`{name}` must be 'pre' or 'post'. Received: {name}={side!r}")
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"`sequences` must be a list of sequences. Received: {sequences!r}")
    given: list[Any] = list(sequences)
    for i, s in enumerate(given):
        if not hasattr(s, "__len__"):
            raise ValueError(f"`sequences` must be a list of sequences. Received: {s!r} at position {i}")
    if maxlen is None:
        if not given:
            raise ValueError("`sequences` is empty, and there is no `maxlen`")
        maxlen = max(map(len, given))
    kind = np.dtype(dtype)
    if isinstance(value, str) and kind.kind not in "OUS":
        raise ValueError(f"value={value!r} is a string, which an array of dtype {kind} cannot hold. Received: dtype={dtype!r}")
    trailing = next((np.asarray(s).shape[1:] for s in given if len(s)), ())
    out = np.full((len(given), maxlen, *trailing), value, kind)
    for i, s in enumerate(given):
        kept = s[max(len(s) - maxlen, 0) :] if truncating == "pre" else s[:maxlen]
        if not len(kept):
            continue
        elements = np.asarray(kept, kind)
        if elements.shape[1:] != trailing:
            raise ValueError(f"elements of shape {trailing} are expected. Received: {elements.shape[1:]} in sequence {i}")
        if padding == "pre":
            out[i, -len(kept) :] = elements
        else:
            out[i, : len(kept)] = elements
    return out
