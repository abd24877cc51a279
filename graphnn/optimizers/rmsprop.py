"""RMSprop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..variable import Variable
from .optimizer import Optimizer


class RMSprop(Optimizer):
    r"""Gradients divided by the root of a running mean of their squares (G. Hinton, Neural networks for machine learning,
    lecture 6, 2012).

    $$v \leftarrow \rho v + (1-\rho) g^2,\qquad w \leftarrow w - \eta\, g / \sqrt{v + \epsilon}$$

    Args:
        learning_rate: see `Optimizer`, as all arguments not named here.
        rho: how slowly the mean moves.
        momentum: share of the last step that is added to the next.
        epsilon: keeps the division finite.
        centered: whether the mean gradient is subtracted, so that v is a variance.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> RMSprop(0.1).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.6838
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **kwargs,
        )
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        self._momentums: list[Any] = self.add_optimizer_variables(variables, "momentum") if self.momentum > 0 else []
        self._average_gradients: list[Any] = self.add_optimizer_variables(variables, "average_gradient") if self.centered else []

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i, rho = self._get_variable_index(variable), self.rho
        v = self._velocities[i]
        v.assign(rho * v + (1 - rho) * (gradient * gradient))
        spread = v.value
        if self.centered:
            mean = self._average_gradients[i]
            mean.assign(rho * mean + (1 - rho) * gradient)
            spread = spread - mean * mean
        step = learning_rate * gradient / ops.sqrt(spread + self.epsilon)
        if self.momentum > 0:
            m = self._momentums[i]
            m.assign(self.momentum * m + step)
            step = m.value
        variable.assign(variable - step)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
