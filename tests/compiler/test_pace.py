"""The choice between the team and one thread, on made-up times."""

from __future__ import annotations

from collections.abc import Callable

from graphnn_compiler.runtime.pace import Pace


def run(pace: Pace, clock: float, steps: int, cost: Callable[[bool], float]) -> tuple[float, dict[bool, int]]:
    """A run of some steps; gives the time after it and the steps that each way took."""
    taken = {False: 0, True: 0}
    while steps:
        together, count = pace.next(steps, clock)
        assert 1 <= count <= steps
        clock += count * cost(together)
        pace.took(together, cost(together), clock)
        taken[together] += count
        steps -= count
    return clock, taken


def test_a_slow_first_run_is_no_measure() -> None:
    """The first run starts the threads: it must not make one thread look better for ever."""
    pace = Pace()
    clock, _ = run(pace, 0.0, 1, lambda together: 0.05)
    for steps in (8, 64):
        clock, _ = run(pace, clock, steps, lambda together: 25e-6 if together else 40e-6)
    _, taken = run(pace, clock, 2000, lambda together: 25e-6 if together else 40e-6)
    assert taken[True] > 0.9 * 2000


def test_a_wrong_choice_is_mended_within_a_few_runs() -> None:
    pace, clock = Pace(), 0.0
    cost: dict[bool, float] = {True: 300e-6, False: 40e-6}  # something else wants the cores
    for steps in (1, 8, 64, 2000):
        clock, taken = run(pace, clock, steps, cost.__getitem__)
    assert taken[True] <= 2000 // Pace.PART + Pace.WAKE
    cost[True] = 25e-6
    for _ in range(12):
        clock, taken = run(pace, clock, 2000, cost.__getitem__)
    assert taken[True] > taken[False]


def test_one_slow_step_changes_nothing() -> None:
    pace, clock = Pace(), 0.0
    cost: dict[bool, float] = {True: 17e-6, False: 26e-6}
    for _ in range(400):
        clock, _ = run(pace, clock, 1, cost.__getitem__)
    clock, _ = run(pace, clock, 1, lambda together: 1e-3)
    clock, taken = run(pace, clock, 400, cost.__getitem__)
    assert taken[True] > 0.9 * 400


def test_trials_become_rare_where_nothing_changes() -> None:
    pace, clock, trials = Pace(), 0.0, 0
    for _ in range(2000):  # 100 seconds
        clock, taken = run(pace, clock, 1, lambda together: 0.001 if together else 0.05)
        trials += taken[False]
    assert trials <= 12


def test_long_steps_are_never_tried_alone_at_first() -> None:
    pace, clock = Pace(), 0.0
    for _ in range(20):
        clock, taken = run(pace, clock, 1, lambda together: 0.05)
        assert not taken[False]
