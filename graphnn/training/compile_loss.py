"""The loss of `compile`, brought to the outputs of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import losses as losses_module
from .. import metrics as metrics_module
from .. import ops, tree
from ..context import suspended
from ..dispatch import value
from . import checks
from .compile_utils import configuration, identifiers, loss_object, name_of, one
from .outputs import OutputMismatch, Outputs, no_leaf, outputs_of, spread, unique_names


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
        if one(self.said) or configuration(self.said):
            said = [self.said] * n
        else:
            whole = tree.is_dict(outputs.structure)
            said = spread(self.said, outputs, "the argument `loss` of compile()", configuration, "none" if whole else "error")
        weights = [None] * n
        if self.loss_weights is not None:
            if one(self.loss_weights) and n > 1:
                raise ValueError(f"`loss_weights` is one number, but the model has {outputs.describe()}")
            weights = spread(self.loss_weights, outputs, "the argument `loss_weights` of compile()", one)
        found: list[Target] = []
        for i, (identifier, weight) in enumerate(zip(said, weights, strict=True)):
            while tree.is_list(identifier) and len(identifier) == 1:
                identifier = identifier[0]
            loss = loss_object(identifier)
            if loss is not None:
                key = outputs.keys[i] or (name_of(identifier) if not configuration(identifier) else loss.name)
                found.append(Target(i, loss, weight, key))
        if tree.is_dict(outputs.structure) and tree.is_dict(self.said) and not configuration(self.said):
            order = list(self.said)  # `evaluate` lists the losses as they were said
            found.sort(key=lambda t: order.index(outputs.keys[t.place].split("/")[0]))
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
        found = spread(y, self.outputs, what, no_leaf, missing)
        for t in self.targets:
            if tree.is_nested(found[t.place]):
                raise OutputMismatch(f"{what} of output {self.outputs.keys[t.place] or t.place!r} hold several; one is expected")
            if found[t.place] is None:
                raise OutputMismatch(
                    f"{what} of output {self.outputs.keys[t.place] or t.place!r} are missing: it is compiled with a loss"
                )
        return found

    def weights(self, sample_weight: Any) -> list[Any]:
        """One sample weight, or None, for each output; a single one goes to all."""
        assert self.outputs is not None
        if sample_weight is None or not tree.is_nested(sample_weight):
            return [sample_weight] * len(self.outputs)
        return spread(sample_weight, self.outputs, "`sample_weight`", one, "none")

    def __call__(self, y: Any, y_pred: Any, sample_weight: Any, rows: Any) -> Any:
        """The weighted sum, None where no output has a loss; the means of the single losses are updated."""
        self.build(y_pred)
        truths, weights, predictions = self.arrange(y), self.weights(sample_weight), tree.flatten(y_pred)
        total: Any = None
        for t in self.targets:
            of = f" of output {t.key!r}" if len(self.targets) > 1 else ""
            checks.check_traced_target(t.loss, truths[t.place], predictions[t.place], f"the targets (y){of}")
            each: Any = value(t.loss(truths[t.place], predictions[t.place], sample_weight=weights[t.place]))
            if each.ndim:  # a loss without reduction
                each = ops.sum(each)
            if t.tracker is not None:
                t.tracker.update_state(each, sample_weight=rows)
            if t.weight is not None:
                each = each * float(t.weight)
            total = each if total is None else total + each
        return total
