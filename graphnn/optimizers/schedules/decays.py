"""Schedules that fall: exponential, inverse, polynomial, in steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import ops
from ...dispatch import value
from ...eager import one_program
from .learning_rate_schedule import LearningRateSchedule, as_float, positive


class _Decay(LearningRateSchedule):
    def __init__(self, initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool, name: str):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = positive(decay_steps, "decay_steps")
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def _done(self, step: Any) -> Any:
        part = as_float(step) / float(self.decay_steps)
        return ops.floor(part) if self.staircase else part

    def get_config(self) -> dict[str, Any]:
        keys = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")
        return {k: getattr(self, k) for k in keys}


class ExponentialDecay(_Decay):
    r"""$\eta_0 \, r^{t / n}$ at step t.

    Args:
        initial_learning_rate: $\eta_0$.
        decay_steps: n.
        decay_rate: r.
        staircase: whether t / n is rounded down.
        name: a name.

    >>> round(float(ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)), 4)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    @one_program(small=True)
    def __call__(self, step: Any) -> Any:
        return self.initial_learning_rate * float(self.decay_rate) ** self._done(step)


class InverseTimeDecay(_Decay):
    r"""$\eta_0 / (1 + r t / n)$ at step t.

    Args:
        initial_learning_rate: $\eta_0$.
        decay_steps: n.
        decay_rate: r.
        staircase: whether t / n is rounded down.
        name: a name.

    >>> round(float(InverseTimeDecay(0.1, decay_steps=10, decay_rate=0.5)(20)), 4)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ):
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    @one_program(small=True)
    def __call__(self, step: Any) -> Any:
        return self.initial_learning_rate / (1.0 + self.decay_rate * self._done(step))


class PiecewiseConstantDecay(LearningRateSchedule):
    """The first value up to and with the first boundary, the second up to the second, and so on; the last one after all.

    Args:
        boundaries: step numbers, rising.
        values: one more than there are boundaries.
        name: a name.

    Raises:
        ValueError: there are not as many values.

    >>> schedule = PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
    >>> [round(float(schedule(t)), 2) for t in (0, 10, 11, 21)]
    [1.0, 1.0, 0.5, 0.1]
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "There must be one value more than boundaries. "
                f"Received: boundaries={boundaries} of length {len(boundaries)}, and values={values} of length {len(values)}."
            )
        self.boundaries, self.values, self.name = boundaries, values, name

    @one_program(small=True)
    def __call__(self, step: Any) -> Any:
        step, rate = value(step), as_float(self.values[-1])
        for bound, now in reversed(list(zip(self.boundaries, self.values[:-1], strict=True))):
            rate = ops.where(step <= bound, as_float(now), rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class PolynomialDecay(LearningRateSchedule):
    r"""$(\eta_0 - \eta_1)(1 - t / n)^p + \eta_1$ at step t, and $\eta_1$ after n steps.

    Args:
        initial_learning_rate: $\eta_0$.
        decay_steps: n.
        end_learning_rate: $\eta_1$.
        power: p.
        cycle: whether n is multiplied instead, so that it lies ahead of t again.
        name: a name.

    >>> round(float(PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)(5)), 4)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, positive(decay_steps, "decay_steps")
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    @one_program(small=True)
    def __call__(self, step: Any) -> Any:
        step, n = as_float(step), float(self.decay_steps)
        if self.cycle:
            end = n * ops.where(ops.equal(step, 0.0), 1.0, ops.ceil(step / n))
        else:
            step, end = ops.minimum(step, n), as_float(n)
        drop = self.initial_learning_rate - self.end_learning_rate
        return drop * (1.0 - step / end) ** float(self.power) + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        keys = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")
        return {k: getattr(self, k) for k in keys}
