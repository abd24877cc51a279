"""Words of texts as numbers, as older scripts make them; new ones use `layers.TextVectorization`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..tensor import Array
from ..utils.fingerprints import fingerprint64

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
MODES = ("binary", "count", "tfidf", "freq")


def text_to_word_sequence(text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text.

    Args:
        text: the text.
        filters: characters that are left out, as if `split` stood there.
        lower: whether letters become small.
        split: what words are separated by.

    >>> text_to_word_sequence("Hello, world!")
    ['hello', 'world']
    """
    text = text.lower() if lower else text
    return [w for w in text.translate(dict.fromkeys(map(ord, filters), split)).split(split) if w]


def hashing_trick(
    text: str, n: int, hash_function: str | Callable[[str], int] | None = None, filters: str = FILTERS, lower: bool = True,
    split: str = " ", analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:  # fmt: skip
    """The words of a text as numbers from 1 to n - 1, by a hash; different words may have the same.

    Args:
        text: the text.
        n: one more than the largest number.
        hash_function: "md5"; a function of a word; None for one that gives the same in every run.
        filters, lower, split: as in `text_to_word_sequence`.
        analyzer: a function that gives the words of a text, instead.

    Raises:
        ValueError: n is below 2.

    >>> hashing_trick("a b a", 10, "md5")
    [2, 5, 2]
    """
    if n < 2:
        raise ValueError(f"`n` must be at least 2. Received: n={n}")
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    if hash_function == "md5":
        return [int(hashlib.md5(w.encode()).hexdigest(), 16) % (n - 1) + 1 for w in words]
    of: Callable[[str], int] = hash_function if callable(hash_function) else _stable
    return [of(w) % (n - 1) + 1 for w in words]


def _stable(word: str) -> int:
    return fingerprint64(word.encode())


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """`hashing_trick` with a hash that gives the same in every run.

    >>> len(one_hot("the cat sat", 50))
    3
    """
    return hashing_trick(input_text, n, None, filters, lower, split, analyzer)


class Tokenizer:
    """Words as numbers by their frequency in some texts, the most frequent being 1.

    Args:
        num_words: words whose number is not below it are left out.
        filters, lower, split: as in `text_to_word_sequence`.
        char_level: whether each character is a word.
        oov_token: a word, number 1, in the place of those that are left out.
        analyzer: a function that gives the words of a text.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["the cat sat", "the dog"])
    >>> tokenizer.texts_to_sequences(["the dog sat down"])
    [[1, 4, 3]]
    """

    def __init__(
        self, num_words: int | None = None, filters: str = FILTERS, lower: bool = True, split: str = " ", char_level: bool = False,
        oov_token: str | None = None, analyzer: Callable[[str], list[str]] | None = None, document_count: int = 0,
    ):  # fmt: skip
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.analyzer, self.document_count = char_level, oov_token, analyzer, document_count
        self.word_counts: Counter[str] = Counter()
        self.word_docs: Counter[str] = Counter()
        self.index_docs: Counter[int] = Counter()
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def words(self, text: Any) -> list[str]:
        """The words of a text, or of a list of words."""
        if self.char_level or not isinstance(text, str):
            return [w.lower() if self.lower else w for w in text]
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Counts the words of texts, each a text or a list of words, and numbers them."""
        for text in texts:
            words = self.words(text)
            self.document_count += 1
            self.word_counts.update(words)
            self.word_docs.update(set(words))
        ranked = [w for w, _ in sorted(self.word_counts.items(), key=lambda item: -item[1])]
        self.word_index = {w: i + 1 for i, w in enumerate(([] if self.oov_token is None else [self.oov_token]) + ranked)}
        self.index_word = {i: w for w, i in self.word_index.items()}
        self.index_docs = Counter({self.word_index[w]: n for w, n in self.word_docs.items()})

    def fit_on_sequences(self, sequences: Iterable[Any]) -> None:
        """Counts in how many sequences of numbers each number is."""
        for sequence in sequences:
            self.document_count += 1
            self.index_docs.update(set(sequence))

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The words of each text as numbers."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """The words of each text as numbers, one after the other."""
        oov = None if self.oov_token is None else self.word_index.get(self.oov_token)
        for text in texts:
            found = [self.word_index.get(w) for w in self.words(text)]
            known = [i if i is not None and not (self.num_words and i >= self.num_words) else oov for i in found]
            yield [i for i in known if i is not None]

    def sequences_to_texts(self, sequences: Iterable[Any]) -> list[str]:
        """Numbers as words, with spaces between them."""
        out: list[str] = []
        for sequence in sequences:
            found = [self.index_word.get(i) if not (self.num_words and i >= self.num_words) else None for i in sequence]
            out.append(" ".join(w for w in (self.oov_token if w is None else w for w in found) if w is not None))
        return out

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> Array:
        """A row for each text, as of `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Any, mode: str = "binary") -> Array:
        r"""A row for each sequence, a column for each number.

        Args:
            sequences: lists of numbers.
            mode: "binary"; "count"; "freq", counts by length; or "tfidf", $(1 + \ln c) \ln(1 + d / (1 + d_w))$ of c occurrences, d
                documents, and d_w of them with the word.

        Raises:
            ValueError: no text was seen and `num_words` is not set, or another mode.
        """
        if mode not in MODES:
            raise ValueError(f"`mode` must be one of {MODES}. Received: mode={mode}")
        if not self.num_words and not self.word_index:
            raise ValueError("Specify a dimension (`num_words` argument), or fit on some text data first.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Fit the Tokenizer on some data before using tfidf mode.")
        size = self.num_words or len(self.word_index) + 1
        out = np.zeros((len(sequences), size))
        for row, sequence in zip(out, sequences, strict=True):
            for i, n in Counter(i for i in sequence if 0 <= i < size).items():
                weight = (1 + np.log(n)) * np.log(1 + self.document_count / (1 + self.index_docs.get(i, 0)))
                row[i] = {"binary": 1, "count": n, "freq": n / len(sequence), "tfidf": weight}[mode]
        return out

    def get_config(self) -> dict[str, Any]:
        """Arguments and counts, the latter as JSON."""
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        counts = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {**{n: getattr(self, n) for n in names}, **{n: json.dumps(getattr(self, n)) for n in counts}}

    def to_json(self, **kwargs: Any) -> str:
        """All of it as JSON; `kwargs` are those of `json.dumps`."""
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """A `Tokenizer` from what its `to_json` gave.

    >>> tokenizer_from_json(Tokenizer(num_words=5).to_json()).num_words
    5
    """
    config: dict[str, Any] = dict(json.loads(json_string)["config"])
    counts = {n: json.loads(config.pop(n)) for n in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")}
    made = Tokenizer(**config)
    made.word_counts, made.word_docs = Counter(counts["word_counts"]), Counter(counts["word_docs"])
    made.index_docs = Counter({int(i): n for i, n in counts["index_docs"].items()})
    made.index_word, made.word_index = {int(i): w for i, w in counts["index_word"].items()}, counts["word_index"]
    return made
