"""Fashion-MNIST: 60,000 pictures of clothes to train on and 10,000 to test with.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms", 2017 (MIT).
"""

from __future__ import annotations

import gzip
import zlib
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..utils.data_files import get_file

__all__ = ["load_data"]

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
MD5 = {  # as the authors publish them
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
}
LARGEST = 1 << 28  # bytes of one file

Array: TypeAlias = npt.NDArray[Any]


def _numbers(name: str, axes: int) -> Array:
    """The uint8 array in an idx file."""
    file = get_file(name, origin=ORIGIN + name, md5_hash=MD5[name], cache_subdir="datasets/fashion-mnist")
    try:
        with gzip.open(file) as stream:
            data = stream.read(LARGEST)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{file} is no gzip file ({error})") from error
    head = 4 * (1 + axes)
    shape = tuple(int(n) for n in np.frombuffer(data[4:head], ">u4"))
    if data[:4] != bytes((0, 0, 8, axes)) or len(shape) != axes or len(data) != head + int(np.prod(shape, dtype="object")):
        raise ValueError(f"{file} is no idx file of bytes with {axes} axes")
    return np.frombuffer(data, "uint8", offset=head).reshape(shape).copy()


def load_data() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """`(x_train, y_train), (x_test, y_test)`; downloads the files the first time.

    Images are uint8 `(n, 28, 28)`, labels uint8 `(n,)`: T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.
    Files are kept below `datasets/fashion-mnist` of `GRAPHNN_HOME` (default `~/.graphnn`); those in Keras's cache are read there.

    Raises:
        ConnectionError: there is no file and no network; the message says where to put the file.
        ValueError: a file is damaged or holds something else.

    >>> from graphnn.datasets import fashion_mnist
    >>> (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()  # doctest: +SKIP
    >>> x_train.shape  # doctest: +SKIP
    (60000, 28, 28)
    """
    y_train, x_train, y_test, x_test = (_numbers(n, 1 if "labels" in n else 3) for n in MD5)
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if len(x) != len(y):
            raise ValueError(f"Fashion-MNIST: {len(x)} images have {len(y)} labels")
    return (x_train, y_train), (x_test, y_test)
