"""Film reviews, good or bad: 25,000 to train on and 25,000 to test with, as numbers of words by frequency.

Source: A. L. Maas et al., "Learning word vectors for sentiment analysis", 2011.
"""

from __future__ import annotations

import numpy as np

from ..utils.data_files import get_file
from .word_lists import Array, cut, listed, read_arrays, shuffled, word_index

__all__ = ["get_word_index", "load_data"]

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/imdb.npz"
SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
INDEX_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/imdb_word_index.json"
INDEX_MD5 = "bfafd718b763782e994055a2d397834f"


def load_data(
    path: str = "imdb.npz", num_words: int | None = None, skip_top: int = 0, maxlen: int | None = None, seed: int = 113,
    start_char: int | None = 1, oov_char: int | None = 2, index_from: int = 3,
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:  # fmt: skip
    """`(x_train, y_train), (x_test, y_test)`; downloads the file the first time.

    Each x is an array of lists of integers, 3 more than in `get_word_index`; each y is 1 for a good review, 0 for a bad one.

    Args:
        path: the file's name below `datasets` of `GRAPHNN_HOME` (default `~/.graphnn`); one in Keras's cache is read where it is.
        num_words: words whose number is not below it become `oov_char`.
        skip_top: words whose number is below it do so too.
        maxlen: reviews that are not shorter are left out.
        seed: of the order.
        start_char: what each review starts with; None for nothing.
        oov_char: what stands for a word that is left out; None for nothing.
        index_from: how much is added to the numbers of words.

    Raises:
        ConnectionError: there is no file and no network; the message says where to put the file.
        ValueError: the file is damaged or holds something else, or no review is shorter than `maxlen`.

    >>> from graphnn.datasets import imdb
    >>> (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=10000)  # doctest: +SKIP
    >>> x_train[0][:3]  # doctest: +SKIP
    [1, 14, 22]
    """
    file = get_file(path, origin=ORIGIN, file_hash=SHA256, hash_algorithm="sha256")
    x_train, y_train, x_test, y_test = read_arrays(file, ("x_train", "y_train", "x_test", "y_test"), "IMDB")
    random = np.random.RandomState(seed)
    x_train, y_train = shuffled(x_train, y_train, random)
    x_test, y_test = shuffled(x_test, y_test, random)
    # Words are those of both parts, so that the largest number, where none is given, is that of both; long reviews leave each part.
    n = sum(1 for x in x_train if not maxlen or len(x) + (start_char is not None) < maxlen)
    xs, labels = cut(
        [*x_train, *x_test], np.concatenate([y_train, y_test]), num_words, skip_top, maxlen, start_char, oov_char, index_from
    )
    return (listed(xs[:n]), labels[:n]), (listed(xs[n:]), labels[n:])


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """The number of each word, from 1 on, the most frequent first; `load_data` adds `index_from` to it.

    Args:
        path: the file's name below `datasets` of `GRAPHNN_HOME`.

    Raises:
        ConnectionError: there is no file and no network; the message says where to put the file.
        ValueError: the file is damaged or holds something else.

    >>> from graphnn.datasets import imdb
    >>> imdb.get_word_index()["the"]  # doctest: +SKIP
    1
    """
    return word_index(path, INDEX_ORIGIN, INDEX_MD5)
