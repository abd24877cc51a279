"""Scores with variables for each output: the coefficient of determination, F scores."""

from __future__ import annotations

from typing import Any

from graphnn_compiler.build import broadcast_to, count_value, expand
from graphnn_compiler.dims import Shape, product, show

from .. import ops
from ..config import epsilon
from ..dispatch import value
from ..eager import one_program
from ..losses.loss import squeeze_or_expand_to_same_rank
from .metric import Metric


def _outputs(metric: str, y_true: Shape, y_pred: Shape) -> int:
    """The number of outputs; a ValueError unless both shapes are (batch, outputs) with a known number."""
    if len(y_true) != 2 or len(y_pred) != 2 or not isinstance(y_pred[1], int) or not isinstance(y_true[1], int):
        raise ValueError(
            f"{metric} expects 2D inputs with shape (batch_size, output_dim), output_dim being known. "
            f"Received input shapes: y_pred.shape={show(y_pred)} and y_true.shape={show(y_true)}."
        )
    return y_pred[1]


class R2Score(Metric):
    r"""The coefficient of determination $1 - \sum (y - \hat y)^2 / \sum (y - \bar y)^2$ of each output, and its mean.

    Args:
        class_aggregation: "uniform_average", "variance_weighted_average" or None for one score for each output.
        num_regressors: number of independent variables of the adjusted score; 0 for the plain score.
        name, dtype: see `Metric`.

    Raises:
        ValueError: an argument is none of these.

    >>> metric = R2Score()
    >>> metric.update_state([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
    >>> round(float(metric.result()), 4)
    0.5714
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        known = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in known:
            raise ValueError(
                f"Invalid value for argument `class_aggregation`. Expected one of {known}. "
                f"Received: class_aggregation={class_aggregation!r}"
            )
        if num_regressors < 0:
            raise ValueError(f"num_regressors must not be negative. Received: num_regressors={num_regressors}")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, y_true: Shape, y_pred: Shape) -> None:
        n = _outputs("R2Score", y_true, y_pred)
        self.squared_sum, self.sum, self.total_mse, self.count = (
            self.add_variable((n,), "zeros", name=name) for name in ("squared_sum", "sum", "residual", "count")
        )
        self._built = True

    @one_program
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = squeeze_or_expand_to_same_rank(value(y_true, self.dtype), value(y_pred, self.dtype))
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        weight = value(1.0 if sample_weight is None else sample_weight, self.dtype)
        weight = broadcast_to(expand(weight, 1) if weight.ndim == 1 else weight, y_true.shape)
        self.sum.assign_add(ops.sum(y_true * weight, axis=0))
        self.squared_sum.assign_add(ops.sum(y_true * y_true * weight, axis=0))
        self.total_mse.assign_add(ops.sum(ops.square(y_true - y_pred) * weight, axis=0))
        self.count.assign_add(ops.sum(weight, axis=0))
        self.num_samples.assign_add(count_value(product(y_true.shape), self.num_samples.dtype))

    @one_program(small=True)
    def result(self) -> Any:
        total = self.squared_sum - self.sum * self.sum / self.count
        score = 1.0 - self.total_mse / total
        score = ops.where(ops.isinf(score), 0.0, score)
        if self.class_aggregation == "uniform_average":
            score = ops.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = ops.sum(total * score) / ops.sum(total)
        if self.num_regressors:
            # with too few samples the adjusted score means nothing: the plain one stays
            n, rest = self.num_samples.value, self.num_samples - (self.num_regressors + 1.0)
            adjusted = 1.0 - (1.0 - score) * (n - 1.0) / rest
            score = ops.where(rest > 0, adjusted, score)
        return score

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}


class FBetaScore(Metric):
    r"""$(1 + \beta^2)\, P R / (\beta^2 P + R)$ of precision P and recall R, for each class.

    Args:
        average: None for one score for each class, "micro" (all decisions together), "macro" (the mean over classes) or
            "weighted" (the mean weighted by the number of true samples).
        beta: how much more recall counts than precision.
        threshold: predictions above it are positive; None: the greatest of each sample is.
        name, dtype: see `Metric`.

    Raises:
        ValueError: an argument is none of these.

    >>> metric = FBetaScore(beta=2.0, threshold=0.5)
    >>> metric.update_state([[1.0, 1.0], [1.0, 0.0]], [[0.6, 0.6], [0.4, 0.6]])
    >>> [round(float(v), 4) for v in metric.result()]
    [0.5556, 0.8333]
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                f"Invalid `average` argument value. Expected one of: None, 'micro', 'macro', 'weighted'. Received: average={average!r}"
            )
        if not isinstance(beta, float) or beta <= 0.0:
            raise ValueError(f"Invalid `beta` argument value. It must be a Python float above 0. Received: beta={beta!r}")
        if threshold is not None and (not isinstance(threshold, float) or not 0.0 < threshold <= 1.0):
            raise ValueError(
                f"Invalid `threshold` argument value. It must be a Python float with 0 < threshold <= 1. Received: threshold={threshold!r}"
            )
        self.average, self.beta, self.threshold = average, beta, threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, y_true: Shape, y_pred: Shape) -> None:
        n = _outputs(type(self).__name__, y_true, y_pred)
        names = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")
        self.true_positives, self.false_positives, self.false_negatives, self.intermediate_weights = (
            self.add_variable(() if self.axis is None else (n,), "zeros", dtype=self.dtype, name=name) for name in names
        )
        self._built = True

    @one_program
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = value(y_true, self.dtype), value(y_pred, self.dtype)
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        if self.threshold is None:
            best = y_pred >= ops.max(y_pred, axis=-1, keepdims=True)
            positive = ops.logical_and(best, ops.absolute(y_pred) > 1e-9)
        else:
            positive = y_pred > self.threshold
        y_pred = ops.cast(positive, self.dtype)
        weight = None if sample_weight is None else expand(value(sample_weight, self.dtype), 1)

        def total(x: Any) -> Any:
            return ops.sum(x if weight is None else x * weight, axis=self.axis)

        self.true_positives.assign_add(total(y_pred * y_true))
        self.false_positives.assign_add(total(y_pred * (1.0 - y_true)))
        self.false_negatives.assign_add(total((1.0 - y_pred) * y_true))
        self.intermediate_weights.assign_add(total(y_true))

    @one_program(small=True)
    def result(self) -> Any:
        hits = self.true_positives.value
        precision = hits / (hits + self.false_positives + epsilon())
        recall = hits / (hits + self.false_negatives + epsilon())
        square = self.beta**2
        score = precision * recall / (square * precision + recall + epsilon()) * (1 + square)
        if self.average == "weighted":
            weights = self.intermediate_weights.value
            return ops.sum(score * (weights / (ops.sum(weights) + epsilon())))
        return score if self.average is None else ops.mean(score)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall: `FBetaScore` with beta 1.

    Args:
        average, threshold, name, dtype: see `FBetaScore`.

    >>> metric = F1Score(threshold=0.5)
    >>> metric.update_state([[1.0, 1.0], [1.0, 0.0]], [[0.6, 0.6], [0.4, 0.6]])
    >>> [round(float(v), 4) for v in metric.result()]
    [0.6667, 0.6667]
    """

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str | None = "f1_score", dtype: Any = None
    ):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
