"""A progress bar that suits where it is shown: a terminal, a notebook, or a file."""

from __future__ import annotations

import logging
import math
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import config

Values = Sequence[tuple[str, Any]]


def _notebook() -> Any:
    """IPython's `display` in a notebook, else None; IPython is never imported for it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display  # pyright: ignore

    return display  # pyright: ignore


def resolve_verbose(verbose: Any) -> int:
    """The number behind `verbose`: "auto" is a bar on terminals and in notebooks and a line per epoch elsewhere.

    Raises:
        ValueError: for anything but "auto", 0, 1 and 2.
    """
    if verbose == "auto":
        return 1 if config.is_interactive_logging_enabled() and (_is_terminal() or _notebook() is not None) else 2
    if verbose in (0, 1, 2):
        return int(verbose)
    raise ValueError(f'`verbose` must be "auto", 0, 1 or 2. Received: verbose={verbose!r}')


def _is_terminal() -> bool:
    isatty = getattr(sys.stdout, "isatty", None)
    return bool(isatty is not None and isatty())


def duration(seconds: float) -> str:
    """The time of one step, short.

    >>> duration(2.5), duration(0.0123), duration(0.0000042)
    ('3s', '12ms', '4us')
    """
    if seconds >= 1 or seconds == 0:
        return f"{math.floor(seconds + 0.5)}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _clock(seconds: float) -> str:
    s = round(seconds)
    if s >= 3600:
        return f"{s // 3600}:{s % 3600 // 60:02d}:{s % 60:02d}"
    return f"{s // 60}:{s % 60:02d}" if s >= 60 else f"{s}s"


class Progbar:
    """Shows how far a loop is.

    Args:
        target: the number of steps, None where nobody knows.
        width: of the bar, in characters.
        verbose: 0 shows nothing, 1 a bar, 2 one line at the end.
        interval: the least time between two pictures of the bar, in seconds.
        stateful_metrics: names whose values are shown as they come (the default for all).
        stateless_metrics: names whose values are averaged over the steps.
        unit_name: what a step is called.

    >>> import graphnn
    >>> bar = graphnn.utils.Progbar(10, verbose=0)
    >>> bar.update(10, [("loss", 0.5)])
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.1,
        stateful_metrics: Sequence[str] | None = None,
        stateless_metrics: Sequence[str] | None = None,
        unit_name: str = "step",
    ):
        self.target, self.width, self.verbose, self.unit_name = target, width, verbose, unit_name
        self.interval = max(interval, 0.1)
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = set(stateless_metrics or ())
        self._display = _notebook() if verbose == 1 else None
        self._dynamic = verbose == 1 and (self._display is not None or _is_terminal())
        self._handle: Any = None
        self._values: dict[str, Any] = {}
        self._weights: dict[str, int] = {}
        self._seen = self._first_seen = self._last_width = 0
        self._start = time.perf_counter()
        self._after_first: float | None = None
        self._last = -math.inf

    def update(self, current: int, values: Values | None = None, finalize: bool | None = None) -> None:
        """Shows that `current` steps are done.

        Args:
            current: the number of steps done.
            values: pairs of a name and a number.
            finalize: whether this is the last call; by default when `current` reaches the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, number in values or ():
            self._note(name, number, max(current - self._seen, 1))
        self._seen = current
        now = time.perf_counter()
        if self._after_first is None and current > 0:
            # The first steps compile: they do not count where later ones can.
            self._after_first, self._first_seen = now, current
        if self.verbose == 0 or not (finalize or self._dynamic):
            return
        if not finalize and now - self._last < self.interval:
            return
        self._last = now
        self._show(self._line(current, now - self._start, now, finalize), finalize)

    def add(self, n: int, values: Values | None = None) -> None:
        """Shows that `n` more steps are done."""
        self.update(self._seen + n, values)

    def _note(self, name: str, number: Any, steps: int) -> None:
        if name in self.stateless_metrics and name in self._values:
            before = self._weights[name]
            self._values[name] = (self._values[name] * before + number * steps) / (before + steps)
            self._weights[name] = before + steps
        else:
            self._values[name] = number
            self._weights[name] = steps

    def _per_step(self, current: int, elapsed: float, now: float) -> float:
        assert self._after_first is not None or current == 0
        later = current - self._first_seen
        if later > 0 and self._after_first is not None:
            return (now - self._after_first) / later
        return elapsed / current if current else 0.0

    def _line(self, current: int, elapsed: float, now: float, finalize: bool) -> str:
        per_step = self._per_step(current, elapsed, now)
        if self.target is None:
            head = f"{current}/Unknown"
        else:
            digits = len(str(self.target))
            head = f"{current:>{digits}}/{self.target}"
        if not self._dynamic:
            head += f" - {_clock(elapsed)} - {duration(per_step)}/{self.unit_name}"
        else:
            if self.target:
                full = min(self.width, self.width * current // self.target)
                head += " " + "━" * full + "─" * (self.width - full)
            rest = elapsed if finalize or self.target is None else per_step * max(self.target - current, 0)
            head += f" {_clock(rest)} {duration(per_step)}/{self.unit_name}"
        return head + "".join(f" - {name}: {_number(v)}" for name, v in self._values.items())

    def _show(self, line: str, finalize: bool) -> None:
        if not config.is_interactive_logging_enabled():
            if finalize:
                logging.getLogger("graphnn").info(line)
            return
        if self._display is not None:
            bundle = {"text/plain": line}
            if self._handle is None:
                self._handle = self._display(bundle, raw=True, display_id=True)
            else:
                self._handle.update(bundle, raw=True)
            return
        out = sys.stdout
        if not self._dynamic:
            out.write(line + "\n")
        else:
            columns = shutil.get_terminal_size((80, 24)).columns
            if not finalize and len(line) >= columns:  # a line that wraps could not be rewritten
                line = line[: columns - 1]
            text = "\r" + line.ljust(self._last_width) + ("\n" if finalize else "")
            self._last_width = 0 if finalize else len(line)
            try:
                out.write(text)
            except UnicodeEncodeError:
                out.write(text.replace("━", "=").replace("─", "."))
        out.flush()


def _number(value: Any) -> str:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return str(value)
    if array.ndim:
        return np.array2string(array, precision=4)
    x = float(array)
    return f"{x:.4f}" if abs(x) > 1e-3 or x == 0 else f"{x:.4e}"
