"""Files of a directory whose folders are classes."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..tensor import Array

LABEL_MODES = ("int", "categorical", "binary", None)


def walk(folder: str, follow_links: bool, endings: tuple[str, ...]) -> list[str]:
    """The files of some kinds in a folder and below it, folder by folder in the order of their names."""
    found: list[str] = []
    for root, _, files in sorted(os.walk(folder, followlinks=follow_links)):
        found += [os.path.join(root, name) for name in sorted(files) if name.lower().endswith(endings)]
    return found


def labelled(
    directory: str, labels: Any, class_names: Any, follow_links: bool, endings: tuple[str, ...]
) -> tuple[list[str], list[int] | None, list[str] | None]:
    """Files, their labels and the names of the classes."""
    if labels is None:
        return walk(directory, follow_links, endings), None, None
    if labels != "inferred":
        found = walk(directory, follow_links, endings)
        if len(labels) != len(found):
            raise ValueError(
                "Expected the lengths of `labels` to match the number of files in the target directory. "
                f"len(labels) is {len(labels)} while we found {len(found)} files in directory {directory}."
            )
        listed = [str(label) for label in sorted(set(labels))]
        return found, [int(i) for i in labels], listed
    folders = sorted(e.name for e in os.scandir(directory) if e.is_dir() and not e.name.startswith("."))
    names = folders if not class_names else list(class_names)
    if not set(names) <= set(folders):
        raise ValueError(
            "The `class_names` passed did not match the names of the subdirectories of the target directory. "
            f"Expected: {folders} (or a subset of it), but received: class_names={class_names}"
        )
    files: list[str] = []
    numbers: list[int] = []
    for i, name in enumerate(names):
        here = walk(os.path.join(directory, name), follow_links, endings)
        files += here
        numbers += [i] * len(here)
    return files, numbers, names


def targets(labels: list[int] | None, places: list[int], label_mode: str | None, class_names: list[str] | None) -> Array | None:
    """The labels of some files in the form of `label_mode`."""
    if labels is None:
        return None
    y = np.array([labels[i] for i in places], "int32")
    if label_mode == "categorical":
        return np.eye(len(class_names or ()), dtype="float32")[y]
    return y.astype("float32")[:, None] if label_mode == "binary" else y
