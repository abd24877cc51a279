"""Convolutions by their definition, in NumPy."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np


def padded(x: Any, size: Any, strides: Any, dilation: Any, padding: str) -> Any:
    """x (batch, *space, channels) with the zeros that a padding adds."""
    pads = [(0, 0)]
    for n, k, s, d in zip(x.shape[1:-1], size, strides, dilation, strict=True):
        reach = d * (k - 1)
        total = {"valid": 0, "causal": reach, "same": max((-(-n // s) - 1) * s + reach + 1 - n, 0)}[padding]
        low = total if padding == "causal" else total // 2
        pads.append((low, total - low))
    return np.pad(x, [*pads, (0, 0)])


def reference(x: Any, w: Any, strides: Any, padding: str, dilation: Any, groups: int = 1) -> Any:
    """The definition of a convolution, window by window, in float64."""
    x, w = x.astype("float64"), w.astype("float64")
    size = w.shape[:-2]
    x = padded(x, size, strides, dilation, padding)
    extents = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[1:-1], size, strides, dilation, strict=True)]
    y = np.zeros((x.shape[0], *extents, w.shape[-1]))
    each, filters = w.shape[-2], w.shape[-1] // groups
    for place in product(*map(range, extents)):
        cut = tuple(slice(p * s, p * s + d * (k - 1) + 1, d) for p, s, d, k in zip(place, strides, dilation, size, strict=True))
        window = x[(slice(None), *cut)]
        for g in range(groups):
            part, own = window[..., g * each : (g + 1) * each], w[..., g * filters : (g + 1) * filters]
            y[(slice(None), *place, slice(g * filters, (g + 1) * filters))] = np.tensordot(part, own, own.ndim - 1)
    return y


def transposed_reference(x: Any, w: Any, strides: Any, low: Any, extents: Any, dilation: Any) -> Any:
    """What each input adds to each output that it reaches."""
    y = np.zeros((x.shape[0], *extents, w.shape[-2]))
    for place in product(*map(range, x.shape[1:-1])):
        for tap in product(*map(range, w.shape[:-2])):
            at = tuple(p * s + t * d - a for p, s, t, d, a in zip(place, strides, tap, dilation, low, strict=True))
            if all(0 <= i < n for i, n in zip(at, extents, strict=True)):
                y[(slice(None), *at)] += x[(slice(None), *place)].astype("float64") @ w[tap].astype("float64").T
    return y


def first(x: Any) -> Any:
    """The channels second."""
    return np.moveaxis(x, -1, 1)
