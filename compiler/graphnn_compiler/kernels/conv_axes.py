"""Convolutions in numbers, and how their kernels walk the spatial axes: phases, taps, and where the source is read.

Spatial axes are three, of which the first is cut into bands: (height, 1, width) of images, (depth, height, width) of volumes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod


@dataclass(frozen=True)
class Sliding:
    """A convolution in numbers; spatial tuples are of one length, 1 to 3.

    Args:
        images: the batch.
        x, y, kernel: spatial extents.
        channels, filters, groups: of x and y.
        strides, dilation, low: per spatial axis; low: zeros before x, negative where some of x is left out.
    """

    images: int
    x: tuple[int, ...]
    y: tuple[int, ...]
    kernel: tuple[int, ...]
    channels: int
    filters: int
    groups: int
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    low: tuple[int, ...]

    @property
    def flops(self) -> int:
        """Floating-point operations."""
        each = self.channels // self.groups
        return 2 * self.images * prod(self.y) * prod(self.kernel) * each * self.filters

    @property
    def by_channel(self) -> bool:
        """Whether each channel is summed up by itself."""
        return self.groups > 1 and self.channels == self.filters == self.groups

    def axis(self, i: int) -> tuple[int, int, int, int, int, int]:
        """Extents of x, y and the kernel, stride, dilation and low padding of an axis."""
        return self.x[i], self.y[i], self.kernel[i], self.strides[i], self.dilation[i], self.low[i]


@dataclass(frozen=True)
class Tap:
    """A place of the kernel along an axis, how far from the phase's first place it lies in the source, its number among those that
    the places of the result meet there, whether or not they are inside."""

    place: int
    offset: int
    number: int


@dataclass(frozen=True)
class Part:
    """A phase along one axis: places `first`, `first + every`, ... of the result, which meet the same taps, of `all_taps`.

    Phases that differ in the border only have the same `kind`.
    """

    first: int
    extent: int
    taps: tuple[Tap, ...]
    all_taps: int
    kind: int = 0


@dataclass(frozen=True)
class Axis:
    """A spatial axis as the kernel walks it.

    Args:
        source: extent of the source.
        step: indices of the source per index of a phase.
        every: indices of the result per index of a phase.
        parts: the phases.
        result: extent of the result.
    """

    source: int
    step: int
    every: int
    parts: tuple[Part, ...]
    result: int

    @property
    def extent(self) -> int:
        """The longest extent of a phase."""
        return max((p.extent for p in self.parts), default=0)

    @property
    def offsets(self) -> tuple[int, int]:
        """The least and the greatest offset of a tap."""
        found = [t.offset for p in self.parts if p.extent > 0 for t in p.taps]
        return min(found, default=0), max(found, default=0)

    @property
    def inside(self) -> bool:
        """Whether no tap leaves the source."""
        parts = [p for p in self.parts if p.extent > 0]
        return all(t.offset >= 0 and (p.extent - 1) * self.step + t.offset < self.source for p in parts for t in p.taps)

    def reach(self, count: int) -> int:
        """Indices of the source that so many indices of a phase meet."""
        low, high = self.offsets
        return max(count - 1, 0) * self.step + high - low + 1

    def clipped(self) -> Axis:
        """The axis with phases of their own for places near the border, without the taps that leave the source."""
        parts: list[Part] = []
        for part in self.parts:
            ends = {0, part.extent}
            for t in part.taps:
                first, end = -(t.offset // self.step), (self.source - 1 - t.offset) // self.step + 1
                ends |= {min(max(first, 0), part.extent), min(max(end, 0), part.extent)}
            for first, end in pairwise(sorted(ends)):
                moved = [replace(t, offset=t.offset + first * self.step) for t in part.taps]
                taps = tuple(t for t in moved if 0 <= t.offset < self.source)
                parts.append(Part(part.first + first * self.every, end - first, taps, part.all_taps, part.kind))
        return replace(self, parts=tuple(parts))


def onto_places(x: int, y: int, k: int, s: int, d: int, low: int) -> Axis:
    """The axis as a convolution walks it: each place of y meets every place of the kernel."""
    return Axis(x, s, 1, (Part(0, y, tuple(Tap(i, i * d - low, i) for i in range(k)), k),), y)


def onto_input(x: int, y: int, k: int, s: int, d: int, low: int) -> Axis:
    """The axis as the transpose in the input walks it: places of x that are a stride apart meet the same places of the kernel."""
    parts: list[Part] = []
    for r in range(s):
        met = [i for i in range(k) if (r + low - i * d) % s == 0]
        taps = tuple(Tap(i, (r + low - i * d) // s, n) for n, i in enumerate(met))
        parts.append(Part(r, max(0, -(-(x - r) // s)), taps, len(taps), r))
    return Axis(y, 1, s, tuple(parts), x)


NOTHING = Axis(1, 1, 1, (Part(0, 1, (Tap(0, 0, 0),), 1),), 1)


@dataclass
class View:
    """How the source is addressed, in place or in a copy; bytes from one image, and one index of each axis, to the next."""

    axes: Sequence[Axis]
    pixel: int
    in_place: bool

    @property
    def source(self) -> tuple[int, int, int]:
        """Strides of the source."""
        _, x1, x2 = (a.source for a in self.axes)
        return x1 * x2 * self.pixel, x2 * self.pixel, self.pixel

    @property
    def strides(self) -> tuple[int, int, int]:
        """Strides of what is read."""
        if self.in_place:
            return self.source
        p1, p2 = (a.reach(a.extent) for a in self.axes[1:])
        return p1 * p2 * self.pixel, p2 * self.pixel, self.pixel

    @property
    def base(self) -> tuple[int, ...]:
        """The source's index that is the first one of what is read."""
        return (0, 0, 0) if self.in_place else tuple(a.offsets[0] for a in self.axes)

    def offset(self, taps: Iterable[int]) -> int:
        """Bytes from where a place of the result begins to where it meets a tap with these offsets."""
        return sum((e - b) * s for e, b, s in zip(taps, self.base, self.strides, strict=True))

    def words(self, images: int, band: int) -> dict[str, int]:
        """The dims of `Source`."""
        a0, a1, a2 = self.axes
        s0, s1, s2 = self.source
        low_0, low_1, low_2 = (a.offsets[0] for a in self.axes)
        rows, (width, extent) = a0.reach(band), (a2.reach(a2.extent), a2.source)
        lead, skip = min(max(-low_2, 0), width), max(low_2, 0)
        take = max(0, min(extent - skip, width - lead))
        l0, l1, _ = self.strides
        return {
            "images": images, "image": a0.source * s0, "step_0": s0, "band_step": a0.step, "in_place": int(self.in_place), "start": 0,
            "extent_0": a0.source, "extent_1": a1.source, "low_0": low_0, "low_1": low_1, "rows_0": rows, "rows_1": a1.reach(a1.extent),
            "step_1": s1, "lead": lead * s2, "skip": skip * s2, "take": take * s2, "trail": (width - lead - take) * s2,
            "copy_image": rows * l0, "copy_0": l0, "copy_1": l1,
        }  # fmt: skip

    def copy_bytes(self, images: int, band: int) -> int:
        """Bytes of the copy."""
        return 0 if self.in_place else images * self.axes[0].reach(band) * self.strides[0]


def canonical(c: Sliding, walk: Callable[..., Axis], long_first: bool) -> list[Axis]:
    """The three axes; of a convolution over one axis it is the first (`long_first`) or the last."""
    found = [walk(*c.axis(i)) for i in range(len(c.x))]
    if len(found) == 1:
        return [found[0], NOTHING, NOTHING] if long_first else [NOTHING, NOTHING, found[0]]
    return [found[0], NOTHING, found[1]] if len(found) == 2 else found


def axes_kernel(c: Sliding, i: int) -> int:
    """The kernel's extent along one of the three axes, where the long axis of one comes first."""
    if len(c.kernel) == 1:
        return 1
    return (c.kernel[0], 1, c.kernel[1])[i] if len(c.kernel) == 2 else c.kernel[i]
