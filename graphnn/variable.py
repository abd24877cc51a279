"""Weights and other state: numbers that live in one aligned buffer, written in place."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from graphnn_compiler.dims import ConcreteExtentNeeded, Dim
from graphnn_compiler.ir import Value
from graphnn_compiler.runtime.program import check_memory
from graphnn_compiler.states import State, written
from graphnn_compiler.trace import active

from . import naming
from .config import standard_dtype
from .context import current_path, suspended
from .tensor import Array, KerasTensor, Operators, Tensor

ALIGNMENT = 64
# how replicas of a variable would be brought together; one process has a single one
AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")


def aligned(shape: Sequence[int], dtype: str) -> Array:
    """An uninitialised C-contiguous array that starts at a multiple of 64 bytes."""
    size = int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize if len(shape) else np.dtype(dtype).itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(tuple(shape))


class Variable(State, Operators):
    """A tensor whose numbers change: weights, statistics, counters.

    Args:
        initializer: an array, a number, or a function of (shape, dtype) that gives the first numbers.
        shape: needed where `initializer` is a function.
        dtype: by default that of the array, or `floatx()`.
        trainable: whether optimizers update it.
        name: without slashes.

    Raises:
        ValueError: for a bad name, a missing shape, or numbers that do not have `shape`.
        MemoryError: the variable is larger than the machine's memory; nothing was allocated.

    >>> import graphnn
    >>> v = graphnn.Variable([1.0, 2.0], name="v")
    >>> v.assign_add([0.5, 0.5]).tolist()
    [1.5, 2.5]
    >>> v.shape, v.dtype, v.trainable
    ((2,), 'float32', True)
    """

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str = "auto",
        name: str | None = None,
        **kwargs: Any,
    ):
        name = name or naming.auto_name(type(self).__name__)
        if not isinstance(name, str) or "/" in name:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"Argument `name` must be a string and cannot contain character `/`. Received: name={name}")
        self.name = name
        scope = current_path()
        self.path = f"{scope}/{name}" if scope else name
        if aggregation not in AGGREGATIONS:
            raise ValueError(
                f"Invalid value for argument `aggregation`. Expected one of {AGGREGATIONS}. Received: aggregation={aggregation!r}"
            )
        self._trainable = bool(trainable)
        self.autocast, self.aggregation, self.synchronization = autocast, aggregation, synchronization
        self.overwrite_with_gradient = False
        self.regularizer: Any = None
        self.constraint: Any = None
        self._hold(self._first_numbers(initializer, shape, dtype))

    def _first_numbers(self, initializer: Any, shape: Any, dtype: Any) -> Array:
        if isinstance(initializer, str):
            from . import initializers

            initializer = initializers.get(initializer)
        if isinstance(initializer, Variable):
            initializer = initializer.array
        if callable(initializer):
            if shape is None:
                raise ValueError(
                    "When creating a Variable from an initializer, the `shape` argument should be specified. "
                    f"Received: initializer={initializer} and shape={shape}"
                )
            extents = checked_shape(shape, self.path)
            kind = standard_dtype(dtype)
            check_memory(prod(extents) * np.dtype(kind).itemsize, f"variable {self.path!r} of shape {extents}")
            with suspended():
                numbers = np.asarray(initializer(extents, dtype=kind))
        else:
            if isinstance(initializer, Value | KerasTensor):
                raise ValueError(f"variable {self.path!r} cannot start from a symbolic tensor")
            numbers = np.asarray(initializer)
            kind = standard_dtype(dtype if dtype is not None else natural_dtype(initializer, numbers))
            extents = numbers.shape if shape is None else checked_shape(shape, self.path)
        if numbers.shape != tuple(extents):
            raise ValueError(
                f"variable {self.path!r} of shape {tuple(extents)} cannot start from numbers of shape {numbers.shape}"
            )
        buffer = aligned(extents, kind)
        np.copyto(buffer, numbers, casting="unsafe")
        return buffer

    def _hold(self, numbers: Array) -> None:
        self._numbers = numbers
        self.array = numbers.view()  # to look at; who could write here would have to tell what depends on it
        self.array.flags.writeable = False

    def write(self, numbers: Any) -> None:
        """Takes new numbers of the same shape, or one for all."""
        np.copyto(self._numbers, numbers, casting="unsafe")
        written()

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents."""
        return self.array.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.array.ndim

    @property
    def dtype(self) -> str:
        """The name of the dtype."""
        return self.array.dtype.name

    @property
    def trainable(self) -> bool:
        """Whether optimizers update it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)

    @property
    def value(self) -> Any:
        """Its numbers now: inside a model a symbolic value, outside a copy."""
        tracer = active()
        if tracer is not None:
            return tracer.read(self, self.array.shape, self.array.dtype.name, self.name)
        return self.array.copy().view(Tensor)

    def numpy(self) -> Array:
        """A copy of its numbers."""
        return self.array.copy()

    def assign(self, value: Any) -> Any:
        """Takes new numbers of the same shape; gives them back.

        Raises:
            ValueError: if the shape differs.
        """
        tracer = active()
        if tracer is not None:
            from .dispatch import value as as_value

            self._same_shape(new := as_value(value, self.dtype))
            tracer.read(self, self.array.shape, self.array.dtype.name, self.name)
            tracer.assign(self, new)
            return new
        if isinstance(value, KerasTensor | Value):
            raise ValueError(f"variable {self.path!r} cannot be assigned a symbolic tensor outside of a model's call")
        numbers = np.asarray(value.array if isinstance(value, Variable) else value)
        self._same_shape(numbers)
        self.write(numbers)
        return self.value

    def _same_shape(self, x: Any) -> None:
        if tuple(x.shape) != self.array.shape:
            if len(x.shape) == self.array.ndim and any(isinstance(d, Dim) for d in x.shape):
                raise ConcreteExtentNeeded(f"whether {tuple(x.shape)} is the shape of variable {self.path!r}, {self.array.shape}")
            raise ValueError(
                "The shape of the target variable and the shape of the target value in `variable.assign(value)` must match. "
                f"variable {self.path!r} has shape {self.array.shape}, Received: value of shape {tuple(x.shape)}"
            )

    def assign_add(self, value: Any) -> Any:
        """Adds to its numbers."""
        return self.assign(self + value)

    def assign_sub(self, value: Any) -> Any:
        """Subtracts from its numbers."""
        return self.assign(self - value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if active() is not None:
            # Value + variable must come to the reflected operator here, not embed the present numbers into the program.
            raise TypeError(f"variable {self.path!r} has no fixed numbers inside a model; use graphnn.ops instead of numpy")
        return np.array(self.array, dtype=dtype)

    def _number(self) -> Any:
        if self.array.ndim:
            raise TypeError(f"only a variable without axes is a number. Received: variable {self.path!r} of shape {self.shape}")
        return self.array.item()

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __index__(self) -> int:
        return int(self._number())

    def __bool__(self) -> bool:
        raise TypeError(
            f"variable {self.path!r} has no truth value; ask for its numbers, or use ops.where or ops.cond in a model"
        )

    def __len__(self) -> int:
        return len(self.array)

    def __repr__(self) -> str:
        numbers = "" if active() is not None else f", value={np.array_repr(self.array)}"
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}{numbers}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        new = object.__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update(self.__dict__)
        new._hold(aligned(self.shape, self.dtype))
        np.copyto(new._numbers, self.array)
        return new


def checked_shape(shape: Any, what: str) -> tuple[int, ...]:
    """Non-negative integers whose product can be addressed; ValueError otherwise."""
    if isinstance(shape, int | np.integer):
        shape = (shape,)
    extents: list[int] = []
    for d in shape:
        if not hasattr(d, "__index__") or isinstance(d, bool) or d < 0:
            raise ValueError(f"the shape of {what!r} must be made of non-negative integers. Received: shape={tuple(shape)}")
        extents.append(int(d))
    total = 1
    for d in extents:
        total *= d
    if total * 8 >= 2**47:
        raise ValueError(f"{what!r} of shape {tuple(extents)} has {total:,} elements, more than any memory holds")
    return tuple(extents)


def natural_dtype(x: Any, numbers: Array) -> str:
    """The dtype of numbers given without one: arrays keep theirs, Python numbers take the default."""
    if hasattr(x, "dtype"):
        return standard_dtype(numbers.dtype)
    return {"f": standard_dtype(None), "i": "int32", "u": "int32", "b": "bool"}.get(numbers.dtype.kind, numbers.dtype.name)
