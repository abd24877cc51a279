"""What becomes one kernel: known patterns, products with epilogues, and rules that must hold for every graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.dims import Shape, symbol
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.lowering.lower import Lowered, lower
from graphnn_compiler.lowering.steps import GemmStep, LoopStep
from graphnn_compiler.ops import compare, contract, elementwise, index, movement, ordering, reduce, transcendental
from graphnn_compiler.passes.fuse import Group, fuse
from graphnn_compiler.passes.pipeline import optimize
from graphnn_compiler.trace import Tracer, emit, trace, tracing
from random_graphs import State, random_graph
from test_executable import training_step

N = symbol("n")
F32 = "float32"
X: tuple[Shape, str] = ((N, 10), F32)
Function = Callable[..., Sequence[Value]]


def steps(f: Function, *specs: tuple[Shape, str]) -> list[str]:
    """The kernels of a graph as `Op+Op`, products with * and their epilogue."""
    return names(lower(optimize(trace(f, specs))))


def names(lowered: Lowered) -> list[str]:
    out: list[str] = []
    for s in lowered.steps:
        text = "+".join(type(n.op).__name__ for n in s.nodes) or "copy"
        out.append(text.replace("MatMul", "*") if isinstance(s, GemmStep) else text)
    return out


def softmax(x: Value) -> Value:
    e = emit(transcendental.Exp(), x - b.reduced(reduce.Max, x, -1, True))
    return e / b.reduced(reduce.Sum, e, -1, True)


# -- loops


def test_elementwise_chains_are_one_kernel() -> None:
    assert steps(lambda x: [emit(transcendental.Exp(), x * 2.0) + x], X) == ["Mul+Exp+Add"]


def test_softmax_is_one_kernel() -> None:
    assert steps(lambda x: [softmax(x)], X) == ["Max+Sub+Exp+Sum+Div"]


def test_layer_norm_is_one_kernel() -> None:
    def f(x: Value, scale: Value) -> list[Value]:
        centred = x - b.mean(x, -1, True)
        return [centred * emit(transcendental.Rsqrt(), b.mean(centred * centred, -1, True) + 1e-5) * scale]

    assert len(steps(f, X, ((10,), F32))) == 1


def test_several_results_of_one_pass_are_one_kernel() -> None:
    def f(x: Value) -> list[Value]:
        y = emit(transcendental.Tanh(), x)
        return [y, y * 2.0, b.reduced(reduce.Sum, y, 1), b.reduced(reduce.Max, x, 1)]

    assert len(steps(f, X)) == 1


def test_sums_along_other_axes_are_other_kernels() -> None:
    assert len(steps(lambda x: [b.reduced(reduce.Sum, x, 0), b.reduced(reduce.Sum, x, 1)], X)) == 2


def test_views_cost_no_kernel() -> None:
    def f(x: Value) -> list[Value]:
        turned = movement.transpose(x[::-1, 2:8], (1, 0))
        return [emit(elementwise.Neg(), movement.reshape(b.broadcast_to(b.expand(turned, 0), (3, 6, N)), (3, 6, N, 1)))]

    assert steps(f, X) == ["Neg"]


def test_a_lookup_joins_what_follows() -> None:
    assert steps(lambda t, i: [emit(index.Take(0), t, i) * 3.0], ((50, 8), F32), ((N,), "int64")) == ["Take+Mul"]


def test_a_lookup_waits_for_its_table() -> None:
    found = steps(lambda t, i: [emit(index.Take(0), t * 3.0, i) + 1.0], ((50, 8), F32), ((N,), "int64"))
    assert found == ["Mul", "Take+Add"]


def test_what_is_read_at_another_place_is_in_memory_first() -> None:
    assert steps(lambda x: [(x * 2.0) + (x * 2.0)[:, ::-1]], X) == ["Mul", "Add"]
    assert steps(lambda x: [(x * 2.0) + (x * 2.0)], X) == ["Mul+Add"]


def test_the_distance_from_a_mean_is_computed_where_it_is_read() -> None:
    """Batch normalisation: three passes over x, and nothing as large as x is stored but the result."""

    def f(x: Value, scale: Value) -> list[Value]:
        mean = b.mean(x, (0, 1), True)
        spread = b.mean((x - mean) * (x - mean), (0, 1), True)
        return [(x - mean) * emit(transcendental.Rsqrt(), spread + 1e-3) * scale]

    shape = ((N, 100, 10), F32)
    assert steps(f, shape, ((10,), F32)) == ["Sum", "Sum+Div", "Mul+Sum", "Sum+Div+Add+Rsqrt", "Mul+Mul"]


def test_sums_do_not_join_what_may_become_an_epilogue() -> None:
    """The gradients of a bias and of a scale beside a masked product: what only becomes sums is no part of the epilogue."""

    def f(x: Value, w: Value, y: Value, z: Value) -> list[Value]:
        masked = emit(elementwise.Where(), emit(compare.Greater(), y, b.value(0.0)), b.matmul(x, w), b.value(0.0))
        return [masked, b.reduced(reduce.Sum, masked, 0), b.reduced(reduce.Sum, masked * z, 0)]

    assert steps(f, X, W, ((N, 4), F32), ((N, 4), F32)) == ["*+Where", "Sum+Mul+Sum"]


def test_kernels_by_hand_and_copies_stand_alone() -> None:
    assert steps(lambda x: [emit(ordering.ArgSort(), x + 1.0)], X) == ["Add", "ArgSort"]
    assert steps(lambda x: [emit(movement.Concat(1), x, x)], X) == ["Concat", "Concat"]


# -- products


def dense(x: Value, w: Value, c: Value) -> Value:
    return emit(elementwise.Relu(), b.matmul(x, w) + c)


W, C = ((10, 4), F32), ((4,), F32)


def test_bias_and_activation_are_an_epilogue() -> None:
    assert steps(lambda x, w, c: [dense(x, w, c)], X, W, C) == ["*+Add+Relu"]


def test_a_product_that_is_read_twice_keeps_its_memory() -> None:
    def f(x: Value, w: Value) -> list[Value]:
        y = b.matmul(x, w)
        return [y, emit(transcendental.Exp(), y)]

    found = lower(optimize(trace(f, [X, W])))
    assert sum(isinstance(s, GemmStep) for s in found.steps) == 1


@pytest.mark.parametrize(
    "f",
    [
        lambda y: y + movement.transpose(y, (1, 0)),
        lambda y: y + y[::-1],
        lambda y: y + y[0:1],
        lambda y: emit(index.TakeAlongAxis(0), y, b.cast(y, "int64") * 0),
    ],
)
def test_an_epilogue_reads_its_product_at_its_own_place(f: Callable[[Value], Value]) -> None:
    lowered = lower(optimize(trace(lambda x: [f(b.matmul(x, x))], [((5, 5), F32)])))
    assert [type(s) for s in lowered.steps] == [GemmStep, LoopStep]
    assert lowered.steps[0].epilogue is None  # type: ignore[attr-defined]


def test_a_softmax_after_a_product_is_a_kernel_of_its_own() -> None:
    assert steps(lambda x, w: [softmax(b.matmul(x, w))], X, W) == ["*", "Max+Sub+Exp+Sum+Div"]


def test_factors_are_not_copied() -> None:
    def f(x: Value, w: Value) -> list[Value]:
        return [emit(contract.MatMul(), movement.transpose(w, (1, 0)), movement.transpose(x, (1, 0)))]

    assert steps(f, X, W) == ["*"]


def test_a_training_step_has_no_kernel_that_only_moves() -> None:
    graph, *_ = training_step((64, 48, 10))
    found = names(lower(optimize(graph)))
    assert "copy" not in found
    assert sum(t.startswith("*") for t in found) == 5
    assert len(found) <= 11


# -- states


def update(f: Callable[[Tracer, Value, Value], tuple[Value, list[Value]]], shape: tuple[int, ...] = (5, 5)) -> Lowered:
    """A graph with one state and an input of the same shape; `f` gives the new value and the outputs."""
    key = State(np.zeros(shape, F32))
    with tracing() as t:
        x = t.input(shape, F32)
        new, out = f(t, t.read(key, shape, F32), x)
        t.assign(key, new)
        return lower(optimize(t.finish(out)))


def test_a_state_is_updated_in_place() -> None:
    assert names(update(lambda t, s, x: (s - x * 0.1, []))) == ["Mul+Sub"]


def test_a_state_is_not_updated_before_others_have_read_it() -> None:
    found = update(lambda t, s, x: (s - x, [b.matmul(s, x)]))
    assert names(found) == ["*", "Sub"]


def test_a_state_read_through_a_transpose_is_copied_at_the_end() -> None:
    found = update(lambda t, s, x: (movement.transpose(s, (1, 0)) + x, []))
    assert names(found) == ["Add", "copy"]


def test_an_old_value_that_is_returned_is_put_aside() -> None:
    found = update(lambda t, s, x: (s + x, [s]))
    assert names(found) == ["copy", "Add", "copy"]
    assert found.guard == 1


def test_a_new_value_that_is_returned_is_written_to_both_places() -> None:
    assert names(update(lambda t, s, x: (s + x, [s + x]))) == ["Add"]


def test_what_can_fail_runs_before_states_are_written() -> None:
    key = State(np.zeros((4, 3), F32))
    with tracing() as t:
        i = t.input((N,), "int64")
        table = t.read(key, (4, 3), F32)
        t.assign(key, table * 0.5)
        found = lower(optimize(t.finish([emit(index.Take(0), table, i)])))
    assert names(found) == ["Take", "Mul"]
    assert found.guard == 1


# -- rules


def before(group: Group) -> set[Group]:
    """All groups that must run before a group."""
    seen: set[Group] = set()
    stack = [group]
    while stack:
        for g in stack.pop().after:
            if g not in seen:
                seen.add(g)
                stack.append(g)
    return seen


def test_every_node_is_in_one_group_and_groups_have_an_order() -> None:
    for seed in range(150):
        graph = optimize(random_graph(seed, 25, smooth=seed % 5 == 4)[0])
        groups, again = fuse(graph)
        owners = [n for g in groups for n in g.nodes]
        assert len(owners) == len(set(owners)), seed
        computed = {n for n in graph.nodes if n.op.kind in ("elementwise", "reduce", "index", "contract", "kernel")}
        assert computed == {n for n in owners if n.op.kind != "movement"} | again, seed
        assert not set(owners) & again
        for g in groups:
            assert g not in before(g), f"seed {seed}: a group waits for itself"
            assert g.epilogue is None or (g.kind == "contract" and g.epilogue.kind == "loop" and not g.epilogue.axes)


def test_members_are_in_the_order_of_the_graph() -> None:
    for seed in range(100):
        graph: Graph = optimize(random_graph(seed, 25, smooth=seed % 5 == 4)[0])
        order = {n: i for i, n in enumerate(graph.nodes)}
        for g in fuse(graph)[0]:
            places = [order[n] for n in g.nodes]
            assert places == sorted(places), seed


def test_gradients_of_a_softmax_loss_share_its_passes() -> None:
    def f(x: Value, y: Value) -> list[Value]:
        p = softmax(x)
        loss = -b.reduced(reduce.Sum, y * emit(transcendental.Log(), p))
        return [loss, *gradients([loss], [b.value(1.0)], [x])]

    assert len(steps(f, X, X)) <= 3


# -- values that their readers compute


def test_a_cheap_value_is_not_written_for_a_reader_that_has_what_it_is_made_of() -> None:
    """Centred numbers are used on both sides of a sum over rows; both sides subtract the mean."""

    def f(x: Value) -> list[Value]:
        d = x - b.mean(x, 0, True)
        return [d / b.mean(d * d, 0, True), b.reduced(reduce.Sum, d * d, 1)]

    shape = ((N, symbol("m"), 8), F32)
    found = lower(optimize(trace(f, [shape])))
    written = [w for s in found.steps for w in s.writes if w.kind == "arena" and w.size == N * symbol("m") * 8]
    assert written == []


def test_what_follows_a_product_reads_no_more_than_it_must() -> None:
    """What sums read of a gradient is computed by them, not by the epilogue that makes the gradient."""

    def f(x: Value, w: Value, mask: Value) -> list[Value]:
        g = emit(elementwise.Where(), mask > 0.0, b.matmul(x, w), b.value(0.0, F32))
        return [g, b.reduced(reduce.Sum, g, 0), b.reduced(reduce.Sum, g * mask, 0)]

    found = lower(optimize(trace(f, [((N, 8), F32), ((8, 5), F32), ((N, 5), F32)])))
    assert [len(s.writes) for s in found.steps] == [1, 2]


def test_long_sums_are_cut_by_images() -> None:
    x = ((N, symbol("h"), symbol("w"), 8), F32)
    found = lower(optimize(trace(lambda v: [b.reduced(reduce.Sum, v, (0, 1, 2))], [x])))
    assert names(found) == ["Sum", "Sum"]
    assert found.steps[0].writes[0].size == N * 8
