"""Attention whose weights are dropped out: inside the kernels, or on a matrix of weights by the same draws."""

from __future__ import annotations

from typing import Any

from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, movement
from graphnn_compiler.ops.attention_parts import kept_pairs
from graphnn_compiler.trace import emit

from ..dispatch import op, value
from ..ops.attention import attended
from .seeds import draw_seed, prepared


@op(static=("rate", "is_causal"), tensors=("query", "key", "value", "mask"), name="AttentionWithDropout")
def _attention(query: Any, key: Any, values: Any, mask: Any, rate: float, scale: Any, is_causal: bool, words: Any) -> Value:
    if rate <= 0 or rate >= 1:
        plain = attended(query, key, values, mask=mask, scale=scale, is_causal=is_causal)
        return plain if rate <= 0 else plain * 0.0
    return attended(query, key, values, mask=mask, scale=scale, is_causal=is_causal, rate=rate, words=value(draw_seed(words)))


def attention(
    query: Any, key: Any, value: Any, rate: float, mask: Any = None, scale: float | None = None, is_causal: bool = False, seed: Any = None
) -> Any:
    """`ops.dot_product_attention` with weights set to 0 with probability `rate`, the others times 1 / (1 - rate).

    Args:
        query, key, value, mask, scale, is_causal: as of `ops.dot_product_attention`.
        rate: a probability.
        seed: an integer, a `SeedGenerator`, or None.

    >>> import numpy as np
    >>> q, v = np.zeros((1, 1, 1, 4), "float32"), np.ones((1, 100, 1, 1), "float32")
    >>> bool(abs(attention(q, np.zeros((1, 100, 1, 4), "float32"), v, 0.5, seed=1).item() - 1) < 0.5)
    True
    """
    return _attention(query, key, value, mask, float(rate), scale, bool(is_causal), prepared(seed, query, key, value))


@op(static=("rate",), tensors=("weights",), name="DropoutOfWeights")
def _dropped(weights: Any, rate: float, words: Any) -> Value:
    v = value(weights)
    if rate <= 0 or rate >= 1:
        return v if rate <= 0 else v * 0.0
    kept = kept_pairs(value(draw_seed(words)), rate, v.shape)
    return emit(elementwise.Where(), kept, v * (1.0 / (1.0 - rate)), movement.constant(0, v.dtype))


def dropped_weights(weights: Any, rate: float, seed: Any = None) -> Any:
    """Weights as `attention` with the same seed drops them out.

    Args:
        weights: (batch, heads, T, S).
        rate: a probability.
        seed: an integer, a `SeedGenerator`, or None.

    >>> import numpy as np
    >>> sorted(set(dropped_weights(np.ones((1, 1, 10, 10), "float32"), 0.5, seed=1).ravel().tolist()))
    [0.0, 2.0]
    """
    return _dropped(weights, float(rate), prepared(seed, weights))
