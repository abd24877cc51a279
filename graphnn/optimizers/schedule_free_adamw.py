"""Schedule-free AdamW."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..variable import Variable
from .optimizer import Optimizer


class ScheduleFreeAdamW(Optimizer):
    r"""Adam without a learning rate schedule: gradients are taken between the fast iterate z and its average x (A. Defazio et
    al., The road less scheduled, 2024).

    $$z \leftarrow z - \eta\, g / (\sqrt{\hat v} + \epsilon),\quad x \leftarrow (1 - 1/t)\, x + z / t,\quad
    w = (1-\beta_1)\, z + \beta_1 x$$

    Args:
        learning_rate: see `Optimizer`, as all arguments not named here.
        beta_1: share of the average in the weight.
        beta_2: how slowly the mean of squares moves.
        epsilon: keeps the division finite.
        warmup_steps: the rate grows linearly over so many steps.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> ScheduleFreeAdamW(0.1).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        self.beta_1, self.beta_2, self.epsilon, self.warmup_steps = beta_1, beta_2, epsilon, warmup_steps

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        for fast, w in zip(self._momentums, variables, strict=True):
            if fast is not None:
                fast.write(w.array)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i, beta = self._get_variable_index(variable), self.beta_1
        fast, v = self._momentums[i], self._velocities[i]
        t = ops.cast(self.iterations + 1, variable.dtype)
        if self.warmup_steps > 0:
            learning_rate = learning_rate * ops.minimum(t / float(self.warmup_steps), 1.0)
        scale, share = 1.0 / (1.0 - self.beta_2**t), 1.0 / t
        v.assign(v + (gradient * gradient - v) * (1 - self.beta_2))
        fast.assign(fast - learning_rate * gradient / (ops.sqrt(v * scale) + self.epsilon))
        # the paper takes the average from z before its step; Keras on torch and on TensorFlow, whose numbers these are, after it
        average = (variable - (1.0 - beta) * fast) / beta
        average = (1.0 - share) * average + share * fast
        variable.assign((1.0 - beta) * fast + beta * average)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "warmup_steps": self.warmup_steps,
        }
