"""Dropout and capped scores in the attention kernels: which pairs are left out, values, derivatives, the same bits everywhere, memory."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from generated import assert_close
from graphnn_compiler import build as b
from graphnn_compiler.apart import rows_apart
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Value
from graphnn_compiler.kernels.attention_layout import NAMES
from graphnn_compiler.ops.attention import Attention, AttentionBack
from graphnn_compiler.ops.attention_parts import kept_pairs
from graphnn_compiler.ops.random import least_kept, pair_bits, philox4x32_words
from graphnn_compiler.runtime import team
from graphnn_compiler.runtime.program import Mode
from graphnn_compiler.runtime.spec import AVX2, HOST, KernelSpec
from graphnn_compiler.trace import emit, emit_all, trace
from graphnn_compiler.verify import verify
from test_attention import SIZES, Array, every_kernel_on_all_threads, run, slopes, some_mask, specs, tensors, weighted

__all__ = ["every_kernel_on_all_threads"]  # a fixture that every test uses
WORDS = np.array([0xFEDCBA98, 0xF1234567], "uint32")


def keeps(words: Array, rate: float, rows: int, t: int, s: int) -> Array:
    """(rows, T, S), pair by pair as `PairBits` says."""
    r, i, j = np.indices((rows, t, s), "uint32")
    found = philox4x32_words((words[0], words[1]), (i, j // 4, r, np.ones_like(r)))
    return np.stack(found, -1)[r, i, j, j % 4] >= round(rate * 2**32)


def written_out(op: Attention, q: Array, k: Array, v: Array, *more: Array) -> tuple[Array, Array]:
    """Row by row in float64."""
    (batch, steps, heads, _), keys = q.shape, k.shape[1]
    mask = np.broadcast_to(more[0] if op.masked else True, (batch, heads, steps, keys))
    bias = np.broadcast_to(more[op.masked] if op.biased else 0.0, (batch, heads, steps, keys))
    stays = keeps(more[-1], op.rate, batch * heads, steps, keys) if op.rate else np.ones((batch * heads, steps, keys), bool)
    out, lse = np.zeros((batch, steps, heads, v.shape[3])), np.full((batch, steps, heads), -np.inf)
    for i, t, h in np.ndindex(batch, steps, heads):
        g = h * k.shape[2] // heads
        seen = mask[i, h, t] & ((np.arange(keys) <= t) | (not op.causal))
        if seen.any():
            s = op.scale * (k[i, seen, g].astype("float64") @ q[i, t, h].astype("float64"))
            s = (op.cap * np.tanh(s / op.cap) if op.cap else s) + bias[i, h, t, seen]
            e = np.exp(s - s.max())
            kept = e * stays[i * heads + h, t, seen] / (1 - op.rate)
            out[i, t, h], lse[i, t, h] = kept @ v[i, seen, g] / e.sum(), s.max() + np.log(e.sum())
    return out, lse


VARIANTS = ((0.3, 0.0), (0.0, 1.5), (0.6, 0.8))


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rate", "cap"), VARIANTS)
def test_masks_biases_and_causality(sizes: tuple[int, ...], dtype: str, rate: float, cap: float) -> None:
    batch, t, h, n, s, _, _ = sizes
    shapes = [None, (batch, 1, 1, s), (1, h, t, s), (batch, 1, t, 1), (1, 1, 1, 1)]
    for causal, (mask, bias) in itertools.product((False, True), zip(shapes, (None, (batch, h, t, s), None, (1, h, 1, s), None), strict=True)):
        arrays = tensors(sizes, dtype)
        arrays += [] if mask is None else [some_mask(mask)]
        arrays += [] if bias is None else [np.random.default_rng(3).standard_normal(bias).astype(dtype)]
        arrays += [WORDS] if rate else []
        op = Attention(n**-0.5, causal, mask is not None, bias is not None, rate, cap)
        graph = trace(lambda *x, op=op: [*emit_all(op, *x)], specs(arrays))
        verify(graph)
        want = written_out(op, *arrays)
        for found in (interpret(graph, arrays, {})[0], Executable(graph)(arrays)):
            for got, w in zip(found, want, strict=True):
                assert_close(got, w.astype(dtype), f"{op} mask {mask} bias {bias}")


def drawn(words: Array, rate: float, batch: int, t: int, h: int, s: int, dtype: str = "float32", back: bool = False) -> Array:
    """What the kernels keep, (batch, heads, T, S), found by equal weights and values that are columns of the unit matrix."""
    op = Attention(1.0, rate=rate)
    q, v = np.zeros((batch, t, h, 1), dtype), np.tile(np.eye(s, dtype=dtype)[None, :, None], (batch, 1, h, 1))
    arrays = [q, np.zeros((batch, s, h, 1), dtype), v, np.asarray(words, "uint32")]

    def f(*x: Value) -> list[Value]:
        out = emit(op, *x)
        return [out]

    def of_query(i: int) -> list[Array]:
        """The gradient of values where one query's result counts: its weights, in all features."""
        ct = np.zeros((batch, t, h, s), dtype)
        ct[:, i] = 1
        return Executable(trace(lambda *x: gradients([emit(op, *x)], [b.value(ct)], [x[2]]), specs(arrays)))(arrays)

    if not back:
        return np.transpose(Executable(trace(f, specs(arrays)))(arrays)[0], (0, 2, 1, 3)) > 0
    return np.stack([np.transpose(of_query(i)[0][..., 0], (0, 2, 1)) for i in range(t)], 2) > 0


def test_a_pair_is_left_out_by_its_numbers_alone() -> None:
    """Whatever the extents, blocks, dtype and direction: by seed, draws, row and head, query and key."""
    want = keeps(WORDS, 0.4, 6, 150, 300).reshape(2, 3, 150, 300)
    assert np.array_equal(drawn(WORDS, 0.4, 2, 150, 3, 300), want)
    assert np.array_equal(drawn(WORDS, 0.4, 2, 150, 3, 300, "float64"), want)
    for t, s in ((1, 1), (3, 5), (65, 129), (150, 31)):
        for dtype in ("float32", "float64"):
            assert np.array_equal(drawn(WORDS, 0.4, 2, t, 3, s, dtype), want[:, :, :t, :s])
    assert np.array_equal(drawn(WORDS, 0.4, 2, 3, 3, 150, back=True), want[:, :, :3, :150])
    assert np.array_equal(drawn(WORDS, 0.4, 2, 2, 3, 140, "float64", back=True), want[:, :, :2, :140])


def test_the_reference_and_the_other_ops_draw_the_same() -> None:
    want = keeps(WORDS, 0.4, 6, 37, 21)
    assert np.array_equal(pair_bits(int(WORDS[0]), int(WORDS[1]), 6, 37, 21) >= least_kept(0.4), want)
    n = symbol("n")
    f = Executable(trace(lambda x, w: [kept_pairs(w, 0.4, (x.shape[0], 3, 37, 21))], [((n,), "float32"), ((2,), "uint32")]))
    assert np.array_equal(f([np.zeros(2, "float32"), WORDS])[0].reshape(want.shape), want)


def test_what_is_left_out_is_a_fair_sample() -> None:
    a, other_draw, other_seed = (drawn(np.array(w), 0.1, 2, 256, 4, 512) for w in ((5, 0), (5, 1), (6, 0)))
    n = a.size
    for x in (a, other_draw, other_seed):
        assert abs(np.mean(~x) - 0.1) < 5 * np.sqrt(0.09 / n)
        for axes in ((0, 1, 2), (0, 1, 3), (2, 3)):  # each key, each query, each head
            share, count = np.mean(~x, axes), n / np.mean(~x, axes).size
            assert np.abs(share - 0.1).max() < 5.5 * np.sqrt(0.09 / count)
    pairs = [(a, other_draw), (a, other_seed), (a[:, :, 1:], a[:, :, :-1]), (a[..., 1:], a[..., :-1]), (a[..., 4:], a[..., :-4]), (a[:, 1:], a[:, :-1])]
    for x, y in pairs:
        assert abs(np.mean(~x & ~y) - 0.01) < 5 * np.sqrt(0.01 * 0.99 / x.size)


@pytest.mark.parametrize("sizes", [(2, 5, 4, 3, 7, 2, 6), (1, 37, 2, 17, 131, 1, 9), (1, 70, 2, 4, 20, 2, 4)])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("rate", "cap"), VARIANTS)
def test_gradients_are_the_derivatives(sizes: tuple[int, ...], causal: bool, rate: float, cap: float) -> None:
    batch, t, h, n, s, _, _ = sizes
    for mask, bias in ((None, None), ((batch, 1, 1, s), (1, h, 1, s)), ((1, h, t, s), (batch, h, t, s))):
        arrays = tensors(sizes, "float64")
        arrays += [] if mask is None else [np.random.default_rng(2).random(mask) < 0.7]
        arrays += [] if bias is None else [np.random.default_rng(3).standard_normal(bias)]
        if mask is not None:
            arrays[3][..., :1] = True  # each query sees a key, or the log-sum-exp is -inf
        arrays += [WORDS] if rate else []
        op = Attention(n**-0.5, causal, mask is not None, bias is not None, rate, cap)
        f, number = weighted(op, arrays)
        found = Executable(trace(f, specs(arrays)))(arrays)
        slopes(lambda x, op=op, number=number: number(op.reference(*x)), arrays, found[2:])
        want = interpret(trace(f, specs(arrays)), arrays, {})[0]
        for got, w in zip(found, want, strict=True):
            assert_close(got, w, f"{op}")


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("rate", "cap"), VARIANTS)
def test_second_derivatives(causal: bool, rate: float, cap: float) -> None:
    arrays = [*tensors((2, 5, 4, 3, 7, 2, 6), "float64"), some_mask((2, 1, 5, 7)), np.random.default_rng(3).standard_normal((1, 4, 5, 7))]
    arrays[3][..., :1] = True
    arrays += [WORDS] if rate else []
    op = Attention(0.6, causal, True, True, rate, cap)
    f, _ = weighted(op, arrays)
    first = Executable(trace(lambda *x: f(*x)[2:], specs(arrays)))
    rng = np.random.default_rng(9)
    weights = [rng.standard_normal(a.shape) for a in arrays if a.dtype.kind == "f"]

    def second(*x: Value) -> list[Value]:
        return gradients(f(*x)[2:], [b.value(w) for w in weights], [v for v in x if v.dtype == "float64"])

    def number(x: Sequence[Array]) -> float:
        return float(sum(np.sum(g * w) for g, w in zip(first(list(x)), weights, strict=True)))

    slopes(number, arrays, Executable(trace(second, specs(arrays)))(arrays))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rate", "cap"), VARIANTS)
def test_a_query_that_sees_nothing_gives_zeros_and_gets_none(dtype: str, rate: float, cap: float) -> None:
    arrays = [*tensors((2, 35, 2, 8, 140, 1, 9), dtype), np.ones((2, 2, 35, 140), bool)]
    arrays[3][:, 1, ::2] = False
    arrays[3][1] = False
    arrays += [WORDS] if rate else []
    op = Attention(0.4, masked=True, rate=rate, cap=cap)
    out, lse, *grads = Executable(trace(weighted(op, arrays)[0], specs(arrays)))(arrays)
    assert not out[:, ::2, 1].any() and not out[1].any() and np.isneginf(lse[1]).all() and out[0, 1].all()
    assert not grads[0][:, ::2, 1].any() and not any(g[1].any() for g in grads)
    assert all(np.isfinite(g).all() for g in [out, *grads])


def test_a_query_of_which_dropout_leaves_nothing() -> None:
    """It gives zeros, and only the log-sum-exp has a gradient; a key that nobody keeps gives none to its value."""
    arrays = [*tensors((4, 33, 2, 4, 3, 2, 5), "float64"), WORDS]
    kept = keeps(WORDS, 0.9, 8, 33, 3).reshape(4, 2, 33, 3)
    alone = np.transpose(~kept.any(3), (0, 2, 1))
    op = Attention(0.5, rate=0.9)

    def f(*x: Value) -> list[Value]:
        out = emit(op, *x)
        return [out, *gradients([out], [b.value(np.ones((4, 33, 2, 5)))], list(x[:3]))]

    out, dq, dk, dv = Executable(trace(f, specs(arrays)))(arrays)
    assert alone.any() and not alone.all() and not out[alone].any() and out[~alone].all()
    assert not dq[alone].any() and all(np.isfinite(g).all() for g in (dk, dv))


def test_a_cap_bounds_infinite_products() -> None:
    for dtype in ("float32", "float64"):
        q, k, v = tensors((1, 9, 1, 1, 20, 1, 5), dtype)
        q[0, :, 0] = np.abs(q[0, :, 0])
        k[0, 3], k[0, 4] = np.inf, -np.inf
        op = Attention(1.0, cap=2.0)
        for got, want in zip(Executable(trace(lambda *x, op=op: [*emit_all(op, *x)], specs([q, k, v])))([q, k, v]), op.reference(q, k, v), strict=True):
            assert np.isfinite(got).all()
            assert_close(got, want, dtype)


@pytest.mark.parametrize("sizes", [(2, 5, 4, 3, 7, 2, 6), (1, 70, 2, 40, 300, 1, 33)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rate", "cap"), VARIANTS)
def test_same_bits_on_any_number_of_threads_and_targets(sizes: tuple[int, ...], dtype: str, rate: float, cap: float) -> None:
    batch, t, h, n, s, _, _ = sizes
    inputs = [*tensors(sizes, dtype), some_mask((batch, 1, t, s)), np.random.default_rng(3).standard_normal((1, h, t, s)).astype(dtype)]
    inputs += [WORDS] if rate else []
    first: dict[bool, list[bytes]] = {}
    for target, causal, dynamic, threads in itertools.product((HOST, AVX2), (False, True), (0, 1), (1, 2, 3, 4)):
        op, back = (kind(n**-0.5, causal, True, True, rate, cap) for kind in (Attention, AttentionBack))
        results = [np.full(shape, np.nan, dtype) for shape in (op.infer(*specs(inputs))[i][0] for i in range(2))]
        g = np.cos(np.arange(results[0].size, dtype=dtype)).reshape(results[0].shape)
        found: list[Array] = []
        for o, arrays, out in (
            (op, inputs, results),
            (back, [*inputs[:3], results[1], g[..., 0].copy(), g, *inputs[3:]], [np.full_like(a, np.nan) for a in inputs[:3]]),
        ):
            name, params = o.kernel(specs(inputs))
            shapes = [a.shape for a in arrays]
            dims = o.dims(shapes)
            dims[NAMES.index("dynamic")] = dynamic
            run(KernelSpec(name, tuple(params.items())), target, dims, [*arrays, *out], o.thread_workspace(shapes), threads)
            found += out
        assert all(np.isfinite(a).all() for a in (found[0], *found[2:]))
        bits = [a.tobytes() for a in found]
        assert first.setdefault(causal, bits) == bits, (target, threads, dynamic)


def test_memory_grows_with_the_length_and_not_with_its_square() -> None:
    t = symbol("t")
    op = Attention(0.25, rate=0.1, cap=30.0)

    def f(q: Value, k: Value, v: Value, words: Value) -> list[Value]:
        out = emit(op, q, k, v, words)
        return gradients([out], [out * out], [q, k, v])

    executable = Executable(trace(f, [*[((2, t, 2, 16), "float32")] * 3, ((2,), "uint32")]))

    def arena(length: int) -> int:
        return executable.program([*[(2, length, 2, 16)] * 3, (2,)], Mode(("whole",) * 4, False, (0,) * 4)).arena_bytes

    assert arena(4096) - arena(2048) == 2 * (arena(2048) - arena(1024))
    assert arena(4096) < 4 * 4 * 2 * 4096 * 2 * 16


def test_rows_with_dropout_are_not_apart() -> None:
    n = symbol("n")
    rows = [*[((n, 5, 2, 4), "float32")] * 3, ((2,), "uint32")]
    for rate, apart in ((0.0, True), (0.1, False)):
        graph = trace(lambda *x, rate=rate: [emit(Attention(0.5, rate=rate), *x[: 4 if rate else 3])], rows)
        assert rows_apart(graph, n) is apart


EMPTY = ((2, 3, 2, 4, 0, 1, 5), (2, 0, 2, 4, 3, 1, 5), (0, 3, 2, 4, 3, 2, 5), (1, 3, 2, 0, 4, 2, 5), (1, 3, 2, 4, 4, 2, 0), (2, 3, 0, 4, 3, 0, 5))


@pytest.mark.parametrize("sizes", EMPTY)
def test_extents_of_zero(sizes: tuple[int, ...]) -> None:
    arrays = [*tensors(sizes), WORDS]
    f, _ = weighted(Attention(1.0, rate=0.3, cap=2.0), [*arrays[:3], WORDS])
    want = interpret(trace(f, specs(arrays)), arrays, {})[0]
    for g, w in zip(Executable(trace(f, specs(arrays)))(arrays), want, strict=True):
        assert_close(g, w, str(sizes))


def test_what_does_not_fit() -> None:
    q: Any = ((2, 5, 4, 3), "float32")
    for words in (((2,), "int32"), ((3,), "uint32"), ((1, 2), "uint32")):
        with pytest.raises(TypeError, match="words"):
            Attention(1.0, rate=0.1).infer(q, q, q, words)
    for rate, cap in ((1.0, 0.0), (-0.1, 0.0), (float("nan"), 0.0), (0.0, -1.0), (0.0, float("inf"))):
        with pytest.raises((ValueError, TypeError)):
            Attention(1.0, rate=rate, cap=cap).infer(q, q, q)
    with pytest.raises(TypeError, match="inputs"):
        Attention(1.0, rate=0.1).infer(q, q, q)


def test_threads_of_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = [*tensors((2, 130, 2, 16, 200, 2, 16)), WORDS]
    f, _ = weighted(Attention(0.25, rate=0.2, cap=5.0), arrays)
    found = []
    for threads in (1, 2, 3, 4):
        team.set_threads(threads)
        found.append([a.tobytes() for a in Executable(trace(f, specs(arrays)))(arrays)])
    assert all(x == found[0] for x in found)
