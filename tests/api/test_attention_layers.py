"""Attention, AdditiveAttention and ReversibleEmbedding; and which masks travel with the outputs of any layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers, ops
from graphnn.testing import check_gradients, check_layer

R = np.random.RandomState(0)
Q, V, K = (R.standard_normal(s).astype("float32") for s in ((2, 3, 4), (2, 5, 6), (2, 5, 4)))
QM = np.array([[1, 0, 1], [1, 1, 1]], bool)
VM = np.array([[1, 0, 1, 1, 0], [0, 1, 1, 1, 1]], bool)


def weights_of(scores: Any, keep: Any = True) -> Any:
    e = np.where(keep, np.exp(scores - scores.max(-1, keepdims=True)), 0)
    return e / e.sum(-1, keepdims=True)


def scores_of(layer: Any, q: Any, k: Any) -> Any:
    own = {w.name: w.numpy() for w in layer.weights}
    scale: Any = own.get("scale", 1.0)
    if isinstance(layer, layers.AdditiveAttention):
        return (np.tanh(q[:, :, None] + k[:, None]) * scale).sum(-1)
    if layer.score_mode == "concat":
        return own["concat_score_weight"] * np.tanh(scale * (q[:, :, None] + k[:, None])).sum(-1)
    return scale * np.einsum("btn,bsn->bts", q, k)


KINDS = {
    "dot": (layers.Attention, {}, []),
    "scaled": (layers.Attention, {"use_scale": True}, ["scale"]),
    "concat": (layers.Attention, {"score_mode": "concat"}, ["concat_score_weight"]),
    "concat scaled": (layers.Attention, {"score_mode": "concat", "use_scale": True}, ["scale", "concat_score_weight"]),
    "additive": (layers.AdditiveAttention, {}, ["scale"]),
    "additive plain": (layers.AdditiveAttention, {"use_scale": False}, []),
}


def made(kind: str, **kwargs: Any) -> Any:
    """A built layer with weights that differ from their first values."""
    cls, options, _ = KINDS[kind]
    layer = cls(**options, **kwargs)
    layer([Q, V, K])
    layer.set_weights([np.random.RandomState(3).uniform(0.4, 1.6, w.shape) for w in layer.get_weights()])
    return layer


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_a_layer_must_do(kind: str) -> None:
    cls, options, names = KINDS[kind]
    check_layer(cls, options, [(4, 3, 2), (4, 5, 2)], expected_output_shape=(4, 3, 2), expected_weights=names)
    check_layer(cls, options, [(4, 3, 2), (4, 5, 6), (4, 5, 2)], expected_output_shape=(4, 3, 6), expected_weights=names)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masks", [None, [None, None], [QM, None], [None, VM], [QM, VM], [QM, VM, np.zeros((2, 5), bool)]])
@pytest.mark.parametrize("kind", KINDS)
def test_numbers(kind: str, masks: Any, causal: bool) -> None:
    layer = made(kind)
    keep = np.tril(np.ones((3, 5), bool)) if causal else np.ones((3, 5), bool)
    if masks and masks[1] is not None:
        keep = keep & masks[1][:, None]
    some = keep.any(-1, keepdims=True)
    want = np.where(some, weights_of(scores_of(layer, Q, K), keep | ~some), 0)
    out, weights = layer([Q, V, K], mask=masks, return_attention_scores=True, use_causal_mask=causal)
    assert weights.shape == (2, 3, 5) and np.allclose(weights, want, atol=1e-5)
    y = want @ V
    if masks and masks[0] is not None:
        y = y * masks[0][..., None]
    assert np.allclose(out, y, atol=1e-5)
    assert np.array_equal(layer([Q, V, K], mask=masks, use_causal_mask=causal), out)
    travels = getattr(out, "_keras_mask", None)
    assert travels is None if masks is None or masks[0] is None else np.array_equal(travels, masks[0])
    assert getattr(weights, "_keras_mask", None) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", [{"mask": [QM, VM]}, {"use_causal_mask": True}, {"mask": [QM, VM[:, ::-1]], "training": False}])
def test_gradients(kind: str, call: Any) -> None:
    layer = made(kind, dtype="float64")
    check_gradients(layer, [a.astype("float64") for a in (Q, V, K)], call_kwargs=call)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("cls", [layers.Attention, layers.AdditiveAttention])
def test_rows_without_any_step_give_zeros(cls: Any, dtype: str) -> None:
    none = np.zeros((2, 5), bool)
    q = Q if dtype == "float16" else 5 * Q
    out, weights = cls(dtype=dtype)([q, V[..., :4]], mask=[None, none], return_attention_scores=True)
    assert out.dtype == weights.dtype == dtype
    assert not np.any(weights)
    assert not np.any(out)


def test_masks_travel_from_layer_to_layer() -> None:
    q, v = Q.copy(), V[..., :4].copy()
    q[0, 1], v[0, 3:], v[1, 0] = 0, 0, 0
    qm, vm = (q != 0).any(-1), (v != 0).any(-1)
    inputs = [graphnn.Input((None, 4)), graphnn.Input((None, 4))]
    y = layers.Attention()([layers.Masking()(x) for x in inputs])
    model = graphnn.Model(inputs, [y, layers.GlobalAveragePooling1D()(y)])
    want = (weights_of(np.einsum("btn,bsn->bts", q, v), np.broadcast_to(vm[:, None], (2, 3, 5))) @ v) * qm[..., None]
    found, mean = model([q, v])
    assert np.allclose(found, want, atol=1e-5)
    assert np.allclose(mean, want.sum(1) / qm.sum(1, keepdims=True), atol=1e-5), "the mask of the query goes on"
    # One mask given by hand counts in place of both that came along.
    other = layers.Attention()([layers.Masking()(q), layers.Masking()(v)], mask=[None, VM])
    assert np.allclose(other, weights_of(np.einsum("btn,bsn->bts", q, v), np.broadcast_to(VM[:, None], (2, 3, 5))) @ v, atol=1e-5)
    assert getattr(other, "_keras_mask", None) is None


def test_dropout_leaves_weights_out_while_training_only() -> None:
    a, b = (layers.Attention(dropout=0.5, seed=3) for _ in range(2))
    plain = layers.Attention()([Q, K], return_attention_scores=True)[1]
    for again in range(3):
        out, weights = a([Q, K], return_attention_scores=True, training=True)
        same = np.isclose(weights, 2 * np.asarray(plain), atol=1e-6)
        assert (same | (np.asarray(weights) == 0)).all() and same.any() and not same.all(), again
        assert np.allclose(out, np.asarray(weights) @ K, atol=1e-5)
        assert np.allclose(b([Q, K], training=True), out, rtol=1e-5, atol=1e-6), "the same, whether weights are asked for or not"
    assert np.allclose(a([Q, K], return_attention_scores=True)[1], plain)
    assert a.weights == [] and len(a.variables) == 1


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("masks", [None, [QM, VM], [None, np.zeros((2, 5), bool)]])
@pytest.mark.parametrize("causal", [False, True])
def test_dropout_without_a_matrix_of_weights_as_with_it(scaled: bool, masks: Any, causal: bool) -> None:
    found: list[Any] = []
    for asked in (False, True):
        layer = layers.Attention(use_scale=scaled, dropout=0.4, seed=5, dtype="float64")
        layer([Q, V, K])

        def number(q: Any, v: Any, k: Any, layer: Any = layer, asked: bool = asked) -> Any:
            y = layer([q, v, k], mask=masks, training=True, return_attention_scores=asked, use_causal_mask=causal)
            return ops.sum(ops.sin(y[0] if asked else y))

        number_and_grads = graphnn.value_and_grad(number, argnums=(0, 1, 2))
        value, grads = number_and_grads(*(a.astype("float64") for a in (Q, V, K)))
        found.append([np.asarray(a) for a in (value, *grads)])
    for a, b in zip(*found, strict=True):
        assert np.allclose(a, b, rtol=1e-12, atol=1e-13)
    sees = masks is None or masks[0] is not None
    assert all(a.any() == sees for a in found[0])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_long_sequences_need_no_matrix(masked: bool, causal: bool, training: bool) -> None:
    layer = layers.Attention(use_scale=True)
    steps = 260 if training else 40
    r = np.random.RandomState(steps)
    q, v = (r.standard_normal((2, n, 4)).astype("float32") for n in (steps, steps + 3))
    mask = [None, r.rand(2, steps + 3) < 0.7] if masked else None
    layer([q[:, :2], v[:, :2]])  # short: with a matrix
    assert "Attention" not in kernels(layer)
    found = layer([q, v], mask=mask, use_causal_mask=causal, training=training)
    assert "Attention" in kernels(layer)
    want, weights = layer([q, v], mask=mask, use_causal_mask=causal, training=training, return_attention_scores=True)
    assert weights.shape == (2, steps, steps + 3)
    np.testing.assert_allclose(found, want, rtol=2e-5, atol=2e-6)


def kernels(layer: Any) -> list[str]:
    """The ops of all programs of a layer."""
    return [type(n.op).__name__ for p in layer._programs._kept.values() if p is not None for n in p.graph.nodes]


def test_other_ranks() -> None:
    layer = layers.Attention()
    assert np.allclose(layer([Q[0], K[0]]), np.asarray(layer([Q, K]))[0], atol=1e-6)
    four = layers.AdditiveAttention(use_scale=False)
    assert np.allclose(four([Q[None], K[None]]), np.asarray(four([Q, K]))[None], atol=1e-6)


def test_configurations() -> None:
    own = set(layers.Layer().get_config())
    full, additive = layers.Attention(dropout=0.1, seed=3).get_config(), layers.AdditiveAttention(seed=4).get_config()
    assert {k: v for k, v in full.items() if k not in own} == {"use_scale": False, "score_mode": "dot", "dropout": 0.1, "seed": 3}
    assert {k: v for k, v in additive.items() if k not in own} == {"use_scale": True, "dropout": 0.0, "seed": 4}
    assert layers.AdditiveAttention.from_config(additive).seed == 4


@pytest.mark.parametrize("cls", [layers.Attention, layers.AdditiveAttention])
def test_bad_input(cls: Any) -> None:
    for bad in (Q, [Q], [Q, K, K, K], (Q, K), [Q, K[:, :, :3]], [Q, V[:, :4], K], [Q, K[0]], graphnn.Input((3, 4))):
        with pytest.raises(ValueError, match=cls.__name__):
            cls()(bad)
    for mask in (QM, [None], [None] * 4, "ab"):
        with pytest.raises(ValueError, match="`mask` must be a list"):
            cls()([Q, K], mask=mask)
        with pytest.raises(ValueError, match="`mask` must be a list"):
            cls().compute_mask([Q, K], mask)
    for rate in (-0.1, 1.5, True):
        with pytest.raises(ValueError, match="dropout"):
            cls(dropout=rate)
    with pytest.raises(ValueError, match="list"):
        cls().build((2, 3, 4))
    with pytest.raises(ValueError, match="score_mode"):
        layers.Attention(score_mode="cosine")
    with pytest.raises(ValueError, match="must be known"):
        layers.AdditiveAttention().build([(None, 3, None), (None, 5, 4)])


# ---- ReversibleEmbedding


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("cap", [None, 1.5, -1.5])
def test_both_ways(tied: bool, cap: Any) -> None:
    names = ["embeddings"] + ["reverse_embeddings"] * (not tied)
    options = {"input_dim": 3, "output_dim": 4, "tie_weights": tied, "logit_soft_cap": cap}
    check_layer(
        layers.ReversibleEmbedding, options, (4, 5), input_dtype="int32", expected_output_shape=(4, 5, 4), expected_weights=names
    )
    back = check_layer(
        layers.ReversibleEmbedding, options, (2, 3, 4), call_kwargs={"reverse": True}, expected_output_shape=(2, 3, 3)
    )
    back.set_weights([np.random.RandomState(5).standard_normal(w.shape) for w in back.get_weights()])
    first, *second = back.get_weights()
    want = Q @ (second[0] if second else first.T)
    want = want if cap is None else cap * np.tanh(want / cap)
    assert np.allclose(back(Q, reverse=True), want, atol=1e-5)
    assert np.array_equal(back(np.array([[2, 0]])), first[[[2, 0]]])


def test_a_language_model_trains_one_table_from_both_ends() -> None:
    table = layers.ReversibleEmbedding(6, 8)
    i = graphnn.Input((None,), dtype="int32")
    model = graphnn.Model(i, table(layers.Dense(8)(table(i)), reverse=True))
    assert model.output_shape == (None, None, 6) and len(model.trainable_weights) == 3
    x = np.random.RandomState(1).randint(0, 6, (32, 5))
    model.compile("adam", graphnn.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.learning_rate = 0.05
    losses = model.fit(x, (x + 1) % 6, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]


def test_dtypes_of_the_way_back() -> None:
    for dtype, reverse, want in (("float32", None, "float32"), ("float64", None, "float64"), ("float32", "float16", "float16"),
                                 ("float16", "float32", "float32"), ("float32", "float64", "float64")):  # fmt: skip
        layer = layers.ReversibleEmbedding(5, 4, dtype=dtype, reverse_dtype=reverse)
        assert layer(layer(np.array([1])), reverse=True).dtype == want
        assert layer.embeddings.dtype == dtype


def test_only_ids_have_a_mask() -> None:
    layer = layers.ReversibleEmbedding(5, 4, mask_zero=True)
    x = layer(np.array([[1, 0, 2]]))
    assert np.asarray(x._keras_mask).tolist() == [[True, False, True]]
    assert np.asarray(layer(np.array([[1.0, 0.0]]))._keras_mask).tolist() == [[True, False]]
    assert getattr(layer(x, reverse=True), "_keras_mask", None) is None
    assert getattr(layer(np.array([[1, 0, 2, 4]]), reverse=True), "_keras_mask", None) is None
    assert np.asarray(layer.compute_mask(np.array([3, 0]))).tolist() == [True, False]
    assert layers.ReversibleEmbedding(5, 4).compute_mask(np.array([3, 0])) is None


def test_options_of_the_tables() -> None:
    layer = layers.ReversibleEmbedding(
        5, 4, tie_weights=False, embeddings_initializer="ones", embeddings_regularizer="l2", embeddings_constraint="non_neg"
    )
    layer.build()
    first, second = layer.weights
    assert first.regularizer and first.constraint and not second.regularizer and not second.constraint
    assert np.all(first.numpy() == 1) and np.all(second.numpy() == 1)
    given = layers.ReversibleEmbedding(3, 2, weights=np.arange(6.0).reshape(3, 2))
    assert np.allclose(given(np.eye(2, dtype="float32"), reverse=True), np.arange(6.0).reshape(3, 2).T)
    lora = layers.ReversibleEmbedding(5, 4, lora_rank=2)
    lora.build()
    lora.lora_embeddings_b.assign(np.ones((2, 4)))
    table = lora(np.arange(5))
    assert np.allclose(lora(np.eye(4, dtype="float32"), reverse=True), np.asarray(table).T, atol=1e-6)
    assert lora.get_config()["lora_rank"] == 2 and "lora_rank" not in layer.get_config()
    names = (
        "input_dim output_dim embeddings_initializer embeddings_regularizer activity_regularizer embeddings_constraint mask_zero "
    )
    names += "quantization_config tie_weights reverse_dtype logit_soft_cap name trainable dtype"
    assert set(layer.get_config()) == set(names.split())


def test_bad_vectors_and_options() -> None:
    layer = layers.ReversibleEmbedding(5, 4)
    for bad in (np.ones((2, 3), "float32"), np.float32(1)):
        with pytest.raises(ValueError, match="4 features"):
            layer(bad, reverse=True)
    with pytest.raises(IndexError):
        layer(np.array([5]))
    with pytest.raises(ValueError, match="logit_soft_cap"):
        layers.ReversibleEmbedding(5, 4, logit_soft_cap=0)


# ---- masks given by hand


class Passing(layers.Layer):
    def __init__(self, masking: bool = True):
        super().__init__()
        self.supports_masking = masking

    def call(self, x: Any, mask: Any = None) -> Any:
        return [a * 1 for a in x] if isinstance(x, list) else x * 1


class Two(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.supports_masking = True

    def call(self, query: Any, value: Any, query_mask: Any = None) -> Any:
        return query * 1


def mask_of(x: Any) -> Any:
    found = getattr(x, "_keras_mask", None)
    return None if found is None else np.asarray(found).tolist()


def test_a_mask_given_by_hand_travels_on() -> None:
    ones, m = np.ones_like(Q), QM.tolist()
    came = layers.Masking()(ones)
    assert mask_of(Passing()(Q, mask=QM)) == m
    assert mask_of(Passing()(came, mask=QM)) == m, "the given one counts"
    assert mask_of(came) == [[True] * 3] * 2
    assert mask_of(Passing()(Q)) is None
    assert [mask_of(y) for y in Passing()([Q, Q], mask=[QM, None])] == [m, None]
    assert mask_of(Two()(Q, Q, query_mask=QM)) is None, "only `mask` is that of the output"
    assert mask_of(Two()(came, Q)) == [[True] * 3] * 2
    assert mask_of(layers.GlobalAveragePooling1D()(Q, mask=QM)) is None
    assert mask_of(layers.BatchNormalization()(Q, mask=QM)) == m


def test_a_mask_given_by_hand_in_a_model() -> None:
    x, m = graphnn.Input((3, 4)), graphnn.Input((3,), dtype="bool")
    model = graphnn.Model([x, m], layers.GlobalAveragePooling1D()(Passing()(x, mask=m)))
    want = (Q * QM[..., None]).sum(1) / QM.sum(1, keepdims=True)
    assert np.allclose(model([Q, QM]), want, atol=1e-6)


def test_a_mask_given_to_a_layer_that_destroys_it() -> None:
    with pytest.warns(UserWarning, match="does not support masking"):
        y = Passing(masking=False)(Q, mask=QM)
    assert mask_of(y) is None
    assert ops.shape(y) == (2, 3, 4)
