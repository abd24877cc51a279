"""One layer applied to each step of a sequence.

Exports: TimeDistributed.
"""

from __future__ import annotations

from typing import Any

from graphnn_compiler import control
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value

from .. import ops, tree
from ..context import collected, current_training, mask_ends_in
from ..dispatch import value
from .folding import rows_are_apart
from .layer import Layer
from .wrapper import Wrapper

__all__ = ["TimeDistributed"]

_WRITTEN_OUT = 4  # more steps than this are a loop


class TimeDistributed(Wrapper):
    r"""Applies a layer to each step of a sequence, with the same weights.

    $$y_{b t} = f(x_{b t})$$

    The layer sees one step at a time. Where each of its rows depends on the same row of its input alone (the rule is in
    `graphnn/layers/folding.py`), all steps are computed at once, as rows; else one after another, in a loop that is part of the
    program.

    Args:
        layer: the layer inside. Penalties on its outputs are those of all steps together.

    Shapes:
        input `(batch, T, ...)`; output `(batch, T, ...)`, with the axes that the layer gives for `(batch, ...)`.

    The call takes `mask`, `(batch, T)` or of more axes; a layer whose call takes `mask` is handed that of its step. The mask
    travels on with the output.

    Raises:
        ValueError: `layer` is not a layer, the input has fewer than three axes, or the mask does not fit it.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.TimeDistributed(layers.Conv2D(8, 3, padding="same"))
    >>> layer(np.zeros((2, 10, 6, 5, 3), "float32")).shape
    (2, 10, 6, 5, 8)
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        super().build(self.step_shape(input_shape))

    def step_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The shape of one step; ValueError where there are no steps with features."""
        if not tree.is_shape(input_shape) or len(input_shape) < 3:
            raise ValueError(
                f"TimeDistributed {self.name!r}: the input must have at least 3 axes (batch, steps, ...). "
                f"Received: an input of shape {input_shape}"
            )
        return (input_shape[0], *input_shape[2:])

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        shape = getattr(inputs, "shape", None)
        self.step_shape(shape if shape is None else tuple(d if isinstance(d, int) else None for d in shape))
        x = value(inputs)
        m = None if mask is None else self._fitting(value(mask), x)
        if "mask" not in type(self.layer)._info().names:  # pyright: ignore[reportPrivateUsage]
            m = None
        if m is None and rows_are_apart(self.layer, current_training()):
            return self._as_rows(x)
        x, *masks = [_steps_first(v) for v in (x, m) if v is not None]
        if isinstance(x.shape[0], int) and 0 < x.shape[0] <= _WRITTEN_OUT:
            steps = [self._step(x[i], *(v[i] for v in masks)) for i in range(x.shape[0])]
            return tree.map_structure(lambda *y: ops.stack(y, axis=1), *steps)
        return self._loop(x, masks)

    def _as_rows(self, x: Value) -> Any:
        batch, steps, *rest = ops.shape(x)
        found = self.layer(ops.reshape(x, (batch * steps, *rest)))
        return tree.map_structure(lambda y: ops.reshape(y, (batch, steps, *ops.shape(y)[1:])), found)

    def _step(self, x: Any, mask: Any = None) -> Any:
        with mask_ends_in(self.layer):
            return self.layer(x) if mask is None else self.layer(x, mask=mask)

    def _loop(self, x: Value, masks: list[Value]) -> Any:
        """The steps in a loop; what the layer adds to the loss inside comes out of it as further results."""
        found: Any = None
        sources: list[Any] = []

        def step(_: list[Value], parts: list[Value]) -> tuple[list[Value], list[Value]]:
            nonlocal found, sources
            found = self._step(*parts)
            losses = collected().losses
            sources = [layer for layer, _ in losses]
            return [], [*map(value, tree.flatten(found)), *(loss for _, loss in losses)]

        _, stacks = control.scan(step, [], [x, *masks])
        n = len(stacks) - len(sources)
        for layer, losses in zip(sources, stacks[n:], strict=True):
            layer.add_loss(ops.sum(losses))
        return tree.pack_sequence_as(found, [_steps_first(y) for y in stacks[:n]])

    def _fitting(self, mask: Value, x: Value) -> Value:
        pairs = zip(mask.shape[:2], x.shape[:2], strict=False)
        if mask.ndim < 2 or any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs):
            raise ValueError(
                f"TimeDistributed {self.name!r}: `mask` must have the batch and the steps of the input for its first axes. "
                f"Received: a mask of shape {show(mask.shape)} for an input of shape {show(x.shape)}"
            )
        return mask

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the input."""
        return previous_mask


def _steps_first(x: Value) -> Value:
    """x with its first two axes swapped."""
    return ops.swapaxes(x, 0, 1)
