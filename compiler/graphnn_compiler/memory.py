"""The static plan of the arena: one offset for each buffer, so that buffers that live at the same time do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALIGN = 64


@dataclass(frozen=True)
class Lifetime:
    """A buffer of `size` bytes that is used from step `first` to step `last`."""

    size: int
    first: int
    last: int


def plan(lifetimes: Sequence[Lifetime]) -> tuple[list[int], int]:
    """Byte offsets (multiples of 64) and the arena's size; the largest buffers are placed first, each in the tightest gap.

    >>> plan([Lifetime(100, 0, 1), Lifetime(64, 2, 3), Lifetime(64, 1, 2)])
    ([0, 0, 128], 192)
    """
    order = sorted(range(len(lifetimes)), key=lambda i: (-lifetimes[i].size, lifetimes[i].first, i))
    offsets = [0] * len(lifetimes)
    placed: list[int] = []
    total = 0
    for i in order:
        one = lifetimes[i]
        size = -(-one.size // ALIGN) * ALIGN
        busy = sorted(
            (offsets[j], offsets[j] + -(-lifetimes[j].size // ALIGN) * ALIGN)
            for j in placed
            if lifetimes[j].first <= one.last and one.first <= lifetimes[j].last
        )
        best, best_gap, at = -1, 0, 0
        for start, end in busy:
            gap = start - at
            if gap >= size and (best < 0 or gap < best_gap):
                best, best_gap = at, gap
            at = max(at, end)
        offsets[i] = best if best >= 0 else at
        total = max(total, offsets[i] + size)
        placed.append(i)
    return offsets, total
