"""Sums and means over batches, and any function of targets and predictions as a metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphnn_compiler.build import broadcast_to, count_value

from .. import ops
from ..context import get_mask
from ..dispatch import value
from ..eager import one_program
from ..losses.loss import apply_mask, squeeze_or_expand_to_same_rank
from ..saving.serialization import deserialize_keras_object, serialize_keras_object
from .metric import Metric


def reduce_to_samplewise_values(values: Any, sample_weight: Any, reduce_fn: Callable[..., Any], dtype: str) -> tuple[Any, Any]:
    """Weighted values, and weights, one for each sample: further axes are reduced.

    Args:
        values: a tensor whose first axis is that of the samples.
        sample_weight: weights of as many leading axes as there are, or None.
        reduce_fn: `ops.sum` or `ops.mean`.
        dtype: dtype of the arithmetic.
    """
    mask = get_mask(values)
    values = value(values, dtype)
    if sample_weight is not None:
        weight = apply_mask(value(sample_weight, dtype), mask, dtype, "sum")
        values, weight = squeeze_or_expand_to_same_rank(values, weight)
        if values.ndim > weight.ndim:
            values = reduce_fn(values, axis=tuple(range(weight.ndim, values.ndim)))
        n = weight.ndim
        weight = broadcast_to(weight, values.shape)
        values = values * weight
        sample_weight = reduce_fn(weight, axis=tuple(range(1, n))) if n > 1 else weight
    if values.ndim > 1:
        values = reduce_fn(values, axis=tuple(range(1, values.ndim)))
    return values, sample_weight


class Sum(Metric):
    """The (weighted) sum of values.

    Args:
        name: a name.
        dtype: dtype of the sum.

    >>> total = Sum()
    >>> total.update_state([1.0, 2.0]); total.update_state([3.0], sample_weight=[0.5])
    >>> float(total.result())
    4.5
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype=self.dtype, name="total")

    @one_program
    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, _ = reduce_to_samplewise_values(values, sample_weight, ops.sum, self.dtype)
        self.total.assign_add(ops.sum(values))

    def result(self) -> Any:
        return self.total.value


class Mean(Metric):
    """The (weighted) mean of values: the weighted sum divided by the sum of the weights.

    Args:
        name: a name.
        dtype: dtype of the mean.

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0]); mean.update_state([8.0], sample_weight=[2.0])
    >>> float(mean.result())
    5.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype=self.dtype, name="total")
        self.count = self.add_variable((), "zeros", dtype=self.dtype, name="count")

    @one_program
    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, sample_weight = reduce_to_samplewise_values(values, sample_weight, ops.mean, self.dtype)
        if sample_weight is not None:
            n = ops.sum(sample_weight)
        else:
            n = count_value(values.shape[0] if values.ndim else 1, self.dtype)
        self.total.assign_add(ops.sum(values))
        self.count.assign_add(n)

    @one_program(small=True)
    def result(self) -> Any:
        return ops.divide_no_nan(self.total.value, self.count.value)


class MeanMetricWrapper(Mean):
    """The mean of a function (y_true, y_pred, **options), such as a loss function.

    Args:
        fn: the function; gives numbers for each sample.
        name, dtype: see `Mean`.
        **kwargs: its options.

    >>> from graphnn import losses
    >>> metric = MeanMetricWrapper(losses.huber, name="huber", delta=0.5)
    >>> metric.update_state([[0.0], [0.0]], [[0.5], [2.0]])
    >>> float(metric.result())
    0.5
    """

    _direction: str

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        mask = get_mask(y_pred)
        self._update(y_true, y_pred, sample_weight, mask)

    @one_program
    def _update(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> None:
        values = self._fn(value(y_true), value(y_pred), **self._fn_kwargs)
        weight = None if sample_weight is None else value(sample_weight, self.dtype)
        Mean.update_state(self, values, apply_mask(weight, mask, self.dtype, "sum"))

    def get_config(self) -> dict[str, Any]:
        options = {k: serialize_keras_object(v) for k, v in self._fn_kwargs.items()}
        return {**super().get_config(), "fn": serialize_keras_object(self._fn), **options}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        if "fn" in config:
            config = {k: deserialize_keras_object(v) if isinstance(v, dict) else v for k, v in config.items()}
        return cls(**config)


class FunctionMean(MeanMetricWrapper):
    """A built-in mean of a function: its configuration holds its options by name instead of the function."""

    _options: tuple[str, ...] = ()

    def __init__(self, fn: Callable[..., Any], name: str | None, dtype: Any, direction: str | None = None, **options: Any):
        super().__init__(fn, name=name, dtype=dtype, **options)
        if direction:
            self._direction = direction
        for k in self._options:
            setattr(self, k, options[k])

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), **{k: getattr(self, k) for k in self._options}}
