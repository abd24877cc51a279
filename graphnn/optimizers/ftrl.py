"""FTRL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..initializers import Constant
from ..variable import Variable
from .optimizer import Optimizer


class Ftrl(Optimizer):
    r"""Follow the regularized leader (H. McMahan et al., Ad click prediction: a view from the trenches, 2013): weights that
    contribute little become exactly 0.

    $$n' = n + g^2,\quad \sigma = (n'^{-p} - n^{-p}) / \eta,\quad z \leftarrow z + g - \sigma w,\quad
    w \leftarrow \frac{\text{clip}(z, \pm\lambda_1) - z}{n'^{-p} / \eta + 2 \lambda_2}$$

    Args:
        learning_rate: see `Optimizer`, as all arguments not named here.
        learning_rate_power: p, at most 0.
        initial_accumulator_value: n at the start, at least 0.
        l1_regularization_strength: $\lambda_1$.
        l2_regularization_strength: $\lambda_2$.
        l2_shrinkage_regularization_strength: adds twice this times w to the gradient.
        beta: adds beta / (2 learning rate) to $\lambda_2$.

    Raises:
        ValueError: a number has the wrong sign.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> Ftrl(0.1).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.7451
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        if learning_rate_power > 0.0:
            raise ValueError(
                f"`learning_rate_power` needs to be negative or zero. Received: learning_rate_power={learning_rate_power}."
            )
        for key, number in {
            "initial_accumulator_value": initial_accumulator_value,
            "l1_regularization_strength": l1_regularization_strength,
            "l2_regularization_strength": l2_regularization_strength,
            "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
        }.items():
            if number < 0.0:
                raise ValueError(f"`{key}` needs to be positive or zero. Received: {key}={number}.")
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
        (
            self.learning_rate_power,
            self.initial_accumulator_value,
            self.l1_regularization_strength,
            self.l2_regularization_strength,
        ) = learning_rate_power, initial_accumulator_value, l1_regularization_strength, l2_regularization_strength
        self.l2_shrinkage_regularization_strength, self.beta = l2_shrinkage_regularization_strength, beta

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        starts = [Constant(self.initial_accumulator_value), "zeros"]
        self._accumulators, self._linears = self.add_optimizer_variables(variables, ["accumulator", "linear"], starts)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i, power, l1 = self._get_variable_index(variable), -self.learning_rate_power, self.l1_regularization_strength
        n, z = self._accumulators[i], self._linears[i]
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        shrunk = gradient + 2 * self.l2_shrinkage_regularization_strength * variable
        total = n + gradient * gradient
        old, new = n**power, total**power
        z.assign(z + shrunk - (new - old) / learning_rate * variable)
        variable.assign((ops.clip(z, -l1, l1) - z) / (new / learning_rate + 2.0 * l2))
        n.assign(total)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
