"""Means of losses of probabilities and of hinge losses."""

from __future__ import annotations

from typing import Any

from .. import losses
from .reduction_metrics import FunctionMean


class KLDivergence(FunctionMean):
    """The mean of `losses.kl_divergence`.

    Args:
        name, dtype: see `Mean`.

    >>> metric = KLDivergence()
    >>> metric.update_state([[0.5, 0.5]], [[0.25, 0.75]])
    >>> round(float(metric.result()), 4)
    0.1438
    """

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None):
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(FunctionMean):
    """The mean of `losses.poisson`.

    Args:
        name, dtype: see `Mean`.

    >>> metric = Poisson()
    >>> metric.update_state([[1.0, 1.0]], [[1.0, 2.0]])
    >>> round(float(metric.result()), 4)
    1.1534
    """

    def __init__(self, name: str | None = "poisson", dtype: Any = None):
        super().__init__(losses.poisson, name, dtype)


class BinaryCrossentropy(FunctionMean):
    """The mean of `losses.binary_crossentropy`.

    Args:
        name, dtype: see `Mean`.
        from_logits, label_smoothing: see the function.

    >>> metric = BinaryCrossentropy()
    >>> metric.update_state([[0.0, 1.0]], [[0.5, 0.5]])
    >>> round(float(metric.result()), 4)
    0.6931
    """

    _options = ("from_logits", "label_smoothing")

    def __init__(
        self, name: str | None = "binary_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.binary_crossentropy, name, dtype, "down", **options)


class CategoricalCrossentropy(FunctionMean):
    """The mean of `losses.categorical_crossentropy`.

    Args:
        name, dtype: see `Mean`.
        from_logits, label_smoothing, axis: see the function.

    >>> metric = CategoricalCrossentropy()
    >>> metric.update_state([[0.0, 1.0]], [[0.5, 0.5]])
    >>> round(float(metric.result()), 4)
    0.6931
    """

    _options = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(losses.categorical_crossentropy, name, dtype, "down", **options)


class SparseCategoricalCrossentropy(FunctionMean):
    """The mean of `losses.sparse_categorical_crossentropy`.

    Args:
        name, dtype: see `Mean`.
        from_logits, ignore_class, axis: see the function.

    >>> metric = SparseCategoricalCrossentropy()
    >>> metric.update_state([1], [[0.5, 0.5]])
    >>> round(float(metric.result()), 4)
    0.6931
    """

    _options = ("from_logits", "ignore_class", "axis")

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, "down", **options)


class Hinge(FunctionMean):
    """The mean of `losses.hinge`.

    Args:
        name, dtype: see `Mean`.

    >>> metric = Hinge()
    >>> metric.update_state([[1.0, -1.0]], [[0.5, 0.5]])
    >>> float(metric.result())
    1.0
    """

    def __init__(self, name: str | None = "hinge", dtype: Any = None):
        super().__init__(losses.hinge, name, dtype, "down")


class SquaredHinge(FunctionMean):
    """The mean of `losses.squared_hinge`.

    Args:
        name, dtype: see `Mean`.

    >>> metric = SquaredHinge()
    >>> metric.update_state([[1.0, -1.0]], [[0.5, 0.5]])
    >>> float(metric.result())
    1.25
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None):
        super().__init__(losses.squared_hinge, name, dtype, "down")


class CategoricalHinge(FunctionMean):
    """The mean of `losses.categorical_hinge`.

    Args:
        name, dtype: see `Mean`.

    >>> metric = CategoricalHinge()
    >>> metric.update_state([[0.0, 1.0]], [[0.5, 0.25]])
    >>> float(metric.result())
    1.25
    """

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None):
        super().__init__(losses.categorical_hinge, name, dtype, "down")
