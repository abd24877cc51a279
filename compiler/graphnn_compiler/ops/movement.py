"""Ops that only rearrange elements. Most become strides of a neighbour; what must be copied is copied by the kernel that makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dims import ConcreteExtentNeeded, Extent, Shape, product, quotient, show
from ..ir import Value
from ..trace import emit
from .base import Array, Op, Sample, Spec

Grads = Sequence[Value | None]


@dataclass(frozen=True)
class Constant(Op):
    """Numbers known at trace time; scalars stand in the generated source, arrays are buffers."""

    kind = "constant"
    shape: tuple[int, ...]
    dtype: str
    data: bytes

    def describe(self) -> str:
        return f"Constant({self.array().item()!r})" if not self.shape else f"Constant(shape={self.shape})"

    def array(self) -> Array:
        """The numbers (read-only)."""
        return np.frombuffer(self.data, self.dtype).reshape(self.shape)

    def infer(self, *specs: Spec) -> list[Spec]:
        return [(self.shape, self.dtype)]

    def reference(self, *arrays: Array) -> Array:
        return self.array()


def constant(x: Any, dtype: str | None = None) -> Value:
    """A constant from a number or an array."""
    a = np.asarray(x)
    a = np.ascontiguousarray(a, dtype or a.dtype).reshape(a.shape)
    return emit(Constant(a.shape, a.dtype.name, a.tobytes()))


@dataclass(frozen=True)
class Reshape(Op):
    """The same elements in row-major order under another shape."""

    kind = "movement"
    shape: Shape

    def infer(self, *specs: Spec) -> list[Spec]:
        old, new = product(specs[0][0]), product(self.shape)
        if old != new:
            if isinstance(old, int) and isinstance(new, int):
                raise ValueError(f"a tensor of shape {show(specs[0][0])} has {old} elements, shape {show(self.shape)} needs {new}")
            raise ConcreteExtentNeeded(f"reshape of {show(specs[0][0])} to {show(self.shape)}")
        return [(self.shape, specs[0][1])]

    def reference(self, *arrays: Array) -> Array:
        return arrays[0].reshape([int(d) for d in self.shape])

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        return [reshape(_ct(cotangents), inputs[0].shape)]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls((5, 6)), (((3, 10), "float32", -1, 1),)), Sample(cls((2, 3, 1, 4)), (((24,), "int32", 0, 99),), False)]


@dataclass(frozen=True)
class Transpose(Op):
    """Axes in another order: axis i of the result is axis perm[i] of x."""

    kind = "movement"
    perm: tuple[int, ...]

    def infer(self, *specs: Spec) -> list[Spec]:
        shape, dtype = specs[0]
        if sorted(self.perm) != list(range(len(shape))):
            raise ValueError(f"{self.perm} is no order of the {len(shape)} axes of {show(shape)}")
        return [(tuple(shape[p] for p in self.perm), dtype)]

    def reference(self, *arrays: Array) -> Array:
        return arrays[0].transpose(self.perm)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        return [transpose(_ct(cotangents), tuple(int(i) for i in np.argsort(self.perm)))]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls((1, 0)), (((7, 19), "float32", -1, 1),)), Sample(cls((2, 0, 1)), (((3, 5, 4), "float64", -1, 1),))]


@dataclass(frozen=True)
class BroadcastTo(Op):
    """x repeated along new axes in front and along axes of extent 1."""

    kind = "movement"
    shape: Shape

    def infer(self, *specs: Spec) -> list[Spec]:
        shape, dtype = specs[0]
        tail = self.shape[len(self.shape) - len(shape) :]
        if len(shape) > len(self.shape) or any(a != 1 and a != b for a, b in zip(shape, tail, strict=True)):
            raise ValueError(f"shape {show(shape)} cannot be broadcast to {show(self.shape)}")
        return [(self.shape, dtype)]

    def reference(self, *arrays: Array) -> Array:
        return np.broadcast_to(arrays[0], [int(d) for d in self.shape])

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        return [unbroadcast(_ct(cotangents), inputs[0].shape)]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls((4, 3, 5)), (((3, 1), "float32", -1, 1),)), Sample(cls((7,)), (((), "float32", -1, 1),))]


@dataclass(frozen=True)
class Slice(Op):
    """Elements start, start + step, ... of each axis, `sizes` of them; a negative step walks backwards."""

    kind = "movement"
    starts: tuple[Extent, ...]
    sizes: Shape
    steps: tuple[int, ...]

    def infer(self, *specs: Spec) -> list[Spec]:
        shape, dtype = specs[0]
        if not len(shape) == len(self.starts) == len(self.sizes) == len(self.steps):
            raise ValueError(f"a slice of {len(self.starts)} axes does not fit shape {show(shape)}")
        for d, start, size, step in zip(shape, self.starts, self.sizes, self.steps, strict=True):
            if isinstance(d, int) and isinstance(start, int) and isinstance(size, int) and size > 0:
                last = start + (size - 1) * step
                if not (0 <= start < d and 0 <= last < d):
                    raise ValueError(f"slice from {start}, {size} elements by {step}, leaves an axis of extent {d}")
        return [(self.sizes, dtype)]

    def indices(self) -> tuple[slice, ...]:
        """NumPy's form of the slice (extents must be numbers)."""
        out: list[slice] = []
        for start, size, step in zip(self.starts, self.sizes, self.steps, strict=True):
            stop = int(start) + int(size) * step
            out.append(slice(int(start), stop if stop >= 0 else None, step) if int(size) else slice(0, 0))
        return tuple(out)

    def reference(self, *arrays: Array) -> Array:
        return arrays[0][self.indices()]

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        return [emit(Unslice(self.starts, self.steps, inputs[0].shape), _ct(cotangents))]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(cls((1, 4), (2, 3), (1, -2)), (((3, 7), "float32", -1, 1),)),
            Sample(cls((36,), (37,), (-1,)), (((37,), "float32", -1, 1),)),
        ]


@dataclass(frozen=True)
class Unslice(Op):
    """Zeros of `shape` with x at the places that a slice reads: the transpose of `Slice`, and padding with zeros."""

    kind = "movement"
    starts: tuple[Extent, ...]
    steps: tuple[int, ...]
    shape: Shape

    def infer(self, *specs: Spec) -> list[Spec]:
        return [(self.shape, specs[0][1])]

    def reference(self, *arrays: Array) -> Array:
        out = np.zeros([int(d) for d in self.shape], arrays[0].dtype)
        out[Slice(self.starts, arrays[0].shape, self.steps).indices()] = arrays[0]
        return out

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        return [emit(Slice(self.starts, inputs[0].shape, self.steps), _ct(cotangents))]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(cls((1, 4), (1, -2), (4, 7)), (((2, 3), "float32", -1, 1),)),
            Sample(cls((2,), (1,), (40,)), (((37,), "float32", -1, 1),)),
        ]


@dataclass(frozen=True)
class SliceUpdate(Op):
    """x with the elements that a slice names replaced by those of y."""

    kind = "movement"
    starts: tuple[Extent, ...]
    steps: tuple[int, ...]

    def infer(self, *specs: Spec) -> list[Spec]:
        (shape, dtype), (part, other) = specs
        if dtype != other or len(shape) != len(part):
            raise ValueError(f"a slice of {dtype}{show(shape)} cannot be replaced by {other}{show(part)}")
        Slice(self.starts, part, self.steps).infer((shape, dtype))
        return [(shape, dtype)]

    def reference(self, *arrays: Array) -> Array:
        out = arrays[0].copy()
        out[Slice(self.starts, arrays[1].shape, self.steps).indices()] = arrays[1]
        return out

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        x, y = inputs
        ct = _ct(cotangents)
        hole = emit(BroadcastTo(y.shape), constant(0, x.dtype))
        return [emit(SliceUpdate(self.starts, self.steps), ct, hole), emit(Slice(self.starts, y.shape, self.steps), ct)]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls((1, 0), (1, 2)), (((4, 7), "float32", -1, 1), ((2, 3), "float32", -1, 1)))]


@dataclass(frozen=True)
class Concat(Op):
    """Tensors after one another along an axis."""

    kind = "movement"
    axis: int

    def infer(self, *specs: Spec) -> list[Spec]:
        shape, dtype = specs[0]
        total: Extent = 0
        for s, d in specs:
            rest = [e for i, e in enumerate(s) if i != self.axis]
            if d != dtype or len(s) != len(shape) or rest != [e for i, e in enumerate(shape) if i != self.axis]:
                raise ValueError(f"{', '.join(f'{d}{show(s)}' for s, d in specs)} cannot be joined along axis {self.axis}")
            total = total + s[self.axis]
        return [((*shape[: self.axis], total, *shape[self.axis + 1 :]), dtype)]

    def reference(self, *arrays: Array) -> Array:
        return np.concatenate(arrays, self.axis)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = _ct(cotangents)
        start: Extent = 0
        out: list[Value | None] = []
        for v in inputs:
            starts: list[Extent] = [0] * v.ndim
            starts[self.axis] = start
            out.append(emit(Slice(tuple(starts), v.shape, (1,) * v.ndim), ct))
            start = start + v.shape[self.axis]
        return out

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls(1), (((3, 4), "float32", -1, 1), ((3, 1), "float32", -1, 1), ((3, 17), "float32", -1, 1)))]


def _ct(cotangents: Grads) -> Value:
    ct = cotangents[0]
    assert ct is not None
    return ct


def reshape(x: Value, shape: Shape) -> Value:
    """x under another shape; x itself where it has it."""
    return x if x.shape == tuple(shape) else emit(Reshape(tuple(shape)), x)


def transpose(x: Value, perm: tuple[int, ...]) -> Value:
    """x with its axes in another order; x itself where it is that order."""
    return x if perm == tuple(range(x.ndim)) else emit(Transpose(perm), x)


def unbroadcast(ct: Value, shape: Shape) -> Value:
    """The sum of a cotangent over the axes along which a value of `shape` was repeated."""
    if ct.shape == shape:
        return ct
    from .reduce import Sum

    extra = ct.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(i + extra for i, d in enumerate(shape) if d == 1 and ct.shape[i + extra] != 1)
    return reshape(emit(Sum(axes), ct) if axes else ct, shape)


def zeros_like(x: Value) -> Value:
    """Zeros of the shape and dtype of x."""
    return emit(BroadcastTo(x.shape), constant(0, x.dtype))


def split_at(n: Extent, parts: int) -> Extent:
    """The extent of each of `parts` equal parts; an error where they would differ."""
    each = quotient(n, parts)
    if each * parts != n:
        if isinstance(n, int):
            raise ValueError(f"an axis of extent {n} cannot be split into {parts} equal parts")
        raise ConcreteExtentNeeded(f"split of extent {n} into {parts}")
    return each
