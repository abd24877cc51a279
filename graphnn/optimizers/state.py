"""The state of an optimizer as numbers: given, taken, saved, or run without."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..stateless import call
from ..variable import Variable


class State:
    """The part of an optimizer that moves its variables in and out."""

    name: str
    built: bool
    _trainable_variables: list[Variable]

    @property
    def variables(self) -> list[Variable]:
        """All variables of the optimizer."""
        raise NotImplementedError

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """One step."""
        raise NotImplementedError

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """What weights and the optimizer's variables would be after a step from these values; they stay as they are.

        Raises:
            ValueError: the optimizer is not built, or there are not as many values as variables.
        """
        if not self.built:
            raise ValueError(
                f"To call `stateless_apply`, {type(self).__name__} must be built (call `optimizer.build(variables)`)."
            )
        own, weights = self.variables, self._trainable_variables
        for what, given, wanted in (("optimizer", optimizer_variables, own), ("trainable", trainable_variables, weights)):
            if len(given) != len(wanted):
                raise ValueError(
                    f"Argument `{what}_variables` must be a list of tensors corresponding 1:1 to the variables of "
                    f"{type(self).__name__}(). Received list with length {len(given)}, but expected {len(wanted)} variables."
                )
        _, new = call([*weights, *own], [*trainable_variables, *optimizer_variables], lambda: self.apply(grads))
        return new[: len(weights)], new[len(weights) :]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Gives numbers to all variables.

        Raises:
            ValueError: the optimizer is not built, or a shape differs.
        """
        if not self.built:
            raise ValueError("`set_weights()` needs a built optimizer: call `optimizer.build(trainable_variables)` first.")
        for v, w in zip(self.variables, weights, strict=False):
            if tuple(np.shape(w)) != v.shape:
                raise ValueError(
                    f"Optimizer variable {v.path} has shape {v.shape}, not that of the weight, {tuple(np.shape(w))}."
                )
            v.assign(w)

    def save_own_variables(self, store: Any) -> None:
        """Writes all variables into a dictionary of arrays, under "0", "1", ..."""
        for i, v in enumerate(self.variables):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Reads all variables from a dictionary of arrays; warns, and does nothing, where their number differs."""
        variables = self.variables
        if len(store.keys()) != len(variables):
            reason = "" if self.built else " The optimizer has not been built yet."
            warnings.warn(
                f"The variables of optimizer {self.name!r} are not loaded: "
                f"it has {len(variables)} and the file {len(store.keys())}.{reason}",
                stacklevel=2,
            )
            return
        for i, v in enumerate(variables):
            v.assign(np.asarray(store[str(i)]))
