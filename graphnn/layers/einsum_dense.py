"""A dense layer whose contraction is an einsum equation.

Exports: EinsumDense.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from .. import activations, initializers, ops
from ..tensor import dims_of
from .common import Identifier, add_weight, refuse_quantization, set_options
from .input_spec import InputSpec
from .lora import LoraMixin

__all__ = ["EinsumDense"]


class EinsumDense(LoraMixin):
    r"""A dense layer over axes of your choice, given as an einsum equation.

    $$y = \mathrm{activation}(\mathrm{einsum}(\mathrm{equation}, x, W) + b)$$

    Args:
        equation: `"ab,bc->ac"` or, with axes left unnamed, `"...b,bc->...c"` or `"ab...,bc->ac..."`; the second operand
            is the kernel.
        output_shape: extents of the output without its batch axis (and without unnamed axes), or one integer; None for
            an extent that is the input's own.
        activation: an activation function or its name; None is the identity.
        bias_axes: letters of the output that the bias spans; None for no bias.
        kernel_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: applied to the weights after each update.
        lora_rank, lora_alpha: see `enable_lora`.
        gptq_unpacked_column_size, quantization_config: must be None.

    Shapes:
        as the equation says.

    Raises:
        ValueError: the equation has another form, or does not agree with the shapes or with `bias_axes`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d")
    >>> layer(np.ones((2, 3, 4), "float32")).shape
    (2, 3, 5)
    """

    unsaved = ("output_shape", "gptq_unpacked_column_size")
    kernel_initializer: Any

    def __init__(
        self, equation: str, output_shape: int | Sequence[int | None], activation: Identifier = None,
        bias_axes: str | None = None, kernel_initializer: Identifier = "glorot_uniform",
        bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
        bias_regularizer: Identifier = None, kernel_constraint: Identifier = None, bias_constraint: Identifier = None,
        lora_rank: int | None = None, lora_alpha: float | None = None, gptq_unpacked_column_size: None = None,
        quantization_config: None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        refuse_quantization(self, quantization_config)
        self.equation = equation
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        set_options(self, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer)
        set_options(self, kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer)
        set_options(self, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint)
        self.set_lora(lora_rank, lora_alpha)

    def build(self, input_shape: Any = None) -> None:
        plan = analyze(self.equation, self.bias_axes, tuple(input_shape), self.partial_output_shape)
        init = self.kernel_initializer
        if isinstance(init, initializers.VarianceScaling) and None in (init.input_axes, init.output_axes):
            config = {**init.get_config(), "seed": init.seed, "input_axes": plan.fan_in, "output_axes": plan.fan_out}
            init = type(init).from_config(config)
        self.kernel = add_weight(self, "kernel", plan.kernel, initializer=init)
        self.bias = None if plan.bias is None else add_weight(self, "bias", plan.bias)
        self.input_spec = InputSpec(ndim=len(input_shape))
        self.built = True
        self.finish_lora()

    def call(self, inputs: Any) -> Any:
        y = ops.einsum(self.equation, inputs, self.adapted(self.kernel))
        if self.bias is not None:
            y = ops.add(y, self.bias)
        return self.activation(y)

    def _symbolic(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # As in Keras, an extent that `output_shape` leaves open is unknown in the symbolic output, even if the input's is not.
        y = super()._symbolic(args, kwargs)
        front = y.ndim - len(self.partial_output_shape) if self.equation.startswith("...") else 1
        open_axes = [front + i for i, d in enumerate(self.partial_output_shape) if d is None]
        y.dims = dims_of([None if i in open_axes else d for i, d in enumerate(y.dims)])
        return y

    def get_config(self) -> dict[str, Any]:
        return {"activity_regularizer": None, **super().get_config(), "output_shape": list(self.partial_output_shape)}


Shape: TypeAlias = "tuple[int | None, ...]"


class Plan(NamedTuple):
    """Shapes of kernel and bias, and the kernel's axes that count as inputs and as outputs."""

    kernel: tuple[int, ...]
    bias: tuple[int, ...] | None
    fan_in: list[int]
    fan_out: list[int]


_FORM = re.compile(
    r"(?P<left>\.\.\.)?(?P<x>[a-zA-Z]+)(?P<right>\.\.\.)?,(?P<w>[a-zA-Z]+)->(?P<l>\.\.\.)?(?P<y>[a-zA-Z]+)(?P<r>\.\.\.)?"
)


def analyze(equation: str, bias_axes: str | None, input_shape: Shape, output_shape: Shape) -> Plan:
    """Reads the extents of all letters from the input's shape and the given part of the output's."""
    match = _FORM.fullmatch(equation.replace(" ", ""))
    parts = match.groupdict() if match else {}
    left, right = bool(parts.get("left")), bool(parts.get("right"))
    if not parts or (left and right) or (left, right) != (bool(parts["l"]), bool(parts["r"])):
        raise ValueError(
            f"EinsumDense: the equation must have the form X,Y->Z or ...X,Y->...Z or X...,Y->Z... Received: equation={equation!r}"
        )
    x, w, y = parts["x"], parts["w"], parts["y"]
    hidden = len(input_shape) - len(x)
    if hidden < 0 or (hidden and not left and not right):
        raise ValueError(f"EinsumDense: the equation {equation!r} does not fit an input of shape {input_shape}")
    # The whole output: unnamed axes stand on their side; the batch axis is one of them if they are in front.
    at = hidden if left else 0
    front = input_shape[: max(at, 1)]
    full = (*front, *output_shape, *(input_shape[len(x) :] if right else ()))
    if len(full) != at + len(y) + (hidden if right else 0):
        raise ValueError(f"EinsumDense: output_shape={output_shape} does not have the axes that the equation {equation!r} gives")
    in_x, in_y = dict(zip(x, input_shape[at:], strict=False)), dict(zip(y, full[at:], strict=False))
    for letter in x:
        if in_y.get(letter) is not None and in_y[letter] != in_x[letter]:
            raise ValueError(
                f"EinsumDense: axis {letter!r} of {equation!r} has extent {in_x[letter]} in the input, "
                f"{in_y[letter]} in output_shape={output_shape}"
            )
    for letter in y:
        if letter not in x + w:
            raise ValueError(f"EinsumDense: axis {letter!r} of the output of {equation!r} stands in neither operand")
    for letter in w:
        if letter not in x + y:
            raise ValueError(
                f"EinsumDense: axis {letter!r} of the kernel of {equation!r} stands neither in the input nor in the output"
            )
    for letter in bias_axes or "":
        if letter not in y:
            raise ValueError(f"EinsumDense: the bias axis {letter!r} is no axis of the output of the equation {equation!r}")

    def extent(letter: str) -> int:
        size = in_x.get(letter) if in_y.get(letter) is None else in_y[letter]
        if size is None:
            raise ValueError(f"EinsumDense: the extent of axis {letter!r} of {equation!r} must be known to make the weights")
        return size

    bias: tuple[int, ...] | None = None
    if bias_axes is not None:
        spanned = y[min(map(y.index, bias_axes), default=len(y)) :]
        bias = (*(extent(letter) if letter in bias_axes else 1 for letter in spanned), *(1,) * (hidden if right else 0))
    fan_out = [i for i, letter in enumerate(w) if letter in y]
    fan_in = [i for i, letter in enumerate(w) if letter not in y]
    return Plan(tuple(map(extent, w)), bias, fan_in, fan_out)
