"""The table of `ops_cases.py` for pooling."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from ops_cases import Case, f

Parts = list[list[slice]]  # for each axis in space the windows on it


def _pooled(x: Any, parts: Parts, fold: Callable[..., Any]) -> Any:
    y = np.zeros((x.shape[0], *map(len, parts), x.shape[-1]), x.dtype)
    for place in product(*[range(len(p)) for p in parts]):
        cut = tuple(p[i] for p, i in zip(parts, place, strict=True))
        y[(slice(None), *place)] = fold(x[(slice(None), *cut)], axis=tuple(range(1, x.ndim - 1)))
    return y


def _windows(fold: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        x: Any, pool_size: int, strides: int | None = None, padding: str = "valid", data_format: str = "channels_last"
    ) -> Any:
        if data_format == "channels_first":
            return np.moveaxis(call(np.moveaxis(x, 1, -1), pool_size, strides, padding), -1, 1)
        step, parts = strides or pool_size, []
        for n in x.shape[1:-1]:
            count = -(-n // step) if padding == "same" else (n - pool_size) // step + 1
            low = max((count - 1) * step + pool_size - n, 0) // 2 if padding == "same" else 0
            parts.append([slice(max(i * step - low, 0), i * step - low + pool_size) for i in range(count)])
        return _pooled(x, parts, fold)

    return call


def _adaptive(fold: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, output_size: int) -> Any:
        parts = [[slice(i * n // output_size, -(-(i + 1) * n // output_size)) for i in range(output_size)] for n in x.shape[1:-1]]
        return _pooled(x, parts, fold)

    return call


CASES = [
    Case(name, args, kwargs, reference)
    for kind, fold in (("max", np.max), ("average", np.mean))
    for name, args, kwargs, reference in (
        (f"{kind}_pool", (f(2, 7, 3), 2), {}, _windows(fold)),
        (f"{kind}_pool", (f(2, 5, 6, 3), 3), {"strides": 2, "padding": "same"}, _windows(fold)),
        (f"{kind}_pool", (f(2, 3, 4, 5), 2), {"data_format": "channels_first"}, _windows(fold)),
        (f"{kind}_pool", (f(2, 4, 3, 4, 2), 2), {"strides": 1}, _windows(fold)),
        (f"adaptive_{kind}_pool", (f(2, 7, 3), 3), {}, _adaptive(fold)),
        (f"adaptive_{kind}_pool", (f(2, 5, 4, 3), 2), {}, _adaptive(fold)),
    )
]
