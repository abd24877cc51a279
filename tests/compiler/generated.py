"""What the generated op tests share: arguments for an op's samples, special values, layouts, and a comparison by dtype."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.executable import Executable
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.ops import base
from graphnn_compiler.ops.base import REGISTRY, Sample
from graphnn_compiler.trace import emit, trace
from graphnn_compiler.verify import verify

OPS = sorted(REGISTRY)
# float32 polynomials are within 2 ulp; sums of a few hundred terms in another order within some more.
RELATIVE = {"float16": 4e-3, "float32": 4e-6, "float64": 1e-12}
EVERYDAY = ("float32", "float64", "int32", "bool")


def samples(name: str, *, everyday: bool) -> Iterator[Sample]:
    """The samples of an op; `everyday` leaves out the rarer dtypes, which the slow tier runs."""
    for s in REGISTRY[name].samples():
        common = all(d in EVERYDAY or d == "int64" and i for i, (_, d, _, _) in enumerate(s.inputs))
        if common == everyday:
            yield s


def arguments(s: Sample, seed: str = "", floats: str | None = None) -> list[np.ndarray]:
    """Random arrays for a sample, the same in every run; `floats` replaces the float dtypes."""
    rng = np.random.default_rng(zlib.crc32((s.op.describe() + seed).encode()))
    out = []
    for shape, dtype, low, high in s.inputs:
        kind = floats if floats is not None and base.is_float(dtype) else dtype
        out.append(rng.uniform(low, high, shape).astype(kind))
    return out


def application(s: Sample, *, with_gradient: bool):
    """The op as a function of values, with the gradients of a weighted sum of its result where it has them."""

    def f(*values: Value) -> list[Value]:
        y = emit(s.op, *values)
        if not (with_gradient and s.grad and base.is_float(y.dtype)):
            return [y]
        return [y, *gradients([y], [y * 0.5], [v for v in values if base.is_float(v.dtype)])]

    return f


def compiled_and_reference(f, arrays: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray], Graph]:
    """Results of the compiled program and of the NumPy interpreter."""
    specs = [(a.shape, a.dtype.name) for a in arrays]
    graph = trace(f, specs)
    verify(graph)
    want, _ = interpret(graph, arrays, {})
    return Executable(trace(f, specs))([np.ascontiguousarray(a).reshape(a.shape) for a in arrays]), want, graph


def assert_close(got: np.ndarray, want: np.ndarray, note: str) -> None:
    """Equal for integers and bools, close for floats; NaN and infinities in the same places."""
    want = np.asarray(want)
    assert (got.dtype, got.shape) == (want.dtype, want.shape), note
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, err_msg=note)
        return
    tol = RELATIVE[want.dtype.name]
    finite = np.abs(want[np.isfinite(want)].astype("float64"))
    scale = 1 + finite.max(initial=0)
    np.testing.assert_allclose(got.astype("float64"), want.astype("float64"), rtol=tol, atol=tol * scale, err_msg=note)
