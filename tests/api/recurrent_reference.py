"""Recurrent layers in NumPy, one step after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Step = Callable[[Array, list[Array]], tuple[Array, list[Array]]]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def simple_rnn(weights: Sequence[Array]) -> Step:
    kernel, recurrent, bias = weights

    def step(x: Array, states: list[Array]) -> tuple[Array, list[Array]]:
        h = np.tanh(x @ kernel + states[0] @ recurrent + bias)
        return h, [h]

    return step


def lstm(weights: Sequence[Array]) -> Step:
    kernel, recurrent, bias = weights

    def step(x: Array, states: list[Array]) -> tuple[Array, list[Array]]:
        i, f, g, o = np.split(x @ kernel + states[0] @ recurrent + bias, 4, axis=-1)
        c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return h, [h, c]

    return step


def gru(weights: Sequence[Array], reset_after: bool = True) -> Step:
    kernel, recurrent, bias = weights
    n = recurrent.shape[0]

    def step(x: Array, states: list[Array]) -> tuple[Array, list[Array]]:
        (h,) = states
        own, back = bias if reset_after else (bias, np.zeros_like(bias))
        a, b = x @ kernel + own, h @ recurrent + back
        z, r = sigmoid(a[:, :n] + b[:, :n]), sigmoid(a[:, n : 2 * n] + b[:, n : 2 * n])
        g = np.tanh(a[:, 2 * n :] + (r * b[:, 2 * n :] if reset_after else (r * h) @ recurrent[:, 2 * n :]))
        h = z * h + (1 - z) * g
        return h, [h]

    return step


def run(
    step: Step, x: Array, states: Sequence[Array], mask: Array | None = None, backwards: bool = False, zero_masked: bool = False
) -> tuple[Array, list[Array]]:
    """All outputs (batch, steps, features) in the order of their computation, and the last states."""
    now = list(states)
    outputs: list[Array] = []
    before: Array | None = None
    for t in reversed(range(x.shape[1])) if backwards else range(x.shape[1]):
        y, new = step(x[:, t], now)
        if mask is not None:
            rows = mask[:, t].reshape(-1, *(1,) * (y.ndim - 1))
            kept = np.zeros_like(y) if before is None or zero_masked else before
            y = np.where(rows, y, kept)
            new = [np.where(rows, a, b) for a, b in zip(new, now, strict=True)]
        before, now = y, new
        outputs.append(y)
    return np.stack(outputs, axis=1), now
