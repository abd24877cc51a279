"""Fixed scale and offset.

Exports: Rescaling.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from .common import ConfiguredLayer

__all__ = ["Rescaling"]


class Rescaling(ConfiguredLayer):
    r"""Multiplies by a fixed scale and adds a fixed offset; same in training and inference.

    $$y = x \cdot \mathrm{scale} + \mathrm{offset}$$

    Args:
        scale: a number, or an array that broadcasts to the input.
        offset: a number, or an array that broadcasts to the input.

    Shapes:
        output as input; its dtype is the layer's.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Rescaling(1 / 255)(np.array([0, 255], "uint8")).tolist()
    [0.0, 1.0]
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        scale, offset = (np.asarray(a, self.compute_dtype) for a in (self.scale, self.offset))
        return ops.add(ops.multiply(ops.cast(inputs, self.compute_dtype), scale), offset)
