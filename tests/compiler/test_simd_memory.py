"""Loads and stores: every element type, every mask, any stride, nothing read or written outside the mask."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
import pytest
from simd_tools import DTYPES, TARGETS, apply, run

PAIRS = pytest.mark.parametrize("target", list(TARGETS.values()), ids=list(TARGETS))
TYPES = pytest.mark.parametrize("t", list(DTYPES))


def values(t: str, n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if t == "b1":
        return rng.integers(0, 2, n).astype(bool)
    if t[0] == "f":
        return rng.standard_normal(n).astype(DTYPES[t])
    info = np.iinfo(DTYPES[t])
    return rng.integers(info.min, info.max, n, dtype=DTYPES[t], endpoint=True)


MASKED = """
def kernel(dims, bufs, ctx, tid, n):
    m = lanes_below(word(dims, 0))
    store_{t}(word(bufs, 1), load_{t}(word(bufs, 0), m), m)
    store_full_{t}(word(bufs, 2), load_{t}(word(bufs, 0), m))
    store_full_{t}(word(bufs, 3), load_full_{t}(word(bufs, 0)))
    set_scalar_{t}(word(bufs, 4), scalar_{t}(word(bufs, 0)))
    store_full_{t}(word(bufs, 5), splat_load_{t}(word(bufs, 0)))
    store_full_{t}(word(bufs, 6), splat_{t}(scalar_{t}(word(bufs, 0))))
    return 0
"""


@TYPES
@PAIRS
def test_masks(t, target):
    x = values(t, 16)
    for n in [*range(-1, 18), 1000, -(2**40), 2**40]:
        k = min(max(n, 0), 16)
        old = values(t, 18, 1)
        outputs = [np.copy(old) for _ in range(6)]
        run(MASKED.format(t=t), [x, *(o[1:] for o in outputs)], [n], target)
        masked, zeroed, full, scalar, splat, splat_scalar = outputs
        assert (masked[1 : k + 1] == x[:k]).all() and (masked[k + 1 :] == old[k + 1 :]).all()
        assert (zeroed[1 : k + 1] == x[:k]).all() and not zeroed[k + 1 : 17].any()
        assert (full[1:17] == x).all() and scalar[1] == x[0]
        assert (splat[1:17] == x[0]).all() and (splat_scalar[1:17] == x[0]).all()
        for o in (full, zeroed, splat):
            assert o[0] == old[0] and o[17] == old[17]
        assert scalar[2] == old[2]


STRIDED = """
def kernel(dims, bufs, ctx, tid, n):
    m = lanes_below(word(dims, 0))
    store_full_{t}(word(bufs, 1), loads_{t}(word(bufs, 0), word(dims, 1), m))
    stores_{t}(word(bufs, 2), word(dims, 2), load_full_{t}(word(bufs, 1)), m)
    offsets = load_full_i64(word(bufs, 3))
    store_full_{t}(word(bufs, 4), gather_{t}(word(bufs, 0), offsets, m))
    scatter_{t}(word(bufs, 5), offsets, load_full_{t}(word(bufs, 1)), m)
    return 0
"""


@TYPES
@PAIRS
def test_strides_and_gathers(t, target):
    size = DTYPES[t](0).itemsize
    for stride, n in [(0, 16), (1, 16), (3, 16), (-2, 16), (1, 5), (7, 9), (-1, 1), (2, 0)]:
        data, middle = values(t, 240), 120
        picked = np.zeros(16, DTYPES[t])
        spread, scattered = values(t, 240, 1), values(t, 240, 1)
        before = spread.copy()
        gathered = np.zeros(16, DTYPES[t])
        index = np.random.default_rng(3).permutation(100)[:16].astype(np.int64) - 50
        run(
            STRIDED.format(t=t),
            [data[middle:], picked, spread[middle:], index * size, gathered, scattered[middle:]],
            [n, stride * size, stride * size],
            target,
        )
        lanes = np.arange(n)
        expected = np.zeros(16, DTYPES[t])
        expected[:n] = data[middle + lanes * stride]
        assert (picked == expected).all()
        want = before.copy()
        for lane in lanes:  # in lane order, so the last lane wins where they meet
            want[middle + lane * stride] = picked[lane]
        assert (spread == want).all()
        expected[:n] = data[middle + index[:n]]
        assert (gathered == expected).all()
        want = before.copy()
        want[middle + index[:n]] = picked[:n]
        assert (scattered == want).all()


@TYPES
@PAIRS
def test_nothing_outside_the_mask_is_touched(t, target):
    page = mmap.PAGESIZE
    area = mmap.mmap(-1, 3 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(area))
    libc = ctypes.CDLL(None, use_errno=True)
    for guard in (0, 2):
        assert libc.mprotect(ctypes.c_void_p(start + guard * page), page, 0) == 0
    size = DTYPES[t](0).itemsize
    text = f"""
def kernel(dims, bufs, ctx, tid, n):
    m = lanes_below(word(dims, 2))
    store_{t}(word(dims, 0), load_{t}(word(dims, 1), m), m)
    stores_{t}(word(dims, 0), {size}, loads_{t}(word(dims, 1), {size}, m), m)
    off = ramp_i64(0, {size})
    scatter_{t}(word(dims, 0), off, gather_{t}(word(dims, 1), off, m), m)
    return 0
"""
    for n in range(17):
        at_end = start + 2 * page - n * size
        run(text, [], [at_end, at_end, n], target)
    for guard in (0, 2):
        libc.mprotect(ctypes.c_void_p(start + guard * page), page, 3)


@PAIRS
def test_constants(target):
    x = np.zeros(16, np.float32)
    formulas = {
        "const_f32(1)": ("f32", 1), "const_f32(0.1)": ("f32", np.float32(0.1)), "const_f32(-0.0)": ("f32", -0.0),
        "const_f32(INF)": ("f32", np.inf), "const_f32(-INF)": ("f32", -np.inf), "const_f32(NAN)": ("f32", np.nan),
        "const_f64(0.1)": ("f64", 0.1), "const_i8(-5)": ("i8", -5), "const_u8(200)": ("u8", 200),
        "const_b1(True)": ("b1", True),
        "const_i64(-9223372036854775808)": ("i64", -(2**63)), "const_u64(18446744073709551615)": ("u64", 2**64 - 1),
        "const_bits_f32(2143289344)": ("f32", np.nan), "const_bits_f32(-2147483648)": ("f32", -0.0),
        "const_bits_f64(4607182418800017408)": ("f64", 1.0), "const_f16(0.5)": ("f16", 0.5),
        "ramp_i64(3, -2)": ("i64", 3 - 2 * np.arange(16)), "ramp_i32(1, 5)": ("i32", 1 + 5 * np.arange(16)),
        "splat_i64(7)": ("i64", 7), "splat_f32(2.5)": ("f32", 2.5),
    }  # fmt: skip
    results = apply(list(formulas), [x], [t for t, _ in formulas.values()], target)
    for (formula, (t, expected)), got in zip(formulas.items(), results, strict=True):
        want = np.broadcast_to(np.asarray(expected, DTYPES[t]), 16)
        assert np.array_equal(got, want, equal_nan=t[0] == "f"), formula
        if t[0] == "f" and not np.isnan(want).any():
            assert (np.signbit(got) == np.signbit(want)).all(), formula
