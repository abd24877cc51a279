"""Models made of symbolic inputs and outputs.

Exports: Functional.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from graphnn_compiler.dims import ConcreteExtentNeeded
from graphnn_compiler.ir import Value
from graphnn_compiler.trace import active

from .. import tree
from ..context import get_mask, set_mask
from ..dispatch import find, value
from ..layers.calling import _epoch, epoch  # pyright: ignore[reportPrivateUsage]
from ..layers.input_layer import InputLayer
from ..layers.input_spec import InputSpec
from ..layers.layer import Layer
from ..node import Operation
from ..program import Program, as_array
from ..tensor import KerasTensor
from ..variable import Variable
from .model import Model
from .topology import Topology, with_inputs

__all__ = ["Functional"]


class Functional(Model):
    """What `Model(inputs, outputs)` makes: the layers between inputs and outputs, run in order of the DAG."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        _only_symbolic("inputs", inputs)
        _only_symbolic("outputs", outputs)
        trainable = kwargs.pop("trainable", None)
        super().__init__(name=name, _functional=True, **kwargs)
        starts, ends = with_inputs(tree.flatten(inputs), tree.flatten(outputs))
        self._inputs: list[KerasTensor] = starts
        self._outputs: list[KerasTensor] = ends
        self._inputs_structure = tree.pack_sequence_as(inputs, starts)
        self._outputs_structure = tree.pack_sequence_as(outputs, ends)
        topology = Topology(starts, ends)
        self._nodes = topology.nodes
        self._operations: list[Operation] = topology.operations
        self._model_layers = [x for x in topology.operations if isinstance(x, Layer)]
        self._fast: dict[Any, Any] = {}
        self._graph_programs: dict[Any, Any] = {}
        self.built = True
        self._path_name = self.name
        if trainable is not None and not trainable:
            self.trainable = False

    # ---- structure

    @property
    def _layers(self) -> list[Layer]:
        held = super()._layers if type(self) is not Functional else []
        known = {id(x) for x in self._model_layers}
        return [*self._model_layers, *[x for x in held if id(x) not in known]]

    @property
    def layers(self) -> list[Layer]:
        """The layers in the order of the DAG."""
        return list(self._layers)

    @property
    def operations(self) -> list[Operation]:
        """Layers and ops in the order of the DAG."""
        return list(self._operations)

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
        return [x._keras_history.operation.name for x in self._inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the operations that give the outputs."""
        return [x._keras_history.operation.name for x in self._outputs]

    @property
    def input_dtype(self) -> str:
        """Inputs are cast one by one, each to the dtype of its `Input`."""
        return self.compute_dtype

    @property
    def input_spec(self) -> Any:  # type: ignore[override]
        """Shapes of the inputs, as a list of `InputSpec`."""
        return [
            InputSpec(shape=(None, *x.shape[1:]), allow_last_axis_squeeze=True, name=n)
            for x, n in zip(self._inputs, self.input_names, strict=True)
        ]

    @input_spec.setter
    def input_spec(self, _: Any) -> None:
        """The inputs say it all."""

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: layers are built when they are called on symbolic tensors."""
        self.built = True

    def _check_first(self, bound: dict[str, Any]) -> None:
        """Inputs are checked by `_matched`."""

    # ---- calls

    def _matched(self, inputs: Any) -> list[Any]:
        """The given inputs in the order of the model's, checked for number and names."""
        structure = self._inputs_structure
        names = self.input_names
        if isinstance(inputs, dict):
            keys = list(structure) if isinstance(structure, dict) else names
            missing = [k for k in keys if k not in inputs and not self._optional(keys.index(k))]
            if missing:
                raise ValueError(
                    f"Model {self.name!r} expects inputs with the keys {keys}, but {missing[0]!r} is missing. "
                    f"Received keys: {list(inputs)}"
                )
            if isinstance(structure, dict):
                return tree.flatten({k: inputs.get(k) for k in structure})
            return [inputs.get(k) for k in names]
        if isinstance(inputs, np.ndarray | Value | KerasTensor) and len(names) == 1:
            return [inputs]
        flat = tree.flatten(inputs)
        if len(names) == 1 and len(flat) != 1 and all(isinstance(e, bool | int | float) for e in flat):
            return [inputs]
        if len(flat) != len(names):
            raise ValueError(
                f'Layer "{self.name}" expects {len(names)} input(s) with names {names}, but it received {len(flat)} input tensors.'
            )
        return flat

    def _optional(self, i: int) -> bool:
        layer = self._inputs[i]._keras_history.operation
        return bool(getattr(layer, "optional", False))

    def _fitted(self, i: int, shape: tuple[Any, ...]) -> int:
        """0 where input i may have this shape, 1 or -1 where a last axis of extent 1 must be added or dropped."""
        want = self._inputs[i].shape
        if len(shape) == len(want) + 1 and shape[-1] == 1:
            change, shape = -1, shape[:-1]
        elif len(shape) == len(want) - 1 and want and want[-1] == 1:
            change, shape = 1, (*shape, 1)
        else:
            change = 0
        bad = len(shape) != len(want) or any(
            isinstance(a, int) and b is not None and a != b for a, b in zip(shape, want, strict=True)
        )
        if bad:
            raise ValueError(
                f"Input {i} with name '{self.input_names[i]}' of layer '{self.name}' is incompatible with the layer: expected shape={want}, "
                f"found shape={tuple(d if isinstance(d, int) else None for d in shape)}"
            )
        return change

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Runs the layers on values."""
        flat = self._matched(inputs)
        tensors: dict[int, Any] = {}
        masks = tree.flatten(mask) if mask is not None else [None] * len(flat)
        for i, (x, symbolic) in enumerate(zip(flat, self._inputs, strict=True)):
            if x is None:
                if not self._optional(i):
                    raise ValueError(f"Input {i} with name '{self.input_names[i]}' of model {self.name!r} is None")
                tensors[id(symbolic)] = None
                continue
            v = value(x)
            kept = get_mask(v)
            change = self._fitted(i, v.shape)
            if change:
                from graphnn_compiler.build import expand
                from graphnn_compiler.ops.movement import reshape

                v = expand(v, v.ndim) if change > 0 else reshape(v, v.shape[:-1])
            v = value(v, symbolic.dtype)
            if masks[i] is not None or kept is not None:
                set_mask(v, masks[i] if masks[i] is not None else kept)
            tensors[id(symbolic)] = v
        for node in self._nodes:
            if all(id(y) in tensors for y in node.output_tensors):
                continue
            args, kwargs = node.filled(tensors)
            operation = cast(Any, node.operation)
            if training is not None and isinstance(operation, Layer) and "training" in operation._info().names:
                kwargs["training"] = training
            result = tree.flatten(operation(*args, **kwargs))
            for y, v in zip([y for y in tree.flatten(node.outputs)], result, strict=True):
                if isinstance(y, KerasTensor):
                    tensors[id(y)] = v
        return tree.map_structure(lambda y: tensors[id(y)], self._outputs_structure)

    def _cast_dtype(self) -> str | None:
        # Inputs are cast to the dtype of their Input, not to that of the model.
        return None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the model on arrays or symbolic tensors."""
        if len(args) == 1 and not kwargs:
            x = args[0]
            if type(x) is np.ndarray and active() is None:
                program = self._fast.get((x.shape, x.dtype))
                if program is not None and program.epoch == _epoch[0] and x.flags.c_contiguous:
                    return program((x,))
        if find((args, kwargs), KerasTensor) or active() is not None or type(self).call is not Functional.call:
            return super().__call__(*args, **kwargs)
        return self._on_arrays(*args, **kwargs)

    def _on_arrays(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """One program for each value of `training`; extents that are None in the inputs stay symbolic."""
        flat = self._matched(inputs)
        carried = [getattr(x, "_keras_mask", None) for x in flat]
        if mask is not None or any(m is not None for m in carried) or any(x is None or isinstance(x, Variable) for x in flat):
            return self._eager((inputs,), {"training": training, "mask": mask})
        arrays: list[Any] = []
        plain = True
        for i, (x, symbolic) in enumerate(zip(flat, self._inputs, strict=True)):
            if isinstance(x, str) or not hasattr(x, "__array__") and not isinstance(x, list | tuple | int | float):
                raise ValueError(
                    f"Inputs to a layer should be tensors. Got '{x}' (of type {type(x)}) as input for layer '{self.name}'."
                )
            a = as_array(x)
            change = self._fitted(i, a.shape)
            if change:
                a = a[..., None] if change > 0 else a[..., 0]
            b = a if a.dtype.name == symbolic.dtype else a.astype(symbolic.dtype)
            plain = plain and b is x
            arrays.append(b)
        program = self._program_for(training, arrays)
        if plain and len(arrays) == 1 and training is None and type(inputs) is np.ndarray and not program.loss_layers:
            if len(self._fast) > 256:
                self._fast.clear()
            self._fast[(arrays[0].shape, arrays[0].dtype)] = program
        self._forget_losses()
        return program(arrays)

    def _program_for(self, training: bool | None, arrays: list[Any]) -> Program:
        structure = self._inputs_structure
        program = self._graph_programs.get(training)
        if program is None or (program is not False and program.epoch != epoch()):
            self._check_alive()
            try:
                program = self._new_program(structure, training, [x.dims for x in self._inputs])
            except ConcreteExtentNeeded:
                program = False
            self._graph_programs[training] = program
        if program is not False:
            return program
        key = (training, *[a.shape for a in arrays])
        program = self._graph_programs.get(key)
        if program is None or program.epoch != epoch():
            if len(self._graph_programs) > 64:
                self._graph_programs.clear()
            program = self._new_program(structure, training, [a.shape for a in arrays])
            self._graph_programs[key] = program
        return program

    def _check_alive(self) -> None:
        for key in [k for k, p in self._graph_programs.items() if p is not False and p.epoch != epoch()]:
            del self._graph_programs[key]
        self._fast.clear()

    def _new_program(self, structure: Any, training: bool | None, shapes: list[Any]) -> Program:
        from ..program import Slot

        slots = tree.pack_sequence_as(structure, [Slot(i) for i in range(len(shapes))])
        specs = [(s, x.dtype) for s, x in zip(shapes, self._inputs, strict=True)]
        program = Program(self._traced, (slots,), {"training": training}, specs)
        program.epoch = epoch()  # type: ignore[attr-defined]
        return program

    def compute_output_spec(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Shapes and dtypes of the outputs for symbolic inputs."""
        return super().compute_output_spec(inputs, training=training, mask=mask)

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        """Layers, their calls, inputs and outputs; for a subclass with arguments of its own, those arguments."""
        from .functional_config import functional_config

        if not functional_like(type(self)):
            return Layer.get_config(self)
        return functional_config(self)


def functional_like(cls: type) -> bool:
    """True where instances are made by cls(inputs, outputs)."""
    import inspect

    names = list(inspect.signature(cls.__init__).parameters)[1:]  # type: ignore[misc]
    return names[:2] in (["inputs", "outputs"], ["args", "kwargs"])


def functional_from_config(cls: Any, config: dict[str, Any]) -> Any:
    """A model from `functional_config`."""
    from .functional_config import model_from_config

    return model_from_config(cls, config)


def functional_class(cls: type) -> type:
    """The class of functional instances of a subclass of Model: both in one, made once."""
    if issubclass(cls, Functional):
        return cls
    found = cls.__dict__.get("_functional_twin")
    if found is None:
        found = type(
            cls.__name__,
            (cls, Functional),
            {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__},
        )
        cls._functional_twin = found  # type: ignore[attr-defined]
    return found


def _only_symbolic(what: str, structure: Any) -> None:
    flat = tree.flatten(structure)
    if not flat:
        raise ValueError(f"a model needs {what}. Received: {what}={structure}")
    for x in flat:
        if not isinstance(x, KerasTensor):
            raise ValueError(
                f"All `{what}` values must be KerasTensors. Received: {what}={structure} including invalid value {x} of type {type(x)}"
            )


_ = InputLayer
