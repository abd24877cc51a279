"""Losses of classes: cross-entropies, their focal and noise-robust forms, divergences."""

from __future__ import annotations

from typing import Any

from . import crossentropy as functions
from .labels import check_arrays
from .wrapper import BuiltIn

Reduction = str | None


class BinaryCrossentropy(BuiltIn):
    r"""$-\text{mean}\,(y \log p + (1 - y) \log(1 - p))$: the loss of independent yes-or-no questions.

    Args:
        from_logits: whether predictions are logits; else probabilities.
        label_smoothing: share by which targets move towards one half.
        axis: the axis of the mean.
        reduction, name, dtype: see `Loss`.

    >>> round(float(BinaryCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    _options = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(functions.binary_crossentropy, reduction, name, dtype, **options)


class BinaryFocalCrossentropy(BuiltIn):
    r"""Binary cross-entropy times $(1 - p_t)^\gamma$, so that easy samples count less (T. Lin et al., Focal loss for dense object
    detection, 2017).

    Args:
        apply_class_balancing: whether class 1 has the weight alpha and class 0 the weight 1 - alpha.
        alpha: weight of class 1.
        gamma: how much easy samples count less.
        from_logits, label_smoothing, axis: as for `BinaryCrossentropy`.
        reduction, name, dtype: see `Loss`.

    >>> round(float(BinaryFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.1733
    """

    _options = ("from_logits", "label_smoothing", "axis", "apply_class_balancing", "alpha", "gamma")

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        options = {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma}
        options |= {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(functions.binary_focal_crossentropy, reduction, name, dtype, **options)


class CategoricalCrossentropy(BuiltIn):
    r"""$-\sum_c y_c \log p_c$ for targets that are probabilities of the classes.

    Args:
        from_logits: whether predictions are logits; else probabilities.
        label_smoothing: share of the probability that is spread evenly over the classes.
        axis: the axis of the classes.
        reduction, name, dtype: see `Loss`.

    >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    _options = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(functions.categorical_crossentropy, reduction, name, dtype, **options)


class CategoricalFocalCrossentropy(BuiltIn):
    r"""$-\sum_c \alpha (1 - p_c)^\gamma y_c \log p_c$ (T. Lin et al., Focal loss for dense object detection, 2017).

    Args:
        alpha: a factor.
        gamma: how much easy samples count less.
        from_logits, label_smoothing, axis: as for `CategoricalCrossentropy`.
        reduction, name, dtype: see `Loss`.

    >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.0433
    """

    _options = ("from_logits", "label_smoothing", "axis", "alpha", "gamma")

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        options = {"alpha": alpha, "gamma": gamma, "from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(functions.categorical_focal_crossentropy, reduction, name, dtype, **options)


class SparseCategoricalCrossentropy(BuiltIn):
    r"""$-\log p_y$ for targets y that are class numbers.

    Args:
        from_logits: whether predictions are logits; else probabilities.
        ignore_class: a class number whose places have no loss, or None.
        reduction, name, dtype: see `Loss`.
        axis: the axis of the classes.

    Raises:
        ValueError: a label is not an integer, or no class has it.

    >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
    0.6931
    """

    _integer_targets = True
    _options = ("from_logits", "ignore_class")

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: Reduction = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(functions.sparse_categorical_crossentropy, reduction, name, dtype, **options)
        self.axis, self.ignore_class = axis, ignore_class

    def _check(self, y_true: Any, y_pred: Any) -> None:
        check_arrays(y_true, y_pred, self.axis, self.ignore_class)

    def get_config(self) -> dict[str, Any]:
        # files of Keras hold no axis; one that matters is not lost here
        return {**super().get_config(), **({} if self.axis == -1 else {"axis": self.axis})}


class CategoricalGeneralizedCrossEntropy(BuiltIn):
    r"""$(1 - p_y^q) / q$: between cross-entropy (q near 0) and absolute error (q near 1), robust against wrong labels (Z. Zhang,
    M. Sabuncu, Generalized cross entropy loss for training deep neural networks with noisy labels, 2018).

    Args:
        q: between 0 and 1.
        reduction, name, dtype: see `Loss`.

    Raises:
        ValueError: q is not between 0 and 1.

    >>> float(CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]))
    1.0
    """

    _integer_targets = True
    _options = ("q",)

    def __init__(
        self,
        q: float = 0.5,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ):
        if not 0 < q < 1:
            raise ValueError(f"q must be in the interval (0, 1), received q={q}")
        super().__init__(functions.categorical_generalized_cross_entropy, reduction, name, dtype, q=q)

    def _check(self, y_true: Any, y_pred: Any) -> None:
        check_arrays(y_true, y_pred)


class KLDivergence(BuiltIn):
    r"""$\sum y_\text{true} \log(y_\text{true} / y_\text{pred})$ over the last axis.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    def __init__(self, reduction: Reduction = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None):
        super().__init__(functions.kl_divergence, reduction, name, dtype)


class Poisson(BuiltIn):
    r"""$\text{mean}\,(y_\text{pred} - y_\text{true} \log y_\text{pred})$ over the last axis: counts against rates.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> round(float(Poisson()([[1.0, 1.0]], [[1.0, 2.0]])), 4)
    1.1534
    """

    def __init__(self, reduction: Reduction = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None):
        super().__init__(functions.poisson, reduction, name, dtype)
