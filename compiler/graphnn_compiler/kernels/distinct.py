"""The different numbers among indices, in order of first appearance. An index outside 0..rows-1 is reported.

dims: rows of the table, number of indices. bufs: index; then results: for each index the place of its number, the numbers
(min(indices, rows) of them, filled up with the first one), how many there are; then work space, a word for each row of the table. All are
int64. One thread does it all.

The word of a row says at which place its number was put. It is believed only if that place has been given out and holds this row,
so the work space needs no zeros, and what was in it before changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..simd import fail, scalar_i64, set_scalar_i64, word

HELPERS: tuple[str, ...] = ()


def build() -> Callable[..., Any]:
    """The kernel."""

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        if tid != 0:
            return 0
        rows = word(dims, 0)
        count = word(dims, 1)
        index = word(bufs, 0)
        place = word(bufs, 1)
        numbers = word(bufs, 2)
        marks = word(bufs, 4)
        found = 0
        status = 0
        for i in range(count):
            r = scalar_i64(index + i * 8)
            at = 0
            if r < 0 or r >= rows:
                if status == 0:
                    fail(ctx, tid, i, r)
                    status = 1
            else:
                at = scalar_i64(marks + r * 8)
                known = False
                if at >= 0 and at < found:
                    known = scalar_i64(numbers + at * 8) == r
                if not known:
                    at = found
                    set_scalar_i64(numbers + at * 8, r)
                    set_scalar_i64(marks + r * 8, at)
                    found += 1
            set_scalar_i64(place + i * 8, at)
        first = 0
        if found > 0:
            first = scalar_i64(numbers)
        for u in range(found, min(count, rows)):
            set_scalar_i64(numbers + u * 8, first)
        set_scalar_i64(word(bufs, 3), found)
        return status

    return kernel
