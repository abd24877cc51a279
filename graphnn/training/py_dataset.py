"""A data set that gives its batches by number."""

from __future__ import annotations

from typing import Any


class PyDataset:
    """Base of data sets that give batch i on demand; `fit` shuffles the order of the batches.

    Subclasses write `__len__` (the number of batches) and `__getitem__` (batch i as (x, y) or (x, y, sample_weight)).

    Args:
        workers, use_multiprocessing, max_queue_size: accepted for compatibility; batches are made when they are needed.

    >>> import numpy as np
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, i):
    ...         x = np.full((4, 1), i, "float32")
    ...         return x, x * x
    >>> Squares().num_batches
    3
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    @property
    def num_batches(self) -> int | None:
        """The number of batches, None for an endless data set."""
        try:
            return len(self)  # type: ignore[arg-type]
        except TypeError:
            return None

    def __getitem__(self, index: int) -> Any:
        """Batch `index`."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


Sequence = PyDataset  # its name in older scripts
