"""Attention: means of values, weighted by a softmax of the products of queries and keys, without a matrix of all weights.

T. Dao, D. Fu, S. Ermon, A. Rudra, C. Re: FlashAttention: fast and memory-efficient exact attention with IO-awareness, 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..dims import Extent, Shape, quotient, show
from ..ir import Value
from ..kernels.attention_layout import dims, thread_bytes
from ..trace import emit, emit_all
from .base import Array, Sample, Spec, WithKernel
from .compare import And, GreaterEqual
from .contract import MatMul, swap_last
from .elementwise import Maximum, Where
from .index import Iota
from .movement import BroadcastTo, constant, reshape, transpose, unbroadcast, zeros_like
from .reduce import Sum
from .transcendental import Exp

Grads = Sequence[Value | None]
TURNED = (0, 2, 1, 3)  # heads before steps, and back


@dataclass(frozen=True)
class _Attention(WithKernel):
    """scale: of the products; causal: whether query t sees no key later than t; masked, biased: which optional inputs there are."""

    abstract: ClassVar[bool] = True
    fixed: ClassVar[int] = 3  # inputs before the optional ones
    products: ClassVar[int] = 2  # of blocks
    scale: float
    causal: bool = False
    masked: bool = False
    biased: bool = False

    def optional(self, given: Sequence[Spec]) -> tuple[Spec | None, Spec | None]:
        """Mask and bias of the inputs."""
        more = list(given[self.fixed :])
        if len(more) != self.masked + self.biased:
            raise TypeError(f"{type(self).__name__} takes {self.fixed + self.masked + self.biased} inputs, not {len(given)}")
        return (more[0] if self.masked else None), (more[-1] if self.biased else None)

    def check(self, specs: Sequence[Spec]) -> None:
        """Raises an error unless the inputs fit each other."""
        (q, dtype), (k, t), (v, u) = specs[:3]
        mask, bias = self.optional(specs)
        if dtype not in ("float32", "float64") or not dtype == t == u or (bias is not None and bias[1] != dtype):
            raise TypeError(f"{type(self).__name__} takes float32 or float64 of one dtype")
        fits = len(q) == len(k) == len(v) == 4 and q[0] == k[0] == v[0] and k[1:3] == v[1:3] and q[3] == k[3]
        if not fits:
            raise TypeError(f"{type(self).__name__} does not take queries {show(q)}, keys {show(k)}, values {show(v)}")
        heads, groups = q[2], k[2]
        if heads != groups and isinstance(heads, int) and isinstance(groups, int) and (not groups or heads % groups):
            raise TypeError(f"{type(self).__name__}: {groups} heads of keys do not divide {heads} of queries")
        scores = (q[0], q[2], q[1], k[1])
        for name, spec, kind in (("mask", mask, "bool"), ("bias", bias, dtype)):
            if spec is None:
                continue
            same = len(spec[0]) == 4 and all(a in (1, b) for a, b in zip(spec[0], scores, strict=True))
            if not same or spec[1] != kind or (name == "bias" and spec[0][3] != scores[3]):
                raise TypeError(f"{type(self).__name__}: {name} {spec[1]}{show(spec[0])} does not fit scores {show(scores)}")

    def layout(self, shapes: Sequence[tuple[int, ...]], *, back: bool) -> list[int]:
        """What the kernel's dims block holds."""
        mask, bias = self.optional([(s, "") for s in shapes])
        q, k, v = shapes[:3]
        if k[2] != q[2] and (not k[2] or q[2] % k[2]):
            raise ValueError(f"{k[2]} heads of keys do not divide {q[2]} of queries")
        numbers = [None if x is None else tuple(int(d) for d in x[0]) for x in (mask, bias)]
        return dims(q, k, v, self.scale, self.causal, numbers[0], numbers[1], back)

    def work(self, shapes: Sequence[Shape]) -> Extent:
        """The products of each query and key; 16 of their operations take as long as an element in a loop."""
        q, k, v = shapes[:3]
        return q[0] * q[2] * q[1] * k[1] * (q[3] + v[3]) * self.products // 16

    # -- by NumPy

    def scores(self, q: Array, k: Array, more: Sequence[Array]) -> Array:
        """(batch, heads, T, S), -inf where a query does not see a key."""
        s = np.asarray(self.scale, q.dtype) * (_turned(q) @ np.swapaxes(_spread(k, q.shape[2]), -1, -2))
        if self.biased:
            s = s + more[-1]
        if self.masked:
            s = np.where(more[0], s, np.asarray(-np.inf, s.dtype))
        if self.causal:
            s = np.where(np.tri(*s.shape[-2:], dtype=bool), s, np.asarray(-np.inf, s.dtype))
        return s

    # -- by other ops, for what has no kernel

    def weights(self, q: Value, k: Value, lse: Value, more: Sequence[Value]) -> Value:
        """The matrix of weights (batch, heads, T, S)."""
        s = emit(MatMul(), transpose(q, TURNED), swap_last(_shared(k, q))) * self.scale
        if self.biased:
            s = s + more[-1]
        w = emit(Exp(), s - _column(emit(Maximum(), lse, constant(float(np.finfo(lse.dtype).min), lse.dtype))))
        seen = more[0] if self.masked else None
        if self.causal:
            t, u = emit(Iota(s.shape[-2])), emit(Iota(s.shape[-1]))
            before = emit(GreaterEqual(), reshape(t, (1, 1, s.shape[-2], 1)), reshape(u, (1, 1, 1, s.shape[-1])))
            seen = before if seen is None else emit(And(), seen, before)
        return w if seen is None else emit(Where(), seen, w, constant(0, w.dtype))


def _turned(x: Array) -> Array:
    return np.transpose(x, TURNED)


def _spread(x: Array, heads: int) -> Array:
    """(batch, heads, steps, n) of (batch, steps, groups, n)."""
    return np.repeat(_turned(x), heads // max(x.shape[2], 1), axis=1)


def _gathered(x: Array, groups: int) -> Array:
    """The transpose of `_spread`."""
    b, h, s, n = x.shape
    return _turned(x.reshape(b, groups, h // max(groups, 1), s, n).sum(2))


def _shared(x: Value, q: Value) -> Value:
    """Keys or values (batch, S, groups, n) for each head of the queries: (batch, heads, S, n)."""
    b, s, groups, n = x.shape
    heads = q.shape[2]
    x = transpose(x, TURNED)
    if heads == groups:
        return x
    spread = emit(BroadcastTo((b, groups, quotient(heads, groups), s, n)), reshape(x, (b, groups, 1, s, n)))
    return reshape(spread, (b, heads, s, n))


def _unshared(x: Value, shape: Shape) -> Value:
    """The transpose of `_shared`."""
    b, s, groups, n = shape
    heads = x.shape[1]
    if heads != groups:
        x = emit(Sum((2,)), reshape(x, (b, groups, quotient(heads, groups), s, n)))
    return transpose(x, TURNED)


def _column(x: Value) -> Value:
    """(batch, T, heads) as (batch, heads, T, 1)."""
    return reshape(transpose(x, (0, 2, 1)), (x.shape[0], x.shape[2], x.shape[1], 1))


def _row_sums(x: Value) -> Value:
    """(batch, heads, T, S) summed over keys, as (batch, T, heads)."""
    return transpose(emit(Sum((3,)), x), (0, 2, 1))


Inputs = tuple[tuple[tuple[int, ...], str, float, float], ...]


def _typical(kind: type[_Attention]) -> list[tuple[_Attention, Inputs]]:
    """Applications for the generated tests. (Gradients are tested elsewhere, where both results of attention have weights.)"""
    found: list[tuple[_Attention, Inputs]] = []
    for dtype in ("float32", "float64"):
        for causal, mask, bias, (b, t, h, n, s, groups, m) in (
            (False, None, None, (2, 5, 2, 3, 7, 2, 5)),
            (True, None, None, (1, 37, 2, 16, 37, 1, 33)),
            (False, (2, 1, 1, 131), None, (2, 3, 4, 9, 131, 2, 17)),
            (True, (1, 2, 20, 18), (2, 1, 20, 18), (2, 20, 2, 32, 18, 2, 32)),
            (False, (1, 1, 33, 1), (1, 1, 1, 6), (1, 33, 1, 1, 6, 1, 1)),
        ):
            inputs: list[tuple[tuple[int, ...], str, float, float]] = [
                (shape, dtype, -1, 1) for shape in ((b, t, h, n), (b, s, groups, n), (b, s, groups, m))
            ]
            if kind.fixed > 3:
                inputs += [((b, t, h), dtype, 5, 6), ((b, t, h), dtype, -1, 1), ((b, t, h, m), dtype, -1, 1)]
            inputs += [] if mask is None else [(mask, "bool", 0, 1)]
            inputs += [] if bias is None else [(bias, dtype, -1, 1)]
            found.append((kind(0.5, causal, mask is not None, bias is not None), tuple(inputs)))
    return found


class Attention(_Attention):
    """softmax over j of (scale q[i] k[j] + bias[i, j]), weighting v[j], for each head, and the log-sum-exp of each row of scores.

    Inputs: q (batch, T, heads, n), k (batch, S, groups, n), v (batch, S, groups, m), where each group of keys serves heads / groups
    heads of queries in a row; then a bool mask and a bias, if there are any, of four axes, with extents 1 where they are the same for
    all rows, heads, queries or (the mask) keys. Results: (batch, T, heads, m), (batch, T, heads). A query that sees no key, or only
    keys of score -inf, gets zeros.
    """

    def infer(self, *specs: Spec) -> list[Spec]:
        self.check(specs)
        (q, dtype), (v, _) = specs[0], specs[2]
        return [((*q[:3], v[3]), dtype), (q[:3], dtype)]

    def reference(self, *arrays: Array) -> tuple[Array, ...]:
        q, k, v = arrays[:3]
        s = self.scores(q, k, arrays[3:])
        highest = np.max(s, -1, keepdims=True, initial=np.finfo(s.dtype).min)
        e = np.exp(s - highest)
        total = np.sum(e, -1, keepdims=True)
        out = (e @ _spread(v, q.shape[2])) / np.where(total == 0, 1, total)
        lse = (highest + np.log(total))[..., 0]
        return np.ascontiguousarray(_turned(out)), np.ascontiguousarray(np.swapaxes(lse, 1, 2))

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (q, k, v), (out, lse), (g, d_lse) = inputs[:3], outputs, cotangents
        g = zeros_like(out) if g is None else g
        delta = emit(Sum((3,)), g * out)
        if d_lse is not None:
            delta = delta - d_lse
        back = AttentionBack(self.scale, self.causal, self.masked, self.biased)
        grads: list[Value | None] = [*emit_all(back, q, k, v, lse, delta, g, *inputs[3:])]
        grads += [None] * self.masked
        if self.biased:
            products = emit(MatMul(), transpose(g, TURNED), swap_last(_shared(v, q)))
            slopes = self.weights(q, k, lse, inputs[3:]) * (products - _column(delta))
            grads.append(unbroadcast(slopes, inputs[-1].shape))
        return grads

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "attention", {"dtype": specs[0][1]}

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """See `attention_layout`."""
        return self.layout(shapes, back=False)

    def thread_workspace(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Bytes for a block of queries, of scores, of the mask and of the bias."""
        return thread_bytes(shapes[0][3], shapes[2][3], False, self.biased)[-1]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(op, inputs, False) for op, inputs in _typical(cls)]


class AttentionBack(_Attention):
    """The gradients of q, k and v, given the log-sum-exp of each row and delta = (gradient of the result) . (result).

    Inputs: q, k, v as of `Attention`, log-sum-exp and delta (batch, T, heads), the gradient g of the result, then mask and bias. With
    w = min(1, exp(scale q k + bias - lse)) and slopes s = w (g v - delta): dq = scale s k, dk = scale s^T q, dv = w^T g.
    """

    fixed, products = 6, 5

    def infer(self, *specs: Spec) -> list[Spec]:
        self.check(specs)
        (q, dtype), (k, _), (v, _) = specs[:3]
        if list(specs[3:6]) != [(q[:3], dtype), (q[:3], dtype), ((*q[:3], v[3]), dtype)]:
            raise TypeError(f"AttentionBack does not take {', '.join(t + show(s) for s, t in specs[3:6])}")
        return [(q, dtype), (k, dtype), (v, dtype)]

    def reference(self, *arrays: Array) -> tuple[Array, ...]:
        q, k, v, lse, delta, g = arrays[:6]
        lowest = np.finfo(q.dtype).min
        column = np.maximum(np.swapaxes(lse, 1, 2), lowest)[..., None]
        w = np.exp(np.minimum(self.scores(q, k, arrays[6:]) - column, 0))
        products = _turned(g) @ np.swapaxes(_spread(v, q.shape[2]), -1, -2)
        s = np.asarray(self.scale, q.dtype) * w * (products - np.swapaxes(delta, 1, 2)[..., None])
        dq = _turned(s @ _spread(k, q.shape[2]))
        dk = _gathered(np.swapaxes(s, -1, -2) @ _turned(q), k.shape[2])
        dv = _gathered(np.swapaxes(w, -1, -2) @ _turned(g), k.shape[2])
        return np.ascontiguousarray(dq), np.ascontiguousarray(dk), np.ascontiguousarray(dv)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        """By other ops, with all weights in memory, since second derivatives are rare."""
        q, k, v, lse, delta, g = inputs[:6]
        a, b, c = (zeros_like(y) if ct is None else ct for y, ct in zip(outputs, cotangents, strict=True))
        turned_q, turned_a, turned_g = (transpose(x, TURNED) for x in (q, a, g))
        all_k, all_v, all_b, all_c = (_shared(x, q) for x in (k, v, b, c))

        def times(x: Value, y: Value) -> Value:
            return emit(MatMul(), x, y)

        w = self.weights(q, k, lse, inputs[6:])
        apart = times(turned_g, swap_last(all_v)) - _column(delta)
        along = (times(turned_a, swap_last(all_k)) + times(turned_q, swap_last(all_b))) * self.scale
        of_scores = w * (apart * along + times(turned_g, swap_last(all_c)))
        of_products, slopes = w * along, w * apart
        dq = (times(of_scores, all_k) + times(slopes, all_b)) * self.scale
        dk = (times(swap_last(of_scores), turned_q) + times(swap_last(slopes), turned_a)) * self.scale
        grads: list[Value | None] = [
            transpose(dq, TURNED),
            _unshared(dk, k.shape),
            _unshared(times(swap_last(of_products), turned_g), v.shape),
            _row_sums(of_scores) * -1.0,
            _row_sums(of_products) * -1.0,
            transpose(times(of_products, all_v) + times(w, all_c), TURNED),
        ]
        grads += [None] * self.masked
        return [*grads, unbroadcast(of_scores, inputs[-1].shape)] if self.biased else grads

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "attention_back", {"dtype": specs[0][1]}

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """See `attention_layout`."""
        return self.layout(shapes, back=True)

    def thread_workspace(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Bytes for blocks of queries, gradients, scores, slopes, of the mask and of the bias."""
        return thread_bytes(shapes[0][3], shapes[2][3], True, self.biased)[-1]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(op, inputs, False) for op, inputs in _typical(cls)]
