"""Images scaled and moved by numbers that need not be known before a program runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import Extent
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, index, transcendental
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.movement import reshape
from graphnn_compiler.trace import emit

from ...dispatch import op, value
from .._common import Tensorish, cut, from_last, like, pick, ramp, to_last, total
from ._common import in_floats, one_of

_NAMES = {
    "linear": "bilinear", "bilinear": "bilinear", "trilinear": "bilinear", "cubic": "bicubic", "bicubic": "bicubic", "tricubic": "bicubic",
    "lanczos3": "lanczos3", "lanczos5": "lanczos5",
}  # fmt: skip


def _kernel(method: str, d: Value) -> Value:
    """The weight at a distance (see `graphnn_compiler.ops.resample`), written in ops."""
    zero = like(0, d)
    if method == "bilinear":
        return emit(elementwise.Maximum(), 1.0 - d, zero)
    if method == "bicubic":
        near = (1.5 * d - 2.5) * d * d + 1.0
        far = -0.5 * (((d - 5.0) * d + 8.0) * d - 4.0)
        return pick(d < 1.0, near, pick(d < 2.0, far, zero))
    radius = float(method[-1])
    angle = d * 3.141592653589793
    small = d < 1e-6
    safe = pick(small, like(1, d), angle)
    wave = emit(transcendental.Sin(), safe) * emit(transcendental.Sin(), safe / radius) * radius / (safe * safe)
    return pick(small, like(1, d), pick(d < radius, wave, zero))


def _weights(n: Extent, size: Extent, scale: Value, shift: Value, method: str, antialias: bool) -> Value:
    """(n, size): how much each place counts for each result."""
    dtype, inverse = scale.dtype, 1.0 / scale
    width = emit(elementwise.Maximum(), inverse, like(1, scale)) if antialias else like(1, scale)
    centre = (cast(ramp(size), dtype) + 0.5) * inverse - shift * inverse - 0.5
    place = reshape(cast(ramp(n), dtype), (n, 1))
    found = _kernel(method, abs(centre - place) / width)
    sums = total(found, 0, True)
    tiny = abs(sums) > like(1000 * 1.1920929e-07, sums)
    found = pick(tiny, found / pick(tiny, sums, like(1, sums)), like(0, sums))
    last = index.extent_value(n, dtype) - 0.5
    return pick((centre >= -0.5) & (centre <= last), found, like(0, found))


@op(static=("output_shape", "spatial_dims", "method"), tensors=("images", "scale", "translation"))
def scale_and_translate(
    images: Tensorish, output_shape: Sequence[int], scale: Tensorish, translation: Tensorish, spatial_dims: Sequence[int],
    method: str, antialias: bool = True,
) -> Value:  # fmt: skip
    """Images whose place p of each of some axes comes to scale p + translation; what comes from outside is 0.

    Args:
        images: a tensor. Integers are rounded.
        output_shape: the shape of the result.
        scale, translation: one number for each axis of `spatial_dims`.
        spatial_dims: the axes.
        method: "linear" (or "bilinear", "trilinear"), "cubic" (or "bicubic", "tricubic"), "lanczos3", "lanczos5".
        antialias: whether, where the result is smaller, each place is a mean over as much as it stands for.

    Raises:
        ValueError: another method, or a shape that does not fit.

    >>> scale_and_translate([0.0, 4.0], (4,), [2.0], [0.0], (0,), "linear").tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    one_of("method", method, _NAMES)
    x = value(images)
    axes = [build.normal_axis(int(a), x.ndim) for a in spatial_dims]
    shape: tuple[Any, ...] = tuple(output_shape)
    if len(shape) != x.ndim or any(shape[i] != n for i, n in enumerate(x.shape) if i not in axes and isinstance(n, int)):
        raise ValueError(f"`output_shape` may differ from {x.shape} in the axes {tuple(axes)} only. Received: output_shape={shape}")

    def scaled(v: Value) -> Value:
        kind = "float64" if v.dtype == "float64" else "float32"
        factors, shifts = cast(value(scale), kind), cast(value(translation), kind)
        out = cast(v, kind)
        for k, axis in enumerate(axes):
            one, two = (reshape(cut(p, 0, k, 1), ()) for p in (factors, shifts))
            table = _weights(out.shape[axis], shape[axis], one, two, _NAMES[method], antialias)
            out = from_last(build.matmul(to_last(out, axis), table), axis)
        return cast(out, v.dtype)

    return in_floats(scaled, x)
