"""Training steps of a large embedding: only the rows that a step names, or all of them; beside PyTorch.

    python bench/embedding_updates.py [--table 200000 64] [--ids 32 100] [--torch /path/to/a/python/that/has/torch] [--seconds 3]
    python bench/embedding_updates.py --even [--optimizer sgd]

An embedding, the mean over its rows, a dense layer of one unit and the mean squared error. Printed are microseconds per step, the
median and the best in brackets. Each contender has a process of its own. `--even`: where the two forms of the update break even, by rows
and columns of the table and the number of ids in a batch of 32; in one process, in turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
STEPS = 64
WHO = {"graphnn, all rows": "graphnn", "graphnn": "graphnn", "torch, dense": "torch", "torch, sparse": "torch"}
OPTIMIZERS = ("sgd", "adagrad", "adam")


def data(table: Sequence[int], ids: Sequence[int]) -> tuple[Any, Any]:
    """Random ids and targets for some batches."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, table[0], (ids[0] * STEPS, ids[1])).astype("int32")
    return x, rng.normal(size=(len(x), 1)).astype("float32")


def graphnn_steps(table: Sequence[int], ids: Sequence[int], optimizer: str, whole: bool) -> Callable[[], object]:
    """Makes STEPS steps."""
    sys.path[:0] = [str(ROOT), str(ROOT / "compiler")]
    from graphnn_compiler.passes import touched_rows

    import graphnn
    from graphnn import layers, optimizers

    touched_rows.LEAST, touched_rows.SHARES = 1 << 62 if whole else 0, (0, 0)
    inputs = graphnn.Input((ids[1],), dtype="int32")
    h = layers.GlobalAveragePooling1D()(layers.Embedding(*table)(inputs))
    model = graphnn.Model(inputs, layers.Dense(1)(h))
    make = {"sgd": optimizers.SGD, "adagrad": optimizers.Adagrad, "adam": optimizers.Adam}[optimizer]
    model.compile(make(0.1), "mse")
    x, y = data(table, ids)
    model.fit(x, y, batch_size=ids[0], verbose=0)  # traces
    return lambda: model.fit(x, y, batch_size=ids[0], verbose=0)


def torch_steps(table: Sequence[int], ids: Sequence[int], optimizer: str, sparse: bool) -> Callable[[], object]:
    """Makes STEPS steps."""
    import torch

    torch.set_num_threads(2)
    embedding, dense = torch.nn.Embedding(*table, sparse=sparse), torch.nn.Linear(table[1], 1)
    parameters = [*embedding.parameters(), *dense.parameters()]
    if optimizer == "adam" and sparse:
        made: list[Any] = [torch.optim.SparseAdam([embedding.weight]), torch.optim.Adam(dense.parameters())]
    else:
        made = [{"sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad, "adam": torch.optim.Adam}[optimizer](parameters, 0.1)]
    x, y = map(torch.from_numpy, data(table, ids))

    def steps() -> None:
        for i in range(0, len(x), ids[0]):
            loss = ((dense(embedding(x[i : i + ids[0]]).mean(1)) - y[i : i + ids[0]]) ** 2).mean()
            for one in made:
                one.zero_grad()
            loss.backward()
            for one in made:
                one.step()

    steps()
    return steps


def measured(fs: Sequence[Callable[[], object]], seconds: float) -> list[list[float]]:
    """Microseconds per step of each, in turns."""
    times: list[list[float]] = [[] for _ in fs]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 3:
        for f, found in zip(fs, times, strict=True):
            start = time.perf_counter()
            f()
            found.append(1e6 * (time.perf_counter() - start) / STEPS)
    return times


def even(optimizer: str, seconds: float) -> None:
    """Prints the table."""
    for columns in (16, 64):
        for length in (10, 100, 400):
            for rows in (1000, 4000, 16_000, 64_000):
                both = [graphnn_steps((rows, columns), (32, length), optimizer, whole) for whole in (True, False)]
                whole, touched = map(min, measured(both, seconds / 4))
                what = f"{rows:6} x {columns}, {32 * length:6} ids"
                print(f"{what}: all rows {whole:7.0f}, touched {touched:7.0f}, {whole / touched:6.2f}", flush=True)


def main() -> None:
    """Measures what the command line asks for."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("--table", type=int, nargs=2, default=(200_000, 64))
    p.add_argument("--ids", type=int, nargs=2, default=(32, 100))
    p.add_argument("--torch", default=sys.executable)
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--optimizer", choices=OPTIMIZERS)
    p.add_argument("--even", action="store_true")
    p.add_argument("--one", choices=WHO, help=argparse.SUPPRESS)
    given = p.parse_args()
    if given.even:
        even(given.optimizer or "sgd", given.seconds)
    elif given.one:
        make = graphnn_steps if WHO[given.one] == "graphnn" else torch_steps
        steps = make(given.table, given.ids, given.optimizer, given.one in ("graphnn, all rows", "torch, sparse"))
        print(json.dumps(measured([steps], given.seconds)[0]))
    else:
        for optimizer in [given.optimizer] if given.optimizer else OPTIMIZERS:
            for who, library in WHO.items():
                python = sys.executable if library == "graphnn" else given.torch
                words = ["--table", *map(str, given.table), "--ids", *map(str, given.ids), "--seconds", str(given.seconds)]
                command = [python, "-W", "ignore", __file__, *words, "--one", who, "--optimizer", optimizer]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                times = json.loads(done.stdout)
                print(f"{optimizer:8} {who:18} {statistics.median(times):8.0f} ({min(times):.0f})", flush=True)


if __name__ == "__main__":
    main()
