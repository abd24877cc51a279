"""What a source of batches is: it gives chunks, the inputs of a number of steps that one native call makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .columns import Column
from .layout import Layout

Steps: TypeAlias = Callable[[Layout, int], int]


@dataclass(frozen=True)
class Chunk:
    """The inputs of `steps` steps of `batch` rows each; `first` is the number of the first row in the data set."""

    layout: Layout
    inputs: Sequence[Any]
    steps: int
    batch: int
    first: int
    columns: Sequence[Column]


class Source:
    """What all sources share.

    Attributes:
        kind: what the user gave, for messages.
        steps: the number of batches in one pass, None where nobody knows.
        rows: the number of rows, None where nobody knows.
    """

    kind = "arrays"
    steps: int | None = None
    rows: int | None = None
    restarts = True  # a new pass can start from the beginning
    exhausted = False

    def first(self) -> tuple[Layout, int, list[Column]]:
        """The layout, number of rows and columns of the first batch (or of all rows)."""
        raise NotImplementedError

    def chunks(self, limit: int | None, pace: Steps) -> Iterator[Chunk]:
        """Goes on through the data: at most `limit` batches, in chunks of the size that `pace(layout, rows)` asks for."""
        raise NotImplementedError

    def more(self) -> bool:
        """Whether there is a batch for another epoch."""
        return True

    def restart(self) -> None:
        """Starts the next pass from the beginning."""

    def epoch_begins(self) -> None:
        """Tells the data that an epoch starts."""

    def epoch_ended(self) -> None:
        """Tells the data that an epoch is over."""
