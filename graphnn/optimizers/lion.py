"""Lion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..variable import Variable
from .optimizer import Optimizer


class Lion(Optimizer):
    r"""The sign of a mean of gradients (X. Chen et al., Symbolic discovery of optimization algorithms, 2023).

    $$w \leftarrow w - \eta\, \text{sign}(\beta_1 m + (1-\beta_1) g),\qquad m \leftarrow \beta_2 m + (1-\beta_2) g$$

    Args:
        learning_rate: see `Optimizer`, as all arguments not named here.
        beta_1: share of the mean in the step.
        beta_2: how slowly the mean moves.

    Raises:
        ValueError: beta_1 is not above 0 and at most 1.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> Lion(0.1).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        if not 0 < beta_1 <= 1:
            raise ValueError(
                f"`beta_1` must be in (0, 1]: at 0 nothing but the sign of the gradient is left. Received: beta_1={beta_1}"
            )
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
        self.beta_1, self.beta_2 = beta_1, beta_2

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        m = self._momentums[self._get_variable_index(variable)]
        direction = ops.sign(m * self.beta_1 + gradient * (1.0 - self.beta_1))
        variable.assign(variable - learning_rate * direction)
        m.assign(m * self.beta_2 + gradient * (1.0 - self.beta_2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
