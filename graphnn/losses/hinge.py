"""Losses with a margin: hinge losses and the circle loss of embeddings."""

from __future__ import annotations

from typing import Any

from graphnn_compiler.build import expand
from graphnn_compiler.ops.index import Iota
from graphnn_compiler.trace import emit

from .. import ops
from ..context import set_mask
from ..dispatch import op, value
from .wrapper import BuiltIn


def _signs(y_true: Any, dtype: str) -> Any:
    """Targets as -1 and 1: zeros and ones are mapped, anything else is taken as it is."""
    y = value(y_true, dtype)
    binary = ops.all(ops.logical_or(ops.equal(y, 0.0), ops.equal(y, 1.0)))
    return ops.where(binary, 2.0 * y - 1.0, y)


@op(name="HingeFunction")
def hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of max(1 - y_true y_pred, 0); targets are -1 and 1, or 0 and 1.

    >>> hinge([[1.0, -1.0]], [[0.5, 0.5]]).tolist()
    [1.0]
    """
    y_pred = value(y_pred)
    return ops.mean(ops.maximum(1.0 - _signs(y_true, y_pred.dtype) * y_pred, 0.0), axis=-1)


@op(name="SquaredHingeFunction")
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of max(1 - y_true y_pred, 0)^2; targets are -1 and 1, or 0 and 1.

    >>> squared_hinge([[1.0, -1.0]], [[0.5, 0.5]]).tolist()
    [1.25]
    """
    y_pred = value(y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - _signs(y_true, y_pred.dtype) * y_pred, 0.0)), axis=-1)


@op(name="CategoricalHingeFunction")
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(1 + best score of a wrong class - score of the right one, 0); targets are one-hot.

    >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.25]]).tolist()
    [1.25]
    """
    y_pred = value(y_pred)
    y_true = value(y_true, y_pred.dtype)
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


@op(name="CircleFunction", tensors=("ref_labels", "ref_embeddings"))
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """The circle loss of embeddings of unit length against references (Y. Sun et al., Circle loss, 2020).

    Args:
        y_true: int labels of shape (n,).
        y_pred: embeddings of shape (n, d).
        ref_labels, ref_embeddings: labels (m,) and embeddings (m, d) to compare with; by default y_true and y_pred themselves.
        remove_diagonal: True if reference i is sample i itself and does not count as its positive.
        gamma: scale of the distances.
        margin: relaxation of the ideal distances.

    >>> import numpy as np
    >>> circle(np.array([0, 0, 1]), np.eye(3, dtype="float32"), gamma=1.0).shape
    (3,)
    """
    y_pred = value(y_pred)
    labels = value(y_true, "int32")
    others = y_pred if ref_embeddings is None else value(ref_embeddings, y_pred.dtype)
    other_labels = labels if ref_labels is None else value(ref_labels, "int32")
    column = labels if labels.ndim == 2 else expand(labels, 1)
    row = ops.transpose(other_labels) if other_labels.ndim == 2 else expand(other_labels, 0)
    same = ops.equal(column, row)
    different = ops.logical_not(same)
    if remove_diagonal:
        i, j = (emit(Iota(n, "int32")) for n in (column.shape[0], row.shape[1]))
        same = ops.logical_and(same, ops.not_equal(expand(i, 1), expand(j, 0)))
    distance = ops.maximum(1.0 - ops.matmul(y_pred, ops.transpose(others)), 0.0)
    pull = -gamma * ops.maximum(margin + distance, 0.0) * (margin - distance)
    push = gamma * ops.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)
    nothing = float("-inf")
    total = ops.logsumexp(ops.where(same, pull, nothing), axis=1) + ops.logsumexp(ops.where(different, push, nothing), axis=1)
    loss = ops.softplus(total)
    set_mask(loss, loss > 0)
    return loss


class Hinge(BuiltIn):
    r"""$\text{mean}\,\max(1 - y_\text{true}\,y_\text{pred},\,0)$ over the last axis; targets -1 and 1, or 0 and 1.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> float(Hinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.0
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None):
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(BuiltIn):
    r"""$\text{mean}\,\max(1 - y_\text{true}\,y_\text{pred},\,0)^2$ over the last axis; targets -1 and 1, or 0 and 1.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> float(SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.25
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None):
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(BuiltIn):
    r"""$\max(1 + s_\text{wrong} - s_\text{right},\,0)$ with the best score of a wrong class; targets are one-hot.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.25]]))
    1.25
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_hinge", dtype: Any = None):
        super().__init__(categorical_hinge, reduction, name, dtype)


class Circle(BuiltIn):
    """The circle loss: embeddings of one class are pulled together, those of others pushed apart, each with a weight of how far
    it is from its optimum (Y. Sun et al., Circle loss, 2020). Samples without loss are left out of the mean.

    Args:
        gamma: scale of the distances.
        margin: relaxation of the ideal distances.
        remove_diagonal: True if a sample is not its own positive.
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np
    >>> Circle(gamma=1.0)(np.array([0, 0, 1]), np.eye(3, dtype="float32")).shape
    ()
    """

    _integer_targets = True
    _options = ("gamma", "margin", "remove_diagonal")

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ):
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)
