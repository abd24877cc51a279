"""Python functions of arrays as compiled programs: arguments are split into arrays and fixed parts, the function is traced once
for each fixed part, shapes and dtypes, and the program is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar, cast

import numpy as np
from graphnn_compiler.build import Number
from graphnn_compiler.dims import Shape
from graphnn_compiler.executable import Executable
from graphnn_compiler.ir import Value
from graphnn_compiler.runtime.fork import own_lock
from graphnn_compiler.trace import Tracer, tracing

from . import context
from .config import standard_dtype
from .front import Front, Texts
from .tensor import Array, Tensor
from .texts import TextError, TextRows
from .tree import is_dict, is_list, like
from .variable import Variable

_PLAIN = (str, bytes, int, float, bool, complex, type(None), type(Ellipsis))


class Slot:
    """The place of the array number `index` in a structure of arguments."""

    __slots__ = ("index",)

    def __init__(self, index: int):
        self.index = index


class NumberSlot(Slot):
    """The place of a Python number that is an input, of the kind int or float."""

    __slots__ = ("kind",)

    def __init__(self, index: int, kind: type):
        super().__init__(index)
        self.kind = kind


class Scalar:
    """A Python number among the arguments that shall be an input of the program, so that another number is no other program."""

    __slots__ = ("array", "kind")

    def __init__(self, x: int | float):
        self.array, self.kind = np.array(x), type(x)


class Held:
    """A variable that is a fixed argument: the traced function gets the variable itself."""

    __slots__ = ("variable",)

    def __init__(self, variable: Variable):
        self.variable = variable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)


class Unhashable(Exception):
    """A fixed argument that cannot be part of a key."""


def as_array(x: Any) -> Array:
    """An array of a dtype that the compiler knows, in native byte order and C order.

    Raises:
        ValueError: for objects, strings and other dtypes; texts that are already in the form of `TextRows` stay.
    """
    a = x.array if isinstance(x, Variable) else np.asarray(x)
    if a.dtype.kind not in "biuf" or a.dtype.name not in _DTYPES:
        if isinstance(x, TextRows):
            return x
        if a.dtype.kind not in "biuf":
            raise ValueError(
                f"Invalid dtype: {a.dtype}. A tensor must hold numbers; Received: {type(x).__name__} of dtype {a.dtype}"
            )
        standard_dtype(a.dtype)
    if not a.dtype.isnative:
        a = a.astype(a.dtype.newbyteorder("="))
    return a if a.flags.c_contiguous else a.copy(order="C")


_DTYPES = frozenset(
    ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")
)


def is_arraylike(x: Any) -> bool:
    """True for arrays, NumPy scalars, variables, and what knows how to become an array."""
    return isinstance(x, np.ndarray | np.generic | Variable) or (hasattr(x, "__array__") and not isinstance(x, type))


def split(x: Any, arrays: list[Any]) -> tuple[Any, Hashable]:
    """A structure with `Slot`s where its arrays were (appended to `arrays`), and a key for all that is not an array."""
    kind = cast(Any, type(x))
    if kind in _PLAIN:
        if kind is float:
            return x, (kind, x.hex())  # tells -0.0 from 0.0, and NaN is NaN
        return x, (kind, x) if kind is not str else x
    if kind is Scalar:
        arrays.append(x.array)
        return NumberSlot(len(arrays) - 1, x.kind), (Slot, x.kind)
    if kind is Held or isinstance(x, np.dtype | type):
        fixed = cast(Any, x)
        return fixed, fixed
    if is_arraylike(x):
        arrays.append(as_array(x))
        return Slot(len(arrays) - 1), Slot
    if is_list(x):
        parts = [split(e, arrays) for e in x]
        return like(x, [p[0] for p in parts]), (kind, *[p[1] for p in parts])
    if is_dict(x):
        pairs = {k: split(v, arrays) for k, v in x.items()}
        return {k: p[0] for k, p in pairs.items()}, (dict, *[(k, p[1]) for k, p in pairs.items()])
    if isinstance(x, slice):
        ends = cast(Any, x)
        return ends, (slice, ends.start, ends.stop, ends.step)
    return x, _Fixed(x)


class _Fixed:
    """A part of a key that stands for one object; it makes the key useless for a cache."""

    __slots__ = ("item",)

    def __init__(self, item: Any):
        self.item = item

    def __hash__(self) -> int:
        raise Unhashable


def fill(x: Any, values: Sequence[Any]) -> Any:
    """The structure with values in the place of its slots."""
    if isinstance(x, NumberSlot):
        return Number(values[x.index], x.kind)
    if isinstance(x, Slot):
        return values[x.index]
    if isinstance(x, Held):
        return x.variable
    if is_list(x):
        return like(x, [fill(e, values) for e in x])
    if is_dict(x):
        return {k: fill(v, values) for k, v in x.items()}
    return x


def take_values(x: Any, values: list[Value]) -> Any:
    """The structure with slots where its symbolic values (appended to `values`) and variables were."""
    if isinstance(x, Variable):
        x = x.value
    if isinstance(x, Value):
        values.append(x)
        return Slot(len(values) - 1)
    if isinstance(x, Texts):
        raise TextError("the result of a model must be numbers, but it is texts (a tensor of dtype string)")
    if isinstance(x, np.ndarray | np.generic):
        from .dispatch import value

        return take_values(value(x), values)
    if is_list(x):
        return like(x, [take_values(e, values) for e in x])
    if is_dict(x):
        return {k: take_values(v, values) for k, v in x.items()}
    return x


class Program:
    """A traced function: an executable, the shape of its result, and the losses and masks that came beside it.

    `arguments` is what the function is called with, slots standing for the inputs.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: Any,
        kwargs: Any,
        specs: Sequence[tuple[Shape, str]],
        masks: Sequence[tuple[int, int]] = (),
        job: str = "",
    ):
        self.epoch = 0  # of `layers.versions`, where the owner compares it
        tracer = Tracer()
        with tracing(tracer):
            front = Front(tracer)
            values = [front.input(shape, dtype) for shape, dtype in specs]
            beside = context.collected(tracer)
            for x, mask in masks:
                beside.masks[values[x]] = values[mask]
            result = function(*fill(args, values), **fill(kwargs, values))
            outputs: list[Value] = []
            self.result = take_values(result, outputs)
            self.n_results = len(outputs)
            self.loss_layers = [layer for layer, _ in beside.losses]
            outputs += [v for _, v in beside.losses]
            self.masks: list[tuple[int, int]] = []
            for i, v in enumerate(outputs[: self.n_results]):
                mask = beside.masks.get(v)
                if mask is not None:
                    self.masks.append((i, len(outputs)))
                    outputs.append(mask)
            self.graph = tracer.finish(outputs)
        self.front = front.ready()
        self.run = Executable(self.graph, job=job or getattr(function, "__name__", "function"))
        # Interpreted, such an output may share memory with an input or a weight; the user gets a copy.
        self.shared = [i for i, v in enumerate(outputs) if v.node is None or v.node.op.kind in ("movement", "constant")]
        self.single = isinstance(self.result, Slot)
        self.simple = self.single and len(outputs) == 1 and self.front is None

    def arrays(self, inputs: Sequence[Array]) -> list[Array]:
        """All outputs for some inputs, none of them sharing memory with anything."""
        found = self.run(inputs if self.front is None else self.front(inputs))
        if self.run.eager:
            for i in self.shared:
                found[i] = found[i].copy()
        return found

    def __call__(self, inputs: Sequence[Array]) -> Any:
        """The result as the function would have given it; losses and masks are put where they belong."""
        if self.simple and not self.run.eager:
            return self.run(inputs)[0].view(Tensor)
        found = self.arrays(inputs)
        tensors: list[Any] = [a.view(Tensor) for a in found]
        if self.loss_layers:
            for layer, loss in zip(self.loss_layers, tensors[self.n_results :], strict=False):
                layer._eager_losses.append(loss)
        for i, m in self.masks:
            tensors[i]._keras_mask = tensors[m]
        return tensors[0] if self.single else fill(self.result, tensors)


P = TypeVar("P", bound="Program | None")


class Programs:
    """The programs of a function, the least recently used ones dropped beyond `limit`."""

    def __init__(self, limit: int = 256):
        self.limit = limit
        self._kept: OrderedDict[Hashable, Program | None] = OrderedDict()
        self._lock = own_lock(self)

    def get(self, key: Hashable, make: Callable[[], P]) -> P:
        """What `make` gives, kept under a key; made each time where the key cannot be hashed."""
        try:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return cast(P, self._kept[key])
        except (Unhashable, TypeError):
            return make()
        program = make()
        with self._lock:
            self._kept[key] = program
            while len(self._kept) > self.limit:
                self._kept.popitem(last=False)
        return program

    def __deepcopy__(self, memo: dict[int, Any]) -> Programs:
        return Programs(self.limit)

    def clear(self) -> None:
        """Forgets all programs."""
        with self._lock:
            self._kept.clear()
