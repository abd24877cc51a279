"""Operators, comparisons, conversions, rounding, division and horizontal operations, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from simd_tools import DTYPES, F32_SPECIALS, FLOATS, INTS, TARGETS, apply, same_bits

PAIRS = pytest.mark.parametrize("target", list(TARGETS.values()), ids=list(TARGETS))


def for_each(*types):
    """Every type on both targets; without AVX-512 the narrow ints, which differ little, in the slow tier."""
    narrow = ("i16", "i32", "u8", "u16")
    return pytest.mark.parametrize(
        ("t", "target"),
        [
            pytest.param(t, spec, id=f"{t}-{name}", marks=pytest.mark.slow if name == "avx2" and t in narrow else ())
            for t in types
            for name, spec in TARGETS.items()
        ],
    )


pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def floats(t: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    near = [
        rng.standard_normal(300) * 10,
        rng.integers(-9, 9, 60) / 2,
        [2.5, 3.5, -2.5, 1e20, -1e20, 8388609.0, 4503599627370497.0],
    ]
    with np.errstate(over="ignore"):
        return np.concatenate([*near, F32_SPECIALS]).astype(DTYPES[t])


def pairs(x: np.ndarray, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Random pairs and every pair of the last 24."""
    y = np.random.default_rng(seed).permutation(x)
    tail = x[-24:]
    return np.concatenate([x, np.repeat(tail, 24)]), np.concatenate([y, np.tile(tail, 24)])


def ints(t: str) -> np.ndarray:
    info = np.iinfo(DTYPES[t])
    rng = np.random.default_rng(4)
    edge = [
        0,
        1,
        2,
        3,
        7,
        8,
        15,
        16,
        31,
        32,
        63,
        64,
        info.max,
        info.max - 1,
        info.min,
        info.min + 1,
        *(-k for k in (1, 2, 3, 5, 7) if info.min),
    ]
    anything = rng.integers(info.min, info.max, 200, dtype=DTYPES[t], endpoint=True)
    return np.concatenate([anything, rng.integers(0, 20, 50).astype(DTYPES[t]), np.array(edge, DTYPES[t])])


@pytest.mark.parametrize("t", FLOATS)
@PAIRS
def test_float_pairs(t, target):
    x, y = pairs(floats(t))
    expected = {
        "x0 + x1": x + y, "x0 - x1": x - y, "x0 * x1": x * y, "x0 / x1": x / y, "div(x0, x1)": x / y,
        "maximum(x0, x1)": np.maximum(x, y), "minimum(x0, x1)": np.minimum(x, y), "copysign(x0, x1)": np.copysign(x, y),
        "floor_div(x0, x1)": np.floor_divide(x, y), "mod(x0, x1)": np.mod(x, y), "pow_(x0, x1)": None,
    }  # fmt: skip
    with np.errstate(all="ignore"):
        wide = np.power(x.astype(np.float64), y.astype(np.float64))
    results = apply(list(expected), [x, y], [t] * len(expected), target)
    for (formula, want), got in zip(expected.items(), results, strict=True):
        if formula.startswith("pow_"):
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(got, wide.astype(DTYPES[t]), rtol=2e-7 if t == "f32" else 1e-15)
        elif formula[:3] in ("max", "min"):  # of zeros NumPy may take either
            assert np.array_equal(got, want, equal_nan=True)
            tie = x == y
            assert (np.signbit(got) == np.signbit(x))[tie].all()
        else:
            bad = [(a, b, g, w) for a, b, g, w in zip(x, y, got, want) if not same_bits(np.array([g]), np.array([w]))]
            assert not bad, (formula, bad[:5])


@pytest.mark.parametrize("t", FLOATS)
@PAIRS
def test_float_unary(t, target):
    x = floats(t)
    expected = {
        "-x0": -x, "neg(x0)": -x, "abs_(x0)": np.abs(x), "sign(x0)": np.sign(x), "floor(x0)": np.floor(x),
        "ceil(x0)": np.ceil(x),
        "trunc(x0)": np.trunc(x), "round_(x0)": np.rint(x), "sqrt(x0)": np.sqrt(x), "rsqrt(x0)": 1 / np.sqrt(x),
        "fma(x0, x0, x0)": None,
    }  # fmt: skip
    with np.errstate(all="ignore"):
        wide = x.astype(np.longdouble)
        expected["fma(x0, x0, x0)"] = (wide * wide + wide).astype(DTYPES[t])
    results = apply(list(expected), [x], [t] * len(expected), target)
    for (formula, want), got in zip(expected.items(), results, strict=True):
        if formula.startswith("fma"):
            np.testing.assert_allclose(got, want, rtol=3e-7 if t == "f32" else 3e-16)
        else:
            assert same_bits(got, want), formula


def test_fma_rounds_once():
    x = np.float32(1 + 2**-12)
    a, b, c = (np.full(16, v, np.float32) for v in (x, x, -(1 + 2**-11)))
    assert (apply(["fma(x0, x1, x2)"], [a, b, c], ["f32"])[0] == np.float32(2**-24)).all()


@for_each(*FLOATS, *INTS, "b1")
def test_comparisons(t, target):
    x, y = pairs(floats(t) if t[0] == "f" else ints(t) if t != "b1" else ints("u8") < 20)
    expected = {
        "lt(x0, x1)": x < y, "le(x0, x1)": x <= y, "gt(x0, x1)": x > y, "ge(x0, x1)": x >= y, "eq(x0, x1)": x == y,
        "ne(x0, x1)": x != y,
        "to_b1(x0)": x.astype(bool),
    }  # fmt: skip
    if t[0] == "f":
        expected |= {
            "isnan(x0)": np.isnan(x),
            "isinf(x0)": np.isinf(x),
            "isfinite(x0)": np.isfinite(x),
            "signbit(x0)": np.signbit(x),
        }
    results = apply([*expected, "select(lt(x0, x1), x1, x0)"], [x, y], ["b1"] * len(expected) + [t], target)
    for (formula, want), got in zip(expected.items(), results[:-1], strict=True):
        assert (got == want).all(), formula
    assert np.array_equal(results[-1], np.where(x < y, y, x), equal_nan=t[0] == "f")


@PAIRS
def test_bools(target):
    x, y = np.array([0, 0, 1, 1] * 5, bool), np.array([0, 1] * 10, bool)
    expected = {
        "x0 & x1": x & y, "x0 | x1": x | y, "x0 ^ x1": x ^ y, "~x0": ~x, "maximum(x0, x1)": x | y,
        "minimum(x0, x1)": x & y,
        "select(x0, x1, x0)": np.where(x, y, x),
    }  # fmt: skip
    for (formula, want), got in zip(
        expected.items(), apply(list(expected), [x, y], ["b1"] * len(expected), target), strict=True
    ):
        assert (got == want).all(), formula


@for_each(*INTS)
def test_ints(t, target):
    x, y = pairs(ints(t))
    with np.errstate(all="ignore"):
        expected = {
            "x0 + x1": x + y, "x0 - x1": x - y, "x0 * x1": x * y, "x0 & x1": x & y, "x0 | x1": x | y, "x0 ^ x1": x ^ y,
            "x0 << x1": x << y, "x0 >> x1": x >> y, "~x0": ~x, "-x0": -x, "neg(x0)": -x, "abs_(x0)": np.abs(x),
            "sign(x0)": np.sign(x),
            "maximum(x0, x1)": np.maximum(x, y), "minimum(x0, x1)": np.minimum(x, y), "floor(x0)": x, "round_(x0)": x,
            "floor_div(x0, x1)": x // y, "div(x0, x1)": x // y, "mod(x0, x1)": x % y,
        }  # fmt: skip
    results = apply(list(expected), [x, y], [t] * len(expected), target)
    for (formula, want), got in zip(expected.items(), results, strict=True):
        bad = np.flatnonzero(got != want)
        assert not bad.size, (formula, x[bad[:4]], y[bad[:4]], got[bad[:4]], want[bad[:4]])


@pytest.mark.parametrize("t", INTS)
def test_int_powers(t):
    x, y = pairs(ints(t))
    got = apply(["pow_(x0, x1)"], [x, y], [t])[0]
    bits = 8 * DTYPES[t](0).itemsize
    for base, power, result in zip(x.tolist(), y.tolist(), got, strict=True):
        want = pow(base, power, 2**bits) if power >= 0 else base**-power if base in (1, -1) else 0
        assert int(result) % 2**bits == want % 2**bits, (base, power)


@for_each(*DTYPES)
def test_conversions(t, target):
    if t == "b1":
        x = ints("i64") > 5
    else:
        x = floats("f32")[:360].astype(DTYPES[t]) if t[0] == "f" else ints(t)
    results = [other for other in DTYPES if other != "f16"]
    for other, got in zip(results, apply([f"to_{r}(x0)" for r in results], [x], results, target), strict=True):
        with np.errstate(all="ignore"):
            want = x.astype(DTYPES[other])
        if t[0] == "f" and other in INTS:
            whole, info = np.trunc(x.astype(np.float64)), np.iinfo(DTYPES[other])
            inside = (
                (whole >= info.min) & (whole <= info.max) & (whole < 2.0**63 if other == "i64" else whole < 2.0**64)
            )
            assert (got[inside] == want[inside]).all(), other
        else:
            assert same_bits(got, want), other


@pytest.mark.parametrize("source", FLOATS)
@PAIRS
def test_floats_beyond_an_int_stop_at_its_limits(source, target):
    x = np.array([np.inf, -np.inf, np.nan, 1e30, -1e30, 300.0, -300.0, -1.0, -0.5, 255.9], DTYPES[source])
    for t, got in zip(INTS, apply([f"to_{t}(x0)" for t in INTS], [x], INTS, target), strict=True):
        info = np.iinfo(DTYPES[t])
        want = [0 if np.isnan(v) else info.max if v > info.max else info.min if v < info.min else int(v) for v in x]
        assert got.tolist() == want, t


@PAIRS
def test_half_floats_are_rounded_once(target):
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    out = apply(["x0"], [every], ["f16"], target)[0]
    assert same_bits(out, every)
    exact = every[np.isfinite(every)].astype(np.float64)
    middle = (exact[1:] + exact[:-1]) / 2
    x = np.concatenate(
        [
            middle,
            np.nextafter(middle, np.inf),
            np.nextafter(middle, -np.inf),
            [65519.999, 65520.0, 1e300, -1e300, np.nan, np.inf, 5e-324],
        ]
    )
    with np.errstate(over="ignore"):
        want = x.astype(np.float16)
    assert same_bits(apply(["to_f16(x0)"], [x], ["f16"], target)[0], want)
    single = x.astype(np.float32, copy=False)
    with np.errstate(over="ignore"):
        assert same_bits(apply(["x0"], [single], ["f16"], target)[0], single.astype(np.float16))
    whole = np.array([2049, 2051, 65519, 65520, -65520, 2**40 + 1, 16777217], np.int64)
    with np.errstate(over="ignore"):
        assert same_bits(apply(["to_f16(x0)"], [whole], ["f16"], target)[0], whole.astype(np.float16))


def tree(x, combine):
    while x.size > 1:
        half = x.size // 2
        x = combine(x[:half], x[half:])
    return x[0]


@for_each(*FLOATS, *INTS)
def test_horizontal(t, target):
    rng = np.random.default_rng(5)
    x = (rng.standard_normal(16) * 3).astype(DTYPES[t]) if t[0] == "f" else ints(t)[:16]
    formulas = [f"splat_{t}({h}(x0))" for h in ("hsum", "hprod", "hmax", "hmin")] + [
        f"splat_{t}(extract(x0, 5))",
        "insert(x0, 3, extract(x0, 7))",
    ]
    with np.errstate(all="ignore"):
        want = [tree(x, f) for f in (np.add, np.multiply, np.maximum, np.minimum)] + [x[5]]
    results = apply(formulas, [x], [t] * len(formulas), target)
    for formula, got, w in zip(formulas[:-1], results[:-1], want, strict=True):
        assert (got == w).all(), formula
    changed = x.copy()
    changed[3] = x[7]
    assert (results[-1] == changed).all()
    if t[0] == "f":
        for lane in range(16):
            with_nan = x.copy()
            with_nan[lane] = np.nan
            assert all(np.isnan(r).all() for r in apply(formulas[:4], [with_nan], [t] * 4, target))


@PAIRS
def test_hall_hany(target):
    for x in (np.zeros(16, bool), np.ones(16, bool), np.arange(16) == 15, np.arange(16) != 0):
        all_, any_ = apply(["splat_b1(hall(x0))", "splat_b1(hany(x0))"], [x], ["b1", "b1"], target)
        assert (all_ == x.all()).all() and (any_ == x.any()).all()


@PAIRS
def test_bitcasts(target):
    x = F32_SPECIALS
    i, u = apply(["bitcast_f32_i32(x0)", "bitcast_f32_u32(x0)"], [x], ["i32", "u32"], target)
    assert (i == x.view(np.int32)).all() and (u == x.view(np.uint32)).all()
    assert same_bits(apply(["bitcast_i32_f32(x0)"], [i], ["f32"], target)[0], x)
    y = x.astype(np.float64)
    i = apply(["bitcast_f64_i64(x0)"], [y], ["i64"], target)[0]
    assert (i == y.view(np.int64)).all()
    assert same_bits(apply(["bitcast_i64_f64(x0)"], [i], ["f64"], target)[0], y)
