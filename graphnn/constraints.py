"""Constraints: what a weight is brought back to after each step of an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import identifiers, ops
from .config import epsilon
from .dispatch import value
from .eager import one_program
from .losses.loss import axes_of
from .naming import to_snake_case
from .saving.serialization import serialize_keras_object

Axis = int | Sequence[int]


class Constraint:
    """Base of all constraints: subclasses give `__call__(w)`, which returns the weight to use instead, and `get_config`.

    >>> from graphnn import ops
    >>> class Capped(Constraint):
    ...     def __call__(self, w):
    ...         return ops.minimum(w, 1.0)
    >>> Capped()(ops.array([0.5, 2.0])).tolist()
    [0.5, 1.0]
    """

    def __call__(self, w: Any) -> Any:
        """The weight that obeys the constraint."""
        return w

    def get_config(self) -> dict[str, Any]:
        """The arguments from which `from_config` makes the same constraint."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constraint:
        """A constraint from its configuration."""
        return cls(**config)


def _norms(w: Any, axis: Axis) -> Any:
    return ops.sqrt(ops.sum(ops.square(w), axis=axes_of(axis), keepdims=True))


class MaxNorm(Constraint):
    """Vectors longer than `max_value` are shortened to it (N. Srivastava et al., Dropout, 2014).

    Args:
        max_value: the greatest norm.
        axis: the axis, or axes, along which a vector of the weight lies: 0 for the inputs of a Dense unit, (0, 1, 2) for a
            filter of Conv2D.

    >>> [round(float(v), 4) for v in MaxNorm(1.0)([3.0, 4.0])]
    [0.6, 0.8]
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0):
        self.max_value, self.axis = max_value, axis

    @one_program
    def __call__(self, w: Any) -> Any:
        w = value(w)
        norms = _norms(w, self.axis)
        return w * (ops.clip(norms, 0, self.max_value) / (epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Negative weights become 0.

    >>> NonNeg()([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    @one_program
    def __call__(self, w: Any) -> Any:
        return ops.maximum(value(w), 0)


class UnitNorm(Constraint):
    """Every vector gets the norm 1.

    Args:
        axis: the axis, or axes, along which a vector of the weight lies.

    >>> [round(float(v), 4) for v in UnitNorm()([3.0, 4.0])]
    [0.6, 0.8]
    """

    def __init__(self, axis: Axis = 0):
        self.axis = axis

    @one_program
    def __call__(self, w: Any) -> Any:
        w = value(w)
        return w / (epsilon() + _norms(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Norms are brought between two bounds.

    Args:
        min_value, max_value: the bounds.
        rate: the share of the way to the bounds that one step goes: 1 obeys them at once.
        axis: the axis, or axes, along which a vector of the weight lies.

    >>> [round(float(v), 4) for v in MinMaxNorm(0.5, 1.0)([3.0, 4.0])]
    [0.6, 0.8]
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0):
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    @one_program
    def __call__(self, w: Any) -> Any:
        w = value(w)
        norms = _norms(w, self.axis)
        wanted = self.rate * ops.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / (epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
maxnorm, nonneg, unitnorm = MaxNorm, NonNeg, UnitNorm

_CLASSES: tuple[type[Constraint], ...] = (Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm)
ALL_OBJECTS_DICT: dict[str, Any] = {c.__name__: c for c in _CLASSES}
ALL_OBJECTS_DICT.update({to_snake_case(c.__name__): c for c in _CLASSES})


def serialize(constraint: Constraint) -> Any:
    """The configuration dictionary of a constraint, with its class name."""
    return serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint that a configuration dictionary or a name describes."""
    return identifiers.from_config(config, ALL_OBJECTS_DICT, custom_objects)


def get(identifier: Any) -> Any:
    """A constraint from None (gives None), a name such as "max_norm", a configuration, a class, or any function of a weight.

    Raises:
        ValueError: it is none of these.

    >>> get("unit_norm").get_config()
    {'axis': 0}
    """
    return identifiers.get(identifier, ALL_OBJECTS_DICT, deserialize, "constraint")
