"""TimeDistributed, step by step and folded, and ReversibleEmbedding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers, ops
from graphnn.layers.row_by_row import is_row_by_row
from graphnn.testing import check_layer

RNG = np.random.RandomState(5)
X = RNG.standard_normal((2, 4, 6)).astype("float32")
PICTURES = RNG.standard_normal((2, 3, 8, 8, 2)).astype("float32")
KEEP = np.array([[1, 1, 0, 1], [1, 0, 1, 1]], bool)


class Counting(layers.Layer):
    """Notes what each call was given."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.seen: list[Any] = []

    def call(self, x: Any, mask: Any = None, training: Any = None) -> Any:
        self.seen.append((len(x.shape), None if mask is None else len(mask.shape), training))
        return x if mask is None else x * ops.expand_dims(ops.cast(mask, x.dtype), -1)


class OwnDense(layers.Dense):
    """A subclass, of which nothing is known."""


def small_model() -> Any:
    return graphnn.Sequential([layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(2)])


def functional() -> Any:
    i = graphnn.Input((8, 8, 2))
    return graphnn.Model(i, layers.add([layers.Flatten()(i), layers.Flatten()(layers.ReLU()(i))]))


FOLDED: list[Any] = [
    (lambda: layers.Dense(3, activation="tanh"), X), (lambda: layers.LayerNormalization(), X), (small_model, PICTURES),
    (functional, PICTURES), (lambda: layers.Conv1D(2, 3, padding="causal"), PICTURES[..., 0]), (lambda: layers.Dropout(0.5), X),
    (lambda: layers.BatchNormalization(), X), (lambda: layers.TimeDistributed(layers.Dense(2)), PICTURES[..., 0]),
    (lambda: layers.EinsumDense("ab,bc->ac", 3), X), (lambda: layers.SimpleRNN(3), PICTURES[..., 0]),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FOLDED)))
def test_result_is_that_of_each_step(number: int) -> None:
    make, x = FOLDED[number]
    inside = make()
    layer = layers.TimeDistributed(inside)
    found = np.asarray(layer(x))
    assert is_row_by_row(inside, False) == (not isinstance(inside, layers.SimpleRNN))
    for i in range(x.shape[1]):
        assert np.array_equal(found[:, i], inside(np.ascontiguousarray(x[:, i])))
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *found.shape[1:])


def test_what_is_not_folded() -> None:
    for inside in (
        Counting(), OwnDense(2), layers.Dense(2, activity_regularizer="l2"), layers.Dense(2, activation=lambda x: x), layers.LSTM(2),
        layers.UnitNormalization(axis=0), layers.LayerNormalization(axis=-2), layers.Lambda(ops.square),
        layers.EinsumDense("ab,ac->bc", 3), graphnn.Sequential([layers.Dense(2), Counting()]), layers.Concatenate(axis=0),
        graphnn.Sequential([graphnn.Input(batch_shape=(2, 3)), layers.Dense(2)]), layers.Activation(ops.cumsum),
    ):  # fmt: skip
        assert not is_row_by_row(inside, False)
    for made in (layers.Dense(2), small_model()):
        assert is_row_by_row(made, True)
    for inside in (layers.BatchNormalization(), layers.Dropout(0.5)):
        assert is_row_by_row(inside, False) and not is_row_by_row(inside, True)


def test_the_layer_inside_is_called_once_per_step() -> None:
    inside = Counting()
    layer = layers.TimeDistributed(inside)
    y = layer(X, mask=KEEP, training=True)
    assert inside.seen[-4:] == [(2, 1, True)] * 4
    assert np.array_equal(y, X * KEEP[..., None]) and np.array_equal(y._keras_mask, KEEP)


def test_state_moves_step_after_step() -> None:
    inside = layers.BatchNormalization(momentum=0.5)
    layers.TimeDistributed(inside)(X, training=True)
    mean = np.zeros(6)
    for i in range(4):
        mean = 0.5 * mean + 0.5 * X[:, i].mean(0)
    assert np.allclose(inside.moving_mean, mean, atol=1e-6)
    ones = np.ones((1, 6, 40), "float32")
    dropped = np.asarray(layers.TimeDistributed(layers.Dropout(0.5, seed=1))(ones, training=True))
    assert not np.array_equal(dropped[0, 0], dropped[0, 1])


def test_a_penalty_is_charged_for_each_step() -> None:
    layer = layers.TimeDistributed(layers.Dense(2, activity_regularizer="l2"))
    y = np.asarray(layer(X))
    assert np.isclose(sum(float(v) for v in layer.losses), 0.01 * (y**2).sum() / 2, rtol=1e-5)


def test_unknown_number_of_steps() -> None:
    i = graphnn.Input((None, 6))
    for inside in (layers.Dense(3), OwnDense(3)):
        model = graphnn.Model(i, layers.TimeDistributed(inside)(i))
        assert model.output_shape == (None, None, 3)
        for steps in (1, 3):
            assert np.allclose(model(X[:, :steps]), inside(X[:, :steps]), atol=1e-6)


def test_another_number_of_rows() -> None:
    layer = layers.TimeDistributed(small_model())
    assert np.array_equal(layer(PICTURES)[:1], layer(PICTURES[:1]))
    assert np.array_equal(layer(PICTURES)[:, :2], layer(PICTURES[:, :2]))


@pytest.mark.parametrize("inside", [layers.Dense, layers.SimpleRNN])
def test_check_layer(inside: Any) -> None:
    shape = (3, 4, 5) if inside is layers.Dense else (3, 2, 4, 5)
    check_layer(_wrapped(inside), {}, shape)


def _wrapped(inside: Any) -> Any:
    class Wrapped(layers.TimeDistributed):
        def __init__(self, **kwargs: Any):
            super().__init__(inside(3, name="inside", dtype=kwargs.get("dtype")), **kwargs)

        def get_config(self) -> dict[str, Any]:
            return {k: v for k, v in super().get_config().items() if k != "layer"}

    return Wrapped


def test_bad_time_distributed() -> None:
    with pytest.raises(ValueError, match="must be a layer"):
        layers.TimeDistributed(3)  # type: ignore[arg-type]
    layer = layers.TimeDistributed(layers.Dense(2))
    for x in (X[0], [X, X]):
        with pytest.raises(ValueError, match="three axes or more"):
            layer(x)
    for mask in (KEEP[:, :3], KEEP[:1], np.ones(2, bool)):
        with pytest.raises(ValueError, match="mask"):
            layer(X, mask=mask)
    with pytest.raises(ValueError, match="no step"):
        layers.TimeDistributed(OwnDense(2))(X[:, :0])


@pytest.mark.parametrize("tied", [True, False])
def test_reversible_embedding(tied: bool) -> None:
    layer = layers.ReversibleEmbedding(7, 6, tie_weights=tied, logit_soft_cap=0.5, embeddings_initializer="normal")
    ids = np.array([[1, 6, 0]])
    vectors = layer(ids)
    table = layer.get_weights()[0]
    kernel = table.T if tied else layer.get_weights()[1]
    assert np.array_equal(vectors, table[ids])
    assert np.allclose(layer(X, reverse=True), 0.5 * np.tanh(X @ kernel / 0.5), atol=1e-5)
    assert [w.name for w in layer.weights] == (["embeddings"] if tied else ["embeddings", "reverse_embeddings"])
    i = graphnn.Input((3,), dtype="int32")
    model = graphnn.Model(i, layer(layer(i), reverse=True))
    assert model.output_shape == (None, 3, 7)
    assert np.allclose(model(ids), layer(vectors, reverse=True), atol=1e-6)


def test_check_reversible_embedding() -> None:
    made = {"input_dim": 3, "output_dim": 4, "tie_weights": False}
    check_layer(layers.ReversibleEmbedding, made, (4, 5), input_dtype="int32")
    check_layer(layers.ReversibleEmbedding, {**made, "logit_soft_cap": 2.0}, (5, 4), call_kwargs={"reverse": True})
    check_layer(layers.ReversibleEmbedding, {**made, "tie_weights": True}, (5, 4), call_kwargs={"reverse": True})


def test_reversible_embedding_masks_and_dtypes() -> None:
    layer = layers.ReversibleEmbedding(5, 3, mask_zero=True)
    vectors = layer(np.array([[1, 0]]))
    assert np.array_equal(vectors._keras_mask, [[True, False]])
    assert not hasattr(layer(vectors, reverse=True), "_keras_mask")
    assert layers.ReversibleEmbedding(5, 3, reverse_dtype="float64")(np.ones((2, 3), "float32"), reverse=True).dtype == "float64"


def test_bad_reversible_embedding() -> None:
    with pytest.raises(ValueError, match="logit_soft_cap"):
        layers.ReversibleEmbedding(5, 3, logit_soft_cap=-1.0)
    with pytest.raises(ValueError, match="output_dim=3"):
        layers.ReversibleEmbedding(5, 3)(X, reverse=True)
    for ids in ([[5]], [[-1]]):
        with pytest.raises(IndexError):
            layers.ReversibleEmbedding(5, 3)(np.array(ids))
    with pytest.raises(TypeError):
        layers.ReversibleEmbedding(5, 3)(np.array([[0.5]], "float32"))
