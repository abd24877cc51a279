"""Adamax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..variable import Variable
from .optimizer import Optimizer


class Adamax(Optimizer):
    r"""`Adam` with the largest recent gradient in place of the mean of squares (D. Kingma, J. Ba, 2014).

    $$m \leftarrow m + (1-\beta_1)(g - m),\quad u \leftarrow \max(\beta_2 u, |g|),\quad
    w \leftarrow w - \frac{\eta}{1-\beta_1^t} \frac{m}{u + \epsilon}$$

    Args:
        learning_rate: see `Optimizer`, as all arguments not named here.
        beta_1: how slowly the mean of gradients moves.
        beta_2: how slowly the largest gradient is forgotten.
        epsilon: keeps the division finite.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> Adamax(0.1).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._m, self._u = self.add_optimizer_variables(variables, ["momentum", "norm"])

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i = self._get_variable_index(variable)
        m, u = self._m[i], self._u[i]
        t = ops.cast(self.iterations + 1, variable.dtype)
        rate = learning_rate / (1.0 - self.beta_1**t)
        m.assign(m + (gradient - m) * (1 - self.beta_1))
        u.assign(ops.maximum(self.beta_2 * u, ops.absolute(gradient)))
        variable.assign(variable - rate * m / (u + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
