"""Weights of classes as weights of samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import tree
from ..tensor import Array
from .columns import Column


def class_weights(y: Column, weights: Any) -> Array:
    """The weight of each row's class, 1 where the class has none.

    Args:
        y: targets: class numbers, or probabilities of the classes of which the largest counts.
        weights: a dictionary from class numbers to weights.

    Raises:
        ValueError: for anything but such a dictionary.
    """
    if not tree.is_dict(weights) or not weights:
        raise ValueError(f"`class_weight` must be a dictionary of class numbers and weights. Received: class_weight={weights!r}")
    for k, w in weights.items():
        if isinstance(k, bool | str) or not float(k).is_integer() or float(k) < 0 or not np.isfinite(float(w)):
            raise ValueError(f"`class_weight` maps class numbers (0, 1, ...) to weights. Received: {k!r}: {w!r}")
    labels = y.rows(0, len(y))
    if labels.ndim > 1 and labels.shape[-1] > 1:
        if labels.ndim > 2:
            raise ValueError(f"`class_weight` takes targets of one or two axes. Received: {y.name} of shape {y.shape}")
        labels = labels.argmax(-1)
        for k in weights:
            if float(k) >= y.shape[-1]:
                raise ValueError(f"`class_weight` names class {k!r}, but {y.name} has {y.shape[-1]} classes")
    labels = np.round(labels.reshape(len(y), -1)[:, 0])
    out = np.ones(len(y), np.float32)
    for k, w in weights.items():
        out[labels == float(k)] = float(w)
    return out
