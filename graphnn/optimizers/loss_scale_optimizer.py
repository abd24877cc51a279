"""Loss scaling that adapts itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler.trace import active

from .. import ops
from ..eager import as_arrays, run
from ..initializers import Constant
from ..saving.serialization import deserialize_keras_object, serialize_keras_object
from ..stateless import choose
from ..variable import Variable
from .optimizer import Optimizer

_DEFAULTS: dict[str, Any] = {
    "weight_decay": None, "clipnorm": None, "global_clipnorm": None, "clipvalue": None, "use_ema": False, "ema_momentum": 0.99,
    "ema_overwrite_frequency": None, "loss_scale_factor": None, "gradient_accumulation_steps": None,
}  # fmt: skip


class LossScaleOptimizer(Optimizer):
    """Multiplies the loss by a scale, so that small gradients of a short dtype do not vanish, and divides gradients by it.

    A step whose gradients are not all finite is left out and halves the scale; many steps without one double it.

    Args:
        inner_optimizer: the optimizer that makes the steps.
        initial_scale: the scale at the start.
        dynamic_growth_steps: how many good steps in a row double it.
        name: a name.

    Raises:
        ValueError: for any other argument; it belongs to the inner optimizer.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> optimizer = LossScaleOptimizer(graphnn.optimizers.SGD(0.1), initial_scale=4.0)
    >>> optimizer.apply([[8.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.8
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ):
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer no longer supports `dynamic=False`: set `loss_scale_factor` on the inner optimizer."
            )
        for key, default in _DEFAULTS.items():
            if kwargs.pop(key, default) != default:
                raise ValueError(f"LossScaleOptimizer does not support `{key}`. Instead, set `{key}` on the `inner_optimizer`.")
        if kwargs:
            raise ValueError(f"LossScaleOptimizer does not support arguments: {', '.join(kwargs)}.")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        self.step_counter = self.add_variable((), dtype="int", name="step_counter")
        self.dynamic_scale = self.add_variable((), Constant(self.initial_scale), dtype="float32", name="dynamic_scale")
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then those of the inner optimizer."""
        return [*self._variables, *self.inner_optimizer.variables]

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """One step (see `Optimizer.apply`), left out where a gradient is not finite."""
        if not self.built:
            if trainable_variables is None:
                raise ValueError(
                    "Without `variables`, the optimizer must be built first: call `optimizer.build(trainable_variables)`."
                )
            self.build(list(trainable_variables))
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        if active() is not None:
            self._scaled_step(list(grads), variables)
            return
        self.inner_optimizer.refresh_learning_rate()
        name = ("apply", *map(id, variables))
        run(self, name, lambda *gs: self._scaled_step(list(gs), variables), tuple([as_arrays(g) for g in grads]), rows=False)

    def _scaled_step(self, grads: list[Any], variables: list[Variable]) -> None:
        finite = ops.all(ops.stack([ops.all(ops.isfinite(g)) for g in grads if g is not None]))
        scale = self.dynamic_scale.value
        unscaled = [
            None if g is None else ops.cast(g, v.dtype) / ops.cast(scale, v.dtype) for g, v in zip(grads, variables, strict=True)
        ]
        choose(finite, lambda: self.inner_optimizer.apply(unscaled, variables))
        enough = ops.logical_and(finite, ops.equal(self.step_counter, self.dynamic_growth_steps - 1))
        self.dynamic_scale.assign(ops.where(enough, scale * 2.0, ops.where(finite, scale, scale * 0.5)))
        counts = ops.logical_and(finite, ops.logical_not(enough))
        self.step_counter.assign(ops.where(counts, self.step_counter + 1, 0))

    @property
    def learning_rate(self) -> Any:
        """The rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    @property
    def iterations(self) -> Any:
        """The number of steps of the inner optimizer."""
        return self.inner_optimizer.iterations

    def refresh_learning_rate(self) -> None:
        """See `Optimizer`."""
        self.inner_optimizer.refresh_learning_rate()

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the present scale."""
        return loss * (self.dynamic_scale.value if self.built else self.initial_scale)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """See `Optimizer`."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        config = dict(config)
        inner = deserialize_keras_object(config.pop("inner_optimizer"), custom_objects=custom_objects)
        return cls(inner, **config)
