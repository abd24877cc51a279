"""Stops training that no longer improves."""

from __future__ import annotations

import sys
from typing import Any

from .callback import Logs
from .monitor_callback import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Stops `fit` when a number has not improved for some epochs.

    Args:
        monitor: the name in the logs, "val_loss" by default.
        min_delta: the least change that counts as an improvement.
        patience: the number of epochs without improvement after which training stops.
        verbose: 1 tells when it acts.
        mode: "min", "max" or "auto".
        baseline: a value that must be reached before the patience starts anew.
        restore_best_weights: whether the weights of the best epoch are put back at the end.
        start_from_epoch: epochs before this one are not looked at.

    Attributes:
        stopped_epoch: the epoch in which it stopped, 0 if it did not.
        best, best_epoch: the best value and its epoch.

    >>> import graphnn
    >>> graphnn.callbacks.EarlyStopping(monitor="loss", patience=3).patience
    3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: Any = None
        self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._direction()
        number = self._monitored(logs, "Early stopping")
        if number is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            # Without any improvement the weights of the first epoch looked at are put back.
            self._keep(epoch)
        self.wait += 1
        if self._is_improvement(number, self.best):
            self.best = number
            self._keep(epoch)
            if self.baseline is None or self._is_improvement(number, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            sys.stdout.write(f"Epoch {self.stopped_epoch + 1}: early stopping\n")
        if self.best_weights is not None:
            if self.verbose > 0:
                sys.stdout.write(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.\n")
            self.model.set_weights(self.best_weights)
