"""Pooling: the maximum or the average of a window that moves over the spatial axes of (batch, *spatial, channels), 1 to 3 of them.

Window o of an axis covers the places o * stride - low ... o * stride - low + window - 1, and of these only those that exist count.
An adaptive pool (no `window`) divides each axis of extent n into `out` windows floor(o n / out) ... ceil((o + 1) n / out) - 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from ..dims import Extent, Shape, show
from ..ir import Value
from ..trace import emit
from .base import FLOATS, INTS, Array, Sample, Spec, WithKernel, is_float

Grads = Sequence[Value | None]
Window = tuple[slice, ...]


def same_padding(n: Extent, window: int, stride: int) -> tuple[Extent, Extent]:
    """What is added before and behind an axis so that it has ceil(n / stride) windows; of an odd number the smaller half is before.

    >>> same_padding(5, 3, 2), same_padding(6, 3, 2), same_padding(7, 2, 3)
    ((1, 1), (0, 1), (0, 1))
    """
    past = (n - 1) % stride  # of the stride that the last window starts
    if isinstance(past, int):
        total: Extent = max(window - 1 - past, 0)
    elif stride <= window:
        total = window - 1 - past
    else:  # max(window - 1 - past, 0) in the arithmetic of extents
        total = sum(((1 - (past + (stride - j)) // stride) for j in range(1, window)), 0)
    return total // 2, total - total // 2


def windows_of(n: Extent, window: int, stride: int, low: Extent, high: Extent) -> Extent:
    """How many windows fit into an axis of extent n with padding."""
    return (n + low + high - window) // stride + 1


@dataclass(frozen=True)
class _Pool(WithKernel):
    """out: the spatial extents of the pooled tensor; window, strides, low (padding in front): for each spatial axis; all empty where
    the pool is adaptive.
    """

    abstract: ClassVar[bool] = True
    accepts: ClassVar[tuple[str, ...]] = FLOATS
    out: Shape
    window: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    low: Shape = ()

    def check(self, x: Shape, dtype: str) -> None:
        """TypeError or ValueError where x cannot be pooled so."""
        rank = len(self.out)
        if dtype not in self.accepts:
            raise TypeError(f"{type(self).__name__} takes {'/'.join(self.accepts)}, not {dtype}")
        if len(x) != rank + 2 or not 1 <= rank <= 3:
            raise ValueError(f"{type(self).__name__} over {rank} axes does not take a tensor of shape {show(x)}")
        if self.window:
            given = (self.window, self.strides, self.low)
            if any(len(g) != rank for g in given) or any(w < 1 for w in (*self.window, *self.strides)):
                raise ValueError(f"{self.describe()} does not name a window and a stride of at least 1 for each of {rank} axes")
        if any(isinstance(d, int) and d < 0 for d in self.out):
            raise ValueError(f"{self.describe()}: no window fits into {show(x)}")

    def pooled(self, x: Shape) -> Shape:
        """The shape of the result."""
        return (x[0], *self.out, x[-1])

    def places(self, shape: Sequence[int]) -> Iterator[tuple[tuple[int, ...], Window]]:
        """Each place of the result with its window, cut to what exists."""
        axes: list[list[slice]] = []
        for k, (n, o) in enumerate(zip(shape[1:-1], self.out, strict=True)):
            count = int(o)
            if self.window:
                first = [i * self.strides[k] - int(self.low[k]) for i in range(count)]
                axes.append([slice(min(max(s, 0), n), min(max(s + self.window[k], 0), n)) for s in first])
            else:
                axes.append([slice(i * n // count, -(-(i + 1) * n // count)) for i in range(count)])
        for window in itertools.product(*map(enumerate, axes)):
            yield tuple(i for i, _ in window), tuple(s for _, s in window)

    def geometry(self, x: Sequence[int]) -> list[int]:
        """The kernel's dims: batch, spatial extents, channels, pooled extents, windows, strides, padding in front; 3 axes of each."""
        more = (1,) * (3 - len(self.out))
        out = [int(o) for o in self.out]
        if any(o < 0 for o in out):
            raise ValueError(f"{self.describe()}: no window fits into a tensor of shape {tuple(x)}")
        regular = [*self.window, *more, *self.strides, *more, *[int(p) for p in self.low], *[0] * len(more)] if self.window else [0] * 9
        return [x[0], *x[1:-1], *more, x[-1], *out, *more, *regular]

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """See `geometry`."""
        return self.geometry(shapes[0])

    def named(self, mode: str, dtype: str) -> dict[str, object]:
        """The kernel's parameters."""
        return {"dtype": dtype, "mode": mode, "adaptive": not self.window}

    def to(self, kind: type[_Pool], **more: Any) -> _Pool:
        """Another op over the same windows."""
        return kind(**{f.name: getattr(self, f.name) for f in fields(_Pool)}, **more)


def _typical(kind: type[_Pool]) -> list[tuple[_Pool, tuple[int, ...]]]:
    """Windows for the generated tests, and what they are applied to."""
    return [
        (kind((3,), (3,), (2,), (1,)), (2, 6, 5)),
        (kind((2,), (2,), (3,), (0,)), (1, 8, 17)),
        (kind((2, 3), (2, 2), (2, 2), (0, 0)), (2, 5, 6, 3)),
        (kind((3, 3), (3, 3), (2, 2), (1, 1)), (1, 5, 6, 33)),
        (kind((1, 2), (7, 5), (2, 3), (3, 1)), (2, 2, 4, 2)),
        (kind((2, 2, 3), (2, 3, 2), (2, 2, 1), (0, 1, 0)), (1, 4, 3, 4, 2)),
        (kind((3, 7)), (2, 5, 4, 3)),
        (kind((2, 3, 1)), (1, 4, 4, 3, 2)),
    ]


class MaxPool(_Pool):
    """The largest element of each window; NaN if there is one, the lowest number where a window holds nothing.

    The gradient goes to the first of equal maxima in row-major order (the first NaN, if there is one).
    """

    accepts = INTS + FLOATS

    def infer(self, *specs: Spec) -> list[Spec]:
        self.check(*specs[0])
        return [(self.pooled(specs[0][0]), specs[0][1])]

    def reference(self, *arrays: Array) -> Array:
        x = arrays[0]
        lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        out = np.full([int(d) for d in self.pooled(x.shape)], lowest, x.dtype)
        for at, window in self.places(x.shape):
            np.max(x[(slice(None), *window)], tuple(range(1, x.ndim - 1)), initial=lowest, out=out[(slice(None), *at)])
        return out

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = cotangents[0]
        assert ct is not None
        return [emit(self.to(MaxPoolBack), inputs[0], outputs[0], ct)]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "pool", self.named("max", specs[0][1])

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(op, ((shape, d, -9, 9),), is_float(d))
            for d in ("float32", "float64", "int32", "float16", "int64", "int8", "uint8")
            for op, shape in _typical(cls)
        ]


def _first(x: Array, y: Array, at: tuple[int, ...], window: Window) -> tuple[Array, Array]:
    """Of a window: which element is the first that equals y or is NaN, and whether there is one; by batch and channel."""
    part = x[(slice(None), *window)]
    flat = part.reshape(x.shape[0], -1, x.shape[-1])
    hit: Array = (flat == y[(slice(None), *at)][:, None]) | np.isnan(flat)
    found: Array = np.asarray(hit.any(1))
    if not flat.shape[1]:
        return np.zeros(found.shape, "int64"), found
    return np.argmax(hit, 1), found


class MaxPoolBack(_Pool):
    """The transpose of choosing maxima: x, their maxima y, and z of y's shape; each z goes to the place of its maximum, sums elsewhere."""

    def infer(self, *specs: Spec) -> list[Spec]:
        (x, dtype), (y, t), (z, u) = specs
        self.check(x, dtype)
        if not (y == z == self.pooled(x)) or not dtype == t == u:
            raise TypeError(f"MaxPoolBack of {dtype}{show(x)} takes {t}{show(y)} and {u}{show(z)} of shape {show(self.pooled(x))}")
        return [(x, dtype)]

    def reference(self, *arrays: Array) -> Array:
        x, y, z = arrays
        out = np.zeros_like(x)
        for at, window in self.places(x.shape):
            part = out[(slice(None), *window)]
            index, found = _first(x, y, at, window)
            share = np.zeros((x.shape[0], part[0, ..., 0].size, x.shape[-1]), x.dtype)
            if share.shape[1]:
                np.put_along_axis(share, index[:, None], np.where(found, z[(slice(None), *at)], 0)[:, None].astype(x.dtype), 1)
            part += share.reshape(part.shape)
        return out

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = cotangents[0]
        assert ct is not None
        return [None, None, emit(self.to(MaxPoolPick), inputs[0], inputs[1], ct)]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "pool_back", self.named("max", specs[0][1])

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(op, ((shape, d, -9, 9), (tuple(map(int, op.pooled(shape))), d, 0, 9), (tuple(map(int, op.pooled(shape))), d, -1, 1)))
            for d in ("float32", "float64", "float16")
            for op, shape in _typical(cls)
        ]


class MaxPoolPick(_Pool):
    """Elements of z at the places of maxima: x, their maxima y, and z of x's shape; 0 where a window has no maximum."""

    def infer(self, *specs: Spec) -> list[Spec]:
        (x, dtype), (y, t), (z, u) = specs
        self.check(x, dtype)
        if y != self.pooled(x) or z != x or not dtype == t == u:
            raise TypeError(f"MaxPoolPick of {dtype}{show(x)} does not take {t}{show(y)} and {u}{show(z)}")
        return [(y, dtype)]

    def reference(self, *arrays: Array) -> Array:
        x, y, z = arrays
        out = np.zeros_like(y)
        for at, window in self.places(x.shape):
            index, found = _first(x, y, at, window)
            flat = z[(slice(None), *window)].reshape(x.shape[0], -1, x.shape[-1])
            if flat.shape[1]:
                out[(slice(None), *at)] = np.where(found, np.take_along_axis(flat, index[:, None], 1)[:, 0], 0)
        return out

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = cotangents[0]
        assert ct is not None
        return [None, None, emit(self.to(MaxPoolBack), inputs[0], inputs[1], ct)]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "pool", self.named("pick", specs[0][1])

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(op, ((shape, d, -9, 9), (tuple(map(int, op.pooled(shape))), d, 0, 9), (shape, d, -1, 1)))
            for d in ("float32", "float64", "float16")
            for op, shape in _typical(cls)
        ]


class AveragePool(_Pool):
    """The sum of each window's elements in row-major order, divided by their number; 0 where a window holds nothing."""

    def infer(self, *specs: Spec) -> list[Spec]:
        self.check(*specs[0])
        return [(self.pooled(specs[0][0]), specs[0][1])]

    def reference(self, *arrays: Array) -> Array:
        x = arrays[0]
        wide = x.astype("float32") if x.dtype == np.float16 else x
        out = np.zeros([int(d) for d in self.pooled(x.shape)], wide.dtype)
        for at, window in self.places(x.shape):
            part = wide[(slice(None), *window)]
            count = part[0, ..., 0].size if len(part) and x.shape[-1] else 1
            out[(slice(None), *at)] = part.sum(tuple(range(1, x.ndim - 1))) / max(count, 1)
        return out.astype(x.dtype)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = cotangents[0]
        assert ct is not None
        return [emit(self.to(AveragePoolBack, spatial=inputs[0].shape[1:-1]), ct)]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "pool", self.named("average", specs[0][1])

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(op, ((shape, d, -9, 9),)) for d in ("float32", "float64", "float16") for op, shape in _typical(cls)]


@dataclass(frozen=True)
class AveragePoolBack(_Pool):
    """The transpose of averaging: z of the pooled shape; each place takes from each window that covers it z divided by its number of
    elements, in row-major order of the windows. `spatial`: the extents of what was pooled.
    """

    spatial: Shape = ()

    def infer(self, *specs: Spec) -> list[Spec]:
        z, dtype = specs[0]
        x = (z[0], *self.spatial, z[-1])
        self.check(x, dtype)
        if z != self.pooled(x):
            raise TypeError(f"AveragePoolBack takes a tensor of shape {show(self.pooled(x))}, not {show(z)}")
        return [(x, dtype)]

    def reference(self, *arrays: Array) -> Array:
        z = arrays[0]
        out = np.zeros((z.shape[0], *[int(d) for d in self.spatial], z.shape[-1]), z.dtype)
        for at, window in self.places(out.shape):
            part = out[(slice(None), *window)]
            if part.size:
                part += (z[(slice(None), *at)] / z.dtype.type(part[0, ..., 0].size)).reshape(z.shape[0], *[1] * len(at), z.shape[-1])
        return out

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = cotangents[0]
        assert ct is not None
        return [emit(self.to(AveragePool), ct)]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "pool_back", self.named("average", specs[0][1])

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """See `geometry`."""
        z = shapes[0]
        return self.geometry((z[0], *[int(d) for d in self.spatial], z[-1]))

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(op.to(cls, spatial=shape[1:-1]), ((tuple(map(int, op.pooled(shape))), d, -1, 1),))
            for d in ("float32", "float64", "float16")
            for op, shape in _typical(AveragePool)
        ]
