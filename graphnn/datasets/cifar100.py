"""CIFAR-100: 50,000 colour images of 100 classes to train on and 10,000 to test with.

Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

from .cifar import Array, batches, images

__all__ = ["load_data"]

ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
SHA256 = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
FOLDER = "cifar-100-python"


def load_data(label_mode: str = "fine") -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """`(x_train, y_train), (x_test, y_test)`; downloads the file the first time.

    Images are uint8 `(n, 32, 32, 3)`, labels uint8 `(n, 1)`. The archive is kept and read as that of `cifar10`.

    Args:
        label_mode: "fine" for 100 classes, "coarse" for the 20 that they belong to.

    Raises:
        ConnectionError: there is no file and no network; the message says where to put the file.
        ValueError: another `label_mode`, or the file is damaged or holds something else.

    >>> from graphnn.datasets import cifar100
    >>> (x_train, y_train), (x_test, y_test) = cifar100.load_data()  # doctest: +SKIP
    >>> x_train.shape  # doctest: +SKIP
    (50000, 32, 32, 3)
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'`label_mode` must be one of "fine", "coarse". Received: label_mode={label_mode}.')
    found = batches(["train", "test"], FOLDER, ORIGIN, SHA256)
    train, test = (images(found[n], f"{label_mode}_labels", n) for n in ("train", "test"))
    return train, test
