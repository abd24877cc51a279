"""Gradients of whole functions against finite differences, and the rules of the reverse pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.dims import symbol
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import contract, elementwise, index, movement, reduce, transcendental
from graphnn_compiler.trace import emit, trace, tracing
from graphnn_compiler.verify import verify

N = symbol("n")


def tanh(x: Value) -> Value:
    return emit(transcendental.Tanh(), x)


def softmax_loss(x: Value, w: Value) -> Value:
    y = b.matmul(x, w)
    shifted = y - emit(elementwise.StopGradient(), b.reduced(reduce.Max, y, -1, True))
    return b.mean(emit(transcendental.Log(), b.reduced(reduce.Sum, emit(transcendental.Exp(), shifted), -1)) - shifted[:, 0])


FUNCTIONS: dict[str, Callable[[Value, Value], Value]] = {
    "a value used three times": lambda x, w: b.reduced(reduce.Sum, tanh(x) * tanh(x) + tanh(x)),
    "broadcasting both ways": lambda x, w: b.reduced(reduce.Sum, tanh(b.expand(x, 2) * b.expand(w, 0))),
    "a two-layer net": lambda x, w: b.reduced(reduce.Sum, tanh(b.matmul(tanh(b.matmul(x, w)), movement.transpose(w, (1, 0))))),
    "softmax loss": softmax_loss,
    "slices and joins": lambda x, w: b.reduced(reduce.Sum, tanh(emit(movement.Concat(1), x[:, ::-1], x[:, 1:])) * 2.0),
    "lookups": lambda x, w: b.reduced(reduce.Sum, tanh(b.take(w, np.array([0, 2, 2, -1]), 0) * b.mean(b.take(x, np.array([1, 1]), 1)))),
    "division and mean": lambda x, w: b.mean(x / (1.0 + x * x)),
    "norms": lambda x, w: emit(transcendental.Sqrt(), b.reduced(reduce.Sum, w * w)) * b.mean(x),
    "batched products": lambda x, w: b.reduced(reduce.Sum, tanh(emit(contract.MatMul(), b.expand(x, 1), b.broadcast_to(w, (N, 3, 4))))),
    "products of elements": lambda x, w: b.reduced(reduce.Prod, tanh(w)) * b.reduced(reduce.Sum, x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_derivatives(name: str) -> None:
    f, rng = FUNCTIONS[name], np.random.default_rng(4)
    arrays = [rng.standard_normal((5, 3)), rng.standard_normal((3, 4))]
    specs = [((N, 3), "float64"), ((3, 4), "float64")]
    value = trace(lambda x, w: [f(x, w)], specs)

    def g(x: Value, w: Value) -> list[Value]:
        y = f(x, w)
        return gradients([y], [b.value(np.ones(()))], [x, w])

    graph = trace(g, specs)
    verify(graph)
    found, _ = interpret(graph, arrays, {})
    h = 1e-5
    for i, grad in enumerate(found):
        assert grad.shape == arrays[i].shape
        for place in np.ndindex(*arrays[i].shape):

            def at(t: float, i: int = i, place: tuple[int, ...] = place) -> float:
                moved = [a.copy() for a in arrays]
                moved[i][place] += t
                return float(interpret(value, moved, {})[0][0])

            slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
            assert abs(slope - grad[place]) <= 1e-8 * (1 + abs(slope)), (name, i, place)


def test_second_derivatives() -> None:
    def f(x: Value) -> list[Value]:
        (first,) = gradients([tanh(x)], [b.value(np.ones(3))], [x])
        (second,) = gradients([first], [b.value(np.ones(3))], [x])
        return [second]

    x = np.array([-1.0, 0.2, 2.0])
    (got,), _ = interpret(trace(f, [((3,), "float64")]), [x], {})
    np.testing.assert_allclose(got, -2 * np.tanh(x) * (1 - np.tanh(x) ** 2), rtol=1e-12)


def test_no_path_means_zeros() -> None:
    def f(x: Value, y: Value) -> list[Value]:
        stopped = emit(elementwise.StopGradient(), y)
        whole = emit(transcendental.Floor(), y)
        return gradients([x * stopped + whole], [b.value(np.ones(3))], [x, y])

    (dx, dy), _ = interpret(trace(f, [((3,), "float64")] * 2), [np.ones(3), np.full(3, 2.0)], {})
    np.testing.assert_array_equal(dx, np.full(3, 2.0))
    np.testing.assert_array_equal(dy, np.zeros(3))


def test_gradients_stop_at_what_is_no_float() -> None:
    def f(x: Value) -> list[Value]:
        return gradients([b.cast(b.cast(x, "int32"), "float64") * x], [b.value(np.ones(2))], [x])

    (dx,), _ = interpret(trace(f, [((2,), "float64")]), [np.array([1.5, 2.5])], {})
    assert dx.tolist() == [1, 2]


def test_gradients_of_several_outputs_and_of_intermediate_values() -> None:
    def f(x: Value) -> list[Value]:
        y = x * x
        z = y * 3.0
        return gradients([z, y], [b.value(np.ones(2)), b.value(np.full(2, 10.0))], [x, y, z])

    x = np.array([1.0, 2.0])
    (dx, dy, dz), _ = interpret(trace(f, [((2,), "float64")]), [x], {})
    assert dz.tolist() == [1, 1]
    assert dy.tolist() == [13, 13]
    assert dx.tolist() == (26 * x).tolist()


def test_gradients_go_through_a_state_that_was_assigned() -> None:
    with tracing() as t:
        x = t.input((2,), "float64")
        t.read("memory", (2,), "float64")
        t.assign("memory", x * 2.0)
        y = t.read("memory", (2,), "float64") * x
        graph = t.finish(gradients([y], [b.value(np.ones(2))], [x]))
    (dx,), _ = interpret(graph, [np.array([1.0, 3.0])], {"memory": np.zeros(2)})
    assert dx.tolist() == [4, 12]


def test_a_cotangent_of_another_shape_is_refused() -> None:
    with tracing() as t:
        x = t.input((2,), "float64")
        with pytest.raises(ValueError, match=r"the gradient of a value of float64\(2,\) came out as float64\(3,\)"):
            gradients([x * 2.0], [b.value(np.ones(3))], [x])
    with pytest.raises(RuntimeError, match="nothing is traced"):
        gradients([], [], [])


def test_gradients_belong_to_the_layer_of_what_they_are_of() -> None:
    with tracing() as t:
        x = t.input((2,), "float64")
        t.path.append("dense")
        y = tanh(x)
        t.path.pop()
        (dx,) = gradients([y], [b.value(np.ones(2))], [x])
        graph = t.finish([dx])
    after = graph.nodes[graph.nodes.index(y.node) + 1 :]  # type: ignore[arg-type]
    assert {n.origin for n in after if n.op.kind == "elementwise"} == {"dense"}


def test_only_what_is_needed_is_differentiated() -> None:
    """The branch that does not lead to x costs nothing."""
    with tracing() as t:
        x, w = t.input((2,), "float64"), t.input((2,), "float64")
        y = tanh(x) + emit(index.Take(0), emit(transcendental.Exp(), w), b.value(np.array([0, 1])))
        gradients([y], [b.value(np.ones(2))], [x])
        assert not any(isinstance(n.op, index.Scatter) for n in t.graph.nodes)


def test_the_gradient_of_a_variance_has_no_pass_for_the_mean_and_a_gradient_of_its_own() -> None:
    from graphnn_compiler.executable import Executable
    from graphnn_compiler.ops.variance import Variance
    from graphnn_compiler.passes.pipeline import optimize

    def first(x: Value) -> tuple[Value, Value]:
        y = emit(Variance((1,)), x)
        (dx,) = gradients([y * y], [b.value(np.ones(3))], [x])
        assert dx is not None
        return y, dx

    def second(x: Value) -> list[Value]:
        _, dx = first(x)
        (ddx,) = gradients([dx * dx], [b.value(np.ones((3, 5)))], [x])
        assert ddx is not None
        return [dx, ddx]

    x = np.random.default_rng(0).standard_normal((3, 5))
    found, twice = Executable(trace(second, [((3, 5), "float64")]))([x])
    away, var = x - x.mean(1, keepdims=True), x.var(1, keepdims=True)
    np.testing.assert_allclose(found, 2 * var * 2 * away / 5, atol=1e-12)
    # d/dx of the sum of (4 v a / 5)^2 = d/dx of 16/5 v^3
    np.testing.assert_allclose(twice, 16 / 5 * 3 * var**2 * 2 * away / 5, atol=1e-12)
    one_way = optimize(trace(lambda x: [first(x)[1]], [((3, 5), "float64")]))
    assert sum(n.op.describe().startswith("Sum") for n in one_way.nodes) == 2
