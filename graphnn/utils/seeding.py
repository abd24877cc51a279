"""One seed for everything random."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

__all__ = ["set_random_seed"]


def set_random_seed(seed: Any) -> None:
    """Seeds Python's `random`, NumPy and graphnn: weights, dropout and shuffling are the same in each run after it.

    Args:
        seed: an integer from 0 to 2**32 - 1.

    Raises:
        ValueError: for anything else.

    >>> import graphnn
    >>> graphnn.utils.set_random_seed(7)
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= int(seed) < 2**32:
        raise ValueError(
            f"Argument `seed` must be an integer from 0 to 2**32 - 1. Received: seed={seed!r} (of type {type(seed)})"
        )
    random.seed(int(seed))
    np.random.seed(int(seed))
    from .. import random as graphnn_random

    restart = getattr(graphnn_random, "set_global_seed", None)
    if restart is not None:
        restart(int(seed))
