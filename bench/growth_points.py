"""What the studies of growth share: each point is a process of its own, processes take turns, tables and pictures keep what they have.

Time is the median of the epochs of a point, per sample. Memory is the peak of the process beyond what it had before the model was made
(data and packages are not counted), beside it what the compiler had planned: work space, weights and the optimizer's slots.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("train", "predict")
CONTENDERS = ("graphnn", "torch")
VALUES = ("ms", "peak_mb", "arena_mb", "weights_mb")
EPOCH_WORK = 5e10  # operations of an epoch, the same number of steps for every contender


@dataclass(frozen=True)
class Study:
    """A family of networks and the ways in which it grows.

    Attributes:
        script: the file that is run for each point.
        unit: what a sample is called.
        sweeps: for each the points: a batch and a network (a dataclass with numbers, and `flops` of a sample).
        titles: of each sweep, its axis, and the field along it.
        data: arrays (x, y) of so many rows for a network.
        make: a contender by name: `epoch(x, y)`, `predict(x)`, `planned()`.
    """

    script: str
    unit: str
    sweeps: dict[str, list[tuple[int, Any]]]
    titles: dict[str, tuple[str, str, str]]
    data: Callable[[Any, int], tuple[Any, Any]]
    make: Callable[[str, Any, int], Any]

    @property
    def name(self) -> str:
        """Of its files."""
        return Path(self.script).stem

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns that say which point a row is."""
        net = next(iter(self.sweeps.values()))[0][1]
        return ("sweep", "kind", "contender", "batch", *(f.name for f in fields(net)))

    def steps_of(self, batch: int, net: Any, kind: str) -> int:
        """Steps of an epoch: enough to be measured, few where a step is dear."""
        work = (3 if kind == "train" else 1) * net.flops * batch
        return int(min(200, max(1, EPOCH_WORK / work)))

    def run_worker(self, name: str, sweep: str, index: int, kind: str, seconds: float) -> None:
        """Measures one point; prints a line of JSON."""
        batch, net = self.sweeps[sweep][index]
        rows = batch * self.steps_of(batch, net, kind)
        x, y = self.data(net, rows)
        importlib.import_module(name)
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak is counted from here
        before = status("VmRSS")
        contender = self.make(name, net, batch)
        work = partial(contender.epoch, x, y) if kind == "train" else partial(contender.predict, x)
        work()
        times: list[float] = []
        while len(times) < 2 or sum(times) < seconds:
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        point = dict(zip(self.fields, (sweep, kind, name, batch, *(getattr(net, f.name) for f in fields(net))), strict=True))
        point |= {"ms": 1e3 * statistics.median(times) / rows, "peak_mb": (status("VmHWM") - before) / 2**20}
        planned = contender.planned()
        if planned is not None:
            point |= {"arena_mb": planned[0] / 2**20, "weights_mb": planned[1] / 2**20}
        print(json.dumps({**point, "compiled": "numba" in sys.modules}))

    def points_of(self, options: argparse.Namespace) -> list[dict[str, str]]:
        """All points measured now, medians over the repeats."""
        found: dict[tuple[str, ...], list[dict[str, float]]] = defaultdict(list)
        names = options.contenders.split(",")
        for repeat in range(options.repeats):
            for sweep in options.sweeps.split(","):
                for index in range(len(self.sweeps[sweep])):
                    for kind in KINDS:
                        for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
                            command = shlex.split(options.graphnn if name == "graphnn" else options.peers)
                            command += [self.script, "--worker", name, "--sweep", sweep, "--index", str(index), "--kind", kind]
                            point = run([*command, "--seconds", str(options.seconds)])
                            if point is not None:
                                found[tuple(str(point[f]) for f in self.fields)].append(point)
                                shown = {k: v if isinstance(v, str) else round(v, 3) for k, v in point.items()}
                                print(shown, file=sys.stderr, flush=True)
        return [
            dict(zip(self.fields, key, strict=True))
            | {v: f"{statistics.median(p[v] for p in points):.4g}" for v in VALUES if v in points[0]}
            for key, points in found.items()
        ]

    def pictures(self, points: list[dict[str, str]]) -> str:
        """Time and memory of training and of prediction, a row of panels for each sweep."""
        from chart import Panel, svg

        panels: list[Panel] = []
        for sweep, (title, axis, column) in self.titles.items():
            for value, unit in (("ms", f"ms per {self.unit}"), ("peak_mb", "peak MB")):
                lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
                for p in points:
                    if p["sweep"] == sweep:
                        at = float(p[column])
                        lines[f"{p['contender']}, {p['kind']}"].append((at, float(p[value])))
                        if value == "peak_mb" and p.get("arena_mb") and p["kind"] == "train":
                            lines["planned, train"].append((at, float(p["arena_mb"]) + float(p["weights_mb"])))
                panels.append(Panel(f"{title}: {unit}", axis, lines))
        return svg(panels, "both axes logarithmic")

    def compare(self, points: list[dict[str, str]]) -> list[str]:
        """For each point the speed of graphnn as a multiple of PyTorch's, its peak as a multiple of PyTorch's and of the plan."""
        by_place = {tuple(p[f] for f in self.fields): p for p in points}
        lines: list[str] = []
        for place, p in by_place.items():
            other = by_place.get((*place[:2], "torch", *place[3:]))
            if place[2] != "graphnn":
                continue
            planned = float(p["arena_mb"]) + float(p["weights_mb"])
            net = ", ".join(f"{name} {v}" for name, v in zip(self.fields[3:], place[3:], strict=True))
            line = f"{place[0]:16} {place[1]:7} {net:44} {float(p['ms']):9.4g} ms"
            line += f", peak {float(p['peak_mb']):7.1f} MB, planned {planned:7.1f} MB"
            if other is not None:
                speed, memory = float(other["ms"]) / float(p["ms"]), float(p["peak_mb"]) / float(other["peak_mb"])
                line += f"; PyTorch: {speed:5.2f} x its speed, {memory:5.2f} x its peak"
            lines.append(line)
        return lines

    def main(self, description: str) -> None:
        """The command."""
        parser = argparse.ArgumentParser(description=description.splitlines()[0])
        parser.add_argument("--out", type=Path, default=Path("docs/measured"), help="directory of the table and the picture")
        parser.add_argument("--graphnn", default=sys.executable, help="Python that has graphnn, with a command in front if you like")
        parser.add_argument("--peers", default=sys.executable, help="Python that has PyTorch, likewise")
        parser.add_argument("--contenders", default=",".join(CONTENDERS))
        parser.add_argument("--sweeps", default=",".join(self.sweeps))
        parser.add_argument("--repeats", type=int, default=3)
        parser.add_argument("--seconds", type=float, default=1.0, help="measured per point, at least")
        for name in ("--worker", "--sweep", "--index", "--kind"):
            parser.add_argument(name, help=argparse.SUPPRESS)
        options = parser.parse_args()
        if options.worker:
            self.run_worker(options.worker, options.sweep, int(options.index), options.kind, options.seconds)
            return
        points = self.points_of(options)
        options.out.mkdir(parents=True, exist_ok=True)
        path = options.out / f"{self.name}.csv"
        if path.exists():
            measured = {tuple(p[f] for f in self.fields) for p in points}
            with path.open(newline="") as file:
                points = [p for p in csv.DictReader(file) if tuple(p[f] for f in self.fields) not in measured] + points
        points.sort(key=self.order)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*self.fields, *VALUES], lineterminator="\n")
            writer.writeheader()
            writer.writerows(points)
        (options.out / f"{self.name}.svg").write_text(self.pictures(points), encoding="utf-8")
        print("\n".join(self.compare(points)))

    def order(self, p: dict[str, str]) -> tuple[Any, ...]:
        """Of the rows of the table."""
        numbers = [int(v) if (v := p[f]).isdecimal() else v for f in self.fields[3:]]
        return (list(self.sweeps).index(p["sweep"]), KINDS.index(p["kind"]), p["contender"], *numbers)


class Fitted:
    """A contender of Keras's API: a `model` that `fit` trains."""

    model: Any

    def __init__(self, batch: int):
        self.batch, self.job = batch, "train"

    def epoch(self, x: Any, y: Any) -> None:
        """One epoch of fit."""
        self.job = "train"
        self.model.fit(x, y, batch_size=self.batch, verbose=0)

    def predict(self, x: Any) -> Any:
        """The probabilities."""
        self.job = "predict"
        return self.model.predict(x, batch_size=self.batch, verbose=0)

    def planned(self) -> tuple[int, int] | None:
        """The plan of the compiler, and what the weights and slots take."""
        states = {id(v): v for v in (*self.model.variables, *self.model.optimizer.variables)}
        kept = sum(int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize for v in states.values())
        return self.model.compile_report()[self.job].arena_bytes, kept


class Looped:
    """A contender in PyTorch, eager: a `model` and an `optimizer` in a loop of one's own; `tensors` makes inputs of arrays."""

    model: Any
    optimizer: Any

    def __init__(self, batch: int):
        self.torch: Any = importlib.import_module("torch")
        self.batch = batch

    def tensors(self, x: Any) -> Any:
        """What the model takes."""
        raise NotImplementedError

    def epoch(self, x: Any, y: Any) -> None:
        """One shuffled loop."""
        torch, b = self.torch, self.batch
        self.model.train()
        x, y = self.tensors(x), torch.from_numpy(y).long()
        order, total = torch.randperm(len(x)), 0.0
        for i in range(0, len(x), b):
            idx = order[i : i + b]
            self.optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.cross_entropy(self.model(x[idx]), y[idx])
            loss.backward()
            self.optimizer.step()
            total = total + loss.detach()
        float(total)

    def predict(self, x: Any) -> Any:
        """The probabilities."""
        torch, b = self.torch, self.batch
        self.model.eval()
        x = self.tensors(x)
        with torch.inference_mode():
            return torch.cat([torch.softmax(self.model(x[i : i + b]), 1) for i in range(0, len(x), b)]).numpy()

    def planned(self) -> tuple[int, int] | None:
        """It has no plan."""
        return None


def status(key: str) -> int:
    """A line of this process's status, in bytes."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


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
