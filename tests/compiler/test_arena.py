"""Work spaces that programs share: who gets which, and what is kept."""

from __future__ import annotations

import gc
import threading

import numpy as np
from graphnn_compiler import build as b
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.ops.transcendental import Exp
from graphnn_compiler.runtime.arena import ARENAS, Arenas
from graphnn_compiler.trace import emit, trace


class User:
    def __init__(self, arena_bytes: int):
        self.arena_bytes = arena_bytes


def test_the_smallest_that_fits_is_lent() -> None:
    pool, user = Arenas(), User(9 << 20)
    pool.expect(user)
    small, middle, large = (pool.take(n << 20) for n in (1, 4, 9))
    for arena in (large, small, middle):
        pool.give(arena)
    assert pool.take(2 << 20) is middle
    assert pool.take(2 << 20) is large
    assert pool.take(1 << 20) is small


def test_what_is_too_small_makes_room() -> None:
    pool, user = Arenas(), User(9 << 20)
    pool.expect(user)
    small = pool.take(1 << 20)
    pool.give(small)
    large = pool.take(9 << 20)
    pool.give(large)
    assert len(pool._free) == 1 and pool._free[0] is large


def test_nothing_is_kept_that_no_program_can_use() -> None:
    pool, one, other = Arenas(), User(9 << 20), User(2 << 20)
    pool.expect(one)
    pool.expect(other)
    large = pool.take(9 << 20)
    pool.give(large)
    assert len(pool._free) == 1
    del one
    gc.collect()
    assert not pool._free


def sums(rows: int, width: int) -> tuple[Executable, np.ndarray]:
    """A program with a work space of rows x width numbers."""

    def f(x):
        y = emit(Exp(), x)
        return [b.matmul(y, b.value(np.ones((width, 3), "float32")))]

    x = np.random.default_rng(rows).standard_normal((rows, width)).astype("float32")
    return Executable(trace(f, [((symbol("n"), width), "float32")])), x


def test_programs_take_turns_in_one_work_space() -> None:
    made = [sums(2000, 300), sums(1500, 260), sums(900, 700)]
    want = [run([x])[0] for run, x in made]
    for _ in range(3):
        for (run, x), right in zip(made, want, strict=True):
            np.testing.assert_array_equal(run([x])[0], right)
            np.testing.assert_allclose(right, np.exp(x).sum(1)[:, None].repeat(3, 1), rtol=1e-4)
    assert sum(len(a) for a in ARENAS._free) < 2 * 900 * 700 * 4 + (1 << 20)


def test_threads_have_work_spaces_of_their_own() -> None:
    run, x = sums(2000, 300)
    (want,) = run([x])
    wrong: list[int] = []

    def work() -> None:
        for _ in range(20):
            if not np.array_equal(run([x])[0], want):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
