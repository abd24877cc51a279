"""Numbers sorted into ranges.

Exports: Discretization.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from graphnn_compiler.ops import compare, elementwise
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..dispatch import value
from ..tensor import Array
from .adapting import batches, not_yet, place_among
from .category_encoding import MODES, encoded
from .common import ConfiguredLayer
from .versions import raise_epoch

__all__ = ["Discretization"]


class Discretization(ConfiguredLayer):
    r"""The number of the range that each number lies in. Works inside compiled models; the gradient is zero.

    $$y = |\{k: b_k \le x\}|$$

    Boundaries that are not given are quantiles of data that `adapt` has seen, found in batches from a summary of at most 1 / epsilon
    numbers with weights.

    Args:
        bin_boundaries: b, in ascending order; there is one range more than boundaries.
        num_bins: the number of ranges that `adapt` makes, in place of boundaries.
        epsilon: about the error of the quantiles, as a part of the data.
        output_mode: `"int"`, int32; or `"one_hot"`, `"multi_hot"`, `"count"` as in `CategoryEncoding`.
        sparse: must be False.

    Shapes:
        input: any; output: the same for "int", else as of `CategoryEncoding`. NaN is in the last range.

    Raises:
        ValueError: an argument is none of these, or there are no boundaries yet.

    >>> from graphnn import layers
    >>> layers.Discretization(bin_boundaries=[0.0, 1.0])([-0.5, 0.0, 0.5, 7.0]).tolist()
    [0, 1, 1, 2]
    >>> layer = layers.Discretization(num_bins=2)
    >>> layer.adapt([1.0, 2.0, 3.0, 4.0])
    >>> layer.bin_boundaries
    [2.0]
    """

    def __init__(
        self, bin_boundaries: Sequence[float] | None = None, num_bins: int | None = None, epsilon: float = 0.01,
        output_mode: str = "int", sparse: bool = False, dtype: Any = None, name: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(name=name, dtype=dtype, **kwargs)
        if sparse:
            raise ValueError("Discretization: sparse results are not supported, `sparse` must be False. Received: sparse=True")
        if output_mode not in MODES:
            raise ValueError(f"Discretization: `output_mode` must be one of {MODES}. Received: output_mode={output_mode}")
        if (bin_boundaries is None) == (num_bins is None):
            both = "not both" if num_bins is not None else "Received neither"
            raise ValueError(
                f"Discretization: set either `num_bins` or `bin_boundaries` ({both}). "
                f"Received: `num_bins={num_bins}` and `bin_boundaries={bin_boundaries}`"
            )
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"Discretization: `num_bins` must be greater than or equal to 0. Received: `num_bins={num_bins}`")
        if not 0 < epsilon <= 1:
            raise ValueError(f"Discretization: `epsilon` must be above 0, and at most 1. Received: epsilon={epsilon}")
        self.bin_boundaries: list[float] | None = None if bin_boundaries is None else [float(b) for b in bin_boundaries]
        if any(not a <= b for a, b in zip(self.bin_boundaries or [], (self.bin_boundaries or [])[1:], strict=False)):
            raise ValueError(f"Discretization: `bin_boundaries` must ascend. Received: bin_boundaries={bin_boundaries}")
        self.num_bins, self.epsilon, self.output_mode, self.sparse = num_bins, epsilon, output_mode, sparse
        self.summary: Array = np.zeros((2, 0))

    def get_config(self) -> dict[str, Any]:
        names = ("bin_boundaries", "num_bins", "epsilon", "output_mode", "sparse", "name")
        policy: Any = self.dtype_policy
        return {**{n: getattr(self, n) for n in names}, "dtype": policy.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], *args: Any) -> Discretization:
        """A layer from `get_config`, of a layer that has seen data too."""
        given = dict(config)
        learnt = given.get("bin_boundaries") if given.get("num_bins") is not None else None
        if learnt is not None:
            given["bin_boundaries"] = None
        layer = cls(**given)
        if learnt is not None:
            layer.bin_boundaries = [float(b) for b in learnt]
        return layer

    def call(self, inputs: Any) -> Any:
        x = value(inputs, self.compute_dtype)
        if self.bin_boundaries is None:
            if self.output_mode != "int":
                self.check_ready()  # nobody knows how many places there will be
            return cast(not_yet(self, x), "int32")
        bounds = np.asarray(self.bin_boundaries, self.compute_dtype)
        depth = len(bounds) + 1
        ids = cast(place_among(bounds, x), "int32")
        if len(bounds):
            ids = emit(elementwise.Where(), emit(compare.IsNan(), x), value(len(bounds), "int32"), ids)
        return encoded(ids, self.output_mode, depth, "int32" if self.output_mode == "int" else self.compute_dtype)

    def check_ready(self) -> None:
        """Raises ValueError where there are no boundaries yet."""
        if self.bin_boundaries is None:
            raise ValueError(
                f"Discretization {self.name!r} has no boundaries yet: give `bin_boundaries`, or call `adapt` with data before it is used."
            )

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Takes the boundaries from data, whatever was seen before.

        Args:
            data: an array, a list of numbers, or an iterable of batches (of which targets are left out).
            steps: how many batches are used; by default all.

        Raises:
            ValueError: boundaries were given, or there are no data.
        """
        if self.num_bins is None:
            raise ValueError(
                f"Cannot adapt Discretization {self.name!r}: it was made with boundaries. Received: bin_boundaries={self.bin_boundaries}"
            )
        self.reset_state()
        for batch in batches(self, data, steps):
            self.update_state(batch)
        if not self.summary.size:
            raise ValueError(f"Discretization {self.name!r}: `adapt` was given no data.")
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Adds a batch to the summary of what was seen."""
        self.summary = merged(self.summary, summarized(np.asarray(data, "float64").ravel(), self.epsilon), self.epsilon)

    def finalize_state(self) -> None:
        """Takes the boundaries from the summary."""
        if self.num_bins is not None and self.summary.size:
            self.bin_boundaries = compressed(self.summary, 1 / max(self.num_bins, 1))[0, :-1].tolist()
            raise_epoch()

    def reset_state(self) -> None:
        """Forgets what was seen."""
        if self.num_bins is not None:
            self.summary = np.zeros((2, 0))


# A summary is (2, n): numbers in ascending order, and how much of the data each stands for, itself being the last of that.


def summarized(x: Array, epsilon: float) -> Array:
    """A summary of numbers: each k-th of them in their order, for about 1 / epsilon in all."""
    share = max(len(x) * epsilon, 1.0)
    step = int(share)
    kept = np.sort(x)[step - 1 :: step]
    return np.stack([kept, np.full(len(kept), share)])


def merged(a: Array, b: Array, epsilon: float) -> Array:
    """The summary of what two summaries stand for."""
    both = np.concatenate([a, b], 1)
    return compressed(both[:, np.argsort(both[0], kind="stable")], epsilon)


def compressed(summary: Array, epsilon: float) -> Array:
    """A summary of 1 / epsilon numbers, where there are more."""
    if summary.shape[1] * epsilon < 1:
        return summary
    n = math.ceil(1 / epsilon - 1e-9)
    parts = np.minimum((np.arange(n) + 1) * epsilon, 1.0)
    until = np.cumsum(summary[1])
    whole = until[-1]
    at: Any = until / whole
    interpolated: Any = np.interp
    found = interpolated(parts, at, summary[0])
    weights = np.diff(interpolated(parts, at, until), prepend=0.0)
    return np.stack([found, weights])
