"""Operators, constants, masks, comparisons, selection, and the fixed trees of horizontal operations."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from .simd_emit import Emit, Vec
from .simd_types import (
    B1,
    ELEMENTS,
    I1,
    I16,
    I32,
    I64,
    LANES,
    VECTORS,
    Element,
    VecType,
    alike,
    define,
    extending,
    family,
    fixed,
    ir,
    templates,
    types,
)

INF, NAN = float("inf"), float("nan")

VecFunction = Callable[[Vec], Any] | Callable[[Vec, Vec], Any] | Callable[[Vec, Vec, Vec], Any]


def vector_function(
    name: str, parameters: str, kinds: str, formula: VecFunction, result: Any = None, doc: str = ""
) -> Any:
    """A function of equal vectors: formula(*Vec) -> Vec, or an LLVM value where the result is a scalar."""
    call: Callable[..., Any] = formula

    def emit(em: Emit, sig: Any, *values: Any) -> Any:
        out = call(*(em.vec(sig.args[0].element, v) for v in values))
        return out.v if isinstance(out, Vec) else out

    return define(name, parameters, alike(kinds, result), emit, doc or formula.__doc__ or "")


# ---- operators


def _shift_left(a: Vec, n: Vec) -> Vec:
    """As NumPy: a shift by the width or more leaves 0."""
    inside = n.e.vec(_unsigned(n.element), n.v).lt(8 * ELEMENTS[n.element].size)
    return (a << n.where(inside, 0)).where(inside, 0)


def _shift_right(a: Vec, n: Vec) -> Vec:
    width = 8 * ELEMENTS[n.element].size
    inside = n.e.vec(_unsigned(n.element), n.v).lt(width)
    if a.kind == "i":  # only the sign is left
        return a >> n.where(inside, width - 1)
    return (a >> n.where(inside, 0)).where(inside, 0)


def _unsigned(element: str) -> str:
    return "u" + element[1:]


def _operator(op: Any, arity: int, kinds: str, formula: VecFunction) -> None:
    call: Callable[..., Vec] = formula

    class Template(templates.AbstractTemplate):
        key = op

        def generic(self, args: Any, kws: Any) -> Any:
            first = args[0]
            if (
                len(args) == arity
                and isinstance(first, VecType)
                and first.kind in kinds
                and all(a == first for a in args)
            ):
                return templates.Signature(first, args, None)
            return None

    templates.infer_global(op)(Template)

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        em = Emit(builder)
        return call(*(em.vec(sig.args[0].element, v) for v in values)).v

    extending.lower_builtin(op, *[VecType] * arity)(lower)


_OPERATORS: tuple[tuple[str, str, str, Callable[[Vec, Vec], Vec]], ...] = (
    ("add", "iadd", "fiu", Vec.__add__),
    ("sub", "isub", "fiu", Vec.__sub__),
    ("mul", "imul", "fiu", Vec.__mul__),
    ("truediv", "itruediv", "f", Vec.__truediv__),
    ("and_", "iand", "iub", Vec.__and__),
    ("or_", "ior", "iub", Vec.__or__),
    ("xor", "ixor", "iub", Vec.__xor__),
    ("lshift", "ilshift", "iu", _shift_left),
    ("rshift", "irshift", "iu", _shift_right),
)
for _name, _inplace, _kinds, _formula in _OPERATORS:
    _operator(getattr(operator, _name), 2, _kinds, _formula)
    _operator(getattr(operator, _inplace), 2, _kinds, _formula)
_operator(operator.neg, 1, "fiu", Vec.__neg__)
_operator(operator.invert, 1, "iub", Vec.__invert__)


# ---- constants and masks


def _splat(em: Emit, e: Element, x: Any) -> Any:
    return em.splat(x)


# fmt: off
(
    splat_f16, splat_f32, splat_f64, splat_i8, splat_i16, splat_i32,
    splat_i64, splat_u8, splat_u16, splat_u32, splat_u64, splat_b1,
) = family("splat", "x", lambda n: fixed(VECTORS[n], ELEMENTS[n].scalar), _splat, "All lanes = x.")
(
    const_f16, const_f32, const_f64, const_i8, const_i16, const_i32,
    const_i64, const_u8, const_u16, const_u32, const_u64, const_b1,
) = family("const", "x", lambda n: fixed(VECTORS[n], ELEMENTS[n].scalar), _splat, "All lanes = a literal.")
# fmt: on


def _lanes_below(em: Emit, _: Any, n: Any) -> Any:
    count = em.llvm("smin", em.llvm("smax", n, ir.Constant(I64, 0)), ir.Constant(I64, LANES))
    bits = em.b.sub(em.b.shl(ir.Constant(I32, 1), em.b.trunc(count, I32)), ir.Constant(I32, 1))
    return em.b.bitcast(em.b.trunc(bits, I16), ir.VectorType(I1, LANES))


lanes_below = define("lanes_below", "n", fixed(B1, types.int64), _lanes_below, "The mask of the lanes l < n.")


def _ramp(em: Emit, e: Element, start: Any, step: Any) -> Any:
    return em.b.add(em.splat(start), em.b.mul(em.splat(step), em.ramp(e.name).v))


def _ramp_typer(name: str) -> Any:
    scalar = ELEMENTS[name].scalar
    return fixed(VECTORS[name], scalar, scalar)


ramp_i32, ramp_i64, ramp_u32, ramp_u64 = family(
    "ramp", "start step", _ramp_typer, _ramp, "start + lane * step.", ("i32", "i64", "u32", "u64")
)


# ---- comparisons and selection

ANY = "fiub"
lt = vector_function("lt", "a b", ANY, Vec.lt, B1)
le = vector_function("le", "a b", ANY, Vec.le, B1)
gt = vector_function("gt", "a b", ANY, Vec.gt, B1)
ge = vector_function("ge", "a b", ANY, Vec.ge, B1)
eq = vector_function("eq", "a b", ANY, Vec.eq, B1)
ne = vector_function("ne", "a b", ANY, Vec.ne, B1)


def _select_typer(mask: Any, a: Any, b: Any) -> Any:
    fixed(B1, B1)(mask)
    return alike(ANY)(a, b).replace(args=(mask, a, b))


def _select(em: Emit, _: Any, mask: Any, a: Any, b: Any) -> Any:
    return em.b.select(mask, a, b)


select = define("select", "mask a b", _select_typer, _select, "a where mask, else b.")


def _maximum(a: Vec, b: Vec) -> Vec:
    """NaN if either is; of equal values the first (as for zeros of either sign)."""
    if a.kind != "f":
        return b.where(b.gt(a), a)
    return b.where(b.isnan(), b.where(b.gt(a), a))


def _minimum(a: Vec, b: Vec) -> Vec:
    """NaN if either is; of equal values the first."""
    if a.kind != "f":
        return b.where(b.lt(a), a)
    return b.where(b.isnan(), b.where(b.lt(a), a))


maximum = vector_function("maximum", "a b", ANY, _maximum)
minimum = vector_function("minimum", "a b", ANY, _minimum)
fma = vector_function("fma", "a b c", "f", Vec.fma, doc="a * b + c with one rounding.")


def _isfinite(x: Vec) -> Vec:
    return x.unary("fabs").lt(INF)


isnan = vector_function("isnan", "x", "f", Vec.isnan, B1)
isinf = vector_function("isinf", "x", "f", lambda x: x.unary("fabs").eq(INF), B1)
isfinite = vector_function("isfinite", "x", "f", _isfinite, B1)


# ---- lanes of one vector


def _halves(x: Vec, combine: Callable[[Vec, Vec], Vec]) -> Any:
    """Lane l with lane l + 8, then + 4, + 2, + 1: the tree that every target uses."""
    b, width = x.e.b, LANES
    while width > 1:
        width //= 2
        order = ir.VectorType(I32, width)
        undefined = ir.Constant(x.v.type, ir.Undefined)
        low = b.shuffle_vector(x.v, undefined, ir.Constant(order, list(range(width))))
        high = b.shuffle_vector(x.v, undefined, ir.Constant(order, list(range(width, 2 * width))))
        x = combine(x.like(low), x.like(high))
    return b.extract_element(x.v, ir.Constant(I32, 0))


def _scalar_of(v: VecType) -> Any:
    return v.scalar


hsum = vector_function(
    "hsum", "x", "fiu", lambda x: _halves(x, Vec.__add__), _scalar_of, "Sum of the lanes, as a scalar."
)
hprod = vector_function("hprod", "x", "fiu", lambda x: _halves(x, Vec.__mul__), _scalar_of, "Product of the lanes.")
hmax = vector_function(
    "hmax", "x", ANY, lambda x: _halves(x, _maximum), _scalar_of, "Largest lane; NaN if there is one."
)
hmin = vector_function(
    "hmin", "x", ANY, lambda x: _halves(x, _minimum), _scalar_of, "Smallest lane; NaN if there is one."
)


def _all(x: Vec) -> Any:
    return x.e.mask_is_full(x.v)


def _any(x: Vec) -> Any:
    return x.e.b.icmp_unsigned("!=", x.e.mask_bits(x.v), ir.Constant(I16, 0))


hall = vector_function("hall", "x", "b", _all, types.boolean, "Whether all lanes are set.")
hany = vector_function("hany", "x", "b", _any, types.boolean, "Whether a lane is set.")


def _extract_typer(x: Any, i: Any) -> Any:
    return templates.Signature(alike(ANY, _scalar_of)(x).return_type, (x, types.int64), None)


def _insert_typer(x: Any, i: Any, value: Any) -> Any:
    return templates.Signature(x, (x, types.int64, alike(ANY, _scalar_of)(x).return_type), None)


def _extract(em: Emit, _: Any, x: Any, i: Any) -> Any:
    return em.b.extract_element(x, i)


def _insert(em: Emit, _: Any, x: Any, i: Any, value: Any) -> Any:
    return em.b.insert_element(x, value, i)


extract = define("extract", "x i", _extract_typer, _extract, "Lane i as a scalar.")
insert = define("insert", "x i value", _insert_typer, _insert, "x with lane i replaced.")
