"""How many steps the next native call takes."""

from __future__ import annotations

TARGET = 0.07  # seconds: often enough for progress, callbacks and Ctrl-C, rarely enough to cost nothing
GROWTH = 8


class Pace:
    """Learns from the time that calls took. The first call may compile; it is one step and counts only as an upper bound.

    >>> pace = Pace()
    >>> pace.next()
    1
    >>> pace.took(1, 0.5); pace.took(1, 0.001); pace.next()
    8
    """

    def __init__(self) -> None:
        self._steps = 1
        self._known = False

    def next(self) -> int:
        """The number of steps to take now."""
        return self._steps

    def took(self, steps: int, seconds: float) -> None:
        """Notes that `steps` steps took `seconds`."""
        if not self._known:
            self._known = True
            return
        wanted = round(TARGET * steps / max(seconds, 1e-9))
        self._steps = max(1, min(wanted, GROWTH * max(steps, self._steps // GROWTH)))
