"""What the tables of `ops_cases.py` cannot say: conversions, shapes that depend on numbers, gradients at edges, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import ops, value_and_grad

NAN, INF = float("nan"), float("inf")


def gradient(f: Any, x: Any) -> list[float]:
    """The gradient of the sum of f(x)."""
    _, g = value_and_grad(lambda v: ops.sum(f(v)))(np.asarray(x, "float32"))
    return g.tolist()


def test_conversions() -> None:
    x = np.ones((2, 3))
    y = ops.convert_to_tensor(x)
    x[0, 0] = 5
    assert y.dtype == "float64" and y[0, 0] == 1 and isinstance(y, graphnn.tensor.Tensor)
    assert ops.convert_to_tensor([1, 2]).dtype == "int32" and ops.array([1.0]).dtype == "float32"
    assert ops.convert_to_tensor(True).dtype == "bool" and ops.convert_to_tensor(3, "float16").dtype == "float16"
    assert type(ops.convert_to_numpy(y)) is np.ndarray
    assert ops.is_tensor(y) and not ops.is_tensor([1.0])
    assert ops.dtype(y) == "float64" and ops.dtype([1]) == "int32"
    assert ops.shape(y) == (2, 3) and ops.ndim(y) == 2
    v = graphnn.Variable([1.0, 2.0])
    assert ops.convert_to_numpy(v).tolist() == [1, 2] and ops.shape(v) == (2,) and ops.dtype(v) == "float32"


def test_another_number_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphnn_compiler.runtime import build

    x = np.array([1.0, 2.0, 3.0], "float32")
    i = np.array([1, 2, 3], "int32")

    def run(f: float, n: int) -> list[Any]:
        return [
            ops.multiply(x, f), ops.add(f, x), ops.convert_to_tensor(x) - f, ops.clip(x, x_min=f, x_max=n), ops.exp(f),
            ops.where(x > 2, f, n), ops.maximum(i, n), ops.floor_divide(i, n), ops.multiply(i, f), ops.take(x, n - 1), ops.power(x, f * 3),
        ]  # fmt: skip

    run(0.5, 2)
    monkeypatch.setattr(build, "build_objects", lambda *_: pytest.fail("a kernel was compiled"))
    for f, n in ((0.1234, 3), (-0.0, 1), (NAN, 2), (INF, 3)):
        want = [
            x * np.float32(f), x + np.float32(f), x - np.float32(f), np.minimum(np.fmax(x, f), n),
            np.exp(np.float32(f)),
            np.where(x > 2, np.float32(f), n), np.maximum(i, n), i // n, i * np.float32(f), x[n - 1],
            x ** np.float32(f * 3),
        ]  # fmt: skip
        for got, w in zip(run(f, n), want, strict=True):
            np.testing.assert_allclose(got, w, rtol=1e-6)
            assert got.dtype == (np.int32 if np.asarray(w).dtype.kind == "i" else np.float32)
    assert np.signbit(ops.multiply(x, -0.0)).all()


def test_arguments_go_by_the_names_of_keras() -> None:
    assert ops.stack(x=[[1, 2], [3, 4]], axis=1).tolist() == [[1, 3], [2, 4]]
    assert ops.einsum("ij,j->i", [[1.0, 2.0]], [3.0, 4.0], optimize="greedy").tolist() == [11]
    graphnn.config.set_max_epochs(max_epochs=None)
    graphnn.config.set_max_steps_per_epoch(max_steps_per_epoch=None)
    with graphnn.saving.custom_object_scope(custom_objects={"f": ops.relu}):
        assert graphnn.saving.get_registered_object("f") is ops.relu


def test_gradient_at_the_kinks_of_hard_silu() -> None:
    assert gradient(ops.hard_silu, [-3.0, 3.0, -4.0, 4.0, 0.0]) == [0, 1, 0, 1, 0.5]


def test_gradient_of_scattered_products() -> None:
    at = np.array([[0], [0], [1], [1], [1], [3]])
    x, u = np.array([2.0, 3.0, 5.0, 0.0], "float32"), np.array([2.0, 0.0, 3.0, 0.0, 0.0, 7.0], "float32")

    def f(x: Any, u: Any) -> Any:
        return ops.sum(ops.scatter_update(x, at, u, reduction="mul") * np.array([1.0, 10.0, 100.0, 1000.0], "float32"))

    _, (dx, du) = value_and_grad(f, argnums=(0, 1))(x, u)
    assert dx.tolist() == [0, 0, 100, 7000] and du.tolist() == [0, 4, 0, 0, 0, 0]
    assert gradient(lambda v: ops.segment_prod(v, np.array([0, 0, 1]), 2), [2.0, 3.0, 4.0]) == [3, 2, 1]


def test_multi_hot_joins_axis_1() -> None:
    ids = np.array([[[0, 1], [1, 2], [0, 0]], [[3, 3], [2, 2], [1, 0]]])
    one = ops.one_hot(ids, 4)
    assert ops.multi_hot(ids, 4).tolist() == ops.max(one, axis=1).tolist()
    assert ops.multi_hot(ids, 4, axis=0).tolist() == ops.max(ops.one_hot(ids, 4, axis=0), axis=1).tolist()
    assert ops.multi_hot(ids[0], 4, axis=0).tolist() == [[1, 1], [1, 1], [0, 1], [0, 0]]


def test_an_unknown_batch_can_be_split() -> None:
    x = graphnn.Input((4,))
    parts = ops.split(x, 3, axis=0)
    assert [p.shape for p in parts] == [(None, 4)] * 3
    model = graphnn.Model(x, parts[2] - parts[0])
    assert model(np.arange(24.0).reshape(6, 4)).tolist() == [[16.0] * 4] * 2
    with pytest.raises(ValueError, match="3 equal parts"):
        model(np.zeros((4, 4)))


def test_symbolic_facts() -> None:
    x = graphnn.KerasTensor((None, 3), "int32")
    assert ops.shape(x) == (None, 3) and ops.ndim(x) == 2 and ops.dtype(x) == "int32"
    assert ops.convert_to_tensor(x) is x and ops.convert_to_tensor(x, "float32").dtype == "float32"
    assert ops.size(x).shape == ()
    with pytest.raises(ValueError, match="symbolic"):
        ops.convert_to_numpy(x)


def test_shapes_that_depend_on_numbers() -> None:
    assert [i.tolist() for i in ops.nonzero([[1, 0], [0, 2]])] == [[0, 1], [0, 1]]
    assert [i.tolist() for i in ops.where(np.array([False, True]))] == [[1]]
    found = ops.unique(np.array([3, 1, 1]), return_index=True, return_inverse=True, return_counts=True)
    assert [v.tolist() for v in found] == [[1, 3], [1, 0], [1, 0, 0], [2, 1]]
    assert ops.unique([3, 1, 1], size=4).tolist() == [1, 3, 0, 0] and ops.unique([3, 1, 2], size=2).tolist() == [1, 2]
    assert ops.bincount([1, 1, 3]).tolist() == [0, 2, 0, 1] and ops.bincount([1], minlength=4).tolist() == [0, 1, 0, 0]
    assert ops.bincount([[1, 1], [0, 2]]).tolist() == [[0, 2, 0], [1, 0, 1]]
    assert ops.bincount([1, 1, 3], weights=[0.5, 1.0, 2.0]).tolist() == [0, 1.5, 0, 2]
    assert ops.segment_sum([1.0, 2.0, 3.0], [0, 0, 2]).tolist() == [3, 0, 3]
    x = graphnn.KerasTensor((None,), "int32")
    for f in (ops.nonzero, ops.unique, ops.where):
        with pytest.raises(ValueError, match="outside of models"):
            f(x)
    assert ops.bincount(x, minlength=5).shape == (5,)


def test_shapes_that_depend_on_numbers_of_inputs() -> None:
    x = graphnn.Input((), dtype="int32")
    model = graphnn.Model(x, [ops.bincount(x), ops.segment_sum(ops.cast(x, "float32"), x)])
    for numbers in ([1, 1, 3], [0, 2], [5]):
        counts, sums = model(np.array(numbers, "int32"))
        assert counts.tolist() == np.bincount(numbers).tolist()
        assert sums.tolist() == np.bincount(numbers, numbers).tolist()
    for f in (ops.bincount, lambda v: ops.segment_sum(v, v)):
        doubled = graphnn.Model(x, f(x * 2))
        with pytest.raises(ValueError, match="computed inside the model"):
            doubled(np.array([1], "int32"))


def test_argpartition() -> None:
    x = np.random.default_rng(0).random(20)
    order = ops.argpartition(x, 7)
    assert (x[order[:7]] <= x[order[7]]).all() and (x[order[8:]] >= x[order[7]]).all()


@pytest.mark.parametrize(
    ("f", "x", "want"),
    [
        (ops.relu, [-1, 0, 1], [0, 0, 1]),
        (ops.absolute, [-1, 0, 1], [-1, 0, 1]),
        (lambda x: ops.clip(x, -1, 1), [-2, -1, 0, 1, 2], [0, 1, 1, 1, 0]),
        (ops.relu6, [0, 3, 6], [0, 1, 0]),
        (ops.hard_tanh, [-1, 0, 1], [0, 1, 0]),
        (ops.max, [1, 3, 3], [0, 0.5, 0.5]),
        (lambda x: ops.maximum(x, 1.0), [0, 1, 2], [0, 0.5, 1]),
        (ops.norm, [0, 0], [0, 0]),
        (ops.std, [2, 2], [0, 0]),
        (lambda x: ops.cdist(ops.reshape(x, (1, 2)), np.zeros((1, 2), "float32")), [0, 0], [0, 0]),
        (lambda x: ops.elu(x), [0, 1000], [1, 1]),
        (lambda x: ops.celu(x, 0.5), [1000], [1]),
        (lambda x: ops.divide_no_nan(1.0, x), [0, 1], [0, -1]),
        (lambda x: ops.where(x > 0, ops.sqrt(ops.where(x > 0, x, 1.0)), 0.0), [-1, 4], [0, 0.25]),
        (lambda x: ops.logaddexp(x, x), [0, INF, -INF], [1, 1, 1]),
        (lambda x: ops.binary_crossentropy(np.ones(3, "float32"), x, from_logits=True), [0, 100, -100], [-0.5, 0, -1]),
        (ops.stop_gradient, [1, 2], [0, 0]),
        (ops.sinc, [0], [0]),
    ],
)
def test_gradient_at_edges(f: Any, x: list[float], want: list[float]) -> None:
    np.testing.assert_allclose(gradient(f, x), want, atol=1e-30)


@pytest.mark.parametrize(
    ("f", "x", "want"),
    [
        (ops.softmax, [1000, 1000], [0.5, 0.5]),
        (ops.softmax, [-INF, 0], [0, 1]),
        (ops.log_softmax, [1000, -1000], [0, -2000]),
        (ops.logsumexp, [-INF, -INF], -INF),
        (ops.logsumexp, [INF, 1], INF),
        (ops.softplus, [200, -200], [200, 0]),
        (ops.log_sigmoid, [200, -200], [0, -200]),
        (ops.argmax, [1, NAN, 3], 1),
        (ops.nanargmax, [NAN, NAN], -1),
        (lambda x: ops.maximum(x, 0.0), [NAN], [NAN]),
        (lambda x: ops.clip(x, 0, 1), [NAN], [NAN]),
        (ops.relu6, [NAN, INF, -INF], [NAN, 6, 0]),
        (ops.hard_silu, [INF, -INF], [INF, 0]),
        (ops.sort, [NAN, 1, 0], [0, 1, NAN]),
        (lambda x: ops.hypot(x, x), [3e38, 0], [INF, 0]),
        (lambda x: ops.hypot(x, 0.0), [3e38, INF], [np.float32(3e38), INF]),
        (lambda x: ops.isclose(x, x), [NAN, INF], [False, True]),
        (lambda x: ops.isclose(x, x, equal_nan=True), [NAN], [True]),
        (lambda x: ops.saturate_cast(x, "int32"), [NAN, INF, -INF], [0, 2147483520, -2147483648]),
        (lambda x: ops.i0(x), [80.0], [np.float32(np.i0(80.0))]),
    ],
)
def test_extremes(f: Any, x: list[float], want: Any) -> None:
    np.testing.assert_allclose(f(np.array(x, "float32")), np.array(want), rtol=2e-6)


@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (lambda: ops.add(np.ones((2, 3)), np.ones((2, 2))), ValueError, r"\(2, 3\).*\(2, 2\)"),
        (lambda: ops.matmul(np.ones((2, 3)), np.ones((2, 3))), ValueError, r"\(2, 3\)"),
        (lambda: ops.concatenate([np.ones((2, 3)), np.ones((3, 2))]), ValueError, r"axis=0"),
        (lambda: ops.concatenate([]), ValueError, "at least one"),
        (lambda: ops.reshape(np.ones(6), (4, -1)), ValueError, "6"),
        (lambda: ops.reshape(np.ones(6), (-1, -1)), ValueError, "-1"),
        (lambda: ops.sum(np.ones(3), axis=1), ValueError, "axis 1"),
        (lambda: ops.squeeze(np.ones((2, 3)), axis=0), ValueError, "2"),
        (lambda: ops.split(np.ones(6), 4), ValueError, "4"),
        (lambda: ops.take(np.ones(3), [0, 5]), IndexError, "5"),
        (lambda: ops.take(np.ones(3), [1.5]), TypeError, "float"),
        (lambda: ops.take_along_axis(np.ones((2, 3)), [[-4], [0]], axis=1), IndexError, "out of range"),
        (lambda: ops.scatter([[0, 9]], [1.0], (3, 4)), IndexError, "out of range"),
        (lambda: ops.sparse_categorical_crossentropy([0, 9], np.ones((2, 3))), IndexError, "9"),
        (lambda: ops.sparse_categorical_crossentropy([0, 1, 1], np.ones((2, 3))), ValueError, r"\(3,\)"),
        (lambda: ops.binary_crossentropy(np.ones((2, 3)), np.ones((2, 1))), ValueError, "same shape"),
        (lambda: ops.bitwise_and([1.0], [2.0]), TypeError, "float"),
        (lambda: ops.where([True], 1), ValueError, "both"),
        (lambda: ops.einsum("ij,jk", np.ones((2, 3))), ValueError, "ij,jk"),
        (lambda: ops.einsum("ij,jk->ik", np.ones((2, 3)), np.ones((4, 2))), ValueError, "extents"),
        (lambda: ops.normalize([1.0], order=0), ValueError, "order=0"),
        (lambda: ops.norm(np.ones((2, 2)), ord="x"), ValueError, "'x'"),
        (lambda: ops.scatter_update([1.0], [[0]], [2.0], reduction="mean"), ValueError, "mean"),
        (lambda: ops.pad([1, 2], 1, mode="zigzag"), ValueError, "zigzag"),
        (lambda: ops.pad([1, 2], 1, mode="edge", constant_values=1), ValueError, "constant_values"),
        (lambda: ops.cast([1.0], "complex64"), ValueError, "complex64"),
        (lambda: ops.max(np.zeros((0,))), ValueError, "empty"),
        (lambda: ops.top_k([1.0], 2), ValueError, "k=2"),
        (lambda: ops.transpose(np.ones((2, 2)), (0, 0)), ValueError, "axes"),
        (lambda: ops.rearrange(np.ones((2, 3)), "a b -> a c"), ValueError, "pattern"),
        (lambda: ops.quantile([1.0], 0.5, method="best"), ValueError, "best"),
    ],
)
def test_errors(f: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        f()


def test_block_at_a_place_that_is_a_tensor() -> None:
    x = np.arange(20.0, dtype="float32").reshape(4, 5)
    source, place = graphnn.Input((4, 5)), graphnn.Input((2,), dtype="int32")

    def at(start: Any) -> Any:
        return ops.slice(x, start, (2, 3))

    inner = graphnn.Model([source, place], ops.slice(source[0], place[0], (2, 3)))
    assert np.array_equal(inner([x[None], np.array([[1, 2]], "int32")]), at((1, 2)))
    block = np.full((2, 3), -1, "float32")
    outer = graphnn.Model([source, place], ops.slice_update(source[0], place[0], block))
    assert np.array_equal(outer([x[None], np.array([[1, 2]], "int32")]), ops.slice_update(x, (1, 2), block))


def test_python_numbers_take_the_dtype_they_meet() -> None:
    for dtype in ("float16", "float64", "int8", "uint8"):
        x = np.ones(2, dtype)
        assert ops.add(x, 2).dtype == dtype and ops.where(x > 0, x, 0).dtype == dtype
    assert ops.multiply(np.ones(2, "int32"), 0.5).dtype == "float32"


def test_empty_tensors() -> None:
    x = np.zeros((0, 3), "float32")
    assert ops.sum(x) == 0 and ops.softmax(x).shape == (0, 3) and ops.matmul(x, np.ones((3, 2), "float32")).shape == (0, 2)
    assert ops.concatenate([x, np.ones((1, 3), "float32")]).shape == (1, 3) and ops.max(x, axis=1).shape == (0,)


def test_what_keras_spells_in_two_ways() -> None:
    x = graphnn.Variable([[1.0, 2.0], [3.0, 4.0]])
    assert ops.concatenate([[1, 2], [3]]).tolist() == [1, 2, 3]
    assert ops.stack([1.0, 2.0]).tolist() == [1, 2]
    assert ops.sum(x).tolist() == 10 and ops.matmul(x, x).tolist() == [[7, 10], [15, 22]]
    assert ops.multi_hot([0, 2], num_tokens=3).tolist() == [1, 0, 1]
    assert ops.layer_normalization([[1.0, 3.0]], rms_scaling=True).round(3).tolist() == [[1, 3]]
