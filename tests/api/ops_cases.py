"""One table of calls of public ops with what NumPy gives for them. `test_ops.py` runs each in every way an op can be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Arr:
    """An array of random numbers in [low, high)."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    low: float = -2.0
    high: float = 2.0

    def make(self, rng: np.random.Generator, dtype: str | None = None) -> Any:
        kind = np.dtype(dtype if dtype and self.dtype == "float32" else self.dtype)
        if kind.kind == "b":
            return rng.random(self.shape) < 0.5
        if kind.kind in "iu":
            return rng.integers(int(self.low), int(self.high), self.shape).astype(kind)
        return (rng.random(self.shape) * (self.high - self.low) + self.low).astype(kind)


def f(*shape: int, low: float = -2.0, high: float = 2.0) -> Arr:
    return Arr(shape, "float32", low, high)


def i(*shape: int, low: int = 0, high: int = 5, dtype: str = "int32") -> Arr:
    return Arr(shape, dtype, low, high)


def b(*shape: int) -> Arr:
    return Arr(shape, "bool")


@dataclass(frozen=True)
class Case:
    """A call: `reference` is a function of NumPy arrays, by default NumPy's function of the same name."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    reference: Callable[..., Any] | None = None
    smooth: bool = True  # has a derivative almost everywhere where its arguments lie

    def expected(self, *args: Any) -> Any:
        return (self.reference or getattr(np, self.name))(*args, **self.kwargs)


def filled(x: Any, rng: np.random.Generator, dtype: str | None = None) -> Any:
    """Arguments with arrays in place of `Arr`."""
    if isinstance(x, Arr):
        return x.make(rng, dtype)
    if isinstance(x, list | tuple):
        return type(x)(filled(e, rng, dtype) for e in x)
    return x


def _c(name: str, *args: Any, ref: Callable[..., Any] | None = None, smooth: bool = True, **kwargs: Any) -> Case:
    return Case(name, args, kwargs, ref, smooth)


def _elementwise() -> list[Case]:
    wide, unit, positive = f(3, 4), f(3, 4, low=-0.9, high=0.9), f(3, 4, low=0.1, high=4.0)
    cases = [
        _c(n, wide)
        for n in "negative absolute abs fabs square exp exp2 expm1 sin cos sinh cosh tanh arctan arcsinh sinc i0".split()
    ]
    cases += [
        _c(n, wide, smooth=False)
        for n in "sign ceil floor trunc round signbit isnan isinf isfinite isposinf isneginf isreal".split()
    ]
    cases += [_c(n, positive) for n in "sqrt log log1p log2 log10 reciprocal cbrt".split()]
    cases += [_c(n, unit) for n in "arcsin arccos arctanh tan deg2rad rad2deg".split()]
    cases += [
        _c(n, wide, f(4)) for n in "add subtract multiply maximum minimum fmax fmin logaddexp logaddexp2 arctan2 hypot".split()
    ]
    cases += [_c(n, f(2, 1, 4), f(3, 1)) for n in "add multiply maximum".split()]
    cases += [_c(n, wide, f(3, 4, low=0.5, high=2.0)) for n in "divide true_divide fmod mod".split()]
    cases += [
        _c(n, i(3, 4, low=-9, high=9), i(3, 4, low=1, high=5), smooth=False) for n in "floor_divide mod fmod gcd lcm".split()
    ]
    cases += [
        _c(n, wide, f(4), smooth=False) for n in "equal not_equal less less_equal greater greater_equal isclose allclose".split()
    ]
    cases += [_c(n, b(3, 4), b(4), smooth=False) for n in "logical_and logical_or logical_xor".split()]
    cases += [_c(n, i(3, 4), i(4), smooth=False) for n in "bitwise_and bitwise_or bitwise_xor left_shift right_shift".split()]
    cases += [_c("bitwise_left_shift", i(3), i(3), ref=np.left_shift, smooth=False)]
    cases += [_c("bitwise_right_shift", i(3, high=99), i(3), ref=np.right_shift, smooth=False)]
    cases += [_c(n, i(5), ref=np.invert, smooth=False) for n in ("bitwise_not", "bitwise_invert")]
    return [
        *cases,
        _c("logical_not", b(5), smooth=False),
        _c("arccosh", f(3, 4, low=1.2, high=4.0)),
        _c("rsqrt", positive, ref=lambda x: 1 / np.sqrt(x)),
        _c("erf", wide, ref=_scipy_free("erf")),
        _c("erfc", f(3, 4, low=-3, high=6), ref=_scipy_free("erfc")),
        _c("erfinv", unit, ref=_erfinv),
        _c("power", positive, f(4)),
        _c("power", wide, 3, smooth=True),
        _c("ldexp", wide, i(3, 4), ref=np.ldexp),
        _c("heaviside", wide, 0.5, smooth=False),
        _c("divide_no_nan", wide, i(4, high=3), ref=lambda x, y: np.where(y == 0, 0, x / np.where(y == 0, 1, y))),
        _c("clip", wide, -1.0, 1.0),
        _c("clip", i(3, 4), 1, 3, smooth=False),
        _c("round", wide, 1, smooth=False),
        _c("nan_to_num", wide),
        *[_c(n, wide, ref=lambda x: x) for n in ("real", "conj", "conjugate", "copy")],
        _c("imag", wide, ref=np.zeros_like, smooth=False),
        _c("angle", wide, ref=lambda x: np.where(x < 0, np.pi, 0), smooth=False),
        _c("where", b(3, 4), wide, f(4)),
        _c("select", [b(3, 4), b(3, 4)], [wide, f(3, 4)], ref=lambda c, x: np.select(c, x)),
        _c("isin", i(3, 4), i(2), smooth=False),
        _c("cast", wide, "int32", ref=lambda x, d: x.astype(d), smooth=False),
        _c("saturate_cast", f(5, low=-300, high=300), "int8", ref=lambda x, d: np.clip(x, -128, 127).astype(d), smooth=False),
        _c("stop_gradient", wide, ref=lambda x: x, smooth=False),
    ]


def _scipy_free(name: str) -> Callable[..., Any]:
    import math

    return lambda x: np.vectorize(getattr(math, name))(x.astype("float64"))


def _erfinv(x: Any) -> Any:
    y = np.zeros_like(x, "float64")
    for _ in range(60):
        y -= (_scipy_free("erf")(y) - x) / (2 / np.sqrt(np.pi) * np.exp(-(y**2)))
    return y


def _reductions() -> list[Case]:
    x = f(3, 4, 5)
    cases: list[Case] = []
    for n in "sum mean var std max min amax amin prod ptp".split():
        cases += [_c(n, x), _c(n, x, axis=1), _c(n, x, axis=(0, 2)), _c(n, x, axis=-1, keepdims=True)]
    for n in "nansum nanmean nanvar nanstd nanmax nanmin nanprod".split():
        cases += [_c(n, x), _c(n, x, axis=1, keepdims=True)]
    for n in "cumsum cumprod nancumsum nancumprod".split():
        cases += [_c(n, f(3, 4, low=0.5, high=1.5)), _c(n, f(3, 4, low=0.5, high=1.5), axis=0)]
    for n in "all any".split():
        cases += [_c(n, b(3, 4), smooth=False), _c(n, b(3, 4), axis=1, keepdims=True, smooth=False)]
    for n in "argmax argmin nanargmax nanargmin".split():
        cases += [_c(n, x, smooth=False), _c(n, x, axis=1, smooth=False)]
    for n in "quantile nanquantile".split():
        cases += [_c(n, x, 0.3), _c(n, x, [0.1, 0.6], axis=1, ref=getattr(np, n)), _c(n, x, 0.5, axis=(0, 2), keepdims=True)]
        cases += [_c(n, x, 0.3, axis=0, method=m) for m in ("lower", "higher", "midpoint")]
    return [
        *cases,
        _c("count_nonzero", i(3, 4, high=2), axis=1, smooth=False),
        _c("logsumexp", x, axis=1, ref=lambda a, axis: np.log(np.exp(a).sum(axis))),
        _c("logsumexp", x, keepdims=True, ref=lambda a, keepdims: np.log(np.exp(a).sum(keepdims=True))),
        _c("average", x, axis=1, weights=None),
        _c("moments", x, axes=[1, 2], ref=lambda a, axes: (a.mean((1, 2)), a.var((1, 2)))),
        _c("median", x, axis=1),
        _c("nanmedian", x),
        _c("percentile", x, 30.0, axis=0),
        _c("nanpercentile", x, 30.0, axis=0),
        _c("diff", f(3, 6), axis=1),
        _c("diff", f(6), n=2),
        _c("trapezoid", f(3, 6), ref=lambda y: ((y[..., 1:] + y[..., :-1]) / 2).sum(-1)),
        _c("sort", f(3, 6)),
        _c("sort", f(3, 6), axis=0),
        _c("argsort", f(3, 6), axis=0, smooth=False),
        _c("top_k", f(3, 6), 2, ref=lambda x, k: (-np.sort(-x)[..., :k], np.argsort(-x, kind="stable")[..., :k])),
        _c("searchsorted", np.array([-1.0, 0.0, 1.0], "float32"), f(3, 4), smooth=False),
        _c("digitize", f(3, 4), np.array([-1.0, 0.0, 1.0], "float32"), smooth=False),
        _c(
            "in_top_k",
            i(3, high=4),
            f(3, 4),
            2,
            ref=lambda t, p, k: np.array([v in np.argsort(-r)[:k] for v, r in zip(t, p, strict=True)]),
            smooth=False,
        ),
        _c("norm", f(3, 4), ref=np.linalg.norm),
        *[_c("norm", f(3, 4), ord=o, ref=np.linalg.norm) for o in (1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc")],
        *[_c("norm", f(3, 4), ord=o, axis=1, ref=np.linalg.norm) for o in (1, 2, 3, np.inf, -np.inf)],
        _c("cdist", f(4, 3), f(5, 3), ref=lambda x, y: np.linalg.norm(x[:, None] - y[None], axis=-1)),
        _c("psnr", f(4, 3), f(4, 3), 2.0, ref=lambda x, y, m: 20 * np.log10(m) - 10 * np.log10(((x - y) ** 2).mean())),
        _c("corrcoef", f(3, 6)),
        *[_c("correlate", f(6), f(3), mode=m) for m in ("valid", "same", "full")],
        *[_c("correlate", f(3), f(6), mode=m, ref=np.correlate) for m in ("valid", "full")],
    ]


def _shapes() -> list[Case]:
    x, y = f(3, 4, 5), f(3, 4)
    return [
        _c("reshape", x, (-1, 10)),
        _c("reshape", x, (3, -1)),
        _c("ravel", y),
        _c("transpose", x),
        _c("transpose", x, (0, 2, 1)),
        _c("swapaxes", x, 1, 2),
        _c("moveaxis", x, 0, -1),
        _c("moveaxis", x, (0, 1), (-1, 0)),
        _c("expand_dims", y, 1),
        _c("expand_dims", y, (0, -1)),
        _c("squeeze", f(3, 1, 4, 1)),
        _c("squeeze", f(3, 1, 4, 1), axis=1),
        _c("flip", y),
        _c("flip", y, axis=1),
        _c("fliplr", y),
        _c("flipud", y),
        *[_c("rot90", y, k) for k in range(4)],
        _c("roll", y, 1),
        _c("roll", y, 2, axis=1),
        _c("roll", y, (1, -2), axis=(0, 1)),
        _c("broadcast_to", f(1, 4), (3, 4)),
        _c("tile", y, (2, 1)),
        _c("tile", y, 2),
        _c("repeat", y, 2),
        _c("repeat", y, 3, axis=1),
        _c("repeat", y, [1, 0, 2, 1], axis=1),
        _c("concatenate", [y, f(3, 2)], axis=1),
        _c("stack", [y, y], axis=1),
        _c("append", y, f(3, 2), axis=1),
        _c("append", y, f(3, 2)),
        *[_c(n, [y, y]) for n in ("hstack", "vstack", "dstack")],
        _c("split", f(4, 6), 3, axis=1),
        _c("split", f(4, 6), [1, 4], axis=1),
        _c("array_split", f(4, 7), 3, axis=1),
        _c("hsplit", f(4, 6), 2),
        _c("vsplit", f(4, 6), 2),
        _c("dsplit", f(2, 3, 4), 2),
        _c("unstack", f(3, 4), axis=1, ref=lambda x, axis: list(np.moveaxis(x, axis, 0))),
        _c("meshgrid", f(3), f(4)),
        _c("meshgrid", f(3), f(4), f(2), indexing="ij"),
        _c("pad", y, ((1, 2), (0, 1))),
        _c("pad", y, ((0, 0), (2, 1)), constant_values=7.0),
        *[_c("pad", y, ((1, 2), (2, 1)), mode=m) for m in ("reflect", "symmetric", "edge", "wrap")],
        _c("space_to_depth", f(2, 4, 6, 3), 2, ref=_space_to_depth),
        _c("depth_to_space", f(2, 2, 3, 12), 2, ref=_depth_to_space),
        _c("extract_sequences", f(3, 8), 4, 2, ref=lambda x, n, s: np.stack([x[:, k : k + n] for k in range(0, 5, s)], 1)),
        _c(
            "rearrange",
            f(2, 6, 4),
            "a (b c) d -> a c (b d)",
            b=2,
            ref=lambda x, p, b: x.reshape(2, b, 3, 4).transpose(0, 2, 1, 3).reshape(2, 3, 8),
        ),
        *[_c("tril", x, k) for k in (0, 1, -1)],
        _c("triu", x),
        _c("diag", f(4)),
        _c("diag", f(4), 1),
        _c("diag", f(3, 4), -1),
        _c("diagflat", f(2, 2)),
        _c("diagonal", x, 1),
        _c("diagonal", x, axis1=1, axis2=2),
        _c("trace", f(3, 4)),
        _c("vander", f(4), 3),
        _c("vander", f(4), increasing=True),
        _c("zeros_like", y, smooth=False),
        _c("ones_like", y, smooth=False),
        _c("full_like", y, 3.0, smooth=False),
        _c("empty_like", y, ref=np.zeros_like, smooth=False),
        _c("size", y, smooth=False),
        _c("get_item", f(4, 5), (slice(None), slice(1, None, 2)), ref=lambda x, k: x[k]),
    ]


def _space_to_depth(x: Any, b: int) -> Any:
    n, h, w, c = x.shape
    return x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // b, w // b, b * b * c)


def _depth_to_space(x: Any, b: int) -> Any:
    n, h, w, c = x.shape
    return x.reshape(n, h, w, b, b, c // b**2).transpose(0, 1, 3, 2, 4, 5).reshape(n, h * b, w * b, c // b**2)


def _indices() -> list[Case]:
    x = f(4, 5)
    return [
        _c("take", x, i(2, 3, low=-4, high=4), axis=0, ref=np.take),
        _c("take", x, i(3, low=-5, high=5), axis=1),
        _c("take", x, i(3, high=20)),
        _c("take_along_axis", x, i(4, 2, low=-5, high=5), axis=1),
        _c("take_along_axis", x, i(1, 5, high=4), axis=0),
        _c("slice", x, (1, 2), (2, 3), ref=lambda x, s, n: x[1:3, 2:5]),
        _c("slice", x, (0, 1), (4, -1), ref=lambda x, s, n: x[:, 1:]),
        _c("slice_update", x, (1, 2), f(2, 2), ref=_slice_update),
        _c("scatter", np.array([[0], [2], [0]]), f(3, 2), (4, 2), ref=_scatter),
        _c("scatter_update", x, np.array([[1, 2], [3, 0]]), f(2), ref=_scatter_update),
        *[
            _c("scatter_update", x, np.array([[1, 2], [3, 0], [1, 2]]), f(3), r, ref=_scatter_update, smooth=r != "mul")
            for r in ("add", "max", "min", "mul")
        ],
        _c("unravel_index", i(5, high=12), (3, 4), smooth=False),
        _c("one_hot", i(3, low=-1, high=6), 5, ref=lambda x, n: (x[..., None] == np.arange(n)).astype("f"), smooth=False),
        _c(
            "one_hot",
            i(3, 2),
            5,
            axis=1,
            ref=lambda x, n, axis: np.moveaxis((x[..., None] == np.arange(n)).astype("f"), -1, 1),
            smooth=False,
        ),
        _c("multi_hot", i(3, 2), 5, ref=lambda x, n: (x[..., None] == np.arange(n)).any(1).astype("f"), smooth=False),
        _c("segment_sum", f(6, 2), np.array([0, 0, 2, 3, 2, 7]), 4, ref=_segments(np.add, 0)),
        _c("segment_prod", f(6), np.array([0, 0, 2, 3, 2, 3]), 4, ref=_segments(np.multiply, 1), smooth=False),
        *[
            _c("segment_max", f(6), np.array([0, 0, 2, 3, 2, k]), 4, ref=_segments(np.maximum, -np.inf), smooth=k == 1)
            for k in (1, 3)
        ],
        *[
            _c("segment_min", f(6), np.array([0, 0, 2, 3, 2, k]), 4, ref=_segments(np.minimum, np.inf), smooth=k == 1)
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
        *[_c("einsum", s, *[f(*shape) for shape in shapes]) for s, *shapes in sums],
        *[
            _c("matmul", f(*p), f(*q))
            for p, q in (
                ((3, 4), (4, 5)),
                ((2, 3, 4), (2, 4, 5)),
                ((2, 3, 4), (4, 5)),
                ((4,), (4, 2)),
                ((3, 4), (4,)),
                ((4,), (4,)),
            )
        ],
        *[_c("dot", f(*p), f(*q)) for p, q in (((3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((4,), (4,)), ((), (2, 3)))],
        _c("tensordot", f(3, 4, 5), f(5, 4, 2), axes=[[1, 2], [1, 0]]),
        _c("tensordot", f(3, 4), f(4, 2), axes=1),
        _c("tensordot", f(3), f(4), axes=0),
        _c("inner", f(3, 4), f(2, 4)),
        _c("outer", f(3), f(2, 2)),
        _c("vdot", f(3, 4), f(3, 4)),
        _c("kron", f(2, 3), f(3, 2)),
        _c("kron", f(2), f(2, 3)),
        _c("cross", f(4, 3), f(4, 3)),
        _c("cross", f(3, 4), f(3, 4), axis=0),
    ]


def _creation() -> list[Case]:
    return [
        _c("zeros", (2, 3), smooth=False),
        _c("ones", 3, smooth=False),
        _c("empty", (2,), ref=np.zeros, smooth=False),
        _c("full", (2, 3), 7.0, smooth=False),
        _c("arange", 5, smooth=False),
        _c("arange", 2, 9, 3, smooth=False),
        _c("arange", 5, 0, -2, smooth=False),
        _c("arange", 0.0, 1.0, 0.25, smooth=False),
        _c("linspace", 0.0, 1.0, 7, smooth=False),
        _c("linspace", f(3), f(3), 5, axis=1),
        _c("linspace", 0.0, 1.0, 4, endpoint=False, smooth=False),
        _c("logspace", 0.0, 2.0, 5, smooth=False),
        _c("geomspace", 1.0, 100.0, 5, smooth=False),
        _c("eye", 3, 4, 1, smooth=False),
        _c("identity", 3, smooth=False),
        _c("tri", 3, 4, -1, smooth=False),
        *[_c(n, k, smooth=False) for n in ("bartlett", "hanning", "hamming", "blackman") for k in (1, 6)],
        _c("kaiser", 6, 3.0, smooth=False),
    ]


CASES = [*_elementwise(), *_reductions(), *_shapes(), *_indices(), *_products(), *_creation()]
