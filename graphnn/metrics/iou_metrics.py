"""Intersection over union of the places that targets and predictions give to classes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from graphnn_compiler.build import broadcast_to
from graphnn_compiler.dims import Shape, product
from graphnn_compiler.ops.index import Scatter
from graphnn_compiler.ops.movement import reshape
from graphnn_compiler.trace import emit

from .. import ops
from ..config import epsilon
from ..dispatch import value
from ..eager import one_program
from .metric import Metric


class IoU(Metric):
    r"""$TP / (TP + FP + FN)$ of some classes, and the mean of those that occur.

    Args:
        num_classes: the number of classes.
        target_class_ids: the classes that count.
        name, dtype: see `Metric`; the default dtype is int32.
        ignore_class: places with this target do not count.
        sparse_y_true, sparse_y_pred: True for class numbers, False for scores of the classes, of which the greatest is taken.
        axis: the axis of the classes of such scores.

    Raises:
        ValueError: a class that counts does not exist.

    >>> metric = IoU(num_classes=2, target_class_ids=[0])
    >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
    >>> round(float(metric.result()), 4)
    0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(name=name, dtype=dtype or "int")
        if max(target_class_ids) >= num_classes:
            raise ValueError(f"Target class id {max(target_class_ids)} is out of range, which is [0, {num_classes}).")
        self.num_classes, self.ignore_class, self.axis = num_classes, ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.target_class_ids = list(target_class_ids)
        self.total_cm = self.add_variable((num_classes, num_classes), "zeros", dtype=self.dtype, name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        weights_are_float = "float" in str(getattr(sample_weight, "dtype", ""))
        if weights_are_float and "int" in self.dtype:
            warnings.warn(
                f"{self.name}: sample weights are floats and the dtype is {self.dtype}, so they are cut off to integers",
                stacklevel=2,
            )
        self._count(y_true, y_pred, sample_weight)

    @one_program
    def _count(self, y_true: Any, y_pred: Any, sample_weight: Any) -> None:
        y_true, y_pred = value(y_true), value(y_pred)
        if not self.sparse_y_true:
            y_true = ops.argmax(y_true, axis=self.axis)
        if not self.sparse_y_pred:
            y_pred = ops.argmax(y_pred, axis=self.axis)
        flat: Shape = (product(y_true.shape),)
        truth = reshape(value(value(y_true, self.dtype), "int64"), flat)
        guess = reshape(value(value(y_pred, self.dtype), "int64"), (product(y_pred.shape),))
        weight = value(1 if sample_weight is None else sample_weight, self.dtype)
        weight = broadcast_to(reshape(weight, (product(weight.shape),)) if weight.ndim > 1 else weight, flat)
        n = self.num_classes
        known = ops.logical_and(_in_range(truth, n), _in_range(guess, n))
        if self.ignore_class is not None:
            known = ops.logical_and(known, ops.not_equal(truth, self.ignore_class))
        cell = ops.where(known, truth * n + guess, 0)
        hits = reshape(ops.where(known, weight, 0), (*flat, 1))
        counts = emit(Scatter("add"), broadcast_to(value(0, self.dtype), (n * n, 1)), cell, hits)
        self.total_cm.assign_add(reshape(counts, (n, n)))

    @one_program(small=True)
    def result(self) -> Any:
        table = self.total_cm.value
        diagonal = ops.sum(ops.where(np.eye(self.num_classes, dtype=bool), table, 0), axis=0)
        union = ops.sum(table, axis=0) + ops.sum(table, axis=1) - diagonal
        classes = np.asarray(self.target_class_ids, "int64")
        hits, union = (ops.cast(ops.take(x, classes, axis=0), "float32") for x in (diagonal, union))
        valid = union > 1e-9
        iou = ops.where(valid, hits / (union + epsilon()), 0.0)
        return ops.sum(iou, axis=self.axis) / (ops.sum(ops.cast(valid, "float32")) + epsilon())

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }


def _in_range(x: Any, n: int) -> Any:
    return ops.logical_and(x >= 0, x < n)


def _without(config: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {k: v for k, v in config.items() if k not in keys}


class BinaryIoU(IoU):
    """`IoU` of yes-or-no predictions: those of at least a threshold are class 1.

    Args:
        target_class_ids: (0,), (1,) or (0, 1).
        threshold: the threshold.
        name, dtype: see `IoU`.

    >>> metric = BinaryIoU(target_class_ids=[0, 1], threshold=0.3)
    >>> metric.update_state([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
    >>> round(float(metric.result()), 4)
    0.3333
    """

    def __init__(
        self, target_class_ids: Sequence[int] = (0, 1), threshold: float = 0.5, name: str | None = None, dtype: Any = None
    ):
        super().__init__(2, target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    @one_program
    def _count(self, y_true: Any, y_pred: Any, sample_weight: Any) -> None:
        super()._count(y_true, ops.cast(value(y_pred, "float32") >= self.threshold, self.dtype), sample_weight)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {k: config[k] for k in ("name", "dtype", "target_class_ids")} | {"threshold": self.threshold}


class MeanIoU(IoU):
    """`IoU` of all classes.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: see `IoU`.

    >>> metric = MeanIoU(num_classes=2)
    >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
    >>> round(float(metric.result()), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "target_class_ids")


class OneHotIoU(IoU):
    """`IoU` of one-hot targets.

    Args:
        num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis: see `IoU`.

    >>> metric = OneHotIoU(num_classes=2, target_class_ids=[0])
    >>> metric.update_state([[1, 0], [1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    >>> round(float(metric.result()), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """`IoU` of all classes, with one-hot targets.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_pred, axis: see `IoU`.

    >>> metric = OneHotMeanIoU(num_classes=2)
    >>> metric.update_state([[1, 0], [1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    >>> round(float(metric.result()), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return _without(super().get_config(), "sparse_y_true")
