"""Convolutions of graphnn beside PyTorch, layer by layer, in one run.

    python bench/conv.py [--threads 2] [--rounds 5] [--torch /path/to/a/python/that/has/torch] [--only resnet20_16,...] [--passes fwd,...]

For each layer the forward pass, the gradient in the input and the gradient in the kernel: GFLOP/s, and the ratio of times, PyTorch's
over graphnn's: the median over rounds of pairs that were measured one after the other, and in brackets that of the best times.
PyTorch is measured in both memory layouts and the better one counts. Each library has a process of its own. graphnn's kernels are
called from their runner, as in a program; PyTorch's from Python, with gradients switched off, in a loop.
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

# images, height, width, channels, filters, kernel, stride, low and high padding, groups
LAYERS: dict[str, tuple[int, int, int, int, int, int, int, int, int, int]] = {
    "resnet20_16": (64, 32, 32, 16, 16, 3, 1, 1, 1, 1),
    "resnet20_32": (64, 16, 16, 32, 32, 3, 1, 1, 1, 1),
    "resnet20_64": (64, 8, 8, 64, 64, 3, 1, 1, 1, 1),
    "resnet20_first": (64, 32, 32, 3, 16, 3, 1, 1, 1, 1),
    "resnet20_16_32": (64, 32, 32, 16, 32, 3, 2, 0, 1, 1),
    "resnet20_32_64": (64, 16, 16, 32, 64, 3, 2, 0, 1, 1),
    "mnist_1_32": (128, 28, 28, 1, 32, 3, 1, 0, 0, 1),
    "mnist_32_64": (128, 13, 13, 32, 64, 3, 1, 0, 0, 1),
    "resnet50_56_b1": (1, 56, 56, 64, 64, 3, 1, 1, 1, 1),
    "resnet50_28_b1": (1, 28, 28, 128, 128, 3, 1, 1, 1, 1),
    "resnet50_14_b1": (1, 14, 14, 256, 256, 3, 1, 1, 1, 1),
    "resnet50_7_b1": (1, 7, 7, 512, 512, 3, 1, 1, 1, 1),
    "resnet50_56_b8": (8, 56, 56, 64, 64, 3, 1, 1, 1, 1),
    "resnet50_28_b8": (8, 28, 28, 128, 128, 3, 1, 1, 1, 1),
    "resnet50_14_b8": (8, 14, 14, 256, 256, 3, 1, 1, 1, 1),
    "resnet50_7_b8": (8, 7, 7, 512, 512, 3, 1, 1, 1, 1),
    "mobilenet_dw_112": (8, 112, 112, 32, 32, 3, 1, 1, 1, 32),
    "mobilenet_dw_56": (8, 56, 56, 144, 144, 3, 1, 1, 1, 144),
    "mobilenet_dw_14": (8, 14, 14, 384, 384, 3, 1, 1, 1, 384),
}
PASSES = ("fwd", "input", "kernel")


def extents(name: str) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The shapes of x, w and y."""
    n, h, w, c, f, k, s, low, high, groups = LAYERS[name]
    oh, ow = ((e + low + high - k) // s + 1 for e in (h, w))
    return (n, h, w, c), (k, k, c // groups, f), (n, oh, ow, f)


def flops(name: str) -> int:
    """Operations of one pass."""
    _, w, y = extents(name)
    return 2 * y[0] * y[1] * y[2] * y[3] * w[0] * w[1] * w[2]


def torch_layer(name: str, which: str, layout: str, threads: int) -> Callable[[int], None]:
    import torch

    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    n, h, w, c, f, k, s, low, high, groups = LAYERS[name]
    ys = extents(name)[2]
    form = torch.channels_last if layout == "nhwc" else torch.contiguous_format
    # Uneven padding is what a pad before the convolution makes; PyTorch gets it for nothing here.
    x = torch.randn(n, c, h + high - low, w + high - low).contiguous(memory_format=form)
    weights = torch.randn(f, c // groups, k, k).contiguous(memory_format=form)
    dy = torch.randn(n, f, ys[1], ys[2]).contiguous(memory_format=form)
    backward = torch.ops.aten.convolution_backward

    def run(times: int) -> None:
        with torch.no_grad():
            for _ in range(times):
                if which == "fwd":
                    torch.conv2d(x, weights, None, s, low, 1, groups)
                else:
                    mask = [which == "input", which == "kernel", False]
                    backward(dy, x, weights, None, [s, s], [low, low], [1, 1], False, [0, 0], groups, mask)

    return run


def graphnn_layer(name: str, which: str, layout: str, threads: int) -> Callable[[int], None]:
    import numpy as np
    from graphnn_compiler.kernels.conv_axes import Sliding
    from graphnn_compiler.kernels.conv_plan import plan_conv
    from graphnn_compiler.kernels.conv_weights_plan import plan_weights
    from graphnn_compiler.ops.conv import Conv, ConvInput, ConvKernel
    from graphnn_compiler.runtime import context, loader, team
    from graphnn_compiler.runtime.spec import KernelSpec

    if team.threads() != threads:
        team.set_threads(threads)
    n, h, w, c, f, k, s, low, high, groups = LAYERS[name]
    xs, ws, ys = extents(name)
    sliding = Sliding(n, (h, w), ys[1:3], (k, k), c, f, groups, (s, s), (1, 1), (low, low))
    rng = np.random.default_rng(0)
    x, kernel, dy = (rng.standard_normal(shape, dtype=np.float32) for shape in (xs, ws, ys))
    if which == "kernel":
        plan, (a, b), shape = plan_weights(sliding, "float32", threads), (x, dy), ws
    else:
        plan = plan_conv(sliding, which == "input", "float32", threads)
        (a, b), shape = ((x, kernel), ys) if which == "fwd" else ((dy, kernel), xs)
    out = np.empty(shape, np.float32)
    address, runner = loader.addresses([plan.spec, KernelSpec("run")])
    raw = np.zeros(plan.workspace + 64, np.uint8)
    work = raw[-raw.ctypes.data % 64 :]
    dims = np.array(plan.dims, np.int64)
    bufs = np.array([v.ctypes.data for v in (a, b, out, work)], np.int64)
    flags = 3 if plan.parallel else 0
    table = np.array([address, dims.ctypes.data, bufs.ctypes.data, 4, 0, flags, 0, 0], np.int64)
    ctx = context.new_context(threads)

    def run(times: int) -> None:
        args = np.array([table.ctypes.data, 1, times, 0], np.int64)
        if team.run(runner, args.ctypes.data, ctx.ctypes.data, plan.parallel) != 0:
            raise RuntimeError(context.errors(ctx))
        run.keep = (raw, dims, bufs, args, a, b, out)  # type: ignore[attr-defined]

    run(1)
    attributes = ((s, s), ((low, high),) * 2, (1, 1), groups)
    op = {"fwd": Conv(*attributes), "input": ConvInput(*attributes, (h, w)), "kernel": ConvKernel(*attributes, (k, k))}[which]
    wanted = op.reference(a, b)
    if not np.allclose(out, wanted, rtol=1e-3, atol=1e-3 * abs(wanted).max()):
        raise RuntimeError(f"{name} {which}: wrong result")
    return run


MAKERS = {"torch": torch_layer, "graphnn": graphnn_layer}


def spread_threads() -> None:
    """The calling thread on one core, its pool's thread on the other."""
    cores = sorted(os.sched_getaffinity(0))
    tasks = sorted(int(t) for t in os.listdir("/proc/self/task"))
    for number, task in enumerate(sorted(tasks, key=lambda t: t != os.getpid())):
        os.sched_setaffinity(task, {cores[min(number, len(cores) - 1)]})


def serve(library: str, threads: int) -> None:
    """A library's process: reads requests [layer, pass, layout, repetitions], answers with the seconds of one repetition."""
    made: dict[tuple[str, str, str], Callable[[int], None]] = {}
    make = MAKERS[library]
    make("resnet20_64", "fwd", "nchw", threads)(2)
    if threads > 1:
        spread_threads()
    clock = time.perf_counter if threads > 1 else time.thread_time
    print("ready", flush=True)
    for line in sys.stdin:
        name, which, layout, times = json.loads(line)
        key = (name, which, layout)
        if key not in made:
            if len(made) > 3:
                made.clear()
            made[key] = make(name, which, layout, threads)
        made[key](1)
        start = clock()
        made[key](times)
        print((clock() - start) / times, flush=True)


def start(library: str, python: str, threads: int) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "compiler"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)} | ({"PYTHONPATH": paths} if library == "graphnn" else {})
    command = [python, __file__, "--serve", library, "--threads", str(threads)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    if process.stdout is None or process.stdout.readline().strip() != "ready":
        raise RuntimeError(f"{library} did not start with {python}")
    return process


def ask(process: subprocess.Popen[str], *request: Any) -> float:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("no pipes")
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.03, help="of one measurement")
    parser.add_argument("--torch", default=os.environ.get("BENCH_TORCH_PYTHON", sys.executable), help="python that has torch")
    parser.add_argument("--only", default="", help="layers, separated by commas")
    parser.add_argument("--passes", default=",".join(PASSES))
    parser.add_argument("--serve", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.threads)
        return
    pythons = {"torch": options.torch, "graphnn": sys.executable}
    libraries = {name: start(name, python, options.threads) for name, python in pythons.items()}
    print(f"{'layer':18} " + "".join(f"{which + ': graphnn, torch, ratio (best)':>37}" for which in options.passes.split(",")))
    for name in options.only.split(",") if options.only else LAYERS:
        row = f"{name:18} "
        for which in options.passes.split(","):
            layouts = ("nchw", "nhwc")
            contenders = [("graphnn", "nhwc"), *[("torch", layout) for layout in layouts]]
            first = {c: ask(libraries[c[0]], name, which, c[1], 2) for c in contenders}
            best = min(contenders[1:], key=first.__getitem__)
            theirs = [first[c] for c in contenders[1:]]
            pair = [contenders[0], best] if min(theirs) * 1.5 < max(theirs) else contenders
            times = {c: max(1, int(options.seconds / first[c])) for c in pair}
            rounds = [{c: ask(libraries[c[0]], name, which, c[1], times[c]) for c in pair} for _ in range(options.rounds)]
            own = statistics.median(r[pair[0]] for r in rounds)
            other = min(pair[1:], key=lambda c: statistics.median(r[c] for r in rounds))
            ratio = statistics.median(r[other] / r[pair[0]] for r in rounds)
            rates = [1e-9 * flops(name) / t for t in (own, statistics.median(r[other] for r in rounds))]
            row += f"{rates[0]:12.1f} {rates[1]:8.1f} {ratio:7.2f} ({min(r[other] for r in rounds) / min(r[pair[0]] for r in rounds):4.2f})"
        print(row, flush=True)
    for process in libraries.values():
        process.terminate()


if __name__ == "__main__":
    main()
