"""Muon."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..variable import Variable
from .optimizer import Optimizer


class Muon(Optimizer):
    r"""Momentum brought to an orthogonal matrix by Newton-Schulz iterations, for weights of two axes; AdamW for all others
    (K. Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024).

    Args:
        learning_rate: see `Optimizer`, as all arguments not named here.
        adam_beta_1, adam_beta_2, adam_weight_decay, epsilon: of AdamW.
        exclude_layers: patterns of paths of weights that AdamW updates.
        exclude_embeddings: whether AdamW updates weights with "embedding" in their path.
        muon_a, muon_b, muon_c: coefficients of the iteration $x \leftarrow a x + (b\,xx^T + c\,(xx^T)^2)\,x$.
        adam_lr_ratio: AdamW's learning rate over Muon's.
        momentum: share of the last momentum.
        ns_steps: number of iterations.
        nesterov: whether momentum is Nesterov's.
        rms_rate: steps are scaled to this root mean square; None: not scaled.

    >>> import graphnn
    >>> w = graphnn.Variable([[1.0, 0.0], [0.0, 1.0]], name="w")
    >>> Muon(0.1).apply([[[2.0, 0.0], [0.0, 1.0]]], [w])
    >>> bool((w.numpy().diagonal() < 1.0).all())
    True
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
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
        self.adam_beta_1, self.adam_beta_2, self.adam_weight_decay, self.epsilon = (
            adam_beta_1,
            adam_beta_2,
            adam_weight_decay,
            epsilon,
        )
        self.exclude_embeddings, self.muon_a, self.muon_b = exclude_embeddings, muon_a, muon_b
        self.muon_c, self.adam_lr_ratio, self.momentum, self.ns_steps = muon_c, adam_lr_ratio, momentum, ns_steps
        self.nesterov, self.rms_rate = nesterov, rms_rate
        self.exclude_layers: list[str] = list(exclude_layers or [])

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self.momentums: list[Any] = []
        self.adam_velocities: list[Any] = []
        for v in variables:
            kept = not v.overwrite_with_gradient
            adam = kept and self._should_use_adamw(v)
            self.momentums.append(self.add_variable_from_reference(v, "momentum") if kept else None)
            self.adam_velocities.append(self.add_variable_from_reference(v, "velocity") if adam else None)

    def _should_use_adamw(self, variable: Variable) -> bool:
        path = variable.path
        excluded = self.exclude_embeddings and "embedding" in path.lower()
        return len(variable.shape) != 2 or excluded or any(re.search(word, path) for word in self.exclude_layers)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i = self._get_variable_index(variable)
        m, v = self.momentums[i], self.adam_velocities[i]
        if v is not None:
            self._adamw_step(gradient, variable, learning_rate * float(self.adam_lr_ratio), m, v)
            return
        m.assign(m * self.momentum + gradient)
        direction = self._orthogonal(gradient + self.momentum * m if self.nesterov else m.value)
        rows, columns = variable.shape
        scale = 1.0 if self.rms_rate is None else math.sqrt(max(rows, columns)) * self.rms_rate
        variable.assign(variable - learning_rate * direction * scale)

    def _adamw_step(self, gradient: Any, variable: Variable, learning_rate: Any, m: Variable, v: Variable) -> None:
        t = ops.cast(self.iterations + 1, variable.dtype)
        rate = learning_rate * ops.sqrt(1.0 - self.adam_beta_2**t) / (1.0 - self.adam_beta_1**t)
        m.assign(m + (gradient - m) * (1 - self.adam_beta_1))
        v.assign(v + (gradient * gradient - v) * (1 - self.adam_beta_2))
        variable.assign(variable - m * rate / (ops.sqrt(v) + self.epsilon))

    def _orthogonal(self, x: Any) -> Any:
        """The nearest orthogonal matrix, roughly."""
        tall = x.shape[0] > x.shape[1]
        x = ops.transpose(x) if tall else x
        x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
        for _ in range(self.ns_steps):
            a = ops.matmul(x, ops.transpose(x))
            x = self.muon_a * x + ops.matmul(self.muon_b * a + self.muon_c * ops.matmul(a, a), x)
        return ops.transpose(x) if tall else x

    def _decay_of(self, variable: Variable) -> float | None:
        return self.adam_weight_decay if self._should_use_adamw(variable) else self.weight_decay

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "adam_beta_1": self.adam_beta_1,
            "adam_beta_2": self.adam_beta_2,
            "epsilon": self.epsilon,
            "exclude_layers": self.exclude_layers,
            "muon_a": self.muon_a,
            "muon_b": self.muon_b,
            "muon_c": self.muon_c,
            "adam_lr_ratio": self.adam_lr_ratio,
            "momentum": self.momentum,
            "ns_steps": self.ns_steps,
            "nesterov": self.nesterov,
            "exclude_embeddings": self.exclude_embeddings,
            "adam_weight_decay": self.adam_weight_decay,
            "rms_rate": self.rms_rate,
        }
