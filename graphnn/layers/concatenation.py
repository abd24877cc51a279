"""Inputs one after the other.

Exports: Concatenate, concatenate.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from .common import ConfiguredLayer
from .merging import list_of_shapes, list_of_tensors, show

__all__ = ["Concatenate", "concatenate"]


class Concatenate(ConfiguredLayer):
    """Its inputs one after the other along an axis.

    Args:
        axis: the axis, which may differ in extent; all others must agree.

    Shapes:
        a list of inputs; the output has the sum of the extents along `axis`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Concatenate()([np.ones((2, 3)), np.ones((2, 4))]).shape
    (2, 7)
    """

    takes_texts = True

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        shapes = list_of_shapes(self, input_shape)
        rank = len(shapes[0])
        fits = all(len(s) == rank for s in shapes) and -rank <= self.axis < rank
        if fits:
            others = [axis for axis in range(rank) if axis != self.axis % rank]
            fits = all(len({s[axis] for s in shapes} - {None}) <= 1 for axis in others)
        if not fits:
            raise ValueError(
                f"Concatenate {self.name!r}: the shapes of the inputs must match except along axis {self.axis}. "
                f"Received: shapes {show(shapes)}"
            )

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(list_of_tensors(self, inputs), axis=self.axis)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The masks joined as the inputs are; an input without a mask counts everywhere."""
        if previous_mask is None or all(m is None for m in previous_mask):
            return None
        masks: list[Any] = []
        for x, m in zip(inputs, previous_mask, strict=True):
            if m is None:
                m = ops.ones_like(x, dtype="bool")
            elif len(m.shape) < len(x.shape):
                m = ops.logical_or(ops.expand_dims(m, -1), ops.zeros_like(x, dtype="bool"))
            masks.append(m)
        return ops.any(ops.concatenate(masks, axis=self.axis), axis=-1)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Tensors one after the other along an axis; see `Concatenate`."""
    return Concatenate(axis=axis, **kwargs)(inputs)
