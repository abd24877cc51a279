"""The memory of the machine of machine.py: what a program may touch, and who touched it since the last barrier."""

from __future__ import annotations

import bisect
import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np


class Fault(Exception):
    """A program touched memory that it must not touch."""


class Memory:
    """The bytes that a program may touch, and who touched them since the last barrier."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self.starts: list[int] = []
        self.regions: list[Region] = []
        self.thread = 0
        self.lane = 0  # the thread that runs a lane, where its kernels know only themselves
        self.races = False  # whether races are looked for

    def add(self, start: int, size: int, *, written: bool, keep: Any = None) -> None:
        """Allows `size` bytes at an address; `written`: they hold something already."""
        if size == 0:
            return
        at = bisect.bisect(self.starts, start)
        self.starts.insert(at, start)
        self.regions.insert(at, Region(start, size, written, keep))

    def remove(self, start: int) -> None:
        """Forbids what began at an address."""
        at = self.starts.index(start)
        del self.starts[at], self.regions[at]

    def find(self, first: int, last: int) -> Region:
        """The region that holds bytes first..last."""
        at = bisect.bisect(self.starts, first) - 1
        if at < 0 or last >= self.starts[at] + self.regions[at].size:
            raise Fault(f"bytes {first}..{last} are no memory of the program")
        return self.regions[at]

    def read(self, places: np.ndarray, size: int) -> None:
        """Checks that the elements at some addresses may be read."""
        if len(places) == 0:
            return
        r = self.find(int(places.min()), int(places.max()) + size - 1)
        at = ((places - r.start)[:, None] + np.arange(size)).ravel()
        if not r.written[at].all():
            raise Fault("memory is read that nobody wrote")
        if self.races:
            others = r.writer[at]
            if ((others >= 0) & (others != self.thread)).any():
                raise Fault(f"thread {self.thread} reads what another writes")
            r.reader[at] = np.where((r.reader[at] >= 0) & (r.reader[at] != self.thread), 99, self.thread)

    def write(self, places: np.ndarray, size: int) -> None:
        """Checks that the elements at some addresses may be written."""
        if len(places) == 0:
            return
        r = self.find(int(places.min()), int(places.max()) + size - 1)
        at = ((places - r.start)[:, None] + np.arange(size)).ravel()
        r.written[at] = True
        if self.races:
            for who in (r.writer[at], r.reader[at]):
                if ((who >= 0) & (who != self.thread)).any():
                    raise Fault(f"thread {self.thread} writes what another touches")
            r.writer[at] = self.thread

    def barrier(self) -> None:
        """All threads have met."""
        if self.races:
            for r in self.regions:
                r.writer.fill(-1)
                r.reader.fill(-1)


class Region:
    """One stretch of memory."""

    def __init__(self, start: int, size: int, written: bool, keep: Any):
        self.start, self.size, self.keep = start, size, keep
        self.written = np.full(size, written)
        self.writer, self.reader = np.full(size, -1, np.int8), np.full(size, -1, np.int8)


MEMORY = Memory()


def at(address: int, dtype: Any, count: int) -> np.ndarray:
    """The array that lies at an address."""
    size = np.dtype(dtype).itemsize * count
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype, count) if count else np.empty(0, dtype)


def strided(address: int, dtype: Any, shape: Sequence[int], strides: Sequence[int], *, write: bool = False) -> np.ndarray:
    """A tensor with byte strides at an address, all of it checked."""
    size = np.dtype(dtype).itemsize
    offsets = np.zeros((), np.int64)
    for d, s in zip(shape, strides, strict=True):
        offsets = offsets[..., None] + np.arange(d) * s
    places = np.unique(offsets.ravel()) + address
    (MEMORY.write if write else MEMORY.read)(places, size)
    if not len(places):
        return np.zeros(tuple(shape), dtype)
    whole = at(int(places.min()), np.uint8, int(places.max() - places.min()) + size)
    return np.ndarray(tuple(shape), dtype, whole, address - int(places.min()), tuple(strides))
