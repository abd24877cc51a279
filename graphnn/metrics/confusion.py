"""Counts of true and false positives and negatives at thresholds, computed inside the graph.

With evenly spaced thresholds each prediction belongs to one bucket: labels are added to buckets and summed from above, so the work
does not grow with the number of thresholds. Otherwise every prediction is compared with every threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
from graphnn_compiler.build import broadcast_to, count_value, expand
from graphnn_compiler.dims import Shape, product
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.index import Iota, Scatter
from graphnn_compiler.ops.movement import reshape, transpose
from graphnn_compiler.trace import emit

from .. import ops
from ..config import epsilon
from ..dispatch import value
from ..losses.loss import squeeze_or_expand_to_same_rank
from ..variable import Variable

NEG_INF = -1e10


class ConfusionMatrix(Enum):
    """The four counts."""

    TRUE_POSITIVES = "tp"
    FALSE_POSITIVES = "fp"
    TRUE_NEGATIVES = "tn"
    FALSE_NEGATIVES = "fn"


class AUCCurve(Enum):
    """Curves whose area `AUC` computes."""

    ROC = "ROC"
    PR = "PR"
    PRGAIN = "PRGAIN"

    @staticmethod
    def from_str(key: str) -> AUCCurve:
        """The curve of a name; ValueError where there is none."""
        found = {"pr": AUCCurve.PR, "roc": AUCCurve.ROC, "prgain": AUCCurve.PRGAIN}.get(str(key).lower())
        if found is None:
            raise ValueError(f'Invalid AUC curve value: "{key}". Expected values are ["PR", "ROC", "PRGAIN"]')
        return found


class AUCSummationMethod(Enum):
    """How the area between two thresholds is estimated: trapezium, or the higher or lower rectangle."""

    INTERPOLATION = "interpolation"
    MAJORING = "majoring"
    MINORING = "minoring"

    @staticmethod
    def from_str(key: str) -> AUCSummationMethod:
        """The method of a name; ValueError where there is none."""
        try:
            return AUCSummationMethod(str(key).lower())
        except ValueError:
            known = '["interpolation", "majoring", "minoring"]'
            raise ValueError(f'Invalid AUC summation method value: "{key}". Expected values are {known}') from None


def parse_thresholds(thresholds: Any, default: float = 0.5) -> list[float]:
    """Thresholds as a list, the default where there are none; ValueError unless all are in [0, 1]."""
    if thresholds is None:
        return [default]
    found: list[Any] = [*thresholds] if isinstance(thresholds, list | tuple | np.ndarray) else [thresholds]  # pyright: ignore
    bad = [t for t in found if t is None or t < 0 or t > 1]
    if bad:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {bad}")
    return found


def evenly_spaced(thresholds: Sequence[float]) -> bool:
    """True for 0, 1/n, 2/n, ..., 1 with n of at least 2."""
    n = len(thresholds)
    return n >= 3 and bool(np.allclose(thresholds, np.arange(n, dtype="float32") / (n - 1), atol=epsilon()))


def _keep_top(x: Value, k: int) -> Value:
    """x where it is among the k greatest of its row, else a very low number."""
    _, best = ops.top_k(x, k)
    place = emit(Iota(x.shape[-1], "int32"))
    top = ops.any(ops.equal(expand(ops.cast(best, "int32"), -1), place), axis=-2)
    return ops.where(top, x, NEG_INF)


def _from_above(counts: Value) -> Value:
    """Running sums along the first axis, from its end."""
    order = (*range(1, counts.ndim), 0)
    back = (counts.ndim - 1, *range(counts.ndim - 1))
    return transpose(ops.flip(ops.cumsum(ops.flip(transpose(counts, order), -1), axis=-1), -1), back)


def _by_buckets(y_true: Value, y_pred: Value, weight: Value | None, n: int, multi_label: bool, wide: bool) -> dict[str, Value]:
    """The four counts at n evenly spaced thresholds; `wide` ones start below 0."""
    dtype = y_pred.dtype
    weight = broadcast_to(value(1.0, dtype) if weight is None else weight, y_pred.shape)
    positive = ops.not_equal(y_true, 0)
    mass = ops.stack([ops.where(positive, weight, 0.0), ops.where(positive, 0.0, weight)], axis=-1)
    total = ops.sum(mass, axis=0 if multi_label else tuple(range(y_pred.ndim)))
    p = ops.clip(y_pred, 0.0, 1.0)
    above = p > 0  # false for NaN, too
    bucket = value(ops.where(above, ops.ceil(p * (n - 1.0)) - 1.0, 0.0), "int64")
    if not wide:
        mass = ops.where(expand(above, -1), mass, 0.0)
    labels: Any = y_pred.shape[-1] if multi_label else 1
    if multi_label:
        bucket = bucket * count_value(labels, "int64") + emit(Iota(labels))
    flat = product(y_pred.shape)
    base = broadcast_to(value(0.0, dtype), (n * labels, 2))
    counts = emit(Scatter("add"), base, reshape(bucket, (flat,)), reshape(mass, (flat, 2)))
    reached = _from_above(reshape(counts, (n, labels, 2)) if multi_label else counts)
    missed = total - reached
    return {"tp": reached[..., 0], "fp": reached[..., 1], "fn": missed[..., 0], "tn": missed[..., 1]}


def _by_comparison(y_true: Value, y_pred: Value, weight: Value | None, thresholds: Value, multi_label: bool) -> dict[str, Value]:
    """The four counts at any thresholds."""
    dtype, n = y_pred.dtype, thresholds.shape[0]
    labels = ops.not_equal(y_true, 0)
    weight = None if weight is None else broadcast_to(weight, y_pred.shape)
    if not multi_label:
        flat: Shape = (product(y_pred.shape),)
        labels, y_pred = reshape(labels, flat), reshape(y_pred, flat)
        weight = None if weight is None else reshape(weight, flat)
    column = reshape(thresholds, (n, *[1] * y_pred.ndim))
    positive = expand(y_pred, 0) > column
    labels = expand(labels, 0)
    found: dict[str, Value] = {}
    for key, truth, guess in (
        ("tp", labels, positive),
        ("fn", labels, ops.logical_not(positive)),
        ("fp", ops.logical_not(labels), positive),
        ("tn", ops.logical_not(labels), ops.logical_not(positive)),
    ):
        hit = ops.cast(ops.logical_and(truth, guess), dtype)
        found[key] = ops.sum(hit if weight is None else hit * expand(weight, 0), axis=1)
    return found


def update_confusion_variables(
    variables: Mapping[ConfusionMatrix, Variable],
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float],
    *,
    top_k: int | None = None,
    class_id: int | None = None,
    sample_weight: Any = None,
    multi_label: bool = False,
    label_weights: Any = None,
    evenly: bool = False,
) -> None:
    """Adds the counts of a batch to variables, in a trace.

    Args:
        variables: what to count, and where.
        y_true: targets, 0 or not 0.
        y_pred: predictions, of the shape of y_true.
        thresholds: predictions above a threshold are positive.
        top_k: only the k greatest predictions of a row can be positive.
        class_id: only this class counts.
        sample_weight: weights that broadcast over y_pred.
        multi_label: each class has counts of its own (variables of shape (thresholds, classes)).
        label_weights: weights of the classes, where `multi_label` is False.
        evenly: whether the thresholds are evenly spaced.
    """
    dtype = next(iter(variables.values())).dtype
    y_pred, y_true = squeeze_or_expand_to_same_rank(value(y_pred, dtype), value(y_true, dtype))
    weight = None
    if sample_weight is not None:
        weight = expand(value(sample_weight, dtype), -1)
        weight = squeeze_or_expand_to_same_rank(y_true, weight, expand_rank_1=False)[1]
    if top_k is not None:
        y_pred = _keep_top(y_pred, top_k)
    if class_id is not None:
        if y_pred.ndim == 1:
            raise ValueError(f"class_id needs predictions of shape (samples, classes), received y_pred of shape {y_pred.shape}")
        y_true, y_pred = y_true[..., class_id, None], y_pred[..., class_id, None]
    if label_weights is not None:
        by_label = broadcast_to(value(label_weights, dtype), y_pred.shape)
        weight = by_label if weight is None else weight * by_label
    if evenly:
        wide = thresholds[0] < 0.0 or thresholds[-1] > 1.0
        counts = _by_buckets(y_true, y_pred, weight, len(thresholds), multi_label, wide)
    else:
        counts = _by_comparison(y_true, y_pred, weight, value(np.asarray(thresholds, "float64"), dtype), multi_label)
    for key, variable in variables.items():
        variable.assign_add(counts[key.value])
