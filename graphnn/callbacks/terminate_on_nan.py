"""Stops training whose loss is no longer a number."""

from __future__ import annotations

import sys

import numpy as np

from .callback import Callback, Logs


class TerminateOnNaN(Callback):
    """Stops `fit` at the first batch whose loss is NaN or infinite, before that batch has touched the weights.

    The check is part of the compiled step: with this callback a step whose loss or new weights are not finite changes nothing but
    the metrics, and so do the steps after it. What is printed names where the first NaN or infinity came from: an array and its row, a
    weight, or a layer.

    Args:
        raise_error: whether to raise RuntimeError instead of stopping quietly.

    >>> import graphnn
    >>> graphnn.callbacks.TerminateOnNaN().raise_error
    False
    """

    accepts_runs = True
    watches_finiteness = True  # asks `fit` for the step that refuses updates which are not finite

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        watch = getattr(self.model, "finiteness_watch", lambda: None)()
        loss = (logs or {}).get("loss")
        if watch is not None and watch.bad_step is not None:
            batch = watch.bad_step
        elif loss is None or np.isfinite(loss):
            return
        said = f"Batch {batch}: Invalid loss, terminating training"
        if watch is not None and watch.reason:
            said += f" ({watch.reason})"
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered: {said}")
        sys.stdout.write(said + "\n")
        self.model.stop_training = True
