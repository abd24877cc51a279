"""Texts as numbers, by a vocabulary.

Exports: StringLookup.
"""

from __future__ import annotations

from itertools import repeat
from typing import Any

import numpy as np
from graphnn_compiler.ir import Value

from ..front import Texts
from ..tensor import Array, KerasTensor
from ..utils.fingerprints import hash_bins
from .lookup import Lookup
from .text_calls import TextsOnly, texts_of

__all__ = ["StringLookup"]


class StringLookup(TextsOnly, Lookup):
    """The place of each text in a vocabulary. Python does it, in front of the compiled program of a model.

    Args:
        max_tokens: the most places there may be, all included.
        num_oov_indices: how many places texts have that are not in the vocabulary, which are divided by a hash; with 0 they are an error.
        mask_token: a text that stands for nothing: place 0, and left out of encodings.
        oov_token: what stands for unknown texts where places become texts.
        vocabulary: a list of texts; by default `adapt` makes it.
        idf_weights: a weight for each, in the mode "tf_idf".
        invert: whether places become texts.
        output_mode: `"int"`, int64; `"one_hot"`, `"multi_hot"`, `"count"` as of `CategoryEncoding`; `"tf_idf"`, counts times weights.
        pad_to_max_tokens: whether encodings have `max_tokens` places however long the vocabulary is.
        sparse: must be False.
        encoding: that of texts which come as bytes.
        salt: an integer or two, for other places of unknown texts.

    Shapes:
        input: texts of any shape; output: the same for "int", else as of `CategoryEncoding`.

    Raises:
        RuntimeError: there is no vocabulary yet.
        TypeError: the input is no texts.
        ValueError: a text is unknown and has no place, or an argument is none of these.

    >>> from graphnn import layers
    >>> layers.StringLookup(vocabulary=["a", "b"])(["b", "z", "a"]).tolist()
    [2, 0, 1]
    >>> layers.StringLookup(vocabulary=["a", "b"], invert=True)([2, 0, 1]).tolist()
    ['b', '[UNK]', 'a']
    """

    def __init__(
        self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: str | None = None, oov_token: str = "[UNK]",
        vocabulary: Any = None, idf_weights: Any = None, invert: bool = False, output_mode: str = "int", pad_to_max_tokens: bool = False,
        sparse: bool = False, encoding: str = "utf-8", name: str | None = None, salt: Any = None, **kwargs: Any,
    ):  # fmt: skip
        self.encoding = encoding
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode, sparse, pad_to_max_tokens,
            kwargs.pop("oov_method", "floormod"), salt, name, **kwargs,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "encoding": self.encoding}

    def terms_of(self, x: Any) -> list[Any]:
        a: Array = np.asarray(x, object)
        return [t.decode(self.encoding) if isinstance(t, bytes) else str(t) for t in a.ravel().tolist()]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Applies the layer to texts, or with `invert` to places."""
        if self.invert and args and not isinstance(args[0], KerasTensor | Texts | Value) and texts_of(args[0]) is None:
            return self._texts_at(np.asarray(args[0]))
        return super().__call__(*args, **kwargs)

    def of_ids(self, ids: Any) -> Any:
        return self.encode(ids)

    def ids_of(self, texts: Array) -> Array:
        """The place of each text, -1 for the mask where it is left out."""
        return self.places_of(texts.ravel().tolist()).reshape(texts.shape)

    def ids_shape(self, shape: Any, length: Any) -> Any:
        self._refuse_inverse()
        return shape

    def _refuse_inverse(self) -> None:
        if self.invert:
            raise TypeError(f"StringLookup {self.name!r}: with `invert=True` the input must be integers. Received: texts")

    def places_of(self, texts: list[str]) -> Array:
        """`ids_of` for a list."""
        self._refuse_inverse()
        first = len(self._special()) - self.num_oov_indices
        unknown = first if self.num_oov_indices == 1 else -2
        found = np.fromiter(map(self.places.get, texts, repeat(unknown)), "int64", len(texts))
        if unknown < 0:
            where = np.flatnonzero(found == unknown)
            strangers = [texts[i] for i in where.tolist()]
            if strangers and not self.num_oov_indices:
                raise ValueError(
                    f"StringLookup {self.name!r}: texts are not in the vocabulary, and `num_oov_indices` is 0. Received: {strangers[:5]}"
                )
            if strangers:
                found[where] = hash_bins(np.array(strangers, object), self.num_oov_indices, self.key) + first
        return found

    def _texts_at(self, ids: Array) -> Array:
        self.check_ready()
        if ids.dtype.kind not in "iu":
            raise TypeError(f"StringLookup {self.name!r}: places must be integers. Received: an array of dtype {ids.dtype}")
        table = self.get_vocabulary()
        found = [table[i] if 0 <= i < len(table) else self.oov_token for i in ids.ravel().tolist()]
        return np.array(found, str).reshape(ids.shape)

    def on_numbers(self, inputs: Any) -> Any:
        if self.invert:
            raise TypeError(
                f"StringLookup {self.name!r}: with `invert=True` places become texts, which compiled programs do not hold: call it on "
                f"what a model predicts. Received: {inputs}"
            )
        return super().on_numbers(inputs)
