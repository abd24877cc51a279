"""Attention of graphnn beside PyTorch's, and how its time and memory grow with the length.

    python bench/attention.py [--threads 2] [--seconds 1] [--torch /path/to/a/python/that/has/torch] [--only text,long,...]

For each shape (batch, length, heads, features), some of them with dropout of the weights: milliseconds of the forward pass alone and with
the gradients of queries, keys and values (the median, and the best in brackets), the planned work space of the latter, and PyTorch's
times over graphnn's. Each shape and library has a process of its own; processes take turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SHAPES: dict[str, tuple[int, int, int, int, bool, float]] = (
    {
        "text": (32, 200, 2, 32, False, 0.0),
        "text_causal": (32, 200, 2, 32, True, 0.0),
        "middle": (8, 512, 8, 64, False, 0.0),
        "long": (1, 4096, 8, 64, False, 0.0),
        "long_causal": (1, 4096, 8, 64, True, 0.0),
        "one_head": (1, 2048, 1, 64, False, 0.0),
    }
    | {f"length_{t}": (4, t, 4, 32, False, 0.0) for t in (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)}
    | {f"dropout_{t}": (16, t, 4, 32, False, 0.1) for t in (64, 256, 1024)}
)
PASSES = ("forward", "both")


def torch_passes(
    batch: int, length: int, heads: int, features: int, causal: bool, dropout: float, threads: int
) -> dict[str, Callable[[], object]]:
    """PyTorch's passes, in the layout (batch, length, heads, features) as well."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    torch.set_num_threads(threads)
    q, k, v = (torch.randn(batch, length, heads, features, requires_grad=True) for _ in range(3))
    ct = torch.randn(batch, length, heads, features)

    def attention() -> torch.Tensor:
        turned = (x.transpose(1, 2) for x in (q, k, v))
        return scaled_dot_product_attention(*turned, is_causal=causal, dropout_p=dropout).transpose(1, 2)

    def forward() -> object:
        with torch.no_grad():
            return attention()

    return {"forward": forward, "both": lambda: torch.autograd.grad(attention(), (q, k, v), ct)}


def graphnn_passes(
    batch: int, length: int, heads: int, features: int, causal: bool, dropout: float, threads: int
) -> dict[str, Callable[[], object]]:
    """graphnn's passes."""
    import numpy as np
    from graphnn_compiler.autodiff import gradients
    from graphnn_compiler.executable import Executable, Rows
    from graphnn_compiler.ir import Value
    from graphnn_compiler.ops.attention import Attention
    from graphnn_compiler.runtime import team
    from graphnn_compiler.trace import emit, trace

    team.set_threads(threads)
    shape, op = (batch, length, heads, features), Attention(features**-0.5, causal, rate=dropout)
    arrays = [np.random.default_rng(i).standard_normal(shape, dtype=np.float32) for i in range(4)]
    words = [np.array([5, 3], np.uint32)] if dropout else []  # seed and draws

    def both(q: Value, k: Value, v: Value, ct: Value, *more: Value) -> list[Value]:
        out = emit(op, q, k, v, *more)
        return [out, *gradients([out], [ct], [q, k, v])]

    def passes(f: Callable[..., list[Value]], inputs: list[np.ndarray]) -> Callable[[], object]:
        given = [*inputs, *words]
        program = Executable(trace(f, [(a.shape, a.dtype.name) for a in given]))
        outputs = program(given)
        rows = [Rows(a, a.shape[0]) for a in given]

        def run() -> object:
            return program.run(rows, 1, outputs)

        run.bytes = program.report().arena_bytes  # type: ignore[attr-defined]
        return run

    return {"forward": passes(lambda *x: [emit(op, *x)], arrays[:3]), "both": passes(both, arrays)}


MAKERS = {"torch": torch_passes, "graphnn": graphnn_passes}


def work(library: str, name: str, threads: int, seconds: float) -> None:
    """Measures one shape; prints a line of JSON."""
    found: dict[str, object] = {}
    for which, run in MAKERS[library](*SHAPES[name], threads).items():
        for _ in range(3):
            run()
        times: list[float] = []
        while len(times) < 5 or sum(times) < seconds:
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        found[which] = [1e3 * statistics.median(times), 1e3 * min(times), getattr(run, "bytes", None)]
    print(json.dumps(found))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="measured per pass, at least")
    parser.add_argument("--torch", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--only", default=",".join(SHAPES))
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        sys.path[:0] = [str(ROOT), str(ROOT / "compiler")] if options.worker == "graphnn" else []
        work(options.worker, options.only, options.threads, options.seconds)
        return
    print(f"{'':12} {'shape':>20}  {'pass':8} {'graphnn ms':>20} {'work space MB':>14} {'PyTorch ms':>20} {'ratio':>6}")
    for name in options.only.split(","):
        found: dict[str, dict[str, list[float]]] = {}
        for library, python in (("graphnn", sys.executable), ("torch", options.torch)):
            command = [python, __file__, "--worker", library, "--only", name]
            command += ["--threads", str(options.threads), "--seconds", str(options.seconds)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                found[library] = json.loads(done.stdout.splitlines()[-1])
            else:
                print(f"left out: {library}: {(done.stderr.strip() or 'no message').splitlines()[-1]}", file=sys.stderr)
        for which in PASSES:
            own, other = found.get("graphnn", {}).get(which), found.get("torch", {}).get(which)
            line = f"{name:12} {SHAPES[name][:4]!s:>20}  {which:8}"
            line += f" {own[0]:10.3f} ({own[1]:7.3f}) {(own[2] or 0) / 2**20:14.2f}" if own else " " * 36
            line += f" {other[0]:10.3f} ({other[1]:7.3f})" if other else ""
            print(line + (f" {other[0] / own[0]:6.2f}" if own and other else ""), flush=True)


if __name__ == "__main__":
    main()
