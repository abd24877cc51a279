"""The mathematics: error bounds of the float32 polynomials, special values, float64, equal bits on both targets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from graphnn_compiler.runtime.spec import AVX2, HOST
from simd_tools import F32_SPECIALS, TARGETS, apply, same_bits, ulp_error

PAIRS = pytest.mark.parametrize("target", list(TARGETS.values()), ids=list(TARGETS))
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def by_simd(name):
    """The float64 function of simd, which is the C library's or is tested below."""
    return lambda x: apply([f"{name}(x0)"], [x], ["f64"])[0]


def stable_sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1.0) / (1.0 + e)


# name -> (largest error allowed in units of the last place, float64 reference)
BOUNDS = {
    "exp": (1.0, np.exp), "exp2": (1.0, np.exp2), "expm1": (1.5, np.expm1), "log": (1.0, np.log),
    "log2": (2.0, np.log2),
    "log10": (2.0, np.log10), "log1p": (2.0, np.log1p), "tanh": (1.5, np.tanh), "sigmoid": (2.0, stable_sigmoid),
    "erf": (1.5, by_simd("erf")), "erfinv": (4.0, by_simd("erfinv")), "sin": (1.5, np.sin), "cos": (1.5, np.cos),
}  # fmt: skip
POLYNOMIALS = pytest.mark.parametrize("name", list(BOUNDS))
BY_LIBM = {
    "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "lgamma": by_simd("lgamma"), "erfc": by_simd("erfc"),
}  # fmt: skip


def samples() -> np.ndarray:
    """Bit patterns over the whole range, specials, and the neighbourhoods of the points where formulas change."""
    spread = np.arange(0, 2**32, 8191, dtype=np.uint64).astype(np.uint32).view(np.float32)
    # fmt: off
    edges = np.array(
        [0.625, 0.93, 4.0, 88.0, 88.7228394, 89.0, -87.336544, -103.278929, -103.972084, -104.0, 2 / 3, 4 / 3, 128.0,
         -126.0, -149.0, -150.0, 17.0, -17.33, -18.0, 48000.0, 16.64, 0.34657359, 1.0397208, np.pi, np.pi / 2,
         10.0, 20.0, 1.0, 5.0],
        np.float32,
    )
    # fmt: on
    around = (edges.view(np.int32)[:, None] + np.arange(-40, 41, dtype=np.int32)).ravel().view(np.float32)
    rng = np.random.default_rng(8)
    usual = np.concatenate([rng.standard_normal(100_000) * s for s in (0.01, 1, 30)]).astype(np.float32)
    return np.concatenate([F32_SPECIALS, spread, around, -around, usual])


@pytest.fixture(scope="module")
def results():
    x = samples()
    return x, {
        t: dict(zip(BOUNDS, apply([f"{n}(x0)" for n in BOUNDS], [x], ["f32"] * len(BOUNDS), spec)))
        for t, spec in TARGETS.items()
    }


@POLYNOMIALS
def test_error(results, name):
    x, by_target = results
    bound, reference = BOUNDS[name]
    error, worst = ulp_error(by_target["host"][name], reference(x.astype(np.float64)))
    assert error <= bound, f"{name}({x[worst]!r}) = {by_target['host'][name][worst]!r} is {error:.2f} ulp off"


@POLYNOMIALS
def test_equal_bits_without_avx512(results, name):
    _, by_target = results
    assert same_bits(by_target["host"][name], by_target["avx2"][name])


@POLYNOMIALS
def test_zeros_keep_their_sign(results, name):
    x, by_target = results
    got = by_target["host"][name]
    reference = BOUNDS[name][1](x[:2].astype(np.float64))
    assert (np.signbit(got[:2]) == np.signbit(reference)).all()


def largest_error(name: str, bound: float = math.inf) -> float:
    """Over all float32 inputs; also compares the bits of both targets. erfinv: [0, 1], and that it is odd."""
    reference = BOUNDS[name][1]
    step, end, largest = 1 << 18, 1 << 32, 0.0
    if name == "erfinv":
        end = 0x3F800000 + step  # the reference is slow, and all beyond is NaN
    for start in range(0, end, step):
        x = np.arange(start, start + step, dtype=np.uint64).astype(np.uint32).view(np.float32)
        got, narrow = (apply([f"{name}(x0)"], [x], ["f32"], t)[0] for t in (HOST, AVX2))
        error, worst = ulp_error(got, reference(x.astype(np.float64)))
        assert error <= bound, f"{name}({x[worst]!r}) = {got[worst]!r} is {error:.2f} ulp off"
        assert same_bits(got, narrow)
        if name == "erfinv":
            assert same_bits(apply([f"{name}(x0)"], [-x], ["f32"])[0], -got)
        largest = max(largest, error)
    return largest


@POLYNOMIALS
@pytest.mark.slow
@pytest.mark.exhaustive
def test_error_of_every_float(name):
    largest_error(name, BOUNDS[name][0])


@pytest.mark.parametrize("t", ["f32", "f64"])
@PAIRS
def test_by_libm(t, target):
    x = samples()[::7].astype(np.float64)
    x = np.concatenate([x, np.random.default_rng(1).uniform(-1, 1, 5000), F32_SPECIALS.astype(np.float64)])
    x = x.astype(np.float32) if t == "f32" else x
    for (name, reference), got in zip(
        BY_LIBM.items(), apply([f"{n}(x0)" for n in BY_LIBM], [x], [t] * len(BY_LIBM), target), strict=True
    ):
        want = reference(x.astype(np.float64))
        if t == "f32":
            assert ulp_error(got, want)[0] <= 5, name
        else:
            np.testing.assert_allclose(got, want, rtol=1e-13, atol=0, err_msg=name)


@pytest.mark.parametrize("t", ["f32", "f64"])
@PAIRS
def test_two_operands_by_libm(t, target):
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.standard_normal(500), np.repeat(F32_SPECIALS, 22)]).astype(np.float32)
    y = np.concatenate([rng.standard_normal(500), np.tile(F32_SPECIALS, 22)]).astype(np.float32)
    x, y = (x, y) if t == "f32" else (x.astype(np.float64), y.astype(np.float64))
    angle, length = apply(["atan2(x0, x1)", "hypot(x0, x1)"], [x, y], [t, t], target)
    tolerance = 3e-7 if t == "f32" else 1e-15
    np.testing.assert_allclose(angle, np.arctan2(x, y), rtol=tolerance)
    np.testing.assert_allclose(length, np.hypot(x, y), rtol=tolerance)


F64 = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
    "log1p": np.log1p,
    "tanh": np.tanh, "sigmoid": stable_sigmoid, "sin": np.sin, "cos": np.cos, "erf": np.vectorize(math.erf, otypes="d"),
}  # fmt: skip


@PAIRS
def test_float64(target):
    x = np.concatenate(
        [F32_SPECIALS.astype(np.float64), samples()[::61].astype(np.float64), [709.0, 710.0, -745.0, -746.0, 5e-324]]
    )
    for (name, reference), got in zip(
        F64.items(), apply([f"{n}(x0)" for n in F64], [x], ["f64"] * len(F64), target), strict=True
    ):
        np.testing.assert_allclose(got, reference(x), rtol=4e-15, atol=5e-324, err_msg=name)
        assert (np.signbit(got) == np.signbit(reference(x)))[reference(x) == 0].all()


@PAIRS
def test_erfinv_float64(target):
    # From mpmath with 40 digits.
    known = {
        1e-300: 8.86226925452758036e-301, 0.001: 0.000886227157466552123, 0.1: 0.088855990494257692,
        0.5: 0.476936276204469873,
        0.7: 0.732869077959216785, 0.95: 1.38590382434967768, 0.999: 2.32675376551352449,
        1 - 2.0**-24: 3.83250685690071091,
        1 - 2.0**-40: 5.05125408524938997, 1 - 2.0**-53: 5.86358474875516793,
    }  # fmt: skip
    x = np.array([*known, *(-k for k in known), 1.0, -1.0, 1.5, -2.0, np.nan, np.inf, 0.0, -0.0])
    got = apply(["erfinv(x0)"], [x], ["f64"], target)[0]
    n = len(known)
    want = np.array(list(known.values()))
    np.testing.assert_allclose(got[:n], want, rtol=4e-15)
    assert (got[n : 2 * n] == -got[:n]).all()
    assert got[2 * n] == np.inf and got[2 * n + 1] == -np.inf and np.isnan(got[2 * n + 2 : 2 * n + 6]).all()
    assert got[-2] == 0 and got[-1] == 0 and not np.signbit(got[-2]) and np.signbit(got[-1])
    middle = np.linspace(-0.999999, 0.999999, 20001)
    np.testing.assert_allclose(apply(["erf(erfinv(x0))"], [middle], ["f64"], target)[0], middle, rtol=1e-14)
