"""LSTM whose products are convolutions, for sequences of images.

Exports: ConvLSTM1D, ConvLSTM2D, ConvLSTM3D.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler.trace import Tracer, tracing

from .. import activations, ops
from .common import Identifier, positive_integer, set_options
from .convolution_base import Numbers, SlidingKernel
from .input_spec import InputSpec
from .lstm import first_lstm_bias
from .recurrent_dropout import CellWithDropout
from .recurrent_layer import OPTIONS, RecurrentLayer, cell_of, check_states, of_cell
from .stacked_cells import zero_states

__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]


class ConvLSTMCell(CellWithDropout, SlidingKernel):
    """One step of a convolutional LSTM; its states h and c are images."""

    mask_count = 4
    kernel: Any
    recurrent_kernel: Any

    def __init__(
        self, rank: int, filters: int, kernel_size: Numbers, strides: Numbers = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Numbers = 1, activation: Identifier = "tanh",
        recurrent_activation: Identifier = "sigmoid", use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform", recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Identifier = None,
        recurrent_regularizer: Identifier = None, bias_regularizer: Identifier = None, kernel_constraint: Identifier = None,
        recurrent_constraint: Identifier = None, bias_constraint: Identifier = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, seed: Any = None, **kwargs: Any,
    ):  # fmt: skip
        arguments = dict(locals())
        super().__init__(**kwargs)
        self.rank = rank
        self.filters = positive_integer(self, "filters", filters)
        self.set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.refuse_strides_with_dilation()
        self.set_finish(activation, use_bias)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        set_options(self, **{name: arguments[name] for name in OPTIONS})
        self.set_dropout(dropout, recurrent_dropout, seed, 1)  # noise is one for each gate
        self.state_size: Any = [filters, filters]

    def build(self, input_shape: Any = None) -> None:
        channels = self.channels_of(input_shape)
        if None in tuple(input_shape)[1:]:
            raise ValueError(
                f"ConvLSTM{self.rank}D: the extents of the images must be known. Received: images of shape {tuple(input_shape)[1:]}"
            )
        self.refuse_small(input_shape)
        shapes = {"kernel": (channels, "kernel"), "recurrent_kernel": (self.filters, "recurrent")}
        for name, (depth, option) in shapes.items():
            options: Any = {k: getattr(self, f"{option}_{k}") for k in ("initializer", "regularizer", "constraint")}
            setattr(self, name, self.add_weight(name=name, shape=(*self.kernel_size, depth, 4 * self.filters), **options))
        self.bias = None
        if self.use_bias:
            options = {k: getattr(self, f"bias_{k}") for k in ("regularizer", "constraint")}
            self.bias = self.add_weight(
                name="bias", shape=(4 * self.filters,), initializer=first_lstm_bias(self, self.filters), **options
            )
        self.state_size = [self.state_shape(tuple(input_shape)[1:])] * 2
        self.built = True

    def state_shape(self, image_shape: Sequence[Any]) -> tuple[Any, ...]:
        """The shape of a state, without the batch, for images of a shape."""
        with tracing(Tracer()) as tracer:
            image = tracer.input((1, *image_shape), self.compute_dtype)
            kernel = tracer.input((*self.kernel_size, image.shape[self.channel_axis], self.filters), self.compute_dtype)
            return tuple(ops.conv(image, kernel, **self.options()).shape[1:])

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros for both states."""
        return zero_states(batch_size, self.state_size, self.compute_dtype)

    def _convolved(self, x: Any, kernel: Any, noise: Any, options: dict[str, Any]) -> Any:
        """A convolution for all gates, or where x gets other noise for each of them, one for each."""
        if noise is None:
            return ops.conv(x, kernel, **options)
        parts = ops.split(ops.convert_to_tensor(kernel), 4, axis=-1)
        return ops.concatenate(
            [ops.conv(ops.multiply(x, m), k, **options) for m, k in zip(noise, parts, strict=True)], axis=self.channel_axis
        )

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        h, c = check_states(self, states, 2)
        noise, recurrent_noise = (self.get_dropout_mask(inputs), self.get_recurrent_dropout_mask(h)) if training else (None, None)
        z = self._convolved(inputs, self.kernel, noise, self.options())
        if self.bias is not None:
            along = (1, -1, *(1,) * self.rank)
            z = ops.add(z, self.bias if self.channel_axis == -1 else ops.reshape(self.bias, along))
        same = {"padding": "same", "data_format": self.data_format}
        z = ops.add(z, self._convolved(h, self.recurrent_kernel, recurrent_noise, same))
        i, f, g, o = ops.split(z, 4, axis=self.channel_axis)
        gate = self.recurrent_activation
        new = ops.add(ops.multiply(gate(f), c), ops.multiply(gate(i), self.activation(g)))
        output = ops.multiply(gate(o), self.activation(new))
        return output, [output, new]


class _ConvLSTM(RecurrentLayer):
    """A convolutional LSTM over `rank` axes in space."""

    rank = 0

    def __init__(
        self, filters: int, kernel_size: Numbers, strides: Numbers = 1, padding: str = "valid", data_format: str | None = None,
        dilation_rate: Numbers = 1, activation: Identifier = "tanh", recurrent_activation: Identifier = "sigmoid",
        use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform",
        recurrent_initializer: Identifier = "orthogonal", bias_initializer: Identifier = "zeros", unit_forget_bias: bool = True,
        kernel_regularizer: Identifier = None, recurrent_regularizer: Identifier = None, bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None, kernel_constraint: Identifier = None, recurrent_constraint: Identifier = None,
        bias_constraint: Identifier = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: Any = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False, stateful: bool = False,
        **kwargs: Any,
    ):  # fmt: skip
        arguments = {**locals(), "rank": self.rank}
        super().__init__(
            cell_of(ConvLSTMCell, "conv_lstm_cell", arguments, kwargs), return_sequences=return_sequences, return_state=return_state,
            go_backwards=go_backwards, stateful=stateful, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=self.rank + 3)

    filters = of_cell("filters")
    kernel_size = of_cell("kernel_size")
    strides = of_cell("strides")
    padding = of_cell("padding")
    data_format = of_cell("data_format")
    dilation_rate = of_cell("dilation_rate")
    recurrent_activation = of_cell("recurrent_activation")
    unit_forget_bias = of_cell("unit_forget_bias")

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        super().build(sequences_shape, initial_state_shape)
        axis = 2 if self.data_format == "channels_first" else self.rank + 2
        self.input_spec = InputSpec(ndim=self.rank + 3, axes={axis: tuple(sequences_shape)[axis]})

    def _first_states(self, batch_size: Any, step_shape: Sequence[Any]) -> Any:
        return zero_states(batch_size, [self.cell.state_shape(step_shape)] * 2, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "unroll": self.unroll}


class ConvLSTM1D(_ConvLSTM):
    r"""A convolutional LSTM over rows: an `LSTM` whose products are convolutions, so that its states are rows of features.

    $$\begin{aligned} i, f, o &= \sigma(x_t * W_{i,f,o} + h_{t-1} * U_{i,f,o} + b_{i,f,o}), \quad
    g = \phi(x_t * W_g + h_{t-1} * U_g + b_g) \\ c_t &= f\, c_{t-1} + i\, g, \quad h_t = o\, \phi(c_t) \end{aligned}$$

    Args:
        filters: the number of channels of output and states.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution of the input, as in `Conv1D`; that of the
            state has the same kernel size, strides of 1, and zeros at the borders.
        activation: the function $\phi$, or its name.
        recurrent_activation: the function $\sigma$ of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied to the weights after each update.
        dropout: the part of the inputs that is set to 0 in training, the same in all steps.
        recurrent_dropout: likewise of the state.
        seed: an integer for noise that repeats from run to run.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: see `RNN`.

    Shapes:
        input `(batch, steps, space, channels)`; output `(batch, new space, filters)`, with `return_sequences`
        `(batch, steps, new space, filters)`, each state `(batch, new space, filters)`; channels in front of space with
        "channels_first". Weights: `kernel` `(kernel size, channels, 4 filters)`, `recurrent_kernel` `(kernel size, filters,
        4 filters)`, `bias` `(4 filters,)`.

    Raises:
        ValueError: an argument that is none of these, an unknown extent in space, or what `RNN` raises.

    Source: Shi et al., "Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting", 2015
    (arXiv:1506.04214).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.ConvLSTM1D(4, 3, padding="same")(np.ones((2, 5, 8, 3), "float32")).shape
    (2, 8, 4)
    """

    rank = 1


class ConvLSTM2D(_ConvLSTM):
    """A convolutional LSTM over images: `ConvLSTM1D` with two axes in space.

    Args:
        filters: the number of channels of output and states.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution of the input, as in `Conv2D`.
        activation and all that follows: as in `ConvLSTM1D`.

    Shapes:
        input `(batch, steps, rows, columns, channels)`; output `(batch, new rows, new columns, filters)`, with
        `return_sequences` of each step; channels in front of rows with "channels_first".

    Raises:
        ValueError: see `ConvLSTM1D`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.ConvLSTM2D(4, 3, return_sequences=True)(np.ones((2, 5, 8, 7, 3), "float32")).shape
    (2, 5, 6, 5, 4)
    """

    rank = 2


class ConvLSTM3D(_ConvLSTM):
    """A convolutional LSTM over volumes: `ConvLSTM1D` with three axes in space.

    Args:
        filters: the number of channels of output and states.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution of the input, as in `Conv3D`.
        activation and all that follows: as in `ConvLSTM1D`.

    Shapes:
        input `(batch, steps, depth, rows, columns, channels)`; output `(batch, new depth, new rows, new columns, filters)`,
        with `return_sequences` of each step; channels in front of depth with "channels_first".

    Raises:
        ValueError: see `ConvLSTM1D`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.ConvLSTM3D(4, 2)(np.ones((2, 3, 4, 5, 4, 3), "float32")).shape
    (2, 3, 4, 3, 4)
    """

    rank = 3
