"""The order of kernels: one that respects all dependences and keeps little memory alive.

At each point, of all that could run next, that runs which frees the most and takes the least; the earlier in the user's program, where
that is the same. Sizes are those of a typical batch, since the order is chosen once for all sizes.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

from .dims import evaluate, symbols_of
from .ops.base import itemsize
from .views import Buffer

TYPICAL = 32

Unit = TypeVar("Unit", bound=Hashable)


def typical_bytes(buffer: Buffer) -> int:
    """The size of a buffer of work space when every symbol is a typical batch; other memory is not counted."""
    if buffer.kind != "arena":
        return 0
    return evaluate(buffer.size, dict.fromkeys(symbols_of(buffer.size), TYPICAL)) * itemsize(buffer.dtype)


def schedule(
    units: Sequence[Unit],
    before: Mapping[Unit, Collection[Unit]],
    reads: Mapping[Unit, Collection[Buffer]],
    writes: Mapping[Unit, Collection[Buffer]],
) -> list[Unit]:
    """The units in the order in which they run.

    Args:
        units: in the order of the program.
        before: for each unit those that must run before it.
        reads, writes: the buffers of each unit.

    Raises:
        ValueError: the dependences have a cycle.
    """
    index = {u: i for i, u in enumerate(units)}
    waits = {u: len(set(before[u])) for u in units}
    after: dict[Unit, list[Unit]] = {u: [] for u in units}
    for u in units:
        for b in set(before[u]):
            after[b].append(u)
    readers: dict[Buffer, int] = {}
    for u in units:
        for buffer in set(reads[u]):
            readers[buffer] = readers.get(buffer, 0) + 1
    size = {b: typical_bytes(b) for u in units for b in (*reads[u], *writes[u])}
    alive: set[Buffer] = set()

    def growth(u: Unit) -> tuple[int, int]:
        taken = sum(size[b] for b in set(writes[u]) if b not in alive)
        freed = sum(size[b] for b in set(reads[u]) if readers[b] == 1)
        return taken - freed, index[u]

    ready = [u for u in units if not waits[u]]
    order: list[Unit] = []
    while ready:
        u = min(ready, key=growth)
        ready.remove(u)
        order.append(u)
        alive.update(writes[u])
        for buffer in set(reads[u]):
            readers[buffer] -= 1
        for v in after[u]:
            waits[v] -= 1
            if not waits[v]:
                ready.append(v)
    if len(order) != len(units):
        raise ValueError("the dependences between kernels have a cycle")
    return order
