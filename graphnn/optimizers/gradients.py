"""What happens to gradients before the step: leaving out, clipping, accumulating."""

from __future__ import annotations

import warnings
from typing import Any

from graphnn_compiler.ir import Value

from .. import ops
from ..stateless import choose
from ..variable import Variable

Pairs = list[tuple[Value, Variable]]


def global_norm(values: list[Any]) -> Any:
    """The Euclidean norm of all tensors together."""
    total: Any = 0.0
    for v in values:
        total = total + ops.sum(ops.square(v))
    return ops.sqrt(total)


def clip_by_global_norm(values: list[Any], clip_norm: float) -> list[Any]:
    """Tensors times one factor, so that their norm together is at most `clip_norm`; all NaN where it is not finite."""
    norm = global_norm(values)
    factor = clip_norm * ops.minimum(1.0 / norm, 1.0 / clip_norm) + (norm - norm)
    return [v * factor for v in values]


def clip_by_norm(x: Any, clip_norm: float) -> Any:
    """A tensor, shortened to `clip_norm` where it is longer."""
    return x * (clip_norm / ops.maximum(ops.sqrt(ops.sum(ops.square(x))), clip_norm))


class Gradients:
    """The part of an optimizer that looks at gradients before the step."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    gradient_accumulation_steps: int | None
    _accumulated_gradients: list[Variable]
    _iterations: Variable

    def _get_variable_index(self, variable: Variable) -> int:
        raise NotImplementedError

    def _update(self, pairs: Pairs) -> None:
        raise NotImplementedError

    def _filter_empty_gradients(self, grads: list[Any], variables: list[Variable]) -> tuple[list[Any], list[Variable]]:
        missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
        if len(missing) == len(grads):
            raise ValueError("No gradients provided for any variable.")
        if missing:
            warnings.warn(f"Gradients do not exist for variables {missing} when minimizing the loss.", stacklevel=3)
        kept = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        return [g for g, _ in kept], [v for _, v in kept]

    def _clip_gradients(self, grads: list[Any]) -> list[Any]:
        if self.clipnorm and self.clipnorm > 0:
            return [clip_by_norm(g, self.clipnorm) for g in grads]
        if self.global_clipnorm and self.global_clipnorm > 0:
            return clip_by_global_norm(grads, self.global_clipnorm)
        if self.clipvalue and self.clipvalue > 0:
            return [ops.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        return grads

    def _accumulate_or_update(self, pairs: Pairs) -> None:
        steps = self.gradient_accumulation_steps
        if not steps:
            self._update(pairs)
            return
        sums = [self._accumulated_gradients[self._get_variable_index(v)] for _, v in pairs]
        totals = [ops.cast(g, s.dtype) + s for (g, _), s in zip(pairs, sums, strict=True)]
        last = ops.equal((self._iterations + 1) % steps, 0)
        choose(last, lambda: self._update([(t / steps, v) for t, (_, v) in zip(totals, pairs, strict=True)]))
        for t, s in zip(totals, sums, strict=True):
            s.assign(ops.where(last, 0.0, t))
