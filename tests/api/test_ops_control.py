"""Public control flow: eager, symbolic and inside layers; structures, dtypes, gradients, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.trace import trace

import graphnn
from graphnn import layers, ops

X = np.random.default_rng(0).standard_normal((4, 3)).astype("float32")


def test_scan() -> None:
    last, ys = ops.scan(lambda c, x: (c + x, {"before": c, "twice": x * 2}), np.zeros(3, "float32"), X)
    np.testing.assert_allclose(last, X.sum(0), rtol=1e-5)
    np.testing.assert_allclose(ys["before"][1:], np.cumsum(X, 0)[:-1], rtol=1e-5)
    np.testing.assert_array_equal(ys["twice"], 2 * X)
    count, nothing = ops.scan(lambda c, x: (c + 1, None), 0, None, length=3)
    assert (int(count), count.dtype, nothing) == (3, np.int32, None)
    _, ys = ops.scan(lambda c, x: (x, c), np.zeros(3, "float32"), X, reverse=True)
    np.testing.assert_array_equal(ys, [*X[1:], np.zeros(3)])


def test_numbers_that_are_carried_take_the_dtype_of_the_step() -> None:
    total, _ = ops.scan(lambda c, x: (c + x, None), 0, np.arange(4))
    assert (int(total), total.dtype) == (6, np.int64)
    assert ops.fori_loop(0, 3, lambda i, v: v * 1.5, 1).dtype == np.float32


def test_scan_with_several_parts_and_pieces() -> None:
    def step(carry: Any, x: Any) -> Any:
        a, (b,) = carry["a"], carry["b"]
        return {"a": a + x[0], "b": (b * x[1],)}, a * b

    init = {"a": np.zeros(3, "float32"), "b": (np.ones(3, "float32"),)}
    whole = ops.scan(step, init, (X, X + 1))
    pieces = ops.scan(step, init, (X, X + 1), recompute=3)
    np.testing.assert_array_equal(whole[0]["b"][0], pieces[0]["b"][0])
    np.testing.assert_array_equal(whole[1], pieces[1])


def test_map_and_vectorized_map() -> None:
    for f in (ops.map, ops.vectorized_map):
        np.testing.assert_allclose(f(lambda x: ops.sum(x * x), X), (X * X).sum(1), rtol=1e-6)
        got = f(lambda x: {"s": x["a"] + x["b"]}, {"a": X, "b": 2 * X})
        np.testing.assert_allclose(got["s"], 3 * X, rtol=1e-6)
        np.testing.assert_allclose(f(lambda x: ops.sort(x), X), np.sort(X, -1))
        assert f(lambda x: x[0] * 0 + 1, X).tolist() == [1, 1, 1, 1]


def test_while_loop() -> None:
    assert int(ops.while_loop(lambda x: x < 5, lambda x: x + 1, 0)) == 5
    a, b = ops.while_loop(lambda x, y: x < 5, lambda x, y: [x + 2, y * x], [1, 1])
    assert (int(a), int(b)) == (5, 3)
    assert int(ops.while_loop(lambda x: x < 5, lambda x: x + 1, 0, maximum_iterations=2)) == 2
    (one,) = ops.while_loop(lambda x: x < 5, lambda x: (x + 1,), (0,))
    assert int(one) == 5


def test_fori_loop_with_numbers_and_with_tensors() -> None:
    assert int(ops.fori_loop(2, 5, lambda i, v: v + i, 1)) == 10
    assert int(ops.fori_loop(5, 2, lambda i, v: v + i, 1)) == 1
    assert float(ops.fori_loop(np.array(0), np.array(3), lambda i, v: v * 2, 1.5)) == 12.0

    def f(x: Any) -> list[Any]:
        y = ops.fori_loop(0, 3, lambda i, v: v * x, ops.ones_like(x))
        return gradients([y], [ops.ones_like(y)], [x])

    np.testing.assert_allclose(Executable(trace(f, [((4, 3), "float32")]))([X])[0], 3 * X**2, rtol=1e-5)


def test_cond_and_switch() -> None:
    assert ops.cond(True, lambda: 1, lambda: 2) == 1
    assert ops.cond(np.array(0.0), lambda: "a", lambda: "b") == "b"
    assert float(ops.switch(5, [lambda x: x, lambda x: x + 1], 1.0)) == 2.0
    assert float(ops.switch(-3, [lambda x: x, lambda x: x + 1], 1.0)) == 1.0
    run = Executable(trace(lambda x: [ops.cond(ops.sum(x) > 0, lambda: x * 2, lambda: -x)], [((symbol("n"), 3), "float32")]))
    for a in (np.abs(X), -np.abs(X)):
        np.testing.assert_array_equal(run([a])[0], 2 * a if a.sum() > 0 else -a)
    pick = Executable(
        trace(lambda i, x: [ops.switch(i, [lambda v: v, lambda v: v * x, ops.tanh], x)], [((), "int32"), ((4, 3), "float32")])
    )
    for i, want in ((-1, X), (1, X * X), (2, np.tanh(X)), (8, np.tanh(X))):
        np.testing.assert_allclose(pick([np.array(i, "int32"), X])[0], want, rtol=1e-5)


def test_only_the_chosen_branch_runs() -> None:
    """An index that is out of range in the other branch is never looked at."""
    run = Executable(
        trace(
            lambda i, x: [ops.cond(i < 3, lambda: ops.take(x, i, axis=0), lambda: x[0])],
            [((), "int32"), ((4, 3), "float32")],
        )
    )
    np.testing.assert_array_equal(run([np.array(99, "int32"), X])[0], X[0])
    np.testing.assert_array_equal(run([np.array(2, "int32"), X])[0], X[2])


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_associative_scan(n: int) -> None:
    a = np.random.default_rng(n).standard_normal((n, 2)).astype("float32")
    np.testing.assert_allclose(ops.associative_scan(lambda p, q: p + q, a), np.cumsum(a, 0), rtol=1e-4, atol=1e-5)
    s, m = ops.associative_scan(lambda p, q: (p[0] + q[0], ops.maximum(p[1], q[1])), (a, a), reverse=True)
    np.testing.assert_allclose(s, np.cumsum(a[::-1], 0)[::-1], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(m, np.maximum.accumulate(a[::-1], 0)[::-1])
    np.testing.assert_allclose(ops.associative_scan(lambda p, q: p * q, a.T, axis=1), np.cumprod(a.T, 1), rtol=1e-4)


def test_in_a_functional_model() -> None:
    x = graphnn.Input((None, 3))
    last, ys = ops.scan(lambda c, v: (c + v, c * v), ops.zeros_like(x[:, 0]), ops.transpose(x, (1, 0, 2)))
    model = graphnn.Model(x, [last, ys])
    data = np.stack([X, 2 * X])
    found = model.predict(data, verbose=0)
    np.testing.assert_allclose(found[0], data.sum(1), rtol=1e-5)
    assert model(data[:, :2])[1].shape == (2, 2, 3)


class Counting(layers.Layer):
    """A recurrence with weights, a counter of its steps, and noise."""

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(3, 3))
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False)
        self.seed = graphnn.random.SeedGenerator(1)

    def call(self, x: Any) -> Any:
        def step(h: Any, v: Any) -> Any:
            self.steps.assign_add(1.0)
            noise = graphnn.random.uniform(ops.shape(h), seed=self.seed)
            h = ops.tanh(v @ self.w + h + 0.1 * noise)
            return h, noise

        h, noise = ops.scan(step, ops.zeros_like(x[:, 0]), ops.transpose(x, (1, 0, 2)))
        return ops.cond(ops.sum(h) > 0, lambda: h * 2, lambda: h), noise


def test_variables_and_random_numbers_inside_a_loop() -> None:
    layer = Counting()
    _, noise = layer(np.stack([X, X]))
    assert float(layer.steps.numpy()) == 4
    assert len({float(v) for v in np.asarray(noise).ravel()}) == noise.size
    x = graphnn.Input((None, 3))
    model = graphnn.Model(x, layers.Dense(1)(layer(x)[0]))
    model.compile("adam", "mse")
    data = np.random.default_rng(0).standard_normal((32, 5, 3)).astype("float32")
    losses = model.fit(data, data.sum((1, 2))[:, None], epochs=8, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert float(layer.steps.numpy()) == 4 + 8 * 4 * 5


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: ops.scan(lambda c, x: (c, x), 0, None), ValueError, "length"),
        (lambda: ops.scan(1, 0, X), TypeError, "function"),
        (lambda: ops.scan(lambda c, x: c, 0, X), ValueError, "pair"),
        (lambda: ops.scan(lambda c, x: ((c, c), x), 0, X), ValueError, "structure"),
        (lambda: ops.scan(lambda c, x: (c, x), 0, (X, X[:2])), ValueError, "lengths must be equal"),
        (lambda: ops.scan(lambda c, x: (c, x), 0, X, length=5), ValueError, "lengths must be equal"),
        (lambda: ops.scan(lambda c, x: (c, x), 0, X, unroll=0), ValueError, "unroll"),
        (lambda: ops.scan(lambda c, x: (c, x), 0, X, recompute=-1), ValueError, "recompute"),
        (lambda: ops.scan(lambda c, x: (ops.concatenate([c, c]), x), X[0], X), ValueError, "carried value 0"),
        (lambda: ops.map(lambda x: x, np.float32(1)), ValueError, "first extent"),
        (lambda: ops.map(lambda x: x, ()), ValueError, "at least one tensor"),
        (lambda: ops.vectorized_map(3, X), TypeError, "function"),
        (lambda: ops.while_loop(lambda x: x, lambda x: x, 1.5), ValueError, "one bool"),
        (lambda: ops.while_loop(lambda x: x < 1, lambda x: (x, x), 1.5), ValueError, "structure"),
        (lambda: ops.fori_loop(0, 3, lambda i, v: (v, v), 1), ValueError, "structure"),
        (lambda: ops.cond(np.ones(2), lambda: 1, lambda: 2), ValueError, "no axes"),
        (lambda: ops.cond(True, 1, lambda: 2), TypeError, "function"),
        (lambda: ops.switch(0, [], 1), ValueError, "at least one branch"),
        (lambda: ops.switch(np.ones(2), [lambda: 1]), ValueError, "no axes"),
        (lambda: ops.associative_scan(1, X), TypeError, "function"),
        (lambda: ops.associative_scan(lambda a, b: a, (X, X[:2])), ValueError, "one extent"),
    ],
)
def test_bad_input(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()
