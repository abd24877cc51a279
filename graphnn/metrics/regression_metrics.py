"""Errors, similarity and correlation of numbers."""

from __future__ import annotations

from typing import Any

from .. import losses, ops
from ..config import epsilon
from ..dispatch import op, value
from ..eager import one_program
from ..losses.loss import squeeze_or_expand_to_same_rank
from ..losses.regression import normalized, pair
from .reduction_metrics import FunctionMean, Mean


class MeanSquaredError(FunctionMean):
    """The mean of `losses.mean_squared_error`.

    Args:
        name, dtype: see `Mean`.

    >>> metric = MeanSquaredError()
    >>> metric.update_state([[0.0, 1.0]], [[1.0, 3.0]])
    >>> float(metric.result())
    2.5
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None):
        super().__init__(losses.mean_squared_error, name, dtype, "down")


class MeanAbsoluteError(FunctionMean):
    """The mean of `losses.mean_absolute_error`.

    Args:
        name, dtype: see `Mean`.

    >>> metric = MeanAbsoluteError()
    >>> metric.update_state([[0.0, 1.0]], [[1.0, 3.0]])
    >>> float(metric.result())
    1.5
    """

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None):
        super().__init__(losses.mean_absolute_error, name, dtype, "down")


class MeanAbsolutePercentageError(FunctionMean):
    """The mean of `losses.mean_absolute_percentage_error`.

    Args:
        name, dtype: see `Mean`.

    >>> metric = MeanAbsolutePercentageError()
    >>> metric.update_state([[2.0, 4.0]], [[1.0, 5.0]])
    >>> float(metric.result())
    37.5
    """

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(losses.mean_absolute_percentage_error, name, dtype, "down")


class MeanSquaredLogarithmicError(FunctionMean):
    """The mean of `losses.mean_squared_logarithmic_error`.

    Args:
        name, dtype: see `Mean`.

    >>> metric = MeanSquaredLogarithmicError()
    >>> metric.update_state([[0.0]], [[1.718281828]])
    >>> round(float(metric.result()), 5)
    1.0
    """

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype, "down")


class RootMeanSquaredError(Mean):
    """The square root of the mean of (y_pred - y_true)^2.

    Args:
        name, dtype: see `Mean`.

    >>> metric = RootMeanSquaredError()
    >>> metric.update_state([[0.0, 0.0]], [[2.0, 2.0]])
    >>> float(metric.result())
    2.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype=dtype)

    @one_program
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        y_true, y_pred = squeeze_or_expand_to_same_rank(value(y_true, self.dtype), value(y_pred, self.dtype))
        super().update_state(ops.square(y_pred - y_true), sample_weight)

    @one_program(small=True)
    def result(self) -> Any:
        return ops.sqrt(super().result())


@op(name="CosineSimilarityMetricFunction")
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between y_true and y_pred along an axis: 1 for the same direction.

    >>> cosine_similarity([[0.0, 2.0]], [[0.0, 1.0]]).tolist()
    [1.0]
    """
    y_true, y_pred = pair(y_true, y_pred)
    return ops.sum(normalized(y_true, axis) * normalized(y_pred, axis), axis=axis)


class CosineSimilarity(FunctionMean):
    """The mean cosine of the angle between targets and predictions.

    Args:
        name, dtype: see `Mean`.
        axis: the axis of the vectors.

    >>> metric = CosineSimilarity()
    >>> metric.update_state([[0.0, 2.0]], [[0.0, 1.0]])
    >>> float(metric.result())
    1.0
    """

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(cosine_similarity, name, dtype, "up", axis=axis)
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        # files of Keras hold no axis; one that matters is not lost here
        return {**super().get_config(), **({} if self.axis == -1 else {"axis": self.axis})}


class LogCoshError(FunctionMean):
    """The mean of `losses.log_cosh`.

    Args:
        name, dtype: see `Mean`.

    >>> metric = LogCoshError()
    >>> metric.update_state([[0.0]], [[1.0]])
    >>> round(float(metric.result()), 4)
    0.4338
    """

    def __init__(self, name: str | None = "logcosh", dtype: Any = None):
        super().__init__(losses.log_cosh, name, dtype, "down")


def _centred(x: Any, axis: int) -> Any:
    return x - ops.mean(x, axis=axis, keepdims=True)


@op(name="PearsonCorrelationFunction")
def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The correlation of y_true and y_pred along an axis: their covariance divided by both standard deviations.

    >>> [round(float(r), 4) for r in pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]])]
    [1.0]
    """
    a, b = (_centred(x, axis) for x in pair(y_true, y_pred))
    return ops.mean(a / ops.std(a, axis=axis, keepdims=True) * (b / ops.std(b, axis=axis, keepdims=True)), axis=axis)


@op(name="ConcordanceCorrelationFunction")
def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Twice the covariance of y_true and y_pred, divided by the sum of both variances and the squared difference of the means.

    It is 1 only where predictions equal targets, not where they are merely proportional (L. Lin, A concordance correlation
    coefficient to evaluate reproducibility, 1989).

    >>> [round(float(r), 4) for r in concordance_correlation([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]])]
    [1.0]
    """
    y_true, y_pred = pair(y_true, y_pred)
    mean_true, mean_pred = (ops.mean(x, axis=axis, keepdims=True) for x in (y_true, y_pred))
    spread = ops.var(y_true, axis=axis, keepdims=True) + ops.var(y_pred, axis=axis, keepdims=True)
    norm = spread + ops.square(mean_true - mean_pred) + epsilon()
    return ops.mean(2.0 * (y_true - mean_pred) * (y_pred - mean_pred) / norm, axis=axis)


class PearsonCorrelation(FunctionMean):
    """The mean of `pearson_correlation`.

    Args:
        name, dtype: see `Mean`.
        axis: the axis along which numbers are correlated.

    >>> metric = PearsonCorrelation()
    >>> metric.update_state([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]])
    >>> round(float(metric.result()), 4)
    1.0
    """

    _options = ("axis",)

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(pearson_correlation, name, dtype, "up", axis=axis)


class ConcordanceCorrelation(FunctionMean):
    """The mean of `concordance_correlation`.

    Args:
        name, dtype: see `Mean`.
        axis: the axis along which numbers are compared.

    >>> metric = ConcordanceCorrelation()
    >>> metric.update_state([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]])
    >>> round(float(metric.result()), 4)
    1.0
    """

    _options = ("axis",)

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(concordance_correlation, name, dtype, "up", axis=axis)
