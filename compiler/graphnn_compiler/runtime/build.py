"""Compiling what is missing: here, and when there is much of it also in a second process.

Most of the time is spent in Python, so threads would not help. The second process needs a third of a second before it
is of use; it takes kernels from one end of the list while this process takes them from the other. Whatever goes wrong
there is done here.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from typing import IO

from .cores import default_threads
from .spec import PACKAGE, KernelSpec, Target, key

WORKER_FROM = 12  # kernels; with fewer the second process comes too late

_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from graphnn_compiler.runtime.build import serve
serve(sys.stdin.buffer, sys.stdout.buffer)
"""


def build_objects(specs: Sequence[KernelSpec], target: Target) -> list[bytes]:
    """Object code of kernels, in order.

    Raises:
        KernelRefused, ValueError: as `compile_kernel`.
    """
    if threading.current_thread() is not threading.main_thread():
        return _build(specs, target, threading.Event())
    # Ctrl-C reaches the main thread only. Numba, and its import most of all, is not made for an end at any point.
    stop = threading.Event()
    made: list[list[bytes]] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            made.append(_build(specs, target, stop))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, name="graphnn-build", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no more threads
        work()
    else:
        try:
            thread.join()
        except BaseException:
            stop.set()
            thread.join()
            raise
    if failed:
        raise failed[0]
    return made[0]


def _build(specs: Sequence[KernelSpec], target: Target, stop: threading.Event) -> list[bytes]:
    """The same; nothing of use once `stop` is set."""
    todo = deque(range(len(specs)))
    done: dict[int, bytes] = {}
    helper = _Helper(specs, target, todo, done) if len(specs) >= WORKER_FROM and _can_help() else None
    try:
        from .compile import compile_kernel

        while len(done) < len(specs) and not stop.is_set():
            while todo and not stop.is_set():
                try:
                    i = todo.popleft()
                except IndexError:  # the helper was faster
                    break
                done[i] = compile_kernel(specs[i], target)
            if helper is not None:
                while helper.thread.is_alive() and not stop.is_set():
                    helper.thread.join(0.1)  # it puts back what it could not do
                helper = helper if helper.thread.is_alive() else None
    finally:
        if helper is not None:
            helper.end()
    return [] if stop.is_set() else [done[i] for i in range(len(specs))]


def _can_help() -> bool:
    """Whether there is a core for a second process, and a Python to run it."""
    name = os.path.basename(sys.executable or "")
    return name.startswith(("python", "pypy")) and not getattr(sys, "frozen", False) and default_threads() > 1


class _Helper:
    """The second process, and the thread here that feeds it."""

    def __init__(self, specs: Sequence[KernelSpec], target: Target, todo: deque[int], done: dict[int, bytes]) -> None:
        self._specs, self._target, self._todo, self._done = specs, target, todo, done
        self._process: subprocess.Popen[bytes] | None = None
        self.thread = threading.Thread(target=self._feed, name="graphnn-compile", daemon=True)
        path = json.dumps([str(PACKAGE.parent), *sys.path])
        with contextlib.suppress(OSError):  # no second process, then
            # A session of its own, so that Ctrl-C reaches this process only; it ends when its input does.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _PROGRAM, path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.thread.start()

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
        self.thread.join()

    def _feed(self) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return
        with contextlib.suppress(OSError), process:  # closing a pipe that the process has left
            while self._todo:
                try:
                    i = self._todo.pop()
                except IndexError:
                    break
                code = self._ask(process.stdin, process.stdout, self._specs[i])
                if code is None:
                    self._todo.append(i)
                    process.kill()
                    return
                self._done[i] = code

    def _ask(self, to: IO[bytes], back: IO[bytes], spec: KernelSpec) -> bytes | None:
        t = self._target
        question = [spec.name, repr(spec.params), spec.source, t.cpu, t.features, key(spec, t)]
        try:
            to.write(json.dumps(question).encode() + b"\n")
            to.flush()
            size = int(back.readline())
            code = back.read(size)
        except (OSError, ValueError):
            return None
        return code if len(code) == size > 0 else None


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """The second process: object code for each question, until there are no more or one cannot be answered."""
    from .compile import compile_kernel

    for line in questions:
        name, params, source, cpu, features, wanted = json.loads(line)
        spec, target = KernelSpec(name, ast.literal_eval(params), source), Target(cpu, features)
        if key(spec, target) != wanted:  # the files have changed since
            return
        code = compile_kernel(spec, target)
        answers.write(b"%d\n" % len(code) + code)
        answers.flush()
