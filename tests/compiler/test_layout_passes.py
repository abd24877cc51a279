"""The passes around convolutions: transposes that cancel, padding taken over, and what follows a product folded per channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from graphnn_compiler import autodiff, control
from graphnn_compiler import build as b
from graphnn_compiler.dims import Shape, symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.ops import compare, elementwise, movement, reduce, transcendental
from graphnn_compiler.ops.conv import conv
from graphnn_compiler.passes.dce import dce
from graphnn_compiler.passes.fold_affine import fold_affine
from graphnn_compiler.passes.fold_padding import fold_padding
from graphnn_compiler.passes.layout import layout
from graphnn_compiler.passes.pipeline import optimize
from graphnn_compiler.states import State
from graphnn_compiler.trace import emit, trace, tracing
from graphnn_compiler.verify import verify

N = symbol("n")
IMAGES: tuple[Shape, str] = ((N, 3, 5, 6), "float32")
KERNEL: tuple[Shape, str] = ((3, 3, 3, 3), "float32")
LAST, SECOND = (0, 2, 3, 1), (0, 3, 1, 2)


class Weight(State):
    """A state of numbers."""

    def __init__(self, array: Any):
        super().__init__(np.asarray(array, "float32"))


def convolved(x: Value, w: Value) -> Value:
    """A convolution of images with the channels second, as a layer writes it."""
    y = conv(movement.transpose(x, LAST), w, (1, 1), ((1, 1), (1, 1)))
    return movement.transpose(y, SECOND)


def transposes(graph: Graph) -> list[str]:
    """What is transposed and is more than a vector."""
    return [
        n.op.describe()
        for n in graph.nodes
        if isinstance(n.op, movement.Transpose) and sum(d != 1 for d in n.inputs[0].shape) > 1
    ]


def checked(f: Callable[..., Sequence[Value]], *specs: tuple[Shape, str], tolerance: float = 1e-4) -> Graph:
    """The graph after the layout pass; its numbers, interpreted and compiled, are those of before."""
    before, graph = trace(f, specs), dce(layout(trace(f, specs)))
    verify(graph)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal([2 if d == N else int(d) for d in s]).astype(t) for s, t in specs]
    want = interpret(before, arrays, {})[0]
    for found in (interpret(graph, arrays, {})[0], Executable(trace(f, specs))(arrays)):
        for got, one in zip(found, want, strict=True):
            assert got.dtype == one.dtype
            np.testing.assert_allclose(got, one, rtol=tolerance, atol=tolerance)
    return graph


def test_between_convolutions_transposes_cancel() -> None:
    def f(x: Value, w: Value) -> list[Value]:
        bias = b.value(np.array([0.1, -0.2, 0.3], "float32"))
        y = emit(elementwise.Relu(), convolved(x, w) + b.reshape(bias, (3, 1, 1)))
        return [convolved(y * 2.0, w)]

    assert transposes(checked(f, IMAGES, KERNEL)) == [f"Transpose(perm={LAST})", f"Transpose(perm={SECOND})"]


def test_a_residual_joins_where_both_sides_are_transposed() -> None:
    def f(x: Value, w: Value) -> list[Value]:
        y = convolved(x, w)
        return [convolved(emit(elementwise.Relu(), convolved(y, w) + y), w)]

    assert len(transposes(checked(f, IMAGES, KERNEL))) == 2


def test_reductions_take_other_axes() -> None:
    def f(x: Value, w: Value) -> list[Value]:
        y = convolved(x, w)
        return [
            emit(reduce.Sum((0, 2, 3)), y),
            emit(reduce.Max((1,)), y),
            emit(reduce.Sum((2,)), y),
            b.mean(y, (2, 3), keepdims=True),
        ]

    graph = checked(f, IMAGES, KERNEL)
    assert [n.op.describe() for n in graph.nodes if isinstance(n.op, reduce.Reduce)] == [
        "Sum(axes=(0, 1, 2))",
        "Max(axes=(3,))",
        "Sum(axes=(1,))",
        "Sum(axes=(1, 2))",
    ]


def test_moves_take_other_axes() -> None:
    def f(x: Value, w: Value) -> list[Value]:
        y = convolved(x, w)
        wide = emit(movement.Unslice((0, 0, 1, 2), (1, 1, 1, 1), (N, 3, 7, 9)), y)
        part = emit(movement.Slice((0, 1, 6, 0), (N, 2, 3, 9), (1, 1, -2, 1)), wide)
        both = emit(movement.Concat(1), part, part)
        hole = emit(movement.SliceUpdate((0, 1, 0, 0), (1, 2, 1, 1)), both, part)
        return [emit(elementwise.Neg(), hole)]

    assert transposes(checked(f, IMAGES, KERNEL)) == [f"Transpose(perm={LAST})", f"Transpose(perm={SECOND})"]


def test_what_cannot_be_moved_stays() -> None:
    def f(x: Value, w: Value) -> list[Value]:
        y = convolved(x, w)
        return [y + x, emit(movement.Reshape((N, 90)), y), emit(elementwise.Where(), emit(compare.Less(), x, y), x, y)]

    assert f"Transpose(perm={SECOND})" in transposes(checked(f, IMAGES, KERNEL))


def test_an_elementwise_op_writes_in_the_order_of_the_convolution() -> None:
    def f(x: Value, other: Value, w: Value) -> list[Value]:
        return [convolved(convolved(x, w) + other, w)]

    graph = checked(f, IMAGES, IMAGES, KERNEL)
    # Both inputs are transposed, and the result; nothing in between.
    assert transposes(graph) == [f"Transpose(perm={LAST})", f"Transpose(perm={LAST})", f"Transpose(perm={SECOND})"]


def test_padding_and_scaling_of_the_input_come_after_its_transpose() -> None:
    def f(x: Value, w: Value) -> list[Value]:
        wide = emit(movement.Unslice((0, 0, 1, 0), (1, 1, 1, 1), (N, 3, 7, 6)), x * 0.5 + 1.0)
        return [convolved(wide, w)]

    graph = checked(f, IMAGES, KERNEL)
    kinds = [type(n.op).__name__ for n in graph.nodes if n.op.kind != "constant"]
    assert kinds == ["Transpose", "Mul", "Add", "Unslice", "Conv", "Transpose"]


def test_gradients_keep_the_layout() -> None:
    def f(x: Value, w: Value) -> list[Value]:
        y = emit(elementwise.Relu(), convolved(x, w))
        loss = b.mean(convolved(y, w) * 3.0)
        return [loss, *autodiff.gradients([loss], [b.value(np.float32(1))], [x, w])]

    graph = optimize(trace(f, [IMAGES, KERNEL]))
    moved = [n for n in graph.nodes if isinstance(n.op, movement.Transpose)]
    repeated = [n for n in moved if n.inputs[0].node is not None and isinstance(n.inputs[0].node.op, movement.BroadcastTo)]
    large = [n for n in moved if n not in repeated and sum(d != 1 for d in n.inputs[0].shape) > 1]
    assert [n.op.describe() for n in large] == [f"Transpose(perm={LAST})", f"Transpose(perm={SECOND})"]
    checked(f, IMAGES, KERNEL)


def test_graphs_without_convolutions_are_left_alone() -> None:
    def f(x: Value) -> list[Value]:
        return [emit(elementwise.Neg(), movement.transpose(x, LAST))]

    assert [n.op.describe() for n in layout(trace(f, [IMAGES])).nodes] == [f"Transpose(perm={LAST})", "Neg"]


# -- numbers per channel


def normalized(y: Value, mean: Value, variance: Value, gamma: Value, beta: Value) -> Value:
    return (y - mean) * (emit(transcendental.Rsqrt(), variance + 1e-3) * gamma) + beta


def inference(extra: Callable[[Value], Sequence[Value]] = lambda y: (), use: bool = True) -> tuple[Graph, list[Weight]]:
    """A convolution with bias, batch norm by states, and an activation."""
    rng = np.random.default_rng(1)
    weights = [Weight(rng.standard_normal((3, 3, 3, 4))), *[Weight(rng.random(4) + 0.5) for _ in range(5)]]
    with tracing() as t:
        x = t.input((N, 5, 6, 3), "float32")
        w, bias, *statistics = [t.read(v, v.array.shape, "float32") for v in weights]
        product = conv(x, w, (1, 1), ((1, 1), (1, 1)))
        y = normalized(product + bias, *statistics)
        return t.finish([emit(elementwise.Relu(), y) if use else y, *extra(product)]), weights


def on_images(graph: Graph) -> list[str]:
    return [type(n.op).__name__ for n in graph.nodes if n.outputs[0].shape == (N, 5, 6, 4)]


def test_batch_norm_is_one_factor_and_one_summand() -> None:
    graph, weights = inference()
    assert on_images(graph) == ["Conv", "Add", "Sub", "Mul", "Add", "Relu"]
    x = np.random.default_rng(2).standard_normal((2, 5, 6, 3)).astype("float32")
    states: Any = {w: w.array for w in weights}
    (want,) = interpret(graph, [x], states)[0]
    folded = dce(fold_affine(graph))
    verify(folded)
    assert on_images(folded) == ["Conv", "Mul", "Add", "Relu"]
    (found,) = interpret(folded, [x], states)[0]
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-4)


def test_states_are_read_when_the_program_runs() -> None:
    graph, weights = inference()
    run, eager = Executable(graph), Executable(inference()[0], eager=True)
    eager.graph.states = dict(zip(weights, eager.graph.states.values(), strict=True))
    x = np.random.default_rng(2).standard_normal((2, 5, 6, 3)).astype("float32")
    for _ in range(2):
        np.testing.assert_allclose(run([x])[0], eager([x])[0], rtol=1e-4, atol=1e-4)
        for w in weights:
            w.array += 0.25


def test_the_end_of_a_chain_may_be_a_result() -> None:
    graph, _ = inference(use=False)
    assert on_images(dce(fold_affine(graph))) == ["Conv", "Mul", "Add"]


def test_a_product_that_is_read_elsewhere_is_left_alone() -> None:
    graph, _ = inference(lambda y: [emit(elementwise.Neg(), y)])
    assert on_images(dce(fold_affine(graph))) == on_images(graph)


def test_plain_numbers_are_left_alone() -> None:
    with tracing() as t:
        x, w = t.input((N, 5, 6, 3), "float32"), t.read(Weight(np.ones((1, 1, 3, 4))), (1, 1, 3, 4), "float32")
        graph = t.finish([(conv(x, w, (1, 1), ((0, 0), (0, 0))) * 2.0 + 1e8) - 1e8])
    assert on_images(dce(fold_affine(graph))) == ["Conv", "Mul", "Add", "Sub"]


@pytest.mark.parametrize("which", ["batch", "place"])
def test_numbers_of_the_data_are_left_alone(which: str) -> None:
    """Statistics of the batch, and numbers that differ from place to place, are no numbers per channel of states."""
    with tracing() as t:
        x, w = t.input((N, 5, 6, 3), "float32"), t.read(Weight(np.ones((1, 1, 3, 4))), (1, 1, 3, 4), "float32")
        y = conv(x, w, (1, 1), ((0, 0), (0, 0)))
        s = t.read(Weight(np.ones((6, 4))), (6, 4), "float32") if which == "place" else b.mean(x, (0, 1, 2))[:1]
        graph = t.finish([((y - s) * s + s) * s])
    before = on_images(graph)
    assert on_images(dce(fold_affine(graph))) == before


def test_a_dense_layer_over_steps_counts_as_a_product() -> None:
    with tracing() as t:
        x, w = t.input((N, 5, 3), "float32"), t.read(Weight(np.ones((3, 4))), (3, 4), "float32")
        s = t.read(Weight(np.ones(4)), (4,), "float32")
        graph = t.finish([((b.matmul(x, w) + s) - s) * s + s])
    folded = dce(fold_affine(graph))
    verify(folded)
    assert [type(n.op).__name__ for n in folded.nodes][-2:] == ["Mul", "Add"] and len(on_steps(folded)) == 3


def on_steps(graph: Graph) -> list[str]:
    return [type(n.op).__name__ for n in graph.nodes if n.outputs[0].shape == (N, 5, 4)]


# -- padding


def test_a_convolution_takes_zeros_over_into_its_padding() -> None:
    def f(x: Value, w: Value) -> list[Value]:
        wide = emit(movement.Unslice((0, 1, 0, 0), (1, 1, 1, 1), (N, 8, 9, 3)), x)
        y = conv(wide, w, (2, 1), ((0, 1), (1, 1)))
        loss = b.mean(y * y)
        return [y, *autodiff.gradients([loss], [b.value(np.float32(1))], [x, w])]

    specs = [((N, 5, 6, 3), "float32"), ((3, 3, 3, 2), "float32")]
    before, graph = trace(f, specs), dce(fold_padding(trace(f, specs)))
    verify(graph)
    assert not [n for n in graph.nodes if isinstance(n.op, movement.Unslice | movement.Slice)]
    assert next(n.op.describe() for n in graph.nodes).startswith("Conv(strides=(2, 1), padding=((1, 3), (1, 4))")
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal([2 if d == N else int(d) for d in s]).astype(t) for s, t in specs]
    want = interpret(before, arrays, {})[0]
    for found in (interpret(graph, arrays, {})[0], Executable(trace(f, specs))(arrays)):
        for got, one in zip(found, want, strict=True):
            np.testing.assert_allclose(got, one, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("starts", "steps", "shape"),
    [
        ((1, 0, 0, 0), (1, 1, 1, 1), (4, 5, 6, 3)),
        ((0, 0, 0, 1), (1, 1, 1, 1), (2, 5, 6, 4)),
        ((0, 0, 0, 0), (1, 2, 1, 1), (2, 9, 6, 3)),
    ],
)
def test_other_zeros_are_written(starts: tuple[int, ...], steps: tuple[int, ...], shape: tuple[int, ...]) -> None:
    def f(x: Value) -> list[Value]:
        wide = emit(movement.Unslice(starts, steps, shape), x)
        return [conv(wide, b.value(np.ones((1, 1, shape[-1], 2), "float32")), (1, 1), ((0, 0), (0, 0)))]

    graph = fold_padding(trace(f, [((2, 5, 6, 3), "float32")]))
    assert "Unslice" in str(graph)


STEPS = (1, 0, 2)


def stepped(x: Value, w: Value, reverse: bool = False) -> Value:
    """A loop over the second axis, as a recurrent layer writes it."""

    def step(carried: list[Value], parts: list[Value]) -> tuple[list[Value], list[Value]]:
        h = emit(transcendental.Tanh(), parts[0] + b.matmul(carried[0], w))
        return [h], [h]

    ((_,), (y,)) = control.scan(
        step, [b.broadcast_to(movement.constant(0.0, x.dtype), (N, x.shape[2]))], [movement.transpose(x, STEPS)], reverse=reverse
    )
    return movement.transpose(y, STEPS)


def test_between_loops_transposes_cancel() -> None:
    def f(x: Value, w: Value, u: Value) -> list[Value]:
        both = emit(movement.Concat(2), stepped(x, w), stepped(x, w, reverse=True))
        y = emit(elementwise.Relu(), both * 2.0)
        return [stepped(y, u)]

    graph = checked(f, ((N, 5, 3), "float32"), ((3, 3), "float32"), ((6, 6), "float32"))
    assert [t for t in transposes(graph) if "(1, 0, 2)" in t] == [
        f"Transpose(perm={STEPS})"
    ] * 3  # of the input for each loop, and the result


def test_gradients_of_loops_need_no_other_transposes() -> None:
    def f(x: Value, w: Value, u: Value) -> list[Value]:
        y = stepped(stepped(x, w), u)
        return [y, *autodiff.gradients([y], [y * 2.0], [x, w, u])]

    graph = checked(f, ((N, 5, 3), "float32"), ((3, 3), "float32"), ((3, 3), "float32"))
    assert len([t for t in transposes(graph) if "(1, 0, 2)" in t]) == 3  # of x, of y, and of the gradient by x
