"""The context block of a program and its kernels: stop flag, barrier, decisions, one line of errors per thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Word indices. Every word that threads write has a 64-byte line to itself.
STOP, CAPACITY, BARRIER, DECISION, CLAIM, STEP = 0, 1, 8, 16, 24, 32
LINES, LINE = 64, 8  # thread t owns the words from LINES + LINE * t
# Within a thread's line. ROW and STEP_OF: the innermost index in the low half; if nested, the outermost + 1 above it.
PHASE, CODE, ROW, POSITION, VALUE, STEP_OF, NOW = range(7)

# What a run returns besides 0. Kernels return positive codes.
STOPPED = -1  # the stop flag ended it at a guard
ABANDONED = -2  # there are errors in the context
NOTED = -4  # a kernel has noted an error as it should be
LOST = -3  # a kernel left by a path that kernels must not have (an exception of Numba)

Context = npt.NDArray[np.int64]


@dataclass(frozen=True, order=True)
class KernelError:
    """The first error of a run, ordered as a single thread would have met it."""

    outer_step: int
    outer_row: int
    step: int
    row: int
    position: int
    value: int
    code: int


def new_context(max_threads: int) -> Context:
    """A zeroed context for up to `max_threads` threads: int64, 64-byte aligned."""
    words = LINES + LINE * max_threads
    raw = np.zeros(words + 8, np.int64)
    start = (-raw.ctypes.data % 64) // 8
    context = raw[start : start + words]
    context[CAPACITY] = max_threads  # a larger team will not use it
    return context


def reset(context: Context) -> None:
    """Clear everything, the stop flag too."""
    capacity = context[CAPACITY]
    context.fill(0)
    context[CAPACITY] = capacity


def request_stop(context: Context) -> None:
    """Ask the run that uses this context to end at its next guard."""
    context[STOP] = 1


def errors(context: Context) -> KernelError | None:
    """The first error that any thread recorded, or None: lowest step, then row, then position."""
    lines = context[LINES:].reshape(-1, LINE)
    found = [_error(line) for line in lines if line[CODE]]
    return min(found) if found else None


def _error(line: Context) -> KernelError:
    row, step = int(line[ROW]), int(line[STEP_OF])
    inner_row, inner_step = row & 0xFFFFFFFF, step & 0xFFFFFFFF
    outer_row = (row >> 32) - 1 if row >> 32 else inner_row
    outer_step = (step >> 32) - 1 if row >> 32 else inner_step
    return KernelError(
        outer_step, outer_row, inner_step, inner_row, int(line[POSITION]), int(line[VALUE]), int(line[CODE])
    )
