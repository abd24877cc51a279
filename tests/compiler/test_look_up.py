"""Products of looked-up rows are looked up in products of tables that are kept; results never differ by a bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler import rest
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.ops.contract import MatMul
from graphnn_compiler.ops.elementwise import Relu
from graphnn_compiler.ops.index import IndexOutOfRange, Take
from graphnn_compiler.ops.movement import reshape
from graphnn_compiler.rest import at_rest
from graphnn_compiler.states import State
from graphnn_compiler.trace import Tracer, emit, tracing

N, T = symbol("n"), 6
WORDS, WIDTH, UNITS = 50, 24, 40


def state(*shape: int, dtype: str = "float32") -> State:
    return State(np.random.default_rng(shape).standard_normal(shape).astype(dtype))


def read(t: Tracer, s: State) -> Value:
    return t.read(s, s.array.shape, s.array.dtype.name)


def embed(table: State, build: Callable[[Tracer, Value], list[Value]]) -> Graph:
    """What `build` makes of the rows of a table, (n, T, WIDTH)."""
    with tracing() as t:
        ids = t.input((N, T), "int64")
        return t.finish(build(t, emit(Take(0), read(t, table), ids)))


def dense(table: State, w: State, bias: State) -> Graph:
    """relu(w x + bias), for the steps of a sequence in front."""

    def build(t: Tracer, x: Value) -> list[Value]:
        x = b.transpose(x, (1, 0, 2))
        y = emit(MatMul(), reshape(x, (x.shape[0] * x.shape[1], WIDTH)), read(t, w))
        return [emit(Relu(), reshape(y, (T, N, UNITS)) + read(t, bias))]

    return embed(table, build)


def ids(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, WORDS, (n, T))


def kinds(graph: Graph) -> list[str]:
    return [type(node.op).__name__ for node in graph.nodes]


def spend(run: Executable, graph_rows: int = 2 * WORDS) -> None:
    """Predicts so many rows that the products of the table pay, and once more."""
    for _ in range(2 + -(-graph_rows // (16 * T))):
        run([ids(16)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_have_the_same_bits(dtype: str) -> None:
    table, w, bias = state(WORDS, WIDTH, dtype=dtype), state(WIDTH, UNITS, dtype=dtype), state(UNITS, dtype=dtype)
    run = Executable(dense(table, w, bias))
    data = [ids(n) for n in (1, 2, 0, 17, 64)]
    first = [run([x])[0].copy() for x in data]
    spend(run)
    form = run._resting.form
    assert form is run._resting._tables
    assert kinds(form.main.graph).count("MatMul") == 0
    assert "Add" not in kinds(form.main.graph) and "Relu" not in kinds(form.main.graph)
    assert form.kept >= WORDS * UNITS * np.dtype(dtype).itemsize
    for x, want in zip(data, first, strict=True):
        np.testing.assert_array_equal(run([x])[0], want)
    out = np.zeros((4 * T, 4, UNITS), dtype)
    run.run([Rows(ids(16), 4)], 4, [out])
    np.testing.assert_array_equal(out.reshape(4, T, 4, UNITS), [run([ids(16)[4 * i : 4 * i + 4]])[0] for i in range(4)])


def test_products_are_made_when_they_have_been_paid() -> None:
    run = Executable(dense(state(WORDS, WIDTH), state(WIDTH, UNITS), state(UNITS)))
    needed = -(-WORDS // (2 * T))
    for i in range(1 + needed):  # the first run uses the graph as it is
        run([ids(2)])
        assert run._resting._tables is None, i
    run([ids(2)])
    assert run._resting.form is run._resting._tables is not None


def test_a_run_that_pays_makes_products_at_once() -> None:
    table, w, bias = state(WORDS, WIDTH), state(WIDTH, UNITS), state(UNITS)
    rows = WORDS // T + 1  # in steps of one row
    x = ids(2 * rows)
    want = Executable(dense(table, w, bias))([x])[0]
    for n, tables in ((rows - 2, False), (rows, True)):
        run, out = Executable(dense(table, w, bias)), np.zeros((n * T, 1, UNITS), "float32")
        for i in range(2):
            run.run([Rows(x, 1)], n, [out])
            assert (run._resting.form is run._resting._tables) == (tables or i > 0)
            np.testing.assert_array_equal(out.reshape(n, T, UNITS), want.transpose(1, 0, 2)[:n])


def test_new_weights_are_seen_and_paid_again() -> None:
    table, w, bias = state(WORDS, WIDTH), state(WIDTH, UNITS), state(UNITS)
    run = Executable(dense(table, w, bias))
    x = ids(5)
    for change in (w, table, bias, table):
        spend(run)
        assert run._resting.form is run._resting._tables
        change.write(change.array * 1.5)
        want = interpret(run.graph, [x], {s: s.array for s in run.graph.states})[0][0]
        for _ in range(3):
            np.testing.assert_allclose(run([x])[0], want, rtol=1e-5, atol=1e-5)
        assert run._resting.form is run._resting._plain


def test_bad_ids_are_named() -> None:
    run = Executable(dense(state(WORDS, WIDTH), state(WIDTH, UNITS), state(UNITS)))
    bad = ids(4)
    bad[2, 1] = WORDS
    said: list[str] = []
    for _ in range(2):
        with pytest.raises(IndexOutOfRange, match=f"index {WORDS}") as error:
            run([bad])
        said.append(str(error.value))
        spend(run)
    assert said[0] == said[1]
    bad[2, 1] = -1
    with pytest.raises(IndexOutOfRange, match="index -1"):
        run([bad])


def test_what_is_rows_of_a_table() -> None:
    table, w, bias, last = state(WORDS, WIDTH), state(WIDTH, UNITS), state(UNITS), state(UNITS, 3)

    def found(build: Callable[[Tracer, Value], list[Value]]) -> list[str]:
        form = at_rest(embed(table, build), tables=True)
        return kinds(form.main) if form is not None else ["nothing"]

    def two_layers(t: Tracer, x: Value) -> list[Value]:
        h = emit(Relu(), emit(MatMul(), x, read(t, w)) + read(t, bias))
        return [emit(MatMul(), h, read(t, last)) * 0.5]

    assert found(two_layers).count("Take") == 1 and "MatMul" not in found(two_layers)
    # Both results are looked up; the sum over steps is computed of them.
    both = found(lambda t, x: [(y := emit(MatMul(), x, read(t, w))), b.mean(y + read(t, bias), 1)])
    assert both.count("Take") == 2 and "MatMul" not in both
    # Steps that differ, other values of the batch, and rows of themselves alone.
    position = state(T, WIDTH)
    others: list[Callable[[Tracer, Value], list[Value]]] = [
        lambda t, x: [emit(MatMul(), x + read(t, position), read(t, w))],
        lambda t, x: [emit(MatMul(), x * b.mean(x), read(t, w))],
        lambda t, x: [x * 2.0],
        lambda t, x: [emit(MatMul(), reshape(x, (N, T * WIDTH)), read(t, state(T * WIDTH, 2)))],
    ]
    for build in others:
        assert found(build) == ["nothing"]


def test_tables_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    table, w, u = state(WORDS, WIDTH), state(WIDTH, UNITS), state(WIDTH, UNITS + 1)

    def build(t: Tracer, x: Value) -> list[Value]:
        return [emit(MatMul(), x, read(t, w)), emit(MatMul(), x, read(t, u))]

    x = ids(3)
    for limit, products in ((1 << 26, 0), (4 * WORDS * UNITS, 1), (0, 2)):
        monkeypatch.setattr(rest, "TABLES", limit)
        run = Executable(embed(table, build))
        first = run([x])
        spend(run)
        assert kinds(run._resting.form.main.graph).count("MatMul") == products
        for got, want in zip(run([x]), first, strict=True):
            np.testing.assert_array_equal(got, want)
