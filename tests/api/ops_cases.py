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


def call(name: str, *args: Any, ref: Callable[..., Any] | None = None, smooth: bool = True, **kwargs: Any) -> Case:
    return Case(name, args, kwargs, ref, smooth)


def _elementwise() -> list[Case]:
    wide, unit, positive = f(3, 4), f(3, 4, low=-0.9, high=0.9), f(3, 4, low=0.1, high=4.0)
    cases = [
        call(n, wide)
        for n in "negative absolute abs fabs square exp exp2 expm1 sin cos sinh cosh tanh arctan arcsinh sinc i0".split()
    ]
    cases += [
        call(n, wide, smooth=False)
        for n in "sign ceil floor trunc round signbit isnan isinf isfinite isposinf isneginf isreal".split()
    ]
    cases += [call(n, positive) for n in "sqrt log log1p log2 log10 reciprocal cbrt".split()]
    cases += [call(n, unit) for n in "arcsin arccos arctanh tan deg2rad rad2deg".split()]
    cases += [
        call(n, wide, f(4)) for n in "add subtract multiply maximum minimum fmax fmin logaddexp logaddexp2 arctan2 hypot".split()
    ]
    cases += [call(n, f(2, 1, 4), f(3, 1)) for n in "add multiply maximum".split()]
    cases += [call(n, wide, f(3, 4, low=0.5, high=2.0)) for n in "divide true_divide fmod mod".split()]
    cases += [
        call(n, i(3, 4, low=-9, high=9), i(3, 4, low=1, high=5), smooth=False) for n in "floor_divide mod fmod gcd lcm".split()
    ]
    cases += [
        call(n, wide, f(4), smooth=False)
        for n in "equal not_equal less less_equal greater greater_equal isclose allclose".split()
    ]
    cases += [call(n, b(3, 4), b(4), smooth=False) for n in "logical_and logical_or logical_xor".split()]
    cases += [call(n, i(3, 4), i(4), smooth=False) for n in "bitwise_and bitwise_or bitwise_xor left_shift right_shift".split()]
    cases += [call("bitwise_left_shift", i(3), i(3), ref=np.left_shift, smooth=False)]
    cases += [call("bitwise_right_shift", i(3, high=99), i(3), ref=np.right_shift, smooth=False)]
    cases += [call(n, i(5), ref=np.invert, smooth=False) for n in ("bitwise_not", "bitwise_invert")]
    return [
        *cases,
        call("logical_not", b(5), smooth=False),
        call("arccosh", f(3, 4, low=1.2, high=4.0)),
        call("rsqrt", positive, ref=lambda x: 1 / np.sqrt(x)),
        call("erf", wide, ref=_scipy_free("erf")),
        call("erfc", f(3, 4, low=-3, high=6), ref=_scipy_free("erfc")),
        call("erfinv", unit, ref=_erfinv),
        call("power", positive, f(4)),
        call("power", wide, 3, smooth=True),
        call("ldexp", wide, i(3, 4), ref=np.ldexp),
        call("heaviside", wide, 0.5, smooth=False),
        call("divide_no_nan", wide, i(4, high=3), ref=lambda x, y: np.where(y == 0, 0, x / np.where(y == 0, 1, y))),
        call("clip", wide, -1.0, 1.0),
        call("clip", i(3, 4), 1, 3, smooth=False),
        call("round", wide, 1, smooth=False),
        call("nan_to_num", wide),
        *[call(n, wide, ref=lambda x: x) for n in ("real", "conj", "conjugate", "copy")],
        call("imag", wide, ref=np.zeros_like, smooth=False),
        call("angle", wide, ref=lambda x: np.where(x < 0, np.pi, 0), smooth=False),
        call("where", b(3, 4), wide, f(4)),
        call("select", [b(3, 4), b(3, 4)], [wide, f(3, 4)], ref=lambda c, x: np.select(c, x)),
        call("isin", i(3, 4), i(2), smooth=False),
        call("cast", wide, "int32", ref=lambda x, d: x.astype(d), smooth=False),
        call("saturate_cast", f(5, low=-300, high=300), "int8", ref=lambda x, d: np.clip(x, -128, 127).astype(d), smooth=False),
        call("stop_gradient", wide, ref=lambda x: x, smooth=False),
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
        cases += [call(n, x), call(n, x, axis=1), call(n, x, axis=(0, 2)), call(n, x, axis=-1, keepdims=True)]
    for n in "nansum nanmean nanvar nanstd nanmax nanmin nanprod".split():
        cases += [call(n, x), call(n, x, axis=1, keepdims=True)]
    for n in "cumsum cumprod nancumsum nancumprod".split():
        cases += [call(n, f(3, 4, low=0.5, high=1.5)), call(n, f(3, 4, low=0.5, high=1.5), axis=0)]
    for n in "all any".split():
        cases += [call(n, b(3, 4), smooth=False), call(n, b(3, 4), axis=1, keepdims=True, smooth=False)]
    for n in "argmax argmin nanargmax nanargmin".split():
        cases += [call(n, x, smooth=False), call(n, x, axis=1, smooth=False)]
    for n in "quantile nanquantile".split():
        cases += [
            call(n, x, 0.3),
            call(n, x, [0.1, 0.6], axis=1, ref=getattr(np, n)),
            call(n, x, 0.5, axis=(0, 2), keepdims=True),
        ]
        cases += [call(n, x, 0.3, axis=0, method=m) for m in ("lower", "higher", "midpoint")]
    return [
        *cases,
        call("count_nonzero", i(3, 4, high=2), axis=1, smooth=False),
        call("logsumexp", x, axis=1, ref=lambda a, axis: np.log(np.exp(a).sum(axis))),
        call("logsumexp", x, keepdims=True, ref=lambda a, keepdims: np.log(np.exp(a).sum(keepdims=True))),
        call("average", x, axis=1, weights=None),
        call("moments", x, axes=[1, 2], ref=lambda a, axes: (a.mean((1, 2)), a.var((1, 2)))),
        call("median", x, axis=1),
        call("nanmedian", x),
        call("percentile", x, 30.0, axis=0),
        call("nanpercentile", x, 30.0, axis=0),
        call("diff", f(3, 6), axis=1),
        call("diff", f(6), n=2),
        call("trapezoid", f(3, 6), ref=lambda y: ((y[..., 1:] + y[..., :-1]) / 2).sum(-1)),
        call("sort", f(3, 6)),
        call("sort", f(3, 6), axis=0),
        call("argsort", f(3, 6), axis=0, smooth=False),
        call("top_k", f(3, 6), 2, ref=lambda x, k: (-np.sort(-x)[..., :k], np.argsort(-x, kind="stable")[..., :k])),
        call("searchsorted", np.array([-1.0, 0.0, 1.0], "float32"), f(3, 4), smooth=False),
        call("digitize", f(3, 4), np.array([-1.0, 0.0, 1.0], "float32"), smooth=False),
        call(
            "in_top_k",
            i(3, high=4),
            f(3, 4),
            2,
            ref=lambda t, p, k: np.array([v in np.argsort(-r)[:k] for v, r in zip(t, p, strict=True)]),
            smooth=False,
        ),
        call("histogram", f(20), 5, smooth=False),
        call("histogram", f(4, 5), 4, (-1.0, 1.5), smooth=False),
        call("norm", f(3, 4), ref=np.linalg.norm),
        *[call("norm", f(3, 4), ord=o, ref=np.linalg.norm) for o in (1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc")],
        *[call("norm", f(3, 4), ord=o, axis=1, ref=np.linalg.norm) for o in (1, 2, 3, np.inf, -np.inf)],
        call("cdist", f(4, 3), f(5, 3), ref=lambda x, y: np.linalg.norm(x[:, None] - y[None], axis=-1)),
        call("psnr", f(4, 3), f(4, 3), 2.0, ref=lambda x, y, m: 20 * np.log10(m) - 10 * np.log10(((x - y) ** 2).mean())),
        call("corrcoef", f(3, 6)),
        *[call("correlate", f(6), f(3), mode=m) for m in ("valid", "same", "full")],
        *[call("correlate", f(3), f(6), mode=m, ref=np.correlate) for m in ("valid", "full")],
    ]


def _shapes() -> list[Case]:
    x, y = f(3, 4, 5), f(3, 4)
    return [
        call("reshape", x, (-1, 10)),
        call("reshape", x, (3, -1)),
        call("ravel", y),
        call("transpose", x),
        call("transpose", x, (0, 2, 1)),
        call("swapaxes", x, 1, 2),
        call("moveaxis", x, 0, -1),
        call("moveaxis", x, (0, 1), (-1, 0)),
        call("expand_dims", y, 1),
        call("expand_dims", y, (0, -1)),
        call("squeeze", f(3, 1, 4, 1)),
        call("squeeze", f(3, 1, 4, 1), axis=1),
        call("flip", y),
        call("flip", y, axis=1),
        call("fliplr", y),
        call("flipud", y),
        *[call("rot90", y, k) for k in range(4)],
        call("roll", y, 1),
        call("roll", y, 2, axis=1),
        call("roll", y, (1, -2), axis=(0, 1)),
        call("broadcast_to", f(1, 4), (3, 4)),
        call("tile", y, (2, 1)),
        call("tile", y, 2),
        call("repeat", y, 2),
        call("repeat", y, 3, axis=1),
        call("repeat", y, [1, 0, 2, 1], axis=1),
        call("concatenate", [y, f(3, 2)], axis=1),
        call("stack", [y, y], axis=1),
        call("append", y, f(3, 2), axis=1),
        call("append", y, f(3, 2)),
        *[call(n, [y, y]) for n in ("hstack", "vstack", "dstack")],
        call("split", f(4, 6), 3, axis=1),
        call("split", f(4, 6), [1, 4], axis=1),
        call("array_split", f(4, 7), 3, axis=1),
        call("hsplit", f(4, 6), 2),
        call("vsplit", f(4, 6), 2),
        call("dsplit", f(2, 3, 4), 2),
        call("unstack", f(3, 4), axis=1, ref=lambda x, axis: list(np.moveaxis(x, axis, 0))),
        call("meshgrid", f(3), f(4)),
        call("meshgrid", f(3), f(4), f(2), indexing="ij"),
        call("pad", y, ((1, 2), (0, 1))),
        call("pad", y, ((0, 0), (2, 1)), constant_values=7.0),
        *[call("pad", y, ((1, 2), (2, 1)), mode=m) for m in ("reflect", "symmetric", "edge", "wrap")],
        call("space_to_depth", f(2, 4, 6, 3), 2, ref=_space_to_depth),
        call("depth_to_space", f(2, 2, 3, 12), 2, ref=_depth_to_space),
        call("extract_sequences", f(3, 8), 4, 2, ref=lambda x, n, s: np.stack([x[:, k : k + n] for k in range(0, 5, s)], 1)),
        call(
            "rearrange",
            f(2, 6, 4),
            "a (b c) d -> a c (b d)",
            b=2,
            ref=lambda x, p, b: x.reshape(2, b, 3, 4).transpose(0, 2, 1, 3).reshape(2, 3, 8),
        ),
        *[call("tril", x, k) for k in (0, 1, -1)],
        call("triu", x),
        call("diag", f(4)),
        call("diag", f(4), 1),
        call("diag", f(3, 4), -1),
        call("diagflat", f(2, 2)),
        call("diagonal", x, 1),
        call("diagonal", x, axis1=1, axis2=2),
        call("trace", f(3, 4)),
        call("vander", f(4), 3),
        call("vander", f(4), increasing=True),
        call("zeros_like", y, smooth=False),
        call("ones_like", y, smooth=False),
        call("full_like", y, 3.0, smooth=False),
        call("empty_like", y, ref=np.zeros_like, smooth=False),
        call("size", y, smooth=False),
        call("get_item", f(4, 5), (slice(None), slice(1, None, 2)), ref=lambda x, k: x[k]),
    ]


def _space_to_depth(x: Any, b: int) -> Any:
    n, h, w, c = x.shape
    return x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // b, w // b, b * b * c)


def _depth_to_space(x: Any, b: int) -> Any:
    n, h, w, c = x.shape
    return x.reshape(n, h, w, b, b, c // b**2).transpose(0, 1, 3, 2, 4, 5).reshape(n, h * b, w * b, c // b**2)


CASES = [*_elementwise(), *_reductions(), *_shapes()]
