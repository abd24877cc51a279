"""What the layers and cells of SimpleRNN, LSTM and GRU share: their common arguments, weights, and layers that show what their cell has."""

from __future__ import annotations

import inspect
from typing import Any

from .. import activations, ops, tree
from .common import axis_extents, positive_integer, set_options
from .input_spec import InputSpec
from .layer import Layer
from .recurrent_dropout import CellWithDropout
from .rnn import RNN

OPTIONS = tuple(f"{w}_{kind}" for kind in ("initializer", "regularizer", "constraint") for w in ("kernel", "recurrent", "bias"))


class GatedCell(CellWithDropout):
    """Base of the cells: a product of the input with `kernel`, one of the first state with `recurrent_kernel`, and a bias."""

    gates = 1  # blocks of `units` columns in the weights
    bias: Any = None
    kernel: Any
    recurrent_kernel: Any
    bias_initializer: Any
    state_size: int | list[int]

    def set_cell(self, arguments: dict[str, Any]) -> None:
        """Checks and keeps the arguments that all cells have."""
        self.units = positive_integer(self, "units", arguments["units"])
        self.activation = activations.get(arguments["activation"])
        self.use_bias = arguments["use_bias"]
        set_options(self, **{name: arguments[name] for name in OPTIONS})
        self.mask_count = self.gates

    @property
    def output_size(self) -> int:
        """The features of the output."""
        return self.units

    def build(self, input_shape: Any = None) -> None:
        (features,) = axis_extents(self, (-1,), input_shape)
        self._add("kernel", (features, self.gates * self.units), "kernel")
        self._add("recurrent_kernel", (self.units, self.gates * self.units), "recurrent")
        self.bias = self._add("bias", self.bias_shape(), "bias", self.first_bias()) if self.use_bias else None
        self.built = True

    def bias_shape(self) -> tuple[int, ...]:
        """The shape of the bias."""
        return (self.gates * self.units,)

    def first_bias(self) -> Any:
        """What gives the first numbers of the bias."""
        return self.bias_initializer

    def _add(self, name: str, shape: tuple[int, ...], options: str, initializer: Any = None) -> Any:
        found: dict[str, Any] = {k: getattr(self, f"{options}_{k}") for k in ("initializer", "regularizer", "constraint")}
        if initializer is not None:
            found["initializer"] = initializer
        weight = self.add_weight(shape=shape, name=name, **found)
        setattr(self, name, weight)
        return weight

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros for each state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, n), dtype=self.compute_dtype) for n in sizes]

    def masks(self, inputs: Any, state: Any, training: bool) -> tuple[Any, Any]:
        """The noise of input and state."""
        return (self.get_dropout_mask(inputs), self.get_recurrent_dropout_mask(state)) if training else (None, None)

    def with_bias(self, x: Any) -> Any:
        """x and the bias, where there is one."""
        return x if self.bias is None else ops.add(x, self.bias)


def check_states(cell: Layer, states: Any, count: int) -> list[Any]:
    """The states that a cell was given as a list, of which there must be `count`."""
    found: list[Any] = list(states) if tree.is_list(states) else [states]
    if len(found) < count:
        raise ValueError(f"{type(cell).__name__} {cell.name!r}: `states` must have {count} tensors. Received: {len(found)}")
    return found[:count]


def projected(x: Any, kernel: Any, mask: Any, units: int) -> Any:
    """x times all columns of a kernel, x with noise: one product, or one for each gate where noise differs between gates."""
    if not tree.is_list(mask):
        return ops.matmul(x if mask is None else ops.multiply(x, mask), kernel)
    kernel = ops.convert_to_tensor(kernel)
    parts = [ops.matmul(ops.multiply(x, m), kernel[:, i * units : (i + 1) * units]) for i, m in enumerate(mask)]
    return ops.concatenate(parts, axis=-1)


def of_cell(name: str) -> Any:
    """A property that shows an attribute of the cell."""
    return property(lambda self: getattr(self.cell, name), doc=f"`{name}` of the cell.")


class RecurrentLayer(RNN):
    """Base of the layers: an RNN that shows the arguments of its cell as its own."""

    unsaved = ("use_cudnn",)

    def __init__(self, cell: Layer, **kwargs: Any):
        super().__init__(cell, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    units = of_cell("units")
    activation = of_cell("activation")
    use_bias = of_cell("use_bias")
    dropout = of_cell("dropout")
    recurrent_dropout = of_cell("recurrent_dropout")
    seed = of_cell("seed")

    def get_config(self) -> dict[str, Any]:
        return {"activity_regularizer": None, **super().get_config()}


for _name in OPTIONS:
    setattr(RecurrentLayer, _name, of_cell(_name))


def cell_of(kind: type[Layer], name: str, arguments: dict[str, Any], kwargs: dict[str, Any]) -> Any:
    """The cell that a layer makes of those of its arguments that the cell takes, with the layer's dtype."""
    found = {k: arguments[k] for k in inspect.signature(kind).parameters if k in arguments and k != "kwargs"}
    for k in ("dtype", "trainable"):
        if k in kwargs:
            found[k] = kwargs[k]
    if "implementation" in kwargs:
        found["implementation"] = kwargs.pop("implementation")
    return kind(name=name, **found)


def cudnn_argument(layer: Layer, value: Any) -> Any:
    """`use_cudnn`, which changes nothing here, after a check."""
    if value not in ("auto", True, False):
        raise ValueError(f"{type(layer).__name__}: `use_cudnn` must be 'auto', True or False. Received: use_cudnn={value!r}")
    return value
