"""Gated recurrent units.

Exports: GRU, GRUCell.
"""

from __future__ import annotations

from typing import Any

from .. import activations, ops
from .common import Identifier
from .recurrent_layer import GatedCell, RecurrentLayer, cell_of, check_states, cudnn_argument, of_cell, projected

__all__ = ["GRU", "GRUCell"]


class GRUCell(GatedCell):
    r"""One step of a `GRU`.

    $$\begin{aligned} z, r &= \sigma(x_t W_{z,r} + h_{t-1} U_{z,r} + b_{z,r}), \quad
    g = \phi(x_t W_g + r\,(h_{t-1} U_g + b'_g) + b_g) \\ h_t &= z\, h_{t-1} + (1 - z)\, g \end{aligned}$$

    Args:
        units: the number of features of the state, which is the output.
        activation: the function $\phi$, or its name.
        recurrent_activation: the function $\sigma$ of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each update.
        dropout: the part of the inputs that is set to 0 in training, the same in all steps.
        recurrent_dropout: likewise of the state.
        seed: an integer for noise that repeats from run to run.
        reset_after: whether the reset gate r comes after the product with the state, as above, or before: $(r\,h_{t-1})\,U_g$.

    Shapes:
        input `(batch, features)` and a list with the state `(batch, units)`; output `(batch, units)` and the new state.

    Raises:
        ValueError: `units` is not a positive integer.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> y, [state] = layers.GRUCell(3)(np.ones((2, 4), "float32"), [np.zeros((2, 3), "float32")])
    >>> y.shape, bool((y == state).all())
    ((2, 3), True)
    """

    gates = 3

    def __init__(
        self, units: int, activation: Identifier = "tanh", recurrent_activation: Identifier = "sigmoid", use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform", recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
        recurrent_regularizer: Identifier = None,
        bias_regularizer: Identifier = None, kernel_constraint: Identifier = None,
        recurrent_constraint: Identifier = None, bias_constraint: Identifier = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        reset_after: bool = True, seed: Any = None, **kwargs: Any,
    ):  # fmt: skip
        arguments = dict(locals())
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self.set_cell(arguments)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after
        self.set_dropout(dropout, recurrent_dropout, seed, implementation)
        self.state_size = units

    def bias_shape(self) -> tuple[int, ...]:
        n = 3 * self.units
        return (2, n) if self.reset_after else (n,)

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        (h,) = check_states(self, states, 1)
        noise, recurrent_noise = self.masks(inputs, h, training)
        bias, recurrent_bias = self.bias, None
        if self.reset_after and self.bias is not None:
            both = ops.convert_to_tensor(self.bias)
            bias, recurrent_bias = both[0], both[1]
        x = projected(inputs, self.kernel, noise, self.units)
        if bias is not None:
            x = ops.add(x, bias)
        z, g = self.combined(x, h, recurrent_noise, recurrent_bias)
        kept = ops.multiply(z, h)
        output = ops.add(kept, ops.multiply(ops.subtract(1.0, z), self.activation(g)))
        return output, [output] if isinstance(states, list | tuple) else output

    def combined(self, x: Any, h: Any, noise: Any, bias: Any) -> tuple[Any, Any]:
        """The update gate, and what the candidate is the activation of; x: the product of the input."""
        n, gate = self.units, self.recurrent_activation
        x_z, x_r, x_g = ops.split(x, 3, axis=-1)
        if self.reset_after:
            y = projected(h, self.recurrent_kernel, noise, n)
            if bias is not None:
                y = ops.add(y, bias)
            y_z, y_r, y_g = ops.split(y, 3, axis=-1)
            z, r = gate(ops.add(x_z, y_z)), gate(ops.add(x_r, y_r))
            return z, ops.add(x_g, ops.multiply(r, y_g))
        kernel = ops.convert_to_tensor(self.recurrent_kernel)
        y = projected(h, kernel[:, : 2 * n], None if noise is None else noise[:2], n)
        y_z, y_r = ops.split(y, 2, axis=-1)
        z, r = gate(ops.add(x_z, y_z)), gate(ops.add(x_r, y_r))
        reset = ops.multiply(r, h if noise is None else ops.multiply(h, noise[2]))
        return z, ops.add(x_g, ops.matmul(reset, kernel[:, 2 * n :]))


class GRU(RecurrentLayer):
    r"""Gated recurrent units: a recurrent layer with a state that gates overwrite in part.

    $$\begin{aligned} z, r &= \sigma(x_t W_{z,r} + h_{t-1} U_{z,r} + b_{z,r}), \quad
    g = \phi(x_t W_g + r\,(h_{t-1} U_g + b'_g) + b_g) \\ h_t &= z\, h_{t-1} + (1 - z)\, g \end{aligned}$$

    Args:
        units: the number of features of the state, which is the output.
        activation: the function $\phi$, or its name.
        recurrent_activation: the function $\sigma$ of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each update.
        dropout: the part of the inputs that is set to 0 in training, the same in all steps.
        recurrent_dropout: likewise of the state.
        seed: an integer for noise that repeats from run to run.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: see `RNN`.
        activity_regularizer: penalty on the outputs.
        reset_after: whether the reset gate r comes after the product with the state, as above, or before: $(r\,h_{t-1})\,U_g$.
        use_cudnn: accepted, without effect.

    Shapes:
        input `(batch, steps, features)`; output `(batch, units)`, with `return_sequences` `(batch, steps, units)`.
        Weights: `kernel` `(features, 3 units)`, `recurrent_kernel` `(units, 3 units)`, both in the order z, r, g; `bias`
        `(2, 3 units)` with one row for each, or `(3 units,)` without `reset_after`.

    Raises:
        ValueError: `units` is not a positive integer, or what `RNN` raises.

    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation", 2014
    (arXiv:1406.1078).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.GRU(4, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    def __init__(
        self, units: int, activation: Identifier = "tanh", recurrent_activation: Identifier = "sigmoid", use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform", recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
        recurrent_regularizer: Identifier = None,
        bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None, recurrent_constraint: Identifier = None,
        bias_constraint: Identifier = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: Any = None, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False,
        reset_after: bool = True, use_cudnn: Any = "auto", **kwargs: Any,
    ):  # fmt: skip
        super().__init__(
            cell_of(GRUCell, "gru_cell", locals(), kwargs), return_sequences=return_sequences, return_state=return_state,
            go_backwards=go_backwards, stateful=stateful, unroll=unroll, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.use_cudnn = cudnn_argument(self, use_cudnn)

    recurrent_activation = of_cell("recurrent_activation")
    reset_after = of_cell("reset_after")
