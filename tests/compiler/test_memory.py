"""The arena: buffers that live at the same time never overlap, the plan is tight where it can be, the order keeps little alive."""

from __future__ import annotations

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.memory import ALIGN, Lifetime, plan
from graphnn_compiler.ops import elementwise, movement, reduce, transcendental
from graphnn_compiler.runtime.program import Mode, OutOfMemory
from graphnn_compiler.schedule import schedule
from graphnn_compiler.trace import emit, trace
from graphnn_compiler.views import Buffer
from hypothesis import given
from hypothesis import strategies as st
from machine import machine

N = symbol("n")
LIFETIMES = st.lists(st.builds(lambda size, first, long: Lifetime(size, first, first + long), st.integers(0, 500), st.integers(0, 12), st.integers(0, 6)))


def up(size: int) -> int:
    return -(-size // ALIGN) * ALIGN


def peak(lifetimes: list[Lifetime]) -> int:
    """The bytes alive at the busiest step."""
    return max((sum(up(x.size) for x in lifetimes if x.first <= t <= x.last) for t in range(20)), default=0)


@given(LIFETIMES)
def test_nothing_alive_overlaps(lifetimes: list[Lifetime]) -> None:
    offsets, total = plan(lifetimes)
    assert all(o % ALIGN == 0 and o >= 0 for o in offsets)
    assert all(o + up(x.size) <= total for o, x in zip(offsets, lifetimes, strict=True))
    for i, a in enumerate(lifetimes):
        for j in range(i):
            c = lifetimes[j]
            if a.size and c.size and a.first <= c.last and c.first <= a.last:
                assert offsets[i] + a.size <= offsets[j] or offsets[j] + c.size <= offsets[i]
    assert peak(lifetimes) <= total <= sum(up(x.size) for x in lifetimes)


def test_a_chain_needs_two_buffers() -> None:
    offsets, total = plan([Lifetime(1000, t, t + 1) for t in range(10)])
    assert total == 2 * up(1000)
    assert sorted(set(offsets)) == [0, up(1000)]


def test_small_buffers_go_into_the_tightest_gap() -> None:
    lifetimes = [Lifetime(1024, 0, 9), Lifetime(512, 0, 1), Lifetime(256, 0, 9), Lifetime(512, 2, 3), Lifetime(128, 4, 5)]
    assert plan(lifetimes)[1] == peak(lifetimes)


@given(LIFETIMES)
def test_the_same_lifetimes_give_the_same_plan(lifetimes: list[Lifetime]) -> None:
    assert plan(lifetimes) == plan(list(lifetimes))


def test_the_order_frees_before_it_takes() -> None:
    big, small = {i: Buffer(1000, "float32") for i in range(4)}, {i: Buffer(1, "float32") for i in range(4)}
    units = [f"make {i}" for i in range(4)] + [f"use {i}" for i in range(4)]
    before: dict[str, list[str]] = {u: [] for u in units}
    before |= {f"use {i}": [f"make {i}"] for i in range(4)}
    reads: dict[str, list[Buffer]] = {u: [] for u in units}
    reads |= {f"use {i}": [big[i]] for i in range(4)}
    writes = {f"make {i}": [big[i]] for i in range(4)} | {f"use {i}": [small[i]] for i in range(4)}
    assert schedule(units, before, reads, writes) == [x for i in range(4) for x in (f"make {i}", f"use {i}")]


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30))
def test_the_order_respects_dependences(pairs: list[tuple[int, int]]) -> None:
    before: dict[int, set[int]] = {i: {a for a, c in pairs if c == i and a < i} for i in range(12)}
    nothing: dict[int, list[Buffer]] = {i: [] for i in range(12)}
    order = schedule(range(12), before, nothing, nothing)
    assert sorted(order) == list(range(12))
    assert all(order.index(a) < order.index(i) for i in range(12) for a in before[i])


def test_a_cycle_is_found() -> None:
    with pytest.raises(ValueError, match="cycle"):
        schedule([0, 1], {0: [1], 1: [0]}, {0: [], 1: []}, {0: [], 1: []})


# -- programs


def arena(f, shape: tuple[int, ...], n_inputs: int = 1) -> int:
    """Bytes of work space of a program."""
    with machine():
        executable = Executable(trace(f, [((N, *shape[1:]), "float32")] * n_inputs))
        return executable.program([shape] * n_inputs, Mode(("whole",) * n_inputs, False, (0,) * n_inputs)).arena_bytes


def test_elementwise_work_needs_no_work_space() -> None:
    assert arena(lambda x: [emit(transcendental.Exp(), x * 2.0) + 1.0], (100, 30)) == 0


def test_a_deep_chain_of_products_needs_the_space_of_two() -> None:
    def f(x):
        for i in range(8):
            x = emit(elementwise.Relu(), b.matmul(x, b.value(np.full((64, 64), i, "float32"))))
        return [x]

    one = 100 * 64 * 4
    assert arena(f, (100, 64)) <= 2 * up(one) + (1 << 20)  # and what the kernel itself works in


def test_a_taken_over_operand_needs_no_space_of_its_own() -> None:
    def f(x):
        total = b.reduced(reduce.Sum, x, 0, True)
        y = b.matmul(x - total, b.value(np.ones((64, 64), "float32")))
        z = emit(transcendental.Exp(), y)
        return [z + b.reduced(reduce.Sum, z, 0, True)]

    assert arena(f, (1000, 64)) < 3 * 1000 * 64 * 4


def test_the_peak_is_checked_before_anything_runs() -> None:
    with pytest.raises(OutOfMemory, match=r"work space of [\d,]+ bytes and results of [\d,]+, needs [\d.]+ GiB; the machine has [\d.]+ GiB"):
        arena(lambda x: [b.reduced(reduce.Sum, emit(transcendental.Exp(), b.matmul(x, movement.transpose(x, (1, 0)))), 1)], (1 << 22, 1))
