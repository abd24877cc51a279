"""The metrics of `compile`, brought to the outputs of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import tree
from ..context import suspended
from .compile_utils import configuration, identifiers, known_metric, metric_object, one
from .outputs import Outputs, no_leaf, outputs_of, spread, unique_names


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
        if not said:
            return [[] for _ in range(len(outputs))]
        if tree.is_dict(said):
            found = spread(said, outputs, what, configuration, "none")
        elif len(outputs) == 1:
            found = [said]
        else:
            found = spread(list(said), outputs, what, configuration)
        return [identifiers(f) for f in found]

    def build(self, y: Any, y_pred: Any) -> None:
        """Finds the metrics of each output; the leaves of `y` and `y_pred` have a shape."""
        if self.built:
            return
        outputs = outputs_of(self.model, y_pred)
        with suspended():
            self._build(outputs, spread(y, outputs, "the targets (y)", no_leaf, "none"), tree.flatten(y_pred))

    def _build(self, outputs: Outputs, y: list[Any], predictions: list[Any]) -> None:
        plain, weighted = self._lists(False, outputs), self._lists(True, outputs)
        entries: list[Entry] = []
        for i, key in enumerate(outputs.keys):
            prefix = f"{outputs.prefixes[i]}_" if len(outputs) > 1 and key else ""
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
        truths = spread(y_true, self.outputs, "the targets (y)", no_leaf, "none")
        n = len(self.outputs)
        nested = tree.is_nested(sample_weight)
        weights = spread(sample_weight, self.outputs, "`sample_weight`", one, "none") if nested else [sample_weight] * n
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
