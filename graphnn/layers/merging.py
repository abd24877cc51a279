"""Layers that join several inputs into one, and their function forms.

Exports: Add, Average, Maximum, Minimum, Multiply, Subtract, add, average, maximum, minimum,
multiply, subtract.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

from .. import ops
from ..context import get_mask
from .common import ConfiguredLayer
from .layer import Layer

__all__ = [
    "Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract",
    "add", "average", "maximum", "minimum", "multiply", "subtract",
]  # fmt: skip


class Merge(ConfiguredLayer):
    """Base of the elementwise ones: inputs of fewer axes get new ones after the batch axis, then all are broadcast.

    A subclass names the op that joins two.
    """

    join: ClassVar[Any] = None

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        shapes = list_of_shapes(self, input_shape)
        batches = {s[0] for s in shapes if s} - {None}
        if len(batches) > 1:
            raise ValueError(f"{self.title}: the inputs have different batch sizes. Received: shapes {show(shapes)}")
        rank = max(map(len, shapes))
        for axis in range(1, rank):
            extents = {s[axis - rank] for s in shapes if len(s) > rank - axis} - {1, None}
            if len(extents) > 1:
                raise ValueError(f"{self.title}: the shapes of the inputs do not broadcast. Received: shapes {show(shapes)}")

    @property
    def title(self) -> str:
        """The layer as messages call it."""
        return f"{type(self).__name__} {self.name!r}"

    def call(self, inputs: Any) -> Any:
        tensors = list_of_tensors(self, inputs)
        rank = max(len(x.shape) for x in tensors)
        return self.merge(
            [ops.expand_dims(x, tuple(range(1, 1 + rank - len(x.shape)))) if len(x.shape) < rank else x for x in tensors]
        )

    def merge(self, tensors: list[Any]) -> Any:
        """Joins tensors of equal rank."""
        return reduce(type(self).join, tensors)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """A place counts if it does in any input; None if an input has no mask."""
        if previous_mask is None or any(m is None for m in previous_mask):
            return None
        return reduce(ops.logical_or, previous_mask)


class Add(Merge):
    r"""The sum of its inputs.

    $$y = \sum_i x_i$$

    Shapes:
        a list of inputs of equal or broadcastable shapes; the output has the broadcast shape.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Add()([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
    [4.0, 6.0]
    """

    join = staticmethod(ops.add)


class Subtract(Merge):
    r"""The first input less the second.

    $$y = x_1 - x_2$$

    Shapes:
        a list of two inputs of equal or broadcastable shapes; the output has the broadcast shape.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Subtract()([np.array([1.0, 2.0]), np.array([3.0, 5.0])]).tolist()
    [-2.0, -3.0]
    """

    join = staticmethod(ops.subtract)

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(f"{self.title} takes exactly 2 inputs. Received: {len(input_shape)} inputs")


class Multiply(Merge):
    r"""The elementwise product of its inputs.

    $$y = \prod_i x_i$$

    Shapes:
        a list of inputs of equal or broadcastable shapes; the output has the broadcast shape.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Multiply()([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
    [3.0, 8.0]
    """

    join = staticmethod(ops.multiply)

    def merge(self, tensors: list[Any]) -> Any:
        # What an input's mask leaves out is a factor of 1; what all leave out is 0.
        pairs = with_masks(tensors)
        y = super().merge([x if m is None else ops.where(m, x, ops.ones_like(x)) for x, m in pairs])
        masks = [m for _, m in pairs]
        return y if None in masks else ops.where(reduce(ops.logical_or, masks), y, ops.zeros_like(y))


class Average(Merge):
    r"""The mean of its inputs.

    $$y = \frac{1}{n} \sum_i x_i$$

    Shapes:
        a list of inputs of equal or broadcastable shapes; the output has the broadcast shape.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Average()([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist()
    [2.0, 3.0]
    """

    join = staticmethod(ops.add)

    def merge(self, tensors: list[Any]) -> Any:
        return ops.divide(super().merge(tensors), len(tensors))


class Maximum(Merge):
    r"""The elementwise maximum of its inputs.

    $$y = \max_i x_i$$

    Shapes:
        a list of inputs of equal or broadcastable shapes; the output has the broadcast shape.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Maximum()([np.array([1.0, 5.0]), np.array([3.0, 4.0])]).tolist()
    [3.0, 5.0]
    """

    join = staticmethod(ops.maximum)

    def merge(self, tensors: list[Any]) -> Any:
        return merge_present(ops.maximum, tensors)


class Minimum(Merge):
    r"""The elementwise minimum of its inputs.

    $$y = \min_i x_i$$

    Shapes:
        a list of inputs of equal or broadcastable shapes; the output has the broadcast shape.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Minimum()([np.array([1.0, 5.0]), np.array([3.0, 4.0])]).tolist()
    [1.0, 4.0]
    """

    join = staticmethod(ops.minimum)

    def merge(self, tensors: list[Any]) -> Any:
        return merge_present(ops.minimum, tensors)


def add(inputs: Any, **kwargs: Any) -> Any:
    """The sum of a list of tensors; see `Add`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """The difference of two tensors; see `Subtract`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """The product of a list of tensors; see `Multiply`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """The mean of a list of tensors; see `Average`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """The elementwise maximum of a list of tensors; see `Maximum`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """The elementwise minimum of a list of tensors; see `Minimum`."""
    return Minimum(**kwargs)(inputs)


def with_masks(tensors: list[Any]) -> list[tuple[Any, Any]]:
    """Each tensor and its mask, with an axis for the features; None where it has no mask."""
    masks = [get_mask(x) for x in tensors]
    return [(x, None if m is None else ops.expand_dims(m, -1)) for x, m in zip(tensors, masks, strict=True)]


def merge_present(join: Any, tensors: list[Any]) -> Any:
    """Joins tensors place by place; where a mask leaves one out, the others decide."""
    (y, present), *rest = with_masks(tensors)
    for x, m in rest:
        x = x if m is None else ops.where(m, x, y)
        y = y if present is None else ops.where(present, y, x)
        present = None if m is None or present is None else ops.logical_or(present, m)
        y = join(y, x)
    return y


def list_of_shapes(layer: Layer, input_shape: Any) -> list[tuple[int | None, ...]]:
    """The shapes of several inputs; ValueError for the shape of a single one."""
    if not isinstance(input_shape, list | tuple) or not input_shape or not all(isinstance(s, list | tuple) for s in input_shape):  # pyright: ignore
        raise ValueError(
            f"{type(layer).__name__} {layer.name!r} takes a list of at least one input. "
            f"Received: a single input of shape {input_shape}"
        )
    return [tuple(s) for s in input_shape]  # pyright: ignore


def list_of_tensors(layer: Layer, inputs: Any) -> list[Any]:
    """The inputs as a list; ValueError for a single tensor."""
    if not isinstance(inputs, list | tuple) or not inputs:
        raise ValueError(f"{type(layer).__name__} {layer.name!r} takes a list of at least one input. Received: {inputs!r}")
    return list(inputs)  # pyright: ignore


def show(shapes: Sequence[Sequence[int | None]]) -> str:
    """Shapes in a row, for messages."""
    return ", ".join(str(tuple(s)) for s in shapes)
