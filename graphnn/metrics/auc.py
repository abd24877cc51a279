"""The area under a curve of true against false decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value

from .. import ops
from ..config import epsilon
from ..dispatch import value
from ..eager import one_program
from .confusion import AUCCurve, AUCSummationMethod, ConfusionMatrix, evenly_spaced, update_confusion_variables
from .metric import Metric


class AUC(Metric):
    """The area under the receiver operating characteristic or the precision-recall curve, estimated at a number of thresholds.

    Args:
        num_thresholds: how many thresholds (more than 1).
        curve: "ROC" (true against false positive rate), "PR" (precision against recall) or "PRGAIN" (their gains; P. Flach,
            M. Kull, Precision-recall-gain curves, 2015).
        summation_method: "interpolation" (trapezia for ROC; for PR the interpolation of J. Davis, M. Goadrich, The relationship
            between precision-recall and ROC curves, 2006), "minoring" or "majoring" (lower or upper rectangles).
        name, dtype: see `Metric`.
        thresholds: thresholds strictly between 0 and 1, instead of `num_thresholds` evenly spaced ones.
        multi_label: True for the (weighted) mean of the areas of the columns of predictions of shape (batch, labels).
        num_labels: the number of columns; by default taken from the first predictions.
        label_weights: a weight for each column.
        from_logits: whether predictions are logits; else probabilities.

    Raises:
        ValueError: an argument is none of these.

    >>> metric = AUC(num_thresholds=3)
    >>> metric.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    >>> float(metric.result())
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: Any = "ROC",
        summation_method: Any = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ):
        super().__init__(name=name, dtype=dtype)
        self._init_from_thresholds = thresholds is not None
        if thresholds is not None:
            inner = sorted(float(t) for t in thresholds)
            self._evenly = evenly_spaced([0.0, *inner, 1.0])
        elif num_thresholds <= 1:
            raise ValueError(f"Argument `num_thresholds` must be an integer > 1. Received: num_thresholds={num_thresholds}")
        else:
            inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
            self._evenly = True
        self.num_thresholds = len(inner) + 2
        # the outermost thresholds lie outside, so that predictions of exactly 0 and 1 are on the right side
        self._thresholds = [-epsilon(), *inner, 1.0 + epsilon()]
        self.curve = curve if isinstance(curve, AUCCurve) else AUCCurve.from_str(curve)
        method = summation_method
        self.summation_method = method if isinstance(method, AUCSummationMethod) else AUCSummationMethod.from_str(method)
        if num_labels and not multi_label:
            raise ValueError("`num_labels` is needed only when `multi_label` is True.")
        self.multi_label, self.num_labels, self._from_logits = multi_label, num_labels, from_logits
        self.label_weights = None if label_weights is None else np.asarray(label_weights, self.dtype)
        self._built = False
        if num_labels or not multi_label:
            self._build((None, num_labels) if multi_label else ())

    @property
    def thresholds(self) -> list[float]:
        """All thresholds."""
        return list(self._thresholds)

    def _build(self, shape: Sequence[Any]) -> None:
        if self.multi_label and len(shape) != 2:
            raise ValueError(
                "`y_pred` must have rank 2 when `multi_label=True`. "
                f"Found rank {len(shape)}. Received: y_pred of shape {show(tuple(shape))}"
            )
        extents = (self.num_thresholds, int(shape[1])) if self.multi_label else (self.num_thresholds,)
        self.true_positives, self.false_positives, self.true_negatives, self.false_negatives = (
            self.add_variable(extents, "zeros", name=kind)
            for kind in ("true_positives", "false_positives", "true_negatives", "false_negatives")
        )
        self._built = True

    @one_program
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = value(y_pred)
        if not self._built:
            self._build(y_pred.shape)
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        counts = {
            ConfusionMatrix.TRUE_POSITIVES: self.true_positives,
            ConfusionMatrix.TRUE_NEGATIVES: self.true_negatives,
            ConfusionMatrix.FALSE_POSITIVES: self.false_positives,
            ConfusionMatrix.FALSE_NEGATIVES: self.false_negatives,
        }
        update_confusion_variables(
            counts,
            y_true,
            y_pred,
            self._thresholds,
            sample_weight=sample_weight,
            multi_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
            evenly=self._evenly,
        )

    @one_program(small=True)
    def result(self) -> Any:
        tp, fp, tn, fn = (v.value for v in (self.true_positives, self.false_positives, self.true_negatives, self.false_negatives))
        interpolated = self.summation_method is AUCSummationMethod.INTERPOLATION
        if self.curve is AUCCurve.PR and interpolated:
            return self._averaged(_davis_goadrich(tp, fp, fn))
        recall = ops.divide_no_nan(tp, tp + fn)
        if self.curve is AUCCurve.ROC:
            x, y = ops.divide_no_nan(fp, fp + tn), recall
        elif self.curve is AUCCurve.PR:
            x, y = recall, ops.divide_no_nan(tp, tp + fp)
        else:
            odds, none = ops.divide_no_nan(tp + fn, tn + fp), ops.equal(tp, 0.0)
            x = ops.maximum(ops.where(none, 0.0, 1.0 - odds * ops.divide_no_nan(fn, tp)), 0.0)
            y = ops.where(none, 1.0, 1.0 - odds * ops.divide_no_nan(fp, tp))
        if interpolated:
            heights = (y[:-1] + y[1:]) / 2.0
        else:
            lower = self.summation_method is AUCSummationMethod.MINORING
            heights = ops.minimum(y[:-1], y[1:]) if lower else ops.maximum(y[:-1], y[1:])
        return self._averaged((x[:-1] - x[1:]) * heights)

    def _averaged(self, pieces: Value) -> Any:
        """The pieces of the area summed; the mean over the columns of a multi-label metric."""
        if not self.multi_label:
            return ops.sum(pieces)
        area = ops.sum(pieces, axis=0)
        if self.label_weights is None:
            return ops.mean(area)
        weights = value(self.label_weights, area.dtype)
        return ops.divide_no_nan(ops.sum(area * weights), ops.sum(weights))

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve.value,
            "summation_method": self.summation_method.value,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self._from_logits,
        }
        return {**config, "thresholds": self._thresholds[1:-1]} if self._init_from_thresholds else config


def _davis_goadrich(tp: Value, fp: Value, fn: Value) -> Value:
    """Areas between neighbouring thresholds where true positives grow linearly with all positives.

    Between two points TP = slope * P + intercept, so the area of TP / P is slope * (dTP + intercept * log(P_a / P_b)) over the
    number of true samples.
    """
    p = tp + fp
    d_tp, d_p = tp[:-1] - tp[1:], p[:-1] - p[1:]
    slope = ops.divide_no_nan(d_tp, ops.maximum(d_p, 0.0))
    intercept = tp[1:] - slope * p[1:]
    both = ops.logical_and(p[:-1] > 0.0, p[1:] > 0.0)
    ratio = ops.where(both, ops.divide_no_nan(p[:-1], ops.maximum(p[1:], 0.0)), 1.0)
    return ops.divide_no_nan(slope * (d_tp + intercept * ops.log(ratio)), ops.maximum(tp[1:] + fn[1:], 0.0))
