"""Variables and symbolic tensors: numbers, assignment, operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import Variable


def test_what_variables_start_from() -> None:
    assert Variable([1, 2]).dtype == "int32"
    assert Variable(1.0).dtype == "float32"
    assert Variable(np.zeros(2, "float64")).dtype == "float64"
    assert Variable("zeros", (2, 3)).shape == (2, 3)
    made = Variable(lambda shape, dtype: np.ones(shape, dtype), (2,), dtype="float64", trainable=False, name="v")
    assert (made.dtype, made.trainable, made.name, made.path, made.ndim) == ("float64", False, "v", "v", 1)
    assert made.array.ctypes.data % 64 == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"initializer": 1.0, "name": "a/b"}, "cannot contain"),
        ({"initializer": lambda shape, dtype: 0}, "`shape` argument"),
        ({"initializer": "zeros", "shape": (2, -1)}, "non-negative"),
        ({"initializer": [1.0, 2.0], "shape": (3,)}, r"\(3,\).*\(2,\)"),
        ({"initializer": "zeros", "shape": (2**40, 2**40)}, "more than any memory"),
    ],
)
def test_bad_variables(arguments: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Variable(**arguments)


def test_assignment() -> None:
    v = Variable([1.0, 2.0])
    assert v.assign([3, 4]).tolist() == [3.0, 4.0]
    v.assign_add([1, 1])
    v.assign_sub(np.array([0.5, 0.5]))
    assert v.numpy().tolist() == [3.5, 4.5]
    with pytest.raises(ValueError, match=r"must match.*\(2,\).*\(3,\)"):
        v.assign(np.zeros(3))
    copy = v.value
    v.assign([0.0, 0.0])
    assert copy.tolist() == [3.5, 4.5]


def test_operators_of_variables() -> None:
    v = Variable(np.arange(6, dtype="float32").reshape(2, 3))
    a = v.numpy()
    ones = np.ones((3, 1), "float32")
    for got, want in [
        (v + 1, a + 1), (1 - v, 1 - a), (a * v, a * a), (v / 2, a / 2), (2**v, 2**a), (v // 2, a // 2), (v % 2, a % 2), (-v, -a),
        (abs(-v), a), (v @ ones, a @ ones), (a.T @ v, a.T @ a), (v > 2, a > 2), (v[1, ::-1], a[1, ::-1]), (np.exp(v), np.exp(a)),
    ]:  # fmt: skip
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_operators_of_symbolic_tensors() -> None:
    x = graphnn.Input((4,))
    assert (x @ np.ones((4, 2), "float32")).shape == (None, 2)
    assert (np.ones(4, "float32") + x).shape == (None, 4)
    assert x[:, None].shape == (None, 1, 4) and x[0].shape == (4,) and x[..., 1:3].shape == (None, 2)
    assert ((x > 0) & (x < 1)).dtype == "bool"
    assert (~(x > 0)).dtype == "bool"
    assert (x == x) is True


@pytest.mark.parametrize("f", [np.exp, np.asarray, float, int])
def test_symbolic_tensors_have_no_numbers(f: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        f(graphnn.Input(()))


def test_symbolic_tensors_have_no_truth_and_no_items() -> None:
    x = graphnn.Input((4,))
    with pytest.raises(TypeError, match=r"ops.cond|ops.where"):
        bool(x)
    with pytest.raises(NotImplementedError):
        list(x)


def test_weights_never_become_constants_of_a_program() -> None:
    class Layer(graphnn.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.w = Variable(np.ones((3, 3), "float32"))

        def call(self, x: Any) -> Any:
            return (x @ self.w + self.w[0]) * self.w[1, 1]

    layer = Layer()
    x = np.ones((1, 3), "float32")
    assert layer(x).tolist() == [[4.0] * 3]
    layer.w.assign(2 * np.ones((3, 3)))
    assert layer(x).tolist() == [[16.0] * 3]
