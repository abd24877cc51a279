"""Texts of a directory as batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..tensor import Array
from .labelled_files import LABEL_MODES, labelled, targets

ENDINGS = (".txt",)


class MappedDataset:
    """What a function makes of each batch of a data set."""

    def __init__(self, data: Any, function: Callable[..., Any]):
        self.data, self.function = data, function

    def __len__(self) -> int:
        """The number of batches."""
        return len(self.data)

    def __iter__(self) -> Iterator[Any]:
        """One pass."""
        for batch in self.data:
            yield self.function(*batch) if isinstance(batch, tuple) else self.function(batch)

    def map(self, function: Callable[..., Any], *_: Any, **__: Any) -> MappedDataset:
        """What another function makes of each batch."""
        return MappedDataset(self, function)


class TextDataset:
    """Batches of texts, each time in another order where `shuffle` is set. Made by `text_dataset_from_directory`.

    Attributes:
        file_paths: the files; class_names: the names of the classes, None without labels.
    """

    def __init__(
        self, file_paths: list[str], labels: list[int] | None, class_names: list[str] | None, label_mode: str | None,
        batch_size: int | None, max_length: int | None, shuffle: bool, seed: int,
    ):  # fmt: skip
        self.file_paths, self.labels, self.class_names, self.label_mode = file_paths, labels, class_names, label_mode
        self.batch_size, self.max_length, self.shuffle, self.seed, self.passes = batch_size, max_length, shuffle, seed, 0

    def __len__(self) -> int:
        """The number of batches."""
        n = len(self.file_paths)
        return n if self.batch_size is None else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """One pass: x, or (x, y)."""
        order = np.arange(len(self.file_paths))
        if self.shuffle:
            order = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, 0, self.passes])).permutation(order)
        self.passes += 1
        size = self.batch_size or 1
        for i in range(0, len(order), size):
            places: list[int] = order[i : i + size].tolist()
            x: Array = np.empty(len(places), object)
            x[:] = [Path(self.file_paths[k]).read_text(encoding="utf-8")[: self.max_length] for k in places]
            y = targets(self.labels, places, self.label_mode, self.class_names)
            if self.batch_size is None:
                x, y = x[0], None if y is None else y[0]
            yield x if y is None else (x, y)

    def map(self, function: Callable[..., Any], *_: Any, **__: Any) -> MappedDataset:
        """What a function of texts, or of texts and labels, makes of each batch."""
        return MappedDataset(self, function)


def _check(labels: Any, label_mode: Any, class_names: Any, split: Any, subset: Any, shuffle: bool, seed: Any, size: Any) -> None:
    def wrong(text: str, **given: Any) -> ValueError:
        return ValueError(f"{text} Received: " + ", ".join(f"{k}={v}" for k, v in given.items()))

    if labels not in ("inferred", None) and not isinstance(labels, list | tuple):
        raise wrong('`labels` must be a list or tuple of integers, one for each file, "inferred", or None.', labels=labels)
    if labels != "inferred" and class_names:
        raise wrong('`class_names` can only be passed if `labels="inferred"`.', labels=labels, class_names=class_names)
    if label_mode not in LABEL_MODES:
        raise wrong('`label_mode` argument must be one of "int", "categorical", "binary", or None.', label_mode=label_mode)
    if split is not None and not 0 < split < 1:
        raise wrong("`validation_split` must be between 0 and 1.", validation_split=split)
    if (split is None) != (subset is None):
        raise wrong("`subset` and `validation_split` must be set together.", validation_split=split, subset=subset)
    if subset not in ("training", "validation", "both", None):
        raise wrong('`subset` must be either "training", "validation" or "both".', subset=subset)
    if split is not None and shuffle and seed is None:
        raise wrong("with `validation_split` and shuffling, `seed` must be set, so that the parts do not overlap.", seed=seed)
    if size is not None and (not isinstance(size, int) or size < 1):
        raise wrong("`batch_size` must be a positive integer or None.", batch_size=size)


def text_dataset_from_directory(
    directory: str | os.PathLike[str], labels: Any = "inferred", label_mode: str | None = "int", class_names: Any = None,
    batch_size: int | None = 32, max_length: int | None = None, shuffle: bool = True, seed: int | None = None,
    validation_split: float | None = None, subset: str | None = None, follow_links: bool = False, format: str = "tf",
    verbose: bool = True,
) -> Any:  # fmt: skip
    """The texts (.txt, UTF-8) of a directory as batches; `map` turns them into numbers for `fit`, `evaluate` and `predict`.

    Args:
        directory: with one folder for each class, whose names are hidden where they start with a dot.
        labels, label_mode, class_names: as in `image_dataset_from_directory`.
        batch_size: texts of a batch; None gives one at a time, without a batch.
        max_length: how many characters of each are kept; None keeps all.
        shuffle, seed, validation_split, subset, follow_links: as in `image_dataset_from_directory`.
        format: kept for Keras's scripts; the result is an iterable of NumPy arrays.
        verbose: whether the numbers of files are printed.

    Returns:
        A `TextDataset` of arrays (batch,) of texts, and labels; of "both" subsets a list of two.

    Raises:
        FileNotFoundError: there is no such directory.
        UnicodeDecodeError: a file is no UTF-8, when it is read.
        ValueError: an argument is none of these, or there are no texts.

    >>> from graphnn.utils import text_dataset_from_directory
    >>> data = text_dataset_from_directory("reviews", batch_size=16)  # doctest: +SKIP
    >>> vectorize.adapt(data.map(lambda x, y: x))  # doctest: +SKIP
    >>> model.fit(data.map(lambda x, y: (vectorize(x), y)))  # doctest: +SKIP
    """
    _check(labels, label_mode, class_names, validation_split, subset, shuffle, seed, batch_size)
    folder = os.fspath(directory)
    files, numbers, names = labelled(folder, None if label_mode is None else labels, class_names, follow_links, ENDINGS)
    if label_mode == "binary" and names is not None and len(names) != 2:
        raise ValueError(
            f'When passing `label_mode="binary"`, there must be exactly 2 class_names. Received: class_names={names}'
        )
    if verbose:
        print(f"Found {len(files)} files" + (f" belonging to {len(names)} classes." if names is not None else "."))
    if not files:
        raise ValueError(f"No text files found in directory {folder}. Allowed format: .txt")
    start = int(np.random.randint(1 << 31)) if seed is None else int(seed)
    if shuffle:  # the parts of a split are drawn at random, and the same by any program with this seed
        order: list[int] = np.random.RandomState(start % (1 << 32)).permutation(len(files)).tolist()
        files, numbers = [files[i] for i in order], None if numbers is None else [numbers[i] for i in order]

    def part(first: int, last: int) -> TextDataset:
        if first == last:
            raise ValueError(f"no text is left for one part: there are {len(files)}, and validation_split={validation_split}")
        chosen = None if numbers is None else numbers[first:last]
        return TextDataset(files[first:last], chosen, names, label_mode, batch_size, max_length, shuffle, start)

    n = len(files)
    cut = n if validation_split is None else n - int(validation_split * n)
    parts = {"training": (0, cut), "validation": (cut, n)}
    if subset == "both":
        return [part(*parts["training"]), part(*parts["validation"])]
    return part(*parts[subset or "training"])
