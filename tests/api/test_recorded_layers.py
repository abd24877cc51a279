"""Convolutions and the layers around them against what Keras gives for random combinations of options (data/record_layers.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphnn_compiler import autodiff
from graphnn_compiler.executable import Executable
from graphnn_compiler.trace import Tracer, tracing

import graphnn
from graphnn import layers
from graphnn.context import calling

DATA = np.load(Path(__file__).parent.parent / "data" / "layers.npz")
CASES: list[dict[str, Any]] = json.loads(str(DATA["meta"]))


def arrays(case: int, kind: str) -> list[Any]:
    """The recorded arrays of a kind: w (weights), d (gradients), s (weights that are not trained, after the call)."""
    found: list[Any] = []
    while f"{case}.{kind}{len(found)}" in DATA:
        found.append(DATA[f"{case}.{kind}{len(found)}"])
    return found


def same(found: Any, want: Any) -> None:
    assert found.shape == want.shape
    assert np.abs(found - want).max(initial=0) <= 3e-5 * (1 + np.abs(want).max(initial=0))


def run(layer: Any, x: Any, training: bool) -> tuple[Any, list[Any]]:
    """The output, and the gradients of sum(output * cotangent) by input and trainable weights; forward and backward in one program."""
    tracer = Tracer()
    with tracing(tracer), calling(training):
        given = tracer.input(x.shape, "float32")
        y = layer(given)
        cotangent = tracer.input(y.shape, "float32")
        for w in layer.trainable_weights:
            _ = w.value
        sources = [given, *[tracer.graph.states[w] for w in layer.trainable_weights]]
        tracer.finish([y, *autodiff.gradients([y], [cotangent], sources)])
    numbers = np.random.RandomState(1000).standard_normal([int(d) for d in y.shape]).astype("float32")
    out, *found = Executable(tracer.graph)([x, numbers])
    return out, found


def test_there_are_cases_of_every_kind() -> None:
    assert len(CASES) == 220 and len({c["layer"] for c in CASES}) >= 24
    assert sum("error" in c for c in CASES) < 60


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{i}-{c['layer']}" for i, c in enumerate(CASES)])
def test_recorded_layer(number: int) -> None:
    case = CASES[number]
    kwargs = {k: tuple(v) if isinstance(v, list) and k != "axis" else v for k, v in case["kwargs"].items()}
    if "error" in case:
        with pytest.raises(ValueError):  # noqa: PT011
            getattr(layers, case["layer"])(**kwargs)(graphnn.Input(case["shape"][1:]))
        return
    layer = getattr(layers, case["layer"])(**kwargs)
    assert layer.compute_output_shape((None, *case["shape"][1:]))[1:] == DATA[f"{number}.out"].shape[1:]
    layer(graphnn.Input(case["shape"][1:]))
    layer.set_weights(arrays(number, "w"))
    out, gradients = run(layer, DATA[f"{number}.x"], case["training"])
    same(out, DATA[f"{number}.out"])
    for found, want in zip(gradients, arrays(number, "d"), strict=True):
        same(found, want)
    for w, want in zip(layer.non_trainable_weights, arrays(number, "s"), strict=True):
        same(w.numpy(), want)
