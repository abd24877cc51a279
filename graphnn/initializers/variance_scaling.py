"""Initializers whose variance depends on the number of connections of a unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..config import standard_dtype
from .initializer import tensor
from .random_initializers import RandomInitializer, generator, normal, truncated_normal, uniform

# standard deviation of a standard normal cut off at two standard deviations
_TRUNCATED_STD = 0.8796256610342398


class VarianceScaling(RandomInitializer):
    r"""Numbers whose variance is `scale` / n, where n counts the connections of a unit.

    Args:
        scale: a positive number.
        mode: "fan_in" (n inputs), "fan_out" (n outputs) or "fan_avg" (their mean).
        distribution: "truncated_normal" (or "normal"), "untruncated_normal" or "uniform".
        seed: see `RandomInitializer`.
        input_axes, output_axes: axes of the weight that count as inputs and as outputs; None for the last two, the others
            being places of a kernel.

    Raises:
        ValueError: `scale` is not positive, or `mode` or `distribution` is unknown.

    >>> round(float(VarianceScaling(2.0, seed=1)((400, 100)).var()) * 400, 1)
    2.0
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        if scale <= 0.0:
            raise ValueError(f"scale must be positive, received scale={scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"mode must be 'fan_in', 'fan_out' or 'fan_avg', received mode={mode!r}")
        distribution = distribution.lower()
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            known = "'truncated_normal', 'untruncated_normal' or 'uniform'"
            raise ValueError(f"distribution must be {known}, received distribution={distribution!r}")
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes
        super().__init__(seed=seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        name = standard_dtype(dtype)
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        std = math.sqrt(self.scale / max(1.0, n))
        rng = generator(self.seed)
        if self.distribution == "truncated_normal":
            return tensor(truncated_normal(rng, shape, name) * (std / _TRUNCATED_STD), name)
        if self.distribution == "untruncated_normal":
            return tensor(normal(rng, shape, name) * std, name)
        limit = std * math.sqrt(3.0)
        return tensor(uniform(rng, shape, name, -limit, limit), name)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _Preset(VarianceScaling):
    scaling: tuple[float, str, str]

    def __init__(self, seed: Any = None, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None):
        scale, mode, distribution = self.scaling
        super().__init__(scale, mode, distribution, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        full = super().get_config()
        return {k: full[k] for k in ("seed", "input_axes", "output_axes")}


class GlorotUniform(_Preset):
    """Uniform in +-sqrt(6 / (inputs + outputs)) (X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward
    neural networks, 2010).

    >>> float(abs(GlorotUniform(seed=1)((20, 10))).max()) <= (6 / 30) ** 0.5
    True
    """

    scaling = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Truncated normal of variance 2 / (inputs + outputs) (X. Glorot, Y. Bengio, 2010).

    >>> GlorotNormal(seed=1)((20, 10)).shape
    (20, 10)
    """

    scaling = (1.0, "fan_avg", "truncated_normal")


class LecunNormal(_Preset):
    """Truncated normal of variance 1 / inputs (Y. LeCun et al., Efficient BackProp, 1998).

    >>> LecunNormal(seed=1)((20, 10)).shape
    (20, 10)
    """

    scaling = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform in +-sqrt(3 / inputs) (Y. LeCun et al., Efficient BackProp, 1998).

    >>> LecunUniform(seed=1)((20, 10)).shape
    (20, 10)
    """

    scaling = (1.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Truncated normal of variance 2 / inputs (K. He et al., Delving deep into rectifiers, 2015).

    >>> HeNormal(seed=1)((20, 10)).shape
    (20, 10)
    """

    scaling = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Preset):
    """Uniform in +-sqrt(6 / inputs) (K. He et al., Delving deep into rectifiers, 2015).

    >>> HeUniform(seed=1)((20, 10)).shape
    (20, 10)
    """

    scaling = (2.0, "fan_in", "uniform")


def compute_fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """How many inputs and outputs a unit with a weight of this shape has.

    >>> compute_fans((3, 3, 16, 32))
    (144, 288)
    """
    shape = tuple(int(d) for d in shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        n = shape[0] if shape else 1
        return n, n
    places = math.prod(shape[:-2])
    return shape[-2] * places, shape[-1] * places
