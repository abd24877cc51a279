"""The weights of a model in a file of their own.

Exports: save_weights, load_weights.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, cast

from .arrays import DamagedFile, Named, read_npz, read_safetensors, write_npz, write_safetensors
from .atomic import replacing

__all__ = ["load_weights", "save_weights"]

_WRITERS = {".npz": write_npz, ".safetensors": write_safetensors}
_READERS = {".npz": read_npz, ".safetensors": read_safetensors}


def _extension(filepath: Any) -> tuple[str, str]:
    path = cast(str, os.fspath(filepath))
    extension = os.path.splitext(path)[1].lower()
    if extension not in _WRITERS:
        raise ValueError(f"The filename must end in `.npz` or `.safetensors`. Received: filepath={path}")
    return path, extension


def _need_weights(model: Any, what: str) -> None:
    if not model.built:
        raise ValueError(
            f"You are {what} a model that has not been built: model {model.name!r} has no weights yet. "
            "Call it on some data, or call its `build()` method, first."
        )


def save_weights(model: Any, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
    """Writes all weights of a model; the file is replaced whole or not at all.

    Args:
        model: a model or layer.
        filepath: a path that ends in .npz or .safetensors.
        overwrite: whether an existing file is replaced.

    Raises:
        ValueError: for another ending, or a model that is not built.
        FileExistsError: if the file exists and `overwrite` is False.
    """
    path, extension = _extension(filepath)
    _need_weights(model, "saving the weights of")
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path!r} exists and overwrite=False")
    with replacing(path) as file:
        _WRITERS[extension](file, [(v.path, v.array) for v in model.weights])


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Reads all weights of a model; where the file does not fit, no weight is changed.

    Args:
        model: a model or layer that is built.
        filepath: a file of `save_weights`, a .npz of arrays in order, or a .safetensors file with the weights' paths as names.
        skip_mismatch: whether weights that are missing or of another shape are left as they are, with one warning.

    Raises:
        ValueError: if the file is damaged, or holds other weights.
    """
    path, extension = _extension(filepath)
    _need_weights(model, "loading weights into")
    try:
        with open(path, "rb") as file:
            found, ordered = _READERS[extension](file)
    except DamagedFile as e:
        raise DamagedFile(f"{path!r} cannot be read: {e}") from e
    pairs, complaints = _matched(model, found, ordered)
    if complaints and not skip_mismatch:
        raise ValueError(f"the weights in {path!r} do not fit model {model.name!r}: {'; '.join(complaints[:5])}")
    if complaints:
        warnings.warn(f"weights of {path!r} were left out: {'; '.join(complaints[:5])}", stacklevel=3)
    for v, a in pairs:
        v.assign(a)


def _matched(model: Any, found: list[Named], ordered: bool) -> tuple[list[tuple[Any, Any]], list[str]]:
    """Weights with their arrays, and what does not fit."""
    weights = model.weights
    complaints: list[str] = []
    if ordered:
        if len(found) != len(weights):
            complaints.append(f"the file holds {len(found)} weights and the model has {len(weights)}")
        candidates: list[tuple[Any, Named]] = list(zip(weights, found, strict=False))
    else:
        by_name = {name.replace("/", "."): (name, a) for name, a in found}
        candidates = []
        for v in weights:
            entry = by_name.pop(v.path.replace("/", "."), None)
            if entry is None:
                complaints.append(f"the file has no weight {v.path!r}")
            else:
                candidates.append((v, entry))
        complaints += [f"the model has no weight {name!r}" for name, _ in by_name.values()]
    pairs: list[tuple[Any, Any]] = []
    for v, (name, a) in candidates:
        last = name.split("/")[-1].rstrip("'")
        if v.shape != a.shape:
            complaints.append(f"weight {v.path!r} has shape {v.shape}, the file's {name!r} has {a.shape}")
        elif a.dtype.kind != v.array.dtype.kind:
            complaints.append(f"weight {v.path!r} is {v.dtype}, the file's {name!r} is {a.dtype}")
        elif ordered and "/" in name and last != v.path.split("/")[-1]:
            complaints.append(f"weight {v.path!r} meets the file's {name!r}")
        else:
            pairs.append((v, a))
    return pairs, complaints
