"""What layers on images share: one image or a batch, channels first or last, factors to draw from."""

from __future__ import annotations

from typing import Any

from graphnn_compiler.build import count_value
from graphnn_compiler.ir import Value

from .. import ops, random, tree
from ..config import standardize_data_format
from ..ops.image._common import Images
from ..random.seeds import make_default_seed
from .common import ConfiguredLayer

Range = float | int | list[float] | tuple[float, float]
FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


class ImageLayer(ConfiguredLayer):
    """A layer on (batch, rows, columns, channels), one image without the batch, or with channels in front of rows."""

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class RandomImageLayer(ImageLayer):
    """A layer that changes images while training, each call in another way. Subclasses write `augmented`."""

    def __init__(self, seed: int | None = None, data_format: str | None = None, keeps_seed: bool = False, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.seed = make_default_seed() if keeps_seed and seed is None else seed
        self.seed_generator = random.SeedGenerator(self.seed)

    def augmented(self, x: Value) -> Value:
        """Images (batch, rows, columns, channels) of floats, changed."""
        raise NotImplementedError(type(self).__name__)

    def call(self, inputs: Any, training: bool = True) -> Any:
        shown = Images(ops.cast(inputs, self.compute_dtype), self.data_format)
        return shown.back(self.augmented(shown.value) if training else shown.value)

    def drawn(self, x: Value, bounds: tuple[float, float], axes: int = 1) -> Value:
        """A number for each image, with `axes` axes."""
        kind = "float64" if x.dtype == "float64" else "float32"
        shape: Any = (x.shape[0], *(1,) * (axes - 1))
        low, high = bounds
        return random.uniform(shape, float(low), float(high), dtype=kind, seed=self.seed_generator)


def extent_of(x: Value, axis: int) -> Value:
    """An extent of images as a float."""
    return count_value(x.shape[axis], "float64" if x.dtype == "float64" else "float32")


def factor_range(layer: Any, factor: Any, low: float, high: float, name: str = "factor", above: bool = False) -> tuple[float, float]:
    """The bounds that a factor names: -f..f (from `low` on) of a number, else two numbers.

    Raises:
        ValueError: it is neither, or leaves low..high; `above`: low itself is refused too.
    """
    pair: list[Any] = list(factor) if tree.is_list(factor) else []
    one: Any = None if pair else factor
    found: Any = sorted(pair) if len(pair) == 2 and all(map(_number, pair)) else None
    if found is None and _number(one) and not (one < 0 <= low):
        found = [-abs(one) if above else max(-abs(one), low), abs(one)]
    if found is None or found[0] < low or found[1] > high or (above and found[0] <= low):
        raise ValueError(
            f"{type(layer).__name__}: The `{name}` argument should be a number (or a list of two numbers) in the range "
            f"{'(' if above else '['}{low}, {high}]. Received: {name}={factor}"
        )
    return found[0], found[1]


def _number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)


def check_reading(fill_mode: str, interpolation: str) -> None:
    """Raises NotImplementedError unless a layer's fill mode and interpolation are known."""
    for name, given, allowed in (("fill_mode", fill_mode, FILL_MODES), ("interpolation", interpolation, INTERPOLATIONS)):
        if given not in allowed:
            raise NotImplementedError(f"Unknown `{name}` {given}. Expected of one {allowed}.")


def value_range_argument(layer: Any, value_range: Any) -> tuple[float, float]:
    """Two numbers, the lower first; ValueError for anything else."""
    given: list[Any] = list(value_range) if tree.is_list(value_range) else []
    if len(given) != 2 or not all(map(_number, given)):
        raise ValueError(
            f"{type(layer).__name__}: The `value_range` argument should be a list of two numbers. Received: value_range={value_range}"
        )
    low, high = sorted(given)
    return low, high
