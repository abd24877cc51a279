"""Loops side by side: the order of steps, the same bits on any number of threads, errors of lanes, data that moves from step to step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler import control
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.ir import Value
from graphnn_compiler.lowering.steps import ControlStep, Step
from graphnn_compiler.ops.index import IndexOutOfRange
from graphnn_compiler.ops.reduce import Sum
from graphnn_compiler.ops.transcendental import Tanh
from graphnn_compiler.runtime import lanes, team
from graphnn_compiler.runtime.program import Mode, Program
from graphnn_compiler.states import State
from graphnn_compiler.trace import active, emit, trace
from graphnn_compiler.views import Buffer
from machine import allow, machine

N = symbol("n")
T, K = 24, 5


def recurrence(x: Value, w: Value, reverse: bool = False) -> Value:
    """The states of a plain recurrence over the first axis of x."""
    start = b.matmul(x[0], w) * 0.5

    def step(c: list[Value], xs: list[Value]) -> tuple[list[Value], list[Value]]:
        h = emit(Tanh(), b.matmul(c[0], w) + xs[0])
        return [h], [h]

    return control.scan(step, [start], [x], reverse=reverse)[1][0]


def both_ways(x: Value, w: Value, u: Value) -> list[Value]:
    """Two recurrences, with a product before each, and what joins them."""
    there, back = recurrence(b.matmul(x, w), w), recurrence(b.matmul(x, u), u, reverse=True)
    return [there * back, b.reduced(Sum, there, (0,))]


def numbers(rows: int = 3) -> list[np.ndarray]:
    r = np.random.default_rng(7)
    return [r.standard_normal(s).astype("float32") * 0.5 for s in ((T, rows, K), (K, K), (K, K))]


@pytest.fixture
def on_threads() -> object:
    def run(n: int, f: Callable[[], list[np.ndarray]]) -> list[np.ndarray]:
        team.set_threads(n)
        try:
            return f()
        finally:
            team.set_threads(None)

    return run


def has_lanes(program: Program) -> bool:
    return program.rows < len(program.lowered.steps)


@pytest.mark.parametrize("rows", [0, 1, 3, 33])
def test_lanes_give_the_bits_of_one_thread(rows: int, on_threads: Callable[..., list[np.ndarray]]) -> None:
    arrays = numbers(rows)
    made: list[Executable] = []

    def run() -> list[np.ndarray]:
        made.append(Executable(trace(both_ways, [((T, N, K), "float32"), ((K, K), "float32"), ((K, K), "float32")])))
        return made[-1](arrays)

    first = on_threads(1, run)
    want = Executable(made[0].graph, eager=True)(arrays)
    for g, w in zip(first, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=2e-5, atol=2e-5)
    for threads in (2, 3, 4):
        for g, w in zip(on_threads(threads, run), first, strict=True):
            np.testing.assert_array_equal(g, w)
        if threads == 2 and rows:
            assert all(has_lanes(p) for p in made[-1]._programs.values())
    assert not any(has_lanes(p) for p in made[0]._programs.values())


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("apart", [False, True])
def test_lanes_touch_nothing_that_others_use(threads: int, apart: bool, on_threads: Callable[..., list[np.ndarray]]) -> None:
    arrays = numbers()
    graph = trace(both_ways, [(a.shape, "float32") for a in arrays])
    want = Executable(trace(both_ways, [(a.shape, "float32") for a in arrays]), eager=True)(arrays)

    def checked() -> list[np.ndarray]:
        with machine(threads, apart=apart):
            program = Executable(graph).program([a.shape for a in arrays], Mode(("whole",) * 3))
            assert has_lanes(program)
            results = [np.empty(s, d) for s, d in zip(program.output_shapes, program.output_dtypes, strict=True)]
            allow(program, arrays, results)
            assert program.run([a.ctypes.data for a in arrays], {}, [r.ctypes.data for r in results], 1) is None
        return results

    for g, w in zip(on_threads(threads, checked), want, strict=True):
        np.testing.assert_allclose(g, w, rtol=2e-5, atol=2e-5)


def test_lanes_read_data_that_moves_from_step_to_step(on_threads: Callable[..., list[np.ndarray]]) -> None:
    data = np.random.default_rng(1).standard_normal((12, 2, T, K)).astype("float32")
    w, u = numbers()[1:]
    total = State(np.zeros((T, 2, K), "float32"))

    def f(x: Value) -> list[Value]:
        out = both_ways(b.transpose(x[0], (1, 0, 2)), b.value(w), b.value(u))
        tracer = active()
        assert tracer is not None
        tracer.assign(total, tracer.read(total, (T, 2, K), "float32") + out[0])
        return [out[1]]

    def run(rows: Rows | None) -> list[np.ndarray]:
        total.write(np.zeros((T, 2, K), "float32"))
        step = Executable(trace(f, [((N, 2, T, K), "float32")]))
        if rows is None:
            return [*[step([data[i : i + 1]])[0] for i in range(12)], total.array.copy()]
        out = np.zeros((24, K), "float32")
        step.run([rows], 12, [out])
        return [*out.reshape(12, 2, K), total.array.copy()]

    want = on_threads(1, lambda: run(None))
    order = np.arange(12)[::-1].copy()
    for threads in (1, 2):
        for g, w_ in zip(on_threads(threads, lambda: run(Rows(data, 1))), want, strict=True):
            np.testing.assert_array_equal(g, w_)
        for g, w_ in zip(on_threads(threads, lambda: run(Rows(data, 1, order=order)))[:12], want[11::-1], strict=True):
            np.testing.assert_array_equal(g, w_)


def test_the_first_bad_index_of_lanes_is_named_and_nothing_is_written(on_threads: Callable[..., list[np.ndarray]]) -> None:
    count = State(np.zeros((), "float32"))

    def f(left: Value, right: Value, table: Value) -> list[Value]:
        def loop(ids: Value) -> Value:
            def step(c: list[Value], xs: list[Value]) -> tuple[list[Value], list[Value]]:
                i = b.value(b.reduced(Sum, c[0]) * 0.0, "int32") + xs[0]  # depends on what is carried: it stays in the loop
                return [c[0] + b.reduced(Sum, b.take(table, i, 0), 0)], []

            return control.scan(step, [table[0] * 0.0], [ids])[0][0]

        tracer = active()
        assert tracer is not None
        tracer.assign(count, tracer.read(count, (), "float32") + 1.0)
        return [loop(left) - loop(right)]

    table = np.ones((5, 3), "float32")
    good = np.tile(np.array([0, 4], "int32"), (T, 1))
    one, other = good.copy(), good.copy()
    one[9, 1], one[11, 0], other[3, 0] = 7, 8, 9
    shapes = [(good.shape, "int32"), (good.shape, "int32"), ((5, 3), "float32")]
    for threads in (1, 2, 3):

        def run() -> list[np.ndarray]:
            step = Executable(trace(f, shapes))
            assert not step([good, good, table])[0].any()
            assert any(has_lanes(p) for p in step._programs.values()) == (threads > 1)
            before = float(count.array)
            for left, right, bad in ((one, good, "index 7 at position 1"), (good, other, "index 9 at position 0")):
                with pytest.raises(IndexOutOfRange, match=bad):
                    step([left, right, table])
            with pytest.raises(IndexOutOfRange, match=r"index [79] at position"):
                step([one, other, table])
            assert float(count.array) == before
            return step([good, good, table])

        on_threads(threads, run)


def loop_step(reads: Sequence[Buffer], writes: Sequence[Buffer], work: int = 1 << 15) -> Step:
    body = Step([], [], [], [], work)

    class Part:
        lowered = type("L", (), {"steps": [body]})

    return ControlStep([], [], list(reads), list(writes), work, [], "loop", [Part()], 8)  # type: ignore[list-item]


def plain(reads: Sequence[Buffer], writes: Sequence[Buffer]) -> Step:
    return Step([], [], list(reads), list(writes), 100)


def test_order_and_guard() -> None:
    x, a, c, d, e, y = (Buffer(8, "float32") for _ in range(6))
    state = Buffer(8, "float32", "state")
    costs = lanes.Costs(int, 2, 1 << 14)
    first, mine, loop, other, late = plain([], [x]), plain([x], [a]), loop_step([a], [c]), plain([c], [y]), loop_step([x], [d])
    last, write = plain([c, d], [e]), plain([e], [state])
    found, guard = lanes.arrange([first, mine, loop, other, late, last, write], 6, costs)
    assert guard == len(found) - 1 and found[-1] is write
    assert found[0] is first and isinstance(found[1], lanes.Lanes)
    assert sorted([[mine, loop], [late]], key=len) == sorted(found[1].lanes, key=len)
    assert sorted(found[1].own, key=len) == [set(), {a}]  # c, d and x are used by others
    assert found[2:4] == [other, last]
    # One thread, loops that need each other, on both sides of the guard, or too small: as they were.
    needs = [first, mine, loop, loop_step([c], [d])]
    small = [first, loop_step([x], [c], 1 << 8), loop_step([x], [d], 1 << 8)]
    for steps, limit, threads in (([first, loop, late], 3, 1), (needs, 4, 2), ([first, loop_step([x], [c]), late], 2, 2), (small, 3, 2)):
        assert lanes.arrange(steps, limit, lanes.Costs(int, threads, 1 << 14)) == (steps, limit)
