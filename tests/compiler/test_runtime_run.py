"""The runner: rows, steps, barriers, guards, errors, nested tables, on 1 to 4 threads."""

from __future__ import annotations

import numpy as np
import pytest
from graphnn_compiler.runtime import context, loader
from graphnn_compiler.runtime.context import ABANDONED, LOST, STOPPED
from runtime_support import ADD, BARRIER, CHECK, GUARD, PARALLEL, RUN, SHARE, WHO, Table, ints, team_of

THREADS = (1, 2, 3, 4)


@pytest.fixture(params=THREADS)
def threads(request):
    with team_of(request.param):
        yield request.param


@pytest.fixture(scope="module")
def entry():
    return dict(
        zip(
            (s.name for s in (ADD, CHECK, WHO, SHARE, RUN)),
            loader.addresses([ADD, CHECK, WHO, SHARE, RUN]),
            strict=True,
        )
    )


def test_rows_and_steps(entry, threads):
    x = np.zeros(101, np.int64)
    table = Table().add(entry["test_add"], (101, 3), [x]).add(entry["test_add"], (101, 4), [x])
    assert table.run(steps=5) == 0
    assert (x == 35).all()


def test_no_rows_no_steps(entry, threads):
    assert Table().run() == 0
    assert Table().run(steps=0) == 0
    x = np.zeros(4, np.int64)
    assert Table().add(entry["test_add"], (4, 1), [x]).run(steps=0) == 0
    assert not x.any()


def test_only_thread_zero_runs_serial_rows(entry, threads):
    counts, ns, steps = (np.zeros(4, np.int64) for _ in range(3))
    Table().add(entry["test_who"], (), [counts, ns, steps], BARRIER).run(steps=3)
    assert counts.tolist() == [3, 0, 0, 0]
    assert ns.tolist() == [1, 0, 0, 0]


def test_all_threads_run_parallel_rows(entry, threads):
    counts, ns, steps = (np.zeros(4, np.int64) for _ in range(3))
    Table().add(entry["test_who"], (), [counts, ns, steps]).run(steps=3, first=10)
    assert counts.tolist() == [3] * threads + [0] * (4 - threads)
    assert ns.tolist() == [threads] * threads + [0] * (4 - threads)
    assert steps.tolist() == [12] * threads + [0] * (4 - threads)


def test_strides_move_buffers_by_step(entry, threads):
    x, still = np.zeros((6, 16), np.int64), np.zeros(16, np.int64)
    table = Table()
    table.add(entry["test_add"], (16, 1), [x, still], strides=(x.strides[0], 0))
    table.add(entry["test_add"], (16, 1), [still])
    assert table.run(steps=3, first=2) == 0
    assert x[:, 0].tolist() == [0, 0, 1, 1, 1, 0]
    assert (still == 3).all()


def test_negative_strides_and_many_buffers(entry, threads):
    x = np.zeros((4, 8), np.int64)
    others = [np.zeros(1, np.int64) for _ in range(500)]
    table = Table().add(entry["test_add"], (8, 1), [x[3], *others], strides=(-64,) + (8,) * 500)
    assert table.run(steps=4) == 0
    assert (x == 1).all()


def test_barriers_inside_kernels(entry, threads):
    for _ in range(3):
        a = np.zeros(64, np.int64)
        assert Table().add(entry["test_share"], (300,), [a]).run() == 0


def test_barrier_between_rows(entry, threads):
    # Each row reads what all threads wrote in the row before.
    x = np.zeros(64, np.int64)
    table = Table()
    for k in range(20):
        table.add(entry["test_check"], (64, k + 1, 1), [x], PARALLEL).add(entry["test_add"], (64, 1), [x])
    ctx = context.new_context(threads)
    assert table.run(ctx=ctx) == 0
    assert context.errors(ctx) is None
    assert (x == 20).all()


@pytest.mark.parametrize("bad", [(0,), (99,), (40, 60), (10, 11, 98)])
def test_guard_abandons_the_step_on_all_threads(entry, threads, bad):
    x, y = np.zeros(100, np.int64), np.zeros(100, np.int64)
    x[list(bad)] = 1000 + np.arange(len(bad))
    table = Table().add(entry["test_check"], (100, 5, 9), [x], PARALLEL | GUARD).add(entry["test_add"], (100, 1), [y])
    ctx = context.new_context(threads)
    assert table.run(ctx=ctx) == ABANDONED
    assert not y.any()
    error = context.errors(ctx)
    assert error is not None
    assert (error.step, error.row, error.position, error.value, error.code) == (0, 0, min(bad), 1000, 9)


def test_the_error_of_the_first_step_and_row_wins(entry, threads):
    # Row 1 is wrong near the end, row 2 at the start: a single thread would meet row 1 first.
    late, early = np.zeros(100, np.int64), np.zeros(100, np.int64)
    late[99] = early[0] = 50
    table = Table().add(entry["test_check"], (100, 99, 1), [late], PARALLEL)
    table.add(entry["test_check"], (100, 5, 2), [late], PARALLEL).add(
        entry["test_check"], (100, 5, 3), [early], PARALLEL | GUARD
    )
    ctx = context.new_context(threads)
    assert table.run(ctx=ctx) == ABANDONED
    error = context.errors(ctx)
    assert error is not None
    assert (error.row, error.position, error.code) == (1, 99, 2)


def test_an_error_without_a_guard_is_reported_at_the_end(entry, threads):
    x, y = np.full(10, 7, np.int64), np.zeros(10, np.int64)
    table = Table().add(entry["test_check"], (10, 5, 4), [x]).add(entry["test_add"], (10, 1), [y])
    ctx = context.new_context(threads)
    assert table.run(steps=2, first=3, ctx=ctx) == ABANDONED
    assert (y == 2).all()
    error = context.errors(ctx)
    assert error is not None
    assert (error.step, error.row, error.position) == (3, 0, 0)


def test_steps_before_the_bad_one_are_whole(entry, threads):
    x, y = np.zeros((5, 32), np.int64), np.zeros(32, np.int64)
    x[3, 17] = 99
    table = Table().add(entry["test_check"], (32, 5, 1), [x], PARALLEL | GUARD, strides=(x.strides[0],))
    table.add(entry["test_add"], (32, 1), [y])
    ctx = context.new_context(threads)
    assert table.run(steps=5, ctx=ctx) == ABANDONED
    assert (y == 3).all()
    error = context.errors(ctx)
    assert error is not None
    assert (error.step, error.position, error.value) == (3, 17, 99)


def test_stop_flag_is_seen_at_guards_only(entry, threads):
    x, y = np.zeros(8, np.int64), np.zeros(8, np.int64)
    ctx = context.new_context(threads)
    context.request_stop(ctx)
    assert Table().add(entry["test_add"], (8, 1), [x]).run(steps=3, ctx=ctx) == 0
    assert (x == 3).all()
    table = Table().add(entry["test_add"], (8, 1), [x], PARALLEL | GUARD).add(entry["test_add"], (8, 1), [y])
    assert table.run(steps=3, ctx=ctx) == STOPPED
    assert (x == 4).all()
    assert not y.any()
    assert context.errors(ctx) is None
    context.reset(ctx)
    assert table.run(steps=3, ctx=ctx) == 0
    assert (y == 3).all()


def test_nested_tables(entry, threads):
    x = np.zeros((4, 16), np.int64)
    counts, ns, steps = (np.zeros(4, np.int64) for _ in range(3))
    inner = Table().add(entry["test_add"], (16, 1), [x], strides=(x.strides[0],))
    outer = Table().add(entry["test_add"], (64, 100), [x]).nest(inner, steps=3, first=1)
    outer.add(entry["test_who"], (), [counts, ns, steps])
    assert outer.run(steps=2, first=5) == 0
    assert x[:, 0].tolist() == [200, 202, 202, 202]
    assert steps.tolist() == [6] * threads + [0] * (4 - threads)  # the outer step again, after the scan


def test_three_levels(entry, threads):
    x = np.zeros(16, np.int64)
    low = Table().add(entry["test_add"], (16, 1), [x])
    middle = Table().nest(low, steps=2).nest(low, steps=3)
    assert Table().nest(middle, steps=4).run(steps=5) == 0
    assert (x == 100).all()


def test_error_inside_a_nested_table(entry, threads):
    x, y = np.zeros((4, 32), np.int64), np.zeros(32, np.int64)
    x[2, 30] = 50
    inner = Table().add(entry["test_add"], (32, 0), [y])
    inner.add(entry["test_check"], (32, 5, 6), [x], PARALLEL | GUARD, strides=(x.strides[0],))
    outer = Table().add(entry["test_add"], (32, 0), [y]).add(entry["test_add"], (32, 0), [y])
    outer.nest(inner, steps=4, flags=PARALLEL | GUARD).add(entry["test_add"], (32, 1), [y])
    ctx = context.new_context(threads)
    assert outer.run(steps=2, first=7, ctx=ctx) == ABANDONED
    assert not y.any()
    assert context.errors(ctx) == context.KernelError(7, 2, 2, 1, 30, 50, 6)


def test_a_serial_nested_table_abandons_alone(entry, threads):
    # Its guard must not decide for the other threads, which are at the barrier behind it.
    x, y = np.full(8, 50, np.int64), np.zeros(8, np.int64)
    inner = Table().add(entry["test_check"], (8, 5, 6), [x], GUARD)
    outer = Table().add(entry["test_add"], (8, 0), [y], PARALLEL | GUARD).nest(inner, steps=1, flags=BARRIER)
    outer.add(entry["test_add"], (8, 1), [y]).add(entry["test_add"], (8, 0), [y], PARALLEL | GUARD).add(
        entry["test_add"], (8, 1), [y]
    )
    for _ in range(50):
        ctx = context.new_context(threads)
        y[:] = 0
        assert outer.run(ctx=ctx) == ABANDONED
        assert (y == 1).all()


def test_a_context_serves_runs_of_any_number_of_threads(entry):
    ctx = context.new_context(4)
    for n in (4, 1, 3, 2, 4):
        with team_of(n):
            x = np.zeros(64, np.int64)
            table = Table().add(entry["test_share"], (20,), [x])
            assert table.run(ctx=ctx) == 0


def test_a_failed_run_leaves_nothing_behind(entry, threads):
    x = np.full(8, 50, np.int64)
    ctx = context.new_context(threads)
    table = Table().add(entry["test_check"], (8, 5, 6), [x], PARALLEL | GUARD)
    assert table.run(ctx=ctx) == ABANDONED
    x[:] = 0
    assert table.run(ctx=ctx) == 0
    assert context.errors(ctx) is None


def test_codes_are_distinct():
    assert len({0, STOPPED, ABANDONED, LOST}) == 4


def test_context_is_aligned():
    for n in (1, 2, 7):
        ctx = context.new_context(n)
        assert ctx.ctypes.data % 64 == 0
        assert len(ctx) == 64 + 8 * n
        assert ints(0).dtype == ctx.dtype
