"""Whether a program runs on the team or alone: found by trying both."""

from __future__ import annotations


class Pace:
    """Whether the team is worth its barriers. Where other processes want the cores, waiting for one another can cost far more than it
    gains; the results have the same bits either way, so the faster way is found by trying both, now and then again on a part of a run.
    """

    SOON, LATE = 16, 8.0  # steps until the slower way is tried again, and seconds; twice as many after each trial that changed nothing
    PART = 16  # a trial takes a 16th of the steps
    GROWTH = 1.25  # of what is known by one time: a single slow step is chance
    WAKE = 3  # steps until threads that slept are as fast as they can be
    NEAR = 2  # times the team's time: what is slower than that is so wherever the others are
    REST = 1  # steps alone until the others, who look for work for a while, are out of the way
    LONG = 0.005  # seconds of a step that is better done together: not even tried alone

    def __init__(self) -> None:
        self.alone = self.together = 0.0  # seconds per step; 0: not known
        self.wait, self.due = 0.0, 0.0
        self.last = False  # whether the team took the last steps
        self.changing = 1  # so many of the next times start or wake the other threads, or let them go to sleep, and say nothing
        self.to = True  # whether it is the team that comes

    def next(self, left: int, now: float) -> tuple[bool, int]:
        """For the steps that are left of a run: whether the team takes the next ones, and how many."""
        if not self.together:
            return True, left
        best = self._best()
        if now < self.due:
            return best, left
        close = self.alone < self.NEAR * self.together
        if not self.changing and best == self.last and (close or not best):  # a trial begins: some steps before the one that is measured
            self.changing, self.to = self.REST if best else self.WAKE, not best
        if self.changing:
            return self.to, 1
        return not best, max(left // self.PART, 1)

    def took(self, together: bool, seconds: float, now: float) -> None:
        """Notes the time of a step."""
        self.last = together
        if self.changing:
            self.changing -= 1
            return
        trial = together != self._best()
        before = self.together if together else self.alone
        after = min(seconds, self.GROWTH * before) if before else seconds
        if together:
            self.together = after
            if not self.alone and seconds > self.LONG:
                self.alone, self.due = 2 * seconds, now + self.LATE
        else:
            self.alone = after
        if trial:
            changed = not before or together == self._best()
            soon = self.SOON * (self.together if self._best() else self.alone)
            self.wait = min(soon if changed else max(2 * self.wait, soon), self.LATE)
            self.due = now + self.wait

    def _best(self) -> bool:
        return not self.alone or self.together <= self.alone
