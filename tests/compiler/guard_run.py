"""Runs every op's kernels with all memory against inaccessible pages, at both ends: `python guard_run.py front|back THREADS`.

Work space, inputs and outputs each touch a page that cannot be read or written, on one side. A read or write outside ends the process
by a signal, which the test that starts this program sees.
"""

from __future__ import annotations

import ctypes
import mmap
import sys

import numpy as np
from generated import OPS, application, arguments, samples
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.ops.base import REGISTRY, Elementwise
from graphnn_compiler.ops.reduce import Reduce
from graphnn_compiler.runtime import program, team
from graphnn_compiler.trace import emit, trace

GUARD = 1 << 20
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
FRONT = sys.argv[1] == "front"


def guarded_bytes(n: int) -> np.ndarray:
    """n bytes that begin right after, or end right before, an inaccessible page."""
    page = mmap.PAGESIZE
    whole = -(-max(n, 1) // page) * page
    memory = mmap.mmap(-1, whole + 2 * GUARD, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if _libc.mprotect(address, GUARD, 0) or _libc.mprotect(address + GUARD + whole, GUARD, 0):
        raise OSError("mprotect failed")
    offset = GUARD if FRONT else GUARD + whole - n
    return np.frombuffer(memory, np.uint8, n, offset)


def guarded(a: np.ndarray) -> np.ndarray:
    """A copy of an array in guarded memory."""
    out = guarded_bytes(a.nbytes).view(a.dtype).reshape(a.shape) if a.nbytes else np.empty(a.shape, a.dtype)
    out[...] = a
    return out


def run(f, arrays: list[np.ndarray], specs=None) -> None:
    """One run with guarded memory, compared with a run in ordinary memory."""
    specs = specs or [(a.shape, a.dtype.name) for a in arrays]
    want = Executable(trace(f, specs))(arrays)
    whole = [guarded(a) for a in arrays]
    executable = Executable(trace(f, specs))
    batch = arrays[0].shape[0] if arrays and arrays[0].ndim else 0
    outputs = [guarded(np.zeros_like(w)) for w in want]
    if all(w.ndim and batch and w.shape[0] == batch for w in want) and all(a.ndim and a.shape[0] == batch for a in arrays):
        executable.run([Rows(a, batch) for a in whole], 1, outputs)
        for got, w in zip(outputs, want, strict=True):
            np.testing.assert_array_equal(got, w)
        return
    for got, w in zip(executable(whole), want, strict=True):
        np.testing.assert_array_equal(got, w)


def main() -> None:
    """All samples of all ops, then elementwise ops and reductions at the sizes where vectors end."""
    ordinary = program.aligned
    program.aligned = lambda n: guarded_bytes(-(-n // 64) * 64) if n else ordinary(n)
    team.set_threads(int(sys.argv[2]))
    count = 0
    for name in OPS:
        for s in samples(name, everyday=True):
            run(application(s, with_gradient=True), arguments(s))
            count += 1
    n = symbol("n")
    for name in ("Add", "Exp", "Tanh", "Where"):
        cls = REGISTRY[name]
        assert issubclass(cls, Elementwise)
        for size in (0, 1, 2, 15, 16, 17, 33, 1000):
            arrays = [np.ones((size, 3), "bool" if name == "Where" and i == 0 else "float32") for i in range(3 if name == "Where" else cls.arity)]
            run(lambda *v, cls=cls: [emit(cls(), *v)], arrays, [((n, 3), a.dtype.name) for a in arrays])
            count += 1
    for name in ("Sum", "Max"):
        cls = REGISTRY[name]
        assert issubclass(cls, Reduce)
        for rows in (1, 2, 33):
            for columns in (1, 5, 16, 257):
                for axes in ((0,), (1,), (0, 1)):
                    run(lambda v, cls=cls, axes=axes: [emit(cls(axes), v)], [np.ones((rows, columns), "float32")])
                    count += 1
    print(count)


if __name__ == "__main__":
    main()
