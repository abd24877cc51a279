"""One counter for the whole process that rises when an attribute of a built layer, or a setting, changes: programs that were traced
before are traced again. Tracing again is cheap (the kernels are there); computing with an old attribute would be wrong.
"""

from __future__ import annotations

from typing import Any

from graphnn_compiler.trace import active

from ..config import on_change

count = [0]


def epoch() -> int:
    """The counter."""
    return count[0]


def raise_epoch() -> None:
    """Makes all kept programs old."""
    count[0] += 1


def note_change(old: Any, new: Any) -> None:
    """Raises the counter if a new value differs from the old one. What `call` itself stores while it is traced does not count."""
    same = old is new or (type(old) is type(new) and isinstance(new, int | float | str | tuple) and old == new)
    if not same and active() is None:
        raise_epoch()


on_change.append(raise_epoch)
