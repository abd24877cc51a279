"""Integers as places in a vocabulary.

Exports: IntegerLookup.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.index import Take
from graphnn_compiler.trace import emit

from ..dispatch import value
from ..tensor import Array
from ..texts import TextError
from .adapting import not_yet, place_among
from .lookup import Lookup, encoded_places
from .number_hashing import number_bins

__all__ = ["IntegerLookup"]

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")


class IntegerLookup(Lookup):
    """The place of each integer in a vocabulary. Works inside compiled models.

    Args:
        max_tokens: the most places there may be, all included.
        num_oov_indices: how many places integers have that are not in the vocabulary; with 0 they are an error.
        mask_token: an integer that stands for nothing: place 0, and left out of encodings.
        oov_token: what stands for unknown integers where places become integers.
        vocabulary: a list of integers; by default `adapt` makes it.
        vocabulary_dtype: must be `"int64"`.
        idf_weights: a weight for each, in the mode "tf_idf".
        invert: whether places become integers.
        output_mode: `"int"`, int64; `"one_hot"`, `"multi_hot"`, `"count"` as of `CategoryEncoding`; `"tf_idf"`, counts times weights.
        sparse: must be False.
        pad_to_max_tokens: whether encodings have `max_tokens` places however long the vocabulary is.
        oov_method: how unknown integers are divided among several places: `"floormod"`, their remainder, or `"farmhash"`, as `Hashing`.
        salt: an integer or two, for other hashes.

    Shapes:
        input: integers of any shape; output: the same for "int", else as of `CategoryEncoding`.

    Raises:
        IndexError: an integer is unknown and has no place.
        RuntimeError: there is no vocabulary yet.
        ValueError: an argument is none of these.

    >>> from graphnn import layers
    >>> layers.IntegerLookup(vocabulary=[12, 36])([[36, 7], [12, 36]]).tolist()
    [[2, 0], [1, 2]]
    """

    def __init__(
        self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: int | None = None, oov_token: int = -1,
        vocabulary: Any = None, vocabulary_dtype: str = "int64", idf_weights: Any = None, invert: bool = False, output_mode: str = "int",
        sparse: bool = False, pad_to_max_tokens: bool = False, oov_method: str = "floormod", salt: Any = None, name: str | None = None,
        **kwargs: Any,
    ):  # fmt: skip
        if vocabulary_dtype != "int64":
            raise ValueError(
                f"Only `vocabulary_dtype='int64'` is supported at this time. Received: vocabulary_dtype={vocabulary_dtype}"
            )
        if salt is not None and oov_method != "farmhash":
            raise ValueError(f"`salt` can only be used when `oov_method='farmhash'`. Received: oov_method={oov_method}")
        self.vocabulary_dtype = vocabulary_dtype
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode, sparse, pad_to_max_tokens,
            oov_method, salt, name, **kwargs,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary_dtype": self.vocabulary_dtype}

    def terms_of(self, x: Any) -> list[Any]:
        a: Array = np.asarray(x)
        if a.size and (a.dtype.kind not in "iub" or (a.dtype.kind == "u" and int(a.max()) > np.iinfo("int64").max)):
            raise ValueError(
                f"IntegerLookup {self.name!r}: terms must be integers of 64 bits. Received: an array of dtype {a.dtype}"
            )
        return a.astype("int64").ravel().tolist()

    def ids_of(self, texts: Array) -> Array:
        flat: list[str] = texts.ravel().tolist()
        bad = next((t for t in flat if not _INTEGER.fullmatch(t)), None)
        if bad is not None:
            raise TextError(f"IntegerLookup {self.name!r}: texts must be integers. Received: {bad!r:.60}")
        return np.array([int(t) for t in flat], "int64").reshape(texts.shape)

    def of_ids(self, ids: Any) -> Any:
        return self(ids) if isinstance(ids, np.ndarray) else self.on_numbers(ids)

    def on_numbers(self, inputs: Any) -> Any:
        x = value(inputs, "int64")
        if not self.terms and self.output_mode == "int":
            return not_yet(self, x)
        self.check_ready()
        if self.invert:
            return self._terms_at(x)
        factors = self.factors()
        return encoded_places(self._ids(x), self.output_mode, self.depth(), None if factors is None else value(factors))

    def _terms_at(self, ids: Value) -> Value:
        table = np.array([*self.get_vocabulary(), self.oov_token], "int64")
        last = value(np.int64(len(table) - 1))
        inside = emit(compare.And(), ids >= 0, ids < last)
        return emit(Take(0), value(table), _where(inside, ids, last))

    def _ids(self, x: Value) -> Value:
        order = np.argsort(np.array(self.terms, "int64"), kind="stable")
        table = np.array(self.terms, "int64")[order]
        start = len(self._special())
        # One more in front: what is less than all terms is compared with the least, and is not equal.
        near = emit(elementwise.Maximum(), place_among(table, x) - 1, build.broadcast_to(value(np.int64(0)), x.shape))
        known = emit(compare.Equal(), emit(Take(0), value(table), near), x)
        found = _where(known, emit(Take(0), value(order.astype("int64") + start), near), self._unknown(x))
        if not self.num_oov_indices:  # raises IndexError for what is no place
            found = emit(Take(0), value(np.arange(self.vocabulary_size())), found)
        if self.mask_token is None:
            return found
        masked = emit(compare.Equal(), *build.together(x, value(np.int64(self.mask_token))))
        return _where(masked, value(np.int64(0 if self.output_mode == "int" else -1)), found)

    def _unknown(self, x: Value) -> Value:
        first = len(self._special()) - self.num_oov_indices
        if self.num_oov_indices < 2:
            return value(np.int64(first if self.num_oov_indices else -1))
        if self.oov_method == "farmhash":
            return number_bins(x, self.num_oov_indices, self.key) + first
        return emit(elementwise.Mod(), x, build.broadcast_to(value(np.int64(self.num_oov_indices)), x.shape)) + first


def _where(condition: Value, x: Value, y: Value) -> Value:
    shape = condition.shape
    return emit(elementwise.Where(), condition, *(cast(build.broadcast_to(v, shape), "int64") for v in (x, y)))
