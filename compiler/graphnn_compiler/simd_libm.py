"""The rest of the mathematics: float64, and float32 functions that are not hot, lane by lane through the C library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import simd_math as poly
from .simd_emit import Emit, Vec
from .simd_types import ELEMENTS, I64, LANES, alike, define, ir, vector_type

Formula = Callable[..., Vec]


def libm(name: str, *args: Vec) -> Vec:
    """The C function for each lane, by an internal loop."""
    x = args[0]
    lane_type = ELEMENTS[x.element].lane
    symbol = name if x.element == "f64" else f"{name}f"

    def body(em: Emit, *vectors: Any) -> Any:
        b = em.b
        call = em.external(symbol, lane_type, [lane_type] * len(vectors))
        t = vector_type(x.element)
        entry, loop, done = b.block, b.append_basic_block("lane"), b.append_basic_block("done")
        slots = [b.alloca(t) for _ in (*vectors, None)]
        for v, slot in zip(vectors, slots[:-1], strict=True):
            b.store(v, slot)
        cells = [b.bitcast(slot, lane_type.as_pointer()) for slot in slots]
        b.branch(loop)
        b.position_at_end(loop)
        lane = b.phi(I64)
        lane.add_incoming(ir.Constant(I64, 0), entry)
        values = [b.load(b.gep(cell, [lane])) for cell in cells[:-1]]
        b.store(b.call(call, values), b.gep(cells[-1], [lane]))
        following = b.add(lane, ir.Constant(I64, 1))
        lane.add_incoming(following, loop)
        b.cbranch(b.icmp_unsigned("<", following, ir.Constant(I64, LANES)), loop, done)
        b.position_at_end(done)
        return b.load(slots[-1])

    return x.like(x.e.call_outlined(f"gn_lanes_{symbol}", vector_type(x.element), [a.v for a in args], body))


def _define(name: str, parameters: str, f32: Formula, f64: Formula, doc: str) -> Any:
    def emit(em: Emit, sig: Any, *values: Any) -> Any:
        element = sig.args[0].element
        return (f32 if element == "f32" else f64)(*(em.vec(element, v) for v in values)).v

    return define(name, parameters, alike("f"), emit, doc)


def _lanes(symbol: str) -> Formula:
    def formula(*args: Vec) -> Vec:
        return libm(symbol, *args)

    return formula


def _polynomial(name: str, formula: Formula, doc: str, f64: Formula | None = None) -> Any:
    """A function of one operand: `formula` for float32, the C library or `f64` for float64."""

    def f32(x: Vec) -> Vec:
        return poly.inlined(name, x, formula)

    return _define(name, "x", f32, f64 or _lanes(name), f"{doc} (float32)")


def _from_libm(name: str, parameters: str = "x") -> Any:
    return _define(name, parameters, _lanes(name), _lanes(name), "As the C library.")


# ---- float32 beyond the reach of the polynomials, float64 by the C library


def _trigonometric(symbol: str, quarter: int) -> Formula:
    def by_polynomial(x: Vec) -> Vec:
        return poly.sin_cos_f32(x, quarter)

    def formula(x: Vec) -> Vec:
        b = x.e.b
        near = poly.inlined(symbol, x, by_polynomial)
        far = x.e.mask_bits(x.unary("fabs").gt(poly.TRIG_LIMIT).v)  # inf included; NaN goes the short way
        before = b.block
        with b.if_then(b.icmp_unsigned("!=", far, ir.Constant(far.type, 0)), likely=False):
            exact = libm(symbol, x)
            mixed = exact.where(x.unary("fabs").gt(poly.TRIG_LIMIT), near)
            inside = b.block
        result = b.phi(near.v.type)
        result.add_incoming(near.v, before)
        result.add_incoming(mixed.v, inside)
        return x.like(result)

    return formula


def _sigmoid_f64(x: Vec) -> Vec:
    e = libm("exp", -x.unary("fabs"))
    return e.where(x.lt(0.0), 1.0) / (e + 1.0)


def _erfinv_f64(x: Vec) -> Vec:
    """The estimate of float32, then two steps of Halley on erf(y) - x, near 1 on erfc."""
    magnitude = x.unary("fabs")
    rest = 1.0 - magnitude
    w = -libm("log", rest * (magnitude + 1.0))
    y = poly.erfinv_estimate(magnitude, w, poly.ERFINV_FAR, 4.0)
    for _ in range(2):
        error = (libm("erf", y) - magnitude).where(magnitude.lt(0.5), rest - libm("erfc", y))
        step = error / (libm("exp", -(y * y)) * 1.1283791670955126)
        y = y - step / y.fma(step, 1.0)
    outside = x.const(poly.INF).where(magnitude.eq(1.0), poly.NAN)
    return y.where(magnitude.lt(1.0), outside).copysign(x)


exp = _polynomial("exp", poly.exp_f32, "e**x, within 1 ulp")
exp2 = _polynomial("exp2", poly.exp2_f32, "2**x, within 1 ulp")
expm1 = _polynomial("expm1", poly.expm1_f32, "e**x - 1, within 1.5 ulp")
log = _polynomial("log", poly.log_f32, "Natural logarithm, within 1 ulp")
log2 = _polynomial("log2", poly.log2_f32, "Logarithm to base 2, within 2 ulp")
log10 = _polynomial("log10", poly.log10_f32, "Logarithm to base 10, within 2 ulp")
log1p = _polynomial("log1p", poly.log1p_f32, "log(1 + x), within 2 ulp")
tanh = _polynomial("tanh", poly.tanh_f32, "Hyperbolic tangent, within 1.5 ulp")
sigmoid = _polynomial("sigmoid", poly.sigmoid_f32, "1 / (1 + e**-x), within 2 ulp", _sigmoid_f64)
erf = _polynomial("erf", poly.erf_f32, "Error function, within 1.5 ulp")
erfinv = _polynomial("erfinv", poly.erfinv_f32, "Inverse of the error function, within 4 ulp", _erfinv_f64)
sin = _define("sin", "x", _trigonometric("sin", 0), _lanes("sin"), "Sine, within 1.5 ulp (float32)")
cos = _define("cos", "x", _trigonometric("cos", 1), _lanes("cos"), "Cosine, within 1.5 ulp (float32)")
erfc, tan, asin, acos, atan = map(_from_libm, ("erfc", "tan", "asin", "acos", "atan"))
sinh, cosh, asinh, acosh, atanh, lgamma = map(_from_libm, ("sinh", "cosh", "asinh", "acosh", "atanh", "lgamma"))
atan2 = _from_libm("atan2", parameters="y x")
hypot = _from_libm("hypot", parameters="x y")
