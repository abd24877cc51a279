"""Resampling: weights, transposes, symbolic extents, NaN and infinities, the same bits on any number of threads and on AVX2."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.ops.resample import METHODS, Resample, band
from graphnn_compiler.runtime.spec import AVX2, HOST, KernelSpec
from graphnn_compiler.trace import emit, trace
from test_pool import numbers, run

TAPS = (0.5, 0.0, 0.25, 0.125)


def rows(n: int, size: int, method: str, aa: bool) -> Any:
    return band(n, n if method == "window" else size, method, aa, TAPS if method == "window" else ())


@pytest.mark.parametrize("method", METHODS)
def test_the_transpose_is_the_transpose(method: str) -> None:
    for n in (1, 2, 5, 16):
        for size in (1, 3, 5, 33):
            for aa in (False, True):
                forward = rows(n, size, method, aa)
                columns = len(forward.start)
                assert np.array_equal(forward.dense(n).T, forward.transposed(n).dense(columns)), (n, size, aa)


@pytest.mark.parametrize("method", METHODS[:-1])
def test_weights_sum_to_one_and_stay_inside(method: str) -> None:
    for n, size, aa in ((7, 3, True), (7, 3, False), (4, 9, True), (1, 5, False), (5, 5, False)):
        found = band(n, size, method, aa, ())
        assert np.allclose(found.dense(n).sum(1), 1)
        assert (found.start >= 0).all() and (found.start + found.count <= n).all()
    assert np.allclose(band(5, 5, method, False, ()).dense(5), np.eye(5), atol=1e-12)


def test_neighbours_alone_pass_on_what_is_not_finite() -> None:
    x = np.array([np.inf, 1, 2, np.nan], "float32").reshape(1, 4, 1)
    y = Executable(trace(lambda v: [emit(Resample(1, 8, "bilinear"), v)], [(x.shape, "float32")]))([x])[0].ravel()
    assert np.isinf(y[:3]).all() and y[3:5].tolist() == [1.25, 1.75] and np.isnan(y[5:]).all()


def test_extents_with_names() -> None:
    n, h, m = symbol("n"), symbol("h"), symbol("m")
    op = Resample(1, m, "bicubic", True)
    program = Executable(trace(lambda v, w: [emit(op, v), emit(Resample(1, m, "bicubic", True, (), h), w)], [((n, h, 3), "float32"), ((n, m, 3), "float32")]))
    for batch, rows, size in ((2, 5, 3), (1, 4, 9), (0, 3, 2), (2, 1, 1)):
        x, z = numbers((batch, rows, 3)), numbers((batch, size, 3))
        y, back = program([x, z])
        assert np.allclose(y, Resample(1, size, "bicubic", True).reference(x), atol=1e-6)
        assert np.allclose(back, Resample(1, size, "bicubic", True, (), rows).reference(z), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_same_bits_on_any_number_of_threads_and_targets(dtype: str) -> None:
    for op, shape in ((Resample(1, 11, "bicubic"), (3, 7, 35)), (Resample(1, 3, "lanczos3", True), (2, 9, 3)), (Resample(1, 6, "window", False, TAPS), (1, 6, 1))):
        x, found = numbers(shape, dtype), set()
        name, params = op.kernel([(shape, dtype)])
        for target in (HOST, AVX2):
            for threads in (1, 2, 3, 4):
                out = np.full((shape[0], int(op.size), shape[2]), np.nan, dtype)
                run(KernelSpec(name, tuple(params.items())), target, op.dims([shape]), [x, out], threads)
                found.add(out.tobytes())
        assert len(found) == 1
        assert np.allclose(out, op.reference(x), 1e-3 if dtype == "float16" else 1e-6, 1e-3 if dtype == "float16" else 1e-6)


def test_what_cannot_be_resampled_is_refused() -> None:
    for op, spec, error in (
        (Resample(1, 3, "bilinear"), ((2, 4), "int32"), TypeError),
        (Resample(2, 3, "bilinear"), ((2, 4), "float32"), TypeError),
        (Resample(1, 3, "spline"), ((2, 4), "float32"), TypeError),
        (Resample(1, 3, "window", False, TAPS), ((2, 4), "float32"), ValueError),
        (Resample(1, -1, "bilinear"), ((2, 4), "float32"), ValueError),
    ):
        with pytest.raises(error, match="Resample"):
            op.infer(spec)
