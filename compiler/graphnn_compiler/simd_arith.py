"""Arithmetic with NumPy's rules: rounding, signs, division with remainder, powers, and counter-based random bits."""

from __future__ import annotations

from typing import Any

from .simd_emit import Emit, Vec
from .simd_libm import libm
from .simd_ops import vector_function
from .simd_types import B1, ELEMENTS, I64, LANES, VECTORS, alike, define, fixed, ir, vector_type


def _int_like(x: Vec) -> str:
    return "i" + x.element[1:]


def _rounded(name: str, intrinsic: str, doc: str) -> Any:
    return vector_function(name, "x", "fiu", lambda x: x.unary(intrinsic) if x.kind == "f" else x, doc=doc)


def _abs(x: Vec) -> Vec:
    if x.kind == "f":
        return x.unary("fabs")
    return x if x.kind in "ub" else (-x).where(x.lt(0), x)


def _sign(x: Vec) -> Vec:
    if x.kind == "u":
        return x.const(1).where(x.ne(0), 0)
    smaller = x.const(-1).where(x.lt(0), 0)
    if x.kind == "f":
        smaller = x.where(x.isnan(), smaller)
    return x.const(1).where(x.gt(0), smaller)


neg = vector_function("neg", "x", "fiu", Vec.__neg__)
abs_ = vector_function("abs_", "x", "fiub", _abs)
sign = vector_function("sign", "x", "fiu", _sign, doc="-1, 0, 1; NaN stays.")
floor = _rounded("floor", "floor", "Largest integer not above x.")
ceil = _rounded("ceil", "ceil", "Smallest integer not below x.")
trunc = _rounded("trunc", "trunc", "Towards zero.")
round_ = _rounded("round_", "rint", "To the nearest integer, halves to even.")
sqrt = vector_function("sqrt", "x", "f", lambda x: x.unary("sqrt"), doc="Square root, correctly rounded.")
rsqrt = vector_function("rsqrt", "x", "f", lambda x: 1.0 / x.unary("sqrt"), doc="1 / sqrt(x): two roundings.")
signbit = vector_function("signbit", "x", "f", lambda x: x.bits(_int_like(x)).lt(0), B1, "Whether the sign bit is set.")
copysign = vector_function("copysign", "x sign", "f", Vec.copysign, doc="|x| with the sign of the other.")


# ---- division


def _float_divmod(a: Vec, b: Vec) -> tuple[Vec, Vec]:
    """Quotient rounded down and remainder with the sign of b; NumPy's algorithm, so also its corner cases."""
    rest = libm("fmod", a, b)
    quotient = (a - rest) / b
    other_sign = rest.ne(0.0) & (rest.lt(0.0) ^ b.lt(0.0))
    rest_down = (rest + b).where(other_sign, rest)
    rest_down = rest_down.where(rest.ne(0.0), rest.const(0.0).copysign(b))
    quotient = (quotient - 1.0).where(other_sign, quotient)
    down = quotient.unary("floor")
    down = (down + 1.0).where((quotient - down).gt(0.5), down)
    down = down.where(quotient.ne(0.0), rest.const(0.0).copysign(a / b))
    by_zero = b.eq(0.0)
    return (a / b).where(by_zero, down), rest.where(by_zero | rest.isnan(), rest_down)


def _int_divmod(a: Vec, b: Vec) -> tuple[Vec, Vec]:
    """Both 0 where b is 0. The CPU traps on x / 0 and on the least integer / -1, so neither is asked of it."""
    e, zero = a.e, b.eq(0)
    if ELEMENTS[a.element].size < 8:  # exact in float64, and vectorised
        quotient = a.to("f64") / b.const(1).where(zero, b).to("f64")
        wide = quotient.unary("floor").to("i64")
        down = a.like(e.b.trunc(wide.v, a.v.type)).where(~zero, 0)
        return down, (a - down * b).where(~zero, 0)
    if a.kind == "u":
        down = a.like(e.b.udiv(a.v, a.const(1).where(zero, b).v))
    else:
        minus = b.eq(-1)
        toward_zero = a.like(e.b.sdiv(a.v, a.const(1).where(zero | minus, b).v))
        inexact = (a - toward_zero * b).ne(0)
        down = (toward_zero - 1).where(inexact & (a.lt(0) ^ b.lt(0)) & ~minus, toward_zero)
        down = (-a).where(minus, down)
    down = down.where(~zero, 0)
    return down, (a - down * b).where(~zero, 0)


def _floor_div(a: Vec, b: Vec) -> Vec:
    return (_float_divmod if a.kind == "f" else _int_divmod)(a, b)[0]


def _mod(a: Vec, b: Vec) -> Vec:
    return (_float_divmod if a.kind == "f" else _int_divmod)(a, b)[1]


def _div(a: Vec, b: Vec) -> Vec:
    return a / b if a.kind == "f" else _floor_div(a, b)


def _outlined(name: str, formula: Any) -> Any:
    """A function of two operands whose IR is long: called, not inlined."""

    def emit(em: Emit, sig: Any, *values: Any) -> Any:
        element = sig.args[0].element

        def body(inner: Emit, *args: Any) -> Any:
            return formula(*(inner.vec(element, v) for v in args)).v

        return em.call_outlined(f"gn_{name}_{element}", vector_type(element), values, body)

    return emit


div = vector_function("div", "a b", "fiu", _div, doc="a / b for floats, floor_div for ints.")
floor_div = define(
    "floor_div", "a b", alike("fiu"), _outlined("floor_div", _floor_div), "Quotient rounded down; ints: x / 0 = 0."
)
mod = define("mod", "a b", alike("fiu"), _outlined("mod", _mod), "Remainder with the sign of b; ints: 0 where b = 0.")


# ---- powers


def _int_pow(x: Vec, n: Vec) -> Vec:
    """Repeated squaring, modulo 2**width. A negative power is 0 unless x is 1 or -1."""
    b, width = x.e.b, 8 * ELEMENTS[x.element].size
    entry, loop, done = b.block, b.append_basic_block("square"), b.append_basic_block("done")
    negative = n.lt(0)
    b.branch(loop)
    b.position_at_end(loop)
    i, square, power, left = b.phi(I64), b.phi(x.v.type), b.phi(x.v.type), b.phi(x.v.type)
    start = (ir.Constant(I64, 0), x.v, x.const(1).v, n.v)
    s, p, m = x.like(square), x.like(power), x.like(left)
    p_next = (p * s).where((m & 1).ne(0), p)
    unsigned = Vec(x.e, "u" + x.element[1:], left)
    i_next = b.add(i, ir.Constant(I64, 1))
    following = (i_next, (s * s).v, p_next.v, (unsigned >> 1).v)
    for phi, first, then in zip((i, square, power, left), start, following, strict=True):
        phi.add_incoming(first, entry)
        phi.add_incoming(then, loop)
    b.cbranch(b.icmp_unsigned("<", i_next, ir.Constant(I64, width)), loop, done)
    b.position_at_end(done)
    if x.kind == "u":
        return p_next
    of_minus_one = x.const(-1).where((n & 1).ne(0), 1)
    inverse = x.const(1).where(x.eq(1), of_minus_one.where(x.eq(-1), 0))
    return inverse.where(negative, p_next)


def _pow(x: Vec, y: Vec) -> Vec:
    return libm("pow", x, y) if x.kind == "f" else _int_pow(x, y)


pow_ = define(
    "pow_", "x y", alike("fiu"), _outlined("pow", _pow), "x**y; ints wrap, negative int powers give 0, 1 or -1."
)


# ---- random bits

_ROUNDS = 10
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)


def _wide_product(x: Vec, factor: int) -> tuple[Vec, Vec]:
    """High and low words of u32 lanes times a constant; even and odd lanes apart, as the CPU multiplies them."""
    b, pairs = x.e.b, ir.VectorType(I64, LANES // 2)

    def c(value: int) -> Any:
        return ir.Constant(pairs, [value] * (LANES // 2))

    both = b.bitcast(x.v, pairs)
    even = b.mul(b.and_(both, c(0xFFFFFFFF)), c(factor))
    odd = b.mul(b.lshr(both, c(32)), c(factor))
    high = b.or_(b.lshr(even, c(32)), b.and_(odd, c(0xFFFFFFFF << 32)))
    low = b.or_(b.and_(even, c(0xFFFFFFFF)), b.shl(odd, c(32)))
    return x.like(b.bitcast(high, x.v.type)), x.like(b.bitcast(low, x.v.type))


def _philox(em: Emit, *values: Any) -> list[Vec]:
    """Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011); a loop over the rounds."""
    b = em.b
    entry, loop, done = b.block, b.append_basic_block("round"), b.append_basic_block("done")
    b.branch(loop)
    b.position_at_end(loop)
    i = b.phi(I64)
    phis = [b.phi(v.type) for v in values]
    key_0, key_1, c0, c1, c2, c3 = (em.vec("u32", phi) for phi in phis)

    high_0, low_0 = _wide_product(c0, _MULTIPLIERS[0])
    high_1, low_1 = _wide_product(c2, _MULTIPLIERS[1])
    following = (key_0 + _KEY_STEPS[0], key_1 + _KEY_STEPS[1], high_1 ^ c1 ^ key_0, low_1, high_0 ^ c3 ^ key_1, low_0)
    i_next = b.add(i, ir.Constant(I64, 1))
    for phi, first, then in zip(
        (i, *phis), (ir.Constant(I64, 0), *values), (i_next, *(f.v for f in following)), strict=True
    ):
        phi.add_incoming(first, entry)
        phi.add_incoming(then, loop)
    b.cbranch(b.icmp_unsigned("<", i_next, ir.Constant(I64, _ROUNDS)), loop, done)
    b.position_at_end(done)
    return list(following[2:])


def _make_philox(index: int) -> Any:
    name = f"philox_{index}" if index else "philox"

    def body(em: Emit, *values: Any) -> Any:
        return _philox(em, *values)[index].v

    def emit(em: Emit, sig: Any, *values: Any) -> Any:
        return em.call_outlined(f"gn_{name}", vector_type("u32"), values, body)

    u32 = VECTORS["u32"]
    return define(name, "key_low key_high c0 c1 c2 c3", fixed(u32, *[u32] * 6), emit, f"Word {index} of Philox4x32-10.")


philox, philox_1, philox_2, philox_3 = map(_make_philox, range(4))


def _chosen_word(em: Emit, sig: Any, index: Any, *values: Any) -> Any:
    def body(em: Emit, index: Any, *values: Any) -> Any:
        words, chosen = _philox(em, *values), em.vec("u32", index) & 3
        found = words[3]
        for i in range(3):
            found = words[i].where(chosen.eq(i), found)
        return found.v

    return em.call_outlined("gn_philox_word", vector_type("u32"), (index, *values), body)


philox_word = define(
    "philox_word", "index key_low key_high c0 c1 c2 c3", fixed(VECTORS["u32"], *[VECTORS["u32"]] * 7), _chosen_word,
    "Word index % 4 of Philox4x32-10.",
)  # fmt: skip
