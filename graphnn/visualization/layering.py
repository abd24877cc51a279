"""The combinatorial half of the layout: which row each node stands in, and the order within rows.

Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for Visual Understanding of Hierarchical System Structures", IEEE SMC
1981.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise

Edge = tuple[int, int]


def rows_of(n: int, edges: Sequence[Edge], first: Sequence[int] = (), last: Sequence[int] = ()) -> list[int]:
    """The row of each of n nodes: the longest path from a source; sources move down to their nearest user.

    Nodes in `first` stay in row 0, nodes in `last` go below all others. Raises ValueError for a cycle.

    >>> rows_of(4, [(0, 1), (1, 2), (3, 2)])
    [0, 1, 2, 1]
    """
    users: list[list[int]] = [[] for _ in range(n)]
    missing = [0] * n
    for a, b in edges:
        users[a].append(b)
        missing[b] += 1
    row = [0] * n
    ready = [i for i in range(n) if not missing[i]]
    sources = list(ready)
    for a in ready:
        for b in users[a]:
            row[b] = max(row[b], row[a] + 1)
            missing[b] -= 1
            if not missing[b]:
                ready.append(b)
    if len(ready) != n:
        raise ValueError("the graph has a cycle")
    for a in sources:
        if users[a] and a not in first:
            row[a] = min(row[b] for b in users[a]) - 1
    bottom = max(row, default=0)
    for a in last:
        row[a] = max(bottom, 1)
    return row


def crossings(upper: Sequence[int], lower: Sequence[int], below: Sequence[Sequence[int]]) -> int:
    """The number of crossings between two rows; `below[a]` are a's neighbours in the lower row."""
    place = {b: i for i, b in enumerate(lower)}
    seen: list[int] = []
    count = 0
    for a in upper:
        ends = sorted(place[b] for b in below[a] if b in place)
        for e in ends:
            count += len(seen) - bisect_right(seen, e)
        for e in ends:
            insort(seen, e)
    return count


def ordered(rows: list[list[int]], edges: Sequence[Edge], sweeps: int = 12) -> list[list[int]]:
    """The rows with few crossings: each node goes to the mean place of its neighbours, down and up in turn; the best
    state is kept.

    Edges join neighbouring rows only.
    """
    n = sum(map(len, rows))
    above: list[list[int]] = [[] for _ in range(n)]
    below: list[list[int]] = [[] for _ in range(n)]
    for a, b in edges:
        below[a].append(b)
        above[b].append(a)

    def total(state: list[list[int]]) -> int:
        return sum(crossings(u, v, below) for u, v in pairwise(state))

    best, least = [list(r) for r in rows], total(rows)
    state = [list(r) for r in rows]
    for sweep in range(sweeps):
        if not least:
            break
        down = sweep % 2 == 0
        neighbours = above if down else below
        order = range(1, len(state)) if down else range(len(state) - 2, -1, -1)
        for r in order:
            fixed = {a: i for i, a in enumerate(state[r - 1 if down else r + 1])}
            now = {a: i for i, a in enumerate(state[r])}

            def mean(a: int, fixed: dict[int, int] = fixed, now: dict[int, int] = now) -> float:
                places = [fixed[b] for b in neighbours[a]]  # noqa: B023
                return sum(places) / len(places) if places else now[a]

            # Equal means change places every other time, which frees states that are stuck.
            keyed = sorted((mean(a), now[a] if sweep % 4 < 2 else -now[a], a) for a in state[r])
            state[r] = [a for _, _, a in keyed]
        found = total(state)
        if found < least:
            best, least = [list(r) for r in state], found
    return best
