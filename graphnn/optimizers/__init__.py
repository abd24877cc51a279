"""Optimizers. Names, arguments, numbers and configurations are those of Keras 3."""

from __future__ import annotations

from typing import Any

from .. import identifiers
from ..saving.serialization import serialize_keras_object
from . import schedules
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam
from .adamax import Adamax
from .adamw import AdamW
from .ftrl import Ftrl
from .lamb import Lamb
from .lion import Lion
from .loss_scale_optimizer import LossScaleOptimizer
from .multi_optimizer import MultiOptimizer, OptimizerMap
from .muon import Muon
from .nadam import Nadam
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .schedule_free_adamw import ScheduleFreeAdamW
from .sgd import SGD

_CLASSES: tuple[type[Any], ...] = (
    Optimizer, Adam, SGD, RMSprop, Adadelta, AdamW, Adagrad, Adamax, Adafactor, Muon, MultiOptimizer, OptimizerMap, Nadam, Ftrl,
    Lamb, Lion, LossScaleOptimizer, ScheduleFreeAdamW,
)  # fmt: skip
ALL_OBJECTS_DICT: dict[str, Any] = {c.__name__.lower(): c for c in _CLASSES}


def serialize(optimizer: Optimizer) -> Any:
    """The configuration dictionary of an optimizer, with its class name."""
    return serialize_keras_object(optimizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The optimizer that a configuration dictionary describes; class names are taken in any case."""
    name = str(config["class_name"]).lower()
    if name in ALL_OBJECTS_DICT:
        config = {**config, "class_name": name}
    return identifiers.from_config(config, ALL_OBJECTS_DICT, custom_objects)


def get(identifier: Any) -> Any:
    """An optimizer from None (gives None), a name such as "adam", a configuration dictionary, or an optimizer.

    Raises:
        ValueError: it is none of these.

    >>> type(get("rmsprop")).__name__
    'RMSprop'
    """
    found: Any = {"class_name": identifier, "config": {}} if isinstance(identifier, str) else identifier
    if isinstance(found, dict):
        try:
            found = deserialize(found)
        except TypeError as e:
            raise ValueError(f"Could not interpret optimizer identifier: {identifier!r}") from e
    if found is None or isinstance(found, Optimizer):
        return found
    raise ValueError(f"Could not interpret optimizer identifier: {identifier!r}")


__all__ = [
    "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "LossScaleOptimizer",
    "MultiOptimizer", "Muon", "Nadam", "Optimizer", "OptimizerMap", "RMSprop", "ScheduleFreeAdamW", "deserialize", "get",
    "schedules", "serialize",
]  # fmt: skip
