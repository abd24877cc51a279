"""The thread team: daemon threads that wait in native code, without the GIL, for the next job.

One caller has the team at a time; a caller who finds it taken runs alone on its own thread, with the same results.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
import time
from typing import Any

import numpy as np

from .control import BUSY, FIRST_LINE, LINE_WORDS, SEMAPHORE, THREADS
from .cores import default_threads
from .loader import address, addresses, function
from .spec import KernelSpec

MAX_THREADS = 256
_LAUNCH = KernelSpec("team", (("role", "launch"),))
_WORKER = KernelSpec("team", (("role", "worker"),))
KERNELS = (_LAUNCH, _WORKER)

_lock = threading.Lock()
_wanted: int | None = None
_launch: Any = None
_team: Team | None = None


class Team:
    """Up to `n` threads, the caller included. Made by `run`; it lives until the process ends or the number changes."""

    def __init__(self, n: int) -> None:
        self.pid = os.getpid()
        raw = np.zeros(FIRST_LINE + LINE_WORDS * n + 8, np.int64)
        self._block = raw[(-raw.ctypes.data % 64) // 8 :]
        self.control: int = self._block.ctypes.data
        self._worker = function(address(_WORKER))
        self._threads: list[threading.Thread] = []
        libc = ctypes.CDLL(None)
        for t in range(1, n):
            libc.sem_init(ctypes.c_void_p(self.control + 8 * (FIRST_LINE + LINE_WORDS * t + SEMAPHORE)), 0, 0)
            thread = threading.Thread(target=self._work, args=(t,), name=f"graphnn-{t}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter ends: those that there are will do
                break
            self._threads.append(thread)
        self.n = len(self._threads) + 1
        self._block[THREADS] = self.n

    def _work(self, t: int) -> None:
        # A method, so that the block lives as long as the thread.
        self._worker(self.control, 0, 0, t, 0)

    def end(self, seconds: float = 1.0) -> None:
        """Let the threads go, once nobody uses them; give up after some time."""
        if self.pid != os.getpid():
            return
        until = time.monotonic() + seconds
        while _launcher()(self.control, 0, 0, 0, 0) == BUSY:
            if time.monotonic() > until:
                return
            time.sleep(0.001)
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))


def threads() -> int:
    """The number of threads that a parallel run uses."""
    global _wanted
    if _wanted is None:
        _wanted = min(default_threads(), MAX_THREADS)
    return _wanted


def set_threads(n: int | None) -> None:
    """Use `n` threads from now on; None is the default again.

    Raises:
        ValueError: n is not in 1..256.
    """
    global _wanted, _team
    if n is not None and not 1 <= n <= MAX_THREADS:
        raise ValueError(f"number of threads must be in 1..{MAX_THREADS}, received {n}")
    with _lock:
        old, _team, _wanted = _team, None, n
    if old is not None:
        old.end()


def run(entry: int, dims: int, ctx: int, parallel: bool, bufs: int = 0) -> int:
    """Run a kernel, usually the runner, on the team or alone.

    Args:
        entry: address of the kernel.
        dims: address of its dims.
        ctx: address of a context; all but its stop flag is cleared first. Made for fewer threads, it is used by one.
        parallel: whether to use the team.
        bufs: address of its bufs.

    Returns:
        0; STOPPED when the stop flag ended it; ABANDONED when the context holds errors.
    """
    launch = _launch or _launcher()
    if parallel:
        team = _team
        if team is None or team.pid != os.getpid():
            team = _start()
        if team is not None:
            result: int = launch(team.control, entry, dims, bufs, ctx)
            if result != BUSY:
                return result
    return int(launch(0, entry, dims, bufs, ctx))


def _launcher() -> Any:
    global _launch
    if _launch is None:
        _launch = function(addresses([_LAUNCH, _WORKER])[0])
    return _launch


def _start() -> Team | None:
    """The team, made if need be; None when one thread is all there is."""
    global _team
    n = threads()
    if n == 1:
        return None
    with _lock:
        if _team is None or _team.pid != os.getpid():
            _team = Team(n)
        return _team


def _end_at_exit() -> None:
    if _team is not None:
        _team.end(0.2)


def _after_fork() -> None:
    """The child has none of the threads; it makes its own when it needs them."""
    global _lock, _team
    _lock = threading.Lock()
    _team = None


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_end_at_exit)
