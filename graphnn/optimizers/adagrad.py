"""Adagrad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..initializers import Constant
from ..variable import Variable
from .optimizer import Optimizer


class Adagrad(Optimizer):
    r"""Gradients divided by the root of the sum of all their squares (J. Duchi et al., Adaptive subgradient methods for
    online learning and stochastic optimization, 2011).

    $$a \leftarrow a + g^2,\qquad w \leftarrow w - \eta\, g / \sqrt{a + \epsilon}$$

    Args:
        learning_rate: see `Optimizer`, as all arguments not named here.
        initial_accumulator_value: the sum at the start.
        epsilon: keeps the division finite.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> Adagrad(0.1).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.9012
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
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
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        start = Constant(self.initial_accumulator_value)
        self._accumulators = self.add_optimizer_variables(variables, "accumulator", start)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        a = self._accumulators[self._get_variable_index(variable)]
        a.assign(a + gradient * gradient)
        variable.assign(variable - learning_rate * gradient / ops.sqrt(a + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }
