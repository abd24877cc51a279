"""Categories sorted into bins by a hash.

Exports: Hashing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from .. import tree
from ..dispatch import op, value
from ..tensor import Array
from ..utils.fingerprints import hash_bins
from .category_encoding import MODES, encoded
from .number_hashing import number_bins
from .text_calls import TextCalls

__all__ = ["Hashing"]


class Hashing(TextCalls):
    """The bin of each text or integer, the same on every machine, without a vocabulary. On integers it works inside compiled models.

    An integer is hashed as its decimal text. Without salt the hash is FarmHash's fingerprint of 64 bits, with salt SipHash-2-4 with
    that key (J.-P. Aumasson, D. J. Bernstein, 2012); the bin is its remainder by the number of bins.

    Args:
        num_bins: how many bins there are, that of `mask_value` included.
        mask_value: a text or integer that alone is in bin 0.
        salt: an integer or two, for other bins.
        output_mode: `"int"`, the bin; or `"one_hot"`, `"multi_hot"`, `"count"` as in `CategoryEncoding`.
        sparse: accepted for compatibility; the result is dense.

    Shapes:
        input: texts or integers; output: the same for "int" (int64), else as of `CategoryEncoding`.

    Raises:
        TypeError: `mask_value` is a number and the input is texts, or the other way round.
        ValueError: an argument is none of these.

    >>> from graphnn import layers
    >>> layers.Hashing(3)([["A"], ["B"], ["C"], ["D"], ["E"]]).ravel().tolist()
    [1, 0, 1, 1, 2]
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ):
        if output_mode == "int" and kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64"
        super().__init__(**kwargs)
        if not isinstance(num_bins, int | np.integer) or isinstance(num_bins, bool) or num_bins <= 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(
                f"The `num_bins` for `Hashing` cannot be `None` or non-positive values. Received: num_bins={num_bins}."
            )
        if output_mode not in MODES:
            raise ValueError(f"Hashing: `output_mode` must be one of {MODES}. Received: output_mode={output_mode}")
        if output_mode == "int" and "int" not in self.compute_dtype:
            raise ValueError(
                f'Hashing: when `output_mode="int"`, `dtype` must be "int32" or another integer type. Received: dtype={kwargs["dtype"]}'
            )
        if sparse and output_mode == "int":
            raise ValueError(
                f'Hashing: `sparse` may only be true if `output_mode` is one of {MODES[1:]}. Received: sparse=True and output_mode="int"'
            )
        self.num_bins, self.mask_value, self.output_mode, self.sparse = int(num_bins), mask_value, output_mode, sparse
        self.salt = salt_argument(self, salt)
        self.autocast = False

    def ids_of(self, texts: Array) -> Array:
        if self.mask_value is not None and not isinstance(self.mask_value, str):
            raise TypeError(
                f"Hashing {self.name!r}: `mask_value` must be a text, as the input is. Received: mask_value={self.mask_value!r}"
            )
        if self.mask_value is None:
            return hash_bins(texts, self.num_bins, self.salt)
        if self.num_bins == 1:
            return np.zeros(texts.shape, "int64")
        return np.where(texts == self.mask_value, 0, hash_bins(texts, self.num_bins - 1, self.salt) + 1)

    def of_ids(self, ids: Any) -> Any:
        return _encode(ids, self.output_mode, self.num_bins, self.compute_dtype)

    def on_numbers(self, inputs: Any) -> Any:
        x = value(inputs)
        x = cast(x, "int64") if is_float(x.dtype) else x
        return encoded(self._bins(x), self.output_mode, self.num_bins, self.compute_dtype)

    def _bins(self, x: Value) -> Value:
        if self.mask_value is None:
            return number_bins(x, self.num_bins, self.salt)
        if isinstance(self.mask_value, str):
            raise TypeError(
                f"Hashing {self.name!r}: `mask_value` must be an integer, as the input is. Received: mask_value={self.mask_value!r}"
            )
        if self.num_bins == 1:
            return build.broadcast_to(value(0, "int64"), x.shape)
        masked = emit(compare.Equal(), *build.together(x, value(self.mask_value)))
        bins = number_bins(x, self.num_bins - 1, self.salt) + 1
        return emit(elementwise.Where(), masked, build.broadcast_to(value(0, "int64"), x.shape), bins)


def salt_argument(layer: Any, salt: Any) -> list[int] | None:
    """A salt as a key of two numbers.

    Raises:
        ValueError: it is neither an integer nor two.
    """
    if salt is None:
        return None
    given: list[Any] = list(salt) if tree.is_list(salt) else [salt, salt]
    if len(given) != 2 or not all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in given):
        raise ValueError(f"{type(layer).__name__}: `salt` must be an integer, or a tuple of 2 integers. Received: salt={salt}.")
    return [int(n) for n in given]


@op(static=("mode", "depth"), tensors=("ids",))
def _encode(ids: Any, mode: str, depth: int, dtype: Any) -> Any:
    return encoded(value(ids), mode, depth, dtype)
