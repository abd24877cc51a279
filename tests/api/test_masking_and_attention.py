"""The Masking layer, and attention as an op."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers, ops
from graphnn.testing import check_layer


def test_masking() -> None:
    x = np.random.RandomState(0).standard_normal((3, 5, 2)).astype("float32")
    x[0, 1], x[2, 3:] = 0.0, 0.0
    x[1, 2, 0] = 0.0  # one feature alone masks nothing
    check_layer(layers.Masking, {"mask_value": 7.0}, (3, 5, 2), expected_output_shape=(3, 5, 2))
    # No differences here: the output jumps where a masked step is moved.
    check_layer(layers.Masking, {}, input_data=x, expected_output=x, gradient=False)
    y: Any = layers.Masking()(x)
    assert np.array_equal(y._keras_mask, (x != 0).any(-1))


def test_masked_value_becomes_zero_and_its_steps_leave_the_mean() -> None:
    x = np.array([[[2.0], [7.0], [4.0]]], "float32")
    i = graphnn.Input((3, 1))
    model = graphnn.Model(i, layers.GlobalAveragePooling1D()(layers.Masking(7)(i)))
    assert np.asarray(layers.Masking(7)(x)).ravel().tolist() == [2.0, 0.0, 4.0]
    assert np.asarray(model(x)).tolist() == [[3.0]]


def test_masking_refuses_none() -> None:
    with pytest.raises(ValueError, match="Masking: `mask_value`"):
        layers.Masking(None)


def expected(q: Any, k: Any, v: Any, keep: Any = True, bias: Any = 0.0, cap: float | None = None) -> np.ndarray:
    repeat = q.shape[2] // k.shape[2]
    k, v = np.repeat(k, repeat, axis=2), np.repeat(v, repeat, axis=2)
    s = np.einsum("btnh,bsnh->bnts", q, k) / np.sqrt(q.shape[-1])
    s = (s if cap is None else cap * np.tanh(s / cap)) + bias
    p = np.exp(s) * keep
    total = p.sum(-1, keepdims=True)
    return np.einsum("bnts,bsnm->btnm", p / np.where(total == 0, 1.0, total), v)


def tensors(heads: int = 2) -> list[np.ndarray]:
    rng = np.random.RandomState(1)
    return [rng.standard_normal(s) for s in ((2, 3, heads, 4), (2, 5, 2, 4), (2, 5, 2, 6))]


@pytest.mark.parametrize("heads", [2, 4])
def test_dot_product_attention(heads: int) -> None:
    q, k, v = tensors(heads)
    rng = np.random.RandomState(2)
    bias, mask = rng.standard_normal((heads, 3, 5)), rng.rand(2, 1, 3, 5) > 0.5
    mask[0, 0, 1] = False  # a query without a key
    causal = np.tril(np.ones((3, 5), bool))
    for found, want in (
        (ops.dot_product_attention(q, k, v), expected(q, k, v)),
        (ops.dot_product_attention(q, k, v, bias=bias), expected(q, k, v, bias=bias)),
        (ops.dot_product_attention(q, k, v, mask=mask), expected(q, k, v, mask)),
        (ops.dot_product_attention(q, k, v, mask=mask, is_causal=True), expected(q, k, v, mask & causal)),
        (ops.dot_product_attention(q, k, v, scale=1.0), expected(2 * q, k, v)),
        (ops.dot_product_attention(q, k, v, attn_logits_soft_cap=0.5), expected(q, k, v, cap=0.5)),
    ):
        assert np.allclose(found, want, rtol=1e-6, atol=1e-6)
    assert not np.asarray(ops.dot_product_attention(q, k, v, mask=mask))[0, 1].any()


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("cap", [None, 0.7])
def test_gradients_of_dot_product_attention_without_a_matrix_of_scores(
    monkeypatch: pytest.MonkeyPatch, is_causal: bool, cap: float | None
) -> None:
    rng = np.random.RandomState(3)
    bias, mask = rng.standard_normal((2, 1, 5)), rng.rand(3, 5) > 0.3
    mask[1] = False
    arguments = (*tensors(), bias)

    def f(*x: Any) -> Any:
        return ops.sum(ops.sin(ops.dot_product_attention(*x, mask=mask, is_causal=is_causal, attn_logits_soft_cap=cap)))

    found = graphnn.grad(f, argnums=(0, 1, 2, 3))(*arguments)
    monkeypatch.setattr(graphnn.ops.attention, "_tiled", lambda *_: None)
    for got, want in zip(found, graphnn.grad(f, argnums=(0, 1, 2, 3))(*arguments), strict=True):
        assert got.shape == want.shape and np.any(want) and np.allclose(got, want, rtol=1e-5, atol=1e-6)


def test_a_cap_that_bounds_nothing() -> None:
    q, k, v = tensors()
    for cap in (float("inf"), 1e300, np.float64(1e9)):
        assert np.allclose(ops.dot_product_attention(q, k, v, attn_logits_soft_cap=cap), expected(q, k, v), rtol=1e-6, atol=1e-6)
        single = [x.astype("float32") for x in (q, k, v)]
        assert np.allclose(ops.dot_product_attention(*single, attn_logits_soft_cap=cap), expected(q, k, v), rtol=1e-4, atol=1e-5)


def test_masks_and_biases_of_fewer_axes_and_half_precision() -> None:
    q, k, v = tensors(4)
    rng = np.random.RandomState(4)
    for mask, bias in ((rng.rand(3, 5) > 0.4, rng.standard_normal(5)), (rng.rand(5) > 0.2, rng.standard_normal((2, 4, 3, 1)))):
        want = expected(q, k, v, mask, bias)
        assert np.allclose(ops.dot_product_attention(q, k, v, mask=mask, bias=bias), want, rtol=1e-5, atol=1e-6)
        half = [x.astype("float16") for x in (q, k, v)]
        found = np.asarray(ops.dot_product_attention(*half, mask=mask, bias=bias.astype("float16")))
        assert found.dtype == np.float16 and np.allclose(found, want, rtol=1e-2, atol=1e-2)


def test_attention_in_a_model_of_any_length() -> None:
    x = graphnn.Input((None, 2, 4))
    model = graphnn.Model(x, ops.dot_product_attention(x, x[:, :, :1], x[:, :, :1], is_causal=True))
    for batch, steps in ((2, 3), (1, 130), (3, 1)):
        q = np.random.RandomState(steps).standard_normal((batch, steps, 2, 4)).astype("float32")
        want = expected(q, q[:, :, :1], q[:, :, :1], np.tri(steps, dtype=bool))
        assert np.allclose(model.predict(q, verbose=0), want, rtol=1e-5, atol=1e-6)


def test_bad_arguments_of_dot_product_attention() -> None:
    q, k, v = tensors()
    for args, kwargs, match in (
        ((q[0], k[0], v[0]), {}, "4 axes"),
        ((q[..., :3], k, v), {}, "features"),
        ((q, k, v[:, :4]), {}, "steps and heads"),
        ((q[:1], k, v), {}, "rows"),
        ((np.concatenate([q, q[:, :, :1]], 2), k, v), {}, "divide"),
        ((q, k, v), {"mask": np.ones((2, 1, 3, 4), bool)}, "`mask` must broadcast"),
        ((q, k, v), {"bias": np.ones((2, 2, 3, 4))}, "`bias` must broadcast"),
        ((q, k, v), {"attn_logits_soft_cap": -1.0}, "soft_cap"),
    ):
        with pytest.raises(ValueError, match=match):
            ops.dot_product_attention(*args, **kwargs)
