"""How often predictions are right: equal, above a threshold, best class, among the best k."""

from __future__ import annotations

from typing import Any

from graphnn_compiler.dims import product
from graphnn_compiler.ops.movement import reshape

from .. import ops
from ..config import floatx
from ..dispatch import op, value
from ..losses.loss import squeeze_or_expand_to_same_rank
from .reduction_metrics import FunctionMean


@op(name="AccuracyFunction")
def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where targets and predictions are equal, else 0.

    >>> accuracy([1, 2], [1, 3]).tolist()
    [1.0, 0.0]
    """
    y_pred = value(y_pred)
    y_true, y_pred = squeeze_or_expand_to_same_rank(value(y_true, y_pred.dtype), y_pred)
    return ops.cast(ops.equal(y_true, y_pred), floatx())


@op(name="BinaryAccuracyFunction")
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where the prediction is above the threshold just if the target is 1, else 0.

    >>> binary_accuracy([1.0, 0.0], [0.7, 0.6]).tolist()
    [1.0, 0.0]
    """
    y_true, y_pred = squeeze_or_expand_to_same_rank(value(y_true), value(y_pred))
    return ops.cast(ops.equal(y_true, ops.cast(y_pred > threshold, y_true.dtype)), floatx())


@op(name="CategoricalAccuracyFunction")
def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the greatest prediction is at the greatest target (of one-hot targets), else 0.

    >>> categorical_accuracy([[0.0, 1.0], [1.0, 0.0]], [[0.2, 0.8], [0.4, 0.6]]).tolist()
    [1.0, 0.0]
    """
    return ops.cast(ops.equal(ops.argmax(value(y_true), axis=-1), ops.argmax(value(y_pred), axis=-1)), floatx())


@op(name="SparseCategoricalAccuracyFunction")
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the greatest prediction is at the class that the target names, else 0.

    >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]]).tolist()
    [1.0, 0.0]
    """
    y_true, y_pred = value(y_true), value(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    hits = ops.cast(ops.equal(y_true, ops.cast(ops.argmax(y_pred, axis=-1), y_true.dtype)), floatx())
    return ops.squeeze(hits, -1) if hits.ndim > 1 and hits.shape[-1] == 1 else hits


def _rows(y_pred: Any) -> Any:
    return y_pred if y_pred.ndim <= 2 else reshape(y_pred, (product(y_pred.shape[:-1]), y_pred.shape[-1]))


def _among_best(labels: Any, y_pred: Any, k: int) -> Any:
    flat = labels if labels.ndim <= 1 else reshape(labels, (product(labels.shape),))
    hits = ops.cast(ops.in_top_k(flat, _rows(y_pred), k=k), floatx())
    return hits if labels.ndim <= 1 else reshape(hits, labels.shape)


@op(name="TopKCategoricalAccuracyFunction")
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the class of the greatest target is among the k greatest predictions, else 0.

    >>> top_k_categorical_accuracy([[0.0, 0.0, 1.0]], [[0.5, 0.1, 0.4]], k=2).tolist()
    [1.0]
    """
    return _among_best(ops.cast(ops.argmax(value(y_true), axis=-1), "int32"), value(y_pred), k)


@op(name="SparseTopKCategoricalAccuracyFunction")
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where the class that the target names is among the k greatest predictions, else 0.

    Args:
        y_true: class numbers.
        y_pred: scores of the classes, or with `from_sorted_ids` class numbers, the best first.
        k: how many count.
        from_sorted_ids: see y_pred.

    >>> sparse_top_k_categorical_accuracy([2], [[0.5, 0.1, 0.4]], k=2).tolist()
    [1.0]
    """
    y_pred = value(y_pred)
    if not from_sorted_ids:
        return _among_best(value(y_true, "int32"), y_pred, k)
    labels = value(y_true, y_pred.dtype)
    flat = labels if labels.ndim <= 1 else reshape(labels, (product(labels.shape),))
    hits = ops.cast(ops.any(ops.equal(ops.expand_dims(flat, 1), _rows(y_pred)[:, :k]), axis=1), floatx())
    return hits if labels.ndim <= 1 else reshape(hits, labels.shape)


class Accuracy(FunctionMean):
    """How often predictions equal targets.

    Args:
        name, dtype: see `Mean`.

    >>> metric = Accuracy()
    >>> metric.update_state([[1], [2], [3], [4]], [[0], [2], [3], [4]])
    >>> float(metric.result())
    0.75
    """

    def __init__(self, name: str | None = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name, dtype, "up")


class BinaryAccuracy(FunctionMean):
    """How often a prediction is above a threshold just if the target is 1.

    Args:
        name, dtype: see `Mean`.
        threshold: a number strictly between 0 and 1 (any other is taken, too).

    >>> metric = BinaryAccuracy()
    >>> metric.update_state([1.0, 1.0, 0.0, 0.0], [0.98, 0.3, 0.2, 0.6])
    >>> float(metric.result())
    0.5
    """

    _options = ("threshold",)

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        super().__init__(binary_accuracy, name, dtype, "up", threshold=threshold)


class CategoricalAccuracy(FunctionMean):
    """How often the best class is right, for one-hot targets.

    Args:
        name, dtype: see `Mean`.

    >>> metric = CategoricalAccuracy()
    >>> metric.update_state([[0.0, 1.0], [1.0, 0.0]], [[0.2, 0.8], [0.4, 0.6]])
    >>> float(metric.result())
    0.5
    """

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name, dtype, "up")


class SparseCategoricalAccuracy(FunctionMean):
    """How often the best class is right, for targets that are class numbers.

    Args:
        name, dtype: see `Mean`.

    >>> metric = SparseCategoricalAccuracy()
    >>> metric.update_state([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    >>> float(metric.result())
    0.5
    """

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name, dtype, "up")


class TopKCategoricalAccuracy(FunctionMean):
    """How often the right class is among the k best, for one-hot targets.

    Args:
        k: how many count.
        name, dtype: see `Mean`.

    >>> metric = TopKCategoricalAccuracy(k=1)
    >>> metric.update_state([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]])
    >>> float(metric.result())
    0.5
    """

    _options = ("k",)

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(top_k_categorical_accuracy, name, dtype, "up", k=k)


class SparseTopKCategoricalAccuracy(FunctionMean):
    """How often the right class is among the k best, for targets that are class numbers.

    Args:
        k: how many count.
        name, dtype: see `Mean`.
        from_sorted_ids: predictions are class numbers, the best first, instead of scores.

    >>> metric = SparseTopKCategoricalAccuracy(k=1)
    >>> metric.update_state([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]])
    >>> float(metric.result())
    0.5
    """

    def __init__(
        self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: Any = None, from_sorted_ids: bool = False
    ):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, "up", k=k, from_sorted_ids=from_sorted_ids)
        self.k, self.from_sorted_ids = k, from_sorted_ids

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "k": self.k}
        return {**config, "from_sorted_ids": True} if self.from_sorted_ids else config
