"""Attention: means of values, weighted by a softmax of the products of queries and keys, without a matrix of all weights.

T. Dao, D. Fu, S. Ermon, A. Rudra, C. Re: FlashAttention: fast and memory-efficient exact attention with IO-awareness, 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np

from ..dims import Extent, Shape, show
from ..ir import Value
from ..kernels.attention_layout import Optional, dims, thread_bytes
from ..trace import emit, emit_all
from .attention_parts import TURNED, column, gathered, keeps, kept_pairs, row_sums, shared, spread, turned, unshared
from .base import Array, Sample, Spec, WithKernel
from .compare import And, GreaterEqual
from .contract import MatMul, swap_last
from .elementwise import Maximum, Sub, Where
from .index import Iota
from .movement import constant, reshape, transpose, unbroadcast, zeros_like
from .random import least_kept
from .reduce import Sum
from .transcendental import Exp, Tanh

Grads = Sequence[Value | None]
T = TypeVar("T")


@dataclass(frozen=True)
class _Attention(WithKernel):
    """scale: of the products; causal: whether query t sees no key later than t; masked, biased: which optional inputs there are;
    rate: the share of the weights that dropout leaves out, in [0, 1); cap: 0, or what bounds scaled products, as cap tanh(x / cap)."""

    abstract: ClassVar[bool] = True
    fixed: ClassVar[int] = 3  # inputs before the optional ones
    products: ClassVar[int] = 2  # of blocks
    scale: float
    causal: bool = False
    masked: bool = False
    biased: bool = False
    rate: float = 0.0
    cap: float = 0.0

    def optional(self, given: Sequence[T]) -> tuple[T | None, T | None, T | None]:
        """Of the inputs the mask, the bias and the words that dropout starts from."""
        more = list(given[self.fixed :])
        wanted = self.masked + self.biased + (self.rate > 0)
        if len(more) != wanted:
            raise TypeError(f"{type(self).__name__} takes {self.fixed + wanted} inputs, not {len(given)}")
        words = more.pop() if self.rate > 0 else None
        return (more[0] if self.masked else None), (more[-1] if self.biased else None), words

    def check(self, specs: Sequence[Spec]) -> None:
        """Raises an error unless the inputs fit each other."""
        (q, dtype), (k, t), (v, u) = specs[:3]
        if not (0 <= self.rate < 1 and 0 <= self.cap < float("inf")):
            raise ValueError(f"{type(self).__name__} takes a rate in [0, 1) and a finite cap, not {self.rate} and {self.cap}")
        mask, bias, words = self.optional(specs)
        if words is not None and words != ((2,), "uint32"):
            raise TypeError(f"{type(self).__name__}: dropout starts from two words, not {words[1]}{show(words[0])}")
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
        mask, bias, _ = self.optional(shapes)
        q, k, v = shapes[:3]
        if k[2] != q[2] and (not k[2] or q[2] % k[2]):
            raise ValueError(f"{k[2]} heads of keys do not divide {q[2]} of queries")
        least = least_kept(self.rate) if self.rate > 0 else None
        return dims(q, k, v, self.scale, self.causal, Optional(mask, bias, least, 1 / (1 - self.rate), self.cap), back)

    def variant(self, dtype: str) -> dict[str, object]:
        """The parameters of the hand-written kernels."""
        return {"dtype": dtype, "dropped": self.rate > 0, "capped": self.cap > 0}

    def bytes(self, shapes: Sequence[tuple[int, ...]], *, back: bool) -> int:
        """A thread's work space."""
        return thread_bytes(shapes[0][3], shapes[2][3], back, self.biased, self.rate > 0, self.cap > 0)[-1]

    def work(self, shapes: Sequence[Shape]) -> Extent:
        """The products of each query and key; 16 of their operations take as long as an element in a loop."""
        q, k, v = shapes[:3]
        return q[0] * q[2] * q[1] * k[1] * (q[3] + v[3]) * self.products // 16

    # -- by NumPy

    def scores(self, q: Array, k: Array, more: Sequence[Array]) -> tuple[Array, Array | None]:
        """(batch, heads, T, S), -inf where a query does not see a key, and their slopes in the scaled products, None if these are 1."""
        mask, bias, _ = self.optional([*(q,) * self.fixed, *more])
        s, slopes = np.asarray(self.scale, q.dtype) * (turned(q) @ np.swapaxes(spread(k, q.shape[2]), -1, -2)), None
        if self.cap > 0:
            bent = np.tanh(s / np.asarray(self.cap, s.dtype))
            s, slopes = np.asarray(self.cap, s.dtype) * bent, 1 - bent * bent
        if bias is not None:
            s = s + bias
        if mask is not None:
            s = np.where(mask, s, np.asarray(-np.inf, s.dtype))
        if self.causal:
            s = np.where(np.tri(*s.shape[-2:], dtype=bool), s, np.asarray(-np.inf, s.dtype))
        return s, slopes

    def thinned(self, x: Array, words: Array | None) -> Array:
        """Dropout of (batch, heads, T, S)."""
        if words is None:
            return x
        return np.where(keeps(words, self.rate, x.shape), x * np.asarray(1 / (1 - self.rate), x.dtype), np.asarray(0, x.dtype))

    # -- by other ops, for what has no kernel

    def weights(self, q: Value, k: Value, lse: Value, more: Sequence[Value]) -> tuple[Value, Value | None]:
        """The matrix of weights (batch, heads, T, S), before dropout, and the tanh of the products if there is a cap."""
        mask, bias, _ = self.optional([*(q,) * self.fixed, *more])
        s, bent = emit(MatMul(), transpose(q, TURNED), swap_last(shared(k, q))) * self.scale, None
        if self.cap > 0:
            bent = emit(Tanh(), s * (1 / self.cap))
            s = bent * self.cap
        if bias is not None:
            s = s + bias
        w = emit(Exp(), s - column(emit(Maximum(), lse, constant(float(np.finfo(lse.dtype).min), lse.dtype))))
        seen = mask
        if self.causal:
            t, u = emit(Iota(s.shape[-2])), emit(Iota(s.shape[-1]))
            before = emit(GreaterEqual(), reshape(t, (1, 1, s.shape[-2], 1)), reshape(u, (1, 1, 1, s.shape[-1])))
            seen = before if seen is None else emit(And(), seen, before)
        return (w if seen is None else emit(Where(), seen, w, constant(0, w.dtype))), bent

    def thin(self, x: Value, kept: Value | None) -> Value:
        """Dropout of (batch, heads, T, S) by what it keeps."""
        return x if kept is None else emit(Where(), kept, x * (1 / (1 - self.rate)), constant(0, x.dtype))

    def kept(self, q: Value, k: Value, more: Sequence[Value]) -> Value | None:
        """What dropout keeps, None if there is none."""
        words = self.optional([*(q,) * self.fixed, *more])[2]
        return None if words is None else kept_pairs(words, self.rate, (q.shape[0], q.shape[2], q.shape[1], k.shape[1]))


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
            inputs.append(((2,), "uint32", 0, 2**32))
            found.append((kind(0.5, causal, mask is not None, bias is not None, 0.25, 1.5 * (mask is not None)), tuple(inputs)))
    return found


class Attention(_Attention):
    """softmax over j of (scale q[i] k[j] + bias[i, j]), weighting v[j], for each head, and the log-sum-exp of each row of scores.

    Inputs: q (batch, T, heads, n), k (batch, S, groups, n), v (batch, S, groups, m), where each group of keys serves heads / groups
    heads of queries in a row; then a bool mask and a bias, if there are any, of four axes, with extents 1 where they are the same for
    all rows, heads, queries or (the mask) keys; then, if there is dropout, two words (seed, draws) that decide what is left out (see
    `PairBits`). Results: (batch, T, heads, m), (batch, T, heads). A query that sees no key, or only keys of score -inf, gets zeros.
    """

    def infer(self, *specs: Spec) -> list[Spec]:
        self.check(specs)
        (q, dtype), (v, _) = specs[0], specs[2]
        return [((*q[:3], v[3]), dtype), (q[:3], dtype)]

    def reference(self, *arrays: Array) -> tuple[Array, ...]:
        q, k, v = arrays[:3]
        s = self.scores(q, k, arrays[3:])[0]
        highest = np.max(s, -1, keepdims=True, initial=np.finfo(s.dtype).min)
        e = np.exp(s - highest)
        total = np.sum(e, -1, keepdims=True)
        out = (self.thinned(e, self.optional(arrays)[2]) @ spread(v, q.shape[2])) / np.where(total == 0, 1, total)
        lse = (highest + np.log(total))[..., 0]
        return np.ascontiguousarray(turned(out)), np.ascontiguousarray(np.swapaxes(lse, 1, 2))

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (q, k, v), (out, lse), (g, d_lse) = inputs[:3], outputs, cotangents
        g = zeros_like(out) if g is None else g
        delta = emit(Sum((3,)), g * out)
        if d_lse is not None:
            delta = delta - d_lse
        back = AttentionBack(self.scale, self.causal, self.masked, self.biased, self.rate, self.cap)
        grads: list[Value | None] = [*emit_all(back, q, k, v, lse, delta, g, *inputs[3:])]
        grads += [None] * self.masked
        _, bias, _ = self.optional(inputs)
        if bias is not None:
            products = self.thin(emit(MatMul(), transpose(g, TURNED), swap_last(shared(v, q))), self.kept(q, k, inputs[3:]))
            slopes = self.weights(q, k, lse, inputs[3:])[0] * (products - column(delta))
            grads.append(unbroadcast(slopes, bias.shape))
        return [*grads, None] if self.rate > 0 else grads

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "attention", self.variant(specs[0][1])

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """See `attention_layout`."""
        return self.layout(shapes, back=False)

    def thread_workspace(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Bytes for a block of queries, of scores, of the mask and of the bias."""
        return self.bytes(shapes, back=False)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(op, inputs, False) for op, inputs in _typical(cls)]


class AttentionBack(_Attention):
    """The gradients of q, k and v, given the log-sum-exp of each row and delta = (gradient of the result) . (result).

    Inputs: q, k, v as of `Attention`, log-sum-exp and delta (batch, T, heads), the gradient g of the result, then mask, bias and words.
    With w = min(1, exp(scale q k + bias - lse)) and slopes s = w (g v - delta): dq = scale s k, dk = scale s^T q, dv = w^T g; dropout
    applies to w in dv and to g v; with a cap, s is multiplied by 1 - tanh(scale q k / cap)^2.
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
        scores, bends = self.scores(q, k, arrays[6:])
        w = np.exp(np.minimum(scores - column, 0))
        words = self.optional(arrays)[2]
        products = self.thinned(turned(g) @ np.swapaxes(spread(v, q.shape[2]), -1, -2), words)
        s = np.asarray(self.scale, q.dtype) * w * (products - np.swapaxes(delta, 1, 2)[..., None])
        s = s if bends is None else s * bends
        w = self.thinned(w, words)
        dq = turned(s @ spread(k, q.shape[2]))
        dk = gathered(np.swapaxes(s, -1, -2) @ turned(q), k.shape[2])
        dv = gathered(np.swapaxes(w, -1, -2) @ turned(g), k.shape[2])
        return np.ascontiguousarray(dq), np.ascontiguousarray(dk), np.ascontiguousarray(dv)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        """By other ops, with all weights in memory, since second derivatives are rare."""
        q, k, v, lse, delta, g = inputs[:6]
        a, b, c = (zeros_like(y) if ct is None else ct for y, ct in zip(outputs, cotangents, strict=True))
        turned_q, turned_a, turned_g = (transpose(x, TURNED) for x in (q, a, g))
        all_k, all_v, all_b, all_c = (shared(x, q) for x in (k, v, b, c))

        def times(x: Value, y: Value) -> Value:
            return emit(MatMul(), x, y)

        kept = self.kept(q, k, inputs[6:])
        w, bent = self.weights(q, k, lse, inputs[6:])
        used = self.thin(w, kept)
        apart = self.thin(times(turned_g, swap_last(all_v)), kept) - column(delta)
        along = (times(turned_a, swap_last(all_k)) + times(turned_q, swap_last(all_b))) * self.scale
        slopes, of_apart = w * apart, w * along
        if bent is None:
            of_scores = of_products = w * (apart * along + self.thin(times(turned_g, swap_last(all_c)), kept))
        else:
            bends = emit(Sub(), constant(1, w.dtype), bent * bent)
            of_apart = of_apart * bends
            of_scores = apart * of_apart + w * self.thin(times(turned_g, swap_last(all_c)), kept)
            of_products = (of_scores - slopes * along * bent * (2 / self.cap)) * bends
            slopes = slopes * bends
        of_sums = self.thin(of_apart, kept)  # g v
        dq = (times(of_products, all_k) + times(slopes, all_b)) * self.scale
        dk = (times(swap_last(of_products), turned_q) + times(swap_last(slopes), turned_a)) * self.scale
        grads: list[Value | None] = [
            transpose(dq, TURNED),
            unshared(dk, k.shape),
            unshared(times(swap_last(of_sums), turned_g), v.shape),
            row_sums(of_scores) * -1.0,
            row_sums(of_apart) * -1.0,
            transpose(times(of_sums, all_v) + times(used, all_c), TURNED),
        ]
        grads += [None] * self.masked
        _, bias, _ = self.optional(inputs)
        grads += [] if bias is None else [unbroadcast(of_scores, bias.shape)]
        return [*grads, None] if self.rate > 0 else grads

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "attention_back", self.variant(specs[0][1])

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """See `attention_layout`."""
        return self.layout(shapes, back=True)

    def thread_workspace(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Bytes for blocks of queries, gradients, scores, slopes, of the mask and of the bias."""
        return self.bytes(shapes, back=True)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(op, inputs, False) for op, inputs in _typical(cls)]
