"""Gradients against finite differences; `graphnn.testing` exports it.

Exports: check_gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.executable import Executable
from graphnn_compiler.trace import Tracer, tracing

from . import tree
from .context import calling
from .dispatch import value
from .tensor import Array

__all__ = ["check_gradients"]


def check_gradients(
    layer: Any,
    x: Any,
    *,
    call_kwargs: Mapping[str, Any] | None = None,
    training: bool = False,
    tolerance: float = 1e-6,
    step: float = 1e-6,
    seed: int = 0,
) -> None:
    """Compares gradients for all float inputs and trainable weights with central differences along random directions.

    Args:
        layer: a layer or model that is built, in float64; its state is put back after each evaluation.
        x: float64 arrays, away from kinks.
        call_kwargs: further arguments of the call.
        training: the mode.
        tolerance: largest relative error.
        step: of the differences.
        seed: of directions and cotangents.

    Raises:
        AssertionError: names the input or weight whose gradient is wrong.
    """
    rng = np.random.RandomState(seed)
    call = dict(call_kwargs or {})
    arrays: list[Array] = [np.asarray(a) for a in tree.flatten(x)]
    state = [(v, v.array.copy()) for v in layer.variables]
    weights = list(layer.trainable_variables)
    inputs = [i for i, a in enumerate(arrays) if a.dtype == np.float64]
    cotangents: list[Array] = []

    def build(backward: bool) -> Executable:
        tracer = Tracer()
        with tracing(tracer):
            values = [tracer.input(a.shape, a.dtype.name) for a in arrays]
            with calling(training):
                found = tree.flatten(layer(tree.pack_sequence_as(x, values), **call))
            outputs = [v for v in found if v.dtype == "float64"]
            if not cotangents:
                cotangents.extend(rng.standard_normal(tuple(map(int, v.shape))) for v in outputs)
            if not backward:
                return Executable(tracer.finish(outputs))
            wrt = [*(values[i] for i in inputs), *(w.value for w in weights)]
            wrt = [tracer.graph.states.get(w, v) for w, v in zip([None] * len(inputs) + weights, wrt, strict=True)]
            return Executable(tracer.finish(gradients(outputs, [value(c) for c in cotangents], wrt)))

    forward = build(False)

    def run(executable: Executable) -> list[Array]:
        for v, old in state:
            v.write(old)
        found = [a.copy() for a in executable(arrays)]
        for v, old in state:
            v.write(old)
        return found

    def total() -> float:
        return float(sum((a * c).sum() for a, c in zip(run(forward), cotangents, strict=True)))

    if not cotangents:
        return
    found = run(build(True))
    kept = {id(v): old for v, old in state}  # what every run begins with
    places = [(f"input {i}", arrays[i]) for i in inputs] + [(f"weight {w.name!r}", kept[id(w)]) for w in weights]
    for (what, place), got in zip(places, found, strict=True):
        direction = rng.standard_normal(place.shape)
        start = place.copy()
        ends: list[float] = []
        for sign in (1, -1):
            np.copyto(place, start + sign * step * direction)
            ends.append(total())
        np.copyto(place, start)
        numeric, exact = (ends[0] - ends[1]) / (2 * step), float((got * direction).sum())
        scale = max(abs(numeric), abs(exact), float(np.abs(got * direction).sum()), 1e-3)
        mode = "training" if training else "inference"
        assert abs(numeric - exact) <= tolerance * scale, (
            f"the gradient for {what} in {mode} is {exact!r} along a direction, not {numeric!r}"
        )
