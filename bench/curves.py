"""How a script that trains a model fares with graphnn and with Keras: loss, accuracy and time of each epoch.

    python bench/curves.py examples/mnist_convnet.py --out docs/measured --graphnn PYTHON --peers PYTHON

The script says `import graphnn as keras`; for Keras the same text is run with `keras` under that name. It has to validate in `fit`, and
to call its history `history`. The data sets of both are the files of graphnn's cache. Rows go into NAME.csv, the curves into NAME.svg;
contenders that are not measured again are kept.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import os
import runpy
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FIELDS = ("contender", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")
PANELS: dict[str, Callable[[dict[str, str]], float]] = {
    "loss in training": lambda row: float(row["loss"]),
    "loss on test data": lambda row: float(row["val_loss"]),
    "error in training": lambda row: 1 - float(row["accuracy"]),
    "error on test data": lambda row: 1 - float(row["val_accuracy"]),
}


def run_worker(name: str, script: str, arguments: list[str]) -> None:
    """Runs the script and prints a line of JSON for each epoch."""
    if name == "graphnn":
        package: Any = importlib.import_module("graphnn")
    else:
        backend = os.environ["KERAS_BACKEND"] = name.removeprefix("keras-")
        if backend != "tensorflow":
            sys.modules["tensorflow"] = None  # type: ignore[assignment]  # as if it were not installed: it would be imported for its seed
        package = sys.modules["graphnn"] = importlib.import_module("keras")
        home = Path(os.environ.get("GRAPHNN_HOME", Path.home() / ".graphnn")) / "datasets"
        package.datasets.mnist.load_data = lambda: _arrays(home / "mnist.npz")
    seconds: list[float] = []

    class Clock(package.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seconds.append(time.perf_counter() - self.start)

    fit = package.Model.fit

    def timed_fit(self: Any, *args: Any, callbacks: Any = (), verbose: int = 0, **options: Any) -> Any:
        return fit(self, *args, callbacks=[*callbacks, Clock()], verbose=verbose, **options)

    package.Model.fit = timed_fit
    sys.argv = [script, *arguments]
    history = runpy.run_path(script, run_name="__main__")["history"].history
    for i, took in enumerate(seconds):
        row = {"contender": name, "epoch": i + 1} | {key: round(float(history[key][i]), 6) for key in FIELDS[2:6]}
        print(json.dumps({**row, "seconds": round(took, 3)}), flush=True)


def _arrays(path: Path) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    import numpy as np

    with np.load(path) as file:
        return (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])


def rows_of(options: argparse.Namespace) -> list[dict[str, str]]:
    """The epochs of all contenders."""
    rows: list[dict[str, str]] = []
    for name in options.contenders.split(","):
        command = shlex.split(options.graphnn if name == "graphnn" else options.peers)
        command += [__file__, "--worker", name, options.script, *options.arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
        if done.returncode:
            sys.exit(f"{name}: {done.stderr}")
        rows += [{k: str(v) for k, v in json.loads(line).items()} for line in done.stdout.splitlines() if line.startswith('{"')]
    return rows


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("script")
    parser.add_argument("arguments", nargs="*", help="for the script")
    parser.add_argument("--out", type=Path, default=Path("docs/measured"), help="directory for the CSV file and the picture")
    parser.add_argument("--graphnn", default=sys.executable, help="Python that has graphnn, with a command in front if you like")
    parser.add_argument("--peers", default=sys.executable, help="Python that has Keras, likewise")
    parser.add_argument("--contenders", default="graphnn,keras-tensorflow,keras-torch,keras-jax")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        run_worker(options.worker, options.script, options.arguments)
        return
    rows = rows_of(options)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{Path(options.script).stem}.csv"
    if path.exists():
        measured = {row["contender"] for row in rows}
        with path.open(newline="") as file:
            rows = sorted([row for row in csv.DictReader(file) if row["contender"] not in measured] + rows, key=lambda r: r["contender"])
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(FIELDS), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    from chart import Panel, svg

    names = list(dict.fromkeys(row["contender"] for row in rows))
    panels = [
        Panel(title, "epoch", {n: [(float(r["epoch"]), value(r)) for r in rows if r["contender"] == n] for n in names}, even=True)
        for title, value in PANELS.items()
    ]
    path.with_suffix(".svg").write_text(svg(panels, "logarithmic"), encoding="utf-8")
    for name in names:
        mine = [row for row in rows if row["contender"] == name]
        last, took = mine[-1], [float(row["seconds"]) for row in mine]
        print(f"{name}: {len(mine)} epochs, test accuracy {float(last['val_accuracy']):.4f}, loss {float(last['val_loss']):.4f},", end=" ")
        print(f"{sum(took):.1f} s, the fastest epoch {min(took):.2f} s")


if __name__ == "__main__":
    main()
