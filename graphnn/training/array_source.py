"""Batches of arrays: many steps at a time, in order or shuffled, and nothing is copied."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from graphnn_compiler.executable import Rows

from ..tensor import Array
from .columns import Column, leaves, same_length
from .layout import Layout, layout_of
from .source import Chunk, Source, Steps

STAGE = 64 << 20  # bytes of rows that are brought into the right form for one call
DEFAULT_BATCH = 32


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
        self.batch = DEFAULT_BATCH if batch_size is None else positive(batch_size, "batch_size")
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

    def chunks(self, limit: int | None, pace: Steps) -> Iterator[Chunk]:
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


def positive(n: Any, name: str) -> int:
    """A positive integer, or a ValueError that names it."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or int(n) < 1:  # pyright: ignore[reportUnknownArgumentType]
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={n!r}")
    return int(n)  # pyright: ignore[reportUnknownArgumentType]
