"""The table of `ops_cases.py` for indexing, products over axes, and tensors made from numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ops_cases import Case, call, f, i


def _indices() -> list[Case]:
    x = f(4, 5)
    return [
        call("take", x, i(2, 3, low=-4, high=4), axis=0, ref=np.take),
        call("take", x, i(3, low=-5, high=5), axis=1),
        call("take", x, i(3, high=20)),
        call("take_along_axis", x, i(4, 2, low=-5, high=5), axis=1),
        call("take_along_axis", x, i(1, 5, high=4), axis=0),
        call("slice", x, (1, 2), (2, 3), ref=lambda x, s, n: x[1:3, 2:5]),
        call("slice", x, (0, 1), (4, -1), ref=lambda x, s, n: x[:, 1:]),
        call("slice_update", x, (1, 2), f(2, 2), ref=_slice_update),
        call("scatter", np.array([[0], [2], [0]]), f(3, 2), (4, 2), ref=_scatter),
        call("scatter_update", x, np.array([[1, 2], [3, 0]]), f(2), ref=_scatter_update),
        *[
            call("scatter_update", x, np.array([[1, 2], [3, 0], [1, 2]]), f(3), r, ref=_scatter_update, smooth=r != "mul")
            for r in ("add", "max", "min", "mul")
        ],
        call("unravel_index", i(5, high=12), (3, 4), smooth=False),
        call("one_hot", i(3, low=-1, high=6), 5, ref=lambda x, n: (x[..., None] == np.arange(n)).astype("f"), smooth=False),
        call(
            "one_hot",
            i(3, 2),
            5,
            axis=1,
            ref=lambda x, n, axis: np.moveaxis((x[..., None] == np.arange(n)).astype("f"), -1, 1),
            smooth=False,
        ),
        call("multi_hot", i(3, 2), 5, ref=lambda x, n: (x[..., None] == np.arange(n)).any(1).astype("f"), smooth=False),
        call("segment_sum", f(6, 2), np.array([0, 0, 2, 3, 2, 7]), 4, ref=_segments(np.add, 0)),
        call("segment_prod", f(6), np.array([0, 0, 2, 3, 2, 3]), 4, ref=_segments(np.multiply, 1), smooth=False),
        *[
            call("segment_max", f(6), np.array([0, 0, 2, 3, 2, k]), 4, ref=_segments(np.maximum, -np.inf), smooth=k == 1)
            for k in (1, 3)
        ],
        *[
            call("segment_min", f(6), np.array([0, 0, 2, 3, 2, k]), 4, ref=_segments(np.minimum, np.inf), smooth=k == 1)
            for k in (1, 3)
        ],
    ]


def _slice_update(x: Any, start: Any, y: Any) -> Any:
    out = x.copy()
    out[1:3, 2:4] = y
    return out


def _scatter(places: Any, values: Any, shape: Any) -> Any:
    out = np.zeros(shape, values.dtype)
    np.add.at(out, places[:, 0], values)
    return out


def _scatter_update(x: Any, places: Any, values: Any, reduction: str | None = None) -> Any:
    out = x.copy()
    join = {None: None, "add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}[reduction]
    if join is None:
        out[tuple(places.T)] = values
    else:
        join.at(out, tuple(places.T), values)
    return out


def _segments(join: Any, first: float) -> Callable[..., Any]:
    def reference(data: Any, ids: Any, n: int) -> Any:
        out = np.full((n + 99, *data.shape[1:]), first, data.dtype)
        join.at(out, ids, data)
        return out[:n]

    return reference


def _products() -> list[Case]:
    sums = [
        ("ij,jk->ik", (3, 4), (4, 5)), ("bij,bjk->bik", (3, 2, 4), (3, 4, 5)), ("ij,ij->", (3, 4), (3, 4)), ("ij->ji", (3, 4)),
        ("ii->i", (4, 4)), ("ii", (4, 4)), ("...ij,jk", (3, 2, 4), (4, 5)), ("i,j->ij", (3,), (4,)),
        ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
        ("ij,jk,kl->il", (3, 4), (4, 5), (5, 2)), ("ijk->j", (2, 3, 4)), ("ij,jk,ki->", (3, 4), (4, 5), (5, 3)), ("ab,b->a", (3, 4), (4,)),
        ("iij,j->i", (3, 3, 4), (4,)), ("...a,...b->...ab", (2, 3), (2, 4)), ("ij,k->ik", (3, 4), (5,)),
    ]  # fmt: skip
    return [
        *[call("einsum", s, *[f(*shape) for shape in shapes]) for s, *shapes in sums],
        *[
            call("matmul", f(*p), f(*q))
            for p, q in (
                ((3, 4), (4, 5)),
                ((2, 3, 4), (2, 4, 5)),
                ((2, 3, 4), (4, 5)),
                ((4,), (4, 2)),
                ((3, 4), (4,)),
                ((4,), (4,)),
            )
        ],
        *[call("dot", f(*p), f(*q)) for p, q in (((3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((4,), (4,)), ((), (2, 3)))],
        call("tensordot", f(3, 4, 5), f(5, 4, 2), axes=[[1, 2], [1, 0]]),
        call("tensordot", f(3, 4), f(4, 2), axes=1),
        call("tensordot", f(3), f(4), axes=0),
        call("inner", f(3, 4), f(2, 4)),
        call("outer", f(3), f(2, 2)),
        call("vdot", f(3, 4), f(3, 4)),
        call("kron", f(2, 3), f(3, 2)),
        call("kron", f(2), f(2, 3)),
        call("cross", f(4, 3), f(4, 3)),
        call("cross", f(3, 4), f(3, 4), axis=0),
    ]


def _creation() -> list[Case]:
    return [
        call("zeros", (2, 3), smooth=False),
        call("ones", 3, smooth=False),
        call("empty", (2,), ref=np.zeros, smooth=False),
        call("full", (2, 3), 7.0, smooth=False),
        call("arange", 5, smooth=False),
        call("arange", 2, 9, 3, smooth=False),
        call("arange", 5, 0, -2, smooth=False),
        call("arange", 0.0, 1.0, 0.25, smooth=False),
        call("linspace", 0.0, 1.0, 7, smooth=False),
        call("linspace", f(3), f(3), 5, axis=1),
        call("linspace", 0.0, 1.0, 4, endpoint=False, smooth=False),
        call("logspace", 0.0, 2.0, 5, smooth=False),
        call("geomspace", 1.0, 100.0, 5, smooth=False),
        call("eye", 3, 4, 1, smooth=False),
        call("identity", 3, smooth=False),
        call("tri", 3, 4, -1, smooth=False),
        *[call(n, k, smooth=False) for n in ("bartlett", "hanning", "hamming", "blackman") for k in (1, 6)],
        call("kaiser", 6, 3.0, smooth=False),
    ]


CASES = [*_indices(), *_products(), *_creation()]
