"""Class numbers: their use as an index, and the checks of targets before training starts.

Inside a program every class number passes through an index op, so one that no class has is an error of the kernel; numbers that are
no integers would be cut off without notice there and are refused here, on the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from graphnn_compiler.build import expand
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.index import IndexOutOfRange, Iota, Take
from graphnn_compiler.ops.movement import reshape
from graphnn_compiler.trace import active, emit

from .. import ops
from ..dispatch import value
from ..tensor import Array

# what an `IndexOutOfRange` names as its place where the index is a label
LABELS = "labels"
# losses whose targets are class numbers
CLASS_NUMBERS = frozenset(("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy"))
# losses that compare targets and predictions element by element
ELEMENTWISE = frozenset(
    "mean_squared_error mean_absolute_error mean_absolute_percentage_error mean_squared_logarithmic_error cosine_similarity huber "
    "log_cosh hinge squared_hinge categorical_hinge kl_divergence poisson binary_crossentropy binary_focal_crossentropy "
    "categorical_crossentropy categorical_focal_crossentropy dice tversky".split()
)


def class_mask(labels: Value, classes: Any, axis: int) -> Value:
    """Where the class axis, put in at `axis`, is at the class of each label. A label that no class has is an `IndexOutOfRange`."""
    tracer = active()
    assert tracer is not None
    tracer.path.append(LABELS)
    known = emit(Take(0), emit(Iota(classes)), value(labels, "int64"))
    tracer.path.pop()
    ndim = labels.ndim + 1
    axis %= ndim
    place = reshape(emit(Iota(classes, "int32")), tuple(classes if i == axis else 1 for i in range(ndim)))
    return ops.equal(expand(value(known, "int32"), axis), place)


def picked(x: Value, labels: Value, axis: int) -> Value:
    """The element of x at the class of each label, along an axis.

    Written as a masked sum: forward and backward stay elementwise, nothing is scattered.
    """
    return ops.sum(ops.where(class_mask(labels, x.shape[axis], axis), x, 0.0), axis=axis)


def squeezed(labels: Any, predictions: Any, axis: int) -> Any:
    """Labels without the class axis of extent 1 that they may have; a ValueError where the rest is not the predictions' shape."""
    if labels.ndim == predictions.ndim and labels.shape[axis] == 1:
        labels = ops.squeeze(labels, axis=axis)
    rest = tuple(d for i, d in enumerate(predictions.shape) if i != axis % predictions.ndim)
    if len(labels.shape) != len(rest) or any(
        isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(labels.shape, rest, strict=True)
    ):
        raise ValueError(
            f"class numbers of shape {show(labels.shape)} do not fit predictions of shape {show(predictions.shape)}: "
            f"shape {show(rest)} is expected"
        )
    return labels


def label_error(error: IndexOutOfRange) -> ValueError:
    """The error of an index op in a loss, as one that speaks of labels."""
    return ValueError(
        f"label {error.value} at position {error.position} is out of range: there are {error.limit} classes, 0 to {error.limit - 1}"
    )


def check_labels(labels: Array, classes: int | None, ignore: int | None = None) -> None:
    """Refuses labels that are not integers, or that no class has, with the first such label and its position.

    >>> import numpy as np
    >>> check_labels(np.array([0, 2, 3]), classes=3)
    Traceback (most recent call last):
    ...
    ValueError: label 3 at position 2 is out of range: there are 3 classes, 0 to 2
    """
    if labels.dtype.kind == "f":
        bad = np.flatnonzero(labels != np.floor(labels))
        if bad.size:
            raise ValueError(
                f"label {labels.flat[bad[0]]} at position {bad[0]} is not an integer: sparse targets are class numbers"
            )
    if classes is None or not labels.size:
        return
    # an integer that is a class of its own is not looked at
    known = labels == ignore if ignore is not None else np.False_
    bad = np.flatnonzero(((labels < 0) | (labels >= classes)) & ~known)
    if bad.size:
        raise label_error(IndexOutOfRange(int(labels.flat[bad[0]]), int(bad[0]), classes))


def check_arrays(y_true: Any, y_pred: Any, axis: int = -1, ignore: int | None = None) -> None:
    """`check_labels` for targets and predictions that are arrays; anything symbolic is left to the program."""
    if isinstance(y_true, np.ndarray | list | tuple) and isinstance(y_pred, np.ndarray | list | tuple):
        labels: Array = np.asarray(y_true)  # pyright: ignore[reportUnknownArgumentType]
        shape = np.shape(y_pred)  # pyright: ignore[reportUnknownArgumentType]
        if labels.dtype.kind in "biuf" and shape:
            check_labels(labels, shape[axis], ignore)


def _function_of(loss: Any) -> tuple[str, dict[str, Any]]:
    function = getattr(loss, "fn", getattr(loss, "_fn", loss))
    name = getattr(function, "__name__", "")
    module = getattr(function, "__module__", "")
    return (name if module.startswith("graphnn.") else ""), getattr(loss, "_fn_kwargs", {})


def check_targets(loss: Any, y_true: Any, y_pred_shape: Sequence[int | None]) -> None:
    """Refuses targets that cannot be meant, before a model is trained on them.

    Args:
        loss: a loss or a metric of a function; only those built in are looked at.
        y_true: the targets, an array.
        y_pred_shape: shape of the predictions, None where unknown.

    Raises:
        ValueError: a class number is not an integer or out of range, or the shapes would only agree by broadcasting.

    >>> import numpy as np
    >>> from graphnn import losses
    >>> losses.check_targets(losses.MeanSquaredError(), np.zeros((4, 1)), (None, 10))
    Traceback (most recent call last):
    ...
    ValueError: targets of shape (4, 1) do not fit predictions of shape (None, 10) in mean_squared_error: they would be repeated
    """
    name, options = _function_of(loss)
    labels: Array = np.asarray(y_true)  # pyright: ignore[reportUnknownArgumentType]
    shape = tuple(y_pred_shape)
    if not shape or labels.dtype.kind not in "biuf":
        return
    if name in CLASS_NUMBERS:
        axis: int = options.get("axis", -1)
        check_labels(labels, shape[axis], options.get("ignore_class"))
    else:
        check_target_shape(loss, labels.shape, shape)


def check_target_shape(loss: Any, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
    """Refuses targets that would only agree with the predictions by broadcasting; None where an extent is unknown."""
    name, _ = _function_of(loss)
    if name not in ELEMENTWISE:
        return
    given, shape = tuple(y_true_shape), tuple(y_pred_shape)
    a, b = list(given), list(shape)
    if len(a) == len(b) + 1 and a[-1] == 1:
        a.pop()
    elif len(b) == len(a) + 1 and b[-1] == 1:
        b.pop()
    if len(a) != len(b) or any(n is not None and m is not None and m != n for m, n in zip(a[1:], b[1:], strict=True)):
        raise ValueError(f"targets of shape {given} do not fit predictions of shape {shape} in {name}: they would be repeated")
