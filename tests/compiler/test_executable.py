"""Programs as a whole: a training step of an MLP written in IR, its bits over threads, its errors, its concurrency."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.ops.elementwise import Relu, StopGradient
from graphnn_compiler.ops.index import IndexOutOfRange, Take
from graphnn_compiler.ops.reduce import Max, Sum
from graphnn_compiler.ops.transcendental import Exp, Log
from graphnn_compiler.runtime import program, team
from graphnn_compiler.runtime.pace import Pace
from graphnn_compiler.states import State
from graphnn_compiler.trace import Tracer, emit, trace, tracing


class Weight(State):
    """A state that is read easily."""

    def read(self, t: Tracer):
        """The present value in a trace."""
        return t.read(self, self.array.shape, self.array.dtype.name)


def training_step(widths: tuple[int, ...], seed: int = 0) -> tuple[Graph, list[Weight], Weight]:
    """SGD with momentum on softmax cross-entropy; outputs the loss, adds it to a total."""
    rng = np.random.default_rng(seed)
    weights = [Weight(rng.standard_normal(s, dtype=np.float32) * np.float32(0.1)) for w in itertools.pairwise(widths) for s in (w, w[1:])]
    slots, total = [Weight(np.zeros_like(w.array)) for w in weights], Weight(np.zeros((), np.float32))
    n = symbol("n")
    with tracing() as t:
        x, y = t.input((n, widths[0]), "float32"), t.input((n, widths[-1]), "float32")
        h = x
        for i in range(0, len(weights), 2):
            h = b.matmul(h, weights[i].read(t)) + weights[i + 1].read(t)
            h = emit(Relu(), h) if i + 2 < len(weights) else h
        shifted = h - emit(StopGradient(), b.reduced(Max, h, -1, True))
        log_p = shifted - emit(Log(), b.reduced(Sum, emit(Exp(), shifted), -1, True))
        loss = b.mean(-b.reduced(Sum, y * log_p, -1))
        grads = gradients([loss], [b.value(1.0)], [w.read(t) for w in weights])
        for w, v, g in zip(weights, slots, grads, strict=True):
            new = v.read(t) * 0.9 - g * 0.1
            t.assign(v, new)
            t.assign(w, w.read(t) + new)
        total.read(t)
        t.assign(total, total.read(t) + loss)
        return t.finish([loss]), weights, total


def data(rows: int, widths: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, widths[-1], rows)
    return rng.standard_normal((rows, widths[0]), dtype=np.float32), np.eye(widths[-1], dtype=np.float32)[labels]


@pytest.fixture
def all_parallel(monkeypatch):
    """Every instruction on all threads, however small."""
    monkeypatch.setenv("GRAPHNN_MIN_PARALLEL_WORK", "0")
    yield
    team.set_threads(None)


@pytest.mark.parametrize("widths", [(33, 17, 5), (64, 48, 10)])
def test_a_fit_has_the_same_bits_on_any_number_of_threads(all_parallel, widths) -> None:
    x, y = data(203, widths)
    order = np.random.default_rng(1).permutation(203)
    found = []
    for n in (1, 2, 3, 4):
        team.set_threads(n)
        graph, weights, total = training_step(widths)
        step = Executable(graph)
        for _ in range(3):
            step.run([Rows(x, 50, 0, order), Rows(y, 50, 0, order)], 4)
            step.run([Rows(x, 3, 200, order), Rows(y, 3, 200, order)], 1)
        found.append(b"".join(w.array.tobytes() for w in [*weights, total]))
    assert len(set(found)) == 1


def test_a_compiled_step_is_the_interpreted_step() -> None:
    widths = (33, 17, 5)
    x, y = data(64, widths)
    results = []
    for eager in (False, True):
        graph, weights, total = training_step(widths)
        step = Executable(graph, eager=eager)
        step.run([Rows(x, 16), Rows(y, 16)], 4)
        results.append([w.array for w in [*weights, total]])
    for got, want in zip(*results, strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6)


def test_a_new_batch_size_compiles_nothing(monkeypatch) -> None:
    from graphnn_compiler.runtime import build

    widths = (12, 7, 3)
    x, y = data(64, widths)
    graph, *_ = training_step(widths)
    step = Executable(graph)
    step([x[:8], y[:8]])
    monkeypatch.setattr(build, "build_objects", lambda *_: pytest.fail("a kernel was compiled"))
    for n in (1, 7, 33, 64):
        step([x[:n], y[:n]])


def test_a_failed_step_leaves_the_states() -> None:
    table, seen = Weight(np.arange(12, dtype=np.float32).reshape(4, 3)), Weight(np.zeros((), np.int64))
    n = symbol("n")
    with tracing() as t:
        ids = t.input((n,), "int64")
        rows = emit(Take(0), table.read(t), ids)
        seen.read(t)
        t.assign(seen, seen.read(t) + 1)
        t.assign(table, table.read(t) - b.reduced(Sum, rows, 0))
        step = Executable(t.finish([b.reduced(Sum, rows)]))
    before = table.array.copy()
    with pytest.raises(IndexError, match=r"index 7 at position 1 .* 0..3"):
        step([np.array([0, 7, 9])])
    assert seen.array == 0
    np.testing.assert_array_equal(table.array, before)
    assert step([np.array([0, 3])])[0] == before[[0, 3]].sum()
    assert seen.array == 1


def test_rows_outside_the_data_are_refused() -> None:
    n = symbol("n")
    with tracing() as t:
        x = t.input((n, 2), "float32")
        double = Executable(t.finish([x * 2.0]))
    x = np.ones((10, 2), np.float32)
    with pytest.raises(IndexError):
        double.run([Rows(x, 4)], 3)
    with pytest.raises(IndexError, match="99"):
        double.run([Rows(x, 2, 0, np.array([1, 99, 2, 3]))], 2)
    with pytest.raises(TypeError, match="float64"):
        double([np.ones((3, 2))])
    out = np.zeros((10, 2), np.float32)
    double.run([Rows(x, 5)], 2, [out])
    np.testing.assert_array_equal(out, 2 * x)


def test_threads_may_share_an_executable() -> None:
    n = symbol("n")
    with tracing() as t:
        x = t.input((n, 30), "float32")
        f = Executable(t.finish([b.matmul(emit(Exp(), x), b.value(np.ones((30, 9), np.float32)))]))
    inputs = [np.random.default_rng(i).standard_normal((i + 1, 30), dtype=np.float32) for i in range(8)]
    want = [Executable(f.graph)([a])[0] for a in inputs]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(200):
            if f([inputs[i]])[0].tobytes() != want[i].tobytes():
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_report_counts_kernels_and_operations() -> None:
    graph, *_ = training_step((12, 7, 3))
    step = Executable(graph, job="train")
    x, y = data(8, (12, 7, 3))
    step([x, y])
    report = step.report()
    assert report.job == "train" and report.arena_bytes and report.env == {"n": 8}
    assert sum(line.kernel == "matmul" for line in report.lines) == 5
    assert "def kernel(dims, bufs, ctx, tid, n):" in step.source()


def test_what_is_computed_where_it_is_read_is_made_in_time_for_those_who_need_it_in_memory() -> None:
    """A scaled value that several read; for one of them, behind a reshape that is no map, it has to lie in memory after all."""

    def f(x, w, scale):
        h = b.matmul(x, w)
        q = h * scale
        return [b.reduced(Sum, h, 0), b.reduced(Max, b.reshape(q, (symbol("n"), 3, 4)), 1), q + h, emit(Exp(), q)]

    specs = [((symbol("n"), 5), "float32"), ((5, 12), "float32"), ((12,), "float32")]
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype("float32") for s in ((7, 5), (5, 12), (12,))]
    want = interpret(trace(f, specs), arrays, {})[0]
    for got, right in zip(Executable(trace(f, specs))(arrays), want, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-5, atol=1e-5)


class Alternating(Pace):
    """Changes sides every few steps."""

    def next(self, left: int, now: float) -> tuple[bool, int]:
        self.turn = not getattr(self, "turn", True)
        return self.turn, min(left, 3)


def test_a_run_in_parts_has_the_bits_of_one_in_one(monkeypatch) -> None:
    monkeypatch.setenv("GRAPHNN_MIN_PARALLEL_WORK", "0")
    x, y = data(160, (33, 17, 5))
    order = np.random.default_rng(1).permutation(160)
    found = []
    for kind in (Pace, Alternating):
        monkeypatch.setattr(program, "Pace", kind)
        team.set_threads(2)
        graph, weights, total = training_step((33, 17, 5))
        step = Executable(graph)
        (loss,) = step.run([Rows(x, 16, 0, order), Rows(y, 16, 0, order)], 10)
        found.append([loss, total.array, *[w.array for w in weights]])
    team.set_threads(None)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_the_first_bad_index_is_reported_on_any_number_of_threads(threads: int) -> None:
    """Rows that are looked up by transposed indices are read in another order than the indices lie in."""
    ids = np.zeros((40, 30), "int32")
    ids[3, 29], ids[7, 0], ids[39, 1] = 77, -5, 88

    def f(table: Value, index: Value) -> list[Value]:
        return [b.transpose(emit(Take(0), table, b.value(index, "int64")), (1, 0, 2))]

    team.set_threads(threads)
    try:
        run = Executable(trace(f, [((9, 8), "float32"), ((40, 30), "int32")]))
        with pytest.raises(IndexOutOfRange, match=r"index 77 at position 119 "):
            run([np.zeros((9, 8), "float32"), ids])
        table = np.random.default_rng(0).standard_normal((9, 8)).astype("float32")
        good = np.random.default_rng(1).integers(0, 9, (40, 30)).astype("int32")
        np.testing.assert_array_equal(run([table, good])[0], table[good].transpose(1, 0, 2))
        assert len(run.lowered.steps) == 2  # the indices in their dtype, the rows in their order
    finally:
        team.set_threads(None)
