"""The attention layers: numbers against NumPy, gradients, masks that travel, rows without a key, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.testing import check_gradients, check_layer

RNG = np.random.RandomState(3)
Q, V = (RNG.standard_normal((2, n, 6)).astype("float32") for n in (4, 5))
KEEP_Q = np.array([[1, 1, 0, 1], [1, 0, 1, 1]], bool)
KEEP_V = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)


class Between(layers.Wrapper):
    """A layer of query and value, called on a list of them."""

    def build(self, input_shape: Any = None) -> None:
        self.layer.build(*input_shape)

    def call(self, inputs: Any, **kwargs: Any) -> Any:
        return self.layer(*inputs, **kwargs)


def softmax(scores: Any, keep: Any = True) -> Any:
    """Shares of the places that are kept; zeros where there is none."""
    p = np.exp(scores - scores.max(-1, keepdims=True)) * keep
    total = p.sum(-1, keepdims=True)
    return p / np.where(total == 0, 1, total)


def test_attention_gives_the_weighted_means() -> None:
    keep = KEEP_V[:, None] & np.tril(np.ones((4, 5), bool))
    weights = softmax(Q @ V.swapaxes(1, 2), keep)
    y, found = layers.Attention()([Q, V], mask=[KEEP_Q, KEEP_V], use_causal_mask=True, return_attention_scores=True)
    assert np.allclose(found, weights, atol=1e-6)
    assert np.allclose(y, (weights @ V) * KEEP_Q[..., None], atol=1e-5)
    plain = layers.Attention()([Q, V], mask=[KEEP_Q, KEEP_V], use_causal_mask=True)
    assert np.allclose(plain, y, atol=1e-6)


def test_forms_of_the_scores() -> None:
    sums = Q[:, :, None] + V[:, None]
    layer = layers.Attention(use_scale=True, score_mode="concat")
    layer([Q, V])
    layer.set_weights([np.float32(0.5), np.float32(2.0)])
    assert np.allclose(layer([Q, V]), softmax(2 * np.tanh(sums / 2).sum(-1)) @ V, atol=1e-5)
    scale = RNG.standard_normal(6).astype("float32")
    additive = layers.AdditiveAttention()
    additive([Q, V])
    additive.set_weights([scale])
    assert np.allclose(additive([Q, V]), softmax((np.tanh(sums) * scale).sum(-1)) @ V, atol=1e-5)


@pytest.mark.parametrize("kind", ["dot", "concat", "additive"])
def test_check_layer_of_lists(kind: str) -> None:
    made = {"use_scale": True} | ({} if kind == "additive" else {"score_mode": kind})
    check_layer(layers.AdditiveAttention if kind == "additive" else layers.Attention, made, [(3, 4, 5), (3, 2, 5)])


PROJECTED: list[Any] = [
    (layers.MultiHeadAttention, {"num_heads": 2, "key_dim": 3, "value_dim": 4, "use_gate": True, "output_shape": (2, 3)}),
    (layers.GroupQueryAttention, {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2, "use_gate": True}),
]


@pytest.mark.parametrize(("cls", "made"), PROJECTED)
def test_check_layer_of_heads(cls: Any, made: dict[str, Any]) -> None:
    def build(**kwargs: Any) -> Any:
        return Between(cls(**made, dtype=kwargs.get("dtype"), name="inside"), **kwargs)

    inside = cls(**made)
    assert cls.from_config(inside.get_config()).get_config() == inside.get_config()
    layer = build()
    model_inputs = [graphnn.Input((4, 6)), graphnn.Input((5, 6))]
    model = graphnn.Model(model_inputs, layer(model_inputs))
    assert np.allclose(model([Q, V]), layer([Q, V]), atol=1e-6)
    wide = cls(**made, dtype="float64")
    wide(Q, V)
    for call in ({}, {"use_causal_mask": True}, {"value_mask": KEEP_V, "return_attention_scores": True}):
        check_gradients(_pair(wide), [Q.astype("float64"), V.astype("float64")], call_kwargs=call)


def _pair(layer: Any) -> Any:
    holder = Between(layer, dtype="float64")
    holder.built = True
    return holder


def heads_of(layer: Any, name: str, x: Any) -> Any:
    dense = getattr(layer, f"_{name}_dense")
    return np.einsum("btc,cnh->btnh", x, dense.kernel.numpy()) + dense.bias.numpy()


@pytest.mark.parametrize("window", [None, 2])
def test_heads_against_numpy(window: int | None) -> None:
    layer = layers.GroupQueryAttention(3, 4, 2, sliding_window=window, use_gate=True, bias_initializer="normal")
    mask = RNG.rand(2, 4, 5) > 0.3
    y, weights = layer(Q, V, attention_mask=mask, use_causal_mask=True, return_attention_scores=True)
    t, s = np.arange(4)[:, None], np.arange(5)
    keep = mask & (s <= t) & (True if window is None else np.abs(t - s) < window)
    k, v = (np.repeat(heads_of(layer, n, V), 2, axis=2) for n in ("key", "value"))
    want = softmax(np.einsum("btnh,bsnh->bnts", heads_of(layer, "query", Q), k) / np.sqrt(3), keep[:, None])
    assert np.allclose(weights, want, atol=1e-6)
    gate = 1 / (1 + np.exp(-heads_of(layer, "gate", Q)))
    out = layer._output_dense
    full = np.einsum("btnh,nhc->btc", np.einsum("bnts,bsnh->btnh", want, v) * gate, out.kernel.numpy()) + out.bias.numpy()
    assert np.allclose(y, full, atol=1e-5)
    assert np.allclose(layer(Q, V, attention_mask=mask, use_causal_mask=True), y, atol=1e-5)


def test_axes_of_the_steps() -> None:
    x = RNG.standard_normal((2, 3, 4, 6)).astype("float32")
    along = layers.MultiHeadAttention(2, 3, attention_axes=2)
    y, weights = along(x, x, return_attention_scores=True, use_causal_mask=True)
    assert weights.shape == (2, 3, 2, 4, 4)
    flat = layers.MultiHeadAttention(2, 3)
    flat(x[:, 0], x[:, 0])
    flat.set_weights(along.get_weights())
    for i in range(3):
        assert np.allclose(np.asarray(y)[:, i], flat(x[:, i], x[:, i], use_causal_mask=True), atol=1e-5)
    both = layers.MultiHeadAttention(2, 3)
    y, weights = both(x, x, return_attention_scores=True)
    assert weights.shape == (2, 2, 3, 4, 3, 4) and both.attention_axes == (1, 2)
    rows = x.reshape(2, 12, 6)
    flat.set_weights(both.get_weights())
    assert np.allclose(np.reshape(y, (2, 12, 6)), flat(rows, rows), atol=1e-5)


def test_dropout_acts_in_training_only() -> None:
    for layer in (layers.MultiHeadAttention(2, 3, dropout=0.5, seed=1), layers.GroupQueryAttention(3, 2, 1, dropout=0.5, seed=1)):
        still = np.asarray(layer(Q, V))
        y, weights = layer(Q, V, training=True, return_attention_scores=True)
        assert not np.allclose(y, still) and np.allclose(np.sum(weights, -1), 1, atol=1e-5)
        assert np.array_equal(layer(Q, V), still)
    _, weights = layers.Attention(dropout=0.5, seed=1)([Q, V], training=True, return_attention_scores=True)
    assert (np.asarray(weights) == 0).any()


def test_masks_travel() -> None:
    ids, others = np.array([[1, 2, 0, 4], [1, 0, 0, 3]]), np.array([[1, 2, 3, 0, 0], [5, 0, 0, 0, 0]])
    table = layers.Embedding(9, 6, mask_zero=True)
    for layer in (layers.MultiHeadAttention(2, 3), layers.GroupQueryAttention(3, 2, 1)):
        y, weights = layer(table(ids), table(others), return_attention_scores=True)
        assert np.array_equal(y._keras_mask, ids != 0)
        assert np.array_equal(np.asarray(weights)[:, 0] > 0, (ids != 0)[:, :, None] & (others != 0)[:, None])
        assert not hasattr(layer(Q, table(others)), "_keras_mask")
    y = layers.Attention()([table(ids), table(others)])
    assert np.array_equal(y._keras_mask, ids != 0) and not np.asarray(y)[ids == 0].any()


def test_a_mask_that_is_given_travels_on() -> None:
    assert np.array_equal(layers.Attention()([Q, V], mask=[KEEP_Q, None])._keras_mask, KEEP_Q)
    assert np.array_equal(layers.BatchNormalization()(Q, mask=KEEP_Q)._keras_mask, KEEP_Q)
    assert np.array_equal(layers.TimeDistributed(layers.Dense(2))(Q, mask=KEEP_Q)._keras_mask, KEEP_Q)
    masked = layers.Masking()(Q)
    assert np.array_equal(layers.BatchNormalization()(masked, mask=KEEP_Q)._keras_mask, KEEP_Q)


def test_rows_without_a_key_give_zeros_and_finite_gradients() -> None:
    nothing = np.zeros((2, 5), bool)
    assert not np.asarray(layers.Attention()([Q, V], mask=[None, nothing])).any()
    assert not np.asarray(layers.AdditiveAttention()([Q, V], mask=[None, nothing])).any()
    for layer in (layers.MultiHeadAttention(2, 3, dtype="float64"), layers.GroupQueryAttention(3, 2, 1, dtype="float64")):
        assert not np.asarray(layer(Q, V, value_mask=nothing)).any()
        _, weights = layer(Q, V, value_mask=nothing, return_attention_scores=True)
        assert not np.asarray(weights).any()
        check_gradients(_pair(layer), [Q.astype("float64"), V.astype("float64")], call_kwargs={"value_mask": nothing})


def test_names_paths_and_order_of_weights() -> None:
    layer = layers.MultiHeadAttention(2, 3, use_gate=True, name="m")
    layer(Q, V)
    names = ("query", "key", "gate", "value", "attention_output")
    assert [w.path for w in layer.weights] == [f"m/{n}/{w}" for n in names for w in ("kernel", "bias")]
    assert layers.GroupQueryAttention(2, 2, 1).name.startswith("grouped_query_attention")
    saved = layers.serialize(layers.GroupQueryAttention(2, 2, 1))
    assert saved["class_name"] == "GroupQueryAttention"
    assert isinstance(layers.deserialize(saved), layers.GroupQueryAttention)
    config = layers.MultiHeadAttention(2, 3, output_shape=5, attention_axes=1).get_config()
    assert config["output_shape"] == (5,) and config["attention_axes"] == (1,)
    same = layers.MultiHeadAttention(2, 3, kernel_initializer="glorot_uniform")
    same(Q, V)
    assert not np.allclose(same.weights[0].numpy(), same.weights[2].numpy())


def test_penalties_of_the_parts() -> None:
    layer = layers.MultiHeadAttention(2, 3, activity_regularizer="l2")
    layer(Q, V)
    assert len(layer.losses) == 4 and layer.get_config()["activity_regularizer"]["class_name"] == "L2"


def bad(make: Any, *args: Any, match: str, **kwargs: Any) -> None:
    with pytest.raises(ValueError, match=match):
        make(*args, **kwargs)


def test_bad_arguments() -> None:
    bad(layers.Attention, score_mode="sum", match="score_mode")
    bad(layers.Attention, dropout=2.0, match="dropout")
    many = layers.MultiHeadAttention
    for kwargs, match in (
        ({"num_heads": 0, "key_dim": 2}, "num_heads"),
        ({"num_heads": 2, "key_dim": 2.5}, "key_dim"),
        ({"num_heads": 2, "key_dim": 2, "value_dim": 0}, "value_dim"),
        ({"num_heads": 2, "key_dim": 2, "sliding_window": 0}, "sliding_window"),
        ({"num_heads": 2, "key_dim": 2, "dropout": 0.1, "flash_attention": True}, "flash_attention"),
        ({"num_heads": 2, "key_dim": 2, "output_shape": 2.5}, "output_shape"),
        ({"num_heads": 2, "key_dim": 2, "attention_axes": "a"}, "attention_axes"),
    ):
        bad(many, match=match, **kwargs)
    bad(many(2, 2, attention_axes=2), Q, V, match="attention_axes")
    bad(layers.GroupQueryAttention, 2, 3, 2, match="must divide")
    bad(layers.GroupQueryAttention, 0, 2, 2, match="head_dim")


def test_bad_calls() -> None:
    one = layers.Attention()
    for inputs, match in ((Q, "list of inputs"), ((Q, V), "list of inputs"), ([Q], "2 or 3"), ([Q] * 4, "2 or 3")):
        bad(one, inputs, match=match)
    bad(one, [Q, V[..., :5]], match="features")
    bad(one, [Q, V, V[:, :4]], match="same shape but for the last")
    bad(one, [Q, V], mask=KEEP_Q, match="must be a list")
    bad(one, [Q, V], mask=[KEEP_Q], match="2 or 3 masks")
    bad(one, [Q, V], mask=[None, KEEP_Q], match="mask of the value")
    for layer in (layers.MultiHeadAttention(2, 3), layers.GroupQueryAttention(3, 4, 2)):
        with pytest.raises(TypeError, match="value"):
            layer(Q)
        bad(layer, Q, V, V[:, :4], match="same shape but for the last")
        layer(Q, V)
        bad(layer, Q, V[:1], match="rows")
        bad(layer, Q, V, attention_mask=np.ones((2, 4, 4), bool), match="attention_mask")
        bad(layer, Q, V, value_mask=KEEP_Q, match="value_mask")
    bad(layers.MultiHeadAttention(2, 3, flash_attention=True), Q, V, return_attention_scores=True, match="flash_attention")
    bad(layers.GroupQueryAttention(3, 4, 2), Q[0], V[0], match="three axes")
    bad(layers.MultiHeadAttention(2, 3), Q[0], V[0], match="three or more")
