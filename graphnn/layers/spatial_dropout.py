"""Dropout of whole feature maps.

Exports: SpatialDropout1D, SpatialDropout2D, SpatialDropout3D.
"""

from __future__ import annotations

from typing import Any

from ..config import standardize_data_format
from .dropout import Dropout
from .input_spec import InputSpec

__all__ = ["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"]


class _SpatialDropout(Dropout):
    """Dropout of whole maps: one decision for each sample and channel."""

    rank = 0

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
        self.built = False
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        channels_first = self.data_format == "channels_first"
        self.noise_shape = (None, None, *(1,) * self.rank) if channels_first else (None, *(1,) * self.rank, None)
        self.built = True

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["trainable"]
        return config


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole feature maps of a sequence.

    Args:
        rate: the probability that a map is dropped, from 0 to 1.
        seed: an integer for noise that repeats from run to run.

    Shapes:
        input `(batch, steps, channels)`, output the same.

    Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2014 (arXiv:1411.4280).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> y = layers.SpatialDropout1D(0.5)(np.ones((4, 5, 3), "float32"), training=True)
    >>> bool((y == y[:, :1]).all())
    True
    """

    rank = 1

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole feature maps of an image.

    Args:
        rate: the probability that a map is dropped, from 0 to 1.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: an integer for noise that repeats from run to run.

    Shapes:
        input `(batch, rows, columns, channels)` or `(batch, channels, rows, columns)`, output the same.

    Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2014 (arXiv:1411.4280).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> y = layers.SpatialDropout2D(0.5)(np.ones((4, 5, 5, 3), "float32"), training=True)
    >>> bool((y == y[:, :1, :1]).all())
    True
    """

    rank = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole feature maps of a volume.

    Args:
        rate: the probability that a map is dropped, from 0 to 1.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: an integer for noise that repeats from run to run.

    Shapes:
        input `(batch, depth, rows, columns, channels)` or with the channels second, output the same.

    Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2014 (arXiv:1411.4280).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> y = layers.SpatialDropout3D(0.5)(np.ones((4, 2, 2, 2, 3), "float32"), training=True)
    >>> bool((y == y[:, :1, :1, :1]).all())
    True
    """

    rank = 3
