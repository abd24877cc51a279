"""Programs and processes: fresh ones with a warm cache, forked ones, ones without a home, long-lived ones, interrupted ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from graphnn_compiler.runtime import context, loader, team
from graphnn_compiler.runtime.context import ABANDONED
from runtime_support import CHECK, COMPILER, ints, team_of

HERE = Path(__file__).parent
# A training step, data for it, and what may be asked about a process.
PRELUDE = """
import os, sys, gc, signal
import numpy as np
from test_executable import training_step, data
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.runtime import loader, team

signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell starts the tests in the background

def resident():
    gc.collect()
    return 4096 * int(open("/proc/self/statm").read().split()[1])

def bits(weights):
    return b"".join(w.array.tobytes() for w in weights)

def trained(widths=(33, 17, 5), rows=64):
    graph, weights, total = training_step(widths)
    step = Executable(graph)
    step([a[:rows] for a in data(64, widths)])
    return step, bits([*weights, total])
"""


def python(code: str, timeout: float = 120, prelude: str = PRELUDE, **env: str) -> str:
    """Runs code in a new process; gives what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", prelude + code],
        env={**os.environ, "PYTHONPATH": f"{COMPILER}{os.pathsep}{HERE}", **env},
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


# -- caches


def test_a_fresh_process_with_a_warm_cache_compiles_nothing(tmp_path: Path) -> None:
    cache = {"GRAPHNN_CACHE_DIR": str(tmp_path)}
    code = """
import hashlib
found = [trained(rows=n)[1] for n in (1, 7, 33)] + [trained((w, 17, 5))[1] for w in (5, 64, 257)]
print(hashlib.sha256(b"".join(found)).hexdigest())
print("numba" in sys.modules, "test" in sys.modules)
"""
    cold = python("trained()\nassert 'numba' in sys.modules\n" + code, **cache).split("\n")
    files = sorted(p.name for p in tmp_path.rglob("*") if p.is_file())
    warm = python(code, **cache).split("\n")
    assert warm[0] == cold[0]
    assert warm[1] == "False False"
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == files


def test_a_process_without_a_home_works_with_one_warning(tmp_path: Path) -> None:
    code = "trained((6, 5, 3))\ntrained((6, 4, 3))\nprint('done')"
    nowhere = {"HOME": "/nonexistent", "XDG_CACHE_HOME": "/proc/nowhere", "GRAPHNN_CACHE_DIR": ""}
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", PRELUDE + code],
        env={**os.environ, "PYTHONPATH": f"{COMPILER}{os.pathsep}{HERE}", **nowhere},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "done"
    assert done.stderr.count("Warning") == 1, done.stderr


def test_equal_graphs_compile_once_and_memory_stays_flat() -> None:
    code = """
from graphnn_compiler import build as b
from graphnn_compiler.dims import symbol
from graphnn_compiler.trace import trace
w = np.ones((3, 4), np.float32)
def once():
    graph = trace(lambda x: [b.mean(b.matmul(x, b.value(w)) * 2.0)], [((symbol("n"), 3), "float32")])
    Executable(graph)([np.ones((5, 3), np.float32)])
for _ in range(100):
    once()
loaded, before = len(loader._loaded), resident()
for _ in range(500):
    once()
assert len(loader._loaded) == loaded
assert resident() - before < 2 << 20, resident() - before
trained()
loaded = len(loader._loaded)
trained()
assert len(loader._loaded) == loaded
"""
    python(code)


def test_many_runs_need_no_more_memory() -> None:
    code = """
step, _ = trained()
x, y = data(64, (33, 17, 5))
def some(n):
    for i in range(n):
        step([x[:1 + i % 8], y[:1 + i % 8]])
some(1000)
before = resident()
some(10000)
assert resident() - before < 2 << 20, resident() - before
"""
    python(code)


def test_many_sizes_need_bounded_memory() -> None:
    """Programs are kept for the sizes used last only."""
    code = """
from graphnn_compiler.executable import MAX_PROGRAMS
step, _ = trained()
x, y = data(2000, (33, 17, 5))
for n in range(1, 200):
    step([x[:n], y[:n]])
assert len(step._programs) == MAX_PROGRAMS
before = resident()
for n in range(1, 200):
    step([x[:n], y[:n]])
assert resident() - before < 2 << 20, resident() - before
"""
    python(code)


# -- forks and threads


def test_fork_while_what_is_imported_asks_for_a_logger() -> None:
    code = """
import os, threading, time
from graphnn_compiler.runtime.fork import LLVM_LOCK
import logging
inside = threading.Event()

def importing():
    with LLVM_LOCK:
        inside.set()
        time.sleep(0.3)
        logging.getLogger("of what is imported")

thread = threading.Thread(target=importing)
thread.start()
inside.wait()
pid = os.fork()
if not pid:
    logging.getLogger("of the child")
    with LLVM_LOCK:
        os._exit(0)
thread.join()
print(os.waitpid(pid, 0)[1])
"""
    assert python(code, timeout=30, prelude="") == "0"


def test_fork_after_a_run_with_the_team_in_use() -> None:
    code = """
import threading
team.set_threads(3)
step, want = trained()
stop = threading.Event()
def work():
    graph, *_ = training_step((33, 17, 5))
    other = Executable(graph)
    x, y = data(64, (33, 17, 5))
    while not stop.is_set():
        other.run([Rows(x, 16), Rows(y, 16)], 4)
thread = threading.Thread(target=work)
thread.start()
for _ in range(5):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if trained()[1] == want and trained((12, 7, 3))[1] else 1)
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
    assert trained()[1] == want
stop.set()
thread.join()
"""
    python(code, GRAPHNN_MIN_PARALLEL_WORK="0", PYTHONWARNINGS="ignore::DeprecationWarning")


def test_a_first_call_from_many_threads_at_once() -> None:
    code = """
import threading
found = []
def work():
    found.append(trained((9, 6, 4))[1])
threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert len(found) == 8 and len(set(found)) == 1
"""
    python(code, GRAPHNN_MIN_PARALLEL_WORK="0")


def test_a_child_made_by_spawn() -> None:
    code = """
import subprocess
assert trained()
print(subprocess.run([sys.executable, "-c", os.environ["PART"]], capture_output=True, text=True, check=True).stdout)
"""
    part = PRELUDE + "print(len(trained()[1]))"
    assert int(python(code, PART=part)) > 0


def test_the_bits_do_not_depend_on_the_cpu() -> None:
    """Code for this CPU and code for AVX2: the same bits of a training run, with odd shapes and a sum over many rows."""
    code = """
import hashlib
graph, *_ = training_step((33, 48, 5))
step, (x, y) = Executable(graph), data(2000, (33, 48, 5))
step.run([Rows(x, 500), Rows(y, 500)], 4)
step([x, y])
print(hashlib.sha256(bits(list(graph.states))).hexdigest())
"""
    assert len({python(code, GRAPHNN_TARGET=target) for target in ("", "haswell", "x86-64-v4")[: 2 + avx512()]}) == 1


def avx512() -> bool:
    """Whether this machine has AVX-512."""
    return "avx512vl" in Path("/proc/cpuinfo").read_text()


# -- interruption


def test_an_interrupt_between_calls_leaves_whole_steps() -> None:
    """The signal of Ctrl-C at random times: what was written is a whole number of steps, and the program is usable."""
    code = """
import random, signal, threading, time
graph, *_ = training_step((64, 48, 10))
weights = list(graph.states)
step = Executable(graph)
x, y = data(3200, (64, 48, 10))
step.run([Rows(x, 32), Rows(y, 32)], 10)
start = bits(weights)
first = [w.array.copy() for w in weights]
taken, late = [], []
for i in range(12):
    for w, a in zip(weights, first): w.write(a)
    timer = threading.Timer(random.Random(i).uniform(0.005, 0.06), lambda: (taken.append(time.perf_counter()), os.kill(os.getpid(), signal.SIGINT)))
    calls = 0
    try:
        timer.start()
        while True:
            step.run([Rows(x, 32), Rows(y, 32)], 10)
            calls += 1
    except KeyboardInterrupt:
        late.append(time.perf_counter() - taken[-1])
    timer.join()
    now = bits(weights)
    for w, a in zip(weights, first): w.write(a)
    states = []
    for i in range(10 * (calls + 2)):  # one by one: a call may be made of several
        states.append(bits(weights))
        step.run([Rows(x, 32, 32 * (i % 10)), Rows(y, 32, 32 * (i % 10))], 1)
    assert now in states, "a torn step"
assert sorted(late)[len(late) // 2] < 0.25, late
"""
    python(code)


def test_an_interrupt_while_kernels_are_compiled(tmp_path: Path) -> None:
    code = """
import signal, threading, time
for i in range(3):
    timer = threading.Timer(0.1 + 0.3 * i, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        want = trained()[1]
        time.sleep(2)
    except KeyboardInterrupt:
        pass
    timer.join()
found = trained()[1]
import subprocess
again = subprocess.run([sys.executable, "-c", os.environ["PART"]], capture_output=True, check=True).stdout
assert again == found
"""
    part = PRELUDE + "sys.stdout.buffer.write(trained()[1])"
    python(code, PART=part, GRAPHNN_CACHE_DIR=str(tmp_path))


# -- errors


def test_an_error_is_that_of_its_own_run() -> None:
    """An error that a thread noted in an earlier run is gone when fewer threads run."""
    check = loader.address(CHECK)
    with team_of(4):
        x = np.zeros(40, np.int64)
        bufs, dims, ctx = ints(x.ctypes.data), ints(40, 5, 3), context.new_context(4)
        x[12] = 9  # a place of another thread than the first
        assert team.run(check, dims.ctypes.data, ctx.ctypes.data, True, bufs.ctypes.data) == ABANDONED
        x[12], x[30] = 0, 8
        assert team.run(check, dims.ctypes.data, ctx.ctypes.data, False, bufs.ctypes.data) == ABANDONED
        error = context.errors(ctx)
        assert error is not None
        assert (error.position, error.value) == (30, 8)
