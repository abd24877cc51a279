"""Work space that programs share: what is large is lent to one run and then to the next, of whatever program."""

from __future__ import annotations

import weakref
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .fork import own_lock

Bytes = npt.NDArray[np.uint8]
LARGE = 1 << 20  # bytes; a smaller work space belongs to its frame
MOST = 8  # free ones


class Needs(Protocol):
    """Whoever may ask for work space."""

    arena_bytes: int


def aligned(n_bytes: int) -> Bytes:
    """Uninitialised bytes from a multiple of 64 on."""
    raw = np.empty(n_bytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + n_bytes]


class Arenas:
    """Large work spaces that nobody uses at the moment, none larger than what a program that still exists can use.

    >>> class Program:
    ...     arena_bytes = 2 << 20
    >>> pool, one = Arenas(), Program()
    >>> pool.expect(one)
    >>> arena = pool.take(2 << 20); pool.give(arena)
    >>> pool.take(1 << 20) is arena
    True
    """

    def __init__(self) -> None:
        self._lock = own_lock(self)
        self._free: list[Bytes] = []
        self._users: weakref.WeakSet[Needs] = weakref.WeakSet()

    def expect(self, user: Needs) -> None:
        """Notes a program; when it is gone, so is what only it could use."""
        with self._lock:
            self._users.add(user)
        weakref.finalize(user, self._trim).atexit = False

    def take(self, n_bytes: int) -> Bytes:
        """A work space of at least so many bytes; what is too small for it makes room."""
        with self._lock:
            fitting = min((a for a in self._free if len(a) >= n_bytes), key=len, default=None)
            self._free = [a for a in self._free if a is not fitting and (fitting is not None or len(a) >= n_bytes)]
        return aligned(n_bytes) if fitting is None else fitting

    def give(self, arena: Bytes) -> None:
        """Takes a work space back."""
        with self._lock:
            self._free = [*self._free, arena][-MOST:]
        self._trim()

    def _trim(self) -> None:
        with self._lock:
            most = max((user.arena_bytes for user in self._users), default=0)
            self._free = [a for a in self._free if len(a) <= most]


ARENAS = Arenas()
