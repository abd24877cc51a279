"""Which graphs compute each row from that row alone: decided from the graph, and true of the numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler import control
from graphnn_compiler.apart import rows_apart
from graphnn_compiler.dims import Shape, symbol
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import conv, elementwise, index, movement, ordering, reduce, transcendental, variance
from graphnn_compiler.ops.attention import Attention
from graphnn_compiler.states import State
from graphnn_compiler.trace import Tracer, emit, trace, tracing

N = symbol("batch")
X: tuple[Shape, str] = ((N, 4, 6), "float32")
W = np.linspace(-1, 1, 12).reshape(6, 2).astype("float32")
SQUARE = np.linspace(-1, 1, 36).reshape(6, 6).astype("float32")
KERNEL = np.linspace(-1, 1, 36).reshape(3, 6, 2).astype("float32")

def recurrence(x: Value, start: Value, reverse: bool = False) -> Value:
    """All states of a recurrence over the first axis of x, with the product of all steps in front of the loop."""
    steps, n, width = x.shape
    z = movement.reshape(b.matmul(movement.reshape(x, (steps * n, width)), b.value(SQUARE)), (steps, n, width))

    def step(c: list[Value], xs: list[Value]) -> tuple[list[Value], list[Value]]:
        h = emit(transcendental.Tanh(), b.matmul(c[0], b.value(SQUARE)) + xs[0])
        return [h], [h]

    return control.scan(step, [start], [z], reverse=reverse)[1][0]


def by_steps(x: Value, reverse: bool = False) -> Value:
    """A recurrence over the axis behind the rows."""
    zeros = b.broadcast_to(b.value(np.zeros(6, "float32")), (x.shape[0], 6))
    return movement.transpose(recurrence(movement.transpose(x, (1, 0, 2)), zeros, reverse), (1, 0, 2))


APART: list[Callable[[Value], Value]] = [
    lambda x: emit(transcendental.Exp(), x) * 2.0 + b.value(np.arange(6, dtype="float32")),
    lambda x: x - b.mean(x, (1, 2), True),
    lambda x: emit(variance.Variance((1,)), x),
    lambda x: b.matmul(x, b.value(W)),
    lambda x: b.matmul(x, movement.transpose(x, (0, 2, 1))),
    lambda x: b.matmul(movement.reshape(x, (N, 24)), b.value(np.ones((24, 3), "float32"))),
    lambda x: emit(conv.Conv((1,), ((1, 1),), (1,), 1), x, b.value(KERNEL)),
    lambda x: movement.transpose(x, (0, 2, 1))[:, ::-1, 1:3],
    lambda x: emit(movement.Concat(2), x, x),
    lambda x: emit(index.Take(0), b.value(W), b.cast(emit(reduce.Max((1, 2)), x) * 0.0, "int64")),
    lambda x: emit(ordering.ArgSort(), x),
    lambda x: x + b.broadcast_to(b.value(1.0), (N, 4, 6)),
    lambda x: movement.transpose(movement.transpose(x, (1, 0, 2)) * 2.0, (1, 0, 2)),
    lambda x: b.mean(movement.transpose(x, (2, 1, 0)), (0, 1)),
    lambda x: movement.reshape(movement.reshape(movement.transpose(x, (1, 2, 0)), (24 * N,)), (24, N))[0],
    lambda x: movement.transpose(b.matmul(b.value(np.ones((3, 6), "float32")), movement.transpose(x, (1, 2, 0))), (2, 0, 1)),
    by_steps,
    lambda x: emit(movement.Concat(2), by_steps(x), by_steps(x, reverse=True)),
    lambda x: by_steps(emit(transcendental.Tanh(), by_steps(x)), reverse=True)[:, 0],
    lambda x: emit(Attention(0.5, masked=True), *[movement.reshape(x, (N, 4, 2, 3))] * 3, b.value(np.ones((1, 1, 1, 4), bool))),
]
TOGETHER: list[Callable[[Value], Value]] = [
    lambda x: x - b.mean(x, 0, True),
    lambda x: x / b.mean(x),
    lambda x: x * b.count_value(N, "float32"),
    lambda x: x[::-1],
    lambda x: emit(movement.Concat(0), x, x),
    lambda x: movement.transpose(x, (1, 0, 2)),
    lambda x: movement.reshape(x, (4, N, 6)),
    lambda x: movement.transpose(movement.reshape(x, (4, N, 6)), (1, 0, 2)),
    lambda x: movement.reshape(movement.transpose(x, (1, 0, 2)), (N, 4, 6)),
    lambda x: recurrence(x, x[0]),
    lambda x: recurrence(x, b.value(np.zeros((4, 6), "float32"))),
    lambda x: by_steps(x - b.mean(x, 0, True)),
    lambda x: b.matmul(movement.transpose(x, (1, 2, 0)), movement.transpose(x, (1, 0, 2)))[:1],
    lambda x: b.matmul(movement.reshape(x, (N, 24)), movement.transpose(movement.reshape(x, (N, 24)), (1, 0))),
    lambda x: x + b.cast(movement.reshape(emit(index.Iota(N)), (N, 1, 1)), "float32"),
    lambda x: emit(index.Take(0), x, b.value(np.array([0, 1]))),
    lambda x: emit(elementwise.Where(), x > 0.0, x, x[::-1]),
]


def cut(f: Callable[[Value], Value], x: np.ndarray, parts: Sequence[int]) -> np.ndarray:
    """The results of the parts of x, one after another."""
    return np.concatenate([interpret(trace(lambda v: [f(v)], [X]), [a], {})[0][0] for a in np.split(x, parts)])


@pytest.mark.parametrize("f", APART)
def test_rows_that_are_apart_can_be_cut(f: Callable[[Value], Value]) -> None:
    assert rows_apart(trace(lambda x: [f(x)], [X]), N)
    x = np.random.default_rng(0).standard_normal((7, 4, 6)).astype("float32")
    np.testing.assert_allclose(cut(f, x, [2, 5]), cut(f, x, []), rtol=1e-6)


@pytest.mark.parametrize("f", TOGETHER)
def test_what_needs_other_rows_is_seen(f: Callable[[Value], Value]) -> None:
    assert not rows_apart(trace(lambda x: [f(x)], [X]), N)


def test_a_graph_that_writes_states_is_not_cut() -> None:
    with tracing() as t:
        x, state = t.input(*X), State(np.zeros((), "float32"))
        old = t.read(state, (), "float32")
        t.assign(state, old + 1.0)
        assert not rows_apart(t.finish([x * 2.0]), N)


def test_results_without_rows_are_not_cut() -> None:
    def f(t: Tracer) -> bool:
        x = t.input(*X)
        return rows_apart(t.finish([x, b.value(np.ones(3, "float32"))]), N)

    with tracing() as t:
        assert not f(t)
