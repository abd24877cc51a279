"""Dropout in recurrent cells: noise that is drawn once for all steps of a sequence."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from graphnn_compiler import trace
from graphnn_compiler.trace import Tracer

from .. import ops, random
from .common import ConfiguredLayer

_drawn: WeakKeyDictionary[Tracer, dict[tuple[int, str], Draw]] = WeakKeyDictionary()


class CellWithDropout(ConfiguredLayer):
    """Base of cells with `dropout` of their inputs and `recurrent_dropout` of their states.

    A mask is drawn when it is first asked for and is the same for all calls that follow in the same program, until it is reset.
    """

    mask_count = 1  # masks of the input and of the state, where gates have one each

    def set_dropout(self, dropout: float, recurrent_dropout: float, seed: Any, implementation: Any = 2) -> None:
        """Keeps the rates, clipped to 0 ... 1; noise of the state is one for each gate, so it needs the first implementation."""
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        if implementation not in (0, 1, 2):
            raise ValueError(
                f"{type(self).__name__}: `implementation` must be 1 or 2. Received: implementation={implementation!r}"
            )
        self.implementation = 1 if self.recurrent_dropout else implementation
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)

    def get_dropout_mask(self, step_input: Any) -> Any:
        """Noise for inputs of one step: a tensor, or a list with one for each gate; None without dropout."""
        count = self.mask_count if self.implementation == 1 else 1
        return self._mask("input", step_input, self.dropout, count)

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        """Noise for states: a tensor, or a list with one for each gate; None without recurrent dropout."""
        return self._mask("state", step_input, self.recurrent_dropout, self.mask_count)

    def reset_dropout_mask(self) -> None:
        """Lets the next call draw noise for inputs anew."""
        self._forget("input")

    def reset_recurrent_dropout_mask(self) -> None:
        """Lets the next call draw noise for states anew."""
        self._forget("state")

    def _mask(self, kind: str, like: Any, rate: float, count: int) -> Any:
        if not rate:
            return None
        tracers = _tracers()
        for tracer in tracers:
            found = _drawn.get(tracer, {}).get((id(self), kind))
            if found is not None:
                return found.masks
        drawn = Draw(self, kind, tuple(like.shape), str(like.dtype), rate, count)
        if tracers:
            _drawn.setdefault(tracers[0], {})[id(self), kind] = drawn
        return drawn.masks

    def _forget(self, kind: str) -> None:
        for tracer in _tracers():
            _drawn.get(tracer, {}).pop((id(self), kind), None)


class Draw:
    """The masks that a cell has drawn."""

    def __init__(self, cell: CellWithDropout, kind: str, shape: Any, dtype: str, rate: float, count: int):
        self.cell, self.kind = cell, kind
        self.arguments = (shape, dtype, rate, count)
        ones = ops.ones(shape, dtype=dtype)
        masks = [random.dropout(ones, rate, seed=cell.seed_generator) for _ in range(count)]
        self.masks: Any = masks if count > 1 else masks[0]


def _tracers() -> list[Tracer]:
    """What is being traced, the innermost first; a trace inside another one may use what that one has drawn."""
    found: list[Tracer] = []
    stack: list[Tracer | None] = [*trace._stack.tracers]  # pyright: ignore[reportPrivateUsage]
    for tracer in reversed(stack):
        if tracer is None:
            break
        found.append(tracer)
    return found


@contextmanager
def drawn_before(trial: Tracer) -> Generator[None]:
    """Inside, all masks that cells asked for in a trial are the same for all steps; they are drawn now."""
    around = _drawn.setdefault(_tracers()[0], {})
    asked = _drawn.pop(trial, {})
    for key, draw in asked.items():
        around[key] = Draw(draw.cell, draw.kind, *draw.arguments)
    try:
        yield
    finally:
        for key in asked:
            around.pop(key, None)
