"""Layers that add noise while training, and do nothing in inference.

Exports: AlphaDropout, Dropout, GaussianDropout, GaussianNoise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import ops, random
from .common import ConfiguredLayer, fraction
from .input_spec import known
from .layer import Layer

__all__ = ["AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"]


class Dropout(ConfiguredLayer):
    r"""Sets elements to 0 at random while training, and scales the others up.

    $$y_i = \begin{cases} 0 & \text{with probability } p \\ x_i / (1 - p) & \text{else} \end{cases}$$

    Args:
        rate: the probability $p$, from 0 to 1.
        noise_shape: shape of the noise, which is broadcast to the input; None in it stands for the input's extent.
        seed: an integer for noise that repeats from run to run.

    Shapes:
        output as input.

    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 2014.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.Dropout(0.5, seed=1)
    >>> x = np.ones((2, 3), "float32")
    >>> layer(x).tolist()  # inference
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    >>> sorted(set(layer(np.ones(100, "float32"), training=True).tolist()))
    [0.0, 2.0]
    """

    def __init__(self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = fraction(self, "rate", rate)
        self.noise_shape = noise_shape_argument(self, noise_shape)
        self.seed = seed
        self.supports_masking = True
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        shape = filled(self.noise_shape, inputs)
        return random.dropout(inputs, self.rate, noise_shape=shape, seed=self.seed_generator)


class AlphaDropout(ConfiguredLayer):
    r"""Dropout that keeps mean 0 and variance 1 of its inputs, for networks of SELU layers.

    $$y = a\,(m x + \alpha' (1 - m)) + b, \quad \alpha' = -\lambda\alpha,\; a = \bigl((1 - p)(1 + p
    \alpha'^2)\bigr)^{-1/2},\; b = -a \alpha' p$$

    where $m$ is 0 with probability $p$, else 1.

    Args:
        rate: the probability $p$, from 0 to 1.
        noise_shape: shape of the noise, which is broadcast to the input; None in it stands for the input's extent.
        seed: an integer for noise that repeats from run to run.

    Shapes:
        output as input.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017 (arXiv:1706.02515).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.AlphaDropout(0.2)(np.ones((2, 3), "float32")).tolist()  # inference
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    def __init__(self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = fraction(self, "rate", rate)
        self.noise_shape = noise_shape_argument(self, noise_shape)
        self.seed = seed
        self.supports_masking = True
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        low = -1.6732632423543772 * 1.0507009873554805
        shape = filled(self.noise_shape, inputs)
        u = random.uniform(ops.shape(inputs) if shape is None else shape, dtype=inputs.dtype, seed=self.seed_generator)
        a = ((1 - self.rate) * (1 + self.rate * low**2)) ** -0.5 if self.rate < 1 else 0.0
        b = -a * low * self.rate
        kept = ops.where(ops.greater_equal(u, self.rate), inputs, ops.cast(low, inputs.dtype))
        return ops.add(ops.multiply(kept, a), b)


class GaussianDropout(ConfiguredLayer):
    r"""Multiplies by Gaussian noise of mean 1 while training.

    $$y = x\,\varepsilon, \quad \varepsilon \sim N\!\left(1, \tfrac{p}{1 - p}\right)$$

    Args:
        rate: $p$ as of `Dropout`, from 0 to 1 (1 itself leaves no finite noise and is refused).
        seed: an integer for noise that repeats from run to run.

    Shapes:
        output as input.

    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 2014.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.GaussianDropout(0.3)(np.ones((2, 3), "float32")).tolist()  # inference
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = fraction(self, "rate", rate)
        self.seed = seed
        self.supports_masking = True
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            raise ValueError(
                f"GaussianDropout {self.name!r}: rate=1 asks for noise of infinite variance; it must be below 1 to train"
            )
        stddev = math.sqrt(self.rate / (1 - self.rate))
        noise = random.normal(ops.shape(inputs), mean=1.0, stddev=stddev, dtype=self.compute_dtype, seed=self.seed_generator)
        return ops.multiply(inputs, noise)


class GaussianNoise(ConfiguredLayer):
    r"""Adds Gaussian noise of mean 0 while training.

    $$y = x + \varepsilon, \quad \varepsilon \sim N(0, \sigma^2)$$

    Args:
        stddev: the standard deviation $\sigma$, from 0 to 1.
        seed: an integer for noise that repeats from run to run.

    Shapes:
        output as input.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.GaussianNoise(0.1)(np.ones((2, 3), "float32")).tolist()  # inference
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.stddev = fraction(self, "stddev", stddev)
        self.seed = seed
        self.supports_masking = True
        if stddev > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.stddev == 0:
            return inputs
        noise = random.normal(ops.shape(inputs), stddev=self.stddev, dtype=self.compute_dtype, seed=self.seed_generator)
        return ops.add(inputs, noise)


def filled(noise_shape: Sequence[int | None] | None, inputs: Any) -> tuple[Any, ...] | None:
    """A noise shape with the input's extents in place of None."""
    if noise_shape is None:
        return None
    if len(noise_shape) != len(inputs.shape):
        raise ValueError(
            f"noise_shape={tuple(noise_shape)} does not have the {len(inputs.shape)} axes of the input {known(inputs.shape)}"
        )
    return tuple(d if n is None else n for n, d in zip(noise_shape, ops.shape(inputs), strict=True))


def noise_shape_argument(layer: Layer, noise_shape: Any) -> tuple[int | None, ...] | None:
    """`noise_shape` as a tuple of positive integers and None."""
    if noise_shape is None:
        return None
    shape: tuple[Any, ...] | None = tuple(noise_shape) if isinstance(noise_shape, list | tuple) else None  # pyright: ignore
    if shape is None or any(d is not None and (not isinstance(d, int) or d <= 0) for d in shape):
        raise ValueError(
            f"{type(layer).__name__}: `noise_shape` must be a tuple of positive integers and None. "
            f"Received: noise_shape={noise_shape!r}"
        )
    return shape
