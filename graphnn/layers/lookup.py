"""What layers with a vocabulary share: the terms, where they come from, and the encoding of their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from graphnn_compiler.build import expand, reduced
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import reduce
from graphnn_compiler.ops.elementwise import cast

from .. import tree
from ..dispatch import op, value
from ..ops.classes import hits
from ..tensor import Array
from .adapting import batches
from .category_encoding import encoded
from .common import ConfiguredLayer
from .hashing import salt_argument
from .text_calls import TextCalls
from .versions import raise_epoch

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
OOV_METHODS = ("floormod", "farmhash")


class Lookup(TextCalls):
    """The place of each term in a vocabulary, those that are not in it having places of their own in front.

    Subclasses write `terms_of`, an array as Python terms.
    """

    untracked = frozenset(("counts", "documents", "idf", "idf_weights", "places", "terms", "vocabulary"))

    def __init__(
        self, max_tokens: int | None, num_oov_indices: int, mask_token: Any, oov_token: Any, vocabulary: Any, idf_weights: Any,
        invert: bool, output_mode: str, sparse: bool, pad_to_max_tokens: bool, oov_method: str, salt: Any, name: str | None, **kwargs: Any,
    ):  # fmt: skip
        kwargs.pop("vocabulary_size", None)
        kwargs.pop("has_input_vocabulary", None)
        super().__init__(name=name, **kwargs)
        self.max_tokens, self.num_oov_indices, self.mask_token, self.oov_token = (
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
        )
        self.invert, self.sparse, self.pad_to_max_tokens = invert, sparse, pad_to_max_tokens
        self.output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        self.oov_method, self.salt = oov_method, salt
        self.autocast = False
        self._check(idf_weights)
        self.key = salt_argument(self, salt)
        self.terms: list[Any] = []
        self.places: dict[Any, int] = {}
        self.idf: list[float] | None = None
        self.reset_state()
        self.vocabulary = None if vocabulary is None else list(vocabulary) if not isinstance(vocabulary, str) else vocabulary
        self.idf_weights = None if idf_weights is None else [float(w) for w in idf_weights]
        self.static = False
        if self.vocabulary is not None:
            self.set_vocabulary(self.vocabulary, self.idf_weights)
            self.vocabulary = list(self.terms)

    def _check(self, idf_weights: Any) -> None:
        kind = type(self).__name__

        def wrong(text: str, **given: Any) -> ValueError:
            return ValueError(f"{kind}: {text} Received: " + ", ".join(f"{k}={v}" for k, v in given.items()))

        if self.max_tokens is not None and self.max_tokens <= 1:
            raise wrong("If set, `max_tokens` must be greater than 1.", max_tokens=self.max_tokens)
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise wrong("If `pad_to_max_tokens` is True, `max_tokens` must be set.", max_tokens=self.max_tokens)
        if self.num_oov_indices < 0:
            raise wrong("`num_oov_indices` must be greater than or equal to 0.", num_oov_indices=self.num_oov_indices)
        if self.output_mode not in MODES:
            raise wrong(f"Unknown value for `output_mode`. Allowed values are: {MODES}.", output_mode=self.output_mode)
        if self.invert and self.output_mode != "int":
            raise wrong("`output_mode` must be 'int' when `invert` is true.", output_mode=self.output_mode)
        if self.sparse:
            raise wrong("sparse results are not supported, `sparse` must be False.", sparse=self.sparse)
        if self.oov_method not in OOV_METHODS:
            raise wrong(f"Unknown value for `oov_method`. Allowed values are: {OOV_METHODS}.", oov_method=self.oov_method)
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise wrong(
                "`idf_weights` must only be set if `output_mode` is 'tf_idf'.",
                idf_weights=idf_weights,
                output_mode=self.output_mode,
            )

    def terms_of(self, x: Any) -> list[Any]:
        """The elements of an array, in order, as Python objects."""
        raise NotImplementedError(type(self).__name__)

    # ---- the vocabulary

    def _special(self) -> list[Any]:
        mask = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return mask + [self.oov_token] * self.num_oov_indices

    def vocabulary_size(self) -> int:
        """How many places there are, those of the mask and of unknown terms included."""
        return len(self._special()) + len(self.terms)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The terms in the order of their places.

        Args:
            include_special_tokens: whether the mask and what stands for unknown terms come in front.
        """
        return (self._special() if include_special_tokens else []) + self.terms

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Takes a vocabulary.

        Args:
            vocabulary: terms, with the mask and the unknown term in front as `get_vocabulary` gives them, or without.
            idf_weights: a weight for each term, in the mode "tf_idf".

        Raises:
            ValueError: it is empty, too long, a file name, has a term twice, or the mask elsewhere; or weights are missing or do not fit.
        """
        kind = f"{type(self).__name__} {self.name!r}"
        if isinstance(vocabulary, str | bytes):
            raise ValueError(
                f"{kind}: `vocabulary` must be a list of terms; read the file first. Received: vocabulary={vocabulary!r}"
            )
        terms = self.terms_of(vocabulary)
        special = self._special()
        front = len(special) if special and terms[: len(special)] == special else 0
        terms = terms[front:]
        if not terms and not front:
            raise ValueError(f"{kind}: Cannot set an empty vocabulary. Received: vocabulary={vocabulary}")
        if self.mask_token is not None and self.mask_token in terms:
            raise ValueError(
                f"{kind}: the mask token is at an unexpected place of `vocabulary`. Leave mask and unknown terms away, or put them "
                f"in front in this order: {special}. Received: {self.mask_token!r} at index {terms.index(self.mask_token) + front}"
            )
        twice = sorted(t for t, n in Counter(terms).items() if n > 1)
        if twice:
            raise ValueError(f"{kind}: the vocabulary has at least one repeated term. The repeated terms are: {twice[:20]}")
        weights = self._weights(idf_weights, vocabulary, front, len(terms))
        self._install(terms, weights)
        self.static = True

    def _weights(self, idf_weights: Any, vocabulary: Any, front: int, n: int) -> list[float] | None:
        kind = f"{type(self).__name__} {self.name!r}"
        if self.output_mode != "tf_idf":
            if idf_weights is not None:
                raise ValueError(
                    f"{kind}: `idf_weights` must only be set if output_mode is 'tf_idf'. Received: output_mode={self.output_mode}"
                )
            return None
        if idf_weights is None:
            raise ValueError(
                f"{kind}: with `output_mode='tf_idf'`, `idf_weights` must be given beside a vocabulary. Received: idf_weights=None"
            )
        weights = [float(w) for w in idf_weights]
        if len(weights) not in (n, n + front):
            raise ValueError(
                f"{kind}: `idf_weights` must be the same length as vocabulary. len(idf_weights) is {len(weights)}; "
                f"len(vocabulary) is {len(vocabulary)}"
            )
        return weights[len(weights) - n :]

    def _install(self, terms: list[Any], idf: list[float] | None) -> None:
        size = len(self._special()) + len(terms)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: Attempted to set a vocabulary larger than the maximum vocab size. "
                f"Received vocabulary size is {size}; `max_tokens` is {self.max_tokens}."
            )
        start = len(self._special())
        self.terms, self.idf = terms, idf
        self.places = {t: start + i for i, t in enumerate(terms)}
        if self.mask_token is not None:
            self.places[self.mask_token] = 0 if self.output_mode == "int" else -1
        raise_epoch()

    # ---- learning it

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Makes the vocabulary of data: the terms from the most to the least frequent, of equally frequent ones the greater first.

        Args:
            data: an array or a list, or an iterable of batches (of which targets are left out); for "tf_idf" a row is a document.
            steps: how many batches are used; by default all.

        Raises:
            ValueError: a vocabulary was given.
        """
        if self.static:
            raise ValueError(
                f"Cannot adapt layer '{self.name}' after setting a static vocabulary via the `vocabulary` argument or `set_vocabulary()`."
            )
        self.reset_state()
        for batch in batches(self, data, steps, texts=True):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forgets what was counted."""
        self.counts: Counter[Any] = Counter()
        self.documents: Counter[Any] = Counter()
        self.n_documents = 0

    def update_state(self, data: Any) -> None:
        """Counts the terms of a batch."""
        a: Array = np.asarray(data)
        rows = a.reshape(-1, 1) if a.ndim < 2 else a.reshape(a.shape[0], -1)
        self.count_rows([self.terms_of(row) for row in rows] if self.output_mode == "tf_idf" else [self.terms_of(a)])

    def count_rows(self, rows: Sequence[Sequence[Any]]) -> None:
        """Counts the terms of documents."""
        for row in rows:
            self.counts.update(row)
            self.documents.update(set(row))
        self.n_documents += len(rows)

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        if self.static:
            return
        found: list[Any] = [t for t in self.counts if t not in (self.mask_token, self.oov_token)]
        found.sort(reverse=True)
        found.sort(key=lambda t: -self.counts[t])
        if self.max_tokens is not None:
            found = found[: max(self.max_tokens - len(self._special()), 0)]
        idf = (
            [float(np.log1p(self.n_documents / (1 + self.documents[t]))) for t in found] if self.output_mode == "tf_idf" else None
        )
        self._install(found, idf)

    # ---- using it

    def depth(self) -> int:
        """The extent of encodings."""
        return self.max_tokens if self.pad_to_max_tokens and self.max_tokens is not None else self.vocabulary_size()

    def check_ready(self, layer: Any = None) -> None:
        """Raises RuntimeError, which names `layer` or else this one, where there is no vocabulary yet."""
        if not self.terms:
            layer = layer or self
            raise RuntimeError(
                f"{type(layer).__name__} {layer.name!r} has no vocabulary yet: give `vocabulary`, or call `adapt` with data."
            )

    def factors(self) -> Array | None:
        """What each place counts in the mode "tf_idf": unknown terms the mean of the others."""
        if self.idf is None:
            return None
        known = np.asarray(self.idf, "float32")
        spread = np.zeros(self.depth(), "float32")
        spread[: self.num_oov_indices] = known.mean() if len(known) else 0
        spread[self.num_oov_indices : self.vocabulary_size()] = known
        return spread

    def encode(self, ids: Any) -> Any:
        """Places (-1 for what is left out) in the output mode."""
        if self.output_mode == "tf_idf" or (self.output_mode != "int" and not self.pad_to_max_tokens):
            self.check_ready()  # else nobody knows how many places there will be
        return _encode(ids, self.output_mode, self.depth(), self.factors())

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        base = super(ConfiguredLayer, self).get_config()
        names = (
            "invert",
            "max_tokens",
            "num_oov_indices",
            "oov_token",
            "mask_token",
            "output_mode",
            "sparse",
            "pad_to_max_tokens",
        )
        own = {n: getattr(self, n) for n in names}
        more = {"vocabulary": self.vocabulary, "idf_weights": self.idf_weights, "vocabulary_size": self.vocabulary_size()}
        salt = list(self.salt) if tree.is_list(self.salt) else self.salt
        return {**_layer_config(base), **own, **more, "oov_method": self.oov_method, "salt": salt}

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that the layer was built for, and the vocabulary where it is no part of the configuration."""
        found = super().get_build_config() or {}
        if self.vocabulary is None and self.terms:
            found = {**found, "vocabulary": list(self.terms), "idf_weights": self.idf, "static": self.static}
        return found or None

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Builds the layer for the shapes, and takes the vocabulary, that `get_build_config` gave."""
        given = dict(config or {})
        terms = given.pop("vocabulary", None)
        idf, static = given.pop("idf_weights", None), bool(given.pop("static", False))
        if terms is not None:
            self._install(self.terms_of(terms), None if idf is None else [float(w) for w in idf])
            self.static = static
        super().build_from_config(given)


def _layer_config(base: dict[str, Any]) -> dict[str, Any]:
    return {k: base[k] for k in ("name", "trainable", "dtype") if k in base}


@op(static=("mode", "depth"), tensors=("ids", "factors"))
def _encode(ids: Any, mode: str, depth: int, factors: Any = None) -> Any:
    return encoded_places(value(ids, "int64"), mode, depth, None if factors is None else value(factors))


def encoded_places(ids: Value, mode: str, depth: int, factors: Value | None) -> Value:
    """Places in one of `MODES`; int64, but floats for "tf_idf"."""
    if mode != "tf_idf":
        return encoded(ids, mode, depth, "int64")
    assert factors is not None
    rows = ids if ids.ndim else expand(ids, 0)
    return reduced(reduce.Sum, cast(hits(rows, depth, -1), "float32"), -2) * factors
