"""Functional models called on arrays: one program for any number of rows, and a short way to it for plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graphnn_compiler.dims import ConcreteExtentNeeded, Shape
from graphnn_compiler.trace import active

from .. import tree
from ..dispatch import find
from ..layers import versions
from ..layers.layer import Layer
from ..narrowing import check_whole, holds
from ..plain import plain_arrays
from ..program import Program, Slot, as_array
from ..tensor import Array, KerasTensor
from ..texts import STRING, TextError, text_rows
from ..variable import Variable

MAX_PROGRAMS = 64
MAX_FAST = 256

if TYPE_CHECKING:
    _Base = Layer
else:
    _Base = object


class OnArrays(_Base):
    """The part of `Functional` that runs it on arrays."""

    _inputs: list[KerasTensor]
    _inputs_structure: Any
    _fast: dict[Any, Program]  # for plain arrays: (their kind, training) -> program
    _graph_programs: dict[Any, Program | None]  # None: the code needs numbers for its extents

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the model on arrays or symbolic tensors."""
        training = kwargs.get("training")
        if len(args) == 1 and (not kwargs or (len(kwargs) == 1 and type(training) is bool)):
            arrays, kind = _plain(args[0])
            if arrays and active() is None:
                program = self._fast.get((kind, training))
                if program is not None and program.epoch == versions.count[0]:
                    return program(arrays)
        from .functional import Functional

        if find((args, kwargs), KerasTensor) or active() is not None or type(self).call is not Functional.call:
            return super().__call__(*args, **kwargs)
        bound = self._info().bind(self, args, kwargs)
        return self._on_arrays(bound["inputs"], bound.get("training"), bound.get("mask"))

    @property
    def input_names(self) -> list[str]:
        raise NotImplementedError

    def matched(self, inputs: Any) -> list[Any]:
        raise NotImplementedError

    def fitted(self, i: int, shape: tuple[Any, ...]) -> int:
        raise NotImplementedError

    def _on_arrays(self, inputs: Any, training: bool | None, mask: Any) -> Any:
        flat = self.matched(inputs)
        masked = mask is not None or any(getattr(x, "_keras_mask", None) is not None for x in flat)
        if masked or any(x is None or isinstance(x, Variable) for x in flat):
            return self._eager((inputs,), {"training": training, "mask": mask})
        arrays = [self._as_input(i, x) for i, x in enumerate(flat)]
        program = self._graph_program(training, arrays)
        given, kind = _plain(inputs)
        plain = len(given) == len(arrays) and all(a is b for a, b in zip(given, arrays, strict=True))
        if plain and not program.loss_layers and (training is None or type(training) is bool):
            if len(self._fast) >= MAX_FAST:
                self._fast.clear()
            self._fast[kind, training] = program
        self._forget_losses()
        return program(arrays)

    def _as_input(self, i: int, x: Any) -> Array:
        """Array i in the rank and dtype of its `Input`."""
        if isinstance(x, str) or not (hasattr(x, "__array__") or isinstance(x, list | tuple | int | float)):
            raise ValueError(
                f"Inputs to a layer should be tensors. Got '{x}' (of type {type(x)}) as input for layer '{self.name}'."
            )
        texts = text_rows(x, f"input {self.input_names[i]!r} of model {self.name!r}") if self._inputs[i].dtype == STRING else None
        a = as_array(x) if texts is None else texts
        if texts is None and self._inputs[i].dtype == STRING:
            raise TextError(
                f"Input {self.input_names[i]!r} of model {self.name!r} takes texts (its dtype is string). "
                f"Received: an array of dtype {a.dtype}"
            )
        change = self.fitted(i, a.shape)
        if change:
            a = a[..., None] if change > 0 else a[..., 0]
        dtype = self._inputs[i].dtype
        if dtype == STRING:
            return a
        if not holds(dtype, a.dtype.name):
            name = f"inputs[{i}]" if len(self._inputs) > 1 else "inputs"
            check_whole(a, dtype, f"input {self.input_names[i]!r} of model {self.name!r}", name)
        return a if a.dtype.name == dtype else a.astype(dtype)

    def _graph_program(self, training: bool | None, arrays: list[Array]) -> Program:
        programs = self._graph_programs
        if any(p is not None and p.epoch != versions.epoch() for p in list(programs.values())) or len(programs) > MAX_PROGRAMS:
            programs.clear()
            self._fast.clear()
        fixed = any(
            isinstance(x.dims[0], int) and x.dims[0] != a.shape[0] for x, a in zip(self._inputs, arrays, strict=True) if x.dims
        )
        if training not in programs and not fixed:
            try:
                programs[training] = self._traced_program(training, [x.dims for x in self._inputs])
            except ConcreteExtentNeeded:
                programs[training] = None
        program = None if fixed else programs[training]
        if program is None:
            key = (training, *[a.shape for a in arrays])
            program = programs.get(key)
            if program is None:
                program = programs[key] = self._traced_program(training, [a.shape for a in arrays])
        return program

    def _traced_program(self, training: bool | None, shapes: list[Shape]) -> Program:
        slots = tree.pack_sequence_as(self._inputs_structure, [Slot(i) for i in range(len(shapes))])
        specs = [(s, x.dtype) for s, x in zip(shapes, self._inputs, strict=True)]
        start = versions.epoch()
        program = Program(self._traced, (slots,), {"training": training}, specs, job=f"{self.name} called")
        program.epoch = start
        return program


def _plain(x: Any) -> tuple[Sequence[Array], Any]:
    """The arrays of x, if it is one in C order or a flat structure of some, and their kind."""
    form, arrays = plain_arrays(x)
    return arrays, (form, *[(a.shape, a.dtype) for a in arrays])
