"""Numbers on their way into integers that may not be able to hold them."""

from __future__ import annotations

import numpy as np

from .tensor import Array


def holds(dtype: str, data: str) -> bool:
    """Whether an integer dtype holds every number of the dtype `data`; True for other dtypes, which round.

    >>> holds("int32", "int16"), holds("int32", "float32"), holds("float32", "int64")
    (True, False, True)
    """
    return np.dtype(dtype).kind not in "iu" or data == "bool" or np.can_cast(data, dtype, "safe")


def check_whole(numbers: Array, dtype: str, what: str, name: str, start: int = 0) -> None:
    """Refuses what an integer dtype cannot hold.

    Args:
        numbers: the data.
        dtype: of the integers.
        what: whose dtype it is, for the message.
        name: what the user knows the data as.
        start: the number of the first row of `numbers` in the data.

    Raises:
        TypeError: a number is not an integer.
        IndexError: an integer is beyond the range of the dtype.
    """
    limits = np.iinfo(dtype)
    if numbers.dtype.kind == "f":
        bad = np.flatnonzero(~(numbers == np.trunc(numbers)) | np.isinf(numbers))
        if bad.size:
            raise TypeError(f"{what} takes integers ({dtype}), but {name} {_at(numbers, int(bad[0]), start)}")
    if not numbers.size or (int(numbers.min()) >= limits.min and int(numbers.max()) <= limits.max):
        return
    # Compared as Python integers: no dtype holds both uint64 and negative numbers.
    place = next(i for i, n in enumerate(numbers.flat) if not limits.min <= int(n) <= limits.max)
    raise IndexError(f"{what} takes {dtype}, {limits.min} to {limits.max}, but {name} {_at(numbers, place, start)}")


def _at(numbers: Array, place: int, start: int) -> str:
    index = [int(i) for i in np.unravel_index(place, numbers.shape)]
    if index:
        index[0] += start
    return f"holds {numbers.flat[place]!s} at {index}" if index else f"is {numbers.flat[place]!s}"
