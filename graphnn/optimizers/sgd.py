"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..variable import Variable
from .optimizer import Optimizer


class SGD(Optimizer):
    r"""Stochastic gradient descent, with momentum where asked for.

    $$m \leftarrow \mu m - \eta g,\qquad w \leftarrow w + m$$

    and with Nesterov's momentum $w \leftarrow w + \mu m - \eta g$ (Y. Nesterov, A method of solving a convex
    programming problem with convergence rate O(1/k^2), 1983).

    Args:
        learning_rate: see `Optimizer`, as all arguments not named here.
        momentum: between 0 and 1.
        nesterov: whether momentum is Nesterov's.

    Raises:
        ValueError: momentum is no float between 0 and 1.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> SGD(0.1).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.8
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        if not isinstance(momentum, float) or not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be a float between [0, 1]. Received: momentum={momentum!r}")
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
        self.momentum, self.nesterov = momentum, nesterov

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self.momentums: list[Any] = self.add_optimizer_variables(variables, "momentum") if self.momentum else []

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        if not self.momentum:
            variable.assign(variable - learning_rate * gradient)
            return
        m = self.momentums[self._get_variable_index(variable)]
        m.assign(m * self.momentum - learning_rate * gradient)
        step = m * self.momentum - learning_rate * gradient if self.nesterov else m
        variable.assign(variable + step)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
