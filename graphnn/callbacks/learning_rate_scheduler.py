"""A learning rate for each epoch."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .callback import Callback, Logs


def _takes_two(schedule: Callable[..., Any]) -> bool:
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except (TypeError, ValueError):
        return False
    return True


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch; `learning_rate` appears in the history.

    Args:
        schedule: a function of the epoch, or of the epoch and the present rate, that gives the new rate.
        verbose: 1 tells each rate.

    Raises:
        ValueError: if the optimizer has no learning rate, or the function gives something else than a number.

    >>> import graphnn
    >>> halved = graphnn.callbacks.LearningRateScheduler(lambda epoch, lr: lr * 0.5)
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        if not hasattr(optimizer, "learning_rate"):
            raise ValueError('Optimizer must have a "learning_rate" attribute.')
        now = float(np.asarray(optimizer.learning_rate))
        rate = self.schedule(epoch, now) if _takes_two(self.schedule) else self.schedule(epoch)
        number = np.asarray(rate)
        if number.ndim or number.dtype.kind not in "iuf":
            raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate}")
        rate = float(number)
        optimizer.learning_rate = rate
        if self.verbose > 0:
            sys.stdout.write(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.\n")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(np.asarray(self.model.optimizer.learning_rate))
