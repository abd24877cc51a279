"""Ops that change the shape or the order of axes and elements, not the elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.dims import ConcreteExtentNeeded, Extent, product, quotient, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.index import Take
from graphnn_compiler.ops.movement import constant
from graphnn_compiler.ops.movement import transpose as permuted
from graphnn_compiler.trace import emit

from ..dispatch import op, value
from ._common import Axis, Tensorish, flat


def extents(shape: Any) -> tuple[Extent, ...]:
    """A shape argument as a tuple: an integer is one axis."""
    return tuple(shape) if hasattr(shape, "__iter__") else (shape,)


@op
def reshape(x: Tensorish, newshape: int | Sequence[int]) -> Value:
    """The same elements, in row-major order, under another shape.

    Args:
        x: a tensor.
        newshape: the new extents; one may be -1, it takes what is left.

    Raises:
        ValueError: the numbers of elements differ, or more than one extent is -1.

    >>> reshape([1, 2, 3, 4], (2, -1)).tolist()
    [[1, 2], [3, 4]]
    """
    v = value(x)
    shape: tuple[Any, ...] = extents(newshape)
    free = [i for i, n in enumerate(shape) if isinstance(n, int) and n == -1]
    if len(free) > 1 or any(n is None for n in shape):
        raise ValueError(f"`newshape` holds integers, at most one of them -1. Received: newshape={newshape}")
    if free:
        others = product(n for i, n in enumerate(shape) if i != free[0])
        if others == 0:
            raise ValueError(f"-1 in `newshape` has no value where the other extents are 0. Received: newshape={newshape}")
        rest = quotient(product(v.shape), others)
        shape = tuple(rest if i == free[0] else n for i, n in enumerate(shape))
    return build.reshape(v, shape)


@op
def ravel(x: Tensorish) -> Value:
    """All elements along one axis.

    >>> ravel([[1, 2], [3, 4]]).tolist()
    [1, 2, 3, 4]
    """
    return flat(value(x))


@op
def transpose(x: Tensorish, axes: Sequence[int] | None = None) -> Value:
    """Axes in another order.

    Args:
        x: a tensor.
        axes: axis i of the result is axis axes[i] of x; by default in the opposite order.

    Raises:
        ValueError: `axes` does not name each axis once.

    >>> transpose([[1, 2], [3, 4]]).tolist()
    [[1, 3], [2, 4]]
    """
    v = value(x)
    if axes is None:
        return permuted(v, tuple(reversed(range(v.ndim))))
    perm = tuple(build.normal_axis(int(a), v.ndim) for a in axes)
    if sorted(perm) != list(range(v.ndim)):
        raise ValueError(f"`axes` must name each of {v.ndim} axes once. Received: axes={tuple(axes)}")
    return permuted(v, perm)


@op
def swapaxes(x: Tensorish, axis1: int, axis2: int) -> Value:
    """Two axes exchanged.

    >>> swapaxes([[1, 2], [3, 4]], 0, 1).tolist()
    [[1, 3], [2, 4]]
    """
    v = value(x)
    perm = list(range(v.ndim))
    a, b = build.normal_axis(axis1, v.ndim), build.normal_axis(axis2, v.ndim)
    perm[a], perm[b] = b, a
    return permuted(v, tuple(perm))


@op
def moveaxis(x: Tensorish, source: int | Sequence[int], destination: int | Sequence[int]) -> Value:
    """Axes moved to other places; the others keep their order.

    Raises:
        ValueError: `source` and `destination` differ in length or name an axis twice.

    >>> moveaxis([[[1, 2]], [[3, 4]]], 0, -1).tolist()
    [[[1, 3], [2, 4]]]
    """
    v = value(x)
    old = [build.normal_axis(int(a), v.ndim) for a in extents(source)]  # type: ignore[arg-type]
    new = [build.normal_axis(int(a), v.ndim) for a in extents(destination)]  # type: ignore[arg-type]
    if len(old) != len(new) or len(set(old)) != len(old) or len(set(new)) != len(new):
        raise ValueError(
            f"`source` and `destination` must name as many different axes. Received: source={source}, destination={destination}"
        )
    perm = [i for i in range(v.ndim) if i not in old]
    for place, axis in sorted(zip(new, old, strict=True)):
        perm.insert(place, axis)
    return permuted(v, tuple(perm))


@op
def expand_dims(x: Tensorish, axis: int | Sequence[int]) -> Value:
    """New axes of extent 1.

    Args:
        x: a tensor.
        axis: their places in the result.

    >>> expand_dims([1, 2], 0).tolist()
    [[1, 2]]
    """
    return build.expand(value(x), tuple(axis) if isinstance(axis, list | tuple) else int(axis))  # type: ignore[call-overload]


@op
def squeeze(x: Tensorish, axis: Axis = None) -> Value:
    """x without axes of extent 1.

    Args:
        x: a tensor.
        axis: which; None for all of extent 1.

    Raises:
        ValueError: an axis has another extent.

    >>> squeeze([[[1, 2]]]).tolist()
    [1, 2]
    """
    v = value(x)
    if axis is None:
        gone: tuple[int, ...] = tuple(i for i, n in enumerate(v.shape) if n == 1)
    else:
        gone = build.normal_axes(axis, v.ndim)
        for i in gone:
            if isinstance(v.shape[i], int) and v.shape[i] != 1:
                raise ValueError(
                    f"Cannot squeeze axis={axis}: its extent is {v.shape[i]}, not 1. Received: x.shape={show(v.shape)}"
                )
    return build.reshape(v, tuple(n for i, n in enumerate(v.shape) if i not in gone))


@op
def broadcast_to(x: Tensorish, shape: Sequence[int]) -> Value:
    """x repeated along new axes in front and along axes of extent 1.

    Raises:
        ValueError: the shape does not fit.

    >>> broadcast_to([1, 2], (2, 2)).tolist()
    [[1, 2], [1, 2]]
    """
    v, target = value(x), extents(shape)
    for a, b in zip(reversed(v.shape), reversed(target), strict=False):
        if a not in (1, b) and not (isinstance(a, int) and isinstance(b, int)):
            raise ConcreteExtentNeeded(f"broadcast of {show(v.shape)} to {show(target)}")
    return build.broadcast_to(v, target)


@op(static=("repeats",))
def tile(x: Tensorish, repeats: int | Sequence[int]) -> Value:
    """x repeated as a whole along axes.

    Args:
        x: a tensor.
        repeats: how often, for each of the last axes.

    >>> tile([1, 2], 2).tolist()
    [1, 2, 1, 2]
    """
    v, times = value(x), extents(repeats)
    shape = (1,) * (len(times) - v.ndim) + v.shape
    times = (1,) * (len(shape) - len(times)) + times
    apart = tuple(n for d in shape for n in (1, d))
    spread = tuple(n for d, t in zip(shape, times, strict=True) for n in (t, d))
    whole = tuple(d * t for d, t in zip(shape, times, strict=True))
    return build.reshape(build.broadcast_to(build.reshape(v, apart), spread), whole)


@op(static=("repeats",))
def repeat(x: Tensorish, repeats: int | Sequence[int], axis: int | None = None) -> Value:
    """Each element repeated.

    Args:
        x: a tensor.
        repeats: how often; one number, or one for each element along the axis.
        axis: along which axis; None runs through all elements and gives one axis.

    Raises:
        ValueError: there are not as many repeats as elements.

    >>> repeat([1, 2], 2).tolist()
    [1, 1, 2, 2]
    """
    v = value(x)
    if axis is None:
        v, axis = flat(v), 0
    at, times = build.normal_axis(axis, v.ndim), extents(repeats)
    n = v.shape[at]
    if len(times) == 1:
        spread = build.broadcast_to(build.expand(v, at + 1), (*v.shape[: at + 1], times[0], *v.shape[at + 1 :]))
        return build.reshape(spread, (*v.shape[:at], n * times[0], *v.shape[at + 1 :]))
    if len(times) != int(n):
        raise ValueError(f"`repeats` must be one number or {n} numbers. Received: repeats={repeats}")
    return emit(Take(at), v, constant(np.repeat(np.arange(len(times)), times), "int64"))  # type: ignore[arg-type]
