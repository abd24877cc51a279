"""Nadam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..variable import Variable
from .optimizer import Optimizer


class Nadam(Optimizer):
    r"""`Adam` with Nesterov's momentum (T. Dozat, Incorporating Nesterov momentum into Adam, 2015). The momentum of step t is
    $\mu_t = \beta_1 (1 - 0.96^t / 2)$.

    Args:
        learning_rate: see `Optimizer`, as all arguments not named here.
        beta_1: how slowly the mean of gradients moves.
        beta_2: how slowly the mean of their squares moves.
        epsilon: keeps the division finite.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> Nadam(0.1).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.8937
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
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        dtype = variables[0].dtype if variables else None
        self._u_product = self.add_variable((), "ones", dtype=dtype, name="u_product")

    def _momentum(self, step: Any) -> Any:
        return self.beta_1 * (1.0 - 0.5 * 0.96**step)

    def _backend_update_step(self, grads: list[Any], trainable_variables: list[Variable], learning_rate: Any) -> None:
        t = ops.cast(self.iterations + 1, self._u_product.dtype)
        self._u_product.assign(self._u_product * self._momentum(t))
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i, dtype = self._get_variable_index(variable), variable.dtype
        m, v = self._momentums[i], self._velocities[i]
        t = ops.cast(self.iterations + 1, dtype)
        now, coming = self._momentum(t), self._momentum(t + 1.0)
        product = ops.cast(self._u_product.value, dtype)
        past_share = learning_rate * coming / (1.0 - product * coming)
        new_share = learning_rate * (1.0 - now) / (1.0 - product)
        scale = 1.0 / (1.0 - self.beta_2**t)
        m.assign(m + (gradient - m) * (1 - self.beta_1))
        v.assign(v + (gradient * gradient - v) * (1 - self.beta_2))
        variable.assign(variable - (past_share * m + new_share * gradient) / (ops.sqrt(v * scale) + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
