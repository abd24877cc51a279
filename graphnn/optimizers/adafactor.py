"""Adafactor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..variable import Variable
from .optimizer import Optimizer


def _rms(x: Any) -> Any:
    return ops.sqrt(ops.mean(ops.square(x)))


class Adafactor(Optimizer):
    r"""Adam's mean of squares of a matrix kept as one row and one column (N. Shazeer, M. Stern, Adafactor: adaptive learning
    rates with sublinear memory cost, 2018).

    Args:
        learning_rate: see `Optimizer`, as all arguments not named here.
        beta_2_decay: the mean at step t moves by $t$ to this power.
        epsilon_1: added to squared gradients.
        epsilon_2: the least size of a weight in its step.
        clip_threshold: the greatest root mean square of a scaled gradient.
        relative_step: whether the rate is at most $1 / \sqrt t$.

    >>> import graphnn
    >>> w = graphnn.Variable([1.0])
    >>> Adafactor(0.5).apply([[2.0]], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.5
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay, self.epsilon_1, self.epsilon_2, self.clip_threshold = (
            beta_2_decay,
            epsilon_1,
            epsilon_2,
            clip_threshold,
        )
        self.relative_step = relative_step

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._r: list[Variable | None] = []
        self._c: list[Variable | None] = []
        self._v: list[Variable | None] = []
        for v in variables:
            kept = not v.overwrite_with_gradient
            matrix = len(v.shape) >= 2
            row, column = (v.shape[:-1], (*v.shape[:-2], v.shape[-1])) if matrix else ((), ())
            self._r.append(self.add_variable(row, dtype=v.dtype, name=v.name) if kept else None)
            self._c.append(self.add_variable(column, dtype=v.dtype, name=v.name) if kept else None)
            self._v.append(self.add_variable_from_reference(v, "velocity") if kept else None)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i = self._get_variable_index(variable)
        r, c, v = self._r[i], self._c[i], self._v[i]
        assert r is not None and c is not None and v is not None
        t = ops.cast(self.iterations + 1, variable.dtype)
        # a relative step bounds a fixed rate twice, to no effect, and a schedule's rate once
        rate = ops.minimum(learning_rate, 1.0 / ops.sqrt(t))
        size = ops.maximum(_rms(variable.value), self.epsilon_2) * rate
        keep = 1.0 - t**self.beta_2_decay
        squares = gradient * gradient + self.epsilon_1
        if len(variable.shape) >= 2:
            r.assign(keep * r + (1.0 - keep) * ops.mean(squares, axis=-1))
            c.assign(keep * c + (1.0 - keep) * ops.mean(squares, axis=-2))
            rows = r / ops.mean(r, axis=-1, keepdims=True)
            v.assign(ops.expand_dims(rows, -1) * ops.expand_dims(c, -2))
        else:
            v.assign(keep * v + (1.0 - keep) * squares)
        step = gradient / ops.sqrt(v)
        variable.assign(variable - size * step / ops.maximum(_rms(step) / self.clip_threshold, 1.0))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "relative_step": self.relative_step,
        }
