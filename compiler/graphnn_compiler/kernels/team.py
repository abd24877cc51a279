"""The ends of the thread team: a worker that waits for jobs, and the caller's side, which hands one out and takes part.

Both stay in native code for the whole job, so no Python exception (Ctrl-C) can come between its start and its end.

Control block (int64 words): 0 job number, 8 jobs done, 16 owner, 24.. the job: entry, dims, bufs, ctx, threads; 29 the
caller's core. Worker t has a line of 32 words from 64 + 32 t: +0 parked, +1 what its part returned, +8 its semaphore (sem_t), +16 a set
of cores (cpu_set_t).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..runtime.context import (
    ABANDONED,
    BARRIER,
    CAPACITY,
    CLAIM,
    CODE,
    DECISION,
    LINE,
    LINES,
    ROW,
    STEP,
    STEP_OF,
    STOPPED,
)
from ..runtime.control import (
    BUSY,
    CORE,
    CORES,
    DONE,
    ENTRY,
    FIRST_LINE,
    JOB,
    LINE_WORDS,
    OWNER,
    PARKED,
    RESULT,
    SEMAPHORE,
    THREADS,
)
from ..simd import atomic_add, atomic_load, call_kernel, pause, sched_yield, set_word, word
from ..simd_types import I32, I64, define, fixed, types

HELPERS = ("runtime/context.py", "runtime/control.py")

SPINS = 2000
YIELDS = 4000
SET_BYTES = 128  # of a cpu_set_t


def _semaphore(name: str) -> Any:
    def emit(em: Any, _: Any, address: Any) -> None:
        pointer = em.pointer(address, I32)
        em.b.call(em.external(name, I32, [pointer.type]), [pointer])

    return define(name, "address", fixed(types.void, types.int64), emit, f"{name}(3).")


sem_wait = _semaphore("sem_wait")
sem_post = _semaphore("sem_post")


def _emit_core(em: Any, _: Any) -> Any:
    return em.b.sext(em.b.call(em.external("sched_getcpu", I32, []), []), I64)


def _cores(name: str) -> Any:
    def emit(em: Any, _: Any, address: Any) -> None:
        pointer = em.pointer(address, I64)
        em.b.call(em.external(name, I32, [I32, I64, pointer.type]), [I32(0), I64(SET_BYTES), pointer])

    return define(name, "address", fixed(types.void, types.int64), emit, f"{name}(2) of this thread.")


sched_getcpu = define("sched_getcpu", "", fixed(types.int64), _emit_core, "The core that this thread runs on.")
sched_getaffinity = _cores("sched_getaffinity")
sched_setaffinity = _cores("sched_setaffinity")


def build(role: str) -> Callable[..., Any]:
    """`role` is "worker" or "launch"."""
    return {"worker": _worker, "launch": _launch}[role]()


def _worker() -> Callable[..., Any]:
    def worker(control: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        line = FIRST_LINE + LINE_WORDS * tid
        last = 0
        while True:
            waited = 0
            while atomic_load(control, JOB) == last:
                waited += 1
                if waited <= SPINS:
                    pause()
                elif waited <= SPINS + YIELDS:
                    sched_yield()
                else:
                    # The caller first changes the job number, then looks who is parked; here it is the other way round.
                    atomic_add(control, line + PARKED, 1)
                    if atomic_load(control, JOB) == last:
                        sem_wait(control + 8 * (line + SEMAPHORE))
                        # Linux may wake it on the core of its caller, who is waiting for it, and leave both there for long.
                        core = sched_getcpu()
                        if core == word(control, CORE) and 0 <= core < 8 * SET_BYTES:
                            cores = control + 8 * (line + CORES)
                            sched_getaffinity(cores)
                            allowed = word(cores, core // 64)
                            set_word(cores, core // 64, allowed & ~(1 << core % 64))
                            sched_setaffinity(cores)  # it moves; not if there is no other core
                            set_word(cores, core // 64, allowed)
                            sched_setaffinity(cores)
                    atomic_add(control, line + PARKED, -1)
                    waited = 0
            last += 1
            entry = word(control, ENTRY)
            if entry == 0:
                return 0
            dims, bufs, ctx = word(control, ENTRY + 1), word(control, ENTRY + 2), word(control, ENTRY + 3)
            code = call_kernel(entry, dims, bufs, ctx, tid, word(control, THREADS))
            set_word(control, line + RESULT, code)
            atomic_add(control, DONE, 1)
        return 0

    return worker


def _launch() -> Callable[..., Any]:
    # Its five words are not those of a kernel: control (0 = alone), entry (0 = the team ends), dims, bufs, ctx.
    def launch(control: int, entry: int, dims: int, bufs: int, ctx: int) -> int:
        n = 1
        done = 0
        if control != 0:
            if atomic_add(control, OWNER, 1) != 0:
                atomic_add(control, OWNER, -1)
                return BUSY
            n = word(control, THREADS)
            room = word(ctx, CAPACITY) if entry != 0 else 0
            if room != 0 and room < n:
                atomic_add(control, OWNER, -1)
                return BUSY
            done = word(control, DONE) + n - 1
        if entry != 0:
            set_word(ctx, BARRIER, 0)
            set_word(ctx, DECISION, 0)
            set_word(ctx, CLAIM, 0)
            set_word(ctx, STEP, 0)
            # Errors are looked for in all lines, also in those of threads that take no part this time.
            for t in range(max(n, word(ctx, CAPACITY))):
                for i in range(LINE):
                    set_word(ctx, LINES + LINE * t + i, 0)
        if control != 0:
            set_word(control, ENTRY, entry)
            set_word(control, ENTRY + 1, dims)
            set_word(control, ENTRY + 2, bufs)
            set_word(control, ENTRY + 3, ctx)
            set_word(control, CORE, sched_getcpu())
            atomic_add(control, JOB, 1)
            for t in range(1, n):
                if atomic_load(control, FIRST_LINE + LINE_WORDS * t + PARKED) != 0:
                    sem_post(control + 8 * (FIRST_LINE + LINE_WORDS * t + SEMAPHORE))
        if entry == 0:
            return 0
        result = call_kernel(entry, dims, bufs, ctx, 0, n)
        if n > 1:
            waited = 0
            while atomic_load(control, DONE) != done:
                waited += 1
                if waited <= SPINS:
                    pause()
                else:
                    sched_yield()
        errors = 0
        for t in range(n):
            code = result if t == 0 else word(control, FIRST_LINE + LINE_WORDS * t + RESULT)
            line = LINES + LINE * t
            # A kernel that was run without a table: nobody has noted its code yet.
            if code != 0 and code != STOPPED and code != ABANDONED and word(ctx, line + CODE) == 0:
                set_word(ctx, line + CODE, code)
                set_word(ctx, line + ROW, 0)
                set_word(ctx, line + STEP_OF, 0)
            if word(ctx, line + CODE) != 0:
                errors = ABANDONED
        if control != 0:
            atomic_add(control, OWNER, -1)
        return errors if errors != 0 else result

    return launch
