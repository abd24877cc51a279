"""The simplest recurrent layer.

Exports: SimpleRNN, SimpleRNNCell.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from .common import Identifier
from .recurrent_layer import GatedCell, RecurrentLayer, cell_of, check_states, projected

__all__ = ["SimpleRNN", "SimpleRNNCell"]


class SimpleRNNCell(GatedCell):
    r"""One step of a `SimpleRNN`.

    $$h_t = \phi(x_t W + h_{t-1} U + b)$$

    Args:
        units: the number of features of the state, which is the output.
        activation: the function $\phi$, or its name.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each update.
        dropout: the part of the inputs that is set to 0 in training, the same in all steps.
        recurrent_dropout: likewise of the state.
        seed: an integer for noise that repeats from run to run.

    Shapes:
        input `(batch, features)` and a list with the state `(batch, units)`; output `(batch, units)` and the new state.

    Raises:
        ValueError: `units` is not a positive integer.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> y, [state] = layers.SimpleRNNCell(3)(np.ones((2, 4), "float32"), [np.zeros((2, 3), "float32")])
    >>> y.shape, bool((y == state).all())
    ((2, 3), True)
    """

    def __init__(
        self, units: int, activation: Identifier = "tanh", use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform", recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
        recurrent_regularizer: Identifier = None,
        bias_regularizer: Identifier = None, kernel_constraint: Identifier = None,
        recurrent_constraint: Identifier = None, bias_constraint: Identifier = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: Any = None, **kwargs: Any,
    ):  # fmt: skip
        arguments = dict(locals())
        super().__init__(**kwargs)
        self.set_cell(arguments)
        self.set_dropout(dropout, recurrent_dropout, seed)
        self.state_size = units

    def call(self, sequence: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        (h,) = check_states(self, states, 1)
        noise, recurrent_noise = self.masks(sequence, h, training)
        z = self.with_bias(projected(sequence, self.kernel, noise, self.units))
        z = ops.add(z, projected(h, self.recurrent_kernel, recurrent_noise, self.units))
        output = self.activation(z)
        return output, [output] if isinstance(states, list | tuple) else output


class SimpleRNN(RecurrentLayer):
    r"""A recurrent layer whose state is its output.

    $$h_t = \phi(x_t W + h_{t-1} U + b)$$

    Args:
        units: the number of features of the state, which is the output.
        activation: the function $\phi$, or its name.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each update.
        dropout: the part of the inputs that is set to 0 in training, the same in all steps.
        recurrent_dropout: likewise of the state.
        seed: an integer for noise that repeats from run to run.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: see `RNN`.
        activity_regularizer: penalty on the outputs.

    Shapes:
        input `(batch, steps, features)`; output `(batch, units)`, with `return_sequences` `(batch, steps, units)`.
        Weights: `kernel` `(features, units)`, `recurrent_kernel` `(units, units)`, `bias` `(units,)`.

    Raises:
        ValueError: `units` is not a positive integer, or what `RNN` raises.

    Source: Elman, "Finding Structure in Time", 1990.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.SimpleRNN(4)(np.ones((2, 5, 3), "float32")).shape
    (2, 4)
    """

    def __init__(
        self, units: int, activation: Identifier = "tanh", use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform", recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
        recurrent_regularizer: Identifier = None,
        bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None, recurrent_constraint: Identifier = None,
        bias_constraint: Identifier = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False,
        seed: Any = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(
            cell_of(SimpleRNNCell, "simple_rnn_cell", locals(), kwargs), return_sequences=return_sequences, return_state=return_state,
            go_backwards=go_backwards, stateful=stateful, unroll=unroll, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
