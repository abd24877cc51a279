"""The layer that starts a mask.

Exports: Masking.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from .common import ConfiguredLayer

__all__ = ["Masking"]


class Masking(ConfiguredLayer):
    r"""Masks the steps whose features all equal a value, so that later layers skip them.

    $$m_{b t} = \bigvee_i (x_{b t i} \ne \mathrm{mask\_value}), \quad y_{b t i} = m_{b t} \, x_{b t i}$$

    Args:
        mask_value: the value that marks a step as left out.

    Shapes:
        output as input, masked steps as zeros; the mask that travels with it has the shape of the input without its
        last axis.

    Raises:
        ValueError: `mask_value` is None, or the input has no axes.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> x = np.array([[[1.0, 2.0], [0.0, 0.0], [0.0, 3.0]]], "float32")
    >>> layers.Masking()(x)._keras_mask.tolist()
    [[True, False, True]]
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        if mask_value is None:
            raise ValueError("Masking: `mask_value` must be a number. Received: mask_value=None")
        self.mask_value = mask_value
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        if not inputs.shape:
            raise ValueError(f"Masking {self.name!r}: the input must have an axis of features. Received: an input of shape ()")
        keep = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.where(keep, inputs, ops.zeros_like(inputs))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """True where a feature differs from `mask_value`; a mask that came with the input is replaced."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)
