"""What every loss is: a number for each sample, weighted, masked and reduced to one number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler.build import count_value
from graphnn_compiler.dims import product

from .. import dtype_policies, ops, tree
from ..context import get_mask
from ..eager import one_program
from ..naming import auto_name

REDUCTIONS = ("sum_over_batch_size", "sum", None, "none", "mean", "mean_with_sample_weight")


class Loss:
    """Base of all losses: subclasses give `call(y_true, y_pred)`, which returns a number for each sample.

    Args:
        name: a name; by default made of the class name.
        reduction: how the numbers of the samples become one.
            "sum_over_batch_size" or "mean": their sum divided by their count; "mean_with_sample_weight": their sum divided by
            the sum of the sample weights; "sum"; "none" or None: they stay as they are.
        dtype: dtype of the arithmetic; `config.floatx()` if None.

    Raises:
        ValueError: the reduction is none of these.

    >>> from graphnn import ops
    >>> class Quartic(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ops.mean((y_true - y_pred) ** 4, axis=-1)
    >>> float(Quartic()([[0.0, 1.0]], [[2.0, 1.0]]))
    8.0
    """

    # targets are class numbers: they keep their integer dtype
    _integer_targets = False

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        self.name = name or auto_name(type(self).__name__)
        self.reduction = check_reduction(reduction)
        self._dtype_policy = dtype_policies.get(dtype)
        self._dtype = self._dtype_policy.compute_dtype

    @property
    def dtype(self) -> str:
        """The dtype of the arithmetic."""
        return self._dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss.

        Args:
            y_true: targets.
            y_pred: predictions.
            sample_weight: weights that broadcast over the losses of the samples, or None.

        A mask that travels with y_pred leaves out the places where it is False.
        """
        mask = None if tree.is_nested(y_pred) else get_mask(y_pred)
        self._check(y_true, y_pred)
        return self._reduced(y_true, y_pred, sample_weight, mask)

    def _check(self, y_true: Any, y_pred: Any) -> None:
        """Refuses targets that cannot be meant; arrays only."""

    @one_program
    def _reduced(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> Any:
        y_pred = tree.map_structure(self._prediction, y_pred)
        y_true = tree.map_structure(self._target, y_true)
        losses = self.call(y_true, y_pred)
        own = get_mask(losses)
        if own is not None:
            mask = own if mask is None else ops.logical_and(mask, own)
        return reduce_weighted_values(losses, sample_weight, mask, self.reduction, self.dtype)

    def _prediction(self, x: Any) -> Any:
        return ops.convert_to_tensor(x, dtype=self.dtype)

    def _target(self, x: Any) -> Any:
        x = ops.convert_to_tensor(x)
        return x if self._integer_targets and not x.dtype.startswith("float") else ops.cast(x, self.dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each sample."""
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def get_config(self) -> dict[str, Any]:
        """The arguments from which `from_config` makes the same loss."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """A loss from its configuration."""
        return cls(**config)


def check_reduction(reduction: str | None) -> str | None:
    """The reduction, or a ValueError that lists those that exist."""
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"Invalid value for argument `reduction`. Expected one of {REDUCTIONS}. Received: reduction={reduction!r}"
        )
    return reduction


def squeeze_or_expand_to_same_rank(x1: Any, x2: Any, expand_rank_1: bool = True) -> tuple[Any, Any]:
    """Two tensors whose ranks differ by one, where the longer ends in an axis of extent 1, brought to one rank.

    A vector gains an axis (unless `expand_rank_1` is False), anything longer loses its last one.
    """
    d = len(x1.shape) - len(x2.shape)
    if d == 1 and x1.shape[-1] == 1:
        if len(x2.shape) == 1 and expand_rank_1:
            x2 = ops.expand_dims(x2, axis=-1)
        else:
            x1 = ops.squeeze(x1, axis=-1)
    elif d == -1 and x2.shape[-1] == 1:
        if len(x1.shape) == 1 and expand_rank_1:
            x1 = ops.expand_dims(x1, axis=-1)
        else:
            x2 = ops.squeeze(x2, axis=-1)
    return x1, x2


def count_of(x: Any, dtype: str) -> Any:
    """The number of elements of a traced tensor, as a value of `dtype`."""
    return count_value(product(x.shape), dtype)


def reduce_values(values: Any, sample_weight: Any = None, reduction: str | None = "sum_over_batch_size") -> Any:
    """Losses of samples as one number (see `Loss`)."""
    if reduction in (None, "none") or tuple(values.shape) in ((), (0,)):
        return values
    total = ops.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.divide_no_nan(total, ops.cast(ops.sum(sample_weight), total.dtype))
    return total / count_of(values, total.dtype)


def reduce_weighted_values(
    values: Any, sample_weight: Any = None, mask: Any = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
) -> Any:
    """Losses of samples, times weights and mask, as one number."""
    values = ops.convert_to_tensor(values, dtype=dtype)
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=values.dtype)
    sample_weight = apply_mask(sample_weight, mask, values.dtype, reduction)
    if sample_weight is not None:
        values, sample_weight = squeeze_or_expand_to_same_rank(values, sample_weight)
        values = values * sample_weight
    return reduce_values(values, sample_weight, reduction)


def apply_mask(sample_weight: Any, mask: Any, dtype: str, reduction: str | None) -> Any:
    """Sample weights that are 0 where the mask is False.

    For a mean the rest is scaled up, so that dividing by all places divides by the valid ones.
    """
    if mask is None:
        return sample_weight
    weight = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        weight = weight * ops.divide_no_nan(count_of(weight, dtype), ops.sum(weight))
    if sample_weight is None:
        return weight
    weight, sample_weight = squeeze_or_expand_to_same_rank(weight, ops.cast(sample_weight, dtype))
    return sample_weight * weight


def axes_of(axis: int | Sequence[int] | None) -> int | tuple[int, ...] | None:
    """An axis argument as it stands in a configuration, as the ops take it."""
    return axis if axis is None or isinstance(axis, int) else tuple(axis)
