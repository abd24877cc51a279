"""`python -m graphnn demo`: a small model learns handwritten digits, compiled and trained on this machine."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import layers, models, utils
from ..datasets import digits
from ..visualization.kernels import kernels_of

EPOCHS = 20


def add(parser: argparse.ArgumentParser) -> None:
    """Length and seed of the training."""
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"default: {EPOCHS}")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")


def run(arguments: argparse.Namespace) -> int:
    """Trains, evaluates, reports; writes the model's picture into the current directory."""
    start = time.perf_counter()
    utils.set_random_seed(arguments.seed)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    print(f"UCI digits: {len(x_train)} images of 8 x 8 pixels to learn from, {len(x_test)} held out.\n")
    model = build()
    model.summary()
    print("\nTraining (the kernels that this machine has not compiled before are compiled first):")
    model.fit(x_train, y_train, epochs=arguments.epochs, batch_size=32)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"\nHeld-out images: {accuracy:.1%} right, loss {loss:.4f}.\n")
    show_some(model, x_test, y_test)
    print("\nWhat was compiled:")
    show_report(model.compile_report())
    print("\nThe model's graph:")
    write_pictures(model)
    print(f"\n{time.perf_counter() - start:.1f} s in all.")
    return 0


def build() -> Any:
    """An MLP 64-64-10 over images of 8 x 8 pixels from 0 to 16, ready to train."""
    model = models.Sequential(
        [
            layers.Input((8, 8), name="image"),
            layers.Flatten(),
            layers.Rescaling(1 / 16),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def show_some(model: Any, images: Any, labels: Any, count: int = 6) -> None:
    """Prints a few images, and below each what the model takes it for."""
    images, labels = images[:count], labels[:count]
    guesses = np.argmax(model.predict(images, verbose=0), axis=-1)
    for row in range(8):
        print("   ".join("".join(" .:*#"[int(v) // 4] * 2 for v in image[row]) for image in images))
    texts = [str(g) if g == y else f"{g}, but it is {y}" for g, y in zip(guesses, labels, strict=True)]
    print("   ".join(f"{t:^16}" for t in texts).rstrip())


def show_report(reports: Mapping[str, Any]) -> None:
    """Prints what became of each job: a line per kernel with the operations that it does, as much of it as the screen is wide."""
    width = max(shutil.get_terminal_size((120, 24)).columns, 60)
    for job, report in reports.items():
        for i, line in enumerate(str(report).splitlines()):
            text = f"{job}: {line.partition(': ')[2]}" if i == 0 else line
            print(text if len(text) <= width else text[: width - 3] + "...")


def write_pictures(model: Any, directory: Path | None = None, say: Callable[[str], None] = print) -> None:
    """Writes the graph as graphnn-demo.html and graphnn-demo.svg, and says where."""
    for suffix in (".html", ".svg"):
        path = (directory or Path.cwd()) / f"graphnn-demo{suffix}"
        utils.plot_model(model, path, show_shapes=True, show_layer_names=True, kernels=kernels_of(model))
        say(f"  {path}")
