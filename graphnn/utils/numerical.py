"""Arrays of labels and arrays of unit length."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

__all__ = ["normalize", "to_categorical"]


def to_categorical(x: Any, num_classes: int | None = None) -> npt.NDArray[Any]:
    """Labels as rows with a 1 at the label's place.

    Args:
        x: integers from 0 on, of any shape; a last axis of extent 1 is dropped.
        num_classes: the length of a row; default: the greatest label + 1.

    Returns:
        A float64 array of shape `(*x.shape, num_classes)`.

    Raises:
        ValueError: a label is not integral.
        IndexError: a label is negative or not below `num_classes`.

    >>> from graphnn.utils import to_categorical
    >>> to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    given = np.asarray(x)
    if given.dtype.kind not in "biuf":
        raise ValueError(f"to_categorical: labels must be integers. Received: an array of dtype {given.dtype}")
    with np.errstate(invalid="ignore"):
        labels = given.astype("int64")
    if given.dtype.kind == "f" and not np.array_equal(labels, given):
        at = int(np.flatnonzero(labels != given)[0])
        raise ValueError(f"to_categorical: labels must be integers. Received: {given.flat[at]} at position {at}")
    shape = labels.shape
    if len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    flat = labels.ravel()
    if num_classes is None:
        if not flat.size:
            raise ValueError("to_categorical: the number of classes of no labels is unknown; give num_classes")
        num_classes = int(flat.max()) + 1
    bad = np.flatnonzero((flat < 0) | (flat >= num_classes))
    if bad.size:
        at = int(bad[0])
        raise IndexError(
            f"to_categorical: label {flat[at]} at position {at} is outside 0..{num_classes - 1} (num_classes={num_classes})"
        )
    rows = np.zeros((flat.size, num_classes))
    rows[np.arange(flat.size), flat] = 1
    return rows.reshape((*shape, num_classes))


def normalize(x: Any, axis: int = -1, order: float = 2) -> Any:
    """Slices along an axis divided by their norm; zero slices stay zero.

    Args:
        x: an array, or a tensor of a model.
        axis: the axis of the norm.
        order: 2 for Euclidean length, 1 for the sum of magnitudes, ...

    >>> import numpy as np
    >>> from graphnn.utils import normalize
    >>> normalize(np.array([[3.0, 4.0]])).tolist()
    [[0.6, 0.8]]
    """
    if not isinstance(x, np.ndarray):
        from .. import ops

        return ops.normalize(x, axis=axis, order=order)
    given = cast(npt.NDArray[Any], x)
    norm = np.linalg.norm(given, order, axis, keepdims=True)
    return given / np.where(norm == 0, 1, norm)
