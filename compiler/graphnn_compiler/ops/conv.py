"""Convolution and its two transposes, over 1 to 3 spatial axes, channels last.

    y[n, o, f]  = sum over k, c of  x[n, o * stride + k * dilation - low, c] * w[k, c, f]

x (N, *spatial, C), w (*kernel, C / groups, F), y (N, *out, F); what lies outside of x is 0. With groups, channel g * C/groups + c
meets output g * F/groups + f only. The map is linear in x and in w, so each op's gradients are the other two ops: `Conv` is the map,
`ConvInput` its transpose in x (and the forward pass of a transposed convolution), `ConvKernel` its transpose in w.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product as points
from typing import ClassVar, TypeAlias

import numpy as np

from ..dims import Extent, Shape, quotient, show
from ..ir import Value
from ..trace import emit
from .base import FLOATS, Array, Op, Sample, Spec

Grads = Sequence[Value | None]
Pads: TypeAlias = "tuple[tuple[Extent, Extent], ...]"
MOST_AXES = 3


@dataclass(frozen=True)
class _Sliding(Op):
    """What the three ops share.

    Args:
        strides, dilation: a positive int per spatial axis.
        padding: (low, high) per spatial axis: zeros before and after x. Either may be an expression of symbols, and either may be
            negative: then so many elements of x are left out at that end.
        groups: how many parts the channels are cut into.
    """

    abstract: ClassVar[bool] = True
    kind: ClassVar[str] = "contract"
    strides: tuple[int, ...]
    padding: Pads
    dilation: tuple[int, ...]
    groups: int = 1

    @property
    def axes(self) -> int:
        """The number of spatial axes."""
        return len(self.strides)

    def check(self, kernel: Shape, ranks: Sequence[Shape], dtypes: Sequence[str]) -> None:
        """Complains about attributes and operands that do not belong together."""
        name, n = type(self).__name__, self.axes
        if not 1 <= n <= MOST_AXES or len(self.padding) != n or len(self.dilation) != n or len(kernel) != n:
            raise ValueError(
                f"{name}: strides {self.strides}, padding {self.padding}, dilation {self.dilation} and kernel {show(kernel)} "
                f"must be of the same 1 to {MOST_AXES} spatial axes"
            )
        if any(s < 1 for s in (*self.strides, *self.dilation)) or self.groups < 1:
            raise ValueError(f"{name}: strides {self.strides}, dilation {self.dilation} and groups {self.groups} must be positive")
        if any(isinstance(k, int) and k < 1 for k in kernel):
            raise ValueError(f"{name}: the kernel {show(kernel)} has an extent of 0")
        if len(set(dtypes)) != 1 or dtypes[0] not in FLOATS:
            raise TypeError(f"{name} takes {'/'.join(FLOATS)} of one dtype, not {', '.join(dtypes)}")
        for shape in ranks:
            if len(shape) != n + 2:
                raise ValueError(f"{name} over {n} spatial axes takes operands of {n + 2} axes, not {show(shape)}")

    def slides(self, spatial: Shape, kernel: Shape) -> Shape:
        """The extents of the result of sliding a kernel over `spatial`."""
        out: list[Extent] = []
        for i, k, s, d, (low, high) in zip(spatial, kernel, self.strides, self.dilation, self.padding, strict=True):
            room = i + low + high - (k - 1) * d - 1
            if isinstance(room, int) and room < 0:
                raise ValueError(
                    f"{type(self).__name__}: a kernel of extent {k}"
                    + (f" with dilation {d}" if d != 1 else "")
                    + f" is larger than the axis of extent {i} with padding ({low}, {high}) that it slides on"
                )
            out.append(quotient(room, s) + 1)
        return tuple(out)

    def check_channels(self, channels: Extent, w: Shape) -> None:
        """Complains about channels that do not match the kernel's, and groups that do not divide them."""
        name = type(self).__name__
        if channels != w[-2] * self.groups:
            raise ValueError(
                f"{name}: {channels} channels meet a kernel {show(w)} for {w[-2]} channels in each of {self.groups} groups"
            )
        if isinstance(w[-1], int) and w[-1] % self.groups:
            raise ValueError(f"{name}: {w[-1]} filters cannot be divided into {self.groups} groups")

    def check_result(self, spatial: Shape, kernel: Shape, out: Shape) -> None:
        """Complains about a result that sliding the kernel does not have."""
        for want, got in zip(self.slides(spatial, kernel), out, strict=True):
            if isinstance(want, int) and isinstance(got, int) and want != got:
                raise ValueError(
                    f"{type(self).__name__}: a kernel {show(kernel)} that slides on {show(spatial)} gives {want} places, not {got}"
                )

    def taps(self, spatial: Shape, kernel: Shape, out: Shape) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]]:
        """For each place of the kernel: the elements of x that it meets, and the places of y where it does."""
        for k in points(*[range(int(e)) for e in kernel]):
            xs: list[slice] = []
            ys: list[slice] = []
            for place, i, o, s, d, (low, _) in zip(k, spatial, out, self.strides, self.dilation, self.padding, strict=True):
                start = place * d - int(low)
                first = max(0, -(start // s))
                last = min(int(o) - 1, (int(i) - 1 - start) // s)
                count = max(0, last - first + 1)
                ys.append(slice(first, first + count) if count else slice(0, 0))
                xs.append(slice(start + first * s, start + last * s + 1, s) if count else slice(0, 0))
            yield k, tuple(xs), tuple(ys)

    def grouped(self, a: Array, leading: int) -> Array:
        """The last axis as (groups, each), the group in front and `leading` axes joined: (groups, points, each)."""
        each = a.shape[-1] // self.groups
        flat = a.reshape(int(np.prod(a.shape[:leading], dtype=np.int64)), self.groups, each)
        return flat.transpose(1, 0, 2)


@dataclass(frozen=True)
class Conv(_Sliding):
    """The convolution of x (N, *spatial, C) with w (*kernel, C / groups, F): (N, *out, F)."""

    def infer(self, *specs: Spec) -> list[Spec]:
        (x, t), (w, u) = specs
        self.check(w[:-2], (x, w), (t, u))
        self.check_channels(x[-1], w)
        return [((x[0], *self.slides(x[1:-1], w[:-2]), w[-1]), t)]

    def reference(self, *arrays: Array) -> Array:
        x, w = arrays
        (shape, _) = self.infer((x.shape, x.dtype.name), (w.shape, w.dtype.name))[0]
        y = np.zeros([int(d) for d in shape], x.dtype)
        for k, xs, ys in self.taps(x.shape[1:-1], w.shape[:-2], y.shape[1:-1]):
            part = x[(slice(None), *xs)]
            found = np.matmul(self.grouped(part, part.ndim - 1), self.grouped(w[k], 1))
            y[(slice(None), *ys)] += found.transpose(1, 0, 2).reshape(*part.shape[:-1], y.shape[-1])
        return y

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (x, w), ct = inputs, cotangents[0]
        assert ct is not None
        return [conv_input(ct, w, x.shape[1:-1], *self.attributes()), conv_kernel(x, ct, w.shape[:-2], *self.attributes())]

    def attributes(self) -> tuple[tuple[int, ...], Pads, tuple[int, ...], int]:
        """Strides, padding, dilation and groups."""
        return self.strides, self.padding, self.dilation, self.groups

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(op, ((x, d, -1, 1), (w, d, -1, 1))) for op, x, w, _ in _cases() for d in FLOATS]


@dataclass(frozen=True)
class ConvInput(_Sliding):
    """The transpose of `Conv` in x: dy (N, *out, F), w (*kernel, C / groups, F) -> dx (N, *extents, C)."""

    extents: Shape = ()

    def infer(self, *specs: Spec) -> list[Spec]:
        (dy, t), (w, u) = specs
        self.check(w[:-2], (dy, w), (t, u))
        if len(self.extents) != self.axes:
            raise ValueError(f"ConvInput: {show(self.extents)} are not extents of {self.axes} spatial axes")
        if dy[-1] != w[-1]:
            raise ValueError(f"ConvInput: {dy[-1]} channels meet a kernel {show(w)} of {w[-1]} filters")
        self.check_channels(w[-2] * self.groups, w)
        self.check_result(self.extents, w[:-2], dy[1:-1])
        return [((dy[0], *self.extents, w[-2] * self.groups), t)]

    def reference(self, *arrays: Array) -> Array:
        dy, w = arrays
        (shape, _) = self.infer((dy.shape, dy.dtype.name), (w.shape, w.dtype.name))[0]
        dx = np.zeros([int(d) for d in shape], dy.dtype)
        for k, xs, ys in self.taps(dx.shape[1:-1], w.shape[:-2], dy.shape[1:-1]):
            part = dy[(slice(None), *ys)]
            found = np.matmul(self.grouped(part, part.ndim - 1), self.grouped(w[k], 1).transpose(0, 2, 1))
            dx[(slice(None), *xs)] += found.transpose(1, 0, 2).reshape(*part.shape[:-1], dx.shape[-1])
        return dx

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (dy, w), ct = inputs, cotangents[0]
        assert ct is not None
        same = (self.strides, self.padding, self.dilation, self.groups)
        return [conv(ct, w, *same), conv_kernel(ct, dy, w.shape[:-2], *same)]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        out: list[Sample] = []
        for op, x, w, y in _cases():
            own = cls(op.strides, op.padding, op.dilation, op.groups, x[1:-1])
            out += [Sample(own, ((y, d, -1, 1), (w, d, -1, 1))) for d in FLOATS]
        return out


@dataclass(frozen=True)
class ConvKernel(_Sliding):
    """The transpose of `Conv` in w: x (N, *spatial, C), dy (N, *out, F) -> dw (*kernel, C / groups, F)."""

    kernel: Shape = ()

    def infer(self, *specs: Spec) -> list[Spec]:
        (x, t), (dy, u) = specs
        self.check(self.kernel, (x, dy), (t, u))
        if x[0] != dy[0]:
            raise ValueError(f"ConvKernel: a batch of {x[0]} meets one of {dy[0]}")
        channels = quotient(x[-1], self.groups)
        self.check_channels(x[-1], (*self.kernel, channels, dy[-1]))
        self.check_result(x[1:-1], self.kernel, dy[1:-1])
        return [((*self.kernel, channels, dy[-1]), t)]

    def reference(self, *arrays: Array) -> Array:
        x, dy = arrays
        (shape, _) = self.infer((x.shape, x.dtype.name), (dy.shape, dy.dtype.name))[0]
        dw = np.zeros([int(d) for d in shape], x.dtype)
        for k, xs, ys in self.taps(x.shape[1:-1], self.kernel, dy.shape[1:-1]):
            left, right = x[(slice(None), *xs)], dy[(slice(None), *ys)]
            found = np.matmul(self.grouped(left, left.ndim - 1).transpose(0, 2, 1), self.grouped(right, right.ndim - 1))
            dw[k] = found.transpose(1, 0, 2).reshape(dw.shape[-2:])
        return dw

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (x, dy), ct = inputs, cotangents[0]
        assert ct is not None
        same = (self.strides, self.padding, self.dilation, self.groups)
        return [conv_input(dy, ct, x.shape[1:-1], *same), conv(x, ct, *same)]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        out: list[Sample] = []
        for op, x, w, y in _cases():
            own = cls(op.strides, op.padding, op.dilation, op.groups, w[:-2])
            out += [Sample(own, ((x, d, -1, 1), (y, d, -1, 1))) for d in FLOATS]
        return out


def conv(
    x: Value, w: Value, strides: tuple[int, ...], padding: Pads, dilation: tuple[int, ...] | None = None, groups: int = 1
) -> Value:
    """The convolution of x (N, *spatial, C) with w (*kernel, C / groups, F); see `Conv`."""
    return emit(Conv(tuple(strides), tuple(padding), dilation or (1,) * len(strides), groups), x, w)


def conv_input(
    dy: Value,
    w: Value,
    extents: Shape,
    strides: tuple[int, ...],
    padding: Pads,
    dilation: tuple[int, ...] | None = None,
    groups: int = 1,
) -> Value:
    """The transposed convolution of dy (N, *out, F) with w (*kernel, C / groups, F), of spatial `extents`; see `ConvInput`."""
    return emit(ConvInput(tuple(strides), tuple(padding), dilation or (1,) * len(strides), groups, tuple(extents)), dy, w)


def conv_kernel(
    x: Value,
    dy: Value,
    kernel: Shape,
    strides: tuple[int, ...],
    padding: Pads,
    dilation: tuple[int, ...] | None = None,
    groups: int = 1,
) -> Value:
    """The gradient of a convolution in its kernel of spatial extents `kernel`; see `ConvKernel`."""
    return emit(ConvKernel(tuple(strides), tuple(padding), dilation or (1,) * len(strides), groups, tuple(kernel)), x, dy)


def same_padding(spatial: Shape, kernel: Shape, strides: Sequence[int], dilation: Sequence[int]) -> Pads:
    """Padding by which ceil(extent / stride) places result, the odd zero at the end; extents may be symbolic."""
    out: list[tuple[Extent, Extent]] = []
    for i, k, s, d in zip(spatial, kernel, strides, dilation, strict=True):
        reach = (int(k) - 1) * d + 1
        if s == 1:
            total: Extent = reach - 1
        else:
            places = quotient(i + s - 1, s)
            total = (places - 1) * s + reach - i
            if reach < s:  # it may be less than 0, but not less than 1 - s
                total = total * quotient(total + s, s)
        low = quotient(total, 2)
        out.append((low, total - low))
    return tuple(out)


def _cases() -> Iterator[tuple[Conv, tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """Convolutions for the generated tests: the op, and the shapes of x, w and y."""
    one, two = ((1, 1),), ((1, 1), (1, 1))
    for op, x, w in (
        (Conv((1,), one, (1,)), (2, 7, 3), (3, 3, 5)),
        (Conv((1, 1), two, (1, 1)), (2, 6, 5, 3), (3, 3, 3, 17)),
        (Conv((1, 1), two, (1, 1)), (3, 8, 8, 16), (3, 3, 16, 33)),
        (Conv((2, 2), ((0, 1), (0, 1)), (1, 1)), (2, 6, 8, 4), (3, 3, 4, 16)),  # 'same' with stride 2
        (Conv((2, 3), ((2, 0), (0, 3)), (1, 1)), (1, 7, 9, 2), (3, 2, 2, 3)),
        (Conv((3, 2), ((0, 0), (0, 0)), (1, 1)), (2, 8, 7, 3), (2, 1, 3, 5)),  # places that the kernel never meets
        (Conv((1, 1), ((2, 2), (2, 2)), (2, 2)), (2, 5, 6, 3), (3, 3, 3, 4)),  # dilation
        (Conv((2, 1), ((2, 2), (0, 1)), (2, 3)), (1, 9, 7, 3), (3, 2, 3, 4)),
        (Conv((1, 1), two, (1, 1), 2), (2, 5, 5, 6), (3, 3, 3, 4)),  # groups
        (Conv((1, 1), two, (1, 1), 3), (2, 4, 4, 9), (3, 3, 3, 51)),
        (Conv((1, 1), two, (1, 1), 19), (2, 5, 4, 19), (3, 3, 1, 19)),  # depthwise
        (Conv((2, 2), two, (1, 1), 3), (2, 6, 5, 3), (3, 3, 1, 6)),  # depthwise with a multiplier
        (Conv((1, 1), ((0, 0), (0, 0)), (1, 1)), (2, 3, 5, 7), (1, 1, 7, 18)),
        (Conv((2, 2), ((0, 0), (0, 0)), (1, 1)), (2, 5, 4, 7), (1, 1, 7, 18)),
        (Conv((1, 1), ((2, 2), (3, 2)), (1, 1)), (2, 2, 1, 3), (5, 4, 3, 2)),  # a kernel larger than x
        (Conv((1, 1), ((-1, 2), (1, -2)), (1, 1)), (2, 6, 7, 3), (3, 2, 3, 4)),  # some of x left out
        (Conv((1, 1), two, (1, 1)), (1, 1, 1, 1), (3, 3, 1, 1)),
        (Conv((1, 1), two, (1, 1)), (0, 4, 4, 3), (3, 3, 3, 5)),
        (Conv((1, 1), ((2, 2), (1, 1)), (1, 1)), (2, 0, 3, 2), (3, 3, 2, 3)),
        (Conv((1, 1), two, (1, 1)), (2, 3, 3, 0), (3, 3, 0, 4)),
        (Conv((1, 2, 1), ((1, 1), (0, 1), (1, 0)), (1, 1, 1)), (2, 3, 4, 5, 2), (3, 2, 2, 2, 5)),
        (Conv((2, 1, 2), ((0, 0), (2, 2), (0, 1)), (1, 2, 1), 2), (1, 4, 3, 4, 4), (2, 3, 3, 2, 6)),
        (Conv((1,), ((4, 0),), (2,)), (2, 11, 5), (3, 5, 16)),  # causal
    ):
        y = replace(op).infer((x, "float32"), (w, "float32"))[0][0]
        yield op, x, w, tuple(int(d) for d in y)
