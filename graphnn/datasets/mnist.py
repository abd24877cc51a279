"""The MNIST handwritten digits: 60,000 images to train on and 10,000 to test with.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits" (CC BY-SA 3.0).
"""

from __future__ import annotations

import zipfile
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..utils.data_files import get_file

__all__ = ["load_data"]

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

Array: TypeAlias = npt.NDArray[Any]


def load_data(path: str = "mnist.npz") -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """`(x_train, y_train), (x_test, y_test)`; downloads the file the first time.

    Images are uint8 `(n, 28, 28)` with 0 for the paper and 255 for ink, labels uint8 `(n,)` from 0 to 9.

    Args:
        path: the file's name below `datasets` of `GRAPHNN_HOME` (default `~/.graphnn`); a file of that name in Keras's
            cache is read where it is.

    Raises:
        ConnectionError: there is no file and no network; the message says where to put the file.
        ValueError: the file is damaged or holds something else.

    >>> from graphnn.datasets import mnist
    >>> (x_train, y_train), (x_test, y_test) = mnist.load_data()  # doctest: +SKIP
    >>> x_train.shape  # doctest: +SKIP
    (60000, 28, 28)
    """
    file = get_file(path, origin=ORIGIN, file_hash=SHA256, hash_algorithm="sha256")
    keys = ("x_train", "y_train", "x_test", "y_test")
    try:
        with open(file, "rb") as stream, np.load(stream, allow_pickle=False) as data:
            x_train, y_train, x_test, y_test = (np.asarray(data[key]) for key in keys)
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} is no MNIST file: it should be an .npz of the arrays {', '.join(keys)} ({error})") from error
    return (x_train, y_train), (x_test, y_test)
