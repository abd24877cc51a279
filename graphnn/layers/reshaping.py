"""Layers that only rearrange elements.

Exports: Flatten, Permute, RepeatVector, Reshape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphnn_compiler.dims import product, quotient

from .. import ops
from ..config import standardize_data_format
from .common import ConfiguredLayer, positive_integer
from .input_spec import InputSpec
from .input_spec import known as known_shape

__all__ = ["Flatten", "Permute", "RepeatVector", "Reshape"]


class Flatten(ConfiguredLayer):
    r"""Joins all axes but the first into one.

    Args:
        data_format: `"channels_first"` moves the second axis to the end before joining; default `"channels_last"`.

    Shapes:
        input `(batch, a, b, ...)`, output `(batch, a * b * ...)`; `(batch,)` becomes `(batch, 1)`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Flatten()(np.ones((2, 3, 4), "float32")).shape
    (2, 12)
    """

    takes_texts = True

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 2:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        batch, *rest = ops.shape(inputs)
        size: Any = product(rest)
        return ops.reshape(inputs, (batch, size))


class Reshape(ConfiguredLayer):
    """The same elements under another shape.

    Args:
        target_shape: the shape without the batch axis; one extent may be -1 and is what is left.

    Shapes:
        input `(batch, ...)`, output `(batch, *target_shape)`.

    Raises:
        ValueError: the input has another number of elements for each sample.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Reshape((2, -1))(np.ones((5, 6), "float32")).shape
    (5, 2, 3)
    """

    takes_texts = True

    def __init__(self, target_shape: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)
        if any(d < -1 for d in self.target_shape) or self.target_shape.count(-1) > 1:
            raise ValueError(
                "Reshape: `target_shape` must hold extents of 0 or more and at most one -1. "
                f"Received: target_shape={self.target_shape}"
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        batch, *rest = ops.shape(inputs)
        known = math.prod(d for d in self.target_shape if d != -1)
        size = product(rest)
        fits = not isinstance(size, int) or (size == known if -1 not in self.target_shape else known > 0 and size % known == 0)
        if not fits:
            raise ValueError(
                f"Reshape {self.name!r}: the total size of a sample must not change. "
                f"Received: a sample of shape {known_shape(rest)}, target_shape={self.target_shape}"
            )
        left: Any = quotient(size, known) if -1 in self.target_shape else 0
        return ops.reshape(inputs, (batch, *(left if d == -1 else d for d in self.target_shape)))


class Permute(ConfiguredLayer):
    """Axes in another order.

    Args:
        dims: for each axis of the output but the first, which axis of the input it is; counted from 1.

    Shapes:
        `(batch, a, b, c)` with `dims=(3, 1, 2)` becomes `(batch, c, a, b)`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Permute((2, 1))(np.ones((5, 3, 4), "float32")).shape
    (5, 4, 3)
    """

    takes_texts = True

    def __init__(self, dims: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute: `dims` must hold 1, 2, ..., each once. Received: dims={self.dims}")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))


class RepeatVector(ConfiguredLayer):
    """The same vector at each of `n` steps.

    Args:
        n: the number of repetitions, a positive integer.

    Shapes:
        input `(batch, features)`, output `(batch, n, features)`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.RepeatVector(3)(np.ones((5, 4), "float32")).shape
    (5, 3, 4)
    """

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(n, int) or isinstance(n, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"RepeatVector: `n` must be an integer. Received: n={n!r}")
        self.n = positive_integer(self, "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        batch, features = ops.shape(inputs)
        return ops.broadcast_to(ops.reshape(inputs, (batch, 1, features)), (batch, self.n, features))
