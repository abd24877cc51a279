"""Matrix products of graphnn beside NumPy's OpenBLAS and PyTorch, in one run.

    python bench/gemm.py [--threads 2] [--rounds 7] [--torch /path/to/a/python/that/has/torch] [--only 32x784x64,...]

Each library has a process of its own, so that no pool of spinning threads disturbs another's; rounds are interleaved. Printed
are GFLOP/s, median and best, and the median ratio to the better of the two others. Shapes are M x K x N; T and NT: A or B is
stored transposed. PyTorch and NumPy are called from Python, graphnn's kernel from its runner, as it is in a program.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

LARGE = ["2048x2048x2048", "1024x1024x1024", "512x512x512", "256x1024x4096", "256x4096x4096", "256x4096x1000"]
LARGE += ["4096x256x4096T", "256x4096x4096NT", "4096x256x1000T"]
MIDDLE = ["128x784x512", "128x512x512", "784x128x512T", "128x512x784NT", "32x512x512", "64x1024x1024", "256x512x512"]
SMALL = ["32x784x64", "32x64x10", "784x32x64T", "64x32x10T", "32x10x64NT", "128x10x512NT", "512x128x10T", "128x512x10"]
THIN = ["1x784x64", "1x4096x4096", "1x4096x4096NT", "4x1024x1024", "256x512x1", "4096x4096x1", "60000x784x64", "784x60000x64T"]


def parse(text: str) -> tuple[int, int, int, str]:
    kind = text.lstrip("0123456789x")
    m, k, n = map(int, text[: len(text) - len(kind)].split("x"))
    return m, k, n, kind


def operands(text: str) -> tuple[Any, Any, Any]:
    import numpy as np

    m, k, n, kind = parse(text)
    rng = np.random.default_rng(0)
    a = rng.standard_normal((k, m) if kind == "T" else (m, k), dtype=np.float32)
    b = rng.standard_normal((n, k) if kind == "NT" else (k, n), dtype=np.float32)
    return (a.T if kind == "T" else a), (b.T if kind == "NT" else b), np.empty((m, n), np.float32)


def numpy_product(text: str, threads: int) -> Callable[[int], None]:
    import numpy as np

    a, b, c = operands(text)

    def repeat(times: int) -> None:
        for _ in range(times):
            np.dot(a, b, out=c)

    return repeat


def torch_product(text: str, threads: int) -> Callable[[int], None]:
    import torch

    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    a, b, c = map(torch.from_numpy, operands(text))

    def repeat(times: int) -> None:
        for _ in range(times):
            torch.mm(a, b, out=c)

    return repeat


def graphnn_product(text: str, threads: int) -> Callable[[int], None]:
    import numpy as np
    from graphnn_compiler.kernels.gemm_plan import plan
    from graphnn_compiler.runtime import context, loader, team
    from graphnn_compiler.runtime.spec import KernelSpec

    a, b, c = operands(text)
    (m, k), n = a.shape, b.shape[1]
    if team.threads() != threads:  # a new team's threads would not stay on their cores
        team.set_threads(threads)
    chosen = plan(m, n, k, (1, 1), (0, 0, *a.strides), (0, 0, *b.strides), (0, 0, c.strides[0]), "float32", threads)
    kernel, runner = loader.addresses([chosen.spec, KernelSpec("run")])
    raw = np.zeros(chosen.workspace + 64, np.uint8)
    work = raw[-raw.ctypes.data % 64 :]
    dims = np.array(chosen.dims, np.int64)
    bufs = np.array([x.ctypes.data for x in (a, b, c, work)], np.int64)
    flags = 3 if chosen.parallel else 0  # parallel, barrier after
    table = np.array([kernel, dims.ctypes.data, bufs.ctypes.data, 4, 0, flags, 0, 0], np.int64)
    ctx = context.new_context(threads)

    def repeat(times: int) -> None:
        args = np.array([table.ctypes.data, 1, times, 0], np.int64)
        if team.run(runner, args.ctypes.data, ctx.ctypes.data, chosen.parallel) != 0:
            raise RuntimeError(context.errors(ctx))
        repeat.keep = (raw, dims, bufs, args, a, b, c)  # type: ignore[attr-defined]

    repeat(1)
    wanted = a[:64].astype(np.float64) @ b
    if not np.allclose(c[:64], wanted, rtol=1e-3, atol=1e-3 * k**0.5):
        raise RuntimeError(f"{text}: wrong result")
    return repeat


PRODUCTS = {"openblas": numpy_product, "torch": torch_product, "graphnn": graphnn_product}


def spread_threads() -> None:
    """The calling thread on one core, its pool's thread on the other: no wake-up puts both on one core."""
    cores = sorted(os.sched_getaffinity(0))
    tasks = sorted(int(t) for t in os.listdir("/proc/self/task"))
    for number, task in enumerate(sorted(tasks, key=lambda t: t != os.getpid())):
        os.sched_setaffinity(task, {cores[min(number, 1)]})


def serve(library: str, threads: int) -> None:
    """A library's process: reads requests [shape, repetitions], answers with the seconds of one repetition."""
    products: dict[str, Callable[[int], None]] = {}
    make = PRODUCTS[library]
    make("600x600x600", threads)(2)  # starts its pool
    if threads > 1:
        spread_threads()
    clock = time.perf_counter if threads > 1 else time.thread_time  # CPU time is less disturbed by other processes
    print("ready", flush=True)
    for line in sys.stdin:
        shape, times = json.loads(line)
        if shape not in products:
            products.clear()
            products[shape] = make(shape, threads)
        products[shape](1)
        start = clock()
        products[shape](times)
        print((clock() - start) / times, flush=True)


def start(library: str, python: str, threads: int) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "compiler"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads), "PYTHONPATH": paths}
    command = [python, __file__, "--serve", library, "--threads", str(threads)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    if process.stdout is None or process.stdout.readline().strip() != "ready":
        raise RuntimeError(f"{library} did not start with {python}")
    return process


def ask(process: subprocess.Popen[str], shape: str, times: int) -> float:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("no pipes")
    process.stdin.write(json.dumps([shape, times]) + "\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.05, help="of one measurement")
    parser.add_argument("--torch", default=os.environ.get("BENCH_TORCH_PYTHON", sys.executable), help="python that has torch")
    parser.add_argument("--only", default="", help="shapes, separated by commas")
    parser.add_argument("--serve", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.threads)
        return
    pythons = {"openblas": sys.executable, "torch": options.torch, "graphnn": sys.executable}
    libraries = {name: start(name, python, options.threads) for name, python in pythons.items()}
    for shape in options.only.split(",") if options.only else LARGE + MIDDLE + SMALL + THIN:
        m, k, n, _ = parse(shape)
        seconds: dict[str, list[float]] = {name: [] for name in libraries}
        times = {name: max(1, int(options.seconds / ask(p, shape, 3))) for name, p in libraries.items()}
        for _ in range(options.rounds):
            for name, process in libraries.items():
                time.sleep(0.01)
                seconds[name].append(ask(process, shape, times[name]))
        rate = {name: 2e-9 * m * k * n / statistics.median(s) for name, s in seconds.items()}
        best = {name: 2e-9 * m * k * n / min(s) for name, s in seconds.items()}
        ratio = rate["graphnn"] / max(rate["openblas"], rate["torch"])
        ratio_best = best["graphnn"] / max(best["openblas"], best["torch"])
        columns = "  ".join(f"{name} {rate[name]:6.1f} ({best[name]:6.1f})" for name in libraries)
        print(f"{shape:18} {columns}  ratio {ratio:.2f} ({ratio_best:.2f})", flush=True)
    for process in libraries.values():
        process.terminate()


if __name__ == "__main__":
    main()
