"""States: numbers that outlive a run, such as weights. Programs read and write them in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class State:
    """What stands for a state in a graph: its key there, and where its numbers are.

    `array` is C-contiguous and never replaced. Whoever changes its numbers by another way than `write` says so with `written`.
    """

    array: npt.NDArray[Any]

    def __init__(self, array: npt.NDArray[Any]):
        self.array = array

    def write(self, numbers: Any) -> None:
        """Takes new numbers of the same shape, or one for all."""
        np.copyto(self.array, numbers, casting="unsafe")
        written()


_last_write = object()


def written() -> None:
    """Some state may have other numbers now."""
    global _last_write
    _last_write = object()


def last_write() -> object:
    """The same object as before, if no state was written in between."""
    return _last_write
