"""Losses of overlaps of sets: Dice and Tversky."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..config import epsilon
from ..dispatch import op, value
from .loss import axes_of
from .wrapper import BuiltIn

Axis = int | Sequence[int] | None


@op(name="DiceFunction")
def dice(y_true: Any, y_pred: Any, axis: Axis = None) -> Any:
    """1 - 2 |A n B| / (|A| + |B|), summed over `axis` (all axes by default).

    >>> round(float(dice([1.0, 1.0, 0.0], [1.0, 0.0, 0.0])), 4)
    0.3333
    """
    y_pred = value(y_pred)
    y_true, axes = value(y_true, y_pred.dtype), axes_of(axis)
    both = ops.sum(y_true * y_pred, axis=axes)
    return 1.0 - 2.0 * both / (ops.sum(y_true, axis=axes) + ops.sum(y_pred, axis=axes) + epsilon())


@op(name="TverskyFunction")
def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None) -> Any:
    """1 - |A n B| / (|A n B| + alpha |A - B| + beta |B - A|) for targets A and predictions B, summed over `axis`.

    >>> round(float(tversky([1.0, 1.0, 0.0], [1.0, 0.0, 0.0], alpha=1.0)), 4)
    0.5
    """
    y_pred = value(y_pred)
    y_true, axes = value(y_true, y_pred.dtype), axes_of(axis)
    both = ops.sum(y_true * y_pred, axis=axes)
    missed = ops.sum((1.0 - y_pred) * y_true, axis=axes)
    extra = ops.sum(y_pred * (1.0 - y_true), axis=axes)
    return 1.0 - both / (both + missed * alpha + extra * beta + epsilon())


class Dice(BuiltIn):
    r"""$1 - 2\,|A \cap B| / (|A| + |B|)$ of targets A and predictions B between 0 and 1.

    Args:
        axis: axes that are summed; None for all.
        reduction, name, dtype: see `Loss`.

    >>> round(float(Dice()([1.0, 1.0, 0.0], [1.0, 0.0, 0.0])), 4)
    0.3333
    """

    _options = ("axis",)

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "dice", axis: Axis = None, dtype: Any = None
    ):
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(BuiltIn):
    r"""$1 - |A \cap B| / (|A \cap B| + \alpha |A \setminus B| + \beta |B \setminus A|)$ (S. Salehi et al., Tversky loss function for
    image segmentation using 3D fully convolutional deep networks, 2017).

    Args:
        alpha: weight of what predictions miss.
        beta: weight of what they add.
        axis: axes that are summed; None for all.
        reduction, name, dtype: see `Loss`.

    >>> round(float(Tversky(alpha=1.0)([1.0, 1.0, 0.0], [1.0, 0.0, 0.0])), 4)
    0.5
    """

    _options = ("alpha", "beta", "axis")

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Axis = None,
        dtype: Any = None,
    ):
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
