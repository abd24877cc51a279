"""Pictures of a directory as batches, read ahead by a thread while a program trains."""

from __future__ import annotations

import os
import queue
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from graphnn_compiler.ops.resample import band

from ..config import standardize_data_format
from ..ops.image.resizing import INTERPOLATIONS, crop_box, pad_sides, size_argument
from .image_utils import COLOR_MODES, decoded, pillow
from .labelled_files import LABEL_MODES, labelled, targets

__all__ = ["ImageDataset", "image_dataset_from_directory"]

Array: TypeAlias = npt.NDArray[Any]
ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
AHEAD = 2  # batches


def resized(x: Array, height: int, width: int, interpolation: str) -> Array:
    """An image (rows, columns, channels) in another size, as `ops.image.resize` gives it."""
    for axis, size in ((0, height), (1, width)):
        if x.shape[axis] == size:
            continue
        rows = band(x.shape[axis], size, interpolation, False, ())
        total: Array | None = None
        for k in range(rows.weights.shape[1]):
            inside = k < rows.count
            weight = np.where(inside, rows.weights[:, k], 0).astype("float32")
            place = np.minimum(rows.start + k, x.shape[axis] - 1)
            part = np.take(x, place, axis) * weight.reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
            total = part if total is None else total + part
        assert total is not None
        x = total
    return x


class ImageDataset:
    """Batches of pictures, each time in another order where `shuffle` is set. Made by `image_dataset_from_directory`.

    Attributes:
        file_paths: the files; class_names: the names of the classes, None without labels.
    """

    def __init__(
        self, file_paths: Sequence[str], labels: Sequence[int] | None, class_names: list[str] | None, label_mode: str | None,
        batch_size: int | None, image_size: tuple[int, int], color_mode: str, interpolation: str, shuffle: bool, seed: int,
        crop_to_aspect_ratio: bool, pad_to_aspect_ratio: bool, data_format: str, skip_corrupt: bool,
    ):  # fmt: skip
        self.file_paths = list(file_paths)
        self.labels = None if labels is None else list(labels)
        self.class_names = class_names
        self.label_mode, self.batch_size, self.image_size = label_mode, batch_size, image_size
        self.color_mode, self.interpolation = color_mode, interpolation
        self.shuffle, self.seed = shuffle, seed
        self.crop, self.pad = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.data_format, self.skip_corrupt = data_format, skip_corrupt
        self.passes = 0
        self._corrupt: set[str] = set()

    def __len__(self) -> int:
        """The number of batches."""
        n = len(self.file_paths) - len(self._corrupt)
        return n if self.batch_size is None else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """One pass: x, or (x, y). Pictures are decoded ahead by a thread, which ends with the pass."""
        order = np.array([i for i, p in enumerate(self.file_paths) if p not in self._corrupt], "int64")
        if self.shuffle:
            generator = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, 0, self.passes]))
            order = generator.permutation(order)
        self.passes += 1
        size = self.batch_size or 1
        return _ahead(self, [order[i : i + size] for i in range(0, len(order), size)])

    def batch(self, places: Array) -> Any:
        """The pictures of some files, or None where none of them can be read."""
        images: list[Array] = []
        kept: list[int] = []
        for i in places:
            path = self.file_paths[int(i)]
            try:
                images.append(self.image(path))
                kept.append(int(i))
            except ValueError as error:
                if not self.skip_corrupt:
                    raise
                self._corrupt.add(path)
                warnings.warn(f"{error}; it is left out", stacklevel=2)
        if not images:
            return None
        x = np.stack(images)
        y = targets(self.labels, kept, self.label_mode, self.class_names)
        if self.batch_size is None:
            return x[0] if y is None else (x[0], y[0])
        return x if y is None else (x, y)

    def image(self, path: str) -> Array:
        """One picture as float32 in the size of the data set."""
        height, width = self.image_size
        x: Array = np.asarray(decoded(Path(path).read_bytes(), self.color_mode, path), "float32")
        x = x[:, :, None] if x.ndim == 2 else x
        if self.crop:
            top, left, high, wide = crop_box(x.shape[0], x.shape[1], height, width)
            x = x[top : top + high, left : left + wide]
        elif self.pad:
            top, left = pad_sides(x.shape[0], x.shape[1], height, width)
            x = np.pad(x, ((top, top), (left, left), (0, 0)))
        x = resized(x, height, width, self.interpolation)
        return x.transpose(2, 0, 1) if self.data_format == "channels_first" else x


class _Failed:
    """What ended the thread."""

    def __init__(self, error: BaseException):
        self.error = error


def _ahead(data: ImageDataset, plan: list[Array]) -> Iterator[Any]:
    """The batches of a plan, `AHEAD` of them made before they are asked for."""
    ready: queue.Queue[Any] = queue.Queue(AHEAD)
    stop = threading.Event()

    def put(item: Any) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for places in plan:
                if stop.is_set():
                    return
                batch = data.batch(places)
                if batch is not None:
                    put(batch)
            put(None)
        except BaseException as error:
            put(_Failed(error))

    thread = threading.Thread(target=work, name="graphnn-images", daemon=True)
    thread.start()
    try:
        while (batch := ready.get()) is not None:
            if isinstance(batch, _Failed):
                raise batch.error
            yield batch
    finally:
        stop.set()
        thread.join()


def _check(
    labels: Any, label_mode: Any, class_names: Any, color_mode: Any, interpolation: Any, validation_split: Any, subset: Any, shuffle: bool,
    seed: Any, crop: bool, pad: bool,
) -> None:  # fmt: skip
    if labels not in ("inferred", None) and not isinstance(labels, list | tuple):
        raise ValueError(
            "`labels` argument should be a list/tuple of integer labels, of the same size as the number of image files in the target "
            f'directory, "inferred", or None. Received: labels={labels}'
        )
    if labels != "inferred" and class_names:
        raise ValueError(f'You can only pass `class_names` if `labels="inferred"`. Received: labels={labels}, class_names={class_names}')
    if label_mode not in LABEL_MODES:
        raise ValueError(f'`label_mode` argument must be one of "int", "categorical", "binary", or None. Received: label_mode={label_mode}')
    if color_mode not in COLOR_MODES:
        raise ValueError(f'`color_mode` must be one of {{"rgb", "rgba", "grayscale"}}. Received: color_mode={color_mode}')
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"Argument `interpolation` should be one of {INTERPOLATIONS}. Received: interpolation={interpolation}")
    if crop and pad:
        raise ValueError("Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`.")
    if validation_split is not None and not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, received: {validation_split}")
    if (validation_split is None) != (subset is None):
        raise ValueError("If `subset` is set, `validation_split` must be set, and inversely.")
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f'`subset` must be either "training", "validation" or "both", received: {subset}')
    if validation_split is not None and shuffle and seed is None:
        raise ValueError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` argument, to make sure that there is no overlap "
            "between the training and validation subset."
        )


def image_dataset_from_directory(
    directory: str | os.PathLike[str], labels: Any = "inferred", label_mode: str | None = "int", class_names: Any = None,
    color_mode: str = "rgb", batch_size: int | None = 32, image_size: Any = (256, 256), shuffle: bool = True, seed: int | None = None,
    validation_split: float | None = None, subset: str | None = None, interpolation: str = "bilinear", follow_links: bool = False,
    crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False, data_format: str | None = None, format: str = "tf",
    verbose: bool = True, skip_corrupt: bool = False,
) -> Any:  # fmt: skip
    """The pictures of a directory as batches for `fit`, `evaluate` and `predict`, read ahead by a thread.

    Args:
        directory: with one folder for each class, whose names are hidden where they start with a dot.
        labels: "inferred" from the folders; a list with a number for each file in the order of their paths; or None.
        label_mode: "int"; "categorical", ones at the class; "binary", 0.0 or 1.0; None for no labels.
        class_names: the folders in the order of their numbers, or some of them.
        color_mode: "rgb", "rgba" or "grayscale".
        batch_size: the number of pictures of a batch; None gives one picture at a time, without a batch.
        image_size: (height, width).
        shuffle: whether the order is another one in each pass; else that of the paths.
        seed: an integer for orders that repeat from run to run.
        validation_split: the part of the files that is kept for validation.
        subset: "training", "validation", or "both" for a list of two.
        interpolation: as of `ops.image.resize`.
        follow_links: whether links to folders are followed.
        crop_to_aspect_ratio, pad_to_aspect_ratio: whether borders are cut off, or added, before, so that nothing is distorted.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.
        format: kept for Keras's scripts; the result is an iterable of NumPy arrays.
        verbose: whether the numbers of files are printed.
        skip_corrupt: whether files that are no pictures are left out with a warning; else they are an error when they are read.

    Returns:
        An `ImageDataset` of float32 (batch, height, width, channels) from 0 to 255, and labels.

    Raises:
        FileNotFoundError: there is no such directory.
        ImportError: Pillow is not installed.
        ValueError: an argument is none of these, or there are no pictures.

    >>> from graphnn.utils import image_dataset_from_directory
    >>> data = image_dataset_from_directory("pets", image_size=(64, 64))  # doctest: +SKIP
    >>> model.fit(data, epochs=3)  # doctest: +SKIP
    """
    _check(
        labels, label_mode, class_names, color_mode, interpolation, validation_split, subset, shuffle, seed,
        crop_to_aspect_ratio, pad_to_aspect_ratio,
    )  # fmt: skip
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"`batch_size` must be a positive integer or None. Received: batch_size={batch_size}")
    size = size_argument(image_size, "image_size")
    layout = standardize_data_format(data_format)
    pillow()
    folder = os.fspath(directory)
    files, numbers, names = labelled(folder, None if label_mode is None else labels, class_names, follow_links, ENDINGS)
    if label_mode == "binary" and names is not None and len(names) != 2:
        raise ValueError(f'When passing `label_mode="binary"`, there must be exactly 2 class_names. Received: class_names={names}')
    if verbose:
        print(f"Found {len(files)} files" + (f" belonging to {len(names)} classes." if names is not None else "."))
    if not files:
        raise ValueError(f"No images found in directory {folder}. Allowed formats: {ENDINGS}")
    start = int(np.random.randint(1 << 31)) if seed is None else int(seed)
    if shuffle:  # the parts of a split are drawn at random, and the same by any program with this seed
        order: list[int] = np.random.RandomState(start % (1 << 32)).permutation(len(files)).tolist()
        files = [files[i] for i in order]
        numbers = None if numbers is None else [numbers[i] for i in order]

    def part(first: int, last: int) -> ImageDataset:
        chosen = None if numbers is None else numbers[first:last]
        return ImageDataset(
            files[first:last], chosen, names, label_mode, batch_size, size, color_mode, interpolation, shuffle, start,
            crop_to_aspect_ratio, pad_to_aspect_ratio, layout, skip_corrupt,
        )  # fmt: skip

    n = len(files)
    if validation_split is None:
        return part(0, n)
    cut = n - int(validation_split * n)
    told = {"training": (0, cut), "validation": (cut, n)}
    wanted = ("training", "validation") if subset == "both" else (str(subset),)
    found: list[ImageDataset] = []
    for name in wanted:
        first, last = told[name]
        if verbose:
            print(f"Using {last - first} files for {name}.")
        if first == last:
            raise ValueError(f"no picture is left for {name}: there are {n}, and validation_split={validation_split}")
        found.append(part(first, last))
    return found if subset == "both" else found[0]
