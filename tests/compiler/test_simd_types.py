"""Misuse is refused when a kernel is compiled, and Python's literals are taken wherever they can be meant."""

from __future__ import annotations

import numpy as np
import pytest
from graphnn_compiler import simd_types
from graphnn_compiler.runtime.compile import compile_kernel
from graphnn_compiler.runtime.spec import KernelSpec
from simd_tools import run


@pytest.mark.parametrize(
    "expression",
    [
        "const_f32(1) + const_f64(1)",
        "const_f32(1) + 1",
        "const_i32(1) / const_i32(2)",
        "const_f32(1) & const_f32(2)",
        "maximum(const_i32(1), const_i64(1))",
        "maximum(const_i32(1))",
        "maximum(const_i32(1), const_i32(1), const_i32(1))",
        "exp(const_i32(1))",
        "exp(1.0)",
        "select(const_i32(1), const_f32(1), const_f32(2))",
        "select(lanes_below(3), const_f32(1), const_f64(2))",
        "load_f32(word(bufs, 0), 3)",
        "load_f32(const_i64(0), lanes_below(3))",
        "store_f32(word(bufs, 0), const_f64(1), lanes_below(3))",
        "hall(const_f32(1))",
        "word(bufs)",
        "barrier(ctx, tid)",
    ],
)
def test_misuse_does_not_compile(expression):
    text = f"def kernel(dims, bufs, ctx, tid, n):\n    x = {expression}\n    return 0\n"
    with pytest.raises(Exception, match=r"expected|given|invalid|Invalid|No implementation"):
        compile_kernel(KernelSpec("misuse", source=text))


def test_literals_and_narrow_scalars():
    text = """
def kernel(dims, bufs, ctx, tid, n):
    p = word(bufs, 0)
    small = scalar_i32(p)
    store_i64(p + 64, ramp_i64(small, 1), lanes_below(small + 13))
    store_f32(p + 192, splat_f32(small) + const_f32(2) + splat_f32(True), lanes_below(16))
    set_scalar_f32(p + 256, 3)
    set_scalar_b1(p + 260, 5 > 4)
    set_word(p, 1, -1)
    total = const_f32(0)
    for i in range(0, 40, 16):
        total += splat_f32(i)
    if hany(gt(total, const_f32(47.5))):
        set_scalar_f32(p + 264, extract(total, 15))
    return 0
"""
    a = np.zeros(400, np.uint8)
    a[:4] = np.array([3], np.int32).view(np.uint8)
    assert run(text, [a]) == 0
    assert a[64:192].view(np.int64).tolist() == [*range(3, 19)]
    assert (a[192:256].view(np.float32) == 6).all()
    assert a[256:260].view(np.float32)[0] == 3 and a[260] == 1 and a[8:16].view(np.int64)[0] == -1
    assert a[264:268].view(np.float32)[0] == 48


def test_vector_types():
    assert simd_types.LANES == 16 and len(simd_types.NAMES) == 12
    assert simd_types.VECTORS["f16"] == simd_types.VECTORS["f32"] != simd_types.VECTORS["f64"]
    before = simd_types.target_has_avx512()
    simd_types.set_target(not before)
    assert simd_types.target_has_avx512() is not before
    simd_types.set_target(before)
