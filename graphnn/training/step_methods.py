"""What happens with a batch: the methods that users override for training of their own."""

from __future__ import annotations

import warnings
from typing import Any

from graphnn_compiler import autodiff
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.movement import constant
from graphnn_compiler.trace import active

from ..context import suspended
from ..utils.packing import unpack_x_y_sample_weight
from ..variable import Variable
from .scoring import Scoring, rows_of


class StepMethods(Scoring):
    """The part of `Model` with `train_step`, `test_step` and `predict_step`."""

    optimizer: Any
    trainable_variables: list[Variable]

    def train_step(self, data: Any) -> dict[str, Any]:
        """What happens with a batch in training. Override it for another way: the method is traced once and compiled.

        Args:
            data: (x, y) or (x, y, sample_weight), or x alone; symbolic values.

        Returns:
            A dictionary of names and numbers for the logs.

        >>> import graphnn
        >>> class Doubled(graphnn.Model):
        ...     def train_step(self, data):
        ...         x, y = data
        ...         def loss_of(variables):
        ...             return self.compute_loss(x, y, self(x, training=True) * 2.0)
        ...         loss, gradients = graphnn.value_and_grad(loss_of)(self.trainable_variables)
        ...         self.optimizer.apply(gradients, self.trainable_variables)
        ...         return {"loss": loss}
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=True)  # type: ignore[operator]
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
        self._compiled.loss_tracker.update_state(loss, sample_weight=rows_of(x))
        variables = self.trainable_variables
        if variables:
            optimizer = self.optimizer
            gradients = _gradients(optimizer.scale_loss(loss), variables)
            with suspended():
                optimizer.build(variables)
            optimizer.apply(gradients, variables)
        else:
            warnings.warn(f"model {self.name!r} has no trainable weights: nothing is learned", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """What happens with a batch in `evaluate`; arguments and result as in `train_step`."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)  # type: ignore[operator]
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=False)
        self._compiled.loss_tracker.update_state(loss, sample_weight=rows_of(x))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """What happens with a batch in `predict`: gives the predictions."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)  # type: ignore[operator]


def _gradients(loss: Any, variables: list[Variable]) -> list[Value]:
    """The gradients of a traced loss by the values that variables had when the step began."""
    tracer = active()
    assert tracer is not None
    states = tracer.graph.states
    for v in variables:
        _ = v.value  # declares those that were not read
    return autodiff.gradients([loss], [constant(1, loss.dtype)], [states[v] for v in variables])
