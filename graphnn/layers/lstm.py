"""Long short-term memory.

Exports: LSTM, LSTMCell.
"""

from __future__ import annotations

from typing import Any

from .. import activations, ops
from .common import Identifier
from .recurrent_layer import GatedCell, RecurrentLayer, cell_of, check_states, cudnn_argument, of_cell, projected

__all__ = ["LSTM", "LSTMCell"]


class LSTMCell(GatedCell):
    r"""One step of an `LSTM`.

    $$\begin{aligned} i, f, o &= \sigma(x_t W_{i,f,o} + h_{t-1} U_{i,f,o} + b_{i,f,o}), \quad
    g = \phi(x_t W_g + h_{t-1} U_g + b_g) \\ c_t &= f\, c_{t-1} + i\, g, \quad h_t = o\, \phi(c_t) \end{aligned}$$

    Args:
        units: the number of features of the output and of both states.
        activation: the function $\phi$, or its name.
        recurrent_activation: the function $\sigma$ of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each update.
        dropout: the part of the inputs that is set to 0 in training, the same in all steps.
        recurrent_dropout: likewise of the state.
        seed: an integer for noise that repeats from run to run.

    Shapes:
        input `(batch, features)` and a list of the states h and c, each `(batch, units)`; output `(batch, units)` and the new states.

    Raises:
        ValueError: `units` is not a positive integer, or there are fewer than two states.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> h = c = np.zeros((2, 3), "float32")
    >>> y, states = layers.LSTMCell(3)(np.ones((2, 4), "float32"), [h, c])
    >>> y.shape, len(states)
    ((2, 3), 2)
    """

    gates = 4

    def __init__(
        self, units: int, activation: Identifier = "tanh", recurrent_activation: Identifier = "sigmoid", use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform", recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros", unit_forget_bias: bool = True,
        kernel_regularizer: Identifier = None, recurrent_regularizer: Identifier = None,
        bias_regularizer: Identifier = None, kernel_constraint: Identifier = None,
        recurrent_constraint: Identifier = None, bias_constraint: Identifier = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: Any = None, **kwargs: Any,
    ):  # fmt: skip
        arguments = dict(locals())
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self.set_cell(arguments)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.set_dropout(dropout, recurrent_dropout, seed, implementation)
        self.state_size = [units, units]

    def first_bias(self) -> Any:
        return first_lstm_bias(self, self.units)

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        h, c = check_states(self, states, 2)
        noise, recurrent_noise = self.masks(inputs, h, training)
        z = self.with_bias(projected(inputs, self.kernel, noise, self.units))
        z = ops.add(z, projected(h, self.recurrent_kernel, recurrent_noise, self.units))
        i, f, g, o = ops.split(z, 4, axis=-1)
        gate = self.recurrent_activation
        new = ops.add(ops.multiply(gate(f), c), ops.multiply(gate(i), self.activation(g)))
        output = ops.multiply(gate(o), self.activation(new))
        return output, [output, new]


def first_lstm_bias(cell: Any, n: int) -> Any:
    """What gives the first numbers of the bias of four gates of n units, those of the forget gate 1 where the cell wants it."""
    if not cell.unit_forget_bias:
        return cell.bias_initializer

    def first(shape: Any, dtype: Any = None) -> Any:
        parts = [cell.bias_initializer((n,), dtype=dtype), ops.ones((n,), dtype=dtype)]
        return ops.concatenate([*parts, cell.bias_initializer((2 * n,), dtype=dtype)])

    return first


class LSTM(RecurrentLayer):
    r"""Long short-term memory: a recurrent layer with a memory that gates write, keep and read.

    $$\begin{aligned} i, f, o &= \sigma(x_t W_{i,f,o} + h_{t-1} U_{i,f,o} + b_{i,f,o}), \quad
    g = \phi(x_t W_g + h_{t-1} U_g + b_g) \\ c_t &= f\, c_{t-1} + i\, g, \quad h_t = o\, \phi(c_t) \end{aligned}$$

    Args:
        units: the number of features of the output and of both states.
        activation: the function $\phi$, or its name.
        recurrent_activation: the function $\sigma$ of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each update.
        dropout: the part of the inputs that is set to 0 in training, the same in all steps.
        recurrent_dropout: likewise of the state.
        seed: an integer for noise that repeats from run to run.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: see `RNN`.
        activity_regularizer: penalty on the outputs.
        use_cudnn: accepted, without effect.

    Shapes:
        input `(batch, steps, features)`; output `(batch, units)`, with `return_sequences` `(batch, steps, units)`; states h and c.
        Weights: `kernel` `(features, 4 units)`, `recurrent_kernel` `(units, 4 units)`, `bias` `(4 units,)`, in the order i, f, g, o.

    Raises:
        ValueError: `units` is not a positive integer, or what `RNN` raises.

    Source: Hochreiter, Schmidhuber, "Long Short-Term Memory", 1997; forget gates: Gers, Schmidhuber, Cummins, "Learning to
    Forget", 2000.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> y, h, c = layers.LSTM(4, return_sequences=True, return_state=True)(np.ones((2, 5, 3), "float32"))
    >>> y.shape, bool((y[:, -1] == h).all()), c.shape
    ((2, 5, 4), True, (2, 4))
    """

    def __init__(
        self, units: int, activation: Identifier = "tanh", recurrent_activation: Identifier = "sigmoid", use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform", recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros", unit_forget_bias: bool = True,
        kernel_regularizer: Identifier = None, recurrent_regularizer: Identifier = None,
        bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None, recurrent_constraint: Identifier = None,
        bias_constraint: Identifier = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: Any = None, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False,
        use_cudnn: Any = "auto", **kwargs: Any,
    ):  # fmt: skip
        super().__init__(
            cell_of(LSTMCell, "lstm_cell", locals(), kwargs), return_sequences=return_sequences, return_state=return_state,
            go_backwards=go_backwards, stateful=stateful, unroll=unroll, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.use_cudnn = cudnn_argument(self, use_cudnn)

    recurrent_activation = of_cell("recurrent_activation")
    unit_forget_bias = of_cell("unit_forget_bias")
