"""The interpreter: binding of symbols, concrete ops, states, and eager executables."""

from __future__ import annotations

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.interpret import bind_symbols, concrete, interpret
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, index, movement
from graphnn_compiler.ops.index import IndexOutOfRange
from graphnn_compiler.trace import emit, largest_plus_one, trace, tracing
from random_graphs import State

N, M = symbol("n"), symbol("m")


def values(*shapes: tuple[object, ...]) -> list[Value]:
    return [Value(s, "float32") for s in shapes]  # type: ignore[arg-type]


def test_symbols_are_bound_by_shapes() -> None:
    assert bind_symbols(values((N, 3), (M, N)), [(5, 3), (2, 5)]) == {"n": 5, "m": 2}
    assert bind_symbols(values((N,), (N + 1, 2 * N)), [(4,), (5, 8)]) == {"n": 4}
    assert bind_symbols(values(()), [()]) == {}
    assert bind_symbols(values((N,)), [(0,)]) == {"n": 0}


@pytest.mark.parametrize(
    ("shapes", "given", "message"),
    [
        ([(N,), (N,)], [(3,), (4,)], "extent n is 3 in one input and 4 in another"),
        ([(N, 3)], [(5, 4)], r"an array of shape \(5, 4\)"),
        ([(N, 3)], [(5,)], r"an input of 2 axes was given an array of shape \(5,\)"),
        ([(N,), (N + 1,)], [(3,), (3,)], r"an array of shape \(3,\)"),
    ],
)
def test_shapes_that_do_not_fit(shapes, given, message) -> None:
    with pytest.raises(ValueError, match=message):
        bind_symbols(values(*shapes), given)


def test_an_op_gets_numbers_for_its_extents() -> None:
    op = movement.Slice((N - 1, 0), (N, M), (-1, 1))
    assert concrete(op, {"n": 4, "m": 2}) == movement.Slice((3, 0), (4, 2), (-1, 1))
    assert concrete(index.Iota(2 * N), {"n": 4}) == index.Iota(8)
    assert concrete(elementwise.Neg(), {}) == elementwise.Neg()


def test_states_are_read_once_and_not_written() -> None:
    key = State(np.array([1.0, 2.0], "float32"))
    with tracing() as t:
        old = t.read(key, (2,), "float32")
        t.assign(key, old + 1.0)
        later = t.read(key, (2,), "float32")
        t.assign(key, later * 2.0)
        graph = t.finish([old, later])
    outputs, new = interpret(graph, [], {key: key.array})
    assert [a.tolist() for a in outputs] == [[1, 2], [2, 3]]
    assert new[key].tolist() == [4, 6]
    assert key.array.tolist() == [1, 2]


def test_warnings_of_numpy_do_not_show() -> None:
    graph = trace(lambda x: [x / 0.0], [((2,), "float32")])
    (y,), _ = interpret(graph, [np.array([1, 0], "float32")], {})
    assert y[0] == np.inf and np.isnan(y[1])


def test_an_eager_executable_writes_states_in_place() -> None:
    key = State(np.zeros(2, "float32"))
    with tracing() as t:
        x = t.input((N, 2), "float32")
        t.read(key, (2,), "float32")
        t.assign(key, t.read(key, (2,), "float32") + x[0])
        graph = t.finish([x * 2.0])
    executable, data, array = Executable(graph, eager=True), np.arange(12, dtype="float32").reshape(6, 2), key.array
    whole = np.zeros((4, 2), "float32")
    executable.run([Rows(data, 2, 1)], 2, [whole])
    assert key.array is array and array.tolist() == [2 + 6, 3 + 7]
    np.testing.assert_array_equal(whole, 2 * data[1:5])
    executable.run([Rows(data, 2, 0, np.array([5, 4, 3, 2, 1, 0]))], 3)
    assert array.tolist() == [8 + 10 + 6 + 2, 10 + 11 + 7 + 3]
    assert executable.run([Rows(data, 2)], 0) == []


def test_a_failed_eager_step_leaves_the_states() -> None:
    key = State(np.zeros((), "int64"))
    with tracing() as t:
        x, i = t.input((3,), "float32"), t.input((N,), "int64")
        t.read(key, (), "int64")
        t.assign(key, t.read(key, (), "int64") + 1)
        executable = Executable(t.finish([emit(index.Take(0), x, i)]), eager=True)
    x = np.ones(3, "float32")
    executable([x, np.array([0, 2])])
    with pytest.raises(IndexOutOfRange, match="index 3 at position 1"):
        executable([x, np.array([0, 3])])
    assert key.array == 1


@pytest.mark.parametrize("eager", [True, False])
def test_an_extent_is_bound_by_the_data_of_an_input(eager: bool) -> None:
    """Counts of each number: as many as the largest number in the input asks for."""
    with tracing() as t:
        x = t.input((N,), "int64")
        top = largest_plus_one(b.cast(x, "int64"))
        zeros = b.broadcast_to(b.value(np.float32(0)), (top, 1))
        ones = b.broadcast_to(b.value(np.float32(1)), (N, 1))
        counts = Executable(t.finish([emit(index.Scatter("add"), zeros, x, ones)[:, 0]]), eager=eager)
    for numbers in ([0, 2, 2], [1], [5, 0, 5, 5], []):
        np.testing.assert_array_equal(counts([np.array(numbers, "int64")])[0], np.bincount(np.array(numbers, "int64")))
    with tracing() as t, pytest.raises(ValueError, match="computed inside the model"):
        largest_plus_one(t.input((N,), "int64") + 1)


def test_the_graph_is_printed() -> None:
    with tracing() as t:
        x = t.input((N, 3), "float32", "a name that is not printed")
        key = State(np.zeros(3, "float32"))
        s = t.read(key, (3,), "float32")
        t.assign(key, b.reduced(b.reduce.Sum, x + s, 0))
        graph = t.finish([x])
    assert str(graph).splitlines() == [
        "graph(v0: float32(n, 3))",
        "  v1: float32(3,) = state",
        "  v2: float32(n, 3) = Add(v0, v1)",
        "  v3: float32(3,) = Sum(axes=(0,))(v2)",
        "  v1 := v3",
        "  return v0",
    ]
