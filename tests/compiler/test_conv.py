"""Convolution kernels: right, the same bits however they are computed, nothing touched outside of the operands.

`python test_conv.py front|back THREADS host|avx2` runs them with all memory against inaccessible pages; a test starts it.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.kernels import conv_axes, conv_layout, conv_plan, conv_weights_plan
from graphnn_compiler.ops import conv as ops
from graphnn_compiler.runtime import context, loader
from graphnn_compiler.runtime.spec import AVX2, HOST, KernelSpec, Target
from test_gemm import EPILOGUE, TARGETS, aligned, guarded, numbers, same

Array = np.ndarray[Any, Any]
KINDS = ("conv", "input", "kernel")


@dataclass(frozen=True)
class Case:
    """A convolution: x's shape, the kernel's extents, filters, and the attributes."""

    x: tuple[int, ...]
    kernel: tuple[int, ...]
    filters: int
    strides: tuple[int, ...] = ()
    padding: tuple[tuple[int, int], ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1

    @property
    def op(self) -> ops.Conv:
        n = len(self.kernel)
        return ops.Conv(self.strides or (1,) * n, self.padding or ((0, 0),) * n, self.dilation or (1,) * n, self.groups)

    @property
    def w(self) -> tuple[int, ...]:
        return (*self.kernel, self.x[-1] // self.groups, self.filters)

    @property
    def y(self) -> tuple[int, ...]:
        return tuple(int(d) for d in self.op.infer((self.x, "float32"), (self.w, "float32"))[0][0])

    def of(self, kind: str) -> tuple[Any, tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """The op of a kind, and the shapes of its operands and its result."""
        args = (self.op.strides, self.op.padding, self.op.dilation, self.op.groups)
        if kind == "conv":
            return self.op, self.x, self.w, self.y
        if kind == "input":
            return ops.ConvInput(*args, self.x[1:-1]), self.y, self.w, self.x
        return ops.ConvKernel(*args, self.kernel), self.x, self.y, self.w

    @property
    def sliding(self) -> conv_axes.Sliding:
        low = tuple(int(p) for p, _ in self.op.padding)
        return conv_axes.Sliding(
            self.x[0], self.x[1:-1], self.y[1:-1], self.kernel, self.x[-1], self.filters, self.groups, self.op.strides,
            self.op.dilation, low,
        )  # fmt: skip


ONES, TWOS = ((1, 1), (1, 1)), ((2, 2), (2, 2))
CASES = [
    Case((1, 1, 1, 1), (1, 1), 1),
    Case((2, 7, 5, 3), (3, 3), 5, padding=ONES),
    Case((3, 8, 8, 16), (3, 3), 33, padding=ONES),
    Case((5, 7, 7, 13), (3, 2), 17, (2, 2), ((0, 1), (1, 0))),
    Case((2, 13, 12, 4), (3, 3), 40, (3, 1), ((2, 2), (0, 0)), (2, 3)),
    Case((2, 6, 9, 6), (4, 3), 10, (1, 2), ONES, groups=2),
    Case((2, 9, 9, 35), (3, 3), 35, (1, 1), ONES, groups=35),  # depthwise
    Case((3, 10, 7, 17), (5, 3), 17, (2, 2), ((1, 2), (1, 1)), groups=17),
    Case((2, 5, 6, 3), (3, 3), 12, (2, 1), ONES, groups=3),
    Case((2, 4, 4, 8), (1, 1), 20),
    Case((2, 5, 5, 8), (1, 1), 20, (2, 2)),
    Case((2, 2, 1, 3), (5, 4), 2, padding=((2, 2), (3, 2))),
    Case((2, 6, 7, 3), (3, 2), 4, padding=((-1, 2), (1, -2))),
    Case((2, 6, 6, 3), (2, 2), 4, (4, 4)),  # places that the kernel never meets
    Case((1, 4, 4, 700), (3, 3), 20, padding=ONES),  # many chunks
    Case((40, 7, 7, 24), (3, 3), 19, padding=ONES),  # many blocks and segments
    Case((9, 6, 5, 100), (3, 3), 21, (2, 1), ((0, 1), (1, 1))),  # borders have phases of their own
    Case((8, 5, 4, 20), (3, 3), 20, (1, 1), ONES, groups=20),
    Case((8, 3, 2, 4), (5, 5), 6, (1, 1), TWOS),
    Case((8, 5, 3), (3,), 4, (2,), ((1, 1),)),
    Case((8, 3, 4, 3, 2), (2, 3, 2), 5, (1, 1, 2), ((1, 0), (1, 1), (1, 1))),
    Case((2, 40, 30, 9), (3, 3), 50, padding=ONES),  # several bands
    Case((2, 19, 5), (3,), 16, (1,), ((2, 0),)),
    Case((3, 1100, 2), (4,), 3, (2,), ((1, 2),), (3,)),  # rows longer than a chain
    Case((1, 3, 4, 5, 6), (2, 3, 2), 18, (1, 2, 1), ((1, 0), (1, 1), (0, 1))),
    Case((2, 5, 4, 6, 4), (3, 2, 3), 6, (2, 1, 2), ((1, 1), (0, 2), (2, 2)), (1, 2, 1), 2),
    Case((0, 4, 4, 3), (3, 3), 5, padding=ONES),
    Case((2, 0, 3, 2), (3, 3), 3, padding=TWOS),
    Case((2, 3, 3, 0), (3, 3), 4, padding=ONES),
    Case((2, 3, 3, 4), (3, 3), 0, padding=ONES),
]
LARGE = [Case((3, 9, 8, 300), (3, 3), 330, padding=ONES), Case((2, 12, 12, 160), (3, 3), 150, (2, 2), ONES)]  # B is packed by chunks


def operands(case: Case, kind: str, dtype: str = "float32") -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    _, a, b, _ = case.of(kind)
    return rng.standard_normal(a).astype(dtype), rng.standard_normal(b).astype(dtype)


def compute(
    case: Case,
    kind: str,
    a: Array,
    b: Array,
    threads: int = 1,
    target: Target = HOST,
    out: Array | None = None,
    epilogue: tuple[int, list[int], list[int]] | None = None,
    work: Callable[[int], Array] = aligned,
) -> Array:
    """The result by the kernel, on some threads."""
    if out is None:
        out = np.full(case.of(kind)[3], np.nan, a.dtype)
    scratch = epilogue is not None
    if kind == "kernel":
        plan = conv_weights_plan.plan_weights(case.sliding, a.dtype.name, threads, target, 0, scratch)
    else:
        plan = conv_plan.plan_conv(case.sliding, kind == "input", a.dtype.name, threads, target, 0, scratch)
    dims, (address, extra, extra_bufs) = list(plan.dims), epilogue or (0, [], [])
    tile_dims = np.array([*extra, 0], np.int64)
    dims[plan.tile_at], dims[plan.tile_at + 1] = address, tile_dims.ctypes.data
    block, space = np.array(dims, np.int64), work(plan.workspace)
    order = [a.ctypes.data, b.ctypes.data, 0 if scratch else out.ctypes.data, space.ctypes.data, 0, *extra_bufs]
    bufs, ctx = np.array(order, np.int64), context.new_context(threads)
    kernel = loader.function(loader.address(plan.spec, target))
    codes = [-1] * threads

    def part(t: int) -> None:
        codes[t] = kernel(block.ctypes.data, bufs.ctypes.data, ctx.ctypes.data, t, threads)

    others = [threading.Thread(target=part, args=(t,)) for t in range(1, threads)]
    for thread in others:
        thread.start()
    part(0)
    for thread in others:
        thread.join()
    assert codes == [0] * threads
    return out


def close(case: Case, kind: str, got: Array, a: Array, b: Array) -> bool:
    """Within the bound of sums of so many products in chains."""
    op = case.of(kind)[0]
    exact = op.reference(a.astype(np.float64), b.astype(np.float64))
    scale = op.reference(np.abs(a).astype(np.float64), np.abs(b).astype(np.float64))
    return bool((np.abs(got - exact) <= scale * 700 * np.finfo(got.dtype).eps / 2 + 1e-300).all())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", [*CASES, *LARGE], ids=str)
def test_right_and_the_same_bits_on_all_threads_and_targets(case: Case, kind: str) -> None:
    for dtype in ("float32", "float64"):
        a, b = operands(case, kind, dtype)
        first = compute(case, kind, a, b)
        assert close(case, kind, first, a, b)
        for threads, target in ((2, HOST), (3, HOST), (4, HOST), (1, AVX2), (3, AVX2)):
            assert same(compute(case, kind, a, b, threads, target), first), (dtype, threads, target)


def chained(a: Array, b: Array, total: Array | None, length: int) -> Array:
    """total + a b by chains of fused multiply-adds in float32: products of small integers are exact in float64."""
    k = a.shape[-1]
    for start in range(0, k, length):
        chain = np.zeros((a.shape[0], b.shape[1]), np.float32)
        for i in range(start, min(start + length, k)):
            chain = (np.outer(a[:, i].astype(np.float64), b[i]) + chain).astype(np.float32)
        total = chain if total is None else total + chain
    assert total is not None
    return total


def columns_of(case: Case, x: Array) -> Array:
    """For each place of y what each place of the kernel and channel meets: (places, kernel * channels)."""
    op, y = case.op, case.y
    out = np.zeros((*y[:-1], int(np.prod(case.kernel)), case.x[-1]), x.dtype)
    for number, (_, xs, ys) in enumerate(op.taps(case.x[1:-1], case.kernel, y[1:-1])):
        out[(slice(None), *ys, number)] = x[(slice(None), *xs)]
    return out.reshape(int(np.prod(y[:-1])), -1)


@pytest.mark.parametrize("channels", [5, 80])
def test_the_order_of_the_sums_is_the_documented_one(channels: int) -> None:
    """Each rounding to float32 can be repeated by NumPy."""
    case = Case((11, 9, 8, channels), (3, 3), 3, padding=ONES)
    rng = np.random.default_rng(0)
    x, w, dy = (rng.integers(-4096, 4096, s).astype(np.float32) for s in (case.x, case.w, case.y))
    columns = columns_of(case, x)
    length = conv_plan.chunk_length(9 * channels)
    want = chained(columns, w.reshape(-1, 3), None, length)
    assert same(compute(case, "conv", x, w, 3).reshape(-1, 3), want)
    # The sum over places: seven images make a block of at most 512, two blocks two segments.
    segments = conv_weights_plan.segments_of(w.size, 2)
    assert segments == 2
    gradient, total = dy.reshape(-1, 3), None
    for rows in (slice(0, 7 * 72), slice(7 * 72, 11 * 72)):
        total = chained(columns[rows].T, gradient[rows], total, 512)
    assert total is not None
    assert same(compute(case, "kernel", x, dy, 3).reshape(-1, 3), total)


@pytest.mark.parametrize("kind", ["conv", "input"])
def test_an_image_does_not_depend_on_its_batch(kind: str) -> None:
    """Few images are read in copies with zeros around them, many where they lie, without what is outside."""
    for whole in (Case((9, 8, 7, 80), (3, 3), 20, padding=ONES), Case((9, 9, 8, 5), (4, 3), 20, (2, 1), ((2, 1), (1, 1)), (1, 2))):
        part = replace(whole, x=(2, *whole.x[1:]))
        a, b = operands(whole, kind)
        assert same(compute(whole, kind, a, b, 3)[:2], compute(part, kind, a[:2], b))


def test_special_values_survive() -> None:
    case = Case((2, 6, 6, 5), (3, 3), 20, padding=ONES)
    for kind in KINDS:
        a, b = operands(case, kind)
        a[0, 1, 2, 3], a[1, 3, 3, 1] = np.nan, np.inf
        with np.errstate(invalid="ignore"):
            want = case.of(kind)[0].reference(a, b)
        for target in TARGETS.values():
            got = compute(case, kind, a, b, 2, target)
            assert (np.isnan(got) >= np.isnan(want)).all()
            assert (np.isnan(got) | (np.isinf(got) == np.isinf(want))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_epilogue_meets_every_element_once(kind: str) -> None:
    """It copies what it is handed to the place that it was told."""
    lock = threading.Lock()
    seen: list[Array] = [np.zeros(0)]

    def copy(dims: int, bufs: int, ctx: int, tid: int, words: int) -> int:
        total, width = numbers(dims, ctypes.c_int64, 2).tolist()
        i, m, j, n, place, step = numbers(words, ctypes.c_int64, 6).tolist()
        out = numbers(int(numbers(bufs, ctypes.c_int64, 1)[0]), ctypes.c_float, total, width)
        with lock:
            for r in range(m):
                out[i + r, j : j + n] += numbers(place + r * step, ctypes.c_float, n)
                seen[0][i + r, j : j + n] += 1
        return 0

    function = EPILOGUE(copy)
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    for case, threads in itertools.product([*CASES, *LARGE], (1, 3)):
        a, b = operands(case, kind)
        shape = case.of(kind)[3]
        if 0 in shape:
            continue
        out, rows = np.zeros(shape, np.float32), int(np.prod(shape[:-1]))
        seen[0] = np.zeros((rows, shape[-1]))
        compute(case, kind, a, b, threads, epilogue=(address, [rows, shape[-1]], [out.ctypes.data]))
        assert (seen[0] == 1).all()
        assert same(out, compute(case, kind, a, b) + np.float32(0))


def test_an_epilogue_s_error_is_the_result() -> None:
    function = EPILOGUE(lambda *_: 5)
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    for kind in KINDS:
        with pytest.raises(AssertionError, match="5"):
            compute(CASES[1], kind, *operands(CASES[1], kind), epilogue=(address, [], []))


def test_plans_need_few_kernels() -> None:
    specs: set[KernelSpec] = set()
    for case in [*CASES, *LARGE]:
        for turned in (False, True):
            specs.add(conv_plan.plan_conv(case.sliding, turned, "float32", 2).spec)
        specs.add(conv_weights_plan.plan_weights(case.sliding, "float32", 2).spec)
    assert len(specs) == 4  # with channels summed up and each by itself


def test_words_fit_their_kernels() -> None:
    for names in (conv_layout.NAMES, conv_layout.SUM_NAMES, conv_layout.PHASE_NAMES, conv_layout.CHUNK_NAMES):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("side", ["front", "back"])
@pytest.mark.parametrize(("threads", "target"), [(1, "host"), (4, "host"), (3, "avx2")])
def test_nothing_outside_is_touched(side: str, threads: int, target: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, __file__, side, str(threads), target]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 50


def main(side: str, threads: int, target: str) -> None:
    front = side == "front"

    def moved(x: Array) -> Array:
        out = guarded(x.nbytes, front).view(x.dtype).reshape(x.shape) if x.size else x
        out[...] = x
        return out

    count = 0
    for case, kind, dtype in itertools.product([*CASES, *LARGE], KINDS, ("float32", "float64")):
        a, b = operands(case, kind, dtype)
        want = compute(case, kind, a, b)
        space = lambda size: guarded(-(-size // 64) * 64, front)  # noqa: E731
        got = compute(case, kind, moved(a), moved(b), threads, TARGETS[target], moved(want + 1), work=space)
        if not same(got, want):
            raise AssertionError((case, kind, dtype))
        count += 1
    print(count)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
