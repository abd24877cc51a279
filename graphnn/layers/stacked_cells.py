"""Cells on top of each other.

Exports: StackedRNNCells.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Self

from .. import ops, tree
from .common import ConfiguredLayer
from .layer import Layer

__all__ = ["StackedRNNCells"]


class StackedRNNCells(ConfiguredLayer):
    """One cell made of several: the output of each is the input of the next.

    Args:
        cells: cells, the lowest first.

    Shapes:
        input `(batch, ...)` and a list with the states of each cell; output that of the last cell, and the new states alike.

    Raises:
        ValueError: a cell has no `call` or no `state_size`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> cells = layers.StackedRNNCells([layers.LSTMCell(4), layers.GRUCell(2)])
    >>> cells.state_size, layers.RNN(cells)(np.ones((1, 5, 3), "float32")).shape
    ([[4, 4], 2], (1, 2))
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any):
        super().__init__(**kwargs)
        for cell in cells:
            if not callable(getattr(cell, "call", None)):
                raise ValueError(f"All cells must have a `call` method. Received cell without a `call` method: {cell!r}")
            if not hasattr(cell, "state_size"):
                raise ValueError(f"All cells must have a `state_size` attribute. Received cell without a `state_size`: {cell!r}")
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The features of the states of each cell."""
        return [c.state_size for c in self.cells]

    @property
    def output_size(self) -> Any:
        """The features of the output."""
        return features_of(self.cells[-1])

    def build(self, input_shape: Any = None) -> None:
        shape = tuple(input_shape)
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(shape)
                cell.built = True
            size = features_of(cell)
            shape = (shape[0], *size) if tree.is_list(size) else (shape[0], size)
        self.built = True

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """The first states of each cell: its own, or zeros."""
        found: list[Any] = []
        for cell in self.cells:
            first = getattr(cell, "get_initial_state", None)
            found.append(first(batch_size=batch_size) if first else zero_states(batch_size, cell.state_size, self.compute_dtype))
        return found

    def call(self, inputs: Any, states: Any, training: bool = False, **kwargs: Any) -> tuple[Any, list[Any]]:
        if len(states) != len(self.cells):
            raise ValueError(
                f"StackedRNNCells {self.name!r}: states must be a list with those of each of the {len(self.cells)} cells. "
                f"Received: a list of {len(states)}"
            )
        new: list[Any] = []
        for cell, own in zip(self.cells, states, strict=True):
            parameters = inspect.signature(cell.call).parameters
            keywords = dict(kwargs)
            if "training" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                keywords["training"] = training
            inputs, after = cell(inputs, own if tree.is_list(own) else [own], **keywords)
            new.append(after)
        return inputs, new

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        from ..saving.serialization import deserialize_keras_object, is_serialized

        cells = [deserialize_keras_object(c, custom_objects=custom_objects) if is_serialized(c) else c for c in config["cells"]]
        return cls(**{**config, "cells": cells})


def features_of(cell: Any) -> Any:
    """The features of a cell's output: `output_size`, or those of its first state."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size[0] if tree.is_list(cell.state_size) else cell.state_size
    return size


def zero_states(batch_size: Any, state_size: Any, dtype: str) -> list[Any]:
    """Zeros for states of some sizes (numbers of features, or shapes without the batch)."""
    sizes: list[Any] = list(state_size) if tree.is_list(state_size) else [state_size]
    return [ops.zeros((batch_size, *(s if tree.is_list(s) else (s,))), dtype=dtype) for s in sizes]
