"""Weight decay: the share that a weight loses before each step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..dispatch import value
from ..variable import Variable


class Decay:
    """The part of an optimizer that lets weights decay."""

    built: bool
    weight_decay: float | None
    learning_rate: Any

    def _decay_of(self, variable: Variable) -> float | None:
        return self.weight_decay

    def _apply_weight_decay(self, variables: list[Variable]) -> None:
        for v in variables:
            share = self._decay_of(v)
            if share is not None and self._use_weight_decay(v):
                v.assign(v - v * (ops.cast(value(self.learning_rate), v.dtype) * share))

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Weights that do not decay: those given, and those whose name contains one of the patterns. Before `build` only.

        Raises:
            ValueError: the optimizer is built already.
        """
        if self.built:
            raise ValueError("`exclude_from_weight_decay()` can only be configured before the optimizer is built.")
        self._exclude_from_weight_decay = {id(v) for v in var_list or ()}
        self._exclude_pattern = re.compile("|".join(sorted(set(var_names)))) if var_names else None

    def _use_weight_decay(self, variable: Variable) -> bool:
        if id(variable) in getattr(self, "_exclude_from_weight_decay", ()):
            return False
        pattern = getattr(self, "_exclude_pattern", None)
        return pattern is None or pattern.search(variable.name) is None
