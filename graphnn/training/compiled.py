"""What `compile` leaves with a model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from typing import Any

from ..layers.calling import epoch
from .compile_loss import CompileLoss
from .compile_metrics import CompileMetrics
from .quick import QuickPredictions
from .steps import Steps
from .watch import FinitenessWatch


class ByJob(dict[str, Any]):
    """Something about each step that was compiled, by the step's name; as text one below the other."""

    def __str__(self) -> str:
        return "\n\n".join(str(v) for v in self.values()) or "nothing is compiled yet: call fit, evaluate or predict"


class Compiled:
    """What `compile` leaves with a model, and the steps traced since."""

    def __init__(self) -> None:
        self.loss: CompileLoss | None = None
        self.metrics: CompileMetrics | None = None
        self.loss_tracker: Any = None
        self.run_eagerly = False
        self.jit_compile: Any = "auto"
        self.steps_per_execution = 1
        self.arguments: dict[str, Any] | None = None
        self.steps = Steps()
        self.watch: FinitenessWatch | None = None
        self.predictions = QuickPredictions()
        self.quick: dict[Any, Any] = {}  # of single batches
        self.warned = False
        self._facts: dict[Hashable, Any] = {}
        self._facts_of = -1

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled:
        new = object.__new__(type(self))
        memo[id(self)] = new
        state: dict[str, Any] = {**self.__dict__, "_facts": {}, "_facts_of": -1}
        state |= {"quick": {}, "predictions": QuickPredictions()}  # programs belong to the original's weights
        for name, x in state.items():
            setattr(new, name, copy.deepcopy(x, memo))
        return new

    @property
    def done(self) -> bool:
        """Whether `compile` was called."""
        return self.arguments is not None

    def fact(self, key: Hashable, find: Callable[[], Any]) -> Any:
        """What `find` gives, remembered as long as no attribute of a layer changes."""
        if self._facts_of != epoch():
            self._facts, self._facts_of = {}, epoch()
        key = (key, self.loss is None or self.loss.built, self.metrics is None or self.metrics.built)
        if key not in self._facts:
            self._facts[key] = find()
        return self._facts[key]
