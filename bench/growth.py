"""How the cost of training and predicting grows with the batch (1 to 4,096) and with the width (16 to 4,096).

    python bench/growth.py --out docs/measured --graphnn PYTHON --peers PYTHON

An MLP width-width-width-10 is trained with SGD and used; every contender does the same steps on the same rows, in processes of its
own that take turns. Medians over the repeats go into growth.csv, the picture into growth.svg; the last lines compare with the best peer.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

SWEEPS = {
    "batch": [(2**i, 256) for i in range(13)],
    "width": [(128, 2**i) for i in range(4, 13)],
}
KINDS = ("train", "predict")
CONTENDERS = ("graphnn", "torch", "jax-scan", "keras-jax", "sklearn")
STEP_WORK = 2e10  # operations of an epoch: the same number of steps for every contender


def steps_of(batch: int, width: int) -> int:
    """Steps of an epoch: enough to be measured, few where a step is dear."""
    work = 6 * batch * (2 * width * width + 10 * width)
    return int(min(2000, max(4, STEP_WORK / work)))


def run_worker(name: str, sweep: str, seconds: float, most: int) -> None:
    """Measures one contender over a sweep; prints a line of JSON for each point."""
    import numpy as np
    from growth_contenders import make

    for batch, width in SWEEPS[sweep]:
        if max(batch, width) > max(most, 256):
            continue
        rows = batch * steps_of(batch, width)
        rng = np.random.default_rng(0)
        x = rng.standard_normal((rows, width), dtype=np.float32)
        y = rng.integers(0, 10, rows).astype(np.int32)
        contender = make(name, width, batch)
        for kind, work in (("train", partial(contender.epoch, x, y)), ("predict", partial(contender.predict, x))):
            work()
            times: list[float] = []
            while len(times) < 3 or sum(times) < seconds:
                start = time.perf_counter()
                work()
                times.append(time.perf_counter() - start)
            point = {"sweep": sweep, "kind": kind, "contender": name, "batch": batch, "width": width}
            print(json.dumps({**point, "us": 1e6 * statistics.median(times) / rows}), flush=True)


def measure(options: argparse.Namespace) -> list[dict[str, object]]:
    """All points of all contenders: medians over the repeats, in microseconds per sample."""
    found: dict[tuple[object, ...], list[float]] = defaultdict(list)
    names = options.contenders.split(",")
    for repeat in range(options.repeats):
        for sweep in SWEEPS:
            for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
                python = options.graphnn if name == "graphnn" else options.peers
                command = [python, __file__, "--worker", name, "--sweep", sweep, "--seconds", str(options.seconds)]
                command += ["--most", str(options.most)]
                environment = {**os.environ, "KERAS_BACKEND": "jax"}
                run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
                if run.returncode:
                    print(f"{name} left out of {sweep}: {(run.stderr.strip() or 'no message').splitlines()[-1]}", file=sys.stderr)
                for line in run.stdout.splitlines():
                    if line.startswith("{"):
                        point = json.loads(line)
                        found[tuple(point[k] for k in ("sweep", "kind", "contender", "batch", "width"))].append(point["us"])
                print(f"repeat {repeat + 1}, {sweep}, {name}: done", file=sys.stderr)
    fields = ("sweep", "kind", "contender", "batch", "width")
    return [dict(zip(fields, key, strict=True)) | {"us": statistics.median(us)} for key, us in found.items()]


def compare(points: list[dict[str, object]]) -> list[str]:
    """For each point the speed of graphnn as a multiple of the best peer's."""
    by_place: dict[tuple[object, ...], dict[str, float]] = defaultdict(dict)
    for p in points:
        by_place[p["sweep"], p["kind"], p["batch"], p["width"]][str(p["contender"])] = float(str(p["us"]))
    lines: list[str] = []
    for (sweep, kind, batch, width), us in by_place.items():
        peers = {k: v for k, v in us.items() if k != "graphnn"}
        if peers and "graphnn" in us:
            best = min(peers, key=lambda name: peers[name])
            lines.append(f"{sweep:6} {kind:8} batch {batch:5} width {width:5}: {peers[best] / us['graphnn']:6.2f} x {best}")
    return lines


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/measured"), help="directory for growth.csv and growth.svg")
    parser.add_argument("--graphnn", default=sys.executable, help="Python that has graphnn")
    parser.add_argument("--peers", default=sys.executable, help="Python that has the peers")
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="measured per point, at least")
    parser.add_argument("--most", type=int, default=4096, help="the largest batch and width, for a quick look")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--sweep", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        run_worker(options.worker, options.sweep, options.seconds, options.most)
        return
    points = measure(options)
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "growth.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["sweep", "kind", "contender", "batch", "width", "us"])
        writer.writeheader()
        writer.writerows({**p, "us": f"{p['us']:.4g}"} for p in points)
    from chart import Panel, svg

    panels: list[Panel] = []
    for kind in KINDS:
        for sweep, fixed in (("batch", "width 256"), ("width", "batch 128")):
            lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
            for p in points:
                if (p["sweep"], p["kind"]) == (sweep, kind):
                    lines[str(p["contender"])].append((float(str(p[sweep])), float(str(p["us"]))))
            panels.append(Panel(f"{kind}, {fixed}", sweep, lines))
    (options.out / "growth.svg").write_text(svg(panels, "microseconds per sample"), encoding="utf-8")
    print("\n".join(compare(points)))


if __name__ == "__main__":
    main()
