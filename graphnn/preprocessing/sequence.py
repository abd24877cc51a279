"""Sequences as batches: windows of a series, pairs of words and their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tensor import Array
from ..training.py_dataset import PyDataset
from ..utils.sequences import pad_sequences

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]


class TimeseriesGenerator(PyDataset):
    """Batches of windows of a series, and what comes behind each.

    Args:
        data: the series, along axis 0.
        targets: as many as data.
        length: the steps that a window spans.
        sampling_rate: every so many-th of them is in it.
        stride: how far windows are apart.
        start_index, end_index: the first and the last step that are used.
        shuffle: whether windows are drawn at random.
        reverse: whether time runs backwards in each.
        batch_size: windows of a batch.

    Raises:
        ValueError: data and targets differ in length, a number is not positive, or there is no window.

    >>> import numpy as np
    >>> series = np.arange(6)
    >>> x, y = TimeseriesGenerator(series, series, length=3, batch_size=2)[0]
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [1, 2, 3]], [3, 4])
    """

    def __init__(
        self, data: Any, targets: Any, length: int, sampling_rate: int = 1, stride: int = 1, start_index: int = 0,
        end_index: int | None = None, shuffle: bool = False, reverse: bool = False, batch_size: int = 128,
    ):  # fmt: skip
        super().__init__()
        if len(data) != len(targets):
            raise ValueError(f"Data and targets must have the same length. Received: {len(data)} and {len(targets)}")
        for name, n in (("length", length), ("sampling_rate", sampling_rate), ("stride", stride), ("batch_size", batch_size)):
            if n < 1:
                raise ValueError(f"TimeseriesGenerator: `{name}` must be positive. Received: {name}={n}")
        self.data, self.targets, self.length, self.sampling_rate, self.stride = data, targets, length, sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if start_index < 0 or self.start_index > self.end_index or self.end_index >= len(data):
            raise ValueError(
                f"TimeseriesGenerator: no window fits: `start_index+length={self.start_index} > end_index={self.end_index}`, "
                f"or an index is outside of the data. Received: {len(data)} steps"
            )

    def __len__(self) -> int:
        span = self.batch_size * self.stride
        return (self.end_index - self.start_index + span) // span

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        samples = np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])
        return samples[:, ::-1] if self.reverse else samples, np.array([self.targets[row] for row in rows])

    def get_config(self) -> dict[str, Any]:
        """The arguments, data and targets as lists."""
        names = ("sampling_rate", "stride", "shuffle", "reverse", "batch_size", "end_index", "length")
        return {
            "data": np.asarray(self.data).tolist(),
            "targets": np.asarray(self.targets).tolist(),
            "start_index": self.start_index - self.length,
            **{n: getattr(self, n) for n in names},
        }


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> Array:
    r"""With what probability `skipgrams` takes each word, the frequency of words being guessed from their rank by Zipf's law.

    $$p_i = \min(1, \sqrt{\text{factor} / f_i})$$

    T. Mikolov et al., "Distributed representations of words and phrases and their compositionality", 2013.

    Args:
        size: the number of words, from the most frequent on; 0 is no word.
        sampling_factor: the factor.

    >>> make_sampling_table(3).round(5).tolist()
    [0.00315, 0.00315, 0.00548]
    """
    rank = np.maximum(np.arange(size), 1)
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse))


def skipgrams(
    sequence: Sequence[int], vocabulary_size: int, window_size: int = 4, negative_samples: float = 1.0, shuffle: bool = True,
    categorical: bool = False, sampling_table: Any = None, seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:  # fmt: skip
    """Pairs of a word and one near it, labelled 1, and of a word and any other, labelled 0.

    Args:
        sequence: word numbers; 0 is no word.
        vocabulary_size: one more than the largest.
        window_size: how far apart near words are at most.
        negative_samples: how many pairs of the second kind there are for each of the first.
        shuffle: whether pairs are in random order.
        categorical: whether labels are [0, 1] and [1, 0].
        sampling_table: the probability with which each word is taken; see `make_sampling_table`.
        seed: for the same pairs from run to run.

    >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)[0]
    [[1, 2], [2, 1], [2, 3], [3, 2]]
    """
    random = np.random.RandomState(seed)
    couples: list[list[int]] = []
    for i, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random_sample()):
            continue
        near = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        couples += [[int(word), int(sequence[j])] for j in near if j != i and sequence[j]]
    labels: list[Any] = [[0, 1] if categorical else 1] * len(couples)
    n = int(len(couples) * negative_samples)
    if n:
        words = [c[0] for c in couples]
        random.shuffle(words)
        couples += [[words[i % len(words)], int(random.randint(1, max(vocabulary_size, 2)))] for i in range(n)]
        labels += [[1, 0] if categorical else 0] * n
    if shuffle:
        order: list[int] = random.permutation(len(couples)).tolist()
        couples, labels = [couples[i] for i in order], [labels[i] for i in order]
    return couples, labels
