"""Schedules that fall along a cosine (I. Loshchilov, F. Hutter, SGDR: stochastic gradient descent with warm restarts, 2017)."""

from __future__ import annotations

import math
from typing import Any

from ... import ops
from ...eager import one_program
from .learning_rate_schedule import LearningRateSchedule, as_float, positive


class CosineDecay(LearningRateSchedule):
    r"""$\eta_0 ((1-\alpha)(1 + \cos(\pi t / n)) / 2 + \alpha)$ at step t, after a linear warm-up where one is asked for.

    Args:
        initial_learning_rate: $\eta_0$, or with a warm-up where that starts.
        decay_steps: n.
        alpha: the share of the rate that stays at the end.
        name: a name.
        warmup_target: the rate at the end of the warm-up; None for no warm-up.
        warmup_steps: the number of steps of the warm-up.

    >>> schedule = CosineDecay(0.0, decay_steps=10, warmup_target=0.1, warmup_steps=5)
    >>> [round(float(schedule(t)), 3) for t in (0, 5, 10, 15)]
    [0.0, 0.1, 0.05, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ):
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, positive(decay_steps, "decay_steps")
        self.alpha, self.name, self.warmup_target, self.warmup_steps = alpha, name, warmup_target, warmup_steps

    def _fall(self, step: Any, top: float) -> Any:
        cosine = 0.5 * (1.0 + ops.cos(step * (math.pi / self.decay_steps)))
        return top * ((1.0 - self.alpha) * cosine + self.alpha)

    @one_program(small=True)
    def __call__(self, step: Any) -> Any:
        step = as_float(step)
        if self.warmup_target is None:
            return self._fall(ops.minimum(step, float(self.decay_steps)), self.initial_learning_rate)
        warm, start, top = float(self.warmup_steps), self.initial_learning_rate, self.warmup_target
        step = ops.minimum(step, self.decay_steps + warm)
        rise = start + (top - start) * (step / warm) if warm else as_float(top)
        return ops.where(step < warm, rise, self._fall(step - warm, top))

    def get_config(self) -> dict[str, Any]:
        keys = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")
        return {k: getattr(self, k) for k in keys}


class CosineDecayRestarts(LearningRateSchedule):
    """A cosine that starts again and again, each time for longer and from a lower rate.

    Args:
        initial_learning_rate: the rate at the start.
        first_decay_steps: the length of the first fall.
        t_mul: how much longer each fall is than the one before.
        m_mul: the rate at the start of each fall, over that of the one before.
        alpha: the share of the rate that stays at the end of a fall.
        name: a name.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10, t_mul=1.0)
    >>> [round(float(schedule(t)), 3) for t in (0, 5, 10, 15)]
    [0.1, 0.05, 0.1, 0.05]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = positive(first_decay_steps, "first_decay_steps")
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    @one_program(small=True)
    def __call__(self, step: Any) -> Any:
        done = as_float(step) / float(self.first_decay_steps)
        if self.t_mul == 1:
            restarts = ops.floor(done)
            done = done - restarts
        else:
            # restart i is at (t_mul^i - 1) / (t_mul - 1) lengths of the first fall
            restarts = ops.floor(ops.log(1.0 - done * (1.0 - self.t_mul)) / math.log(self.t_mul))
            length = float(self.t_mul) ** restarts
            done = (done - (1.0 - length) / (1.0 - self.t_mul)) / length
        cosine = 0.5 * float(self.m_mul) ** restarts * (1.0 + ops.cos(math.pi * done))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        keys = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")
        return {k: getattr(self, k) for k in keys}
