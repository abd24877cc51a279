"""Texts as sequences of numbers.

Exports: TextVectorization.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from ..tensor import Array
from .adapting import batches
from .common import ConfiguredLayer
from .input_spec import known
from .lookup import MODES
from .string_lookup import StringLookup
from .text_calls import TextsOnly, texts_of

__all__ = ["TextVectorization"]

STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
SPLIT = ("whitespace", "character")
_SMALL = {ord(c): ord(c.lower()) for c in string.ascii_uppercase}
_NO_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))
_SEPARATORS = ("\x1c", "\x1d", "\x1e", "\x1f")  # blanks for Python
_BLANKS = re.compile("[ \t\n\v\f\r]+")


class TextVectorization(TextsOnly):
    """Texts cut into words, each a number of a vocabulary. Python does it, in front of the compiled program of a model.

    Args:
        max_tokens: the longest vocabulary, padding and unknown words included.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"` (letters and marks of ASCII); None; or a function
            that takes an array of texts and gives another.
        split: `"whitespace"`, `"character"`; None where each text is a word; or a function that takes an array of texts and gives a list
            of words for each.
        ngrams: whether groups of words follow the words: an integer for groups of up to so many, or a tuple of sizes.
        output_mode: `"int"`, the numbers, filled up with 0; `"multi_hot"`, `"count"`, `"tf_idf"`, `"one_hot"` as of `StringLookup`.
        output_sequence_length: the number of words to which texts are cut, or filled up; by default that of the longest.
        pad_to_max_tokens: whether encodings have `max_tokens` places however long the vocabulary is.
        vocabulary: a list of words; by default `adapt` makes it.
        idf_weights: a weight for each, in the mode "tf_idf".
        sparse, ragged: must be False.
        encoding: that of texts which come as bytes.

    Shapes:
        input: texts `(batch,)` or `(batch, 1)`, or one text; output `(batch, words)` int64 or `(batch, places)`.

    Raises:
        RuntimeError: there is no vocabulary yet.
        TypeError: the input is no texts.
        ValueError: an argument is none of these, or the input has another shape.

    >>> from graphnn import layers
    >>> layer = layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["The cat sat.", "The dog!"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'the', 'sat', 'dog', 'cat']
    >>> layer(["the cat", "a dog sat"]).tolist()
    [[2, 5, 0, 0], [1, 4, 3, 0]]
    """

    def __init__(
        self, max_tokens: int | None = None, standardize: Any = "lower_and_strip_punctuation", split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int", output_sequence_length: int | None = None, pad_to_max_tokens: bool = False, vocabulary: Any = None,
        idf_weights: Any = None, sparse: bool = False, ragged: bool = False, encoding: str = "utf-8", name: str | None = None,
        **kwargs: Any,
    ):  # fmt: skip
        kwargs.pop("vocabulary_size", None)
        super().__init__(name=name, **kwargs)
        for argument, given, allowed in (("standardize", standardize, STANDARDIZE), ("split", split, SPLIT)):
            if given is not None and given not in allowed and not callable(given):
                raise ValueError(
                    f"TextVectorization: `{argument}` must be one of {allowed}, None or a function. Received: {argument}={given}"
                )
        if output_mode not in MODES:
            raise ValueError(f"TextVectorization: `output_mode` must be one of {MODES}. Received: output_mode={output_mode}")
        if output_mode != "int" and output_sequence_length is not None:
            raise ValueError(
                "TextVectorization: `output_sequence_length` must not be set if `output_mode` is not 'int'. "
                f"Received: output_sequence_length={output_sequence_length}"
            )
        if output_sequence_length is not None and output_sequence_length < 0:
            raise ValueError(
                f"TextVectorization: `output_sequence_length` must not be negative. Received: {output_sequence_length}"
            )
        if ragged:
            raise ValueError("TextVectorization: ragged results are not supported, `ragged` must be False. Received: ragged=True")
        self.ngrams = ngrams
        self.sizes = _sizes(ngrams)
        self.max_tokens, self.standardize, self.split, self.encoding = max_tokens, standardize, split, encoding
        self.output_mode, self.output_sequence_length, self.pad_to_max_tokens = (
            output_mode,
            output_sequence_length,
            pad_to_max_tokens,
        )
        self.sparse, self.ragged = sparse, ragged
        self.lookup = StringLookup(
            max_tokens, 1, "", "[UNK]", vocabulary, idf_weights, False, output_mode, pad_to_max_tokens, sparse, encoding
        )

    # ---- the vocabulary

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The words in the order of their numbers; see `StringLookup.get_vocabulary`."""
        return self.lookup.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many numbers there are, padding and unknown words included."""
        return self.lookup.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Takes a vocabulary; see `StringLookup.set_vocabulary`."""
        self.lookup.set_vocabulary(vocabulary, idf_weights)

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Makes the vocabulary of texts: words from the most to the least frequent, of equally frequent ones the greater first.

        Args:
            data: a list or an array of texts, or an iterable of batches (of which targets are left out).
            batch_size: accepted for compatibility.
            steps: how many batches are used; by default all.

        Raises:
            ValueError: a vocabulary was given.
        """
        if self.lookup.static:
            self.lookup.adapt([])
        self.reset_state()
        for batch in batches(self, data, steps, texts=True):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forgets what was counted."""
        self.lookup.reset_state()

    def update_state(self, data: Any) -> None:
        """Counts the words of a batch of texts."""
        texts = texts_of(data, self.encoding)
        if texts is None:
            raise ValueError(f"TextVectorization {self.name!r}: data must be texts. Received: {type(data).__name__}")
        self.lookup.count_rows(self.words(texts.reshape(1) if texts.ndim == 0 else texts))

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        self.lookup.finalize_state()

    # ---- using it

    def words(self, texts: Array) -> list[list[str]]:
        """The words, and groups of words, of each text; without `split` those of each row."""
        texts = self._standardized(texts)
        rows: list[list[str]]
        if self.split is None:
            rows = texts.reshape(len(texts), -1).tolist()
        else:
            self._check_column(texts.shape)
            flat = texts.ravel()
            cut: Callable[[str], list[str]] = list if self.split == "character" else _split_at_blanks
            given: Any = self.split if callable(self.split) else None
            rows = [[*words] for words in given(flat)] if given is not None else [cut(t) for t in flat.tolist()]
        return rows if self.sizes is None else [_grouped(row, self.sizes) for row in rows]

    def _check_column(self, shape: Any) -> None:
        if len(shape) > 1 and isinstance(shape[-1], int) and shape[-1] != 1:
            raise ValueError(
                f"TextVectorization {self.name!r}: to be split, texts must have the shape (batch,) or (batch, 1). "
                f"Received: inputs.shape={known(shape)}"
            )

    def _standardized(self, texts: Array) -> Array:
        how = self.standardize
        if how is None:
            return texts
        if callable(how):
            found: Array = np.asarray(how(texts), object)
            if found.shape != texts.shape:
                raise ValueError(
                    f"TextVectorization {self.name!r}: `standardize` must give as many texts. Received: {found.shape} for {texts.shape}"
                )
            return found
        table: dict[int, int | None] = {**(_SMALL if "lower" in how else {}), **(_NO_PUNCTUATION if "strip" in how else {})}
        out: Array = np.empty(texts.size, object)
        out[:] = [t.translate(table) for t in texts.ravel().tolist()]
        return out.reshape(texts.shape)

    @property
    def each_text_alone(self) -> bool:  # type: ignore[override]
        """Functions of users may draw random numbers, or look at the batch."""
        return not callable(self.standardize) and not callable(self.split)

    def check_ready(self) -> None:
        self.lookup.check_ready(self)

    def ids_of(self, texts: Array) -> Array:
        one = texts.ndim == 0
        texts = texts.reshape(1) if one else texts
        if self._one_each:
            ids = self.lookup.ids_of(self._standardized(texts))
        else:
            ids = self._padded(self.words(texts))
        return ids[0] if one else ids

    @property
    def _one_each(self) -> bool:
        """Whether each text is one word, so that shapes stay."""
        return self.split is None and self.sizes is None and self.output_sequence_length is None

    def ids_shape(self, shape: Any, length: Any) -> Any:
        if self._one_each:
            return shape
        if self.split is not None:
            self._check_column(shape)
        return (shape[0], length if self.output_sequence_length is None else self.output_sequence_length)

    def of_ids(self, ids: Any) -> Any:
        if self.output_mode != "int" and not self.pad_to_max_tokens:
            self.check_ready()
        return self.lookup.encode(ids)

    def _padded(self, rows: Sequence[list[str]]) -> Array:
        """The numbers of words, row by row, cut or filled up."""
        length = self.output_sequence_length
        sizes = np.fromiter(map(len, rows), "int64", len(rows))
        if length is None:
            length = int(sizes.max(initial=0))
        elif sizes.max(initial=0) > length:
            rows = [row[:length] for row in rows]
        out = np.full((len(rows), length), 0 if self.output_mode == "int" else -1, "int64")
        out[np.arange(length) < sizes[:, None]] = self.lookup.places_of([*chain.from_iterable(rows)])
        return out

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        base = super(ConfiguredLayer, self).get_config()
        names = "max_tokens standardize split ngrams output_mode output_sequence_length pad_to_max_tokens sparse ragged encoding".split()
        own = {n: getattr(self, n) for n in names}
        if isinstance(self.ngrams, tuple):
            own["ngrams"] = [*self.ngrams]  # pyright: ignore[reportUnknownMemberType]
        more = {n: getattr(self.lookup, n) for n in ("vocabulary", "idf_weights")}
        return {**{k: base[k] for k in ("name", "trainable", "dtype")}, **own, **more, "vocabulary_size": self.vocabulary_size()}

    def get_build_config(self) -> dict[str, Any] | None:
        """The vocabulary, where it is no part of the configuration."""
        return self.lookup.get_build_config()

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Takes the vocabulary that `get_build_config` gave."""
        self.lookup.build_from_config(config)


def _sizes(ngrams: Any) -> tuple[int, ...] | None:
    if ngrams is None:
        return None
    if isinstance(ngrams, int) and not isinstance(ngrams, bool):
        return tuple(range(1, ngrams + 1))
    given: list[Any] = list(ngrams) if isinstance(ngrams, list | tuple) else [None]  # pyright: ignore[reportUnknownArgumentType]
    if not all(isinstance(n, int) for n in given):
        raise ValueError(f"`ngrams` must be None, an integer, or a tuple of integers. Received: ngrams={ngrams}")
    return tuple(given)


def _split_at_blanks(text: str) -> list[str]:
    if text.isascii() and not any(c in text for c in _SEPARATORS):
        return text.split()
    return [w for w in _BLANKS.split(text) if w]


def _grouped(words: Sequence[str], sizes: Sequence[int]) -> list[str]:
    """Groups of neighbours, for each size in turn."""
    return [" ".join(words[i : i + n]) for n in sizes for i in range(len(words) - n + 1)]
