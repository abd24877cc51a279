"""Gradients of Python functions."""

from __future__ import annotations

import numpy as np
import pytest

import graphnn
from graphnn import grad, layers, ops, value_and_grad

X = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")


def test_by_the_first_argument() -> None:
    y, g = value_and_grad(lambda x: ops.sum(x * x))(X)
    assert float(y) == 30.0 and np.array_equal(g, 2 * X)
    assert np.array_equal(grad(lambda x: ops.sum(x * x))(X), 2 * X)


def test_by_several_arguments_and_structures() -> None:
    def f(a: dict[str, object], b: object) -> object:
        return ops.sum(a["u"] * b)

    _, (ga, gb) = value_and_grad(f, argnums=(0, 1))({"u": X}, 3 * X)
    assert np.array_equal(ga["u"], 3 * X) and np.array_equal(gb, X)


def test_with_something_beside_the_result() -> None:
    (y, double), g = value_and_grad(lambda x: (ops.sum(x), x * 2), has_aux=True)(X)
    assert float(y) == 10.0 and np.array_equal(double, 2 * X) and np.array_equal(g, np.ones_like(X))


def test_by_the_weights_of_a_model() -> None:
    x = graphnn.Input((2,))
    model = graphnn.Model(x, layers.Dense(3, use_bias=False)(x))
    f = grad(lambda data: ops.sum(model(data)), variables=model.trainable_variables)
    (g,) = f(X)
    assert np.array_equal(g, np.repeat(X.sum(0)[:, None], 3, axis=1))
    model.set_weights([np.zeros((2, 3))])
    assert np.array_equal(f(X)[0], g)


def test_variables_as_arguments_stay_variables() -> None:
    v = graphnn.Variable(X)
    f = grad(lambda w: ops.sum(w * v))
    assert np.array_equal(f(v), 2 * X)
    v.assign(5 * X)
    assert np.array_equal(f(v), 10 * X)


def test_what_cannot_be_differentiated() -> None:
    with pytest.raises(TypeError, match=r"without axes.*\(2, 2\)"):
        grad(lambda x: x * 2)(X)
    with pytest.raises(TypeError, match=r"int32"):
        grad(lambda x: ops.sum(x * 1.5))(np.array([1], "int32"))
    with pytest.raises(TypeError, match=r"2.0"):
        grad(lambda x: ops.sum(X * x))(2.0)
