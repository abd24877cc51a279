"""Lanes: loops that do not need one another run side by side, each on a thread of its own, with all that only it needs.

    product A;  loop A;  product B;  loop B;  join      ->      [product A;  loop A | product B;  loop B];  join

A thread of a lane waits for nobody until the lanes end, whereas a team that shares every step of a loop meets after each of them.
Results do not depend on it: no kernel's do on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..dims import Extent
from ..lowering.steps import ControlStep, Step
from ..views import Buffer

BARRIER = 1 << 12  # what a meeting of the team costs, in units of work
CALL = 1 << 10  # what a step costs at least
LEAST = 1 << 14  # work of lanes below which they are not worth a meeting
GAIN = 1.05  # how much faster lanes must be than the team
LONG = 1 << 24  # work of a step of a loop from which on the loop looks for the stop flag, which lanes do not


@dataclass
class Lanes:
    """Steps that run side by side. `own`: the work space that only the steps of a lane use."""

    lanes: list[list[Step]]
    own: list[set[Buffer]]


Entry = Step | Lanes


@dataclass
class Costs:
    """What steps cost: `number` evaluates extents; `threads` share steps of at least `least` work."""

    number: Callable[[Extent], int]
    threads: int
    least: int

    def together(self, step: Step) -> float:
        """The time of a step on the team, in units of work."""
        if isinstance(step, ControlStep):
            return self.number(step.steps) * sum(self.together(s) for part in step.sections for s in part.lowered.steps)
        work = self.number(step.work)
        return CALL + (work / self.threads + BARRIER if work >= self.least else work)

    def alone(self, step: Step) -> float:
        """The time of a step on one thread."""
        if isinstance(step, ControlStep):
            return self.number(step.steps) * sum(self.alone(s) for part in step.sections for s in part.lowered.steps)
        return CALL + self.number(step.work)

    def may_be_lane(self, step: Step) -> bool:
        """Whether a step is a loop that needs no stop flag."""
        if not isinstance(step, ControlStep) or step.name != "loop":
            return False
        inside = [s for part in step.sections for s in part.lowered.steps]
        return not any(isinstance(s, ControlStep) or self.number(s.work) >= LONG for s in inside)


def arrange(steps: Sequence[Step], guard: int, costs: Costs) -> tuple[list[Entry], int]:
    """The steps in an order in which loops run side by side where that is faster, and how many entries precede the guard.

    Args:
        steps: in an order in which they may run.
        guard: how many of them precede the first write of a state.
        costs: of the steps.
    """
    found = [i for i, step in enumerate(steps) if costs.may_be_lane(step)] if costs.threads > 1 else []
    if len(found) < 2:
        return list(steps), guard
    order = _Order(steps, guard)
    free = list(found)
    while free:
        group = [free.pop(0)]
        for t in list(free):
            if all(order.apart(g, t) for g in group):
                group.append(t)
                free.remove(t)
        if len(group) > 1:
            lanes = order.lanes(group)
            lanes.sort(key=lambda lane: -sum(costs.alone(steps[i]) for i in lane))
            busy = [sum(costs.alone(steps[i]) for lane in lanes[t :: costs.threads] for i in lane) for t in range(costs.threads)]
            shared = sum(costs.together(steps[i]) for lane in lanes for i in lane)
            if max(busy) >= LEAST and GAIN * (max(busy) + BARRIER) < shared:
                order.join(lanes)
    return order.entries()


class _Order:
    """What steps need of one another. Sets of steps are bits of a number."""

    def __init__(self, steps: Sequence[Step], guard: int):
        self.steps, self.guard = steps, guard
        self.joined: list[list[list[int]]] = []
        self.users: dict[Buffer, int] = {}
        self.before = [0] * len(steps)  # all that come before a step
        self.needed: list[list[int]] = [[] for _ in steps]  # by which steps
        self.direct: list[set[int]] = []
        writers: dict[Buffer, int] = {}
        readers: dict[Buffer, list[int]] = {}
        for i, step in enumerate(steps):
            needs = {writers[b] for b in step.reads if b in writers}
            for b in step.writes:
                needs.update(readers.pop(b, ()))
                if b in writers:
                    needs.add(writers[b])
                writers[b] = i
            for b in step.reads:
                readers.setdefault(b, []).append(i)
            for b in (*step.reads, *step.writes):
                self.users[b] = self.users.get(b, 0) | 1 << i
            needs.discard(i)
            self.direct.append(needs)
            for j in needs:
                self.before[i] |= self.before[j] | 1 << j
                self.needed[j].append(i)

    def apart(self, i: int, j: int) -> bool:
        """Whether two steps, i before j, may run at once."""
        return not self.before[j] >> i & 1 and (i < self.guard) == (j < self.guard)

    def lanes(self, group: Sequence[int]) -> list[list[int]]:
        """For each step of a group the steps that only it needs, and itself."""
        taken = {i for lanes in self.joined for lane in lanes for i in lane}
        lanes: list[list[int]] = []
        for last in group:
            lane = [last]
            for i in range(last - 1, -1, -1):
                same_side = (i < self.guard) == (last < self.guard)
                if same_side and i not in taken and self.needed[i] and all(j in lane for j in self.needed[i]):
                    lane.append(i)
            lanes.append(lane[::-1])
        return lanes

    def join(self, lanes: list[list[int]]) -> None:
        """Lets lanes run side by side, if the steps then still have an order."""
        self.joined.append(lanes)
        if not self.ordered():
            self.joined.pop()

    def ordered(self) -> list[tuple[int, ...]] | None:
        """The steps in order, those of joined lanes as one; None if there is none."""
        units = {i: (i,) for i in range(len(self.steps))}
        for lanes in self.joined:
            together = tuple(i for lane in lanes for i in lane)
            units |= dict.fromkeys(together, together)
        waiting = sorted(set(units.values()), key=max)
        done: set[int] = set()
        found: list[tuple[int, ...]] = []
        while waiting:
            unit = next((u for u in waiting if all(j in done or j in u for i in u for j in self.direct[i])), None)
            if unit is None:
                return None
            waiting.remove(unit)
            done.update(unit)
            found.append(unit)
        return found

    def entries(self) -> tuple[list[Entry], int]:
        """The steps in order, and how many entries precede the guard."""
        lanes_of = {lane[0]: lanes for lanes in self.joined for lane in lanes}
        entries: list[Entry] = []
        guard = 0
        for unit in self.ordered() or []:  # what precedes the guard needs nothing behind it, so it comes first
            guard += max(unit) < self.guard
            lanes = lanes_of.get(unit[0])
            if lanes is None:
                entries.append(self.steps[unit[0]])
            else:
                entries.append(Lanes([[self.steps[i] for i in lane] for lane in lanes], self.own(lanes)))
        return entries, guard

    def own(self, lanes: Sequence[Sequence[int]]) -> list[set[Buffer]]:
        """The work space that only the steps of a lane use, for each lane."""
        found: list[set[Buffer]] = []
        for lane in lanes:
            inside = sum(1 << i for i in lane)
            buffers = {b for i in lane for b in (*self.steps[i].reads, *self.steps[i].writes)}
            found.append({b for b in buffers if b.kind == "arena" and not self.users[b] & ~inside})
        return found
