"""Learning rate schedules. Names, arguments and configurations are those of Keras 3."""

from __future__ import annotations

from typing import Any

from ... import identifiers
from ...saving.serialization import serialize_keras_object
from .cosine import CosineDecay, CosineDecayRestarts
from .decays import ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay
from .learning_rate_schedule import LearningRateSchedule

_CLASSES: tuple[type[LearningRateSchedule], ...] = (
    CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay,
)  # fmt: skip
ALL_OBJECTS_DICT: dict[str, Any] = {c.__name__: c for c in _CLASSES}


def serialize(learning_rate_schedule: LearningRateSchedule) -> Any:
    """The configuration dictionary of a schedule, with its class name."""
    return serialize_keras_object(learning_rate_schedule)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The schedule that a configuration dictionary describes."""
    return identifiers.from_config(config, ALL_OBJECTS_DICT, custom_objects)


__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule",
    "PiecewiseConstantDecay", "PolynomialDecay", "deserialize", "serialize",
]  # fmt: skip
