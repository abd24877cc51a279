"""Tools of the simd tests: small kernels from text, run on arrays, for this CPU or for one without AVX-512."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from graphnn_compiler.runtime import loader
from graphnn_compiler.runtime.spec import AVX2, HOST, KernelSpec, Target

TARGETS = {"host": HOST, "avx2": AVX2}
DTYPES: dict[str, Any] = {
    "f16": np.float16, "f32": np.float32, "f64": np.float64, "b1": np.bool_,
    "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
    "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64,
}  # fmt: skip
INTS = ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")
FLOATS = ("f32", "f64")

F32_SPECIALS = np.array(
    [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        np.inf,
        -np.inf,
        np.nan,
        -np.nan,
        1e-45,
        -1e-45,
        1e-40,
        -1e-40,
        1.17549435e-38,
        -1.17549435e-38,
        3.4028235e38,
        -3.4028235e38,
        1.00000012,
        0.99999994,
        -0.99999994,
        -1.00000012,
    ],
    np.float32,
)


@functools.cache
def kernel(text: str, target: Target = HOST) -> Callable[..., int]:
    """The compiled function of a kernel's text."""
    return loader.function(loader.address(KernelSpec("simd_test", source=text), target))


def run(text: str, arrays: Sequence[Any], dims: Sequence[int] = (), target: Target = HOST, ctx: int = 0) -> int:
    """Call a kernel with the addresses of arrays."""
    d, b = np.array([*dims, 0], np.int64), np.array([a.ctypes.data for a in arrays] + [0], np.int64)
    return kernel(text, target)(d.ctypes.data, b.ctypes.data, ctx, 0, 1)


def mapping(formulas: Sequence[str], inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """Text of a kernel that computes each formula of x0, x1, ... over whole vectors; dims[0] is the arrays' length."""
    lines = ["def kernel(dims, bufs, ctx, tid, n):", "    count = word(dims, 0)"]
    lines += [f"    p{k} = word(bufs, {k})" for k in range(len(inputs))]
    for k, formula in enumerate(formulas):
        lines += [f"    q = word(bufs, {len(inputs) + k})", "    for i in range(0, count, 16):"]
        lines += [f"        x{j} = load_full_{t}(p{j} + i * {DTYPES[t](0).itemsize})" for j, t in enumerate(inputs)]
        lines += [f"        store_full_{outputs[k]}(q + i * {DTYPES[outputs[k]](0).itemsize}, {formula})"]
    return "\n".join([*lines, "    return 0"])


def apply(formulas: Sequence[str], inputs: Sequence[Any], outputs: Sequence[str], target: Target = HOST) -> list[Any]:
    """Results of the formulas on arrays, one array each."""
    names = [next(n for n, d in DTYPES.items() if a.dtype == d) for a in inputs]
    size = inputs[0].size
    padded = [a if size % 16 == 0 else np.pad(a, (0, -size % 16)) for a in inputs]
    results = [np.full(padded[0].size, 77, DTYPES[t]) for t in outputs]
    run(mapping(formulas, names, outputs), [*padded, *results], [padded[0].size], target)
    return [r[:size] for r in results]


def same_bits(a: Any, b: Any) -> bool:
    """Equal bit by bit; any NaN equals any NaN."""
    if a.dtype.kind != "f":
        return bool((a == b).all())
    both_nan = np.isnan(a) & np.isnan(b)
    bits = f"u{a.dtype.itemsize}"
    return bool(((a.view(bits) == b.view(bits)) | both_nan).all())


def ulp_error(got: Any, exact: Any) -> tuple[float, int]:
    """The largest error of float32 results in units of the last place, and where; inf where specials differ."""
    with np.errstate(all="ignore"):
        unit = exact.view(np.int64) & 0x7FF0000000000000
        np.maximum(unit, (1023 - 126) << 52, out=unit)
        unit -= 23 << 52
        error = got - exact
        error /= unit.view(np.float64)
        np.abs(error, out=error)
        usual = error < 2.0**30
        if not usual.all():  # NaN, or the exact value is beyond float32: then the result must be the very same
            odd, rounded = got[~usual], exact[~usual].astype(np.float32)
            agree = (odd == rounded) | (np.isnan(odd) & np.isnan(rounded))
            error[~usual] = np.where(agree & ~np.isfinite(rounded), 0.0, np.inf)
    worst = int(error.argmax())
    return float(error[worst]), worst
