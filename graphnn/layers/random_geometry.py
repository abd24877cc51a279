"""Images moved at random while training.

Exports: RandomCrop, RandomFlip, RandomRotation, RandomTranslation, RandomZoom.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import index, transcendental
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.movement import constant, reshape
from graphnn_compiler.trace import emit

from .. import random
from ..ops._common import backwards, cut, glued, like, pick, ramp
from ..ops.image.transforms import NARROW, moved
from .common import positive_integer
from .image_layer import RandomImageLayer, Range, check_reading, extent_of, factor_range
from .resizing import enlarged

__all__ = ["RandomCrop", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom"]

FLIPS = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(RandomImageLayer):
    """Images mirrored at random while training: each with probability 1/2, in each direction by itself.

    Args:
        mode: `"horizontal"` (left and right change places), `"vertical"`, or `"horizontal_and_vertical"`.
        seed: an integer for draws that repeat from run to run.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, rows, columns, channels)`, one image without the batch, or with channels in front of rows; output the same.

    Raises:
        ValueError: an unknown mode.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> x = np.arange(2.0).reshape(1, 1, 2, 1).repeat(100, 0)
    >>> sorted({tuple(y) for y in layers.RandomFlip("horizontal", seed=1)(x, training=True)[:, 0, :, 0].tolist()})
    [(0.0, 1.0), (1.0, 0.0)]
    """

    def __init__(self, mode: str = "horizontal_and_vertical", seed: int | None = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        if mode not in FLIPS:
            raise ValueError(f"RandomFlip: `mode` must be one of {', '.join(FLIPS)}. Received: mode={mode!r}")
        self.mode = mode

    def augmented(self, x: Value) -> Value:
        for axis, name in ((2, "horizontal"), (1, "vertical")):
            if name in self.mode:
                x = pick(self.drawn(x, (0.0, 1.0), 4) < 0.5, mirrored(x) if axis == 2 else backwards(x, axis), x)
        return x


class _RandomAffine(RandomImageLayer):
    """Images read through random affine transforms. Subclasses write `transforms`."""

    def __init__(
        self, fill_mode: str, interpolation: str, seed: int | None, fill_value: float, data_format: str | None, **kwargs: Any
    ):  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        check_reading(fill_mode, interpolation)
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, fill_value

    def transforms(self, x: Value) -> list[Value | float]:
        """a0, ..., a5 of `ops.image.affine_transform`: numbers, or values (batch,)."""
        raise NotImplementedError(type(self).__name__)

    def augmented(self, x: Value) -> Value:
        batch, kind = x.shape[0], "float64" if x.dtype == "float64" else "float32"
        parts = [build.broadcast_to(build.value(a, kind), (batch,)) for a in (*self.transforms(x), 0.0, 0.0)]
        table = glued([reshape(a, (batch, 1)) for a in parts], 1)
        return moved(x, table, self.interpolation, self.fill_mode, self.fill_value)


class RandomRotation(_RandomAffine):
    r"""Images turned about their middle by random angles while training.

    Args:
        factor: the angle as a part of a full turn, counter-clockwise: two bounds, or $f$ for $-f$ to $f$.
        fill_mode: what stands outside the images: `"constant"`; `"nearest"`, the border; `"reflect"`, mirrored; `"wrap"`, the other side.
        interpolation: `"nearest"` or `"bilinear"`.
        seed: an integer for draws that repeat from run to run.
        fill_value: the number of `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, rows, columns, channels)`, one image without the batch, or with channels in front of rows; output the same.

    Raises:
        ValueError: the factor is not in -1..1.
        NotImplementedError: an unknown `fill_mode` or `interpolation`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> x = np.arange(4.0, dtype="float32").reshape(1, 2, 2, 1)
    >>> layers.RandomRotation((0.25, 0.25))(x, training=True).round(2)[0, ..., 0].tolist()
    [[1.0, 3.0], [0.0, 2.0]]
    """

    def __init__(
        self, factor: Range, fill_mode: str = "reflect", interpolation: str = "bilinear", seed: int | None = None,
        fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = factor_range(self, factor, -1.0, 1.0)

    def transforms(self, x: Value) -> list[Value | float]:
        angle = self.drawn(x, self.factor) * (2 * math.pi)
        cosine, sine = emit(transcendental.Cos(), angle), emit(transcendental.Sin(), angle)
        high, wide = extent_of(x, 1) - 1.0, extent_of(x, 2) - 1.0
        across = (wide - (cosine * wide - sine * high)) * 0.5
        down = (high - (sine * wide + cosine * high)) * 0.5
        return [cosine, -sine, across, sine, cosine, down]


class RandomZoom(_RandomAffine):
    """Images made larger or smaller at random about their middle while training.

    Args:
        height_factor: by how much more of the height is seen: two bounds, or f for -f to f. Negative ones enlarge.
        width_factor: the same for the width; None keeps the shape of what is seen.
        fill_mode, interpolation, seed, fill_value, data_format: as of `RandomRotation`.

    Shapes:
        input `(batch, rows, columns, channels)`, one image without the batch, or with channels in front of rows; output the same.

    Raises:
        ValueError: a factor is not above -1 and at most 1.
        NotImplementedError: an unknown `fill_mode` or `interpolation`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.RandomZoom(0.2)(np.ones((2, 4, 4, 1), "float32"), training=True).shape
    (2, 4, 4, 1)
    """

    def __init__(
        self, height_factor: Range, width_factor: Range | None = None, fill_mode: str = "reflect", interpolation: str = "bilinear",
        seed: int | None = None, fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height_bounds = factor_range(self, height_factor, -1.0, 1.0, "height_factor", above=True)
        given = height_factor if width_factor is None else width_factor
        self.width_bounds = factor_range(self, given, -1.0, 1.0, "width_factor", above=True)

    def transforms(self, x: Value) -> list[Value | float]:
        tall = self.drawn(x, self.height_bounds) + 1.0
        broad = tall if self.width_factor is None else self.drawn(x, self.width_bounds) + 1.0
        across = (extent_of(x, 2) - 1.0) * 0.5 * (1.0 - broad)
        down = (extent_of(x, 1) - 1.0) * 0.5 * (1.0 - tall)
        return [broad, 0.0, across, 0.0, tall, down]


class RandomTranslation(_RandomAffine):
    """Images moved at random while training.

    Args:
        height_factor: how far down as a part of the height: two bounds, or f for -f to f.
        width_factor: how far to the right as a part of the width.
        fill_mode, interpolation, seed, fill_value, data_format: as of `RandomRotation`.

    Shapes:
        input `(batch, rows, columns, channels)`, one image without the batch, or with channels in front of rows; output the same.

    Raises:
        ValueError: a factor is not in -1..1.
        NotImplementedError: an unknown `fill_mode` or `interpolation`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> x = np.arange(1.0, 5.0, dtype="float32").reshape(1, 1, 4, 1)
    >>> layers.RandomTranslation(0, (0.25, 0.25), "constant")(x, training=True).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0]
    """

    def __init__(
        self, height_factor: Range, width_factor: Range, fill_mode: str = "reflect", interpolation: str = "bilinear",
        seed: int | None = None, fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height_bounds = factor_range(self, height_factor, -1.0, 1.0, "height_factor")
        self.width_bounds = factor_range(self, width_factor, -1.0, 1.0, "width_factor")

    def transforms(self, x: Value) -> list[Value | float]:
        down = self.drawn(x, self.height_bounds) * extent_of(x, 1)
        across = self.drawn(x, self.width_bounds) * extent_of(x, 2)
        return [1.0, 0.0, -across, 0.0, 1.0, -down]


class RandomCrop(RandomImageLayer):
    """A part of images at a random place while training, the same for a batch. In inference images stay whole: use `CenterCrop` there.

    Images that are too small are enlarged, as by `CenterCrop`.

    Args:
        height, width: the size of the output.
        seed: an integer for draws that repeat from run to run.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, rows, columns, channels)`, one image without the batch, or with channels in front of rows; the output with
        `height` rows and `width` columns while training.

    Raises:
        ValueError: a size below 1.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.RandomCrop(2, 3)(np.ones((2, 4, 4, 1), "float32"), training=True).shape
    (2, 2, 3, 1)
    """

    def __init__(
        self, height: int, width: int, seed: int | None = None, data_format: str | None = None, name: str | None = None, **kwargs: Any
    ):
        super().__init__(seed, data_format, keeps_seed=True, name=name, **kwargs)
        self.height = positive_integer(self, "height", height)
        self.width = positive_integer(self, "width", width)

    def augmented(self, x: Value) -> Value:
        sizes = (self.height, self.width)
        room = [int(x.shape[a]) - size for a, size in zip((1, 2), sizes, strict=True)]
        if min(room) < 0:
            return enlarged(x, *sizes)
        draws = random.uniform((2,), dtype="float32", seed=self.seed_generator)
        for k, (axis, size, left) in enumerate(zip((1, 2), sizes, room, strict=True)):
            start = cast(reshape(cut(draws, 0, k, 1), ()) * float(left + 1), "int64")
            start = pick(start > left, like(left, start), start)  # the product may be rounded up
            if axis == 1:
                x = emit(index.Take(1), x, ramp(size, "int64") + start)
                continue
            lines = by_line(x)  # longer vectors than those of the channels of a pixel
            channels = x.shape[3]
            first = start * index.extent_value(channels)
            lines = emit(index.Take(2), lines, ramp(channels * size, "int64") + first)
            x = reshape(lines, (*x.shape[:2], size, channels))
        return x


def by_line(x: Value) -> Value:
    """Images (batch, rows, columns, channels) as (batch, rows, columns * channels)."""
    return reshape(x, (*x.shape[:2], x.shape[2] * x.shape[3]))


def mirrored(x: Value) -> Value:
    """Images with left and right exchanged; of few channels a line at a time, in vectors longer than a pixel."""
    channels = x.shape[3]
    if not isinstance(channels, int) or channels > NARROW or channels < 1:
        return backwards(x, 2)
    lines = by_line(x)
    columns = x.shape[2]
    if isinstance(columns, int):  # a table is read faster than it is divided
        source = constant(np.arange(columns * channels).reshape(columns, channels)[::-1].reshape(-1), "int64")
        return reshape(emit(index.Take(2), lines, source), x.shape)
    place = ramp(lines.shape[2], "int64")
    column = place // channels
    source = index.extent_value(lines.shape[2]) - channels - column * channels + (place - column * channels)
    return reshape(emit(index.Take(2), lines, source), x.shape)
