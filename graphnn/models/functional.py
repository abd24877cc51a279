"""Models made of symbolic inputs and outputs.

Exports: Functional.
"""

from __future__ import annotations

import inspect
from typing import Any, cast

from graphnn_compiler.build import expand
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.movement import reshape

from .. import ops, tree
from ..context import get_mask, set_mask
from ..dispatch import value
from ..front import Texts
from ..layers.input_spec import InputSpec
from ..layers.layer import Layer
from ..node import Node, Operation
from ..program import is_arraylike
from ..tensor import KerasTensor
from ..texts import STRING, TextError
from .functional_config import functional_config
from .model import Model
from .on_arrays import OnArrays
from .topology import Topology, with_inputs

__all__ = ["Functional"]


class Functional(OnArrays, Model):
    """What `Model(inputs, outputs)` makes: the layers between inputs and outputs, run in the order of the DAG."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        _only_symbolic("inputs", inputs)
        _only_symbolic("outputs", outputs)
        trainable = kwargs.pop("trainable", True)
        inputs, outputs = _single(inputs), _single(outputs)
        super().__init__(name=name, _functional=True, **kwargs)
        self._inputs, self._outputs = with_inputs(tree.flatten(inputs), tree.flatten(outputs))
        self._inputs_structure = tree.pack_sequence_as(inputs, self._inputs)
        self._outputs_structure = tree.pack_sequence_as(outputs, self._outputs)
        topology = Topology(self._inputs, self._outputs)
        self._nodes: list[Node] = topology.nodes
        self._operations: list[Operation] = topology.operations
        self._model_layers = [x for x in topology.operations if isinstance(x, Layer)]
        self._fast, self._graph_programs = {}, {}
        self.built = True
        if not trainable:
            self.trainable = False

    # ---- structure

    @property
    def _layers(self) -> list[Layer]:
        held = [] if type(self) is Functional else super()._layers
        known = {id(x) for x in self._model_layers}
        return [*self._model_layers, *[x for x in held if id(x) not in known]]

    @property
    def layers(self) -> list[Layer]:
        """The layers in the order of the DAG."""
        return list(self._layers)

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError("`Model.layers` attribute is reserved and should not be used. Please use another name.")

    @property
    def operations(self) -> list[Operation]:
        """Layers and ops in the order of the DAG."""
        return list(self._operations)

    @property
    def graph_nodes(self) -> list[Node]:
        """The calls of layers and ops, in the order in which they run."""
        return self._nodes

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs in a list."""
        return list(self._inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs in a list."""
        return list(self._outputs)

    @property
    def input(self) -> Any:
        """The symbolic inputs in the structure that the model was made with."""
        return self._inputs_structure

    @property
    def output(self) -> Any:
        """The symbolic outputs in the structure that the model was made with."""
        return self._outputs_structure

    @property
    def input_shape(self) -> Any:
        """The shape of the input, a list of shapes where there are several."""
        shapes = [x.shape for x in self._inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        """The shape of the output, a list of shapes where there are several."""
        shapes = [x.shape for x in self._outputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def input_names(self) -> list[str]:
        """The names of the input layers."""
        return [x.history.operation.name for x in self._inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the operations that give the outputs."""
        return [x.history.operation.name for x in self._outputs]

    @property
    def input_spec(self) -> Any:
        """Shapes of the inputs, as a list of `InputSpec`."""
        return [
            InputSpec(shape=(None, *x.shape[1:]), allow_last_axis_squeeze=True, name=n)
            for x, n in zip(self._inputs, self.input_names, strict=True)
        ]

    @input_spec.setter
    def input_spec(self, _: Any) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The inputs say it all."""

    def compute_output_shape(self, input_shape: Any) -> Any:  # type: ignore[override]
        """The shape of the output for inputs of given shapes."""
        if all(x.dtype != STRING for x in self._inputs):
            return super().compute_output_shape(input_shape)
        shapes: list[Any] = []
        tree.map_shape_structure(shapes.append, input_shape)
        inputs = [KerasTensor(s, x.dtype) for s, x in zip(shapes, self._inputs, strict=True)]
        found = self.compute_output_spec(tree.pack_sequence_as(self._inputs_structure, inputs))

        def shape(x: Any) -> Any:
            return x.shape

        return tree.map_structure(shape, found)

    compute_output_shape.by_tracing = True  # type: ignore[attr-defined]

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: layers are built when they are called on symbolic tensors."""

    # ---- calls

    def _check_first(self, bound: dict[str, Any]) -> None:
        """Inputs are checked in `matched` and `fitted`."""

    def _cast_dtype(self) -> str | None:
        return None  # inputs are cast to the dtype of their Input, not to that of the model

    def matched(self, inputs: Any) -> list[Any]:
        """The given inputs in the order of the model's, checked for number and names."""
        names = self.input_names
        if tree.is_dict(inputs):
            return self._matched_keys(inputs)
        if is_arraylike(inputs) or isinstance(inputs, Value | KerasTensor):
            flat = [inputs]
        else:
            flat = tree.flatten(inputs)
            if len(names) == 1 and all(isinstance(e, bool | int | float | str | bytes) for e in flat):
                return [inputs]
        if len(flat) != len(names):
            raise ValueError(
                f'Layer "{self.name}" expects {len(names)} input(s) with names {names}, but it received {len(flat)} input tensors.'
            )
        return flat

    def _matched_keys(self, inputs: dict[Any, Any]) -> list[Any]:
        keys: list[Any] = list(self._inputs_structure) if tree.is_dict(self._inputs_structure) else self.input_names
        missing = [k for i, k in enumerate(keys) if k not in inputs and not self.is_optional(i)]
        if missing:
            raise ValueError(
                f"Model {self.name!r} expects inputs with the keys {keys}, but {missing[0]!r} is missing. Received keys: {list(inputs)}"
            )
        if tree.is_dict(self._inputs_structure):
            return tree.flatten({k: inputs.get(k) for k in keys})
        return [inputs.get(k) for k in keys]

    def is_optional(self, i: int) -> bool:
        """Whether input i may be None."""
        return bool(getattr(self._inputs[i].history.operation, "optional", False))

    def fitted(self, i: int, shape: tuple[Any, ...]) -> int:
        """0 where input i may have this shape (with any number of rows); 1 or -1 where a last axis of 1 must be added or dropped.

        Raises:
            ValueError: where it may not.
        """
        want = self._inputs[i].shape
        change, shape_there = 0, shape
        if len(shape) == len(want) + 1 and shape[-1] == 1:
            change, shape_there = -1, shape[:-1]
        elif len(shape) == len(want) - 1 and want[-1] == 1:
            change, shape_there = 1, (*shape, 1)
        if len(shape_there) != len(want) or any(
            isinstance(a, int) and b is not None and a != b for a, b in zip(shape_there[1:], want[1:], strict=True)
        ):
            raise ValueError(
                f"Input {i} with name '{self.input_names[i]}' of layer '{self.name}' is incompatible with the layer: "
                f"expected shape={want}, found shape={tuple(d if isinstance(d, int) else None for d in shape)}"
            )
        return change

    def _entered(self, i: int, x: Any, mask: Any) -> Any:
        """Input i as a value of its rank and dtype, with its mask."""
        if x is None:
            if not self.is_optional(i):
                raise ValueError(f"Input {i} with name '{self.input_names[i]}' of model {self.name!r} is None")
            return None
        if isinstance(x, Texts) != (self._inputs[i].dtype == STRING):
            wanted = "numbers" if isinstance(x, Texts) else "texts of an Input (its dtype is string)"
            raise TextError(f"Input {i} with name '{self.input_names[i]}' of model {self.name!r} takes {wanted}. Received: {x!r:.80}")
        if isinstance(x, Texts):
            change = self.fitted(i, x.shape)
            return x if not change else ops.expand_dims(x, -1) if change > 0 else ops.squeeze(x, -1)
        v = value(x)
        mask = get_mask(v) if mask is None else mask
        change = self.fitted(i, v.shape)
        if change:
            v = expand(v, v.ndim) if change > 0 else reshape(v, v.shape[:-1])
        v = value(v, self._inputs[i].dtype)
        if mask is not None:
            set_mask(v, mask)
        return v

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Runs the layers on values."""
        flat = self.matched(inputs)
        masks = tree.flatten(mask) if mask is not None else [None] * len(flat)
        tensors: dict[int, Any] = {
            id(self._inputs[i]): self._entered(i, x, m) for i, (x, m) in enumerate(zip(flat, masks, strict=True))
        }
        for node in self._nodes:
            if all(id(y) in tensors for y in node.output_tensors):
                continue
            args, kwargs = node.filled(tensors)
            operation = cast(Any, node.operation)
            if training is not None and isinstance(operation, Layer) and "training" in operation._info().names:
                kwargs["training"] = training
            for y, v in zip(tree.flatten(node.outputs), tree.flatten(operation(*args, **kwargs)), strict=True):
                if isinstance(y, KerasTensor):
                    tensors[id(y)] = v

        def number(y: Any) -> Any:
            return tensors[id(y)]

        return tree.map_structure(number, self._outputs_structure)

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        """Layers, their calls, inputs and outputs; for a subclass with arguments of its own, those arguments."""
        return functional_config(self) if made_of_tensors(type(self)) else Layer.get_config(self)


def made_of_tensors(cls: type) -> bool:
    """True where instances are made by cls(inputs, outputs)."""
    names = list(inspect.signature(cls.__init__).parameters)[1:]
    return names[:2] in (["inputs", "outputs"], ["args", "kwargs"])


def functional_class(cls: Any) -> Any:
    """The class of functional instances of a subclass of Model: both in one, made once."""
    if issubclass(cls, Functional):
        return cls
    found = cls.__dict__.get("_functional_twin")
    if found is None:
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
        found = cls._functional_twin = type(cls.__name__, (cls, Functional), names)
    return found


def _single(structure: Any) -> Any:
    """The tensor of a list of one."""
    return structure[0] if tree.is_list(structure) and len(structure) == 1 else structure


def _only_symbolic(what: str, structure: Any) -> None:
    flat = tree.flatten(structure)
    if not flat:
        raise ValueError(f"`{what}` argument cannot be empty. Received: {what}={structure}")
    for x in flat:
        if not isinstance(x, KerasTensor):
            raise ValueError(
                f"All `{what}` values must be KerasTensors. Received: {what}={structure} including invalid value {x} of type {type(x)}"
            )
