"""Cross-entropies of probabilities and of logits."""

from __future__ import annotations

from graphnn_compiler import build
from graphnn_compiler.dims import ConcreteExtentNeeded, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, index, transcendental
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..config import epsilon
from ..dispatch import op, value
from ._common import Tensorish, floating, like, operands, pick, ramp, same_shape
from ._common import total as added
from .classes import hits
from .softmaxes import log_shares


def _clipped(p: Value) -> Value:
    """Probabilities kept away from 0 and 1, so that logarithms are finite."""
    low, high = like(epsilon(), p), like(1.0 - epsilon(), p)
    return pick(p < low, low, pick(p > high, high, p))


def _log(p: Value) -> Value:
    return emit(transcendental.Log(), p)


def _log_probabilities(output: Value, from_logits: bool, axis: int) -> Value:
    if from_logits:
        return log_shares(output, axis)
    return _log(_clipped(output / added(output, axis, True)))


@op(static=("from_logits",))
def binary_crossentropy(target: Tensorish, output: Tensorish, from_logits: bool = False) -> Value:
    """-(t log(p) + (1 - t) log(1 - p)), element by element.

    Args:
        target: t, from 0 to 1.
        output: p, or with `from_logits` x with p = sigmoid(x): max(x, 0) - x t + log(1 + exp(-|x|)).
        from_logits: whether `output` holds logits.

    Raises:
        ValueError: the shapes differ.

    >>> print(binary_crossentropy([1.0, 0.0], [0.9, 0.9]).round(4))
    [0.1054 2.3026]
    """
    t, p = operands(target, output, floats=True)
    same_shape(t, p, "target", "output")
    if from_logits:
        above = p > 0
        small = emit(transcendental.Exp(), pick(above, -p, p))
        return pick(above, p, like(0, p)) - p * t + emit(transcendental.Log1p(), small)
    p = _clipped(p)
    return -(t * _log(p) + (1.0 - t) * _log(1.0 - p))


@op(static=("from_logits",))
def categorical_crossentropy(target: Tensorish, output: Tensorish, from_logits: bool = False, axis: int = -1) -> Value:
    """-sum(t log(p)) along the axis of classes; probabilities are scaled to the sum 1.

    Args:
        target: t, one-hot or probabilities.
        output: p, or with `from_logits` x with p = softmax(x).
        from_logits: whether `output` holds logits.
        axis: the axis of classes.

    Raises:
        ValueError: the shapes differ, or there is no axis.

    >>> print(categorical_crossentropy([[1.0, 0.0]], [[0.25, 0.75]]).round(4))
    [1.3863]
    """
    t, p = operands(target, output, floats=True)
    same_shape(t, p, "target", "output")
    if t.ndim == 0:
        raise ValueError("Arguments `target` and `output` must be at least rank 1. Received: target.shape=(), output.shape=()")
    return -added(t * _log_probabilities(p, from_logits, axis), axis)


@op(static=("from_logits",))
def sparse_categorical_crossentropy(target: Tensorish, output: Tensorish, from_logits: bool = False, axis: int = -1) -> Value:
    """-log(p[target]); probabilities are scaled to the sum 1.

    Args:
        target: class indices, of the shape of `output` without (or with extent 1 at) the axis of classes.
        output: p, or with `from_logits` x with p = softmax(x).
        from_logits: whether `output` holds logits.
        axis: the axis of classes.

    Raises:
        ValueError: the shapes do not fit.
        IndexError: a class is out of range.

    >>> print(sparse_categorical_crossentropy([0, 1], [[0.25, 0.75], [0.25, 0.75]]).round(4))
    [1.3863 0.2877]
    """
    labels, p = value(target), floating(output)
    if p.ndim == 0:
        raise ValueError("Argument `output` must be at least rank 1. Received: output.shape=()")
    at = build.normal_axis(axis, p.ndim)
    rest = tuple(n for i, n in enumerate(p.shape) if i != at)
    if labels.ndim == p.ndim and labels.shape[at] == 1:
        labels = build.reshape(labels, tuple(n for i, n in enumerate(labels.shape) if i != at))
    if labels.shape != rest:
        if labels.ndim == len(rest) and not all(isinstance(n, int) for n in (*labels.shape, *rest)):
            raise ConcreteExtentNeeded(f"cross-entropy of {show(labels.shape)} and {show(p.shape)}")
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={show(value(target).shape)}, output.shape={show(p.shape)}"
        )
    # Looking the label up in 0, 1, ... gives the label itself, and an IndexError where there is no such class.
    classes = p.shape[at]
    labels = emit(index.Take(0), ramp(classes), cast(labels, "int64"))
    mine = hits(labels, classes, at)
    picked = emit(elementwise.Where(), mine, _log_probabilities(p, from_logits, at), like(0, p))
    return -added(picked, at)
