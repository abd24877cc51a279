"""Pooling: equal maxima and NaN, windows that hang over, second derivatives, the same bits on any number of threads and on AVX2."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.build import value
from graphnn_compiler.dims import evaluate, symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.ops.pool import AveragePool, AveragePoolBack, MaxPool, MaxPoolBack, same_padding, windows_of
from graphnn_compiler.runtime import context, loader
from graphnn_compiler.runtime.spec import AVX2, HOST, KernelSpec, Target
from graphnn_compiler.trace import emit, trace

Array = np.ndarray[Any, Any]


def numbers(shape: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def max_gradient(op: MaxPool, x: Array, ct: Array) -> Array:
    def f(v, c):
        y = emit(op, v)
        return gradients([y], [c], [v])

    return Executable(trace(f, [(x.shape, x.dtype.name), (ct.shape, ct.dtype.name)]))([x, ct])[0]


def test_the_first_of_equal_maxima_takes_the_gradient() -> None:
    op = MaxPool((2,), (3,), (2,), (0,))
    x = np.array([1, 2, 2, 2, 2], "float32").reshape(1, 5, 1)
    ct = np.array([1, 10], "float32").reshape(1, 2, 1)
    assert max_gradient(op, x, ct).ravel().tolist() == [0, 1, 10, 0, 0]
    zeros = np.array([-0.0, 0.0, 0.0, -1, -1], "float32").reshape(1, 5, 1)
    assert max_gradient(op, zeros, ct).ravel().tolist() == [1, 0, 10, 0, 0]


@pytest.mark.parametrize("channels", [1, 33])
def test_the_first_nan_takes_the_gradient(channels: int) -> None:
    op = MaxPool((2, 1), (2, 2), (2, 2), (0, 0))
    x = np.array([[5, np.nan], [np.nan, 7], [1, np.inf], [-np.inf, np.inf]], "float32")
    x = np.repeat(x.reshape(1, 4, 2, 1), channels, -1)
    y = Executable(trace(lambda v: [emit(op, v)], [(x.shape, "float32")]))([x])[0]
    assert np.isnan(y[0, 0]).all() and np.isposinf(y[0, 1]).all()
    got = max_gradient(op, x, np.ones(y.shape, "float32"))
    assert all(got[0, ..., c].tolist() == [[0, 1], [0, 0], [0, 1], [0, 0]] for c in range(channels))


def test_windows_that_hold_nothing() -> None:
    x = np.ones((1, 2, 1), "float32")
    for op, empty in ((MaxPool((3,), (2,), (2,), (2,)), -np.inf), (AveragePool((3,), (2,), (2,), (2,)), 0.0)):
        assert Executable(trace(lambda v, op=op: [emit(op, v)], [(x.shape, "float32")]))([x])[0].ravel().tolist() == [empty, 1, empty]


def test_same_padding_of_numbers_and_of_names() -> None:
    n = symbol("n")
    for window in range(1, 6):
        for stride in range(1, 6):
            named = same_padding(n, window, stride)
            for extent in range(1, 14):
                low, high = same_padding(extent, window, stride)
                total = max((-(-extent // stride) - 1) * stride + window - extent, 0)
                assert (low, high) == (total // 2, total - total // 2)
                assert tuple(evaluate(p, {"n": extent}) for p in named) == (low, high)
                assert windows_of(extent, window, stride, low, high) == -(-extent // stride)


def test_extents_with_names() -> None:
    n, h = symbol("n"), symbol("h")
    low = tuple(same_padding(d, 3, 2)[0] for d in (h, 6))
    op = MaxPool(((h + 1) // 2, 3), (3, 3), (2, 2), low)
    program = Executable(trace(lambda v: [emit(op, v)], [((n, h, 6, 5), "float32")]))
    for batch, rows in ((2, 5), (1, 4), (3, 1), (0, 5)):
        x = numbers((batch, rows, 6, 5))
        fixed = MaxPool((-(-rows // 2), 3), (3, 3), (2, 2), tuple(same_padding(d, 3, 2)[0] for d in (rows, 6)))
        assert np.array_equal(program([x])[0], fixed.reference(x))


@pytest.mark.parametrize("kind", [MaxPool, AveragePool])
def test_second_derivatives(kind: type[Any]) -> None:
    """The slope of sum(w * dx) along a direction of the cotangent, where dx is linear in it."""
    op = kind((2, 3), (3, 2), (2, 2), (1, 0))
    x, ct, w = numbers((1, 4, 6, 3), "float64"), numbers((1, 2, 3, 3), "float64", 1), numbers((1, 4, 6, 3), "float64", 2)

    def f(v, c):
        (dx,) = gradients([emit(op, v)], [c], [v])
        return [dx, *gradients([dx], [value(w)], [c])]

    dx, back = Executable(trace(f, [(x.shape, "float64"), (ct.shape, "float64")]))([x, ct])
    assert np.isclose((dx * w).sum(), (back * ct).sum())


CASES = [
    (MaxPool((5, 4), (3, 3), (2, 2), (1, 1)), (3, 9, 7, 35)),
    (AveragePool((5, 4), (3, 3), (2, 2), (1, 1)), (3, 9, 7, 35)),
    (MaxPool((9,), (2,), (1,), (0,)), (1, 10, 70)),
    (AveragePool((4, 3, 5)), (1, 7, 3, 6, 3)),
    (MaxPool((1, 1), (9, 9), (1, 1), (3, 3)), (2, 3, 3, 16)),
    (AveragePool((3,), (2,), (3,), (0,)), (2, 8, 1)),
]


def run(spec: KernelSpec, target: Target, dims: list[int], arrays: list[Array], threads: int) -> None:
    """A kernel on some threads."""
    block, bufs = np.array(dims, np.int64), np.array([a.ctypes.data for a in arrays], np.int64)
    ctx, kernel = context.new_context(threads), loader.function(loader.address(spec, target))
    codes = [-1] * threads

    def part(t: int) -> None:
        codes[t] = kernel(block.ctypes.data, bufs.ctypes.data, ctx.ctypes.data, t, threads)

    team = [threading.Thread(target=part, args=(t,)) for t in range(threads)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    assert codes == [0] * threads


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize(("op", "shape"), CASES)
def test_same_bits_on_any_number_of_threads_and_targets(op: Any, shape: tuple[int, ...], dtype: str) -> None:
    x = numbers(shape, dtype)
    y, ct = op.reference(x), numbers(op.pooled(shape), dtype, 1)
    takes_max = isinstance(op, MaxPool)
    back = op.to(MaxPoolBack) if takes_max else op.to(AveragePoolBack, spatial=shape[1:-1])
    found: list[bytes] = []
    for target in (HOST, AVX2):
        for threads in (1, 2, 3, 4):
            out, dx = np.full_like(y, np.nan), np.full_like(x, np.nan)
            name, params = op.kernel([(shape, dtype)])
            run(KernelSpec(name, tuple(params.items())), target, op.geometry(shape), [x, out], threads)
            name, params = back.kernel([(shape, dtype)])
            operands = [x, y, ct, dx] if takes_max else [ct, dx]
            run(KernelSpec(name, tuple(params.items())), target, op.geometry(shape), operands, threads)
            found.append(out.tobytes() + dx.tobytes())
    assert len(set(found)) == 1
    tolerance = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-14}[dtype]
    want = back.reference(*([x, y, ct] if takes_max else [ct]))
    assert np.allclose(out, y, tolerance, tolerance) and np.allclose(dx, want, tolerance, tolerance)


def test_what_cannot_be_pooled_is_refused() -> None:
    with pytest.raises(TypeError, match="bool"):
        MaxPool((1,), (2,), (2,), (0,)).infer(((1, 2, 1), "bool"))
    with pytest.raises(TypeError, match="int32"):
        AveragePool((1,), (2,), (2,), (0,)).infer(((1, 2, 1), "int32"))
    with pytest.raises(ValueError, match="over 2 axes"):
        MaxPool((1, 1), (2, 2), (2, 2), (0, 0)).infer(((1, 2, 1), "float32"))
    with pytest.raises(ValueError, match="at least 1"):
        MaxPool((1,), (2,), (0,), (0,)).infer(((1, 2, 1), "float32"))
    with pytest.raises(ValueError, match="no window fits"):
        MaxPool((-1,), (5,), (2,), (0,)).infer(((1, 2, 1), "float32"))
