"""News by topic: 11,228 articles of Reuters of 1987 in 46 topics, as numbers of words by frequency."""

from __future__ import annotations

import numpy as np

from ..utils.data_files import get_file
from .word_lists import Array, cut, listed, read_arrays, shuffled, word_index

__all__ = ["get_label_names", "get_word_index", "load_data"]

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/reuters.npz"
SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
INDEX_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/reuters_word_index.json"
INDEX_MD5 = "4d44cc38712099c9e383dc6e5f11a921"
TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude nat-gas cpi "
    "money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc "
    "orange pet-chem dlr gas silver wpi hog lead"
).split()


def load_data(
    path: str = "reuters.npz", num_words: int | None = None, skip_top: int = 0, maxlen: int | None = None, test_split: float = 0.2,
    seed: int = 113, start_char: int | None = 1, oov_char: int | None = 2, index_from: int = 3,
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:  # fmt: skip
    """`(x_train, y_train), (x_test, y_test)`; downloads the file the first time.

    Each x is an array of lists of integers, 3 more than in `get_word_index`; each y is a topic from 0 to 45.

    Args:
        path: the file's name below `datasets` of `GRAPHNN_HOME` (default `~/.graphnn`); one in Keras's cache is read where it is.
        test_split: the part of the articles that is to test with.
        num_words, skip_top, maxlen, seed, start_char, oov_char, index_from: as in `imdb.load_data`.

    Raises:
        ConnectionError: there is no file and no network; the message says where to put the file.
        ValueError: the file is damaged or holds something else, or no article is shorter than `maxlen`.

    >>> from graphnn.datasets import reuters
    >>> (x_train, y_train), (x_test, y_test) = reuters.load_data(num_words=10000)  # doctest: +SKIP
    >>> len(x_train), len(x_test)  # doctest: +SKIP
    (8982, 2246)
    """
    file = get_file(path, origin=ORIGIN, file_hash=SHA256, hash_algorithm="sha256")
    x, y = read_arrays(file, ("x", "y"), "Reuters")
    x, y = shuffled(x, y, np.random.RandomState(seed))
    xs, labels = cut([*x], y, num_words, skip_top, maxlen, start_char, oov_char, index_from)
    n = int(len(xs) * (1 - test_split))
    return (listed(xs[:n]), labels[:n]), (listed(xs[n:]), labels[n:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """The number of each word, from 1 on, the most frequent first; `load_data` adds `index_from` to it.

    Args:
        path: the file's name below `datasets` of `GRAPHNN_HOME`.

    Raises:
        ConnectionError: there is no file and no network; the message says where to put the file.
        ValueError: the file is damaged or holds something else.

    >>> from graphnn.datasets import reuters
    >>> reuters.get_word_index()["the"]  # doctest: +SKIP
    1
    """
    return word_index(path, INDEX_ORIGIN, INDEX_MD5)


def get_label_names() -> tuple[str, ...]:
    """The names of the topics.

    >>> from graphnn.datasets import reuters
    >>> reuters.get_label_names()[:3]
    ('cocoa', 'grain', 'veg-oil')
    """
    return tuple(TOPICS)
