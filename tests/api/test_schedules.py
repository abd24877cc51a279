"""Learning rate schedules against their formulas, eagerly and as part of a program."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.executable import Executable
from graphnn_compiler.trace import Tracer, tracing

from graphnn import Variable
from graphnn.dispatch import value
from graphnn.optimizers import schedules

STEPS = [0, 1, 2, 5, 9, 10, 11, 19, 20, 21, 35, 100]


def cosine(t: float, n: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * t / n))


def restarts(t: float, t_mul: float, m_mul: float) -> float:
    length, height = 10.0, 1.0
    while t >= length:
        t, length, height = t - length, length * t_mul, height * m_mul
    return height * cosine(t, length)


CASES: list[tuple[Any, Callable[[int], float]]] = [
    (schedules.ExponentialDecay(0.1, 10, 0.5), lambda t: 0.1 * 0.5 ** (t / 10)),
    (schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True), lambda t: 0.1 * 0.5 ** (t // 10)),
    (schedules.InverseTimeDecay(0.1, 10, 0.5), lambda t: 0.1 / (1 + 0.5 * t / 10)),
    (schedules.InverseTimeDecay(0.1, 10, 0.5, staircase=True), lambda t: 0.1 / (1 + 0.5 * (t // 10))),
    (schedules.PiecewiseConstantDecay([5, 20], [1.0, 0.5, 0.1]), lambda t: 1.0 if t <= 5 else 0.5 if t <= 20 else 0.1),
    (schedules.PolynomialDecay(0.1, 20, 0.01), lambda t: 0.09 * (1 - min(t, 20) / 20) + 0.01),
    (schedules.PolynomialDecay(0.1, 20, 0.01, power=2.0), lambda t: 0.09 * (1 - min(t, 20) / 20) ** 2 + 0.01),
    (
        schedules.PolynomialDecay(0.1, 10, 0.01, cycle=True),
        lambda t: 0.09 * (1 - t / (10 * max(1, math.ceil(t / 10)))) + 0.01,
    ),
    (schedules.CosineDecay(0.1, 20), lambda t: 0.1 * cosine(min(t, 20), 20)),
    (schedules.CosineDecay(0.1, 20, alpha=0.2), lambda t: 0.1 * (0.8 * cosine(min(t, 20), 20) + 0.2)),
    (
        schedules.CosineDecay(0.02, 20, warmup_target=0.1, warmup_steps=10),
        lambda t: 0.02 + 0.008 * t if t < 10 else 0.1 * cosine(min(t - 10, 20), 20),
    ),
    (schedules.CosineDecayRestarts(0.1, 10), lambda t: 0.1 * restarts(t, 2.0, 1.0)),
    (
        schedules.CosineDecayRestarts(0.1, 10, t_mul=1.0, m_mul=0.5, alpha=0.1),
        lambda t: 0.1 * (0.9 * restarts(t, 1.0, 0.5) + 0.1),
    ),
]


@pytest.mark.parametrize(("schedule", "want"), CASES)
def test_numbers(schedule: Any, want: Callable[[int], float]) -> None:
    for t in STEPS:
        for step in (t, np.int64(t), Variable(t, dtype="int", trainable=False)):
            assert float(schedule(step)) == pytest.approx(want(t), rel=2e-5, abs=1e-7), t
    assert len(schedule._programs._kept) <= 3


@pytest.mark.parametrize(("schedule", "want"), CASES)
def test_inside_a_program(schedule: Any, want: Callable[[int], float]) -> None:
    tracer = Tracer()
    with tracing(tracer):
        step = tracer.input((), "int32")
        tracer.finish([value(schedule(step))])
    run = Executable(tracer.graph)
    for t in STEPS:
        assert float(run([np.asarray(t, "int32")])[0]) == pytest.approx(want(t), rel=2e-5, abs=1e-7), t


@pytest.mark.parametrize(("schedule", "want"), CASES)
def test_configurations_make_the_same_schedule(schedule: Any, want: Callable[[int], float]) -> None:
    config = schedule.get_config()
    assert type(schedule).from_config(dict(config)).get_config() == config
    again = schedules.deserialize(schedules.serialize(schedule))
    assert type(again) is type(schedule) and again.get_config() == config


@pytest.mark.parametrize(
    "make",
    [
        lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
        lambda: schedules.PolynomialDecay(0.1, -1),
        lambda: schedules.CosineDecay(0.1, 0),
        lambda: schedules.CosineDecayRestarts(0.1, 0),
        lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]),
    ],
)
def test_errors(make: Any) -> None:
    with pytest.raises(ValueError, match=r"decay_steps|values"):
        make()


def test_what_a_schedule_must_define() -> None:
    with pytest.raises(NotImplementedError, match="__call__"):
        schedules.LearningRateSchedule()(0)
    with pytest.raises(NotImplementedError, match="get_config"):
        schedules.LearningRateSchedule().get_config()
