"""Compiling: targets, what objects may need, the second process."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.runtime import build, compile, context, emit, loader, spec, team
from graphnn_compiler.runtime.context import ABANDONED, LOST
from graphnn_compiler.runtime.spec import AVX2, HOST, KernelSpec, Target
from runtime_support import ADD, CHECK, RUN, call, ints

VECTORS = KernelSpec(
    "test_vectors",
    (),
    """def kernel(dims, bufs, ctx, tid, n):
    # c = max(a * b + c, 0) / (1 + a); dims: count; bufs: a, b, c
    count = word(dims, 0)
    for i in range(0, count, 16):
        m = lanes_below(count - i)
        a = load_f32(word(bufs, 0) + 4 * i, m)
        b = load_f32(word(bufs, 1) + 4 * i, m)
        c = load_f32(word(bufs, 2) + 4 * i, m)
        store_f32(word(bufs, 2) + 4 * i, maximum(fma(a, b, c), const_f32(0.0)) / (const_f32(1.0) + a), m)
    return 0
""",
)
TARGETS = (HOST, AVX2, Target("x86-64-v3"), Target("haswell", "-fma"))


def run_vectors(target: Target, count: int) -> Any:
    rng = np.random.default_rng(count)
    a, b, c = rng.standard_normal((3, count + 1)).astype(np.float32)
    special = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1], np.float32)[:count]
    a[: len(special)] = special
    end = c[count]
    assert call(loader.address(VECTORS, target), ints(count), [a, b, c]) == 0
    assert c[count] == end
    return c[:count].view(np.int32)


def test_avx2_code_has_no_avx512():
    text = compile.assembly(VECTORS, AVX2)
    assert "ymm" in text
    assert not re.search(r"zmm|%[xy]mm(1[6-9]|2\d|3[01])|%k[0-7]", text)
    if compile.has_avx512(HOST):
        assert "zmm" in compile.assembly(VECTORS)


def test_numbas_ir_does_not_name_a_machine():
    for target in TARGETS:
        text = compile.ir_text(VECTORS, target)
        assert "target-cpu" not in text
        assert "target-features" not in text


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 100])
def test_targets_agree_bit_by_bit(count: int):
    first = run_vectors(HOST, count)
    for target in TARGETS[1:]:
        np.testing.assert_array_equal(run_vectors(target, count), first)


def test_what_is_avx512():
    assert not compile.has_avx512(AVX2)
    assert compile.has_avx512(Target("skylake-avx512"))
    assert not compile.has_avx512(Target("skylake-avx512", "-avx512vl"))
    assert compile.has_avx512(Target("haswell", "+avx512f,+avx512bw,+avx512dq,+avx512vl"))


def test_unknown_cpu_is_refused():
    with pytest.raises(ValueError, match="haswel"):
        Target("haswel")


def test_objects_define_one_symbol_and_need_few():
    for one in (RUN, ADD, VECTORS, *(KernelSpec("team", (("role", r),)) for r in ("launch", "worker"))):
        code = compile.compile_kernel(one)
        assert emit.undefined_symbols(code) <= {*emit.C_SYMBOLS}
        assert set(re.findall(rb"gn_[0-9a-f]{64}", code)) == {spec.symbol(one.key()).encode()}
        assert b"NumbaEnv" not in code
        assert len(code) < 8192


def test_the_same_text_gives_the_same_object():
    assert compile.compile_kernel(VECTORS) == compile.compile_kernel(VECTORS)


def test_compile_kernels_takes_a_cpu():
    assert compile.compile_kernels([ADD, CHECK], cpu="haswell") == [
        compile.compile_kernel(s, AVX2) for s in (ADD, CHECK)
    ]


def test_a_forbidden_symbol_is_refused(monkeypatch: pytest.MonkeyPatch):
    from graphnn_compiler.simd_types import I32, define, fixed
    from numba.core import types

    def text(em: Any, _: Any) -> None:
        em.b.call(em.external("system", I32, []), [])

    bad = define("bad", "", fixed(types.void), text)

    def kernel(dims, bufs, ctx, tid, n):
        bad()
        return 0

    monkeypatch.setattr(compile, "_function", lambda s: kernel)
    with pytest.raises(compile.KernelRefused, match="kernel test_add: a kernel may not need system"):
        compile.compile_kernel(ADD)


def test_generated_source_is_checked():
    for body in ("return open('x')", "return dims.real", "return unknown(dims)"):
        with pytest.raises(ValueError, match="generated source"):
            compile.compile_kernel(KernelSpec("bad", (), f"def kernel(dims, bufs, ctx, tid, n):\n    {body}\n"))


def test_an_exception_of_numba_becomes_an_error():
    # A range with step 0 is the one exception that generated source can still reach.
    body = "    s = 0\n    for i in range(0, 4, word(dims, 0)):\n        s += i\n    return 0\n"
    address = loader.address(KernelSpec("test_raises", (), "def kernel(dims, bufs, ctx, tid, n):\n" + body))
    dims, ctx = ints(0), context.new_context(1)
    assert team.run(address, dims.ctypes.data, ctx.ctypes.data, False) == ABANDONED
    error = context.errors(ctx)
    assert error is not None and error.code == LOST


def test_integer_arithmetic_of_kernels():
    arithmetic = KernelSpec(
        "test_arithmetic",
        (),
        """def kernel(dims, bufs, ctx, tid, n):
    a, b = word(dims, 0), word(dims, 1)
    out = word(bufs, 0)
    set_word(out, 0, a // b)
    set_word(out, 1, a % b)
    set_word(out, 2, min(a, b))
    set_word(out, 3, max(a, b, 0))
    return 0
""",
    )
    entry = loader.address(arithmetic)
    for a in (-7, 0, 7, 2**62):
        for b in (-3, 3, 1, -(2**62)):
            out = np.zeros(4, np.int64)
            assert call(entry, ints(a, b), [out]) == 0
            assert out.tolist() == [a // b, a % b, min(a, b), max(a, b, 0)]
    assert call(entry, ints(1, 0), [np.zeros(4, np.int64)]) == 0


def numbered(count: int) -> list[KernelSpec]:
    return [
        KernelSpec(f"test_number_{i}", (), f"def kernel(dims, bufs, ctx, tid, n):\n    return {i}\n")
        for i in range(count)
    ]


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "WORKER_FROM", 1)
    monkeypatch.setattr(build, "default_threads", lambda: 2)


def test_a_second_process_makes_the_same_objects(helped: None, monkeypatch: pytest.MonkeyPatch):
    specs = numbered(8)
    here = compile.compile_kernels(specs)
    asked: list[str] = []
    ask = build._Helper._ask

    def spy(self: Any, to: Any, back: Any, one: KernelSpec) -> bytes | None:
        code = ask(self, to, back, one)
        asked.append(one.name if code else "failed")
        return code

    def slow(one: KernelSpec, target: Target) -> bytes:
        # Leave the rest to the helper.
        while len(asked) < len(specs) - 1:
            pass
        return here[specs.index(one)]

    monkeypatch.setattr(build._Helper, "_ask", spy)
    monkeypatch.setattr(compile, "compile_kernel", slow)
    assert build.build_objects(specs, HOST) == here
    assert asked == [s.name for s in reversed(specs[1:])]


def test_targets_reach_the_second_process(helped: None):
    specs = numbered(3)
    assert build.build_objects(specs, AVX2) == compile.compile_kernels(specs, cpu="haswell")


@pytest.mark.parametrize(
    "program",
    ["raise SystemExit(1)", "print('x')", "print(10)", "print(-1)", "print(0)", "import time; time.sleep(0.2)", "x ="],
)
def test_a_broken_second_process_is_done_without(helped: None, monkeypatch: pytest.MonkeyPatch, program: str):
    monkeypatch.setattr(build, "_PROGRAM", program)
    specs = numbered(3)
    assert build.build_objects(specs, HOST) == compile.compile_kernels(specs)


def test_no_second_process_can_be_started(helped: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")
    specs = numbered(2)
    assert build.build_objects(specs, HOST) == compile.compile_kernels(specs)


def test_errors_of_the_second_process_are_raised_here(helped: None):
    specs = [*numbered(2), KernelSpec("bad", (), "x = 1\n")]
    with pytest.raises(ValueError, match="generated source"):
        build.build_objects(specs, HOST)


def test_an_interruption_ends_the_second_process(helped: None, monkeypatch: pytest.MonkeyPatch):
    made: list[Any] = []
    original = build._Helper

    def remember(*args: Any) -> Any:
        made.append(original(*args))
        return made[-1]

    def interrupted(one: KernelSpec, target: Target) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "_Helper", remember)
    monkeypatch.setattr(compile, "compile_kernel", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build.build_objects(numbered(4), HOST)
    assert made[0]._process.poll() is not None
    assert not made[0].thread.is_alive()
