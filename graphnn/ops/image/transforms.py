"""Images read at other places: at given coordinates, and moved, turned, sheared or bent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import Extent, product, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, index, transcendental
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.movement import reshape
from graphnn_compiler.trace import emit

from ...dispatch import op, value
from .._common import Tensorish, cut, floating, glued, like, pick, ramp_along
from ._common import Images, in_floats, one_of

FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
ORDERS = {"nearest": 0, "bilinear": 1}
NARROW = 4


def _place(i: Value, n: Extent, mode: str) -> tuple[Value, Value | None]:
    """The place in 0..n-1 that place i (int64) stands for, and, where there may be none, whether there is one."""
    count = index.extent_value(n)
    zero, one = build.value(0, "int64"), build.value(1, "int64")
    inside = emit(elementwise.Minimum(), emit(elementwise.Maximum(), i, zero), count - 1)
    if mode == "constant":
        return inside, (i >= 0) & (i < count)
    if mode == "nearest":
        return inside, None
    if mode == "wrap":
        return i % count, None
    period = count * 2 if mode == "reflect" else emit(elementwise.Maximum(), count * 2 - 2, one)
    j = i % period
    return pick(j < count, j, period - j - (1 if mode == "reflect" else 0)), None


def sampled(
    table: Value, places: Sequence[Value], extents: Sequence[Extent], start: Value | None, order: int, mode: str, fill: Any
) -> Value:
    """Rows of a table at fractional places.

    Args:
        table: (rows, channels); row `start + p` belongs to the place p, counted in row-major order of `extents`.
        places: for each axis of `extents` floats of one shape (n,).
        start: int64 (n,), or None for 0.
        order: 0 takes the nearest place, 1 weighs the 2^axes neighbours.
        mode: what stands outside: "constant" is `fill`, else one of `FILL_MODES`.

    Returns:
        (n, channels).
    """
    axes: list[list[tuple[Value, Value | None, Value | None]]] = []  # of each axis: place, whether it is there, weight
    for p, n in zip(places, extents, strict=True):
        if order == 0:
            axes.append([(*_place(cast(emit(transcendental.Round(), p), "int64"), n, mode), None)])
            continue
        low = emit(transcendental.Floor(), p)
        after = p - low
        i = cast(low, "int64")
        axes.append([(*_place(i, n, mode), 1.0 - after), (*_place(i + 1, n, mode), after)])
    channels = table.shape[1]
    if isinstance(channels, int) and 1 < channels <= NARROW:  # vectors of places, channel by channel, are longer than those of channels
        flat = reshape(table, (product(table.shape), 1))
        begin = build.value(0, "int64") if start is None else start
        parts: list[Value] = []
        for c in range(channels):
            one = [[(i * channels, there, w) for i, there, w in axis] for axis in axes]
            parts.append(_summed(flat, one, extents, begin * channels + c, fill))
        return glued(parts, 1)
    return _summed(table, axes, extents, start, fill)


def _summed(table: Value, axes: list[list[Any]], extents: Sequence[Extent], start: Value | None, fill: Any) -> Value:
    """The rows at all corners, each by its weight; a row that is not there is `fill`."""
    dtype = table.dtype
    total: Value | None = None
    for corner in _corners(axes):
        at, weight, there = start, None, None
        stride: Extent = product(extents)
        for (i, valid, w), n in zip(corner, extents, strict=True):
            stride = stride // n if n != 0 else 0
            step = i * index.extent_value(stride)
            at = step if at is None else at + step
            weight = w if weight is None else weight * w if w is not None else weight
            there = valid if there is None else there & valid if valid is not None else there
        assert at is not None
        found = emit(index.Take(0), table, at)
        if there is not None:
            found = emit(elementwise.Where(), reshape(there, (*there.shape, 1)), found, value(fill, dtype))
        if weight is not None:
            found = found * reshape(cast(weight, dtype), (*weight.shape, 1))
        total = found if total is None else total + found
    assert total is not None
    return total


def _corners(axes: list[list[Any]]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = [()]
    for axis in axes:
        found = [(*c, one) for c in found for one in axis]
    return found


@op(static=("order", "fill_value"), tensors=("coordinates",))
def map_coordinates(
    inputs: Tensorish, coordinates: Tensorish, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Value:
    """Elements at fractional places.

    Args:
        inputs: a tensor. Integers are rounded.
        coordinates: (axes of inputs, ...): for each axis the places.
        order: 0 takes the nearest place, 1 weighs the neighbours linearly.
        fill_mode: what stands outside: "constant"; "nearest", the border; "wrap", the other end; "mirror", mirrored without the border;
            "reflect", mirrored with it.
        fill_value: the number of "constant".

    Raises:
        ValueError: another order or mode, or coordinates for another number of axes.

    >>> map_coordinates([0.0, 10.0], [[0.5, 1.0]], 1).tolist()
    [5.0, 10.0]
    """
    one_of("order", order, (0, 1))
    one_of("fill_mode", fill_mode, FILL_MODES)
    x, where = value(inputs), floating(coordinates)
    if where.ndim < 1 or where.shape[0] != x.ndim:
        raise ValueError(
            f"First dim of `coordinates` must be the same as the rank of `inputs`. Received inputs with shape: {show(x.shape)} "
            f"and coordinate leading dim of {where.shape[0] if where.ndim else None}"
        )
    n = product(where.shape[1:])
    places = [reshape(cut(where, 0, k, 1), (n,)) for k in range(x.ndim)]

    def at_places(v: Value) -> Value:
        table = reshape(v, (product(v.shape), 1))
        return reshape(sampled(table, places, v.shape, None, order, fill_mode, fill_value), where.shape[1:])

    return in_floats(at_places, x) if order else at_places(x)


def pixels(shape: Sequence[Extent], dtype: str) -> tuple[Value, Value]:
    """The row and the column of each pixel of (batch, rows, columns, channels) as floats (1, rows, 1) and (1, 1, columns)."""
    rows, columns = shape[1], shape[2]
    y = reshape(cast(ramp_along(0, (rows,), "int32"), dtype), (1, rows, 1))
    return y, reshape(cast(ramp_along(0, (columns,), "int32"), dtype), (1, 1, columns))


def read(x: Value, y: Value, column: Value, interpolation: str, fill_mode: str, fill_value: Any) -> Value:
    """Images (batch, rows, columns, channels) read at rows y and columns of shape (batch, h, w), the same for all channels."""
    batch, rows, columns, channels = x.shape
    shape = (batch, *y.shape[1:])
    n = product(shape)
    image = reshape(build.broadcast_to(ramp_along(0, (batch, 1, 1), "int64"), shape), (n,))
    places = [reshape(build.broadcast_to(p, shape), (n,)) for p in (y, column)]

    def at_places(v: Value) -> Value:
        table = reshape(v, (batch * rows * columns, channels))
        first = image * index.extent_value(rows * columns)
        found = sampled(table, places, (rows, columns), first, ORDERS[interpolation], fill_mode, fill_value)
        return reshape(found, (*shape, channels))

    return at_places(x) if interpolation == "nearest" else in_floats(at_places, x)


def coordinate_dtype(x: Value) -> str:
    """The dtype of coordinates in images."""
    return "float64" if x.dtype == "float64" else "float32"


def moved(x: Value, transform: Value, interpolation: str, fill_mode: str, fill_value: Any) -> Value:
    """`affine_transform` of images (batch, rows, columns, channels) by transforms (batch, 8)."""
    dtype = coordinate_dtype(x)
    a = [reshape(cut(cast(transform, dtype), 1, i, 1), (transform.shape[0], 1, 1)) for i in range(8)]
    y, column = pixels(x.shape, dtype)
    scale = a[6] * column + a[7] * y + 1.0
    across = (a[0] * column + a[1] * y + a[2]) / scale
    down = (a[3] * column + a[4] * y + a[5]) / scale
    return read(x, down, across, interpolation, fill_mode, fill_value)


@op(static=("fill_value",), tensors=("images", "transform"))
def affine_transform(
    images: Tensorish, transform: Tensorish, interpolation: str = "bilinear", fill_mode: str = "constant", fill_value: float = 0,
    data_format: str | None = None,
) -> Value:  # fmt: skip
    """Images whose pixel (x, y) is read at ((a0 x + a1 y + a2) / k, (a3 x + a4 y + a5) / k), k = a6 x + a7 y + 1.

    Args:
        images: (batch, rows, columns, channels), one image without the batch, or with channels in front of rows. Integers are rounded.
        transform: a0, ..., a7 of each image, (batch, 8); of one image (8,).
        interpolation: "nearest" or "bilinear".
        fill_mode, fill_value: what stands outside, as in `map_coordinates`.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: an argument is none of these, or transforms do not fit the images.

    >>> affine_transform([[[1.0], [2.0], [3.0]]], [1.0, 0, 1, 0, 1, 0, 0, 0]).ravel().tolist()  # one pixel to the left
    [2.0, 3.0, 0.0]
    """
    one_of("interpolation", interpolation, ORDERS)
    one_of("fill_mode", fill_mode, FILL_MODES)
    shown, a = Images(images, data_format), floating(transform)
    if a.ndim not in (1, 2):
        raise ValueError(
            "Invalid transform rank: expected rank 1 (single transform) or rank 2 (batch of transforms). "
            f"Received input with shape: transform.shape={show(a.shape)}"
        )
    a = reshape(a, (1, *a.shape)) if a.ndim == 1 else a
    x = shown.value
    if a.shape[1] != 8 or not (a.shape[0] == x.shape[0] or not (isinstance(a.shape[0], int) and isinstance(x.shape[0], int))):
        raise ValueError(f"`transform` must hold 8 numbers for each of {x.shape[0]} images. Received: transform.shape={show(a.shape)}")
    return shown.back(moved(x, a, interpolation, fill_mode, fill_value))


def _solved(m: list[list[Value]], b: list[Value]) -> list[Value]:
    """The solution of linear equations by elimination with row pivots, each coefficient a value of one shape."""
    n = len(b)
    for k in range(n):
        for r in range(k + 1, n):  # the row with the larger pivot comes first
            larger = abs(m[r][k]) > abs(m[k][k])
            m[k], m[r] = (
                [pick(larger, u, v) for u, v in zip(m[r], m[k], strict=True)],
                [pick(larger, v, u) for u, v in zip(m[r], m[k], strict=True)],
            )
            b[k], b[r] = pick(larger, b[r], b[k]), pick(larger, b[k], b[r])
        for r in range(k + 1, n):
            factor = m[r][k] / m[k][k]
            m[r] = [u - factor * v for u, v in zip(m[r], m[k], strict=True)]
            b[r] = b[r] - factor * b[k]
    out: list[Value] = [*b]
    for k in reversed(range(n)):
        for j in range(k + 1, n):
            out[k] = out[k] - m[k][j] * out[j]
        out[k] = out[k] / m[k][k]
    return out


def perspective(start: Value, end: Value) -> Value:
    """The transforms (batch, 8) of `affine_transform` that read points `end` (batch, 4, 2) at points `start`."""
    batch = start.shape[0]
    dtype = start.dtype

    def point(p: Value, i: int, k: int) -> Value:
        return reshape(cut(cut(p, 1, i, 1), 2, k, 1), (batch,))

    zero, one = (build.broadcast_to(like(v, start), (batch,)) for v in (0, 1))
    rows: list[list[Value]] = []
    right: list[Value] = []
    for i in range(4):
        x, y = point(end, i, 0), point(end, i, 1)
        u, v = point(start, i, 0), point(start, i, 1)
        rows.append([x, y, one, zero, zero, zero, -(u * x), -(u * y)])
        rows.append([zero, zero, zero, x, y, one, -(v * x), -(v * y)])
        right += [u, v]
    found = [cast(a, dtype) for a in _solved(rows, right)]
    return glued([reshape(a, (batch, 1)) for a in found], 1)


@op(static=("fill_value",), tensors=("images", "start_points", "end_points"))
def perspective_transform(
    images: Tensorish, start_points: Tensorish, end_points: Tensorish, interpolation: str = "bilinear", fill_value: float = 0,
    data_format: str | None = None,
) -> Value:  # fmt: skip
    """Images seen in perspective: what is at four start points comes to four end points.

    Args:
        images: (batch, rows, columns, channels), one image without the batch, or with channels in front of rows. Integers are rounded.
        start_points, end_points: (x, y) of four points of each image, (batch, 4, 2); of one image (4, 2).
        interpolation: "nearest" or "bilinear".
        fill_value: what stands outside of the images.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: an argument is none of these, or points do not fit the images.

    >>> corners = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    >>> perspective_transform([[[1.0], [2.0]], [[3.0], [4.0]]], corners, corners)[..., 0].tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    one_of("interpolation", interpolation, ORDERS)
    shown = Images(images, data_format)
    points: list[Value] = []
    for name, given in (("start_points", start_points), ("end_points", end_points)):
        p = floating(given)
        if p.ndim not in (2, 3) or p.shape[-2:] != (4, 2):
            raise ValueError(
                f"Invalid {name} shape: expected (4,2) for a single image or (N,4,2) for a batch. Received shape: {show(p.shape)}"
            )
        points.append(cast(reshape(p, (1, *p.shape)) if p.ndim == 2 else p, "float64"))
    if points[0].shape != points[1].shape or (isinstance(points[0].shape[0], int) and points[0].shape[0] != shown.value.shape[0]):
        raise ValueError(
            f"`start_points` and `end_points` must hold 4 points for each of {shown.value.shape[0]} images. "
            f"Received: {show(points[0].shape)} and {show(points[1].shape)}"
        )
    return shown.back(moved(shown.value, perspective(*points), interpolation, "constant", fill_value))

