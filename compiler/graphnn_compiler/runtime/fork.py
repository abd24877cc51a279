"""Locks in the child of a fork: a thread that held one at that moment does not exist there, and would never give it back."""

from __future__ import annotations

import logging  # noqa: F401  # pyright: ignore[reportUnusedImport]
import os
import threading
import weakref
from typing import Any

# Held by whoever is inside LLVM or imports it. A fork waits for it, so that the child finds LLVM, and Python's own locks of modules that
# are being imported, in order. Hooks run from the last to the first, so the import of logging above puts its lock behind ours, in the
# order in which imports and Numba take them.
LLVM_LOCK = threading.RLock()
os.register_at_fork(before=LLVM_LOCK.acquire, after_in_parent=LLVM_LOCK.release, after_in_child=LLVM_LOCK.release)

_owners: weakref.WeakSet[Any] = weakref.WeakSet()


def own_lock(owner: Any) -> Any:
    """A reentrant lock for `owner._lock`, new in the child of a fork if another thread had it.

    What it guards must be whole whenever Python code of another thread can run: one assignment at the end, not several.
    """
    _owners.add(owner)
    return threading.RLock()


class LockOwner:
    """A lock that belongs to nothing else."""

    def __init__(self) -> None:
        self._lock = own_lock(self)

    @property
    def lock(self) -> Any:
        """The lock; ask for it each time."""
        return self._lock


def _renew() -> None:
    for owner in list(_owners):
        if owner._lock.acquire(blocking=False):
            owner._lock.release()
        else:
            owner._lock = threading.RLock()


os.register_at_fork(after_in_child=_renew)
