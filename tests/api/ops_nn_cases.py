"""The table of `ops_cases.py` for activations, cross-entropies and normalizations, written down once more in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ops_cases import Case, f, i


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _erf(x: Any) -> Any:
    return np.vectorize(math.erf)(x)


def _elu(x: Any, alpha: float = 1.0) -> Any:
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))


def _softmax(x: Any, axis: Any = -1) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _attention(q: Any, k: Any, v: Any, bias: Any = 0, scale: Any = None, is_causal: bool = False) -> Any:
    k, v = (np.repeat(a, q.shape[2] // a.shape[2], 2) for a in (k, v))
    scores = np.einsum("btnh,bsnh->bnts", q, k) * (scale or q.shape[-1] ** -0.5) + bias
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    return np.einsum("bnts,bsnh->btnh", _softmax(scores), v)


def _gelu(x: Any, approximate: bool = True) -> Any:
    if approximate:
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x / 2 * (1 + _erf(x / math.sqrt(2)))


def _sparsemax(x: Any, axis: int = -1) -> Any:
    """With the threshold of Keras 3: from the sum of the running sums."""
    x = np.moveaxis(x, axis, -1)
    z = -np.sort(-x, -1)
    running, rank = z.cumsum(-1), np.arange(1, z.shape[-1] + 1)
    inside = 1 + rank * z > running
    level = (np.where(inside, running, 0).sum(-1, keepdims=True) - 1) / inside.sum(-1, keepdims=True)
    return np.moveaxis(np.maximum(x - level, 0), -1, axis)


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": _sigmoid,
    "log_sigmoid": lambda x: np.log(_sigmoid(x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "silu": lambda x: x * _sigmoid(x),
    "swish": lambda x: x * _sigmoid(x),
    "leaky_relu": lambda x, negative_slope=0.2: np.where(x > 0, x, negative_slope * x),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "elu": _elu,
    "selu": lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772),
    "celu": lambda x, alpha=1.0: np.maximum(x, 0) + np.minimum(alpha * (np.exp(x / alpha) - 1), 0),
    "gelu": _gelu,
    "squareplus": lambda x, b=4: (x + np.sqrt(x**2 + b)) / 2,
    "tanh_shrink": lambda x: x - np.tanh(x),
    "soft_shrink": lambda x, threshold=0.5: np.sign(x) * np.maximum(abs(x) - threshold, 0),
    "hard_shrink": lambda x, threshold=0.5: np.where(abs(x) > threshold, x, 0),
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "softmax": _softmax,
    "log_softmax": lambda x, axis=-1: np.log(_softmax(x, axis)),
    "sparsemax": _sparsemax,
    "glu": lambda x, axis=-1: (lambda a, b: a * _sigmoid(b))(*np.split(x, 2, axis)),
}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "leaky_relu": [{"negative_slope": 0.5}],
    "elu": [{"alpha": 0.5}],
    "celu": [{"alpha": 0.6}],
    "gelu": [{"approximate": False}],
    "squareplus": [{"b": 2}],
    "soft_shrink": [{"threshold": 1.0}],
    "hard_shrink": [{"threshold": 1.0}],
    "softmax": [{"axis": 0}, {"axis": (0, 1)}, {"axis": None}],
    "log_softmax": [{"axis": 0}],
    "sparsemax": [{"axis": 0}],
    "glu": [{"axis": 0}],
}


def _clipped(p: Any) -> Any:
    return np.clip(p, 1e-7, 1 - 1e-7)


def _binary(t: Any, p: Any, from_logits: bool = False) -> Any:
    p = _sigmoid(p) if from_logits else _clipped(p)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def _categorical(t: Any, p: Any, from_logits: bool = False, axis: int = -1) -> Any:
    p = _softmax(p, axis) if from_logits else _clipped(p / p.sum(axis, keepdims=True))
    return -(t * np.log(p)).sum(axis)


def _sparse(t: Any, p: Any, from_logits: bool = False, axis: int = -1) -> Any:
    n = p.shape[axis]
    hot = np.moveaxis(np.eye(n)[t.reshape([d for k, d in enumerate(p.shape) if k != axis % p.ndim])], -1, axis)
    return _categorical(hot, p, from_logits, axis)


def _layer(x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float = 1e-7) -> Any:
    y = (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + epsilon)
    return y * (1 if gamma is None else gamma) + (0 if beta is None else beta)


def _rms(x: Any, scale: Any = 1.0, axis: Any = -1, epsilon: float = 1e-7) -> Any:
    return x / np.sqrt((x**2).mean(axis, keepdims=True) + epsilon) * scale


def _batch(x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3) -> Any:
    shape = [d if k == axis % x.ndim else 1 for k, d in enumerate(x.shape)]
    m, v, o, s = (None if a is None else a.reshape(shape) for a in (mean, variance, offset, scale))
    y = (x - m) / np.sqrt(v + epsilon) * (1 if s is None else s)
    return y + (0 if o is None else o)


def _normalize(x: Any, axis: Any = -1, order: int = 2) -> Any:
    size = (abs(x) ** order).sum(axis, keepdims=True) ** (1 / order)
    return x / np.maximum(size, 1e-7)


def _cases() -> list[Case]:
    x, p, positive = f(4, 6, low=-4, high=4), f(4, 3, low=0.1, high=0.9), f(3, low=0.5, high=2)
    found = [Case(n, (x,), {}, g) for n, g in ACTIVATIONS.items()]
    found += [Case(n, (x,), kw, ACTIVATIONS[n]) for n, options in OPTIONS.items() for kw in options]
    return [
        *found,
        Case("threshold", (x, 0.5, -1.0), {}, lambda v, t, d: np.where(v > t, v, d)),
        Case("binary_crossentropy", (p, p), {}, _binary),
        Case("binary_crossentropy", (p, f(4, 3, low=-5, high=5)), {"from_logits": True}, _binary),
        Case("categorical_crossentropy", (p, p), {}, _categorical),
        Case("categorical_crossentropy", (p, f(4, 3, low=-5, high=5)), {"from_logits": True}, _categorical),
        Case("categorical_crossentropy", (p, p), {"axis": 0}, _categorical),
        Case("sparse_categorical_crossentropy", (i(4, high=3), p), {}, _sparse),
        Case("sparse_categorical_crossentropy", (i(4, 1, high=3), p), {"from_logits": True}, _sparse),
        Case("sparse_categorical_crossentropy", (i(2, 4, high=3), f(2, 3, 4)), {"from_logits": True, "axis": 1}, _sparse),
        Case("layer_normalization", (x,), {}, _layer),
        Case("layer_normalization", (x, f(6), f(6)), {"epsilon": 0.01}, _layer),
        Case("layer_normalization", (f(2, 3, 4),), {"axis": (1, 2)}, _layer),
        Case("rms_normalization", (x, f(6)), {}, _rms),
        Case("dot_product_attention", (f(2, 4, 2, 3), f(2, 5, 2, 3), f(2, 5, 2, 3)), {}, _attention),
        Case("dot_product_attention", (f(2, 4, 6, 3), f(2, 5, 2, 3), f(2, 5, 2, 3)), {"is_causal": True, "scale": 0.7}, _attention),
        Case("dot_product_attention", (f(1, 2, 2, 3), f(1, 7, 1, 3), f(1, 7, 1, 3), f(1, 2, 2, 7)), {}, _attention),
        Case("batch_normalization", (p, f(3), positive, -1), {}, _batch),
        Case("batch_normalization", (f(2, 3, 4), f(3), positive, 1, f(3), f(3)), {}, _batch),
        Case("normalize", (x,), {}, _normalize),
        Case("normalize", (x,), {"order": 1, "axis": 0}, _normalize),
        Case("normalize", (x,), {"order": 3}, _normalize),
    ]


CASES = _cases()
