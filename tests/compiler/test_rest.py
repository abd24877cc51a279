"""Weights at rest: what is made of them is kept while no state changes; results never differ by a bit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.ops.contract import MatMul, swap_last
from graphnn_compiler.ops.elementwise import Relu
from graphnn_compiler.ops.movement import reshape
from graphnn_compiler.ops.transcendental import Rsqrt
from graphnn_compiler.rest import at_rest
from graphnn_compiler.states import State
from graphnn_compiler.trace import Tracer, emit, tracing

N = symbol("n")


def state(*shape: int, dtype: str = "float32") -> State:
    return State(np.random.default_rng(shape).uniform(0.5, 1.5, shape).astype(dtype))


def read(t: Tracer, s: State) -> Value:
    return t.read(s, s.array.shape, s.array.dtype.name)


def dense(w: State, variance: State, widths: tuple[int, ...] = (), turned: bool = False) -> Graph:
    """relu(x w / sqrt(variance + 0.1)), with more axes in the middle of x."""
    with tracing() as t:
        weight = read(t, w)
        k = w.array.shape[1] if turned else w.array.shape[0]
        x = t.input((N, *widths, k), w.array.dtype.name)
        y = emit(MatMul(), x, swap_last(weight) if turned else weight)
        return t.finish([emit(Relu(), y * emit(Rsqrt(), read(t, variance) + 0.1))])


def numbers(n: int, *shape: int, dtype: str = "float32") -> np.ndarray[Any, Any]:
    return np.random.default_rng(n).standard_normal((n, *shape)).astype(dtype)


def ops(graph: Graph) -> list[str]:
    return [type(n.op).__name__ for n in graph.nodes]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("widths", "turned"), [((), False), ((), True), ((3,), False)])
def test_results_have_the_same_bits(dtype: str, widths: tuple[int, ...], turned: bool) -> None:
    w, variance = state(*((250, 300) if turned else (300, 250)), dtype=dtype), state(250, dtype=dtype)
    run = Executable(dense(w, variance, widths, turned))
    for n in (1, 2, 0, 17, 64):
        x = numbers(n, *widths, 300, dtype=dtype)
        first, second, third = (run([x])[0].tobytes() for _ in range(3))
        assert first == second == third
        want = interpret(run.graph, [x], {k: k.array for k in run.graph.states})[0][0]  # type: ignore[attr-defined]
        np.testing.assert_allclose(np.frombuffer(third, dtype).reshape(want.shape), want, rtol=1e-4, atol=1e-4)
    assert run._resting.form is not None
    assert "PanelMatMul" in ops(run._resting.form.main.graph)
    assert "Rsqrt" not in ops(run._resting.form.main.graph)


def test_runs_of_many_steps_keep_at_once() -> None:
    w, variance = state(200, 192), state(192)
    run, x = Executable(dense(w, variance)), numbers(40, 200)
    out = np.empty((40, 192), np.float32)
    run.run([Rows(x, 8)], 5, [out])
    assert run._resting.form is not None
    assert out.tobytes() == run([x])[0].tobytes()


def changes() -> list[Callable[[State], object]]:
    def by_program(w: State) -> None:
        with tracing() as t:
            t.assign(w, read(t, w) * 2.0)
            graph = t.finish([])
        Executable(graph)([])

    def by_interpreter(w: State) -> None:
        with tracing() as t:
            t.assign(w, read(t, w) * 2.0)
            graph = t.finish([])
        Executable(graph, eager=True)([])

    return [lambda w: w.write(w.array * 2), by_program, by_interpreter]


@pytest.mark.parametrize("change", changes(), ids=["write", "program", "interpreter"])
def test_a_change_of_a_state_is_seen(change: Callable[[State], object]) -> None:
    w, variance = state(200, 192), state(192)
    run, x = Executable(dense(w, variance)), numbers(5, 200)
    for _ in range(3):
        before = run([x])[0]
    change(w)
    for _ in range(3):
        assert (run([x])[0] == 2 * before).all()
    variance.write(-0.1 + 0.25)
    found = run([x])[0]
    for _ in range(3):
        assert run([x])[0].tobytes() == found.tobytes()
    np.testing.assert_allclose(found, np.maximum(x @ w.array, 0) * 2, rtol=1e-4, atol=1e-3)


def test_a_failed_update_is_seen_as_a_change() -> None:
    """Steps before the one that fails have been made."""
    table, w = state(3, 4), state(200, 192)
    with tracing() as t:
        i = t.input((N,), "int32")
        t.assign(w, read(t, w) + 1.0)
        update = Executable(t.finish([b.take(read(t, table), i, 0)]))
    run, x = Executable(dense(w, variance := state(192))), numbers(2, 200)
    for _ in range(3):
        run([x])
    with pytest.raises(IndexError):
        update.run([Rows(np.array([0, 1, 9], np.int32), 1)], 3)
    fresh = Executable(dense(w, variance))([x])[0]
    assert run([x])[0].tobytes() == run([x])[0].tobytes() == fresh.tobytes()


def test_one_state_in_two_products_is_kept_once() -> None:
    w = state(192, 192)
    with tracing() as t:
        weight, x = read(t, w), t.input((N, 192), "float32")
        graph = t.finish([emit(MatMul(), emit(MatMul(), x, weight), weight)])
    found = at_rest(graph)
    assert found is not None
    assert found.kept == w.array.nbytes
    assert ops(found.main) == ["PanelMatMul", "PanelMatMul"]


def test_panels_need_no_kernel() -> None:
    """A fresh process with a warm cache must not compile because a weight is of another size."""
    w = state(200, 192)
    with tracing() as t:
        run = Executable(t.finish([emit(MatMul(), t.input((N, 200), "float32"), read(t, w))]))
    x = numbers(3, 200)
    first, second = run([x])[0], run([x])[0]
    assert run._resting.form is not None
    assert not run._resting.form.before.graph.nodes
    assert run._resting.form.packing.eager
    assert first.tobytes() == second.tobytes()


def test_what_is_left_as_it_is() -> None:
    small, wide, narrow, square = state(16, 32), state(4, 1 << 22), state(3300, 10), state(192, 192)

    def product(w: State, writes: bool = False) -> Graph:
        with tracing() as t:
            x = t.input((N, w.array.shape[0]), "float32")
            y = emit(MatMul(), x, read(t, w))
            if writes:
                t.assign(w, read(t, w) * 0.5)
            return t.finish([y])

    for w in (small, wide, narrow):
        assert at_rest(product(w)) is None
    assert at_rest(product(square, writes=True)) is None
    with tracing() as t:
        assert at_rest(t.finish([t.input((N, 3), "float32") * 2.0])) is None
    with tracing() as t:  # the first factor of a product is no weight of a layer; nor is what depends on the data
        x = t.input((192, 192), "float32")
        assert at_rest(t.finish([emit(MatMul(), read(t, square), x)])) is None
    with tracing() as t:  # a view costs nothing
        x = t.input((N, 192, 192), "float32")
        assert at_rest(t.finish([x * swap_last(read(t, square))])) is None


def test_what_would_take_much_more_memory_is_computed_each_time() -> None:
    a, c = state(700), state(700)
    with tracing() as t:
        outer = reshape(read(t, a), (700, 1)) * read(t, c)
        graph = t.finish([t.input((N, 700, 700), "float32") + outer])
    assert at_rest(graph) is None


def test_results_made_of_states_alone_are_new_arrays() -> None:
    w, variance = state(200, 192), state(192)
    with tracing() as t:
        v = emit(Rsqrt(), read(t, variance))
        x = t.input((N, 200), "float32")
        run = Executable(t.finish([emit(MatMul(), x, read(t, w)) * v, v]))
    x = numbers(3, 200)
    found = [run([x])[1] for _ in range(4)]
    found[-1][...] = 7
    assert (run([x])[1] == found[0]).all()


def test_the_report_says_what_is_kept() -> None:
    w, variance = state(200, 192), state(192)
    run, x = Executable(dense(w, variance), job="it"), numbers(3, 200)
    run([x])
    assert "kept" not in str(run.report())
    run([x])
    assert f"{(w.array.nbytes + variance.array.nbytes) / 1024:.0f} KiB made of weights and kept" in str(run.report())
    assert "PanelMatMul" in str(run.report())
    assert "rsqrt" in run.source().lower() or "sqrt" in run.source()


def test_threads_that_predict_while_another_one_writes_the_same_numbers() -> None:
    w, variance = state(200, 192), state(192)
    run, x = Executable(dense(w, variance)), numbers(7, 200)
    want, same, found = run([x])[0].tobytes(), w.array.copy(), set[bytes]()

    def predict() -> None:
        for _ in range(200):
            found.add(run([x])[0].tobytes())

    def write() -> None:
        for _ in range(200):
            w.write(same)

    threads = [threading.Thread(target=f) for f in (predict, predict, predict, write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {want}
