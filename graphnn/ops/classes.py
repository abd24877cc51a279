"""Class indices: as vectors of zeros and ones, counted, and reduced by segment."""

from __future__ import annotations

from typing import Any

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.dims import Extent, product
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise, index, reduce
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit, largest_plus_one

from ..config import standard_dtype
from ..dispatch import op, value
from . import host
from ._common import Tensorish, cut, like, ramp_along


@op(static=("sparse",))
def one_hot(x: Tensorish, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Value:
    """1 at the place of the class, 0 elsewhere, along a new axis. A class out of range (such as -1) gives zeros.

    Args:
        x: class indices.
        num_classes: the extent of the new axis.
        axis: its place in the result.
        dtype: that of the result, by default `floatx()`.
        sparse: accepted for compatibility; the result is dense.

    >>> one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return cast(hits(value(x), num_classes, axis), standard_dtype(dtype))


def hits(labels: Value, classes: Extent, axis: int) -> Value:
    """Whether each label is the class of its place along a new axis."""
    at = build.normal_axis(axis, labels.ndim + 1)
    spread = build.expand(labels, at)
    shape = tuple(classes if i == at else n for i, n in enumerate(spread.shape))
    return emit(compare.Equal(), *build.together(spread, ramp_along(at, shape)))


@op(static=("sparse",))
def multi_hot(
    inputs: Tensorish, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False, **kwargs: Any
) -> Value:
    """1 at the places of all classes of a sample, 0 elsewhere: the largest along axis 1 of `one_hot(inputs, num_classes, axis)`, along
    axis 0 for one sample. Classes out of range are left out.

    Args:
        inputs: class indices (samples, classes of a sample, ...), or of one sample (classes,).
        num_classes: the extent of the new axis.
        axis: its place in `one_hot`.
        dtype: that of the result, by default `floatx()`.
        sparse: accepted for compatibility; the result is dense.

    Raises:
        ValueError: `num_classes` is missing.

    >>> multi_hot([[0, 2], [1, 1]], 3).tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    classes = kwargs.get("num_tokens", num_classes)
    if classes is None:
        raise ValueError("Argument `num_classes` must be specified.")
    v = value(inputs)
    return cast(build.reduced(reduce.Any, hits(v, classes, axis), 1 if v.ndim > 1 else 0), standard_dtype(dtype))


@op(static=("length",))
def _bincount(x: Tensorish, weights: Tensorish, length: int | None) -> Value:
    v = value(x)
    size: Extent = largest_plus_one(v) if length is None else length
    bins = build.count_value(size, "int64")
    kind = "int32" if weights is None else value(weights).dtype
    rows = tuple(v.shape[:-1])
    n, m = product(rows), v.shape[-1]
    # Rows are counted in one go: row r has the bins from r * length on.
    offset = ramp_along(0, (n, 1), "int64") * bins
    places = build.reshape(cast(v, "int64"), (n, m))
    inside = emit(compare.And(), places >= 0, places < bins)
    # What no bin has stays outside of all rows, a number of the only row as it is: it is what the error names.
    beyond = emit(elementwise.Where(), places < 0, places, places + build.count_value((n - 1) * size, "int64"))
    places = emit(elementwise.Where(), inside, places + offset, beyond)
    ones: Value = like(1, value(1, kind)) if weights is None else build.reshape(value(weights), (n, m))
    updates = build.reshape(build.broadcast_to(ones, (n, m)), (n * m, 1))
    base = build.broadcast_to(value(0, kind), (n * size, 1))
    y = emit(index.Scatter("add"), base, build.reshape(places, (n * m,)), updates)
    return build.reshape(y, (*rows, size))


def bincount(x: Tensorish, weights: Tensorish = None, minlength: int = 0, sparse: bool = False) -> Value:
    """How often each number from 0 on occurs, along the last axis.

    Args:
        x: non-negative integers (n,) or (batch, n).
        weights: what each occurrence counts, by default 1; same shape as x.
        minlength: the least extent of the result. Inside a model it is the extent; without it x must be an input of the model.
        sparse: accepted for compatibility; the result is dense.

    Raises:
        IndexError: a number is negative, or inside a model not below `minlength`.
        ValueError: `minlength` is missing, and x is computed inside a model.

    >>> bincount([1, 1, 3]).tolist()
    [0, 2, 0, 1]
    """
    length: int | None = minlength or None
    if host.is_concrete(x):
        length = max(host.highest(x, "bincount") + 1, minlength)
    return _bincount(x, weights, length)


@op(static=("segments", "mode"))
def _segments(data: Tensorish, segment_ids: Tensorish, segments: int | None, mode: str) -> Value:
    v, ids = value(data), value(segment_ids)
    count: Extent = largest_plus_one(ids) if segments is None else segments
    if ids.ndim != 1:
        raise ValueError(f"Argument `segment_ids` should be an 1-D vector, got shape: {ids.shape}. Consider either flatten it.")
    width = product(v.shape[1:])
    limits = {"add": 0, "mul": 1, "max": _lowest(v.dtype), "min": _highest(v.dtype)}
    # One row more takes what belongs to no segment, and is cut off.
    inside = emit(compare.And(), ids >= 0, ids < build.count_value(count, ids.dtype))
    places = emit(elementwise.Where(), inside, cast(ids, "int64"), build.count_value(count, "int64"))
    base = build.broadcast_to(value(limits[mode], v.dtype), (count + 1, width))
    y = emit(index.Scatter(mode), base, places, build.reshape(v, (v.shape[0], width)))
    return build.reshape(cut(y, 0, 0, count), (count, *v.shape[1:]))


def _lowest(dtype: str) -> float:
    return float("-inf") if is_float(dtype) else int(np.iinfo(dtype).min)


def _highest(dtype: str) -> float:
    return float("inf") if is_float(dtype) else int(np.iinfo(dtype).max)


def _segmented(data: Tensorish, segment_ids: Tensorish, num_segments: int | None, mode: str) -> Value:
    count = num_segments
    if count is None and host.is_concrete(segment_ids):
        count = host.highest(segment_ids, "a segment reduction") + 1
    return _segments(data, segment_ids, None if count is None else int(count), mode)


def segment_sum(data: Tensorish, segment_ids: Tensorish, num_segments: int | None = None, sorted: bool = False) -> Value:
    """The sum of the rows of each segment.

    Args:
        data: a tensor; rows are along axis 0.
        segment_ids: the segment of each row; one that is out of range leaves the row out.
        num_segments: how many there are; by default as many as the ids name (inside a model: where the ids are an input of it).
        sorted: accepted for compatibility.

    Raises:
        ValueError: `num_segments` is missing, and the ids are computed inside a model.

    >>> segment_sum([1.0, 2.0, 3.0], [0, 0, 1]).tolist()
    [3.0, 3.0]
    """
    return _segmented(data, segment_ids, num_segments, "add")


def segment_prod(data: Tensorish, segment_ids: Tensorish, num_segments: int | None = None, sorted: bool = False) -> Value:
    """The product of the rows of each segment, 1 of none. Arguments as in `segment_sum`.

    >>> segment_prod([1.0, 2.0, 3.0], [0, 0, 1]).tolist()
    [2.0, 3.0]
    """
    return _segmented(data, segment_ids, num_segments, "mul")


def segment_max(data: Tensorish, segment_ids: Tensorish, num_segments: int | None = None, sorted: bool = False) -> Value:
    """The maximum of the rows of each segment, the smallest number of none. Arguments as in `segment_sum`.

    >>> segment_max([1.0, 2.0, 3.0], [0, 0, 1]).tolist()
    [2.0, 3.0]
    """
    return _segmented(data, segment_ids, num_segments, "max")


def segment_min(data: Tensorish, segment_ids: Tensorish, num_segments: int | None = None, sorted: bool = False) -> Value:
    """The minimum of the rows of each segment, the largest number of none. Arguments as in `segment_sum`.

    >>> segment_min([1.0, 2.0, 3.0], [0, 0, 1]).tolist()
    [1.0, 3.0]
    """
    return _segmented(data, segment_ids, num_segments, "min")
