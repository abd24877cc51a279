"""The best of one ratio where another is at least a given value: precision at recall and their kin."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..eager import one_program
from .confusion import update_confusion_variables
from .confusion_metrics import FN, FP, TN, TP
from .metric import Metric


class _AtValue(Metric):
    """The greatest value of one ratio at the thresholds where another is at least a given value."""

    _direction = "up"
    given: str  # the argument of the constructor, and the ratio that is bounded
    best: str  # the ratio that is returned

    def __init__(self, given: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any):
        if not 0 <= given <= 1:
            raise ValueError(f"Argument `{self.given}` must be in the range [0, 1]. Received: {self.given}={given}")
        if num_thresholds <= 0:
            raise ValueError(f"Argument `num_thresholds` must be an integer > 0. Received: num_thresholds={num_thresholds}")
        super().__init__(name=name, dtype=dtype)
        setattr(self, self.given, given)
        self.value, self.num_thresholds, self.class_id = given, num_thresholds, class_id
        n = num_thresholds
        self.thresholds = [0.5] if n == 1 else [i / (n - 1) for i in range(n)]
        self._evenly = n > 1
        self.true_positives, self.false_positives, self.true_negatives, self.false_negatives = (
            self.add_variable((n,), "zeros", name=kind)
            for kind in ("true_positives", "false_positives", "true_negatives", "false_negatives")
        )

    @one_program
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        counts = {TP: self.true_positives, FP: self.false_positives, TN: self.true_negatives, FN: self.false_negatives}
        update_confusion_variables(
            counts, y_true, y_pred, self.thresholds, class_id=self.class_id, sample_weight=sample_weight, evenly=self._evenly
        )

    def _ratio(self, name: str) -> Any:
        tp, fp, tn, fn = (v.value for v in (self.true_positives, self.false_positives, self.true_negatives, self.false_negatives))
        part, rest = {"precision": (tp, fp), "recall": (tp, fn), "sensitivity": (tp, fn), "specificity": (tn, fp)}[name]
        return ops.divide_no_nan(part, part + rest)

    @one_program(small=True)
    def result(self) -> Any:
        return ops.max(ops.where(self._ratio(self.given) >= self.value, self._ratio(self.best), 0.0))

    def get_config(self) -> dict[str, Any]:
        own = {"num_thresholds": self.num_thresholds, self.given: self.value}
        return {**super().get_config(), "class_id": self.class_id, **own}


class SensitivityAtSpecificity(_AtValue):
    """The best sensitivity (share of true samples found) at a specificity (share of false samples left out) of at least a value.

    Args:
        specificity: the value, in [0, 1].
        num_thresholds: how many evenly spaced thresholds are tried.
        class_id: only this class counts.
        name, dtype: see `Metric`.

    >>> metric = SensitivityAtSpecificity(0.5)
    >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    >>> float(metric.result())
    0.5
    """

    given, best = "specificity", "sensitivity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_AtValue):
    """The best specificity at a sensitivity of at least a value.

    Args:
        sensitivity: the value, in [0, 1].
        num_thresholds, class_id, name, dtype: see `SensitivityAtSpecificity`.

    >>> metric = SpecificityAtSensitivity(0.5)
    >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    >>> round(float(metric.result()), 4)
    0.6667
    """

    given, best = "sensitivity", "specificity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_AtValue):
    """The best precision at a recall of at least a value.

    Args:
        recall: the value, in [0, 1].
        num_thresholds, class_id, name, dtype: see `SensitivityAtSpecificity`.

    >>> metric = PrecisionAtRecall(0.5)
    >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    >>> float(metric.result())
    0.5
    """

    given, best = "recall", "precision"

    def __init__(
        self, recall: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None
    ):
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_AtValue):
    """The best recall at a precision of at least a value.

    Args:
        precision: the value, in [0, 1].
        num_thresholds, class_id, name, dtype: see `SensitivityAtSpecificity`.

    >>> metric = RecallAtPrecision(0.8)
    >>> metric.update_state([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
    >>> float(metric.result())
    0.5
    """

    given, best = "precision", "recall"

    def __init__(
        self, precision: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None
    ):
        super().__init__(precision, num_thresholds, class_id, name, dtype)
