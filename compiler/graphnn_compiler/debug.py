"""GRAPHNN_DEBUG=1..4 prints, GRAPHNN_DUMP=directory writes: 1 timings, 2 the graph, 3 the graph after each pass, 4 kernel source."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

_numbers = itertools.count()


def level() -> int:
    """The level of GRAPHNN_DEBUG; 0 where it is not set or not a number."""
    text = os.environ.get("GRAPHNN_DEBUG", "")
    return int(text) if text.isdigit() else 0


def wanted(at: int) -> bool:
    """Whether what belongs to a level is printed or dumped."""
    return level() >= at or "GRAPHNN_DUMP" in os.environ


def show(at: int, title: str, text: str) -> None:
    """Prints a text if the level is reached; writes it into a numbered file of GRAPHNN_DUMP."""
    if level() >= at:
        print(f"-- {title}\n{text}", file=sys.stderr)
    directory = os.environ.get("GRAPHNN_DUMP")
    if directory:
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{os.getpid()}-{next(_numbers):04}-{title.replace(' ', '-')}.txt").write_text(text + "\n", encoding="utf-8")
