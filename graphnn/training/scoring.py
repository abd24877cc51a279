"""Losses and metrics of a model: what is minimised, and what is reported under which name."""

from __future__ import annotations

import warnings
from typing import Any

from graphnn_compiler.build import count_value
from graphnn_compiler.ir import Value
from graphnn_compiler.trace import active

from .. import ops, tree
from ..config import floatx
from ..dispatch import value
from ..variable import Variable
from .compile_metrics import CompileMetrics, Entry
from .compiled import Compiled
from .watch import FinitenessWatch


class Scoring:
    """The part of `Model` with its losses and metrics."""

    name: str
    losses: list[Any]

    @property
    def _compiled(self) -> Compiled:
        # Set past Layer.__setattr__, which would look for weights in it and have programs traced again.
        found = self.__dict__.get("_training")
        if found is None:
            found = Compiled()
            object.__setattr__(self, "_training", found)
        return found

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss to be minimised: that of `compile`, and the losses that layers added. Override it for another.

        Args:
            x: inputs.
            y: targets.
            y_pred: predictions.
            sample_weight: weights of the samples, None without.
            training: whether the model is being trained.
        """
        state = self._compiled
        total: Any = None
        if state.loss is not None:
            if active() is None:
                raise RuntimeError("compute_loss() is part of a step; outside of one, use evaluate() or call the loss itself")
            total = state.loss(y, y_pred, sample_weight, rows_of(x if x is not None else y_pred))
        for each in self.losses:
            each = ops.sum(ops.cast(each, floatx()))
            total = each if total is None else total + each
        if total is None:
            if not state.warned:
                state.warned = True
                warnings.warn(
                    f"No loss to compute for model {self.name!r}: compile() was given no `loss` and no layer adds one. Nothing is learned.",
                    stacklevel=2,
                )
            total = value(0.0, floatx())
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Updates the metrics of `compile` and gives all results by name. Override it to add more."""
        state = self._compiled
        if state.metrics is not None:
            if y is None:
                raise ValueError(f"model {self.name!r} is compiled with metrics, but no targets (y) were given")
            state.metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by name."""
        found: dict[str, Any] = {}
        for m in self.metrics:
            result = m.result()
            found.update(result if tree.is_dict(result) else {m.name: result})
        return found

    @property
    def metrics(self) -> list[Any]:
        """The mean of the loss, the metrics of `compile`, the means of the losses of single outputs, and metrics of layers."""
        state = self._compiled
        found: list[Any] = []
        if state.done:
            found.append(state.loss_tracker)
            if state.metrics is not None:
                found.append(state.metrics)
            if state.loss is not None:
                found += state.loss.metrics
        return found + list(super().metrics)  # type: ignore[misc]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the numbers that `evaluate` gives, in order."""
        return self._ordered_names(self.reported_metrics())

    def reported_metrics(self) -> dict[str, Any]:
        """The metric behind each name in the logs."""
        found: dict[str, Any] = {}
        for m in self.metrics:
            entries = m.entries if isinstance(m, CompileMetrics) else None
            found.update({e.name: e.metric for e in entries} if entries is not None else {m.name: m})
        return found

    def _ordered_names(self, names: Any) -> list[str]:
        """Names in the order in which `evaluate` lists their numbers."""
        return self._compiled.fact(tuple(names), lambda: self._in_order(names))

    def _in_order(self, names: Any) -> list[str]:
        state = self._compiled
        first: list[str] = []
        if state.done:
            first.append("loss")
            if state.metrics is not None:
                first += [e.name for e in state.metrics.entries if state.metrics.outputs and not _prefixed(e, state.metrics)]
            if state.loss is not None:
                first += [m.name for m in state.loss.metrics]
        first += [m.name for m in super().metrics]  # type: ignore[misc]
        first = [n for n in dict.fromkeys(first) if n in names]
        return first + sorted(n for n in names if n not in first)

    def reset_metrics(self) -> None:
        """Metrics start again."""
        if type(self).metrics is not Scoring.metrics:  # a list of the user's own may be another one each time
            for m in self.metrics:
                m.reset_state()
            return
        variables, others = self._compiled.fact("resets", lambda: _resets(self.metrics))
        for v in variables:
            v.write(0)
        for m in others:
            m.reset_state()

    def finiteness_watch(self) -> FinitenessWatch | None:
        """What `TerminateOnNaN` looks at."""
        return self._compiled.watch


def _prefixed(entry: Entry, metrics: CompileMetrics) -> bool:
    assert metrics.outputs is not None
    return len(metrics.outputs) > 1 and bool(metrics.outputs.keys[entry.place])


def _resets(metrics: list[Any]) -> tuple[list[Variable], list[Any]]:
    """The variables that become zeros to reset metrics, and the metrics that do it in their own way."""
    from ..metrics import Metric

    variables: list[Variable] = []
    others: list[Any] = []
    for m in metrics:
        if isinstance(m, CompileMetrics):
            inner = _resets(m.metrics)
            variables += inner[0]
            others += inner[1]
        elif getattr(m.reset_state, "__func__", None) is Metric.reset_state:
            variables += m.variables
        else:
            others.append(m)
    return variables, others


def rows_of(x: Any) -> Value:
    """The number of rows of a batch as a value."""
    first = next(v for v in tree.flatten(x) if v is not None)
    return count_value(first.shape[0] if first.ndim else 1, "float32")
