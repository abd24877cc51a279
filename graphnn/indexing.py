"""`x[key]` of symbolic tensors and variables."""

from __future__ import annotations

from typing import Any

from graphnn_compiler import build

from .dispatch import op, value


@op(static=())
def get_item(x: Any, key: Any) -> Any:
    """x[key] with integers, slices, None, Ellipsis, and one array of integers.

    >>> import numpy as np
    >>> from graphnn.indexing import get_item
    >>> get_item(np.arange(6), slice(1, 6, 2)).tolist()
    [1, 3, 5]
    """
    return build.getitem(value(x), key)
