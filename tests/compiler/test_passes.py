"""Each pass on small graphs: the nodes before and after, the grammar kept, the numbers kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.dims import Shape, symbol
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.ops import contract, elementwise, index, movement, reduce, transcendental
from graphnn_compiler.passes.cse import cse
from graphnn_compiler.passes.dce import dce
from graphnn_compiler.passes.expand import expand
from graphnn_compiler.passes.pipeline import PASSES, optimize
from graphnn_compiler.passes.simplify import simplify
from graphnn_compiler.passes.split_sums import split_sums
from graphnn_compiler.trace import emit, trace
from graphnn_compiler.verify import MalformedGraph, verify

Function = Callable[..., Sequence[Value]]
N = symbol("n")
ROWS: tuple[Shape, str] = ((N, 3), "float32")


def ops(graph: Graph) -> list[str]:
    """The nodes without those that are only numbers."""
    return [n.op.describe() for n in graph.nodes if n.op.kind not in ("constant", "extent")]


def after(one: Callable[[Graph], Graph], f: Function, *specs: tuple[Shape, str]) -> Graph:
    """The graph after a pass, checked for grammar and for the same results."""
    before, graph = trace(f, specs), one(trace(f, specs))
    verify(graph)
    rng = np.random.default_rng(0)
    arrays = [rng.integers(-3, 4, [5 if d == N else int(d) for d in s]).astype(t) for s, t in specs]
    for got, want in zip(interpret(graph, arrays, {})[0], interpret(before, arrays, {})[0], strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == want.dtype
    return graph


# -- dce


def test_dce_removes_what_nobody_needs() -> None:
    def f(x: Value) -> list[Value]:
        emit(elementwise.Neg(), emit(elementwise.Abs(), x))
        return [emit(elementwise.Relu(), x)]

    assert ops(after(dce, f, ROWS)) == ["Relu"]


def test_dce_keeps_what_a_state_needs() -> None:
    from graphnn_compiler.trace import tracing

    with tracing() as t:
        old = t.read("weights", (3,), "float32")
        t.assign("weights", emit(elementwise.Neg(), old))
        graph = t.finish([])
    assert ops(dce(graph)) == ["Neg"]


# -- cse


def test_cse_computes_the_same_once() -> None:
    graph = after(cse, lambda x: [emit(elementwise.Neg(), x) + emit(elementwise.Neg(), x)], ROWS)
    assert ops(graph) == ["Neg", "Add"]
    assert graph.nodes[-1].inputs[0] is graph.nodes[-1].inputs[1]


def test_cse_sees_through_chains_and_results() -> None:
    def f(x: Value) -> list[Value]:
        return [emit(elementwise.Abs(), emit(elementwise.Neg(), x)), emit(elementwise.Abs(), emit(elementwise.Neg(), x))]

    graph = after(cse, f, ROWS)
    assert ops(graph) == ["Neg", "Abs"]
    assert graph.outputs[0] is graph.outputs[1]


def test_cse_tells_attributes_and_bits_of_numbers_apart() -> None:
    def f(x: Value) -> list[Value]:
        return [emit(reduce.Sum((0,)), x), emit(reduce.Sum((1,)), x), x * 0.0, x * -0.0, x * 1.0, b.cast(x, "int32") * 1]

    assert ops(after(cse, f, ROWS)) == ["Sum(axes=(0,))", "Sum(axes=(1,))", "Mul", "Mul", "Mul", "Cast(dtype=int32)", "Mul"]


# -- expand


def test_expand_writes_integer_products_as_sums() -> None:
    graph = after(expand, lambda x, y: [emit(contract.MatMul(), x, y)], ((N, 3), "int32"), ((3, 2), "int32"))
    assert ops(graph) == ["Reshape(shape=(n, 1, 3))", "Transpose(perm=(1, 0))", "Reshape(shape=(1, 2, 3))", "Mul", "Sum(axes=(2,))"]


def test_expand_computes_products_of_half_floats_in_single() -> None:
    graph = after(expand, lambda x, y: [emit(contract.MatMul(), x, y)], ((N, 3), "float16"), ((3, 2), "float16"))
    assert ops(graph) == ["Cast(dtype=float32)", "Cast(dtype=float32)", "MatMul", "Cast(dtype=float16)"]


def test_expand_leaves_other_products() -> None:
    assert ops(after(expand, lambda x, y: [emit(contract.MatMul(), x, y)], ROWS, ((3, 2), "float32"))) == ["MatMul"]


# -- simplify


@pytest.mark.parametrize(
    ("f", "want"),
    [
        (lambda x: x * 1.0, []),
        (lambda x: 1.0 * x, []),
        (lambda x: x / 1.0, []),
        (lambda x: x - 0.0, []),
        (lambda x: x + 0.0, ["Add"]),  # -0.0 + 0.0 is 0.0
        (lambda x: x - -0.0, ["Sub"]),  # -0.0 - -0.0 is 0.0
        (lambda x: x * 0.0, ["Mul"]),  # NaN * 0 is NaN
        (lambda x: 1.0 / x, ["Div"]),
        (lambda x: b.cast(x, "float32"), []),
        (lambda x: emit(elementwise.Cast("float32"), x), []),
        (lambda x: emit(elementwise.StopGradient(), x), []),
        (lambda x: emit(movement.Reshape((N, 3)), emit(movement.Reshape((3 * N,)), x)), []),
        (lambda x: emit(movement.Reshape((N, 3, 1)), emit(movement.Reshape((3 * N,)), x)), ["Reshape(shape=(n, 3, 1))"]),
        (lambda x: emit(movement.BroadcastTo((N, 3)), x), []),
        (lambda x: emit(movement.BroadcastTo((2, N, 3)), emit(movement.BroadcastTo((1, N, 3)), x)), ["BroadcastTo(shape=(2, n, 3))"]),
        (lambda x: emit(movement.Transpose((1, 0)), emit(movement.Transpose((1, 0)), x)), []),
        (lambda x: emit(movement.Transpose((0, 1)), x), []),
        (lambda x: emit(reduce.Sum((1,)), b.expand(x, 1)), ["Reshape(shape=(n, 1, 3))", "Reshape(shape=(n, 3))"]),
        (lambda x: emit(reduce.Sum((0, 1)), b.expand(x, 0)), ["Reshape(shape=(1, n, 3))", "Sum(axes=(1,))", "Reshape(shape=(3,))"]),
    ],
)
def test_simplify(f: Callable[[Value], Value], want: list[str]) -> None:
    assert ops(dce(after(simplify, lambda x: [f(x)], ROWS))) == want


def test_simplify_of_integers() -> None:
    for f in (lambda x: x + 0, lambda x: 0 + x, lambda x: x * 1, lambda x: x - 0):
        assert ops(after(simplify, lambda x, f=f: [f(x)], ((N, 3), "int32"))) == []


def test_simplify_keeps_a_broadcast_by_one() -> None:
    """x * ones(2, n, 3) has another shape than x."""
    graph = after(simplify, lambda x: [x * b.broadcast_to(b.value(np.float32(1)), (2, N, 3))], ROWS)
    assert "Mul" in ops(graph)


def test_simplify_folds_constants() -> None:
    graph = after(simplify, lambda x: [x * (emit(transcendental.Sqrt(), b.value(np.float32(9))) + 1.0)], ROWS)
    assert ops(dce(graph)) == ["Mul"]
    assert [n.op.array().item() for n in graph.nodes if isinstance(n.op, movement.Constant)][-1] == 4.0


def test_simplify_folds_small_arrays_only() -> None:
    def f(x: Value) -> list[Value]:
        return [emit(elementwise.Neg(), b.value(np.ones(64, "float32"))), emit(elementwise.Neg(), b.value(np.ones(65, "float32"))), x]

    assert ops(dce(after(simplify, f, ROWS))) == ["Neg"]


def test_simplify_moves_ops_on_a_repeated_number_to_the_number() -> None:
    graph = after(simplify, lambda x: [emit(transcendental.Floor(), b.broadcast_to(index.extent_value(N, "float32"), (N, 3)) * 0.5)], ROWS)
    assert [v.shape for n in dce(graph).nodes if n.op.kind == "elementwise" for v in n.outputs] == [(), ()]


# -- split_sums


@pytest.mark.parametrize(
    ("shape", "axes", "wanted"),
    [
        ((N, 8, 8, 3), (0, 1, 2), ["Sum(axes=(1, 2))", "Sum(axes=(0,))"]),
        ((N, 4, 16), (2, 0, 1), ["Sum(axes=(1, 2))", "Sum(axes=(0,))"]),
        ((N, 3, N), (0, 2), ["Sum(axes=(2,))", "Sum(axes=(0,))"]),
        ((N, 3), (0, 1), ["Sum(axes=(0, 1))"]),
        ((N, 100, 3), (1, 2), ["Sum(axes=(1, 2))"]),
        ((N, 100), (0,), ["Sum(axes=(0,))"]),
        ((1, 100, 3), (0, 1), ["Sum(axes=(0, 1))"]),
    ],
)
def test_long_sums_are_made_of_shorter_ones(shape: Shape, axes: tuple[int, ...], wanted: list[str]) -> None:
    assert ops(after(split_sums, lambda x: [emit(reduce.Sum(axes), x)], (shape, "float32"))) == wanted


def test_only_sums_are_split() -> None:
    assert ops(after(split_sums, lambda x: [emit(reduce.Max((0, 1, 2)), x)], ((N, 8, 8, 3), "float32"))) == ["Max(axes=(0, 1, 2))"]


# -- all


def test_the_pipeline_names_its_passes_and_keeps_the_grammar() -> None:
    seen: list[str] = []

    def between(name: str, graph: Graph) -> None:
        seen.append(name)
        verify(graph)

    graph = trace(lambda x: [(x * 1.0 + x * 1.0) / 1.0, emit(elementwise.Neg(), x) + emit(elementwise.Neg(), x)], [ROWS])
    assert ops(optimize(graph, between)) == ["Add", "Neg", "Add"]
    assert seen == [p.__name__ for p in PASSES]


def test_passes_keep_the_layer_of_a_node() -> None:
    from graphnn_compiler.trace import tracing

    with tracing() as t:
        x = t.input((N, 3), "float32")
        t.path.append("dense")
        y = emit(contract.MatMul(), b.cast(x, "float16"), b.cast(movement.transpose(x, (1, 0)), "float16"))
        t.path.pop()
        graph = optimize(t.finish([y * 2.0]))
    assert {n.origin for n in graph.nodes if type(n.op).__name__ == "MatMul"} == {"dense"}
    assert next(n.origin for n in graph.nodes if type(n.op).__name__ == "Mul") == ""


def test_verify_finds_what_a_pass_may_break() -> None:
    def graph() -> Graph:
        return trace(lambda x: [emit(elementwise.Neg(), emit(elementwise.Abs(), x))], [ROWS])

    broken = graph()
    broken.nodes.reverse()
    with pytest.raises(MalformedGraph, match=r"node 0 \(Neg\) reads a value that nothing before it makes"):
        verify(broken)
    broken = graph()
    broken.nodes.append(broken.nodes[0])
    with pytest.raises(MalformedGraph, match="exists already"):
        verify(broken)
    broken = graph()
    broken.nodes[0].outputs[0].shape = (N, 4)
    with pytest.raises(MalformedGraph, match=r"says float32\(n, 4\), its rule float32\(n, 3\)"):
        verify(broken)
    broken = graph()
    broken.outputs.append(Value((), "float32"))
    with pytest.raises(MalformedGraph, match="a result is made by no node"):
        verify(broken)
    broken = graph()
    broken.updates["state"] = broken.outputs[0]
    with pytest.raises(MalformedGraph, match="update of a state"):
        verify(broken)
