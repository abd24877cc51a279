"""Where the batches of `fit`, `evaluate` and `predict` come from.

A source gives chunks: the inputs of a number of steps that one native call makes. Arrays give many steps at a time and nothing is
copied; generators and datasets give one.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from graphnn_compiler.executable import Rows

from .. import tree
from ..tensor import Array
from .class_weight import class_weights
from .columns import Column, columns, leaves, same_length
from .layout import Layout, layout_of

STAGE = 64 << 20  # bytes of rows that are brought into the right form for one call
DEFAULT_BATCH = 32


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
        steps: the number of batches in one pass, None where nobody knows.
        rows: the number of rows, None where nobody knows.
    """

    steps: int | None = None
    rows: int | None = None
    restarts = True  # a new pass can start from the beginning
    exhausted = False

    def first(self) -> tuple[Layout, int, list[Column]]:
        """The layout, number of rows and columns of the first batch (or of all rows)."""
        raise NotImplementedError

    def chunks(self, limit: int | None, pace: Any) -> Iterator[Chunk]:
        """Goes on through the data: at most `limit` batches, in chunks of the size that `pace(layout, rows)` asks for."""
        raise NotImplementedError

    def restart(self) -> None:
        """Starts the next pass from the beginning."""

    def epoch_begins(self) -> None:
        """Tells the data that an epoch starts."""

    def epoch_ended(self) -> None:
        """Tells the data that an epoch is over."""


class ArraySource(Source):
    """Arrays, in order or shuffled anew for every pass.

    Args:
        data: (x, y, sample_weight) made of columns.
        batch_size: rows in a batch; the last one may have fewer.
        shuffle: True, False, or "batch" (whole batches change places).
    """

    def __init__(self, data: tuple[Any, Any, Any], batch_size: int | None = None, shuffle: Any = False):
        self.data = data
        self.columns = leaves(data)
        self.rows = same_length(self.columns)
        self.batch = DEFAULT_BATCH if batch_size is None else _positive(batch_size, "batch_size")
        self.steps = math.ceil(self.rows / self.batch)
        self.layout = layout_of(data)
        self.shuffle = shuffle
        self.direct = all(c.array is not None for c in self.columns)
        row_bytes = sum(int(np.prod(c.shape[1:])) * np.dtype(c.dtype).itemsize for c in self.columns if c.array is None)
        self.staged_steps = max(STAGE // max(row_bytes * self.batch, 1), 1)
        # One number of the framework's generator for each fit; the passes count from it.
        self.seed = random.getrandbits(62) if shuffle else 0
        self.passes = 0
        self.position = 0
        self.order: Array | None = None

    def first(self) -> tuple[Layout, int, list[Column]]:
        return self.layout, min(self.batch, self.rows or 0), self.columns

    def restart(self) -> None:
        self.position = 0

    def _new_order(self) -> Array | None:
        if not self.shuffle:
            return None
        generator = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, 0, self.passes]))
        self.passes += 1
        n = self.rows or 0
        if self.shuffle != "batch":
            return generator.permutation(n)
        whole = n // self.batch
        blocks = generator.permutation(whole)[:, None] * self.batch + np.arange(self.batch)
        return np.concatenate([blocks.reshape(-1), np.arange(whole * self.batch, n)])

    def chunks(self, limit: int | None, pace: Any) -> Iterator[Chunk]:
        assert self.steps is not None and self.rows is not None
        if self.position >= self.steps:
            self.position = 0
        if self.position == 0:
            self.order = self._new_order()
        end = self.steps if limit is None else min(self.position + limit, self.steps)
        whole = self.rows // self.batch
        while self.position < end:
            at = self.position
            if at < whole:
                batch = self.batch
                steps = min(pace(self.layout, batch), min(end, whole) - at)
                if not self.direct:
                    steps = min(steps, self.staged_steps)
            else:
                batch, steps = self.rows - at * self.batch, 1
            yield self._chunk(at * self.batch, batch, steps)
            self.position += steps

    def _chunk(self, first: int, batch: int, steps: int) -> Chunk:
        inputs: list[Any] = []
        for c in self.columns:
            if c.array is not None:
                inputs.append(Rows(c.array, batch, first, self.order))
            else:
                inputs.append(Rows(c.rows(first, first + batch * steps, self.order), batch))
        return Chunk(self.layout, inputs, steps, batch, first, self.columns)


class BatchSource(Source):
    """Anything that gives batches: a generator, a `PyDataset`, another library's loader."""

    def __init__(self, data: Any, class_weight: Any = None, shuffle: bool = True, places: int = 1):
        self.data, self.class_weight, self.places = data, class_weight, places
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
            return (self.data[i] for i in _endless())
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
            raise ValueError(f"a batch must be (x,), (x, y) or (x, y, sample_weight). Received: a {type(batch).__name__} of {len(batch)}")
        x, y, sample_weight = (*batch, None, None)[:3]
        return with_weights(x, y, sample_weight, self.class_weight, self.places)

    def first(self) -> tuple[Layout, int, list[Column]]:
        batch = self._next()
        if batch is None:
            raise ValueError(f"the data ({type(self.data).__name__}) gave no batch")
        self._ahead.append(batch)
        found = leaves(batch)
        return layout_of(batch), same_length(found), found

    def restart(self) -> None:
        if self.restarts and self._given:
            self._batches, self._ahead, self._given = None, [], 0

    def chunks(self, limit: int | None, pace: Any) -> Iterator[Chunk]:
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


def _endless() -> Iterator[int]:
    i = 0
    while True:
        yield i
        i += 1


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


def _positive(n: Any, name: str) -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={n!r}")
    return int(n)


def with_weights(x: Any, y: Any, sample_weight: Any, class_weight: Any, places: int = 1) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) as columns, class weights turned into sample weights."""
    data = (columns(x, "x", places), columns(y, "y"), columns(sample_weight, "sample_weight"))
    if class_weight is None:
        return data
    if sample_weight is not None:
        raise ValueError("You cannot use `class_weight` and `sample_weight` at the same time.")
    if y is None:
        raise ValueError("`class_weight` needs targets (y)")
    targets = leaves(data[1])
    if len(targets) != 1:
        raise ValueError(f"`class_weight` is only supported for models with a single output. Received: y with {len(targets)} arrays")
    return data[0], data[1], Column(class_weights(targets[0], class_weight), "class_weight")


def split(data: tuple[Any, Any, Any], fraction: float) -> tuple[Any, Any]:
    """(x, y, sample_weight) in two: the last `fraction` of the rows is for validation. Nothing is copied."""
    if not 0 < fraction < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1. Received: validation_split={fraction!r}")
    rows = same_length(leaves(data))
    at = math.floor(rows * (1.0 - fraction))
    if at == 0 or at == rows:
        raise ValueError(
            f"Training data contains {rows} samples, which is not sufficient to split it into a validation and training set as specified "
            f"by `validation_split={fraction}`. Either provide more data, or a different value for the `validation_split` argument."
        )

    def part(start: int, stop: int) -> Any:
        return tree.map_structure(lambda c: c.part(start, stop), data, none_is_leaf=False)

    return part(0, at), part(at, rows)


def ran_out(source: Source, wanted: int | None, had: int) -> None:
    """The one warning of data that end too early."""
    kind = type(getattr(source, "data", source)).__name__ if isinstance(source, BatchSource) else "arrays"
    asked = f"{wanted} steps in each epoch were asked for, " if wanted else ""
    warnings.warn(
        f"Your input ran out of data; interrupting training: {asked}the data ({kind}) ended after {had} batches of this epoch. "
        "Make sure that they give at least `steps_per_epoch * epochs` batches.",
        UserWarning,
        stacklevel=3,
    )
