"""Counts at thresholds, and the two ratios of them: precision and recall."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..eager import one_program
from .confusion import NEG_INF, ConfusionMatrix, evenly_spaced, parse_thresholds, update_confusion_variables
from .metric import Metric

TP, FP, TN, FN = (
    ConfusionMatrix.TRUE_POSITIVES, ConfusionMatrix.FALSE_POSITIVES, ConfusionMatrix.TRUE_NEGATIVES, ConfusionMatrix.FALSE_NEGATIVES,
)  # fmt: skip


class _Count(Metric):
    condition: ConfusionMatrix

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = parse_thresholds(thresholds)
        self._evenly = evenly_spaced(self.thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    @one_program
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        update_confusion_variables(
            {self.condition: self.accumulator}, y_true, y_pred, self.thresholds, sample_weight=sample_weight, evenly=self._evenly
        )

    def result(self) -> Any:
        counts = self.accumulator.value
        return counts[0] if len(self.thresholds) == 1 else counts

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """How many (or what weight of) samples are true and predicted so.

    Args:
        thresholds: one number or a list: predictions above it count as true; 0.5 if None.
        name, dtype: see `Metric`.

    >>> metric = TruePositives()
    >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
    >>> float(metric.result())
    2.0
    """

    condition = TP


class FalsePositives(_Count):
    """How many (or what weight of) samples are false and predicted true.

    Args:
        thresholds, name, dtype: see `TruePositives`.

    >>> metric = FalsePositives()
    >>> metric.update_state([0, 1, 0, 0], [0, 0, 1, 1])
    >>> float(metric.result())
    2.0
    """

    condition = FP


class TrueNegatives(_Count):
    """How many (or what weight of) samples are false and predicted so.

    Args:
        thresholds, name, dtype: see `TruePositives`.

    >>> metric = TrueNegatives()
    >>> metric.update_state([0, 1, 0, 0], [1, 1, 0, 0])
    >>> float(metric.result())
    2.0
    """

    condition = TN


class FalseNegatives(_Count):
    """How many (or what weight of) samples are true and predicted false.

    Args:
        thresholds, name, dtype: see `TruePositives`.

    >>> metric = FalseNegatives()
    >>> metric.update_state([0, 1, 1, 1], [0, 1, 0, 0])
    >>> float(metric.result())
    2.0
    """

    condition = FN


class _Ratio(Metric):
    """true_positives / (true_positives + another count)."""

    _direction = "up"
    other: tuple[ConfusionMatrix, str]

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.thresholds = parse_thresholds(thresholds) if thresholds is not None or top_k is None else [NEG_INF]
        self._evenly = evenly_spaced(self.thresholds)
        self.true_positives = self.add_variable((len(self.thresholds),), "zeros", name="true_positives")
        setattr(self, self.other[1], self.add_variable((len(self.thresholds),), "zeros", name=self.other[1]))

    @one_program
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        update_confusion_variables(
            {TP: self.true_positives, self.other[0]: getattr(self, self.other[1])},
            y_true,
            y_pred,
            self.thresholds,
            top_k=self.top_k,
            class_id=self.class_id,
            sample_weight=sample_weight,
            evenly=self._evenly,
        )

    @one_program(small=True)
    def result(self) -> Any:
        hits = self.true_positives.value
        ratio = ops.divide_no_nan(hits, hits + getattr(self, self.other[1]))
        return ratio[0] if len(self.thresholds) == 1 else ratio

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}


class Precision(_Ratio):
    """The share of positive predictions that are right.

    Args:
        thresholds: one number or a list: predictions above it are positive; 0.5 if None and there is no top_k.
        top_k: only the k greatest predictions of a sample can be positive.
        class_id: only this class counts.
        name, dtype: see `Metric`.

    >>> metric = Precision()
    >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
    >>> round(float(metric.result()), 4)
    0.6667
    """

    other = (FP, "false_positives")


class Recall(_Ratio):
    """The share of true samples that are predicted so.

    Args:
        thresholds, top_k, class_id, name, dtype: see `Precision`.

    >>> metric = Recall()
    >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
    >>> round(float(metric.result()), 4)
    0.6667
    """

    other = (FN, "false_negatives")
