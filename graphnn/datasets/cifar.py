"""What CIFAR-10 and CIFAR-100 share: archives of pickled batches, read without unpickling.

Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from ..utils.data_files import get_file, home, keras_home
from .pickled import read_pickled

Array: TypeAlias = npt.NDArray[Any]
LARGEST = 1 << 28  # bytes of one batch


def batches(names: list[str], folder: str, origin: str, digest: str) -> dict[str, dict[str, Any]]:
    """The batches of these names, from graphnn's or Keras's cache, else downloaded.

    Raises:
        ConnectionError: there is no file and no network.
        ValueError: a file is damaged or holds something else.
    """
    archive = Path(origin).name
    for cache in (home(), keras_home()):
        for place in (cache / "datasets" / folder, cache / "datasets" / f"{folder}-target" / folder):
            if all((place / n).is_file() for n in names):
                return {n: _batch((place / n).read_bytes(), place / n) for n in names}
    kept = next((p for n in (f"{folder}-target_archive", f"{folder}.tar.gz") if (p := keras_home() / "datasets" / n).is_file()), None)
    if kept is None or (home() / "datasets" / archive).is_file():
        kept = Path(get_file(archive, origin=origin, file_hash=digest, hash_algorithm="sha256"))
    found: dict[str, dict[str, Any]] = {}
    try:
        with tarfile.open(kept) as tar:
            for n in names:
                member = tar.extractfile(f"{folder}/{n}")
                if member is None:
                    raise ValueError(f"{folder}/{n} is no file")
                found[n] = _batch(member.read(LARGEST), kept / folder / n)
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise ValueError(f"{kept} is not the archive that it should be ({error})") from error
    return found


def _batch(data: bytes, where: Path) -> dict[str, Any]:
    try:
        found: Any = read_pickled(data)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    if type(found) is not dict:
        raise ValueError(f"{where}: a dictionary is expected")
    return cast("dict[str, Any]", found)


def images(batch: dict[str, Any], label: str, where: str) -> tuple[Array, Array]:
    """Images (n, 32, 32, 3) and labels (n, 1) of a batch, both uint8."""
    data, labels = batch.get("data"), batch.get(label)
    pixels, numbers = _pixels(data), _labels(labels)
    if pixels is None or numbers is None or len(numbers) != len(pixels):
        raise ValueError(f"{where} holds no images of 3 x 32 x 32 with {label}")
    x: Array = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return x, numbers.reshape(-1, 1)


def _pixels(x: Any) -> Array | None:
    """x if it is uint8 (n, 3072)."""
    a: Array | None = x if type(x) is np.ndarray else None
    return a if a is not None and a.dtype == np.uint8 and a.ndim == 2 and a.shape[1] == 3072 else None


def _labels(x: Any) -> Array | None:
    """A list of numbers as an array, None if it is none."""
    if type(x) is not list or any(type(i) is not int or not 0 <= i < 256 for i in cast("list[Any]", x)):
        return None
    return np.array(x, "uint8")
