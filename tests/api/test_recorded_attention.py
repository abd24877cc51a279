"""Attention layers against what Keras gives for random combinations of options, masks and shapes (data/record_attention.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphnn_compiler import autodiff
from graphnn_compiler.executable import Executable
from graphnn_compiler.trace import Tracer, tracing

from graphnn import layers, tree

DATA = np.load(Path(__file__).parent.parent / "data" / "attention.npz")
CASES: list[dict[str, Any]] = json.loads(str(DATA["meta"]))


def arrays(case: int, kind: str) -> list[Any]:
    """The recorded arrays of a kind: x (tensors), w (weights), y (outputs), c (cotangents), d (gradients)."""
    found: list[Any] = []
    while f"{case}.{kind}{len(found)}" in DATA:
        found.append(DATA[f"{case}.{kind}{len(found)}"])
    return found


def keywords(case: int) -> dict[str, Any]:
    """The arguments of the call beside the tensors."""
    found: dict[str, Any] = {}
    for key, held in CASES[case]["call"].items():
        if isinstance(held, bool):
            found[key] = held
        else:
            parts = [DATA[f"{case}.{key}{i}"] if there else None for i, there in enumerate(held["masks"])]
            found[key] = parts if held["list"] else parts[0]
    return found


def test_there_are_cases_of_every_kind() -> None:
    assert len(CASES) == 60
    kinds = [c["layer"] for c in CASES]
    assert min(map(kinds.count, ("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention"))) > 5
    assert {k for c in CASES for k in c["call"]} >= {"attention_mask", "value_mask", "mask", "use_causal_mask"}


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{i}-{c['layer']}" for i, c in enumerate(CASES)])
def test_recorded_attention(number: int) -> None:
    case, call = CASES[number], keywords(number)
    layer = getattr(layers, case["layer"])(**case["kwargs"])
    x, y, c, d = (arrays(number, kind) for kind in "xycd")
    as_list = case["layer"] in ("Attention", "AdditiveAttention")
    layer(*([x] if as_list else x), **call)
    layer.set_weights(arrays(number, "w"))
    tracer = Tracer()
    with tracing(tracer):
        given = [tracer.input(a.shape, "float32") for a in x]
        outputs = tree.flatten(layer(*([given] if as_list else given), **call))
        cotangents = [tracer.input(a.shape, "float32") for a in c]
        for w in layer.trainable_weights:
            _ = w.value
        sources = [*given, *[tracer.graph.states[w] for w in layer.trainable_weights]]
        tracer.finish([*outputs, *autodiff.gradients(outputs, cotangents, sources)])
    found = Executable(tracer.graph)([*x, *c])
    largest = max(float(np.abs(a).max()) for a in [*y, *d])  # a sum that is 0 but for rounding has the size of its terms
    for got, want in zip(found, [*y, *d], strict=True):
        assert got.shape == want.shape
        assert np.abs(got - want).max(initial=0) <= 2e-5 * (1 + largest)
