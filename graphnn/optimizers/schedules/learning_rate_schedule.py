"""What every learning rate schedule is: a function of the step number, written in ops."""

from __future__ import annotations

from typing import Any

from ...config import floatx
from ...dispatch import value


class LearningRateSchedule:
    """Base of all schedules: subclasses give `__call__(step)` and `get_config`.

    >>> from graphnn import ops
    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5 ** ops.cast(step, "float32")
    ...     def get_config(self):
    ...         return {}
    >>> round(float(Halving()(2)), 4)
    0.025
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step.

        Args:
            step: its number, from 0.
        """
        raise NotImplementedError(f"Learning rate schedule {type(self).__name__!r} must override `__call__(self, step)`.")

    def get_config(self) -> dict[str, Any]:
        """The arguments from which `from_config` makes the same schedule."""
        raise NotImplementedError(f"Learning rate schedule {type(self).__name__!r} must override `get_config()`.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """A schedule from its configuration."""
        return cls(**config)


def positive(number: float, name: str) -> float:
    """The number, or a ValueError where it is not above 0."""
    if number <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={number}")
    return number


def as_float(step: Any) -> Any:
    """A step number in the dtype of learning rates."""
    return value(step, floatx())
