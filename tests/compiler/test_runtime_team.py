"""The thread team: sharing, concurrency, fork, signals, idleness, and how many threads there are."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from graphnn_compiler.runtime import context, cores, loader, team
from graphnn_compiler.runtime.bind import MIN_PARALLEL_WORK, min_parallel_work
from graphnn_compiler.runtime.context import ABANDONED
from runtime_support import ADD, CHECK, SHARE, Table, ints, python, team_of


@pytest.fixture(scope="module")
def add():
    return loader.address(ADD)


def test_a_kernel_runs_without_a_table(add):
    for n in (1, 2, 4):
        with team_of(n):
            x = np.zeros(33, np.int64)
            bufs, dims, ctx = ints(x.ctypes.data), ints(33, 2), context.new_context(n)
            assert team.run(add, dims.ctypes.data, ctx.ctypes.data, True, bufs.ctypes.data) == 0
            assert team.run(add, dims.ctypes.data, ctx.ctypes.data, False, bufs.ctypes.data) == 0
            assert (x == 4).all()


def test_an_error_of_a_kernel_without_a_table():
    check = loader.address(CHECK)
    for n in (1, 2, 4):
        with team_of(n):
            x = np.zeros(40, np.int64)
            x[[39, 21]] = 9
            bufs, dims, ctx = ints(x.ctypes.data), ints(40, 5, 3), context.new_context(n)
            assert team.run(check, dims.ctypes.data, ctx.ctypes.data, True, bufs.ctypes.data) == ABANDONED
            error = context.errors(ctx)
            assert error is not None
            assert (error.position, error.value, error.code) == (21, 9, 3)


def test_many_callers_at_once(add):
    share = loader.address(SHARE)
    with team_of(3):
        wrong: list[object] = []

        def work(seed: int) -> None:
            for i in range(60):
                x, a = np.zeros(50 + seed, np.int64), np.zeros(64, np.int64)
                table = Table().add(share, (3,), [a]).add(add, (len(x), seed), [x]).add(add, (len(x), i), [x])
                if table.run(steps=2) != 0 or not (x == 2 * (seed + i)).all():
                    wrong.append((seed, i))

        threads = [threading.Thread(target=work, args=(s,)) for s in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not wrong


def test_the_number_of_threads_changes_while_others_run(add):
    stop = threading.Event()
    wrong: list[int] = []

    def work() -> None:
        while not stop.is_set():
            x = np.zeros(64, np.int64)
            ctx = context.new_context(8)
            if Table().add(add, (64, 1), [x]).run(ctx=ctx) != 0 or not (x == 1).all():
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for t in threads:
        t.start()
    for n in (1, 2, 4, 3, 2, 1, 4, 2):
        team.set_threads(n)
        time.sleep(0.01)
    stop.set()
    for t in threads:
        t.join()
    team.set_threads(None)
    assert not wrong


def test_set_threads_refuses_nonsense():
    for n in (0, -1, 257):
        with pytest.raises(ValueError, match=f"received {n}"):
            team.set_threads(n)


def test_an_idle_team_burns_nothing(add):
    with team_of(4):
        x = np.zeros(8, np.int64)
        Table().add(add, (8, 1), [x]).run()
        time.sleep(0.2)
        before = time.process_time()
        time.sleep(0.4)
        assert time.process_time() - before < 0.1
        assert Table().add(add, (8, 1), [x]).run() == 0
        assert (x == 2).all()


def test_waking_and_parking_many_times(add):
    with team_of(3):
        x = np.zeros(8, np.int64)
        table = Table().add(add, (8, 1), [x])
        for i in range(60):
            assert table.run() == 0
            time.sleep((i % 7) * 0.0004)
        assert (x == 60).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux gives threads cores")
def test_waking_leaves_threads_the_cores_they_may_use(add):
    """Woken on the caller's core a thread moves on, once; where it has one core only, it stays."""
    allowed = os.sched_getaffinity(0)
    x, ctx = np.zeros(64, np.int64), context.new_context(3)
    bufs, dims = ints(x.ctypes.data), ints(64, 1)

    def wakes(times: int) -> None:
        before = x.copy()
        for _ in range(times):
            time.sleep(0.02)
            assert team.run(add, dims.ctypes.data, ctx.ctypes.data, True, bufs.ctypes.data) == 0
        assert (x == before + times).all()

    with team_of(3):
        wakes(1)
        workers = [t.native_id for t in threading.enumerate() if t.name.startswith("graphnn-")]
        assert len(workers) == 2
        wakes(8)
        assert all(os.sched_getaffinity(t) == allowed for t in workers)
        try:
            for t in (0, *workers):
                os.sched_setaffinity(t, {min(allowed)})
            wakes(5)
            assert all(os.sched_getaffinity(t) == {min(allowed)} for t in workers)
        finally:
            os.sched_setaffinity(0, allowed)


def test_fork_while_the_team_is_at_work(add):
    share = loader.address(SHARE)
    with team_of(3):
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                Table().add(share, (200,), [np.zeros(64, np.int64)]).run()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            for _ in range(5):
                time.sleep(0.003)
                pid = os.fork()
                if pid == 0:
                    signal.alarm(20)
                    x = np.zeros(64, np.int64)
                    good = Table().add(add, (64, 5), [x]).add(share, (5,), [np.zeros(64, np.int64)]).run(steps=2) == 0
                    os._exit(0 if good and (x == 10).all() and team.threads() == 3 else 1)
                assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        finally:
            stop.set()
            worker.join()
        x = np.zeros(64, np.int64)
        assert Table().add(add, (64, 5), [x]).run() == 0


def test_ctrl_c_between_and_during_runs():
    code = """
import os, signal, threading, time
import numpy as np
from graphnn_compiler.runtime import loader, team
from runtime_support import ADD, SHARE, Table
team.set_threads(3)
add, share = loader.addresses([ADD, SHARE])
hits, armed, done = 0, False, False
def handler(number, frame):
    global hits, armed
    if armed:
        hits, armed = hits + 1, False
        raise KeyboardInterrupt
signal.signal(signal.SIGINT, handler)
def fire():
    global done
    for i in range(60):
        time.sleep(0.0005 + 0.0001 * (i % 9))
        os.kill(os.getpid(), signal.SIGINT)
    done = True
Table().add(share, (1,), [np.zeros(64, np.int64)]).run()
thread = threading.Thread(target=fire)
thread.start()
while not done:
    try:
        armed = True
        if Table().add(share, (50,), [np.zeros(64, np.int64)]).run() != 0:
            raise SystemExit('wrong')
        armed = False
    except KeyboardInterrupt:
        pass
thread.join()
team_again = team._launcher()(team._team.control, 0, 0, 0, 0)  # nobody holds it: it can be ended
print(hits, team_again)
"""
    done = python(code)
    assert done.returncode == 0, done.stderr
    hits, again = map(int, done.stdout.split())
    assert hits >= 1
    assert again == 0


def test_the_process_ends_while_the_team_spins():
    code = """
import numpy as np
from graphnn_compiler.runtime import loader, team
from runtime_support import ADD, Table
team.set_threads(4)
x = np.zeros(64, np.int64)
Table().add(loader.address(ADD), (64, 1), [x]).run()
print(x.sum())
"""
    for _ in range(3):
        done = python(code)
        assert (done.returncode, done.stdout) == (0, "64\n"), done.stderr


def test_a_daemon_thread_inside_a_kernel_at_exit():
    code = """
import threading, time
import numpy as np
from graphnn_compiler.runtime import loader, team
from runtime_support import SHARE, Table
team.set_threads(3)
share = loader.address(SHARE)
def work():
    while True:
        Table().add(share, (20000,), [np.zeros(64, np.int64)]).run()
threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
"""
    for _ in range(3):
        done = python(code)
        assert done.returncode == 0, done.stderr


def test_the_environment_sets_the_number(monkeypatch):
    monkeypatch.setenv(cores.VARIABLE, "3")
    assert cores.default_threads() == 3
    for bad in ("0", "-2", "two", "1.5"):
        monkeypatch.setenv(cores.VARIABLE, bad)
        with pytest.raises(ValueError, match=cores.VARIABLE):
            cores.default_threads()
    monkeypatch.delenv(cores.VARIABLE)
    assert 1 <= cores.default_threads() <= len(os.sched_getaffinity(0))


def test_the_quota_of_both_kinds_of_cgroups(tmp_path: Path):
    own = tmp_path / "own"
    own.write_text("0::/a/b\n")
    new = tmp_path / "new"
    (new / "a" / "b").mkdir(parents=True)
    assert cores.cgroup_quota(new, own) is None
    (new / "a" / "b" / "cpu.max").write_text("max 100000\n")
    assert cores.cgroup_quota(new, own) is None
    (new / "a" / "cpu.max").write_text("250000 100000\n")
    assert cores.cgroup_quota(new, own) == 2.5
    own.write_text("5:memory:/x\n3:cpu,cpuacct:/d\n")
    old = tmp_path / "old" / "cpu,cpuacct" / "d"
    old.mkdir(parents=True)
    (old / "cpu.cfs_quota_us").write_text("-1\n")
    (old / "cpu.cfs_period_us").write_text("100000\n")
    assert cores.cgroup_quota(tmp_path / "old", own) is None
    (old / "cpu.cfs_quota_us").write_text("50000\n")
    assert cores.cgroup_quota(tmp_path / "old", own) == 0.5
    assert cores.cgroup_quota(tmp_path / "nothing", tmp_path / "none") is None


def test_a_context_for_fewer_threads_is_used_by_one():
    share = loader.address(SHARE)
    with team_of(4):
        ctx = context.new_context(2)
        assert Table().add(share, (20,), [np.zeros(64, np.int64)]).run(ctx=ctx) == 0
        context.reset(ctx)
        assert Table().add(share, (20,), [np.zeros(64, np.int64)]).run(ctx=ctx) == 0
        assert not ctx[64 + 8 :].any()


def test_the_environment_sets_the_least_work_of_a_team(monkeypatch: pytest.MonkeyPatch):
    for text, found in (("0", 0), ("123", 123), ("", MIN_PARALLEL_WORK)):
        monkeypatch.setenv("GRAPHNN_MIN_PARALLEL_WORK", text)
        assert min_parallel_work() == found
    for text in ("abc", "-1", "1.5"):
        monkeypatch.setenv("GRAPHNN_MIN_PARALLEL_WORK", text)
        with pytest.raises(ValueError, match=f"GRAPHNN_MIN_PARALLEL_WORK must be a whole number, received '{text}'"):
            min_parallel_work()
