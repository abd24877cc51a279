"""Cross-entropies and their focal forms: functions. The classes are in `classification`."""

from __future__ import annotations

import warnings
from typing import Any

from graphnn_compiler.build import count_value, expand
from graphnn_compiler.dims import show

from .. import ops
from ..config import epsilon
from ..context import set_mask
from ..dispatch import op, value
from .labels import check_arrays, picked, squeezed


def _clipped(p: Any) -> Any:
    return ops.clip(p, epsilon(), 1.0 - epsilon())


def _power(x: Any, exponent: float) -> Any:
    return ops.square(x) if exponent == 2 else x if exponent == 1 else ops.power(x, exponent)


def same_shape(y_true: Any, y_pred: Any) -> None:
    """A ValueError unless targets and predictions have one shape."""
    a, b = y_true.shape, y_pred.shape
    if len(a) != len(b) or any(isinstance(m, int) and isinstance(n, int) and m != n for m, n in zip(a, b, strict=True)):
        raise ValueError(
            f"Arguments `target` and `output` must have the same shape. Received: target.shape={show(a)}, output.shape={show(b)}"
        )


def _check_axis(axis: Any) -> None:
    if isinstance(axis, bool):
        raise ValueError(f"axis must be an integer, received axis={axis} of type {type(axis)}")


def _categorical(y_true: Any, y_pred: Any, label_smoothing: float, axis: Any, name: str) -> tuple[Any, Any]:
    _check_axis(axis)
    y_pred = value(y_pred)
    y_true = value(y_true, y_pred.dtype)
    if y_pred.shape[-1] == 1:
        warnings.warn(
            f"{name} with predictions of shape {show(y_pred.shape)}: one class only. For two classes use binary_crossentropy.",
            SyntaxWarning,
            stacklevel=4,
        )
    same_shape(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / count_value(y_true.shape[-1], y_pred.dtype)
    return y_true, y_pred


@op(name="CategoricalCrossentropyFunction")
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """-sum over the classes of y_true log(p).

    Args:
        y_true: probabilities of the classes (one-hot, say), of the shape of y_pred.
        y_pred: predicted probabilities (brought to sum 1, then kept off 0 and 1 by epsilon), or logits.
        from_logits: whether y_pred are logits.
        label_smoothing: share of the probability that is spread evenly over the classes.
        axis: the axis of the classes.

    >>> [round(float(v), 4) for v in categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])]
    [0.6931]
    """
    y_true, y_pred = _categorical(y_true, y_pred, label_smoothing, axis, "categorical_crossentropy")
    if from_logits:
        log_p = ops.log_softmax(y_pred, axis=axis)
    else:
        log_p = ops.log(_clipped(y_pred / ops.sum(y_pred, axis=axis, keepdims=True)))
    return -ops.sum(y_true * log_p, axis=axis)


@op(name="CategoricalFocalCrossentropyFunction")
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-sum over the classes of alpha (1 - p)^gamma y_true log(p); arguments as for `categorical_crossentropy`.

    >>> [round(float(v), 4) for v in categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])]
    [0.0433]
    """
    y_true, y_pred = _categorical(y_true, y_pred, label_smoothing, axis, "categorical_focal_crossentropy")
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = _clipped(y_pred / ops.sum(y_pred, axis=axis, keepdims=True))
    return -ops.sum(_power(1.0 - p, gamma) * alpha * y_true * ops.log(p), axis=axis)


@op(name="SparseCategoricalCrossentropyFunction", static=("ignore_class",))
def _sparse(y_true: Any, y_pred: Any, from_logits: bool, ignore_class: int | None, axis: int) -> Any:
    y_pred = value(y_pred)
    labels = value(squeezed(value(y_true), y_pred, axis), "int64")
    valid = None
    if ignore_class is not None:
        valid = ops.not_equal(labels, ignore_class)
        labels = ops.where(valid, labels, 0)
        y_pred = ops.where(expand(valid, axis), y_pred, 0.0)
    if from_logits:
        loss = ops.logsumexp(y_pred, axis=axis) - picked(y_pred, labels, axis)
    else:
        loss = -ops.log(_clipped(picked(y_pred, labels, axis) / ops.sum(y_pred, axis=axis)))
    if valid is not None:
        loss = ops.where(valid, loss, 0.0)
        set_mask(loss, valid)
    return loss


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """-log of the probability of the true class.

    Args:
        y_true: class numbers, of the shape of y_pred without the axis of the classes (or with extent 1 there).
        y_pred: predicted probabilities (brought to sum 1, then kept off 0 and 1 by epsilon), or logits.
        from_logits: whether y_pred are logits.
        ignore_class: a class number whose places have no loss, or None.
        axis: the axis of the classes.

    Raises:
        ValueError: a label is not an integer or no class has it, or the shapes do not fit.

    >>> [round(float(v), 4) for v in sparse_categorical_crossentropy([1], [[0.5, 0.5]])]
    [0.6931]
    """
    check_arrays(y_true, y_pred, axis, ignore_class)
    return _sparse(y_true, y_pred, from_logits, ignore_class, axis)


@op(name="BinaryCrossentropyFunction")
def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """Mean over an axis of -(y_true log(p) + (1 - y_true) log(1 - p)).

    Args:
        y_true: 0 or 1, or probabilities, of the shape of y_pred.
        y_pred: predicted probabilities (kept off 0 and 1 by epsilon), or logits.
        from_logits: whether y_pred are logits.
        label_smoothing: share by which targets move towards one half.
        axis: the axis of the mean.

    >>> [round(float(v), 4) for v in binary_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])]
    [0.6931]
    """
    y_pred = value(y_pred)
    y_true = _smoothed(value(y_true, y_pred.dtype), label_smoothing)
    same_shape(y_true, y_pred)
    if not from_logits:
        return ops.mean(_binary(y_true, y_pred), axis=axis)
    # log(1 + exp(z)) - y z, arranged so that nothing overflows or cancels
    z = y_pred
    return ops.mean(ops.maximum(z, 0.0) - z * y_true + ops.softplus(-ops.absolute(z)), axis=axis)


def _smoothed(y_true: Any, label_smoothing: float) -> Any:
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


def _binary(y_true: Any, y_pred: Any) -> Any:
    p = _clipped(y_pred)
    return -(y_true * ops.log(p) + (1.0 - y_true) * ops.log(1.0 - p))


@op(name="BinaryFocalCrossentropyFunction")
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Binary cross-entropy times (1 - p_t)^gamma, where p_t is the probability given to the truth; the mean over an axis.

    Args:
        y_true, y_pred, from_logits, label_smoothing, axis: as for `binary_crossentropy`.
        apply_class_balancing: whether class 1 has the weight alpha and class 0 the weight 1 - alpha.
        alpha: weight of class 1.
        gamma: how much easy samples count less.

    >>> [round(float(v), 4) for v in binary_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])]
    [0.1733]
    """
    y_pred = value(y_pred)
    y_true = _smoothed(value(y_true, y_pred.dtype), label_smoothing)
    same_shape(y_true, y_pred)
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    given = y_true * p + (1.0 - y_true) * (1.0 - p)
    loss = _power(1.0 - given, gamma) * _binary(y_true, p)
    if apply_class_balancing:
        loss = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * loss
    return ops.mean(loss, axis=axis)


@op(name="CategoricalGeneralizedCrossEntropyFunction")
def _generalized(y_true: Any, y_pred: Any, q: float) -> Any:
    y_pred = value(y_pred)
    p = picked(y_pred, squeezed(value(y_true), y_pred, -1), -1)
    return (1.0 - ops.power(p, q)) / q


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 - p^q) / q for the probability p of the true class; arguments as for `sparse_categorical_crossentropy`.

    >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5).tolist()
    [1.0]
    """
    check_arrays(y_true, y_pred)
    return _generalized(y_true, y_pred, q)


@op(name="KLDivergenceFunction")
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Sum over the last axis of y_true log(y_true / y_pred), both kept within epsilon and 1.

    >>> [round(float(v), 4) for v in kl_divergence([[0.5, 0.5]], [[0.25, 0.75]])]
    [0.1438]
    """
    y_pred = value(y_pred)
    p, q = ops.clip(value(y_true, y_pred.dtype), epsilon(), 1.0), ops.clip(y_pred, epsilon(), 1.0)
    return ops.sum(p * ops.log(p / q), axis=-1)


@op(name="PoissonFunction")
def poisson(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of y_pred - y_true log(y_pred + epsilon).

    >>> [round(float(v), 4) for v in poisson([[1.0, 1.0]], [[1.0, 2.0]])]
    [1.1534]
    """
    y_pred = value(y_pred)
    return ops.mean(y_pred - value(y_true, y_pred.dtype) * ops.log(y_pred + epsilon()), axis=-1)
