"""Attention: against NumPy written out, its derivatives, what masks hide, memory, the same bits on any number of threads and on AVX2."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from generated import assert_close
from graphnn_compiler import build as b
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Value
from graphnn_compiler.kernels.attention_layout import NAMES
from graphnn_compiler.ops.attention import Attention, AttentionBack
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.movement import transpose
from graphnn_compiler.runtime import context, loader, team
from graphnn_compiler.runtime.program import Mode
from graphnn_compiler.runtime.spec import AVX2, HOST, KernelSpec, Target
from graphnn_compiler.trace import emit, emit_all, trace
from graphnn_compiler.verify import verify

Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def every_kernel_on_all_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GRAPHNN_MIN_PARALLEL_WORK", "0")
    threads = team.threads()
    yield
    team.set_threads(threads)


def written_out(op: Attention, q: Array, k: Array, v: Array, *more: Array) -> tuple[Array, Array]:
    """Row by row in float64."""
    (batch, steps, heads, _), keys = q.shape, k.shape[1]
    mask = np.broadcast_to(more[0] if op.masked else True, (batch, heads, steps, keys))
    bias = np.broadcast_to(more[-1] if op.biased else 0.0, (batch, heads, steps, keys))
    out, lse = np.zeros((batch, steps, heads, v.shape[3])), np.full((batch, steps, heads), -np.inf)
    for i, t, h in np.ndindex(batch, steps, heads):
        g = h * k.shape[2] // heads
        seen = mask[i, h, t] & ((np.arange(keys) <= t) | (not op.causal))
        if seen.any():
            s = op.scale * (k[i, seen, g].astype("float64") @ q[i, t, h].astype("float64")) + bias[i, h, t, seen]
            e = np.exp(s - s.max())
            out[i, t, h], lse[i, t, h] = e @ v[i, seen, g] / e.sum(), s.max() + np.log(e.sum())
    return out, lse


def tensors(sizes: Sequence[int], dtype: str = "float32", seed: int = 0) -> list[Array]:
    """q, k, v of batch, T, heads, n, S, groups, m."""
    batch, t, h, n, s, groups, m = sizes
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in ((batch, t, h, n), (batch, s, groups, n), (batch, s, groups, m))]


def some_mask(shape: Sequence[int], seed: int = 1) -> Array:
    """About half of it False, with whole rows among that."""
    rng = np.random.default_rng(seed)
    mask = rng.random(tuple(shape)) < 0.6
    mask[..., ::3, :] &= bool(shape[2] == 1)
    return mask


SIZES = (
    (1, 1, 1, 1, 1, 1, 1),
    (2, 5, 4, 3, 7, 2, 6),
    (1, 33, 2, 16, 129, 1, 17),
    (2, 64, 2, 32, 64, 2, 32),
    (1, 40, 3, 20, 300, 3, 65),
    (1, 97, 2, 256, 18, 2, 129),
    (2, 1, 4, 40, 300, 2, 70),  # a single query has a path of its own
    (1, 1, 2, 7, 16, 1, 130),
)


def specs(arrays: Sequence[Array]) -> list[tuple[tuple[int, ...], str]]:
    return [(a.shape, a.dtype.name) for a in arrays]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_masks_biases_and_causality(sizes: tuple[int, ...], dtype: str) -> None:
    batch, t, h, n, s, _, _ = sizes
    shapes = [None, (batch, 1, 1, s), (1, h, t, s), (batch, 1, t, 1), (1, 1, 1, 1)]
    for causal, mask, bias in itertools.product((False, True), shapes, (None, (batch, h, t, s), (1, h, 1, s))):
        arrays = tensors(sizes, dtype)
        arrays += [] if mask is None else [some_mask(mask)]
        arrays += [] if bias is None else [np.random.default_rng(3).standard_normal(bias).astype(dtype)]
        op = Attention(n**-0.5, causal, mask is not None, bias is not None)
        graph = trace(lambda *x, op=op: [*emit_all(op, *x)], specs(arrays))
        verify(graph)
        want = written_out(op, *arrays)
        for found in (interpret(graph, arrays, {})[0], Executable(graph)(arrays)):
            for got, w in zip(found, want, strict=True):
                assert_close(got, w.astype(dtype), f"{op} mask {mask} bias {bias}")


def weighted(op: Attention, arrays: Sequence[Array]) -> Any:
    """A function of the inputs whose every result matters, and the float inputs' gradients."""
    (out, lse), rng = op.infer(*specs(arrays)), np.random.default_rng(7)
    weights = [rng.standard_normal(x[0]).astype(x[1]) for x in (out, lse)]

    def f(*x: Value) -> list[Value]:
        results = emit_all(op, *x)
        return [*results, *gradients(results, [b.value(w) for w in weights], [v for v in x if is_float(v.dtype)])]

    def number(found: Sequence[Array]) -> float:
        return float(sum(np.sum(r * w, dtype="float64") for r, w in zip(found, weights, strict=False)))

    return f, number


def slopes(number: Any, arrays: Sequence[Array], got: Sequence[Array]) -> None:
    """The gradients `got` are the slopes of `number` along random directions."""
    rng, h = np.random.default_rng(5), 1e-5
    floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    for g, i in zip(got, floats, strict=True):
        assert g.shape == arrays[i].shape
        direction = rng.standard_normal(g.shape)

        def along(t: float, i: int = i, direction: Array = direction) -> float:
            return number([a + t * direction if j == i else a for j, a in enumerate(arrays)])

        slope = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)
        assert abs(slope - float(np.sum(g * direction))) <= 1e-7 * (float(np.sum(np.abs(g * direction))) + 1), i


@pytest.mark.parametrize("sizes", [(2, 5, 4, 3, 7, 2, 6), (1, 37, 2, 17, 131, 1, 9), (1, 20, 2, 4, 20, 2, 4)])
@pytest.mark.parametrize("causal", [False, True])
def test_gradients_are_the_derivatives(sizes: tuple[int, ...], causal: bool) -> None:
    batch, t, h, n, s, _, _ = sizes
    for mask, bias in ((None, None), ((batch, 1, 1, s), (1, h, 1, s)), ((1, h, t, s), (batch, h, t, s))):
        arrays = tensors(sizes, "float64")
        arrays += [] if mask is None else [np.random.default_rng(2).random(mask) < 0.7]
        arrays += [] if bias is None else [np.random.default_rng(3).standard_normal(bias)]
        if mask is not None:
            arrays[3][..., :1] = True  # each query sees a key, or the log-sum-exp is -inf
        op = Attention(n**-0.5, causal, mask is not None, bias is not None)
        f, number = weighted(op, arrays)
        found = Executable(trace(f, specs(arrays)))(arrays)
        slopes(lambda x, op=op, number=number: number(op.reference(*x)), arrays, found[2:])


@pytest.mark.parametrize("causal", [False, True])
def test_second_derivatives(causal: bool) -> None:
    arrays = [*tensors((2, 5, 4, 3, 7, 2, 6), "float64"), some_mask((2, 1, 5, 7)), np.random.default_rng(3).standard_normal((1, 4, 5, 7))]
    arrays[3][..., :1] = True
    op = Attention(0.6, causal, masked=True, biased=True)
    f, _ = weighted(op, arrays)
    first = Executable(trace(lambda *x: f(*x)[2:], specs(arrays)))
    rng = np.random.default_rng(9)
    weights = [rng.standard_normal(a.shape) for a in arrays if a.dtype.kind == "f"]

    def second(*x: Value) -> list[Value]:
        found = f(*x)[2:]
        return gradients(found, [b.value(w) for w in weights], [v for v in x if is_float(v.dtype)])

    def number(x: Sequence[Array]) -> float:
        return float(sum(np.sum(g * w) for g, w in zip(first(list(x)), weights, strict=True)))

    slopes(number, arrays, Executable(trace(second, specs(arrays)))(arrays))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_query_that_sees_nothing_gives_zeros_and_gets_none(dtype: str) -> None:
    arrays = [*tensors((2, 35, 2, 8, 140, 1, 9), dtype), np.ones((2, 2, 35, 140), bool)]
    arrays[3][:, 1, ::2] = False
    arrays[3][1] = False
    op = Attention(0.4, masked=True)
    f, _ = weighted(op, arrays)
    out, lse, *grads = Executable(trace(f, specs(arrays)))(arrays)
    assert not out[:, ::2, 1].any() and not out[1].any() and np.isneginf(lse[1]).all() and out[0, 1].all()
    assert not grads[0][:, ::2, 1].any() and not any(g[1].any() for g in grads)
    assert all(np.isfinite(g).all() for g in [out, *grads])


@pytest.mark.parametrize("causal", [False, True])
def test_blocks_that_are_hidden_as_a_whole_are_not_read(causal: bool) -> None:
    """Blocks of 128 keys and 64 queries, the first among them; what lies in them is not even a number."""
    arrays = [*tensors((1, 150, 2, 8, 390, 1, 9), "float64"), np.random.default_rng(2).random((1, 2, 150, 390)) < 0.5]
    arrays[3][..., :128] = arrays[3][..., 256:384] = False
    arrays[3][:, :, :64] = arrays[3][:, 0, 128:] = False
    op = Attention(0.4, causal, masked=True)
    want = Executable(trace(weighted(op, arrays)[0], specs(arrays)))(arrays)
    for got, w in zip(want, written_out(op, *arrays), strict=False):
        assert_close(got, w, "forward")
    assert not any(g[:, :128].any() or g[:, 256:384].any() for g in want[3:]) and not want[2][:, :64].any()
    assert (causal or want[2][:, 64:128].all()) and want[2][:, 128:, 1].any() and not want[2][:, 128:, 0].any()
    for a in arrays[1:3]:
        a[:, :128] = a[:, 256:384] = np.nan
    for got, w in zip(Executable(trace(weighted(op, arrays)[0], specs(arrays)))(arrays), want, strict=True):
        np.testing.assert_array_equal(got, w)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("wide", [False, True])
def test_a_single_query_with_blocks_that_are_hidden(dtype: str, wide: bool) -> None:
    """What lies in hidden blocks of keys is not even a number; a head that sees nothing gives zeros."""
    arrays = [*tensors((2, 1, 2, 24, 700, 1, 40), dtype), np.random.default_rng(2).random((2, 2 if wide else 1, 1, 700)) < 0.5]
    arrays[3][..., :128] = arrays[3][..., 384:640] = False
    if wide:
        arrays[3][1, 1] = False
    op = Attention(0.4, masked=True)
    want = written_out(op, *arrays)
    for a in arrays[1:3]:
        a[:, :128] = a[:, 384:640] = np.nan
    out, lse = Executable(trace(lambda *x: [*emit_all(op, *x)], specs(arrays)))(arrays)
    assert_close(out, want[0].astype(dtype), "values")
    assert_close(lse, want[1].astype(dtype), "log-sum-exp")
    assert np.isneginf(lse[1, 0, 1]) == wide and not (wide and out[1, 0, 1].any())


def test_a_single_query_that_is_not_finite() -> None:
    q, k, v = tensors((2, 1, 1, 8, 150, 1, 8))
    q[0, 0, 0, 2] = np.nan
    bias = np.zeros((2, 1, 1, 150), "float32")
    bias[1, 0, 0, :140] = -np.inf
    arrays, op = [q, k, v, bias], Attention(1.0, biased=True)
    out, lse = Executable(trace(lambda *x: [*emit_all(op, *x)], specs(arrays)))(arrays)
    assert np.isnan(out[0]).all() and np.isnan(lse[0]).all()
    with np.errstate(all="ignore"):
        want = op.reference(*arrays)
    np.testing.assert_allclose(out[1], want[0][1], rtol=1e-5, atol=1e-5)
    bias[1] = -np.inf
    out, lse = Executable(trace(lambda *x: [*emit_all(op, *x)], specs(arrays)))(arrays)
    assert not out[1].any() and np.isneginf(lse[1]).all()


EMPTY = (
    (2, 3, 2, 4, 0, 1, 5),
    (2, 0, 2, 4, 3, 1, 5),
    (0, 3, 2, 4, 3, 2, 5),
    (1, 3, 2, 0, 4, 2, 5),
    (1, 3, 2, 4, 4, 2, 0),
    (2, 3, 0, 4, 3, 2, 5),
    (2, 3, 0, 4, 3, 0, 5),
    (2, 1, 2, 4, 0, 1, 5),
    (2, 1, 2, 0, 4, 1, 5),
    (2, 1, 2, 4, 3, 1, 0),
)


@pytest.mark.parametrize("sizes", EMPTY)
@pytest.mark.parametrize("causal", [False, True])
def test_extents_of_zero(sizes: tuple[int, ...], causal: bool) -> None:
    arrays = tensors(sizes)
    op = Attention(1.0, causal)
    found = Executable(trace(weighted(op, arrays)[0], specs(arrays)))(arrays)
    want = interpret(trace(weighted(op, arrays)[0], specs(arrays)), arrays, {})[0]
    for g, w in zip(found, want, strict=True):
        assert_close(g, w, str(sizes))


def test_what_is_not_finite_stays_in_its_row() -> None:
    q, k, v = tensors((1, 40, 1, 8, 150, 1, 8))
    q[0, 3, 0, 2] = np.nan
    q[0, 5] *= 1e4
    bias = np.zeros((1, 1, 40, 150), "float32")
    bias[0, 0, 7, :140] = -np.inf
    bias[0, 0, 9] = -np.inf
    arrays, op = [q, k, v, bias], Attention(1.0, biased=True)
    out, lse = Executable(trace(lambda *x: [*emit_all(op, *x)], specs(arrays)))(arrays)
    assert np.isnan(out[0, 3]).all() and np.isnan(lse[0, 3]).all() and np.isfinite(np.delete(out, 3, 1)).all()
    assert not out[0, 9].any() and np.isneginf(lse[0, 9]).all()
    with np.errstate(all="ignore"):
        want = op.reference(*arrays)
    np.testing.assert_allclose(np.delete(out, 3, 1), np.delete(want[0], 3, 1), rtol=1e-4, atol=1e-4)


def test_a_far_smaller_weight_is_nothing() -> None:
    """Weights over the whole range of exponents, against exp."""
    q, k = np.ones((1, 1, 1, 1), "float32"), -np.linspace(0, 120, 4001, dtype="float32").reshape(1, -1, 1, 1)
    v = np.eye(1, 4001, dtype="float32").reshape(1, -1, 1, 1)
    for dtype, limit in (("float32", 2e-7), ("float64", 4e-16)):
        for at in (0, 17, 900, 2700):
            v = np.zeros((1, 4001, 1, 1), dtype)
            v[0, at] = 1
            op = Attention(1.0)
            arrays = [q.astype(dtype), k.astype(dtype), v]
            [out] = Executable(trace(lambda *x, op=op: [emit(op, *x)], specs(arrays)))(arrays)
            e = np.exp(k.astype("float64").ravel())
            assert abs(out.item() / (e[at] / e.sum()) - 1) < 100 * limit


def run(spec: KernelSpec, target: Target, dims: list[int], arrays: list[Array], bytes_each: int, threads: int) -> None:
    """A kernel on some threads, its work space full of NaN."""
    work = np.full(threads * bytes_each // 4 + 16, np.nan, "float32")
    block = np.array(dims, np.int64)
    bufs = np.array([*(a.ctypes.data for a in arrays), work.ctypes.data], np.int64)
    ctx, kernel = context.new_context(threads), loader.function(loader.address(spec, target))
    codes = [-1] * threads

    def part(t: int) -> None:
        codes[t] = kernel(block.ctypes.data, bufs.ctypes.data, ctx.ctypes.data, t, threads)

    others = [threading.Thread(target=part, args=(t,)) for t in range(threads)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
    assert codes == [0] * threads


@pytest.mark.parametrize("sizes", [(2, 5, 4, 3, 7, 2, 6), (1, 70, 2, 40, 300, 1, 33), (2, 33, 1, 64, 128, 1, 48), (3, 1, 4, 40, 300, 2, 70)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_on_any_number_of_threads_and_targets(sizes: tuple[int, ...], dtype: str) -> None:
    batch, t, h, n, s, _, _ = sizes
    inputs = [*tensors(sizes, dtype), some_mask((batch, 1, t, s)), np.random.default_rng(3).standard_normal((1, h, t, s)).astype(dtype)]
    first: dict[str, list[bytes]] = {}
    for target, causal, dynamic, threads in itertools.product((HOST, AVX2), (False, True), (0, 1), (1, 2, 3, 4)):
        op = Attention(n**-0.5, causal, masked=True, biased=True)
        back = AttentionBack(n**-0.5, causal, masked=True, biased=True)
        results = [np.full(shape, np.nan, dtype) for shape in (op.infer(*specs(inputs))[i][0] for i in range(2))]
        g = np.cos(np.arange(results[0].size, dtype=dtype)).reshape(results[0].shape)
        delta = g[..., 0].copy()
        shapes = [a.shape for a in inputs]
        found: list[Array] = []
        for o, arrays, out in (
            (op, inputs, results),
            (back, [*inputs[:3], results[1], delta, g, *inputs[3:]], [np.full_like(a, np.nan) for a in inputs[:3]]),
        ):
            name, params = o.kernel(specs(inputs))
            shapes = [a.shape for a in arrays]
            dims = o.dims(shapes)
            dims[NAMES.index("dynamic")] = dynamic
            run(KernelSpec(name, tuple(params.items())), target, dims, [*arrays, *out], o.thread_workspace(shapes), threads)
            found += out
        assert all(np.isfinite(a).all() for a in (found[0], *found[2:]))
        bits = [a.tobytes() for a in found]
        assert first.setdefault(f"{causal}", bits) == bits, (target, threads, dynamic)


def test_memory_grows_with_the_length_and_not_with_its_square() -> None:
    t = symbol("t")
    op = Attention(0.25)

    def f(q: Value, k: Value, v: Value) -> list[Value]:
        out = emit(op, q, k, v)
        return gradients([out], [out * out], [q, k, v])

    executable = Executable(trace(f, [((2, t, 2, 16), "float32")] * 3))

    def arena(length: int) -> int:
        return executable.program([(2, length, 2, 16)] * 3, Mode(("whole",) * 3, False, (0,) * 3)).arena_bytes

    assert arena(4096) - arena(2048) == 2 * (arena(2048) - arena(1024))
    assert arena(4096) < 4 * 4 * 2 * 4096 * 2 * 16


def test_heads_first_a_slice_of_one_tensor_and_a_negative_scale() -> None:
    """Operands that do not lie in memory as the kernel wants them."""
    both, v = np.random.default_rng(0).standard_normal((2, 35, 3, 8)), np.random.default_rng(1).standard_normal((2, 3, 35, 5))

    def f(x: Value, y: Value) -> list[Value]:
        q, k, turned = x[..., ::2], x[..., 1::2], transpose(y, (0, 2, 1, 3))
        out = emit(Attention(-0.7), q, k, turned)
        return [out, *gradients([out], [out * 0.5], [x, y])]

    graph = trace(f, specs([both, v]))
    want = interpret(graph, [both, v], {})[0]
    assert_close(want[0], written_out(Attention(-0.7), both[..., ::2], both[..., 1::2], np.swapaxes(v, 1, 2))[0], "reference")
    for got, w in zip(Executable(graph)([both, v]), want, strict=True):
        assert_close(got, w, "views")


def test_lengths_are_bound_without_compiling() -> None:
    t, s = symbol("t"), symbol("s")
    op = Attention(0.5, causal=True)
    executable = Executable(trace(lambda q, k, v: [*emit_all(op, q, k, v)], [((symbol("n"), t, 2, 8), "float32"), *[((symbol("n"), s, 1, 8), "float32")] * 2]))
    for n, length, keys in ((1, 3, 5), (2, 130, 40), (3, 1, 1)):
        arrays = tensors((n, length, 2, 8, keys, 1, 8))
        for got, want in zip(executable(arrays), written_out(op, *arrays), strict=True):
            assert_close(got, want.astype("float32"), f"{length} {keys}")


def test_what_does_not_fit() -> None:
    q, k = ((2, 5, 4, 3), "float32"), ((2, 7, 2, 3), "float32")
    v, good = ((2, 7, 2, 6), "float32"), Attention(1.0)
    for bad in (
        (q, k, ((2, 6, 2, 6), "float32")),
        (((2, 5, 3, 3), "float32"), k, v),
        (((2, 5, 4, 4), "float32"), k, v),
        (((1, 5, 4, 3), "float32"), k, v),
        (q, k, ((2, 7, 2, 6), "float64")),
        (q, k, v, ((1, 1, 1, 7), "bool")),
        (((2, 5, 4), "float32"), k, v),
        (((2, 5, 4, 3), "int32"), ((2, 7, 2, 3), "int32"), ((2, 7, 2, 6), "int32")),
    ):
        with pytest.raises(TypeError, match="Attention"):
            good.infer(*bad)
    for mask in (((1, 1, 2, 7), "bool"), ((1, 1, 1, 7), "float32"), ((1, 7), "bool")):
        with pytest.raises(TypeError, match="mask"):
            Attention(1.0, masked=True).infer(q, k, v, mask)
    for bias in (((1, 1, 1, 1), "float32"), ((1, 1, 1, 7), "float64")):
        with pytest.raises(TypeError):
            Attention(1.0, biased=True).infer(q, k, v, bias)
    row = ((2, 5, 4), "float32")
    with pytest.raises(TypeError, match="AttentionBack"):
        AttentionBack(1.0).infer(q, k, v, row, row, q)
    heads = symbol("h")
    late = Executable(trace(lambda *x: [emit(good, *x)], [((1, 2, heads, 3), "float32"), *[((1, 2, 2, 3), "float32")] * 2]))
    with pytest.raises(ValueError, match="heads"):
        late([np.zeros((1, 2, 3, 3), "float32"), *[np.zeros((1, 2, 2, 3), "float32")] * 2])
