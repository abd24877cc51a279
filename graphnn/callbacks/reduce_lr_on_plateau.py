"""A learning rate that falls when training stands still."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .callback import Logs
from .monitor_callback import MonitorCallback


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` when a number has not improved for `patience` epochs.

    Args:
        monitor: the name in the logs.
        factor: new rate = rate * factor; below 1.
        patience: epochs without improvement.
        verbose: 1 tells when it acts.
        mode: "min", "max" or "auto".
        min_delta: the least change that counts as an improvement.
        cooldown: epochs to wait after a change before counting again.
        min_lr: the least rate.

    Raises:
        ValueError: if factor >= 1.

    >>> import graphnn
    >>> graphnn.callbacks.ReduceLROnPlateau(factor=0.5, patience=2).cooldown
    0
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best: Any = None
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._direction()
        optimizer = self.model.optimizer
        if logs is not None:
            logs["learning_rate"] = float(np.asarray(optimizer.learning_rate))
        number = self._monitored(logs, "Learning rate reduction is")
        if number is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(number, self.best):
            self.best = number
            self.wait = 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch, optimizer)

    def _reduce(self, epoch: int, optimizer: Any) -> None:
        old = float(np.asarray(optimizer.learning_rate))
        if old <= np.float32(self.min_lr):
            return
        rate = max(old * self.factor, self.min_lr)
        optimizer.learning_rate = rate
        if self.verbose > 0:
            sys.stdout.write(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.\n")
        self.cooldown_counter = self.cooldown
        self.wait = 0
