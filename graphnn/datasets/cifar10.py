"""CIFAR-10: 50,000 colour images of 10 classes to train on and 10,000 to test with.

Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

import numpy as np

from .cifar import Array, batches, images

__all__ = ["load_data"]

ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
FOLDER = "cifar-10-batches-py"


def load_data() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """`(x_train, y_train), (x_test, y_test)`; downloads the file the first time.

    Images are uint8 `(n, 32, 32, 3)`, labels uint8 `(n, 1)`: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.
    The archive is kept below `datasets` of `GRAPHNN_HOME` (default `~/.graphnn`); one in Keras's cache is read where it is. Its
    pickles are read without running code.

    Raises:
        ConnectionError: there is no file and no network; the message says where to put the file.
        ValueError: the file is damaged or holds something else.

    >>> from graphnn.datasets import cifar10
    >>> (x_train, y_train), (x_test, y_test) = cifar10.load_data()  # doctest: +SKIP
    >>> x_train.shape  # doctest: +SKIP
    (50000, 32, 32, 3)
    """
    names = [f"data_batch_{i}" for i in range(1, 6)]
    found = batches([*names, "test_batch"], FOLDER, ORIGIN, SHA256)
    parts = [images(found[n], "labels", n) for n in names]
    train = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    return train, images(found["test_batch"], "labels", "test_batch")
