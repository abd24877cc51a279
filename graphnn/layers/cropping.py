"""Edges taken off sequences, images and volumes.

Exports: Cropping1D, Cropping2D, Cropping3D.
"""

from __future__ import annotations

from typing import Any

from ..config import standardize_data_format
from .common import ConfiguredLayer
from .input_spec import InputSpec, known
from .zero_padding import Widths, ends

__all__ = ["Cropping1D", "Cropping2D", "Cropping3D"]


class _Cropping(ConfiguredLayer):
    """Takes places off both ends of each axis in space."""

    rank = 0
    data_format = "channels_last"

    def set_cropping(self, cropping: Widths) -> None:
        """Checks and keeps the argument."""
        self.cropping: Any = ends(self, "cropping", cropping, self.rank)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        pairs = [self.cropping] if self.rank == 1 else list(self.cropping)
        first = 1 if self.data_format == "channels_last" else 2
        for axis, (before, behind) in enumerate(pairs, first):
            n = inputs.shape[axis]
            if isinstance(n, int) and before + behind >= n:
                raise ValueError(
                    f"{type(self).__name__} {self.name!r}: `cropping` must leave something of each axis. "
                    f"Received: cropping={self.cropping}, inputs of shape {known(inputs.shape)}"
                )
        cuts = [slice(before, -behind if behind else None) for before, behind in pairs]
        return inputs[(slice(None),) * first + tuple(cuts)]


class Cropping1D(_Cropping):
    """Takes steps off the ends of a sequence.

    Args:
        cropping: how many: an integer, or one for the front and one for the end.

    Shapes:
        input `(batch, steps, channels)`, output with fewer steps.

    Raises:
        ValueError: `cropping` is none of these, or leaves no step.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Cropping1D((1, 0))(np.array([[[1.0], [2.0]]], "float32")).tolist()
    [[[2.0]]]
    """

    rank = 1

    def __init__(self, cropping: Widths = (1, 1), **kwargs: Any):
        super().__init__(**kwargs)
        self.set_cropping(cropping)


class Cropping2D(_Cropping):
    """Takes edges off images.

    Args:
        cropping: how much: an integer; one for rows and one for columns; or `((top, bottom), (left, right))`.
        data_format: `"channels_last"` or `"channels_first"`.

    Shapes:
        input `(batch, rows, columns, channels)` or `(batch, channels, rows, columns)`, output with fewer rows and columns.

    Raises:
        ValueError: `cropping` is none of these, or leaves nothing.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Cropping2D((1, 2))(np.ones((1, 5, 6, 3), "float32")).shape
    (1, 3, 2, 3)
    """

    rank = 2

    def __init__(self, cropping: Widths = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.set_cropping(cropping)
        self.data_format = standardize_data_format(data_format)


class Cropping3D(_Cropping):
    """Takes edges off volumes.

    Args:
        cropping: how much: an integer; one for each axis; or a pair for each axis.
        data_format: `"channels_last"` or `"channels_first"`.

    Shapes:
        input `(batch, depth, rows, columns, channels)` or with the channels second, output smaller.

    Raises:
        ValueError: `cropping` is none of these, or leaves nothing.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Cropping3D((1, 0, 2))(np.ones((1, 3, 1, 5, 1), "float32")).shape
    (1, 1, 1, 1, 1)
    """

    rank = 3

    def __init__(self, cropping: Widths = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.set_cropping(cropping)
        self.data_format = standardize_data_format(data_format)
