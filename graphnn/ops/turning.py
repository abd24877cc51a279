"""Elements in another order along their axes: turned round, turned by quarters, moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.ir import Value

from ..dispatch import op, value
from ._common import Axis, Tensorish, backwards, cut, flat, glued
from .shaping import extents, swapaxes


@op
def flip(x: Tensorish, axis: Axis = None) -> Value:
    """The elements in the opposite order along axes (None: along all).

    >>> flip([[1, 2], [3, 4]], axis=1).tolist()
    [[2, 1], [4, 3]]
    """
    v = value(x)
    for a in build.normal_axes(axis, v.ndim):
        v = backwards(v, a)
    return v


@op
def fliplr(x: Tensorish) -> Value:
    """The elements in the opposite order along axis 1.

    >>> fliplr([[1, 2], [3, 4]]).tolist()
    [[2, 1], [4, 3]]
    """
    v = value(x)
    return backwards(v, build.normal_axis(1, v.ndim))


@op
def flipud(x: Tensorish) -> Value:
    """The elements in the opposite order along axis 0.

    >>> flipud([[1, 2], [3, 4]]).tolist()
    [[3, 4], [1, 2]]
    """
    v = value(x)
    return backwards(v, build.normal_axis(0, v.ndim))


@op(tensors=("array",))
def rot90(array: Tensorish, k: int = 1, axes: Sequence[int] = (0, 1)) -> Value:
    """A quarter turn in the plane of two axes, from the first towards the second.

    Args:
        array: a tensor of at least two axes.
        k: how many quarter turns.
        axes: the two axes.

    Raises:
        ValueError: there are not two different axes.

    >>> rot90([[1, 2], [3, 4]]).tolist()
    [[2, 4], [1, 3]]
    """
    v = value(array)
    if v.ndim < 2 or len(axes) != 2:
        raise ValueError(f"`rot90` takes a tensor of at least two axes and two axes. Received: ndim={v.ndim}, axes={tuple(axes)}")
    a, b = (build.normal_axis(int(i), v.ndim) for i in axes)
    if a == b:
        raise ValueError(f"`rot90` takes two different axes. Received: axes={tuple(axes)}")
    if k % 4 == 0:
        return v
    if k % 4 == 2:
        return backwards(backwards(v, a), b)
    return swapaxes(backwards(v, b), a, b) if k % 4 == 1 else backwards(swapaxes(v, a, b), b)


@op(static=("shift",))
def roll(x: Tensorish, shift: int | Sequence[int], axis: Axis = None) -> Value:
    """The elements moved along axes; those that leave at the end enter at the start.

    Args:
        x: a tensor.
        shift: by how many places; one for each axis.
        axis: along which axes; None moves through all elements in row-major order.

    >>> roll([1, 2, 3], 1).tolist()
    [3, 1, 2]
    """
    v = value(x)
    if axis is None:
        return build.reshape(roll(flat(v), int(np.sum(shift)), 0), v.shape)
    axes, shifts = extents(axis), extents(shift)
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    if len(axes) == 1:
        axes = axes * len(shifts)
    for a, by in zip(axes, shifts, strict=True):
        at = build.normal_axis(int(a), v.ndim)
        n = v.shape[at]
        step = by % n if isinstance(n, int) and n else by if n else 0
        if step == 0:
            continue
        split = n - step if not isinstance(step, int) or step > 0 else -step
        v = glued([cut(v, at, split, n - split), cut(v, at, 0, split)], at)
    return v
