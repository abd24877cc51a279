"""Runs kernels with all memory against inaccessible pages: `python guard_run.py front|back brief|full`, once on 1 thread, once on 3.

Work space, inputs, outputs and states each touch a page that cannot be read or written, on one side. A read or write outside ends
the process by a signal, which the test that starts this program sees. `brief` takes one sample of each op, `full` all of them.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable, Sequence

import numpy as np
from generated import OPS, application, arguments, samples
from graphnn_compiler import build as b
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.dims import Shape, symbol
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import attention, contract, elementwise, index, movement, ordering, pool, reduce, transcendental
from graphnn_compiler.ops.rows import Distinct, PutRows, SumRows
from graphnn_compiler.passes import touched_rows
from graphnn_compiler.runtime import program, team
from graphnn_compiler.trace import Tracer, emit, emit_all, trace, tracing
from test_executable import Weight, training_step

GUARD = 1 << 20
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
FRONT = sys.argv[1] == "front"


def guarded_bytes(n: int) -> np.ndarray:
    """n bytes that begin right after, or end right before, an inaccessible page."""
    page = mmap.PAGESIZE
    whole = -(-max(n, 1) // page) * page
    memory = mmap.mmap(-1, whole + 2 * GUARD, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if _libc.mprotect(address, GUARD, 0) or _libc.mprotect(address + GUARD + whole, GUARD, 0):
        raise OSError("mprotect failed")
    offset = GUARD if FRONT else GUARD + whole - n
    return np.frombuffer(memory, np.uint8, n, offset)


def guarded(a: np.ndarray) -> np.ndarray:
    """A copy of an array in guarded memory."""
    out = guarded_bytes(a.nbytes).view(a.dtype).reshape(a.shape) if a.nbytes else np.empty(a.shape, a.dtype)
    out[...] = a
    return out


Function = Callable[..., Sequence[Value]]
Specs = Sequence[tuple[Shape, str]]
THREADS = (1, 3)
N, M, K = symbol("n"), symbol("m"), symbol("k")
SIZES = (0, 1, 2, 15, 16, 17, 33)
count = 0


def run(f: Function, arrays: Sequence[np.ndarray], specs: Specs | None = None, rows: Sequence[int] = ()) -> None:
    """Runs in guarded memory, compared with a run in ordinary memory; `rows`: the order in which rows of the inputs are taken."""
    global count
    specs = specs or [(a.shape, a.dtype.name) for a in arrays]
    order = np.array(rows, np.int64) if len(rows) else None
    want = Executable(trace(f, specs))([a if order is None else a[order] for a in arrays])
    whole = [guarded(a) for a in arrays]
    batch = len(rows) or (arrays[0].shape[0] if arrays and arrays[0].ndim else 0)
    by_rows = batch and all(w.ndim and w.shape[0] == batch for w in want)
    by_rows = by_rows and (order is not None or all(a.ndim and a.shape[0] == batch for a in arrays))
    for n in THREADS:
        team.set_threads(n)
        executable = Executable(trace(f, specs))
        if by_rows:
            outputs = [guarded(np.zeros_like(w)) for w in want]
            executable.run([Rows(a, batch, 0, order) for a in whole], 1, outputs)
        else:
            outputs = executable(whole)
        for got, w in zip(outputs, want, strict=True):
            np.testing.assert_array_equal(got, w)
        count += 1


def numbers(shape: Sequence[int], dtype: str = "float32", seed: int = 0) -> np.ndarray:
    """Numbers in -3..3."""
    return np.random.default_rng(seed).integers(-3, 4, tuple(shape)).astype(dtype)


def whole_ops(*, brief: bool) -> None:
    """Samples of all ops, with their gradients."""
    for name in OPS:
        found = list(samples(name, everyday=True))
        for s in found[:1] if brief else found:
            run(application(s, with_gradient=True), arguments(s))


def loops() -> None:
    """Elementwise ops and reductions at the sizes where vectors end, in and against the order of memory."""
    for size in (*SIZES, 1000):
        x, c = numbers((size, 3)), numbers((size, 3)) > 0
        two = [((N, 3), "float32")] * 2
        run(lambda v, w: [emit(elementwise.Add(), v, w)], [x, x], two)
        run(lambda v: [emit(transcendental.Tanh(), v)], [x], two[:1])
        run(lambda c, v: [emit(elementwise.Where(), c, v, v * 2.0)], [c, x], [((N, 3), "bool"), two[0]])
        run(lambda v: [v[::-1, 1:] * 2.0], [x], two[:1])
        run(lambda v: [b.cast(movement.transpose(v, (1, 0)), "float16")], [x], two[:1])
    for rows in (1, 2, 33):
        for columns in (1, 5, 16, 257):
            x = numbers((rows, columns))
            specs = [((N, M), "float32")]
            for axes in ((0,), (1,), (0, 1)):
                run(lambda v, axes=axes: [emit(reduce.Sum(axes), v)], [x], specs)
            run(lambda v: [v - b.reduced(reduce.Max, v, -1, True)], [x], specs)


def products(*, brief: bool) -> None:
    """Matrix products of odd shapes, plain and transposed, in batches, with epilogues, with a long K."""

    def dense(v: Value, w: Value, c: Value) -> list[Value]:
        return [emit(elementwise.Relu(), b.matmul(v, w) + c)]

    extents = ((0, 5, 3), (1, 1, 1), (1, 33, 17), (7, 1, 13), (13, 31, 7), (33, 17, 0), (5, 0, 2), (25, 65, 33), (3, 5, 9001), (1, 7, 9001), (9, 1, 9001))
    for dtype in ("float32", "float64"):
        for m, n, k in extents:
            v, w, c = numbers((m, k), dtype), numbers((k, n), dtype, 1), numbers((n,), dtype, 2)
            turned = [((K, M), dtype), ((N, K), dtype)]
            run(lambda v, w: [b.matmul(v, w)], [v, w], [((M, K), dtype), ((K, N), dtype)])
            run(lambda v, w: [emit(contract.MatMul(), contract.swap_last(v), contract.swap_last(w))], [v.T.copy(), w.T.copy()], turned)
            run(dense, [v, w, c], [((M, K), dtype), ((K, N), dtype), ((N,), dtype)])
    two, three = numbers((2, 3, 5)), numbers((2, 5, 7))
    run(lambda v, w: [b.matmul(v, w)], [two, three], [((N, 3, 5), "float32"), ((N, 5, 7), "float32")])
    if not brief:  # B is packed
        run(lambda v, w: [b.matmul(v, w)], [numbers((97, 1025)), numbers((1025, 769))], [((M, K), "float32"), ((K, N), "float32")])
        run(dense, [numbers((97, 1025)), numbers((1025, 769)), numbers((769,))], [((M, K), "float32"), ((K, N), "float32"), ((N,), "float32")])


def by_hand() -> None:
    """Scatter, argsort, running totals, gathers, and batches taken in an order."""
    for rows, inner, n in ((1, 1, 0), (1, 1, 1), (2, 5, 3), (33, 16, 2), (3, 17, 33), (5, 100, 7)):
        base, at, updates = numbers((rows, inner)), np.arange(n) % rows, numbers((n, inner))
        specs = [((N, M), "float32"), ((K,), "int64"), ((K, M), "float32")]
        for mode in ("add", "set"):
            run(lambda x, i, u, mode=mode: [emit(index.Scatter(mode), x, i, u)], [base, at, updates], specs)
        if n:
            run(lambda x, i: [emit(index.Take(0), x, i)], [base, rows - 1 - at], [((N, M), "float32"), ((K,), "int64")])
            run(lambda x, i: [emit(index.Take(1), x, i)], [base.T.copy(), rows - 1 - at], [((M, N), "float32"), ((K,), "int64")])
    for n in SIZES:
        x = numbers((2, n))
        run(lambda v: [emit(ordering.ArgSort(), v), emit(ordering.Cumulate("add"), v)], [x], [((N, M), "float32")])
    for inner in (1, 3, 16, 17, 25):
        for dtype in ("uint8", "float32"):
            run(lambda v: [v + v], [np.abs(numbers((9, inner), "int64")).astype(dtype)], [((N, inner), dtype)], rows=(8, 0, 8, 3, 1))


def pools() -> None:
    """Windows over images of odd extents and channels, with windows that hang over, and their gradients."""
    for batch, rows, columns, channels in ((0, 3, 3, 5), (1, 1, 1, 1), (2, 5, 3, 15), (1, 2, 7, 16), (2, 3, 4, 33), (1, 3, 2, 65)):
        x = numbers((batch, rows, columns, channels))
        same = tuple(pool.same_padding(d, 3, 2)[0] for d in (rows, columns))
        for kind in (pool.MaxPool, pool.AveragePool):
            for op in (kind((-(-rows // 2), -(-columns // 2)), (3, 3), (2, 2), same), kind((rows, columns), (9, 1), (1, 1), (4, 0)), kind((2, 3))):

                def f(v: Value, op: pool.MaxPool | pool.AveragePool = op) -> list[Value]:
                    y = emit(op, v)
                    return [y, *gradients([y], [y * 0.5], [v])]

                run(f, [x], [((N, rows, columns, channels), "float32")])


def attentions() -> None:
    """Attention over odd numbers of queries, keys and features, all kinds of masks, dropout, caps, and its gradients."""
    for batch, t, h, n, s, groups, m in ((0, 3, 1, 2, 3, 1, 2), (2, 0, 2, 1, 3, 1, 5), (1, 3, 2, 4, 0, 2, 5), (2, 1, 2, 3, 17, 1, 1), (1, 1, 2, 33, 131, 1, 70), (1, 33, 4, 17, 129, 2, 33)):
        x = [numbers((batch, t, h, n)), numbers((batch, s, groups, n), seed=1), numbers((batch, s, groups, m), seed=2)]
        for shape in (None, (batch, 1, 1, s), (1, h, t, s), (batch, h, t, 1), (1, 1, 1, 1)):
            for causal, rate, cap in ((False, 0.0, 0.0), (True, 0.0, 0.0), (False, 0.3, 2.0), (True, 0.3, 2.0)):
                op = attention.Attention(0.25, causal, shape is not None, shape is not None, rate, cap)
                more = [] if shape is None else [numbers(shape) > 0, numbers((*shape[:3], s), seed=3)]
                more += [np.array([5, 3], np.uint32)] if rate else []

                def f(*v: Value, op: attention.Attention = op) -> list[Value]:
                    y = emit_all(op, *v)
                    return [*y, *gradients(y[:1], [y[0] * 0.5], v[:3])]

                run(f, [*x, *more])


def training() -> None:
    """Steps of a training program whose states are guarded as well."""
    widths = (33, 17, 5)
    found: list[bytes] = []
    for batch in (1, 2, 33):
        x, y = numbers((3 * batch, widths[0])), np.eye(widths[-1], dtype=np.float32)[np.arange(3 * batch) % widths[-1]]
        for n in THREADS:
            team.set_threads(n)
            graph, weights, total = training_step(widths)
            for state in graph.states:
                state.array = guarded(state.array)  # type: ignore[attr-defined]
            Executable(graph).run([Rows(guarded(x), batch), Rows(guarded(y), batch)], 3)
            found.append(b"".join(w.array.tobytes() for w in [*weights, total]))
        assert found[-1] == found[-2]


def tables() -> None:
    """Sums of rows, which rows there are, and updates of guarded tables by rows, in place and not; ids of which some are bad."""
    touched_rows.LEAST, touched_rows.SHARES = 0, (1, 1)
    for table, inner, n in ((1, 1, 0), (1, 1, 1), (300, 5, 3), (300, 16, 7), (300, 33, 17), (300, 100, 33), (5, 100, 33)):
        ids, updates = np.arange(n) * 7 % table, numbers((n, inner))
        run(lambda i, u, t=table: [emit(SumRows(t), i, u)], [ids, updates], [((K,), "int64"), ((K, M), "float32")])
        run(lambda i, t=table: list(emit_all(Distinct(t), i)), [ids], [((K,), "int64")])
        run(lambda *v: [emit(PutRows(), *v)], [numbers((table, inner)), ids, np.asarray(n), updates])
        found: list[bytes] = []
        for threads in THREADS:
            team.set_threads(threads)
            p, a = (Weight(guarded(numbers((table, inner), seed=s))) for s in (1, 2))
            with tracing(Tracer()) as t:
                zeros = b.broadcast_to(b.value(np.float32(0)), (table, inner))
                g = emit(index.Scatter("add"), zeros, t.input((K,), "int64"), t.input((K, inner), "float32"))
                t.assign(a, a.read(t) + g * g)
                t.assign(p, p.read(t) - g / (a.read(t) * a.read(t) + 1.0))
                step = Executable(t.finish([]))
            assert table < 300 or any(isinstance(s.nodes[0].op, PutRows) for s in step.lowered.steps)
            step([guarded(ids), guarded(updates)])
            found.append(p.array.tobytes() + a.array.tobytes())
            for bad in (-1, table, 1 << 40, -(1 << 40)):
                message = ""
                try:
                    step([guarded(np.where(np.arange(n) == n - 1, bad, ids)), guarded(updates)])
                except IndexError as error:
                    message = str(error)
                assert n == 0 or f"index {bad} at position {n - 1} " in message, message
            assert found[-1] == p.array.tobytes() + a.array.tobytes()
        assert found[0] == found[1]


def gather_beyond() -> None:
    """A bad index reads nothing, at either end."""
    with tracing(Tracer()) as t:
        x, i = t.input((N, M), "float32"), t.input((K,), "int64")
        take = Executable(t.finish([emit(index.Take(0), x, i)]))
    for bad in (-1, 3, 1 << 40, -(1 << 40)):
        found = "nothing"
        try:
            take([guarded(numbers((3, 5))), guarded(np.array([0, bad, 2]))])
        except IndexError as error:
            found = str(error)
        assert f"index {bad} at position 1 " in found, found


def main() -> None:
    """Everything; the number of guarded runs is printed."""
    ordinary = program.aligned
    program.aligned = lambda n: guarded_bytes(-(-n // 64) * 64) if n else ordinary(n)
    brief = sys.argv[2] == "brief"
    whole_ops(brief=brief)
    loops()
    products(brief=brief)
    by_hand()
    pools()
    attentions()
    training()
    gather_beyond()
    tables()
    print(count)


if __name__ == "__main__":
    main()
