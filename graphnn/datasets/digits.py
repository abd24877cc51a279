"""The UCI handwritten digits, 1,797 images of 8 x 8 pixels: the package carries them, no network is needed.

Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
doi:10.24432/C50P49 (CC BY 4.0). This is the test part of that collection, in its order, as scikit-learn distributes it.
"""

from __future__ import annotations

from importlib import resources
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["load_data"]

Array: TypeAlias = npt.NDArray[Any]


def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """`(x_train, y_train), (x_test, y_test)`, shuffled by a fixed seed.

    Images are uint8 `(n, 8, 8)` from 0 (paper) to 16 (ink), labels uint8 `(n,)` from 0 to 9.

    Args:
        test_split: the share of images that are held out, from 0 to 1.
        seed: of the shuffle.

    >>> from graphnn.datasets import digits
    >>> (x_train, y_train), (x_test, y_test) = digits.load_data()
    >>> x_train.shape, x_test.shape
    ((1438, 8, 8), (359, 8, 8))
    """
    if not 0 <= test_split <= 1:
        raise ValueError(f"test_split must be a number from 0 to 1. Received: test_split={test_split!r}")
    with (
        resources.files(__package__ or "").joinpath("digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as data,
    ):
        x, y = np.asarray(data["x"]), np.asarray(data["y"])
    order = np.random.RandomState(seed).permutation(len(x))
    x, y = x[order], y[order]
    cut = len(x) - int(test_split * len(x))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])
