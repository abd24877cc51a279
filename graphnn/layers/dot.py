"""The product of two inputs along an axis of each.

Exports: Dot, dot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler.dims import product

from .. import ops
from .common import ConfiguredLayer
from .merging import list_of_shapes, list_of_tensors, show

__all__ = ["Dot", "dot"]


class Dot(ConfiguredLayer):
    r"""Sums the products of two inputs along one axis of each, sample by sample.

    $$y_{b \, i \, j} = \sum_k u_{b \, i \, k} \, v_{b \, k \, j}$$

    for `axes=(2, 1)`.

    Args:
        axes: the axis of both inputs, or one for each; not 0, which is the batch axis.
        normalize: whether to scale to length 1 along the axes first, so that the output is the cosine of the angle.

    Shapes:
        inputs `(batch, ...)` and `(batch, ...)` of equal extents along `axes`; the output has the other axes of the
        first, then of the second, and `(batch, 1)` where there are none.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Dot(axes=(1, 2))([np.ones((2, 3, 5)), np.ones((2, 10, 3))]).shape
    (2, 5, 10)
    """

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axes, int | list | tuple):
            raise TypeError(f"Dot: `axes` must be an integer or two of them. Received: axes={axes!r}")
        if not isinstance(axes, int) and (len(axes) != 2 or not all(isinstance(a, int) for a in axes)):  # pyright: ignore
            raise ValueError(f"Dot: `axes` must be an integer or two of them. Received: axes={axes!r}")
        self.axes = axes if isinstance(axes, int) else list(axes)
        self.normalize = normalize
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        shapes = list_of_shapes(self, input_shape)
        if len(shapes) != 2:
            raise ValueError(f"Dot {self.name!r} takes exactly 2 inputs. Received: {len(shapes)} inputs of shapes {show(shapes)}")
        a, b = self.positive_axes(*map(len, shapes))
        if None not in (shapes[0][a], shapes[1][b]) and shapes[0][a] != shapes[1][b]:
            raise ValueError(
                f"Dot {self.name!r}: axis {a} of the first input has extent {shapes[0][a]}, axis {b} of the "
                f"second {shapes[1][b]}; "
                f"they must be equal. Received: shapes {show(shapes)}"
            )

    def positive_axes(self, *ranks: int) -> tuple[int, ...]:
        """The axis of each input, counted from the front."""
        axes = [self.axes] * 2 if isinstance(self.axes, int) else self.axes
        found = tuple(a % n if -n <= a < n else 0 for a, n in zip(axes, ranks, strict=True))
        if 0 in found or min(ranks) < 2:
            raise ValueError(
                f"Dot {self.name!r}: inputs of {ranks[0]} and {ranks[1]} axes cannot be multiplied along axes "
                f"{self.axes}; "
                "each must name an axis other than 0, the batch"
            )
        return found

    def call(self, inputs: Any) -> Any:
        x, y = list_of_tensors(self, inputs)
        a, b = self.positive_axes(len(x.shape), len(y.shape))
        if self.normalize:
            x, y = unit_length(x, a), unit_length(y, b)
        x_rest = [i for i in range(1, len(x.shape)) if i != a]
        y_rest = [i for i in range(1, len(y.shape)) if i != b]
        batch, k = ops.shape(x)[0], ops.shape(x)[a]
        rows, columns = [ops.shape(x)[i] for i in x_rest], [ops.shape(y)[i] for i in y_rest]
        m: Any = product(rows)
        n: Any = product(columns)
        left = ops.reshape(ops.transpose(x, (0, *x_rest, a)), (batch, m, k))
        right = ops.reshape(ops.transpose(y, (0, b, *y_rest)), (batch, k, n))
        return ops.reshape(ops.matmul(left, right), (batch, *(rows + columns or [1])))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """The output has no mask."""
        return


def unit_length(x: Any, axis: int) -> Any:
    """x divided by its length along an axis; zeros stay."""
    return ops.multiply(x, ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12)))


def dot(inputs: Any, axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """The product of two tensors along an axis of each; see `Dot`."""
    return Dot(axes=axes, **kwargs)(inputs)
