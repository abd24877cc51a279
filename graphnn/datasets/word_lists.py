"""Data sets of texts that are lists of word numbers: how their files are read, split and cut."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from ..utils.data_files import get_file
from .pickled import read_pickled

Array: TypeAlias = npt.NDArray[Any]


def read_arrays(path: str, names: tuple[str, ...], what: str) -> list[Array]:
    """Arrays of an .npz, of which some hold lists; these are read without running code.

    Raises:
        ValueError: the file is damaged or holds something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [_array(archive.read(f"{name}.npy")) for name in names]
    except (KeyError, ValueError, EOFError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path} is no {what} file: it should be an .npz of the arrays {', '.join(names)} ({error})") from error


def _array(data: bytes) -> Array:
    import io

    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read: Any = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if not dtype.hasobject:
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    if len(shape) != 1:
        raise ValueError(f"a list of lists is expected, not an array of shape {shape}")
    rows: Any = read_pickled(data[stream.tell() :])
    if not isinstance(rows, list | np.ndarray) or len(cast(Any, rows)) != shape[0] or not all(map(_numbers, cast(Any, rows))):
        raise ValueError("it holds something else than lists of numbers")
    return listed([list(row) for row in cast(Any, rows)])


def _numbers(row: Any) -> bool:
    return isinstance(row, list | tuple) and all(isinstance(n, int) for n in cast(Any, row))


def listed(rows: list[Any]) -> Array:
    """An array of lists."""
    out: Array = np.empty(len(rows), object)
    out[:] = rows
    return out


def word_index(path: str, origin: str, md5: str) -> dict[str, int]:
    """The number of each word, from a file that is downloaded the first time.

    Raises:
        ConnectionError: there is no file and no network.
        ValueError: the file is damaged or holds something else.
    """
    file = get_file(path, origin=origin, file_hash=md5)
    try:
        found: Any = json.loads(Path(file).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is no word index: it should be JSON of numbers by word ({error})") from error
    if not isinstance(found, dict) or not all(isinstance(n, int) for n in cast(Any, found).values()):
        raise ValueError(f"{file} is no word index: it should be JSON of numbers by word")
    return cast(Any, found)


def shuffled(x: Array, y: Array, random: np.random.RandomState) -> tuple[Array, Array]:
    """Both in one other order."""
    order = np.arange(len(x))
    random.shuffle(order)
    return x[order], y[order]


def cut(
    xs: list[Any], labels: Array, num_words: int | None, skip_top: int, maxlen: int | None, start_char: int | None, oov_char: int | None,
    index_from: int,
) -> tuple[list[Any], Array]:  # fmt: skip
    """Lists of word numbers as `load_data` gives them: moved up, the start marked, long ones left out, rare and frequent words replaced.

    Raises:
        ValueError: nothing is shorter than `maxlen`.
    """
    moved = index_from or 0
    front = [] if start_char is None else [start_char]
    xs = [[*front, *(w + moved for w in x)] for x in xs]
    if maxlen:
        kept = [i for i, x in enumerate(xs) if len(x) < maxlen]
        xs, labels = [xs[i] for i in kept], labels[kept]
        if not xs:
            raise ValueError(f"after texts longer than maxlen={maxlen} were left out, no text is left. Increase `maxlen`.")
    limit = num_words or max(max(x, default=0) for x in xs)  # without one the largest number, as ever, stands for left out too
    if oov_char is not None:
        return [[w if skip_top <= w < limit else oov_char for w in x] for x in xs], labels
    return [[w for w in x if skip_top <= w < limit] for x in xs], labels
