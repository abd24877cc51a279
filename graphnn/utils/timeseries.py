"""Windows of a series as batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..tensor import Array


class TimeseriesDataset:
    """Batches of windows of a series. Made by `timeseries_dataset_from_array`."""

    def __init__(
        self, data: Array, targets: Array | None, starts: Array, steps: Array, batch_size: int | None, shuffle: bool, seed: int
    ):
        self.data, self.targets, self.starts, self.steps = data, targets, starts, steps
        self.batch_size, self.shuffle, self.seed, self.passes = batch_size, shuffle, seed, 0

    def __len__(self) -> int:
        """The number of batches."""
        return len(self.starts) if self.batch_size is None else -(-len(self.starts) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """One pass: x, or (x, y); in another order each time where `shuffle` is set."""
        starts = self.starts
        if self.shuffle:
            starts = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, 0, self.passes])).permutation(starts)
        self.passes += 1
        size = self.batch_size or 1
        for i in range(0, len(starts), size):
            chosen = starts[i : i + size]
            x = self.data[chosen[:, None] + self.steps]
            y = None if self.targets is None else self.targets[chosen]
            if self.batch_size is None:
                x, y = x[0], None if y is None else y[0]
            yield x if y is None else (x, y)


def timeseries_dataset_from_array(
    data: Any, targets: Any, sequence_length: int, sequence_stride: int = 1, sampling_rate: int = 1, batch_size: int | None = 128,
    shuffle: bool = False, seed: int | None = None, start_index: int | None = None, end_index: int | None = None, format: str = "tf",
) -> TimeseriesDataset:  # fmt: skip
    """Windows of a series as batches for `fit`, `evaluate` and `predict`.

    Args:
        data: the series, along axis 0.
        targets: `targets[i]` belongs to the window that starts at step i; None for windows alone.
        sequence_length: how many steps are in a window.
        sequence_stride: how far windows are apart.
        sampling_rate: how far the steps of a window are apart.
        batch_size: windows of a batch; None gives one at a time, without a batch.
        shuffle: whether the order is another one in each pass.
        seed: an integer for orders that repeat from run to run.
        start_index: the first step that is used; end_index: the first that is not.
        format: kept for Keras's scripts; the result is an iterable of NumPy arrays.

    Returns:
        An iterable of arrays (batch, sequence_length, ...), with targets of pairs; it has a length.

    Raises:
        ValueError: a number is not positive, or an index or a distance is not inside the data.

    >>> import numpy as np
    >>> data = timeseries_dataset_from_array(np.arange(5), np.arange(5) * 10, sequence_length=3, batch_size=2)
    >>> [(x.tolist(), y.tolist()) for x, y in data]
    [([[0, 1, 2], [1, 2, 3]], [0, 10]), ([[2, 3, 4]], [20])]
    """
    series = np.asarray(data)
    n = len(series)
    for name, k in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride), ("sequence_length", sequence_length)):
        if k <= 0:
            raise ValueError(f"`{name}` must be higher than 0. Received: {name}={k}")
        if k >= n and name != "sequence_length":
            raise ValueError(f"`{name}` must be lower than the length of the data. Received: {name}={k}, for data of length {n}")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"`batch_size` must be positive or None. Received: batch_size={batch_size}")
    for name, k in (("start_index", start_index), ("end_index", end_index)):
        if k is not None and k < 0:
            raise ValueError(f"`{name}` must be 0 or greater. Received: {name}={k}")
        if k is not None and k >= n:
            raise ValueError(f"`{name}` must be lower than the length of the data. Received: {name}={k}, for data of length {n}")
    first, last = start_index or 0, n if end_index is None else end_index
    if end_index is not None and end_index <= first:
        raise ValueError(
            f"`end_index` must be higher than `start_index`. Received: start_index={start_index}, and end_index={end_index}"
        )
    wanted = None if targets is None else np.asarray(targets)
    until = last - (sequence_length - 1) * sampling_rate
    until = until if wanted is None else min(until, len(wanted))
    start = int(np.random.randint(1 << 31)) if seed is None else int(seed)
    starts, steps = np.arange(first, until, sequence_stride), np.arange(sequence_length) * sampling_rate
    return TimeseriesDataset(series, wanted, starts, steps, batch_size, shuffle, start)
