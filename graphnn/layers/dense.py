"""The densely connected layer.

Exports: Dense.
"""

from __future__ import annotations

from typing import Any

from .. import activations, ops
from .common import Identifier, add_weight, axis_extents, positive_integer, refuse_quantization, set_options
from .input_spec import InputSpec
from .lora import LoraMixin

__all__ = ["Dense"]


class Dense(LoraMixin):
    r"""A densely connected layer: every output sees every input.

    $$y = \mathrm{activation}(x W + b)$$

    where $W$ is the `kernel` and $b$ the `bias`.

    Args:
        units: the number of outputs, a positive integer.
        activation: an activation function or its name; None is the identity.
        use_bias: whether there is a `bias`.
        kernel_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: applied to the weights after each update.
        lora_rank, lora_alpha: see `enable_lora`.
        quantization_config: must be None.

    Shapes:
        input `(batch, ..., n)`, output `(batch, ..., units)`; `kernel` `(n, units)`, `bias` `(units,)`.

    Raises:
        ValueError: `units` is not a positive integer, or the input has fewer than two axes or an unknown last one.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.Dense(3, activation="relu")
    >>> layer(np.ones((2, 4), "float32")).shape
    (2, 3)
    """

    def __init__(
        self, units: int, activation: Identifier = None, use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
        bias_constraint: Identifier = None, lora_rank: int | None = None, lora_alpha: float | None = None,
        quantization_config: None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        refuse_quantization(self, quantization_config)
        self.units = positive_integer(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        set_options(self, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer)
        set_options(self, kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer)
        set_options(self, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint)
        self.set_lora(lora_rank, lora_alpha)
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any = None) -> None:
        (n,) = axis_extents(self, [-1], input_shape)
        self.kernel = add_weight(self, "kernel", (n, self.units))
        self.bias = add_weight(self, "bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: n})
        self.built = True
        self.finish_lora()

    def call(self, inputs: Any) -> Any:
        y = ops.matmul(inputs, self.adapted(self.kernel))
        if self.bias is not None:
            y = ops.add(y, self.bias)
        return self.activation(y)
