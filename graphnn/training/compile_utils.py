"""The losses and metrics that `compile` was given, brought to the outputs of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import losses as losses_module
from .. import metrics as metrics_module
from .. import ops, tree
from ..context import suspended
from ..dispatch import value
from ..losses import Loss, LossFunctionWrapper
from . import checks
from .outputs import Outputs, outputs_of, spread, unique_names


def _one(x: Any) -> bool:
    return not isinstance(x, list | tuple | dict)


def _configuration(x: Any) -> bool:
    """True for the dictionary that describes one loss or metric."""
    return tree.is_dict(x) and "class_name" in x


def identifiers(said: Any) -> list[Any]:
    """The losses or metrics in a structure of them; the dictionary that describes one is a leaf."""
    if tree.is_dict(said) and not _configuration(said):
        said = list(said.values())
    if tree.is_list(said):
        return [y for x in said for y in identifiers(x)]
    return [] if said is None else [said]


def _name_of(x: Any) -> str:
    name = x if isinstance(x, str) else getattr(x, "name", None) or getattr(x, "__name__", None) or type(x).__name__
    return "lambda" if name == "<lambda>" else name


def loss_object(identifier: Any) -> Any:
    """A `Loss` from what `compile` takes: a name, a function, a configuration, a `Loss`; None stays."""
    found = losses_module.get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    return LossFunctionWrapper(found, name=_name_of(identifier))


@dataclass
class Target:
    """One output with a loss: its place among the outputs, the loss, its weight and, where there are several, its mean."""

    place: int
    loss: Any
    weight: Any
    key: str
    tracker: Any = None


class CompileLoss:
    """The loss of all outputs: the weighted sum of the losses of each.

    Args:
        loss: one loss, or one for each output in a list, a dictionary or the structure of the outputs.
        loss_weights: the same with numbers; 1 by default.
    """

    def __init__(self, model: Any, loss: Any, loss_weights: Any = None):
        self.model = model
        self.said, self.loss_weights = loss, loss_weights
        for x in identifiers(loss):
            losses_module.get(x)  # an unknown name is an error of compile, not of fit
        for w in tree.flatten(loss_weights):
            if w is not None and (isinstance(w, bool | str) or not hasattr(w, "__float__")):
                raise ValueError(f"`loss_weights` must hold numbers. Received: loss_weights={loss_weights!r}")
        self.outputs: Outputs | None = None
        self.targets: list[Target] = []

    @property
    def built(self) -> bool:
        """Whether the outputs of the model are known."""
        return self.outputs is not None

    @property
    def metrics(self) -> list[Any]:
        """The means of the losses of single outputs."""
        return [t.tracker for t in self.targets if t.tracker is not None]

    def build(self, predictions: Any) -> None:
        """Finds the loss of each output; `predictions` is what the call of the model gives."""
        if self.built:
            return
        with suspended():
            self._build(outputs_of(self.model, predictions))

    def _build(self, outputs: Outputs) -> None:
        n = len(outputs)
        if _one(self.said) or _configuration(self.said):
            said = [self.said] * n
        else:
            whole = tree.is_dict(outputs.structure)
            said = spread(self.said, outputs, "the argument `loss` of compile()", _configuration, "none" if whole else "error")
        weights = [None] * n
        if self.loss_weights is not None:
            if _one(self.loss_weights) and n > 1:
                raise ValueError(f"`loss_weights` is one number, but the model has {outputs.describe()}")
            weights = spread(self.loss_weights, outputs, "the argument `loss_weights` of compile()", _one)
        found: list[Target] = []
        for i, (identifier, weight) in enumerate(zip(said, weights, strict=True)):
            loss = loss_object(identifier)
            if loss is not None:
                key = outputs.keys[i] or (_name_of(identifier) if not _configuration(identifier) else loss.name)
                found.append(Target(i, loss, weight, key))
        if len(found) > 1:
            for t, name in zip(found, unique_names([f"{t.key}_loss" for t in found]), strict=True):
                t.tracker = metrics_module.Mean(name=name)
        self.targets, self.outputs = found, outputs

    def arrange(self, y: Any, what: str = "the targets (y)") -> list[Any]:
        """One target for each output; None where an output has no loss and none is given."""
        assert self.outputs is not None
        if y is None:
            if self.targets:
                raise ValueError(f"{what} are missing: the model is compiled with a loss, and no targets were given")
            return [None] * len(self.outputs)
        missing = "none" if tree.is_dict(y) else "error"
        found = spread(y, self.outputs, what, lambda x: False, missing)
        for t in self.targets:
            if found[t.place] is None:
                raise ValueError(f"{what} of output {self.outputs.keys[t.place] or t.place!r} are missing: it is compiled with a loss")
        return found

    def weights(self, sample_weight: Any) -> list[Any]:
        """One sample weight, or None, for each output; a single one goes to all."""
        assert self.outputs is not None
        if sample_weight is None or not tree.is_nested(sample_weight):
            return [sample_weight] * len(self.outputs)
        return spread(sample_weight, self.outputs, "`sample_weight`", _one, "none")

    def __call__(self, y: Any, y_pred: Any, sample_weight: Any, rows: Any) -> Any:
        """The weighted sum, None where no output has a loss; the means of the single losses are updated."""
        self.build(y_pred)
        truths, weights, predictions = self.arrange(y), self.weights(sample_weight), tree.flatten(y_pred)
        total: Any = None
        for t in self.targets:
            of = f" of output {t.key!r}" if len(self.targets) > 1 else ""
            checks.check_traced_target(t.loss, truths[t.place], predictions[t.place], f"the targets (y){of}")
            each = value(t.loss(truths[t.place], predictions[t.place], sample_weight=weights[t.place]))
            if each.ndim:  # a loss without reduction
                each = ops.sum(each)
            if t.tracker is not None:
                t.tracker.update_state(each, sample_weight=rows)
            if t.weight is not None:
                each = each * float(t.weight)
            total = each if total is None else total + each
        return total


def metric_object(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """A `Metric` from what `compile` takes; "accuracy" becomes the one that fits the shapes of targets and predictions."""
    if isinstance(identifier, metrics_module.Metric):
        return identifier
    name = _name_of(identifier) if not _configuration(identifier) else None
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


@dataclass
class Entry:
    """A metric of one output."""

    place: int
    metric: Any
    weighted: bool
    name: str


class CompileMetrics:
    """The metrics of all outputs, as one object that behaves like a metric.

    Args:
        metrics: a list for a single output; for several a list of lists or a dictionary by name.
        weighted_metrics: the same; these get the sample weights.
    """

    name = "compile_metrics"

    def __init__(self, model: Any, metrics: Any, weighted_metrics: Any = None):
        self.model = model
        for what, said in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if said is not None and not isinstance(said, list | tuple | dict):
                raise ValueError(f"Expected `{what}` argument to be a list, tuple, or dict. Received instead: {what}={said!r}")
            for x in identifiers(said):
                known_metric(x)
        self.said = {False: metrics, True: weighted_metrics}
        self.outputs: Outputs | None = None
        self.entries: list[Entry] = []

    @property
    def built(self) -> bool:
        """Whether the outputs of the model are known."""
        return self.outputs is not None

    @property
    def metrics(self) -> list[Any]:
        """The single metrics."""
        return [e.metric for e in self.entries]

    @property
    def variables(self) -> list[Any]:
        """Their state."""
        return [v for e in self.entries for v in e.metric.variables]

    def _lists(self, weighted: bool, outputs: Outputs) -> list[list[Any]]:
        said = self.said[weighted]
        what = f"the argument `{'weighted_metrics' if weighted else 'metrics'}` of compile()"
        if said is None:
            return [[] for _ in range(len(outputs))]
        if tree.is_dict(said):
            found = spread(said, outputs, what, _configuration, "none")
        elif len(outputs) == 1:
            found = [said]
        else:
            found = spread(list(said), outputs, what, _configuration)
        return [identifiers(f) for f in found]

    def build(self, y: Any, y_pred: Any) -> None:
        """Finds the metrics of each output; the leaves of `y` and `y_pred` have a shape."""
        if self.built:
            return
        outputs = outputs_of(self.model, y_pred)
        with suspended():
            self._build(outputs, spread(y, outputs, "the targets (y)", lambda x: False, "none"), tree.flatten(y_pred))

    def _build(self, outputs: Outputs, y: list[Any], predictions: list[Any]) -> None:
        plain, weighted = self._lists(False, outputs), self._lists(True, outputs)
        entries: list[Entry] = []
        for i, key in enumerate(outputs.keys):
            prefix = f"{key}_" if len(outputs) > 1 and key else ""
            names: set[str] = set()
            for is_weighted, said in ((False, plain[i]), (True, weighted[i])):
                if said and y[i] is None:
                    raise ValueError(f"output {key or i!r} has metrics, but no targets (y) were given for it")
                for identifier in said:
                    metric = metric_object(identifier, y[i], predictions[i])
                    twice = is_weighted and metric.name in names
                    entries.append(Entry(i, metric, is_weighted, f"{prefix}{'weighted_' if twice else ''}{metric.name}"))
                    if not is_weighted:
                        names.add(metric.name)
        for e, name in zip(entries, unique_names([e.name for e in entries]), strict=True):
            e.name = name
        self.entries, self.outputs = entries, outputs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch: targets and predictions in the structure of the outputs."""
        self.build(y_true, y_pred)
        assert self.outputs is not None
        predictions = tree.flatten(y_pred)
        truths = spread(y_true, self.outputs, "the targets (y)", lambda x: False, "none")
        n = len(self.outputs)
        nested = tree.is_nested(sample_weight)
        weights = spread(sample_weight, self.outputs, "`sample_weight`", _one, "none") if nested else [sample_weight] * n
        for e in self.entries:
            if truths[e.place] is not None:
                weight = weights[e.place] if e.weighted else None
                e.metric.update_state(truths[e.place], predictions[e.place], sample_weight=weight)

    def result(self) -> dict[str, Any]:
        """The results by name."""
        if not self.built:
            return {}
        found: dict[str, Any] = {}
        for e in self.entries:
            result = e.metric.result()
            found.update(result if tree.is_dict(result) else {e.name: result})
        return found

    def reset_state(self) -> None:
        """Starts again."""
        for e in self.entries:
            e.metric.reset_state()

    def __repr__(self) -> str:
        return f"<CompileMetrics {[e.name for e in self.entries]}>"


__all__ = ["CompileLoss", "CompileMetrics", "loss_object", "metric_object"]
