"""An activation function as a layer.

Exports: Activation.
"""

from __future__ import annotations

from typing import Any

from .. import activations
from .common import ConfiguredLayer, Identifier

__all__ = ["Activation"]


class Activation(ConfiguredLayer):
    r"""Applies an activation function to each element (softmax: to the last axis).

    $$y = f(x)$$

    Args:
        activation: the function, or its name in `graphnn.activations`.

    Shapes:
        output as input.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Activation("relu")(np.array([-1.0, 2.0], "float32")).tolist()
    [0.0, 2.0]
    """

    def __init__(self, activation: Identifier, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)
