"""Operators, comparisons, selection, conversions, rounding, and the fixed trees of horizontal operations."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, Signature, infer_global
from numba.extending import lower_builtin

from .simd_emit import Emit, Vec
from .simd_types import B1, ELEMENTS, I32, I64, LANES, NAMES, VECTORS, VecType, alike, define, fixed

INF, NAN = float("inf"), float("nan")

VecFunction = Callable[..., Any]


def vector_function(
    name: str, parameters: str, kinds: str, formula: VecFunction, result: Any = None, doc: str = ""
) -> Any:
    """A function of equal vectors: formula(*Vec) -> Vec, or an LLVM value where the result is a scalar."""

    def emit(em: Emit, sig: Signature, *values: Any) -> Any:
        out = formula(*(em.vec(sig.args[0].element, v) for v in values))
        return out.v if isinstance(out, Vec) else out

    return define(name, parameters, alike(kinds, result), emit, doc)


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
    class Template(AbstractTemplate):
        key = op

        def generic(self, args: Any, kws: Any) -> Any:
            first = args[0]
            if len(args) == arity and isinstance(first, VecType) and first.kind in kinds and all(a == first for a in args):
                return Signature(first, args, None)
            return None

    infer_global(op)(Template)

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        em = Emit(builder)
        return formula(*(em.vec(sig.args[0].element, v) for v in values)).v

    lower_builtin(op, *[VecType] * arity)(lower)


for _op, _inplace, _kinds, _formula in (
    (operator.add, operator.iadd, "fiu", operator.add),
    (operator.sub, operator.isub, "fiu", operator.sub),
    (operator.mul, operator.imul, "fiu", operator.mul),
    (operator.truediv, operator.itruediv, "f", operator.truediv),
    (operator.and_, operator.iand, "iub", operator.and_),
    (operator.or_, operator.ior, "iub", operator.or_),
    (operator.xor, operator.ixor, "iub", operator.xor),
    (operator.lshift, operator.ilshift, "iu", _shift_left),
    (operator.rshift, operator.irshift, "iu", _shift_right),
):
    _operator(_op, 2, _kinds, _formula)
    _operator(_inplace, 2, _kinds, _formula)
_operator(operator.neg, 1, "fiu", operator.neg)
_operator(operator.invert, 1, "iub", operator.invert)


# ---- constants and masks


def _splat(em: Emit, sig: Signature, x: Any) -> Any:
    return em.splat(x)


def _make_splat(name: str) -> Any:
    return define(f"splat_{name}", "x", fixed(VECTORS[name], ELEMENTS[name].scalar), _splat, "All lanes = x.")


def _make_const(name: str) -> Any:
    return define(f"const_{name}", "x", fixed(VECTORS[name], ELEMENTS[name].scalar), _splat, "All lanes = a literal.")


splat_f16, splat_f32, splat_f64, splat_i8, splat_i16, splat_i32, splat_i64, splat_u8, splat_u16, splat_u32, splat_u64, splat_b1 = (
    map(_make_splat, NAMES)
)
const_f16, const_f32, const_f64, const_i8, const_i16, const_i32, const_i64, const_u8, const_u16, const_u32, const_u64, const_b1 = (
    map(_make_const, NAMES)
)


def _const_bits(em: Emit, sig: Signature, x: Any) -> Any:
    lane = ELEMENTS[sig.return_type.element].lane
    bits = x if lane == ir.DoubleType() else em.b.trunc(x, I32)
    return em.splat(em.b.bitcast(bits, lane))


const_bits_f32 = define("const_bits_f32", "bits", fixed(VECTORS["f32"], types.int64), _const_bits, "A constant by its bits.")
const_bits_f64 = define("const_bits_f64", "bits", fixed(VECTORS["f64"], types.int64), _const_bits, "A constant by its bits.")


def _lanes_below(em: Emit, _: Any, n: Any) -> Any:
    count = em.llvm("smin", em.llvm("smax", n, ir.Constant(I64, 0)), ir.Constant(I64, LANES))
    bits = em.b.sub(em.b.shl(ir.Constant(I32, 1), em.b.trunc(count, I32)), ir.Constant(I32, 1))
    return em.b.bitcast(em.b.trunc(bits, ir.IntType(16)), ir.VectorType(ir.IntType(1), LANES))


lanes_below = define("lanes_below", "n", fixed(B1, types.int64), _lanes_below, "The mask of the lanes l < n.")


def _make_ramp(name: str) -> Any:
    def emit(em: Emit, _: Any, start: Any, step: Any) -> Any:
        return em.b.add(em.splat(start), em.b.mul(em.splat(step), em.ramp(name).v))

    scalar = ELEMENTS[name].scalar
    return define(f"ramp_{name}", "start step", fixed(VECTORS[name], scalar, scalar), emit, "start + lane * step.")


ramp_i32, ramp_i64, ramp_u32, ramp_u64 = map(_make_ramp, ("i32", "i64", "u32", "u64"))


# ---- comparisons and selection

ANY = "fiub"
lt = vector_function("lt", "a b", ANY, Vec.lt, B1)
le = vector_function("le", "a b", ANY, Vec.le, B1)
gt = vector_function("gt", "a b", ANY, Vec.gt, B1)
ge = vector_function("ge", "a b", ANY, Vec.ge, B1)
eq = vector_function("eq", "a b", ANY, Vec.eq, B1)
ne = vector_function("ne", "a b", ANY, Vec.ne, B1)


def _select_typer(mask: Any, a: Any, b: Any) -> Signature:
    fixed(B1, B1)(mask)
    return alike(ANY)(a, b).replace(args=(mask, a, b))


select = define("select", "mask a b", _select_typer, lambda em, _, m, a, b: em.b.select(m, a, b), "a where mask, else b.")


def _maximum(a: Vec, b: Vec) -> Vec:
    """NaN if either is; of equal values the first (as for zeros of either sign)."""
    if a.kind != "f":
        return b.where(b.gt(a), a)
    return b.where(b.isnan(), b.where(b.gt(a), a))


def _minimum(a: Vec, b: Vec) -> Vec:
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


# ---- conversions


def _to_odd_f32(x: Vec) -> Vec:
    """f64 -> f32 where an inexact result has an odd last bit, so that rounding it again rounds only once."""
    near = x.to("f32")
    back = near.to("f64")
    away = back.unary("fabs").gt(x.unary("fabs")).to("u32")
    return ((near.bits("u32") - away) | back.ne(x).to("u32")).bits("f32")


def _make_to(name: str) -> Any:
    def emit(em: Emit, sig: Signature, v: Any) -> Any:
        x = em.vec(sig.args[0].element, v)
        if name != "f16":
            return x.to(name).v
        single = _to_odd_f32(x) if x.element == "f64" else _to_odd_f32(x.to("f64")) if x.kind in "iu" else x.to("f32")
        return em.b.fpext(em.b.fptrunc(single.v, _HALF), single.v.type)

    doc = "Converted values: floats are truncated towards 0, stop at the limits of the type, and NaN gives 0; to b1: != 0."
    return define(f"to_{name}", "x", alike(ANY, VECTORS[name]), emit, doc)


_HALF = ir.VectorType(ir.HalfType(), LANES)

to_f16, to_f32, to_f64, to_i8, to_i16, to_i32, to_i64, to_u8, to_u16, to_u32, to_u64, to_b1 = map(_make_to, NAMES)


def _make_bitcast(pair: tuple[str, str]) -> Any:
    source, target = pair

    def emit(em: Emit, _: Any, v: Any) -> Any:
        return em.vec(source, v).bits(target).v

    return define(f"bitcast_{source}_{target}", "x", fixed(VECTORS[target], VECTORS[source]), emit, f"Bits as {target}.")


bitcast_i32_f32, bitcast_u32_f32, bitcast_f32_i32, bitcast_f32_u32 = map(
    _make_bitcast, (("i32", "f32"), ("u32", "f32"), ("f32", "i32"), ("f32", "u32"))
)
bitcast_i64_f64, bitcast_u64_f64, bitcast_f64_i64, bitcast_f64_u64 = map(
    _make_bitcast, (("i64", "f64"), ("u64", "f64"), ("f64", "i64"), ("f64", "u64"))
)


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


hsum = vector_function("hsum", "x", "fiu", lambda x: _halves(x, operator.add), _scalar_of, "Sum of the lanes, as a scalar.")
hprod = vector_function("hprod", "x", "fiu", lambda x: _halves(x, operator.mul), _scalar_of, "Product of the lanes.")
hmax = vector_function("hmax", "x", ANY, lambda x: _halves(x, _maximum), _scalar_of, "Largest lane; NaN if there is one.")
hmin = vector_function("hmin", "x", ANY, lambda x: _halves(x, _minimum), _scalar_of, "Smallest lane; NaN if there is one.")


def _all(x: Vec) -> Any:
    return x.e.mask_is_full(x.v)


def _any(x: Vec) -> Any:
    return x.e.b.icmp_unsigned("!=", x.e.mask_bits(x.v), ir.Constant(ir.IntType(16), 0))


hall = vector_function("hall", "x", "b", _all, types.boolean, "Whether all lanes are set.")
hany = vector_function("hany", "x", "b", _any, types.boolean, "Whether a lane is set.")


def _extract_typer(x: Any, i: Any) -> Signature:
    return Signature(alike(ANY, _scalar_of)(x).return_type, (x, types.int64), None)


def _insert_typer(x: Any, i: Any, value: Any) -> Signature:
    return Signature(x, (x, types.int64, alike(ANY, _scalar_of)(x).return_type), None)


extract = define("extract", "x i", _extract_typer, lambda em, _, x, i: em.b.extract_element(x, i), "Lane i as a scalar.")
insert = define(
    "insert", "x i value", _insert_typer, lambda em, _, x, i, s: em.b.insert_element(x, s, i), "x with lane i replaced."
)
