"""Features in common units.

Exports: Normalization.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import ops, tree
from ..config import epsilon
from .common import ConfiguredLayer

__all__ = ["Normalization"]


class Normalization(ConfiguredLayer):
    r"""Subtracts the mean of each feature and divides by its standard deviation, both of data that it has seen in `adapt`.

    $$y = \frac{x - \mu}{\max(\sqrt{\sigma^2}, \epsilon)}$$

    Args:
        axis: the axes that have statistics of their own, counted with the batch; None for one mean and variance of all.
        mean, variance: numbers, in place of `adapt`.
        invert: whether the layer undoes this: $x \max(\sqrt{\sigma^2}, \epsilon) + \mu$.

    Shapes:
        output as input; its dtype is the layer's. `mean` and `variance` have the shape of the axes, `count` none.

    Raises:
        ValueError: only one of mean and variance is given, or an axis does not exist or has no known extent.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.Normalization()
    >>> layer.adapt(np.array([[0.0], [2.0], [4.0]], "float32"))
    >>> print(layer(np.array([[2.0], [4.0]], "float32")).round(4))
    [[0.    ]
     [1.2247]]
    """

    def __init__(
        self, axis: int | Sequence[int] | None = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(
                "When setting values directly, both `mean` and `variance` must be set. "
                f"Received: mean={mean} and variance={variance}"
            )
        self.given = None if mean is None else (np.asarray(mean), np.asarray(variance))
        for name, a in zip(("mean", "variance"), self.given or (), strict=False):
            if a.ndim > len(self.axis):
                raise ValueError(
                    f"The rank of `{name}` must be less than or equal to the number of axes ({len(self.axis)}). "
                    f"Received: {name} shape {a.shape} for axis {self.axis}"
                )
        self.mean: Any = mean
        self.variance: Any = variance
        self.invert = invert
        self.supports_masking = True

    def get_config(self) -> dict[str, Any]:
        given = (None, None) if self.given is None else tuple(a.tolist() for a in self.given)
        base = super(ConfiguredLayer, self).get_config()
        return {**base, "axis": list(self.axis), "invert": self.invert, "mean": given[0], "variance": given[1]}

    def build(self, input_shape: Any = None) -> None:
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(
                f"Normalization {self.name!r}: all `axis` values must be in the range [-ndim, ndim). "
                f"Received inputs with ndim={rank}, while axis={self.axis}"
            )
        kept = sorted(a % rank for a in self.axis)
        for a in kept:
            if input_shape[a] is None:
                raise ValueError(
                    f"Normalization {self.name!r}: all `axis` values to be kept must have a known shape. "
                    f"Received axis={self.axis}, inputs.shape={tuple(input_shape)}, with unknown axis at index {a}"
                )
        self.kept = tuple(kept)
        self.extents = shape = tuple(int(input_shape[a]) for a in kept)
        if self.given is None:
            self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
            self.variance = self.add_weight(name="variance", shape=shape, initializer="ones", trainable=False)
            self.count = self.add_weight(name="count", shape=(), dtype="int32", initializer="zeros", trainable=False)
        self.built = True

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.compute_dtype)
        aligned = tuple(self.extents[self.kept.index(i)] if i in self.kept else 1 for i in range(len(x.shape)))
        mean, variance = (self._spread(s, aligned) for s in (self.mean, self.variance))
        deviation = ops.maximum(ops.sqrt(variance), epsilon())
        if self.invert:
            return ops.add(mean, ops.multiply(x, deviation))
        return ops.divide(ops.subtract(x, mean), deviation)

    def _spread(self, statistic: Any, aligned: tuple[Any, ...]) -> Any:
        if self.given is None:
            return ops.reshape(ops.cast(statistic, self.compute_dtype), aligned)
        return np.broadcast_to(np.asarray(statistic, self.compute_dtype), self.extents).reshape(aligned)

    def adapt(self, data: Any) -> None:
        """Takes mean and variance from data.

        Args:
            data: an array or a list of numbers, or an iterable of batches (of which targets are left out).

        Raises:
            ValueError: mean and variance were given, or there are no data.
        """
        if self.given is not None:
            raise ValueError(f"Normalization {self.name!r}: `mean` and `variance` are given, so there is nothing to adapt.")
        count, mean, power = 0, np.zeros(()), np.zeros(())
        for batch in _batches(data):
            if not self.built:
                self.build(batch.shape)
            axes = tuple(i for i in range(batch.ndim) if i not in self.kept)
            wide = batch.astype("float64")
            n = int(np.prod([batch.shape[i] for i in axes], dtype="int64"))
            if not n:
                continue
            here, spread = wide.mean(axes), wide.var(axes)
            step = here - mean  # T. Chan et al., Updating formulae and a pairwise algorithm for computing sample variances, 1979
            power = power + spread * n + step * step * (count * n / (count + n))
            mean = mean + step * (n / (count + n))
            count += n
        if not count:
            raise ValueError(f"Normalization {self.name!r}: `adapt` was given no data.")
        self.mean.assign(mean)
        self.variance.assign(power / count)


def _batches(data: Any) -> Iterator[np.ndarray[Any, Any]]:
    """The arrays in data, which may come in batches; of (x, y) only x."""
    items: Any = data
    listed = isinstance(data, list | tuple)
    if not hasattr(items, "__array__") and (not listed or any(hasattr(e, "shape") for e in items)):
        for batch in items:
            yield np.asarray(batch[0] if tree.is_list(batch) else batch)
        return
    found: np.ndarray[Any, Any] = np.asarray(items)
    if found.dtype.kind not in "fiub":
        raise ValueError(f"Normalization: data must be numbers. Received: an array of dtype {found.dtype}")
    yield found if found.ndim > 1 else found.reshape(-1, 1)
