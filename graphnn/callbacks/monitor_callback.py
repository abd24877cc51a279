"""What callbacks share that watch one number of the logs."""

from __future__ import annotations

import math
import warnings
from typing import Any

from .callback import Callback, Logs

_LARGER_IS_BETTER = ("acc", "accuracy", "auc")


class MonitorCallback(Callback):
    """A callback that watches `monitor` and knows what an improvement is.

    Args:
        monitor: the name in the logs.
        mode: "min", "max", or "auto": a loss shall fall, and a metric knows which way it shall go.
        initial_value_threshold: the value to be better than from the start, or None.
        min_delta: the least change that counts as an improvement.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        initial_value_threshold: float | None = None,
        min_delta: float = 0,
    ):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{type(self).__name__} mode {mode!r} is unknown, fallback to auto mode.", stacklevel=3)
            mode = "auto"
        self.monitor, self.mode = monitor, mode
        self.best: Any = initial_value_threshold
        self.min_delta = abs(min_delta)
        self._sign = {"min": -1, "max": 1, "auto": 0}[mode]

    def _direction(self) -> int:
        """1 where larger is better, -1 where smaller is."""
        if self._sign == 0:
            name = self.monitor.removeprefix("val_")
            if name == "loss" or name.endswith("_loss"):
                self._sign = -1
            else:
                self._sign = self._direction_of_metric(name)
        if self._sign == 0:
            raise ValueError(
                f"{type(self).__name__} callback received monitor={self.monitor}, and there is no telling whether that should be "
                "large or small. Pass `mode='max'` or `mode='min'`."
            )
        return self._sign

    def _direction_of_metric(self, name: str) -> int:
        if name.rsplit("_", 1)[-1] in _LARGER_IS_BETTER:
            return 1
        reported: dict[str, Any] = self.model.reported_metrics() if hasattr(self.model, "reported_metrics") else {}
        way = getattr(reported.get(name), "_direction", None)
        return {"up": 1, "down": -1}.get(way or "", 0)

    def _monitored(self, logs: Logs | None, what: str) -> Any:
        """The number that is watched, or None after a warning that it is not there."""
        logs = logs or {}
        number = logs.get(self.monitor)
        if number is None:
            warnings.warn(
                f"{what} conditioned on metric `{self.monitor}` which is not available. Available metrics are: {','.join(logs)}",
                stacklevel=4,
            )
        return number

    def _is_improvement(self, number: Any, reference: Any) -> bool:
        if reference is None:
            return True
        sign = self._direction()
        return bool(sign * (number - sign * self.min_delta) > sign * reference)

    @staticmethod
    def _is_finite(number: Any) -> bool:
        return math.isfinite(float(number))
