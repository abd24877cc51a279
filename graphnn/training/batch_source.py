"""Batches of generators, datasets and other libraries' loaders: one step at a time."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import tree
from .columns import Column, leaves, same_length
from .data import with_weights
from .layout import Layout, layout_of
from .source import Chunk, Source, Steps


class BatchSource(Source):
    """Anything that gives batches: a generator, a `PyDataset`, another library's loader."""

    def __init__(self, data: Any, class_weight: Any = None, shuffle: bool = True, places: int = 1):
        self.data, self.class_weight, self.places = data, class_weight, places
        self.kind = type(data).__name__
        self.indexed = is_dataset(data)
        self.restarts = self.indexed or not hasattr(data, "__next__")
        self.steps = _length(data)
        self.shuffle = shuffle and self.indexed
        self.seed = random.getrandbits(62) if self.shuffle else 0
        self.passes = 0
        self._batches: Iterator[Any] | None = None
        self._ahead: list[Any] = []
        self._given = 0  # batches of this pass

    def _start(self) -> Iterator[Any]:
        if not self.indexed:
            return iter(self.data)
        n = self.steps
        if n is None:
            return (self.data[i] for i in itertools.count())
        order = np.arange(n)
        if self.shuffle:
            order = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, 0, self.passes])).permutation(n)
        self.passes += 1
        return (self.data[int(i)] for i in order)

    def _next(self) -> tuple[Any, Any, Any] | None:
        """The next batch as columns, None at the end."""
        if self._ahead:
            return self._ahead.pop()
        if self._batches is None:
            if self.exhausted:
                return None
            self._batches = self._start()
        try:
            batch = next(self._batches)
        except StopIteration:
            self._batches = None
            self.exhausted = not self.restarts
            return None
        return self._as_columns(batch)

    def _as_columns(self, batch: Any) -> tuple[Any, Any, Any]:
        if not tree.is_list(batch):
            batch = (batch,)
        if not 1 <= len(batch) <= 3:
            raise ValueError(
                f"a batch must be (x,), (x, y) or (x, y, sample_weight). Received: a {type(batch).__name__} of {len(batch)}"
            )
        x, y, sample_weight = (*batch, None, None)[:3]
        return with_weights(x, y, sample_weight, self.class_weight, self.places)

    def first(self) -> tuple[Layout, int, list[Column]]:
        batch = self._next()
        if batch is None:
            raise ValueError(f"the data ({self.kind}) gave no batch")
        self._ahead.append(batch)
        found = leaves(batch)
        return layout_of(batch), same_length(found), found

    def more(self) -> bool:
        if self.restarts or self._ahead:
            return True
        batch = self._next()
        if batch is not None:
            self._ahead.append(batch)
        return batch is not None

    def restart(self) -> None:
        if self.restarts and self._given:
            self._batches, self._ahead, self._given = None, [], 0

    def chunks(self, limit: int | None, pace: Steps) -> Iterator[Chunk]:
        done = 0
        while limit is None or done < limit:
            batch = self._next()
            if batch is None:
                self._given = 0
                return
            self._given += 1
            found = leaves(batch)
            rows = same_length(found)
            inputs = [c.rows(0, rows) for c in found]
            yield Chunk(layout_of(batch), inputs, 1, rows, 0, found)
            done += 1

    def epoch_begins(self) -> None:
        begins = getattr(self.data, "on_epoch_begin", None)
        if begins is not None:
            begins()

    def epoch_ended(self) -> None:
        ended = getattr(self.data, "on_epoch_end", None)
        if ended is not None:
            ended()


def is_dataset(x: Any) -> bool:
    """True for objects that give batches by number, as `PyDataset` does."""
    if any(hasattr(x, n) for n in ("shape", "dtype", "keys", "__array__", "iloc")) or isinstance(x, list | tuple | str | bytes):
        return False
    return hasattr(x, "__getitem__") and hasattr(x, "__len__") and (hasattr(x, "on_epoch_end") or not hasattr(x, "__iter__"))


def gives_batches(x: Any) -> bool:
    """True for generators, datasets and loaders: what is no array, list or dictionary, but can be iterated."""
    if x is None or isinstance(x, list | tuple | dict | str | bytes) or hasattr(x, "shape") or hasattr(x, "__array__"):
        return False
    if hasattr(x, "to_numpy") or hasattr(x, "toarray"):
        return False
    return is_dataset(x) or hasattr(x, "__iter__") or hasattr(x, "__next__")


def _length(data: Any) -> int | None:
    if hasattr(data, "num_batches"):
        return data.num_batches
    try:
        return len(data)
    except (TypeError, AttributeError, RuntimeError):
        return None
