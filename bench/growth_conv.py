"""How time and memory of convolutional networks grow with the batch, the side of the images, the channels and the depth.

    python bench/growth_conv.py --out docs/measured --graphnn PYTHON --peers PYTHON

Residual networks are trained with SGD and momentum, and used. Each point is a process of its own; processes take turns. Time is the
median of its epochs, per image. Memory is the peak of the process beyond what it had before the model was made (data and packages are
not counted), beside it what the compiler had planned: work space, weights and the optimizer's slots. Medians over the repeats go into
growth_conv.csv, pictures into growth_conv.svg; points of sweeps that are not measured again are kept.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

from growth_conv_contenders import Net, make

SWEEPS: dict[str, list[tuple[int, Net]]] = {
    "batch": [(b, Net(20, 32, 16)) for b in (1, 4, 16, 64, 256)],
    "side": [(16, Net(20, s, 16)) for s in (16, 32, 64, 128)],
    "channels": [(16, Net(20, 32, w)) for w in (8, 16, 32, 64, 128)],
    "depth": [(32, Net(d, 32, 16)) for d in (20, 56, 110)],
    "resnet50": [(b, Net(50, 224, 64)) for b in (1, 2, 4, 8)],
}
TITLES = {
    "batch": ("ResNet-20, 32 px", "batch"),
    "side": ("ResNet-20, batch 16", "side of the images"),
    "channels": ("ResNet-20, 32 px, batch 16", "channels of the first stage"),
    "depth": ("ResNet-20, 56, 110, 32 px, batch 32", "depth"),
    "resnet50": ("ResNet-50, 224 px", "batch"),
}
KINDS = ("train", "predict")
CONTENDERS = ("graphnn", "torch")
FIELDS = ("sweep", "kind", "contender", "batch", "depth", "side", "width")
VALUES = ("ms", "peak_mb", "arena_mb", "weights_mb")
EPOCH_WORK = 5e10  # operations of an epoch, the same number of steps for every contender


def steps_of(batch: int, net: Net, kind: str) -> int:
    """Steps of an epoch: enough to be measured, few where a step is dear."""
    work = (3 if kind == "train" else 1) * net.flops * batch
    return int(min(200, max(1, EPOCH_WORK / work)))


def status(key: str) -> int:
    """A line of this process's status, in bytes."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


def run_worker(name: str, sweep: str, index: int, kind: str, seconds: float) -> None:
    """Measures one point; prints a line of JSON."""
    import importlib

    import numpy as np

    batch, net = SWEEPS[sweep][index]
    rows = batch * steps_of(batch, net, kind)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, net.side, net.side, 3), dtype=np.float32)
    y = rng.integers(0, net.classes, rows).astype(np.int32)
    importlib.import_module(name)
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak is counted from here
    before = status("VmRSS")
    contender = make(name, net, batch)
    work = partial(contender.epoch, x, y) if kind == "train" else partial(contender.predict, x)
    work()
    times: list[float] = []
    while len(times) < 2 or sum(times) < seconds:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    point = dict(zip(FIELDS, (sweep, kind, name, batch, net.depth, net.side, net.width), strict=True))
    point |= {"ms": 1e3 * statistics.median(times) / rows, "peak_mb": (status("VmHWM") - before) / 2**20}
    planned = contender.planned()
    if planned is not None:
        point |= {"arena_mb": planned[0] / 2**20, "weights_mb": planned[1] / 2**20}
    print(json.dumps({**point, "compiled": "numba" in sys.modules}))


def points_of(options: argparse.Namespace) -> list[dict[str, str]]:
    """All points measured now, medians over the repeats."""
    found: dict[tuple[str, ...], list[dict[str, float]]] = defaultdict(list)
    names = options.contenders.split(",")
    for repeat in range(options.repeats):
        for sweep in options.sweeps.split(","):
            for index in range(len(SWEEPS[sweep])):
                for kind in KINDS:
                    for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
                        command = shlex.split(options.graphnn if name == "graphnn" else options.peers)
                        command += [__file__, "--worker", name, "--sweep", sweep, "--index", str(index), "--kind", kind]
                        point = run([*command, "--seconds", str(options.seconds)])
                        if point is not None:
                            found[tuple(str(point[f]) for f in FIELDS)].append(point)
                            print({k: v if isinstance(v, str) else round(v, 3) for k, v in point.items()}, file=sys.stderr, flush=True)
    return [
        dict(zip(FIELDS, key, strict=True)) | {v: f"{statistics.median(p[v] for p in points):.4g}" for v in VALUES if v in points[0]}
        for key, points in found.items()
    ]


def run(command: list[str]) -> dict[str, float] | None:
    """A worker's point. One that had to compile is run again: the compiler's memory and time are not the model's."""
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
        if done.returncode:
            message = (done.stderr.strip() or "no message").splitlines()[-1]
            print(f"left out: {shlex.join(command)}: {message}", file=sys.stderr, flush=True)
            return None
        point = json.loads(done.stdout.splitlines()[-1])
        if not point.pop("compiled"):
            return point
    raise RuntimeError(f"kernels are not kept: {shlex.join(command)}")


def pictures(points: list[dict[str, str]]) -> str:
    """Time and memory of training and of prediction, a row of panels for each sweep."""
    from chart import Panel, svg

    panels: list[Panel] = []
    for sweep in SWEEPS:
        title, axis = TITLES[sweep]
        column = {"batch": "batch", "resnet50": "batch", "channels": "width"}.get(sweep, sweep)
        for value, unit in (("ms", "ms per image"), ("peak_mb", "peak MB")):
            lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
            for p in points:
                if p["sweep"] == sweep:
                    at = float(p[column])
                    lines[f"{p['contender']}, {p['kind']}"].append((at, float(p[value])))
                    if value == "peak_mb" and p.get("arena_mb") and p["kind"] == "train":
                        lines["planned, train"].append((at, float(p["arena_mb"]) + float(p["weights_mb"])))
            panels.append(Panel(f"{title}: {unit}", axis, lines))
    return svg(panels, "both axes logarithmic")


def compare(points: list[dict[str, str]]) -> list[str]:
    """For each point the speed of graphnn as a multiple of PyTorch's, its peak as a multiple of PyTorch's and of the plan."""
    by_place = {tuple(p[f] for f in FIELDS): p for p in points}
    lines: list[str] = []
    for place, p in by_place.items():
        other = by_place.get((*place[:2], "torch", *place[3:]))
        if place[2] != "graphnn":
            continue
        sweep, kind, _, batch, depth, side, width = place
        planned = float(p["arena_mb"]) + float(p["weights_mb"])
        line = f"{sweep:8} {kind:7} ResNet-{depth:3} {side:>3} px width {width:>3} batch {batch:>3}: {float(p['ms']):9.4g} ms"
        line += f", peak {float(p['peak_mb']):7.1f} MB, planned {planned:7.1f} MB"
        if other is not None:
            speed, memory = float(other["ms"]) / float(p["ms"]), float(p["peak_mb"]) / float(other["peak_mb"])
            line += f"; PyTorch: {speed:5.2f} x its speed, {memory:5.2f} x its peak"
        lines.append(line)
    return lines


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/measured"), help="directory for growth_conv.csv and growth_conv.svg")
    parser.add_argument("--graphnn", default=sys.executable, help="Python that has graphnn, with a command in front if you like")
    parser.add_argument("--peers", default=sys.executable, help="Python that has PyTorch, likewise")
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--sweeps", default=",".join(SWEEPS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="measured per point, at least")
    for name in ("--worker", "--sweep", "--index", "--kind"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        run_worker(options.worker, options.sweep, int(options.index), options.kind, options.seconds)
        return
    points = points_of(options)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "growth_conv.csv"
    if path.exists():
        measured = {tuple(p[f] for f in FIELDS) for p in points}
        with path.open(newline="") as file:
            points = [p for p in csv.DictReader(file) if tuple(p[f] for f in FIELDS) not in measured] + points
    points.sort(key=lambda p: (list(SWEEPS).index(p["sweep"]), KINDS.index(p["kind"]), p["contender"], *(int(p[f]) for f in FIELDS[3:])))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*FIELDS, *VALUES], lineterminator="\n")
        writer.writeheader()
        writer.writerows(points)
    (options.out / "growth_conv.svg").write_text(pictures(points), encoding="utf-8")
    print("\n".join(compare(points)))


if __name__ == "__main__":
    main()
