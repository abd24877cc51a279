"""Graphs that are easy to get wrong: states written in place, old values, views as results, empty and single extents, several passes.

Each runs on the machine of machine.py, compiled and eagerly, for several sizes, and must give the bits of the interpreter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.executable import Executable
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Graph
from graphnn_compiler.ops import contract, conv, index, reduce, transcendental
from graphnn_compiler.ops.index import IndexOutOfRange
from graphnn_compiler.runtime.program import Mode
from graphnn_compiler.trace import emit, tracing
from lowering_cases import CASES, Case, N, turned
from machine import allow, machine
from random_graphs import State


def make(name: str, n: int) -> tuple[Graph, list[np.ndarray], list[State]]:
    with tracing() as t:
        c = Case(t, n)
        graph = t.finish(CASES[name](c))
    return graph, c.arrays, c.keys


def equal(got: Sequence[np.ndarray], want: Sequence[np.ndarray], note: str) -> None:
    for i, (g, w) in enumerate(zip(got, want, strict=True)):
        assert (g.dtype, g.shape) == (np.asarray(w).dtype, np.asarray(w).shape), note
        np.testing.assert_array_equal(g, w, err_msg=f"{note}, result {i}")


def reference(name: str, n: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    graph, arrays, keys = make(name, n)
    outputs, new = interpret(graph, arrays, {k: k.array for k in graph.states})
    return outputs, [np.asarray(new.get(k, k.array)) for k in keys]


@pytest.mark.parametrize("name", CASES)
def test_on_the_machine(name: str) -> None:
    for n in (0, 1, 2, 17):
        outputs, states = reference(name, n)
        for threads, apart in ((1, True), (3, True), (1, False)):
            graph, arrays, keys = make(name, n)
            note = f"{name}, n = {n}, {threads} threads"
            with machine(threads, apart=apart):
                program = Executable(graph).program([a.shape for a in arrays], Mode(("whole",) * len(arrays), False, (0,) * len(arrays)))
                got = [np.empty(s, d) for s, d in zip(program.output_shapes, program.output_dtypes, strict=True)]
                allow(program, arrays, got)
                assert program.run([a.ctypes.data for a in arrays], {}, [a.ctypes.data for a in got], 1) is None
            equal(got, outputs, note)
            equal([k.array for k in keys], states, f"{note}, states")


@pytest.mark.parametrize("name", CASES)
def test_compiled(name: str) -> None:
    graph, _, keys = make(name, 2)
    executable, first = Executable(graph), [k.array.copy() for k in keys]
    for n in (2, 0, 1, 17):
        for k, a in zip(keys, first, strict=True):
            k.write(a)
        outputs, states = reference(name, n)
        equal(executable(make(name, n)[1]), outputs, f"{name}, n = {n}")
        equal([k.array for k in keys], states, f"{name}, n = {n}, states")


@pytest.mark.parametrize("name", CASES)
def test_eager(name: str) -> None:
    outputs, states = reference(name, 3)
    graph, arrays, keys = make(name, 3)
    got = Executable(graph, eager=True)(arrays)
    equal([k.array for k in keys], states, f"{name}, states")
    equal(got, outputs, name)
    assert not any(np.may_share_memory(a, x) for a in got for x in [*arrays, *(k.array for k in keys)])


# -- what fails


def test_a_bad_index_is_named_with_its_place() -> None:
    with tracing() as t:
        table, i = t.input((5, 3), "float32"), t.input((N, 2), "int64")
        rows = Executable(t.finish([emit(index.Take(0), table, i)]))
    x, ids = np.ones((5, 3), "float32"), np.zeros((9, 2), "int64")
    ids[7, 1], ids[4, 0] = -1, 5
    with pytest.raises(IndexOutOfRange, match=r"index 5 at position 8 is out of range; it must be in 0..4"):
        rows([x, ids])
    assert rows([x, ids[:4]])[0].shape == (4, 2, 3)


def test_a_bad_index_into_nothing() -> None:
    with tracing() as t:
        table, i = t.input((N, 3), "float32"), t.input((2,), "int64")
        rows = Executable(t.finish([emit(index.Take(0), table, i)]))
    with pytest.raises(IndexOutOfRange, match="index 0 at position 0"):
        rows([np.ones((0, 3), "float32"), np.array([0, 0])])


def test_states_stay_when_a_later_lookup_fails() -> None:
    """Neither a state that is updated by a product, nor one that is updated alone, is written before the lookup of labels."""
    with tracing() as t:
        c = Case(t, 4)
        (k, w), (m, total) = c.state(3, 3), c.state()
        x, labels = t.input((N, 3), "float32"), t.input((N, 1), "int64")
        y = b.matmul(x, w)
        picked = emit(index.TakeAlongAxis(1), y, labels)
        c.assign(k, w - emit(contract.MatMul(), turned(x), y))
        c.assign(m, total + 1.0)
        step = Executable(t.finish([b.reduced(reduce.Sum, picked)]))
    before = [k.array.copy(), m.array.copy()]
    x = np.ones((4, 3), "float32")
    with pytest.raises(IndexOutOfRange, match="index 3 at position 2 "):
        step([x, np.array([[0], [1], [3], [2]])])
    equal([k.array, m.array], before, "states")
    step([x, np.array([[0], [1], [0], [2]])])
    assert m.array == before[1] + 1


def test_states_stay_when_a_lookup_fails_in_what_their_kernel_made() -> None:
    """The kernel that makes the new value also makes the table, so it runs before the lookup and must not write the state."""
    with tracing() as t:
        c = Case(t, 4)
        key, s = c.state(3, 5)
        new = s + s
        c.assign(key, new)
        step = Executable(t.finish([emit(index.Take(0), b.cast(new, "float64") + 1.0, t.input((N,), "int64"))]))
    before = key.array.copy()
    with pytest.raises(IndexOutOfRange, match="index 3 at position 1 "):
        step([np.array([0, 3])])
    np.testing.assert_array_equal(key.array, before)
    step([np.array([0, 2])])
    np.testing.assert_array_equal(key.array, 2 * before)


@pytest.mark.parametrize("also_direct", [False, True])
@pytest.mark.parametrize("product", ["matmul", "conv"])
def test_what_follows_a_product_may_read_a_copy_of_it(product: str, also_direct: bool) -> None:
    """Axes that are joined after a transpose are no view: the product is copied before anything that follows it runs."""
    rng = np.random.default_rng(0)
    with tracing() as t:
        if product == "matmul":
            x, w = t.input((N, 6, 4), "float64"), t.input((4, 10), "float64")
            y = b.reshape(emit(contract.MatMul(), x, w), (N, 6, 2, 5))
            arrays = [rng.standard_normal((3, 6, 4)), rng.standard_normal((4, 10))]
        else:
            x, w = t.input((N, 8, 2), "float64"), t.input((3, 2, 10), "float64")
            y = b.reshape(emit(conv.Conv((1,), ((0, 0),), (1,)), x, w), (N, 6, 2, 5))
            arrays = [rng.standard_normal((3, 8, 2)), rng.standard_normal((3, 2, 10))]
        joined = b.reshape(b.transpose(y, (0, 2, 1, 3)), (N, 12, 5))
        found = emit(transcendental.Tanh(), joined * 0.5)
        if also_direct:
            found = found + b.reshape(y, (N, 12, 5))
        graph = t.finish([found])
    want = interpret(graph, arrays, {})[0][0]
    np.testing.assert_allclose(Executable(graph)(arrays)[0], want, rtol=1e-12)
