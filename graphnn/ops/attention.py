"""Attention: weighted means of values, the weights a softmax of products of queries and keys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, movement, transcendental
from graphnn_compiler.ops.attention import Attention
from graphnn_compiler.ops.attention_parts import kept_pairs
from graphnn_compiler.trace import emit

from ..dispatch import op
from ..dispatch import value as as_value
from ._common import Tensorish, floating, like, operands, pick, ramp, truth
from .einstein import einsum
from .shaping import repeat
from .softmaxes import softmax


@op(static=("attn_logits_soft_cap",), tensors=("query", "key", "value", "bias", "mask"))
def dot_product_attention(
    query: Tensorish,
    key: Tensorish,
    value: Tensorish,
    bias: Tensorish = None,
    mask: Tensorish = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Value:
    """softmax(scale * query key^T + bias) value, for each head (A. Vaswani et al., Attention is all you need, 2017).

    With more query heads than key heads, a key head serves that many query heads in a row (J. Ainslie et al., GQA: Training
    generalized multi-query transformer models from multi-head checkpoints, 2023). A query that may look at no key gets zeros.

    Args:
        query: (batch, T, heads, n).
        key: (batch, S, key heads, n); `key heads` divides `heads`.
        value: (batch, S, key heads, m).
        bias: added to the scores; it broadcasts to (batch, heads, T, S).
        mask: True where a query may look at a key; it broadcasts to (batch, heads, T, S).
        scale: of the products; by default 1 / sqrt(n).
        is_causal: whether query t looks at no key later than t.
        flash_attention: accepted for compatibility; the result is the same.
        attn_logits_soft_cap: a positive number c that bounds the scaled products s smoothly, as c tanh(s / c).

    Returns:
        (batch, T, heads, m).

    Raises:
        ValueError: a tensor has another rank or an extent that does not fit, or `attn_logits_soft_cap` is
            not positive.

    >>> import numpy as np
    >>> x = np.ones((1, 3, 2, 4), "float32")
    >>> dot_product_attention(x, x, x, is_causal=True).shape
    (1, 3, 2, 4)
    """
    return attended(query, key, value, bias, mask, scale, is_causal, attn_logits_soft_cap)


def attended(
    query: Tensorish, key: Tensorish, value: Tensorish, bias: Tensorish = None, mask: Tensorish = None, scale: Any = None,
    is_causal: bool = False, cap: Any = None, rate: float = 0.0, words: Value | None = None,
) -> Value:  # fmt: skip
    """`dot_product_attention`, whose weights dropout leaves out with a probability `rate` in [0, 1) and by two words."""
    q, k, v = operands(query, key, value, floats=True)
    _check_shapes(q, k, v)
    if cap is not None and not cap > 0:
        raise ValueError(
            "`attn_logits_soft_cap` of `dot_product_attention` must be a positive number or None. "
            f"Received: attn_logits_soft_cap={cap!r}"
        )
    size = (q.shape[0], q.shape[2], q.shape[1], k.shape[1])
    keep = None if mask is None else truth(mask)
    if keep is not None:
        check_broadcast("mask", keep.shape, size)
    added = None if bias is None else as_value(bias, q.dtype)
    if added is not None:
        check_broadcast("bias", added.shape, size)
    factor: Any = 1 / math.sqrt(_extent(q)) if scale is None else scale
    if _is_number(factor) and (cap is None or _is_number(cap)):
        kind = Attention(float(factor), bool(is_causal), keep is not None, added is not None, rate, _bound(cap))
        found = _tiled(kind, q, k, v, added, keep, words)
        if found is not None:
            return found
    if is_causal:
        keep = both(keep, causal(q.shape[1], k.shape[1]))
    scores = scores_of(q * factor, k)
    if cap is not None:
        scores = emit(transcendental.Tanh(), scores / cap) * cap
    weights = shares(scores if added is None else scores + added, keep)
    if words is not None:
        weights = pick(kept_pairs(words, rate, weights.shape), weights * (1.0 / (1.0 - rate)), like(0, weights))
    return mixed(weights, v)


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float | np.generic)


def _bound(cap: Any) -> float:
    """The cap of the op, where 0 stands for none, as does one that no float32 reaches."""
    return 0.0 if cap is None or cap > float(np.finfo("float32").max) else float(cap)


def _tiled(
    kind: Attention, q: Value, k: Value, v: Value, bias: Value | None, keep: Value | None, words: Value | None
) -> Value | None:
    """The result without a matrix of scores; None where extents are not known to fit each other."""
    size = (q.shape[0], q.shape[2], q.shape[1], k.shape[1])
    same = q.shape[0] == k.shape[0] == v.shape[0] and k.shape[1] == v.shape[1] and q.shape[3] == k.shape[3]
    if not same or k.shape[2] != v.shape[2] or not (isinstance(q.shape[2], int) and isinstance(k.shape[2], int)):
        return None
    more = [build.reshape(x, (*[1] * (4 - x.ndim), *x.shape)) for x in (keep, bias) if x is not None]
    if any(a not in (1, b) for x in more for a, b in zip(x.shape, size, strict=True)):
        return None
    if bias is not None:  # a bias lies in memory along keys
        more[-1] = emit(movement.BroadcastTo((*more[-1].shape[:3], size[3])), more[-1])
    wide = "float32" if q.dtype == "float16" else q.dtype
    last = [] if words is None else [words]
    found = emit(kind, *(x if x.dtype == "bool" else build.cast(x, wide) for x in (q, k, v, *more)), *last)
    return build.cast(found, q.dtype)


def scores_of(q: Value, k: Value) -> Value:
    """Products (..., heads, T, S) of queries (..., T, heads, n) and keys (..., S, key heads, n)."""
    return einsum("...tnh,...snh->...nts", q, spread(k, q.shape[-2]))


def mixed(weights: Value, v: Value) -> Value:
    """Means (..., T, heads, m) of values (..., S, key heads, m) with weights (..., heads, T, S)."""
    return einsum("...nts,...snh->...tnh", weights, spread(v, weights.shape[-3]))


def spread(x: Value, heads: Any) -> Value:
    """x (..., key heads, n) with each head as often as it serves one of `heads`."""
    groups: Any = x.shape[-2]
    return x if heads == groups else repeat(x, heads // groups, axis=x.ndim - 2)


def shares(scores: Any, keep: Any) -> Any:
    """softmax along the last axis over the places where `keep` is True (all where it is None); zeros where there is none."""
    s = floating(scores)
    if keep is None:
        return softmax(s)
    k = truth(keep)
    # Half the lowest number: the distance of two scores must not be infinite.
    return pick(k, softmax(pick(k, s, like(float(np.finfo(s.dtype).min) / 2, s))), like(0, s))


def both(a: Any, b: Any) -> Any:
    """What two masks keep; None keeps all."""
    if a is None or b is None:
        return b if a is None else a
    return emit(compare.And(), truth(a), truth(b))


def causal(queries: Any, keys: Any) -> Value:
    """(T, S): whether a key is not later than a query."""
    return build.expand(ramp(queries), 1) >= build.expand(ramp(keys), 0)


def check_broadcast(what: str, shape: Any, size: Any) -> None:
    """ValueError where a shape does not broadcast to that of the scores."""
    fits = len(shape) <= len(size)
    for a, b in zip(reversed(shape), reversed(size), strict=False):
        fits = fits and (a == 1 or a == b or not (isinstance(a, int) and isinstance(b, int)))
    if not fits:
        raise ValueError(
            f"attention: `{what}` must broadcast to the scores, which have shape {show(size)}. Received: {what}.shape={show(shape)}"
        )


def _extent(q: Value) -> int:
    n = q.shape[-1]
    if not isinstance(n, int):
        raise ValueError(f"`dot_product_attention` must know the last extent of `query`. Received: query.shape={show(q.shape)}")
    return n


def _check_shapes(q: Value, k: Value, v: Value) -> None:
    given = f"Received: query.shape={show(q.shape)}, key.shape={show(k.shape)}, value.shape={show(v.shape)}"
    if not q.ndim == k.ndim == v.ndim == 4:
        raise ValueError(f"`dot_product_attention` takes tensors of 4 axes (batch, steps, heads, features). {given}")

    def differ(a: Any, b: Any) -> bool:
        return isinstance(a, int) and isinstance(b, int) and a != b

    if differ(q.shape[3], k.shape[3]):
        raise ValueError(f"`query` and `key` of `dot_product_attention` must have equally many features. {given}")
    if differ(k.shape[1], v.shape[1]) or differ(k.shape[2], v.shape[2]):
        raise ValueError(f"`key` and `value` of `dot_product_attention` must have equally many steps and heads. {given}")
    if differ(q.shape[0], k.shape[0]) or differ(q.shape[0], v.shape[0]):
        raise ValueError(f"the tensors of `dot_product_attention` must have equally many rows. {given}")
    heads, groups = q.shape[2], k.shape[2]
    if differ(heads, groups) and (not groups or heads % groups):  # type: ignore[operator]
        raise ValueError(f"the heads of `key` must divide those of `query` in `dot_product_attention`. {given}")
