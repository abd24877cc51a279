"""What texts cost in front of a model: the same script run with graphnn and with Keras on TensorFlow.

    python bench/texts.py [--seconds 1] [--keras /path/to/a/python/that/has/keras/and/tensorflow]

A classifier starts with `TextVectorization` (20,000 words, texts of 10, 50 and 200 words). Milliseconds, the median: the layer alone on
1,000 texts, `predict_on_batch` on them, the model called on one text, and an epoch of `fit` on 1,000 texts after the first.
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
LENGTHS = (10, 50, 200)
TEXTS = 1000


def jobs(keras: Any, length: int, tensor: Callable[[Any], Any]) -> dict[str, Callable[[], object]]:
    """What is measured, for texts of a length."""
    import numpy as np

    random = np.random.RandomState(0)
    words = np.array([f"word{k}" for k in range(30_000)])
    texts = np.array([[" ".join(words[random.zipf(1.3, length) % len(words)]).capitalize() + "."] for _ in range(TEXTS)])
    vectorize = keras.layers.TextVectorization(max_tokens=20_000, output_sequence_length=length)
    vectorize.adapt(texts)
    x = keras.Input((1,), dtype="string")
    h = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(20_000, 32)(vectorize(x)))
    model = keras.Model(x, keras.layers.Dense(1, "sigmoid")(h))
    model.compile("adam", "binary_crossentropy")
    data, one, y = tensor(texts), tensor(texts[:1]), tensor(random.randint(0, 2, (TEXTS, 1)).astype("float32"))

    def fit() -> float:
        """Seconds of the second epoch."""
        start = 0.0

        class Clock(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
                nonlocal start
                start = time.perf_counter()

        model.fit(data, y, epochs=2, verbose=0, callbacks=[Clock()])
        return time.perf_counter() - start

    return {"layer": lambda: vectorize(data), "predict": lambda: model.predict_on_batch(data), "one text": lambda: model(one), "epoch": fit}


def work(library: str, seconds: float) -> None:
    """Measures; prints a line of JSON."""
    if library == "graphnn":
        sys.path[:0] = [str(ROOT), str(ROOT / "compiler")]
        import graphnn as keras

        def tensor(a: Any) -> Any:
            return a

    else:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import keras  # type: ignore[no-redef]
        import tensorflow

        tensor = tensorflow.constant
    found: dict[str, dict[str, float]] = {}
    for length in LENGTHS:
        found[str(length)] = {}
        for name, run in jobs(keras, length, tensor).items():
            run()
            times: list[float] = []
            while len(times) < 5 or sum(times) < seconds:
                start = time.perf_counter()
                own = run()
                times.append(own if isinstance(own, float) else time.perf_counter() - start)
            found[str(length)][name] = 1e3 * statistics.median(times)
    print(json.dumps(found))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="measured per job, at least")
    parser.add_argument("--keras", default=sys.executable, help="a Python that has Keras and TensorFlow")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.seconds)
        return
    found: dict[str, Any] = {}
    for library, python in (("graphnn", sys.executable), ("keras", options.keras)):
        command = [python, __file__, "--worker", library, "--seconds", str(options.seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found[library] = json.loads(done.stdout.splitlines()[-1])
        else:
            print(f"left out: {library}: {(done.stderr.strip() or 'no message').splitlines()[-1]}", file=sys.stderr)
    print(f"{'words':>5}  {'':10}" + "".join(f"{name + ' ms':>14}" for name in found))
    for length in LENGTHS:
        for job in ("layer", "predict", "one text", "epoch"):
            print(f"{length:5}  {job:10}" + "".join(f"{each[str(length)][job]:14.3f}" for each in found.values()))


if __name__ == "__main__":
    main()
