"""Random initializers. The numbers depend on the seed alone: a Philox counter generator fills the weight in order.

An initializer without a seed draws one when it is made (from Python's `random`, so `utils.set_random_seed` governs it); calling the
same object twice therefore gives the same numbers, unless its seed is a `SeedGenerator`, which moves on with every call.
"""

from __future__ import annotations

import math
import random as python_random
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..config import standard_dtype
from ..context import suspended
from ..saving.serialization import deserialize_keras_object, serialize_keras_object
from ..tensor import Array
from .initializer import Initializer, tensor

_MASK = (1 << 64) - 1


def generator(seed: Any) -> np.random.Generator:
    """The generator of a seed: an integer, or a SeedGenerator, which is advanced."""
    if isinstance(seed, int):
        return np.random.Generator(np.random.Philox(key=seed & _MASK))
    with suspended():
        state: Array = seed.next()
    key = int(state[0]) | int(state[1]) << 64
    return np.random.Generator(np.random.Philox(key=key))


def _drawing_dtype(dtype: str) -> Any:
    return np.float64 if dtype == "float64" else np.float32


def normal(rng: np.random.Generator, shape: Sequence[int], dtype: str) -> Array:
    """Standard normal numbers."""
    kind: Any = _drawing_dtype(dtype)
    source: Any = rng
    return source.standard_normal(tuple(shape), dtype=kind)


def truncated_normal(rng: np.random.Generator, shape: Sequence[int], dtype: str) -> Array:
    """Standard normal numbers between -2 and 2: what falls outside is drawn again."""
    flat = normal(rng, (math.prod(shape),), dtype)
    bad = np.flatnonzero(np.abs(flat) > 2)
    while bad.size:
        flat[bad] = normal(rng, bad.shape, dtype)
        bad = bad[np.abs(flat[bad]) > 2]
    return flat.reshape(tuple(shape))


def uniform(rng: np.random.Generator, shape: Sequence[int], dtype: str, low: float, high: float) -> Array:
    """Numbers in [low, high)."""
    kind = _drawing_dtype(dtype)
    source: Any = rng
    x = low + source.random(tuple(shape), dtype=kind) * kind(high - low)
    return np.minimum(x, np.nextafter(kind(high), kind(low))) if high > low else x


class RandomInitializer(Initializer):
    """Base of the random initializers.

    Args:
        seed: an integer, a `random.SeedGenerator`, or None for a seed drawn now.
    """

    def __init__(self, seed: Any = None):
        self._init_seed = seed
        self.seed: Any = self._checked(seed)

    def _checked(self, seed: Any) -> Any:
        if seed is None:
            return python_random.randint(1, 10**9)
        if isinstance(seed, int | np.integer):
            return int(seed)  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(seed, dict):
            return deserialize_keras_object(seed)  # pyright: ignore[reportUnknownArgumentType]
        if not hasattr(seed, "state"):
            raise ValueError(f"seed must be an integer or a SeedGenerator, received seed={seed!r}")
        return seed

    def get_config(self) -> dict[str, Any]:
        return {"seed": serialize_keras_object(self._init_seed)}


class RandomNormal(RandomInitializer):
    """Normal numbers.

    Args:
        mean: their mean.
        stddev: their standard deviation.
        seed: see `RandomInitializer`.

    >>> a, b = (RandomNormal(stddev=2.0, seed=1)((100, 100)) for _ in range(2))
    >>> bool((a == b).all()), round(float(a.std()))
    (True, 2)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        self.mean, self.stddev = mean, stddev
        super().__init__(seed=seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        name = standard_dtype(dtype)
        return tensor(normal(generator(self.seed), shape, name) * self.stddev + self.mean, name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomInitializer):
    """Normal numbers of which those further than two standard deviations from the mean are drawn again.

    Args:
        mean: mean before cutting off.
        stddev: standard deviation before cutting off.
        seed: see `RandomInitializer`.

    >>> float(abs(TruncatedNormal(stddev=1.0, seed=1)((1000,))).max()) <= 2.0
    True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        self.mean, self.stddev = mean, stddev
        super().__init__(seed=seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        name = standard_dtype(dtype)
        return tensor(truncated_normal(generator(self.seed), shape, name) * self.stddev + self.mean, name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class RandomUniform(RandomInitializer):
    """Uniform numbers.

    Args:
        minval: the lower bound, included.
        maxval: the upper bound, excluded.
        seed: see `RandomInitializer`.

    >>> x = RandomUniform(-1.0, 1.0, seed=3)((1000,))
    >>> bool((x >= -1).all() and (x < 1).all())
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        self.minval, self.maxval = minval, maxval
        super().__init__(seed=seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        name = standard_dtype(dtype)
        return tensor(uniform(generator(self.seed), shape, name, self.minval, self.maxval), name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class Orthogonal(RandomInitializer):
    """A random matrix with orthonormal rows or columns, whichever are fewer (A. Saxe et al., Exact solutions to the nonlinear
    dynamics of learning in deep linear neural networks, 2014). All axes but the last count as rows.

    Args:
        gain: a factor for the whole matrix.
        seed: see `RandomInitializer`.

    Raises:
        ValueError: the shape has fewer than two axes.

    >>> import numpy as np
    >>> w = Orthogonal(seed=1)((5, 3))
    >>> bool(np.allclose(w.T @ w, np.eye(3), atol=1e-6))
    True
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        self.gain = gain
        super().__init__(seed=seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs a shape of at least two axes, received shape={tuple(shape)}")
        name = standard_dtype(dtype)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        # factorised in float64 whatever the dtype: rounding then hides the order in which a BLAS adds
        q, r = np.linalg.qr(normal(generator(self.seed), (max(rows, columns), min(rows, columns)), "float64"))
        q = q * np.sign(np.diag(r))
        return tensor(self.gain * (q.T if rows < columns else q).reshape(tuple(shape)), name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}
