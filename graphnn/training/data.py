"""The data that `fit`, `evaluate` and `predict` are given: as columns, weighted, split."""

from __future__ import annotations

import math
import warnings
from typing import Any, TypeAlias

from .. import tree
from .class_weight import class_weights
from .columns import Column, columns, leaves, same_length


def with_weights(x: Any, y: Any, sample_weight: Any, class_weight: Any, places: int = 1) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) as columns, class weights turned into sample weights."""
    data = (columns(x, "x", places, texts=True), columns(y, "y"), columns(sample_weight, "sample_weight"))
    if class_weight is None:
        return data
    if sample_weight is not None:
        raise ValueError("You cannot use `class_weight` and `sample_weight` at the same time.")
    if y is None:
        raise ValueError("`class_weight` needs targets (y)")
    targets = leaves(data[1])
    if len(targets) != 1:
        raise ValueError(
            f"`class_weight` is only supported for models with a single output. Received: y with {len(targets)} arrays"
        )
    return data[0], data[1], Column(class_weights(targets[0], class_weight), "class_weight")


Data: TypeAlias = "tuple[Any, Any, Any]"


def split(data: Data, fraction: float) -> tuple[Data, Data]:
    """(x, y, sample_weight) in two: the last `fraction` of the rows is for validation. Nothing is copied."""
    if not 0 < fraction < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1. Received: validation_split={fraction!r}")
    rows = same_length(leaves(data))
    at = math.floor(rows * (1.0 - fraction))
    if at == 0 or at == rows:
        raise ValueError(
            f"Training data contains {rows} samples, which is not sufficient to split it into a validation and training set as specified "
            f"by `validation_split={fraction}`. Either provide more data, or a different value for the `validation_split` argument."
        )

    def part(start: int, stop: int) -> Any:
        def rows(c: Column) -> Column:
            return c.part(start, stop)

        return tree.map_structure(rows, data, none_is_leaf=False)

    return part(0, at), part(at, rows)


def ran_out(kind: str, wanted: int | None, had: int) -> None:
    """The one warning of data that end too early.

    Args:
        kind: what gives the batches.
        wanted: the number of batches that were asked for, None where that is not the point.
        had: how many came.
    """
    asked = (
        f"{wanted} batches were asked for, {had} came from the {kind}" if wanted else f"the {kind} has no batch for another epoch"
    )
    warnings.warn(
        f"Your input ran out of data; interrupting training: {asked}. "
        "Make sure that your data give at least `steps_per_epoch * epochs` batches.",
        UserWarning,
        stacklevel=3,
    )
