"""The recurrent layer over any cell.

Exports: RNN.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Self

from graphnn_compiler.dims import Dim, Shape
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast

from .. import ops, tree
from ..dispatch import value
from ..variable import Variable
from .common import ConfiguredLayer
from .input_spec import InputSpec, known
from .layer import Layer
from .recurrence import Recurrence
from .stacked_cells import StackedRNNCells, zero_states

__all__ = ["RNN"]


class RNN(ConfiguredLayer):
    r"""Applies a cell to each step of a sequence; the cell hands its states on from step to step.

    $$y_t, s_t = \text{cell}(x_t, s_{t-1})$$

    A cell is a layer with `call(inputs, states)` that gives (output, new states), an attribute `state_size` (the number of features of
    its state, or a list of them, one for each state), and perhaps `output_size` and `get_initial_state(batch_size)`. Where
    the mask is False the states stay as they are, and the output is that of the step before.

    Args:
        cell: a cell, or a list of cells, each fed by the one before.
        return_sequences: whether the outputs of all steps are given, or that of the last one.
        return_state: whether the last states are given too.
        go_backwards: whether steps are taken from the last to the first; outputs are in the order of their computation.
        stateful: whether each batch starts from the last states of the batch before; the batch size is fixed.
        unroll: whether each step has ops of its own in the program; the number of steps must be known. For short sequences only.
        zero_output_for_mask: whether outputs of masked steps are 0.

    Shapes:
        input `(batch, steps, ...)`; output `(batch, ...)`, with `return_sequences` `(batch, steps, ...)`, each state `(batch, size)`.

    Call arguments:
        initial_state: the first states, a list of tensors; by default what the cell says, or 0.
        mask: bool `(batch, steps)`, False for steps that do not count.

    Raises:
        ValueError: the cell has no `call` or no `state_size`, initial states are of another number or shape, the mask has another
            shape, or a stateful layer meets an unknown or another batch size.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> class Sum(layers.Layer):
    ...     state_size = 2
    ...     def call(self, inputs, states):
    ...         total = states[0] + inputs
    ...         return total, [total]
    >>> layers.RNN(Sum(), return_sequences=True)(np.ones((1, 3, 2), "float32")).tolist()
    [[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]]
    """

    unsaved: tuple[str, ...] = ()
    remat_by_steps = True
    cell: Any

    def __init__(
        self, cell: Any, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, zero_output_for_mask: bool = False, **kwargs: Any,
    ):  # fmt: skip
        if isinstance(cell, list | tuple):
            cell = StackedRNNCells(list(cell))  # pyright: ignore[reportUnknownArgumentType]
        if not callable(getattr(cell, "call", None)):
            raise ValueError(f"Argument `cell` should have a `call` method. Received: cell={cell!r}")
        if not hasattr(cell, "state_size"):
            raise ValueError(
                "The RNN cell should have a `state_size` attribute (an integer, or a list of integers, one for each state). "
                f"Received: cell={cell!r}"
            )
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful = go_backwards, stateful
        self.unroll, self.zero_output_for_mask = unroll, zero_output_for_mask
        self.supports_masking = True
        self._kept_states: Any = None

    @property
    def state_size(self) -> Any:
        """The features of the cell's states."""
        return self.cell.state_size

    @property
    def states(self) -> Any:
        """The states that a stateful layer keeps from batch to batch: variables; else None."""
        return self._kept_states

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        shape = tuple(sequences_shape)
        if len(shape) < 2:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the input must have the axes batch and steps. Received: an input of shape {shape}"
            )
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((shape[0], *shape[2:]))
            self.cell.built = True
        if isinstance(self.input_spec, InputSpec) and self.input_spec.ndim == 3:
            self.input_spec = InputSpec(ndim=3, axes={2: shape[2]})
        if self.stateful and self._kept_states is None:
            if shape[0] is None:
                raise ValueError(
                    f"{type(self).__name__} {self.name!r}: when `stateful=True`, the batch size must be known, as in "
                    f"`Input(batch_shape=(32, ...))`. Received: an input of shape {shape}"
                )

            def variable(x: Any) -> Variable:
                return Variable(x, dtype=x.dtype, trainable=False, name="rnn_state")

            self._kept_states = tree.map_structure(variable, self._first_states(shape[0], shape[2:]))
        self.built = True

    def get_initial_state(self, batch_size: Any) -> Any:
        """The first states for a batch of some size: those of the cell, or zeros."""
        first = getattr(self.cell, "get_initial_state", None)
        states = first(batch_size=batch_size) if first else zero_states(batch_size, self.cell.state_size, self.compute_dtype)
        return states if tree.is_list(states) else [states]

    def _first_states(self, batch_size: Any, step_shape: Sequence[Any]) -> Any:
        """The first states for inputs of a shape."""
        return self.get_initial_state(batch_size)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        x = value(sequences)
        if x.ndim < 2:
            raise ValueError(f"{type(self).__name__} {self.name!r}: the input must have the axes batch and steps")
        first = self._states_at_start(x, initial_state)
        structure = first
        loop = Recurrence(
            self._step(structure, training), self._step_mask(x, mask), self.go_backwards, self.unroll, self.zero_output_for_mask,
            self.return_sequences, self._remat.steps_again(self, x.shape[1]) if self._remat is not None else 0,
        )  # fmt: skip
        output, last = loop(value(ops.transpose(x, (1, 0, *range(2, x.ndim)))), tree.flatten(first))
        if self.return_sequences:
            output = ops.transpose(output, (1, 0, *range(2, output.ndim)))
        if self.stateful:
            for variable, state in zip(tree.flatten(self._kept_states), last, strict=True):
                variable.assign(state)
        return (output, *tree.pack_sequence_as(structure, last)) if self.return_state else output

    def _states_at_start(self, x: Value, given: Any) -> Any:
        if self.stateful:
            own = tree.flatten(self._kept_states)
            batch = int(x.shape[0])  # asks for the number where it is not known
            if own and own[0].shape[0] != batch:
                raise ValueError(
                    f"{type(self).__name__} {self.name!r} is stateful, so that all batches must be of the size of the first one. "
                    f"Expected batch size: {own[0].shape[0]}. Received batch size: {batch}"
                )
        if given is None:
            states = self._kept_states if self.stateful else self._first_states(x.shape[0], x.shape[2:])
            return tree.map_structure(self._computed, states)
        given = list(given) if tree.is_list(given) else [given]
        want = tree.map_structure(value, self._first_states(x.shape[0], x.shape[2:]))
        states, wanted = [self._computed(s) for s in tree.flatten(given)], tree.flatten(want)
        if len(states) != len(wanted):
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: `initial_state` must have {len(wanted)} tensors, one for each state of the cell. "
                f"Received: {len(states)} tensors"
            )
        for i, (s, w) in enumerate(zip(states, wanted, strict=True)):
            if s.ndim != w.ndim or _differ(s.shape, w.shape):
                raise ValueError(
                    f"{type(self).__name__} {self.name!r}: tensor {i} of `initial_state` must have the shape {known(w.shape)} for an input "
                    f"of shape {known(x.shape)}. Received: shape {known(s.shape)}"
                )
        return tree.pack_sequence_as(want, states)

    def _computed(self, state: Any) -> Value:
        v = value(state)
        return cast(v, self.compute_dtype) if is_float(v.dtype) else v

    def _step_mask(self, x: Value, mask: Any) -> Value | None:
        """The mask of the steps (steps, batch)."""
        mask = next(iter(tree.flatten(mask)), None)
        if mask is None:
            return None
        m = value(mask, "bool")
        if m.ndim == 3 and m.shape[2] == 1:
            m = m[:, :, 0]
        if m.ndim != 2 or _differ(m.shape, x.shape[:2]):
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the mask must have the shape (batch, steps) = {known(x.shape[:2])}. "
                f"Received: a mask of shape {known(m.shape)}"
            )
        return value(ops.transpose(m, (1, 0)))

    def _step(self, structure: Any, training: bool) -> Any:
        keywords = {"training": training} if _takes_training(self.cell) else {}

        def step(x: Value, states: list[Value]) -> tuple[Value, list[Value]]:
            output, new = self.cell(x, tree.pack_sequence_as(structure, states), **keywords)
            found = [value(s) for s in tree.flatten(new)]
            if len(found) != len(states):
                raise ValueError(
                    f"{type(self).__name__} {self.name!r}: the cell takes {len(states)} states and must give as many. "
                    f"Received: {len(found)} new states"
                )
            return value(output), found

        return step

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the inputs for all outputs, none for the last output and for states."""
        mask = next(iter(tree.flatten(previous_mask)), None) if self.return_sequences else None
        sizes = self.state_size
        return [mask] + [None] * (len(sizes) if tree.is_list(sizes) else 1) if self.return_state else mask

    def reset_state(self) -> None:
        """Sets the states that a stateful layer keeps to 0."""
        for v in tree.flatten(self._kept_states):
            if v is not None:
                v.assign(ops.zeros(v.shape, dtype=v.dtype))

    reset_states = reset_state

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "zero_output_for_mask": self.zero_output_for_mask}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        from ..saving.serialization import custom_object_scope

        with custom_object_scope(custom_objects or {}):
            return super().from_config(config)


def _differ(a: Shape, b: Shape) -> bool:
    """Whether known extents of two shapes of the same length differ."""
    return any(m != n and not isinstance(m, Dim) and not isinstance(n, Dim) for m, n in zip(a, b, strict=True))


def _takes_training(cell: Any) -> bool:
    parameters = inspect.signature(cell.call).parameters.values()
    return any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in parameters)
