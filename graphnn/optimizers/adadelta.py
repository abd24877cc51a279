"""Adadelta."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..variable import Variable
from .optimizer import Optimizer


class Adadelta(Optimizer):
    r"""Steps in the units of the weight: the running mean of past steps over that of gradients (M. Zeiler, ADADELTA: an
    adaptive learning rate method, 2012).

    $$a \leftarrow \rho a + (1-\rho) g^2,\quad d = -g \sqrt{b + \epsilon} / \sqrt{a + \epsilon},\quad
    b \leftarrow \rho b + (1-\rho) d^2,\quad w \leftarrow w + \eta d$$

    Args:
        learning_rate: see `Optimizer`, as all arguments not named here.
        rho: how slowly the means move.
        epsilon: keeps the division finite and starts the steps.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> Adadelta(1.0).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.9986
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
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
        self.rho, self.epsilon = rho, epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(
            variables, ["accumulated_grad", "accumulated_delta_var"]
        )

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i, rho = self._get_variable_index(variable), self.rho
        squares, steps = self._accumulated_grads[i], self._accumulated_delta_vars[i]
        squares.assign(rho * squares + (1 - rho) * (gradient * gradient))
        step = -(ops.sqrt(steps + self.epsilon) * gradient) / ops.sqrt(squares + self.epsilon)
        steps.assign(rho * steps + (1 - rho) * (step * step))
        variable.assign(variable + learning_rate * step)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
