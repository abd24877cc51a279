"""Losses of numbers against numbers."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..config import epsilon
from ..dispatch import op, value
from .loss import squeeze_or_expand_to_same_rank
from .wrapper import BuiltIn


def pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Targets in the dtype of the predictions, both of one rank."""
    y_pred = value(y_pred)
    return squeeze_or_expand_to_same_rank(value(y_true, y_pred.dtype), y_pred)


@op(name="MeanSquaredErrorFunction")
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of (y_true - y_pred)^2.

    >>> mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [2.5]
    """
    y_true, y_pred = pair(y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


@op(name="MeanAbsoluteErrorFunction")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of |y_true - y_pred|.

    >>> mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [1.5]
    """
    y_true, y_pred = pair(y_true, y_pred)
    return ops.mean(ops.absolute(y_true - y_pred), axis=-1)


@op(name="MeanAbsolutePercentageErrorFunction")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 times the mean over the last axis of |y_true - y_pred| / max(|y_true|, epsilon).

    >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 5.0]]).tolist()
    [37.5]
    """
    y_true, y_pred = pair(y_true, y_pred)
    return 100.0 * ops.mean(ops.absolute((y_true - y_pred) / ops.maximum(ops.absolute(y_true), epsilon())), axis=-1)


@op(name="MeanSquaredLogarithmicErrorFunction")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of (log(1 + y_true) - log(1 + y_pred))^2, numbers below epsilon counting as epsilon.

    >>> round(float(mean_squared_logarithmic_error([[0.0]], [[2.718281828 - 1.0]])[0]), 5)
    1.0
    """
    y_true, y_pred = pair(y_true, y_pred)
    first, second = (ops.log(ops.maximum(y, epsilon()) + 1.0) for y in (y_pred, y_true))
    return ops.mean(ops.square(first - second), axis=-1)


def normalized(x: Any, axis: Any) -> Any:
    """x divided by its Euclidean norm along an axis (by 1e-6 where that is smaller)."""
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12))


@op(name="CosineSimilarityFunction")
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between y_true and y_pred along an axis: -1 for the same direction.

    >>> cosine_similarity([[0.0, 2.0]], [[0.0, 1.0]]).tolist()
    [-1.0]
    """
    y_true, y_pred = pair(y_true, y_pred)
    return -ops.sum(normalized(y_true, axis) * normalized(y_pred, axis), axis=axis)


@op(name="HuberFunction")
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Mean over the last axis of e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2, for e = y_pred - y_true.

    >>> huber([[0.0, 0.0]], [[0.5, 2.0]]).tolist()
    [0.8125]
    """
    y_true, y_pred = pair(y_true, y_pred)
    size = ops.absolute(y_pred - y_true)
    return ops.mean(ops.where(size <= delta, 0.5 * ops.square(size), delta * size - 0.5 * delta**2), axis=-1)


@op(name="LogCoshFunction")
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of log(cosh(y_pred - y_true)), computed so that it cannot overflow.

    >>> round(float(log_cosh([[0.0]], [[1.0]])[0]), 4)
    0.4338
    """
    y_true, y_pred = pair(y_true, y_pred)
    e = y_pred - y_true
    return ops.mean(e + ops.softplus(e * -2.0) - math.log(2.0), axis=-1)


class MeanSquaredError(BuiltIn):
    r"""$\text{mean}\,(y_\text{true} - y_\text{pred})^2$ over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> float(MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]))
    2.5
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_squared_error", dtype: Any = None):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(BuiltIn):
    r"""$\text{mean}\,|y_\text{true} - y_\text{pred}|$ over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 3.0]]))
    1.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_absolute_error", dtype: Any = None
    ):
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(BuiltIn):
    r"""$100\,\text{mean}\,|y_\text{true} - y_\text{pred}| / \max(|y_\text{true}|, \epsilon)$ over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 5.0]]))
    37.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(BuiltIn):
    r"""$\text{mean}\,(\log(1 + y_\text{true}) - \log(1 + y_\text{pred}))^2$ over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> round(float(MeanSquaredLogarithmicError()([[0.0]], [[1.718281828]])), 5)
    1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(BuiltIn):
    r"""$-\cos\angle(y_\text{true}, y_\text{pred})$ along an axis.

    Args:
        axis: the axis of the vectors.
        reduction, name, dtype: see `Loss`.

    >>> float(CosineSimilarity()([[0.0, 2.0]], [[0.0, 1.0]]))
    -1.0
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
        self.axis = axis

    def get_config(self) -> dict[str, Any]:
        # files of Keras hold no axis; one that matters is not lost here
        return {**super().get_config(), **({} if self.axis == -1 else {"axis": self.axis})}


class Huber(BuiltIn):
    r"""$e^2/2$ for small errors, $\delta |e| - \delta^2/2$ for $|e| > \delta$; the mean over the last axis.

    Args:
        delta: where the parabola becomes a line.
        reduction, name, dtype: see `Loss`.

    >>> float(Huber()([[0.0, 0.0]], [[0.5, 2.0]]))
    0.8125
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ):
        super().__init__(huber, reduction, name, dtype, delta=delta)
        self.delta = delta

    def get_config(self) -> dict[str, Any]:
        # files of Keras hold no delta; one that matters is not lost here
        return {**super().get_config(), **({} if self.delta == 1.0 else {"delta": self.delta})}


class LogCosh(BuiltIn):
    r"""$\log\cosh(y_\text{pred} - y_\text{true})$; the mean over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> round(float(LogCosh()([[0.0]], [[1.0]])), 4)
    0.4338
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "log_cosh", dtype: Any = None):
        super().__init__(log_cosh, reduction, name, dtype)
