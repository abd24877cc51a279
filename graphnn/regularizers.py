"""Regularizers: a penalty for the size of weights or outputs, added to the loss."""

from __future__ import annotations

import math
from typing import Any

from graphnn_compiler.ops.index import Iota
from graphnn_compiler.trace import emit

from . import identifiers, ops
from .dispatch import value
from .eager import one_program
from .losses.regression import normalized
from .naming import to_snake_case
from .saving.serialization import serialize_keras_object


class Regularizer:
    """Base of all regularizers: subclasses give `__call__(x)`, which returns one number, and `get_config`.

    >>> from graphnn import ops
    >>> class Quartic(Regularizer):
    ...     def __call__(self, x):
    ...         return ops.sum(x**4)
    >>> float(Quartic()(ops.array([2.0, 1.0])))
    17.0
    """

    def __call__(self, x: Any) -> Any:
        """The penalty of a tensor."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """The arguments from which `from_config` makes the same regularizer."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_config()")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """A regularizer from its configuration."""
        return cls(**config)


def checked_factor(x: Any, name: str) -> float:
    """A non-negative finite number as a float; ValueError otherwise."""
    if not isinstance(x, float | int) or not math.isfinite(x) or x < 0:
        raise ValueError(f"Invalid value for argument {name}: a non-negative float is expected. Received: {name}={x!r}")
    return float(x)


class L1L2(Regularizer):
    r"""$l_1 \sum |x| + l_2 \sum x^2$.

    Args:
        l1, l2: the two factors; None counts as 0.

    >>> round(float(L1L2(l1=0.1, l2=0.01)([3.0, -4.0])), 4)
    0.95
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1 = checked_factor(0.0 if l1 is None else l1, "l1")
        self.l2 = checked_factor(0.0 if l2 is None else l2, "l2")

    @one_program
    def __call__(self, x: Any) -> Any:
        x = value(x)
        total = value(0.0, x.dtype)
        if self.l1:
            total = total + self.l1 * ops.sum(ops.absolute(x))
        if self.l2:
            total = total + self.l2 * ops.sum(ops.square(x))
        return total

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    r"""$l_1 \sum |x|$.

    Args:
        l1: the factor; None counts as 0.01.

    >>> round(float(L1(0.1)([3.0, -4.0])), 4)
    0.7
    """

    def __init__(self, l1: float | None = 0.01):
        self.l1 = checked_factor(0.01 if l1 is None else l1, "l1")

    @one_program
    def __call__(self, x: Any) -> Any:
        return self.l1 * ops.sum(ops.absolute(value(x)))

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    r"""$l_2 \sum x^2$.

    Args:
        l2: the factor; None counts as 0.01.

    >>> round(float(L2(0.1)([3.0, -4.0])), 4)
    2.5
    """

    def __init__(self, l2: float | None = 0.01):
        self.l2 = checked_factor(0.01 if l2 is None else l2, "l2")

    @one_program
    def __call__(self, x: Any) -> Any:
        return self.l2 * ops.sum(ops.square(value(x)))

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """The mean absolute cosine between two different rows (or columns) of a matrix, times a factor.

    Args:
        factor: the factor.
        mode: "rows" or "columns".

    Raises:
        ValueError: the mode is neither, or the tensor does not have two axes.

    >>> round(float(OrthogonalRegularizer(1.0)([[1.0, 0.0], [1.0, 1.0]])), 4)
    0.7071
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor = checked_factor(factor, "factor")
        if mode not in ("rows", "columns"):
            raise ValueError(f"mode must be 'rows' or 'columns', received mode={mode!r}")
        self.mode = mode

    @one_program(rows=False)
    def __call__(self, inputs: Any) -> Any:
        x = value(inputs)
        if x.ndim != 2:
            raise ValueError(f"Inputs to OrthogonalRegularizer must have two axes. Received: inputs.shape={x.shape}")
        x = normalized(x if self.mode == "rows" else ops.transpose(x), 1)
        n: Any = x.shape[0]
        place = emit(Iota(n, "int32"))
        other = ops.not_equal(ops.expand_dims(place, 0), ops.expand_dims(place, 1))
        cosines = ops.where(other, ops.absolute(ops.matmul(x, ops.transpose(x))), 0.0)
        return ops.sum(cosines) * (self.factor / (n * (n - 1.0)))

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_CLASSES: tuple[type[Regularizer], ...] = (Regularizer, L1, L2, L1L2, OrthogonalRegularizer)
ALL_OBJECTS_DICT: dict[str, Any] = {c.__name__: c for c in _CLASSES}
ALL_OBJECTS_DICT.update({to_snake_case(c.__name__): c for c in _CLASSES})
ALL_OBJECTS_DICT["l1_l2"] = L1L2


def serialize(regularizer: Regularizer) -> Any:
    """The configuration dictionary of a regularizer, with its class name."""
    return serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regularizer that a configuration dictionary or a name describes."""
    return identifiers.from_config(config, ALL_OBJECTS_DICT, custom_objects)


def get(identifier: Any) -> Any:
    """A regularizer from None (gives None), a name such as "l2", a configuration, a class, or any function of a tensor.

    Raises:
        ValueError: it is none of these.

    >>> get("l2").get_config()
    {'l2': 0.01}
    """
    return identifiers.get(identifier, ALL_OBJECTS_DICT, deserialize, "regularizer")
