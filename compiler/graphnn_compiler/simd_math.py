"""float32 functions by polynomials: formulas on `Vec`.

Every formula is straight-line code: special values fall out of the arithmetic or are selected at the end. The
coefficients are minimax fits (weighted least squares by Lawson's iteration) rounded to float32 one after the other,
each time fitting the rest anew. The reductions are those of Cody and Waite, "Software Manual for the Elementary
Functions" (1980). Error bounds: docstrings in `simd_libm.py`, tested over all 2**32 inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .simd_emit import Emit, Vec
from .simd_types import I32, ir, target_has_avx512, vector_type

INF, NAN = float("inf"), float("nan")
LOG2E = 1.4426950408889634
LN2 = 0.6931471824645996  # the float32 next to ln 2 ...
LN2_REST = -1.9046542121259336e-09  # ... and ln 2 - LN2
ROUNDER = 12582912.0  # 1.5 * 2**23: adding it rounds to an integer, which then stands in the low bits
ONE_BITS = 0x3F800000
EXPONENT = 23  # bits below the exponent

Formula = Callable[[Vec], Vec]


def horner(x: Vec, coefficients: Sequence[float]) -> Vec:
    """c0 + c1 x + c2 x**2 + ..."""
    p = x.const(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        p = p.fma(x, c)
    return p


def inlined(name: str, x: Vec, formula: Formula) -> Vec:
    """formula(x), with its IR written once per module and inlined by LLVM."""

    def body(em: Emit, v: object) -> object:
        return formula(em.vec(x.element, v)).v

    return x.like(x.e.call_outlined(f"gn_{name}_{x.element}", vector_type(x.element), [x.v], body, inline=True))


def at_most(x: Vec, limit: float) -> Vec:
    """Clamp from above; NaN stays."""
    return x.const(limit).where(x.gt(limit), x)


def at_least(x: Vec, limit: float) -> Vec:
    """Clamp from below; NaN stays."""
    return x.const(limit).where(x.lt(limit), x)


def power_of_two(n: Vec) -> Vec:
    """2**n for an int vector of which only the low bits count, -126 <= n <= 127."""
    return ((n << EXPONENT) + ONE_BITS).bits("f32")


_EXP = (
    1.0,
    1.0,
    0.4999999403953552,
    0.1666652113199234,
    0.04166826605796814,
    0.008368677459657192,
    0.001382073387503624,
)


def exp_parts(x: Vec) -> tuple[Vec, Vec]:
    """p in [0.7, 1.42] and n + ROUNDER with e**x = p * 2**n, for |x| < 2**21."""
    rounded = x.fma(LOG2E, ROUNDER)
    n = rounded - ROUNDER
    r = n.fma(-LN2_REST, n.fma(-LN2, x))
    return horner(r, _EXP), rounded


def scale(p: Vec, rounded: Vec) -> Vec:
    """p * 2**n for n + ROUNDER, which overflows and underflows gradually, rounded once: one instruction, or two exact steps and one."""
    if target_has_avx512():
        all_lanes, as_set = ir.Constant(ir.IntType(16), -1), ir.Constant(I32, 4)
        kind = p.v.type
        f = p.e.external("llvm.x86.avx512.mask.scalef.ps.512", kind, [kind, kind, kind, ir.IntType(16), I32])
        return p.like(p.e.b.call(f, [p.v, (rounded - ROUNDER).v, p.v, all_lanes, as_set]))
    n = rounded.bits("i32")
    half = n >> 1
    return p * power_of_two(half) * power_of_two(n - half)


def exp_f32(x: Vec) -> Vec:
    return scale(*exp_parts(at_least(at_most(x, 89.0), -104.5)))


_EXP2 = (
    1.0, 0.6931471824645996, 0.24022647738456726, 0.05550359562039375,
    0.009618503041565418, 0.0013390997191891074, 0.00015327802975662053,
)  # fmt: skip


def exp2_f32(x: Vec) -> Vec:
    x = at_least(at_most(x, 128.0), -151.0)
    rounded = x + ROUNDER
    return scale(horner(x - (rounded - ROUNDER), _EXP2), rounded)


_EXPM1 = (
    0.5, 0.1666666567325592, 0.04166649281978607,
    0.008333545178174973, 0.0013932330766692758, 0.00019762571901082993,
)  # fmt: skip


def expm1_f32(x: Vec) -> Vec:
    clamped = at_least(at_most(x, 89.0), -18.0)
    rounded = clamped.fma(LOG2E, ROUNDER)
    n = rounded - ROUNDER
    r = n.fma(-LN2_REST, n.fma(-LN2, clamped))
    p = (r * r).fma(horner(r, _EXPM1), r)
    half = power_of_two(rounded.bits("i32") - 1)  # half the scale: n may be 128
    scaled = p.fma(half, half - 0.5)
    return p.where(n.eq(0.0), scaled + scaled).copysign(x)


def sigmoid_f32(x: Vec) -> Vec:
    """q = e / (1 + e) with e = e**-|x|; then 1 - q, or q refined as e - e q: no overflow, and gradual underflow."""
    e = scale(*exp_parts(at_least(-x.unary("fabs"), -104.5)))
    q = e / (e + 1.0)
    return (-e).fma(q, e).where(x.lt(0.0), 1.0 - q)


_TANH = (-0.3333328068256378, 0.1333141028881073, -0.05373726785182953, 0.02063172310590744, -0.005697345826774836)


def tanh_f32(x: Vec) -> Vec:
    magnitude = x.unary("fabs")
    z = x * x
    small = (horner(z, _TANH) * z).fma(x, x)
    p, n = exp_parts(at_most(magnitude + magnitude, 20.0))
    large = 1.0 - 2.0 / p.fma(power_of_two(n.bits("i32")), 1.0)
    return small.where(magnitude.lt(0.625), large).copysign(x)  # for large, and for -0 in small


_LOG1P = (
    -0.5, 0.3333321511745453, -0.2499980479478836, 0.20010444521903992, -0.1668018102645874,
    0.1400534063577652, -0.12188343703746796, 0.13986706733703613, -0.12874488532543182,
)  # fmt: skip
TWO_THIRDS_BITS = 0x3F2AAAAB
EXPONENT_MASK = -(1 << EXPONENT)
LEAST_NORMAL = 1.1754943508222875e-38


def log1p_core(f: Vec) -> Vec:
    """log(1 + f) for -1/3 <= f < 1/3."""
    return (f * f).fma(horner(f, _LOG1P), f)


def split(x: Vec) -> tuple[Vec, Vec]:
    """f and k with x = (1 + f) * 2**k and 2/3 <= 1 + f < 4/3, for positive finite x."""
    tiny = x.lt(LEAST_NORMAL)
    bits = (x * 8388608.0).where(tiny, x).bits("i32")
    exponent = (bits - TWO_THIRDS_BITS) & EXPONENT_MASK
    k = (exponent >> EXPONENT).to("f32") + x.const(-23.0).where(tiny, 0.0)
    return (bits - exponent).bits("f32") - 1.0, k


def log_specials(x: Vec, r: Vec) -> Vec:
    """r where x is positive and finite; else the logarithm of 0, inf, NaN or a negative number."""
    ordinary = (x.bits("u32") - 1).lt(0x7F7FFFFF)
    special = x.const(-INF).where(x.eq(0.0), x.const(NAN).where(x.lt(0.0), x))
    return r.where(ordinary, special)


def log_f32(x: Vec) -> Vec:
    f, k = split(x)
    return log_specials(x, k.fma(LN2, log1p_core(f)))


def _log_base(x: Vec, factor: float, factor_rest: float, of_two: float, of_two_rest: float) -> Vec:
    """log(x) * factor, where of_two = log(2) * factor; both in two parts."""
    f, k = split(x)
    high = f * factor
    rest = f.fma(factor, -high) + f * factor_rest  # what the rounding of f * factor lost
    tail = (f * f * horner(f, _LOG1P)).fma(factor, rest)
    tail = k.fma(of_two_rest, tail) if of_two_rest else tail
    return log_specials(x, k.fma(of_two, high + tail))


def log2_f32(x: Vec) -> Vec:
    return _log_base(x, 1.4426950216293335, 1.925963033500011e-08, 1.0, 0.0)


def log10_f32(x: Vec) -> Vec:
    return _log_base(x, 0.4342944920063019, -1.0103049952192578e-08, 0.3010300099849701, -1.432098883924482e-08)


def log1p_f32(x: Vec) -> Vec:
    bits = (x + 1.0).bits("i32")
    exponent = (bits - TWO_THIRDS_BITS) & EXPONENT_MASK
    scaled = (x.bits("i32") - exponent).bits("f32")  # x * 2**-k
    four = (x.const(4.0).bits("i32") - exponent).bits("f32")  # 4 * 2**-k stays normal for every k
    f = scaled + four.fma(0.25, -1.0)
    r = (exponent >> EXPONENT).to("f32").fma(LN2, log1p_core(f))
    special = x.const(-INF).where(x.eq(-1.0), x.const(NAN).where(x.lt(-1.0), x))  # inf and NaN stay
    return r.where(x.gt(-1.0) & x.lt(INF), special).copysign(x)


_ERF = (
    0.12837916612625122, -0.3761262893676758, 0.11283624172210693, -0.02685558795928955,
    0.005191947799175978, -0.0008043839479796588, 7.969663420226425e-05,
)  # fmt: skip
_LOG_ERFC = (
    0.00016039809270296246, -1.1294341087341309, -0.6335434317588806, -0.10801202058792114, 0.024895235896110535,
    -0.004053423181176186, 0.00039666175143793225, -1.4297893358161673e-05, -5.234399509390641e-07,
)  # fmt: skip


def erf_f32(x: Vec) -> Vec:
    """Odd polynomial below 0.93, else 1 - exp(log erfc) with a polynomial for log erfc."""
    magnitude = x.unary("fabs")
    small = horner(x * x, _ERF).fma(x, x)
    p, n = exp_parts(horner(at_most(magnitude, 4.0), _LOG_ERFC))
    large = (1.0 - p * power_of_two(n.bits("i32"))).copysign(x)
    return small.where(magnitude.lt(0.93), large)


_HALF_PI = (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15)  # pi/2 in three float32 parts
_SIN = (-0.1666666716337204, 0.008333379402756691, -0.00019853074627462775, 2.83275471701927e-06)
_COS = (-0.5, 0.04166664555668831, -0.0013887310633435845, 2.443255652906373e-05)
TRIG_LIMIT = 48000.0  # beyond it the three parts of pi/2 are not enough, and libm does the work


def sin_cos_f32(x: Vec, quarter: int) -> Vec:
    """sin(x + quarter * pi/2) for |x| <= TRIG_LIMIT."""
    rounded = x.fma(0.6366197723675814, ROUNDER)
    n = rounded - ROUNDER
    r = n.fma(-_HALF_PI[2], n.fma(-_HALF_PI[1], n.fma(-_HALF_PI[0], x)))
    z = r * r
    sine = (horner(z, _SIN) * z).fma(r, r)
    cosine = horner(z, (1.0, *_COS))
    q = rounded.bits("i32") + quarter
    value = (cosine.where((q & 1).ne(0), sine).bits("i32") ^ ((q & 2) << 30)).bits("f32")
    return value if quarter else x.where(x.eq(0.0), value)  # the sine of -0 is -0


_ERFINV_CENTRAL = (  # in -log(1 - x**2) - 2.5
    1.5014094114303589, 0.24664071202278137, -0.004177693743258715, -0.0012536939466372132, 0.00021859667322132736,
    -4.40051644545747e-06, -3.5280463634990156e-06, 3.440379714447772e-07, 2.8495758641611246e-08,
)  # fmt: skip
_ERFINV_TAIL = (  # in sqrt(-log(1 - x**2)) - 3
    2.832977056503296, 1.001675009727478, 0.009435636922717094, -0.007631381973624229, 0.005762932822108269,
    -0.003645215416327119, 0.0012929420918226242, 7.402475603157654e-05, -0.00015694698959123343,
)  # fmt: skip
ERFINV_FAR = (  # in sqrt(-log(1 - x**2)) - 4, as far as float64 reaches: 5e-6 from the truth
    3.8397815227508545, 1.00951087474823, 0.0012927340576425195, -0.0009419973357580602, 0.00025645343703217804,
    -2.7732456146623008e-05, 9.045798651641235e-05, -7.891171117080376e-05, 1.782961408025585e-05,
)  # fmt: skip


def erfinv_estimate(x: Vec, minus_log: Vec, tail: Sequence[float], centre: float) -> Vec:
    """Polynomials in w = -log(1 - x**2) and its root: Giles, "Approximating the erfinv function" (2012); own fits."""
    central = horner(minus_log - 2.5, _ERFINV_CENTRAL)
    far = horner(minus_log.unary("sqrt") - centre, tail)
    return central.where(minus_log.lt(5.0), far) * x


def erfinv_f32(x: Vec) -> Vec:
    w = -log_f32((1.0 - x) * (x + 1.0))
    y = erfinv_estimate(x, w, _ERFINV_TAIL, 3.0)
    return (x * INF).where(x.unary("fabs").eq(1.0), y)
