"""What `compile` is told about losses and metrics, read one by one."""

from __future__ import annotations

from typing import Any

from .. import losses as losses_module
from .. import metrics as metrics_module
from .. import tree
from ..losses import Loss, LossFunctionWrapper


def one(x: Any) -> bool:
    """True for what stands for itself: no list, tuple or dictionary."""
    return not tree.is_nested(x)


def configuration(x: Any) -> bool:
    """True for the dictionary that describes one loss or metric."""
    return tree.is_dict(x) and "class_name" in x


def identifiers(said: Any) -> list[Any]:
    """The losses or metrics in a structure of them; the dictionary that describes one is a leaf."""
    if tree.is_dict(said) and not configuration(said):
        said = list(said.values())
    if tree.is_list(said):
        return [y for x in said for y in identifiers(x)]
    return [] if said is None else [said]


def name_of(x: Any) -> str:
    """What a loss or metric is called in the logs."""
    name = x if isinstance(x, str) else getattr(x, "name", None) or getattr(x, "__name__", None) or type(x).__name__
    return "lambda" if name == "<lambda>" else name


def loss_object(identifier: Any) -> Any:
    """A `Loss` from what `compile` takes: a name, a function, a configuration, a `Loss`; None stays."""
    found = losses_module.get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    return LossFunctionWrapper(found, name=name_of(identifier))


def metric_object(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """A `Metric` from what `compile` takes; "accuracy" becomes the one that fits the shapes of targets and predictions."""
    if isinstance(identifier, metrics_module.Metric):
        return identifier
    name = name_of(identifier) if not configuration(identifier) else None
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        if y_pred.ndim and y_pred.shape[-1] == 1:
            return metrics_module.BinaryAccuracy(name=name)
        sparse = y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1
        kind = metrics_module.SparseCategoricalAccuracy if sparse else metrics_module.CategoricalAccuracy
        return kind(name=name)
    found = metrics_module.get(identifier)
    if isinstance(found, metrics_module.Metric):
        if isinstance(identifier, str):
            found.name = identifier
        return found
    return metrics_module.MeanMetricWrapper(found, name=name)


def known_metric(identifier: Any) -> None:
    """Raises the error of an unknown metric."""
    if not (isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc")):
        metrics_module.get(identifier)
