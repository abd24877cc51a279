"""The arrays of a data set as the programs read them: rows in C order, native byte order, the data's own dtype.

An array that is so already is used where it lies, a file on disk included. Others are brought into that form: small ones once, large
ones, files and sparse matrices row by row as they are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard, cast

import numpy as np

from .. import tree
from ..tensor import Array
from ..texts import STRING, text_rows
from ..variable import Variable

COPY_LIMIT = 256 << 20  # bytes up to which an array in the wrong layout is copied as a whole
# NumPy makes the name of a dtype anew each time it is asked.
_KNOWN = {
    np.dtype(n): n for n in "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()
}  # fmt: skip
_PYTHON = (bool, int, float, complex, str, bytes, np.generic)


class Column:
    """One array of a data set.

    Attributes:
        name: what the user knows it as, such as `x` or `y['age']`.
        shape, dtype: of the rows as `rows` gives them; "string" for texts.
        array: the array itself where programs may read it in place, else None.
    """

    __slots__ = ("array", "dtype", "name", "shape", "source")

    def __init__(self, source: Any, name: str, texts: bool = False):
        found = text_rows(source, name) if texts else None
        self.name, self.source = name, source
        self.dtype = _target_dtype(source.dtype, name, source, texts) if found is None else STRING
        self.shape: tuple[int, ...] = tuple(int(n) for n in source.shape)
        if not self.shape:
            raise ValueError(f"{name} is a single number ({source!r}); an array with an axis of samples is expected")
        self.array: Array | None = found
        if found is None and is_array(source):
            if source.flags.c_contiguous and source.dtype == np.dtype(self.dtype):
                self.array = np.asarray(source)
            elif source.nbytes <= COPY_LIMIT and not _on_disk(source):
                self.array = np.ascontiguousarray(source, self.dtype)

    @property
    def spec(self) -> tuple[str, tuple[int, ...]]:
        """dtype and shape of a row."""
        return self.dtype, self.shape[1:]

    @property
    def plain(self) -> bool:
        """Whether the user's array has the dtype of the program; then any array of its dtype in C order does."""
        return self.dtype != STRING and is_array(self.source) and self.source.dtype == np.dtype(self.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def rows(self, start: int, stop: int, order: Array | None = None) -> Array:
        """Rows start..stop (of `order`, if given), ready for a program; a view where the array is right as it is."""
        where: Any = slice(start, stop) if order is None else order[start:stop]
        part: Any = (self.source if self.array is None else self.array)[where]
        if hasattr(part, "toarray"):
            part = part.toarray()
        return part if self.dtype == STRING else np.ascontiguousarray(part, self.dtype)

    def part(self, start: int, stop: int) -> Column:
        """The column of some rows; nothing is copied."""
        return Column((self.source if self.array is None else self.array)[start:stop], self.name, self.dtype == STRING)


def no_numbers(dtype: Any, name: str, source: Any, texts: bool = False) -> ValueError:
    """The error of an array that holds no numbers, nor texts, where these are expected."""
    found = ""
    if np.dtype(dtype).kind == "O" and getattr(source, "size", 0):
        first = np.asarray(source).flat[0]
        found = f" whose first value is {first!r:.60} of type {type(first).__name__}"
    return ValueError(
        f"Invalid dtype: {dtype}. {name} is an array of dtype {dtype} and shape {tuple(source.shape)}{found}; "
        f"numbers (bool, integers or floats){' or texts' if texts else ''} are expected"
    )


def _target_dtype(dtype: Any, name: str, source: Any, texts: bool) -> str:
    """The dtype that a program reads; a ValueError for what holds no numbers."""
    dtype = np.dtype(dtype)
    known = _KNOWN.get(dtype) or _KNOWN.get(dtype.newbyteorder("="))
    if known is not None:
        return known
    if dtype.kind == "f":
        return "float64"  # the long double of this machine
    if dtype.name.startswith(("bfloat16", "float8")):
        return "float32"
    raise no_numbers(dtype, name, source, texts)


def is_array(x: Any) -> TypeGuard[Array]:
    """True for a NumPy array."""
    return isinstance(x, np.ndarray)


def _on_disk(a: Any) -> bool:
    while isinstance(a, np.ndarray):
        if isinstance(a, np.memmap):
            return True
        a = a.base
    return False


def is_data(x: Any) -> bool:
    """True for a list or tuple that is an array in itself: of numbers, or of lists of numbers."""
    while tree.is_list(x) and x:
        x = x[0]
    return isinstance(x, _PYTHON)


def as_rows(x: Any, name: str) -> Any:
    """Anything array-like as a NumPy array, or as a sparse matrix that gives rows.

    Raises:
        ValueError: for what is no array.
    """
    if is_array(x):
        if type(x) is not np.ndarray and getattr(x, "mask", None) is not None and np.any(cast(Any, x).mask):
            raise ValueError(f"{name} is a masked array with masked values; fill them first")
        return x
    if isinstance(x, Variable):
        return x.array
    if hasattr(x, "toarray") and hasattr(x, "tocsr"):
        return x.tocsr()
    if hasattr(x, "detach") and hasattr(x, "cpu"):  # torch
        x = x.detach().cpu()
        if str(x.dtype) == "torch.bfloat16":
            x = x.float()
        return np.asarray(x.numpy())
    if hasattr(x, "to_numpy"):  # pandas, polars
        return np.asarray(x.to_numpy())
    if hasattr(x, "collect") and hasattr(x, "lazy"):
        raise ValueError(f"{name} is a lazy frame ({type(x).__name__}); call .collect() first")
    if tree.is_list(x) and is_data(x):
        try:
            return np.asarray(x)
        except ValueError as error:
            raise ValueError(f"{name} is a list that is no array: {error}") from error
    if hasattr(x, "__array__") or hasattr(x, "__array_interface__"):
        return np.asarray(x)
    raise ValueError(
        f"Unrecognized data type: {name}={x!r:.80} (of type {type(x)}). Arrays, lists or dictionaries of arrays, generators and "
        "datasets are taken"
    )


def columns(x: Any, name: str, places: int = 1, texts: bool = False) -> Any:
    """The structure of `x` with a `Column` for each array; None stays.

    Args:
        x: an array, or lists, tuples and dictionaries of arrays.
        name: what the user knows it as.
        places: how many arrays the model takes here: a list of that many lists of numbers is several arrays.
        texts: whether arrays may hold texts.
    """
    if x is None or isinstance(x, Column):
        return x
    if tree.is_dict(x):
        return {k: columns(v, f"{name}[{k!r}]", texts=texts) for k, v in x.items()}
    if tree.is_list(x):
        if not x:
            raise ValueError(f"{name} is an empty {type(x).__name__}; at least one array is expected")
        several = places > 1 and len(x) == places and isinstance(x[0], list | tuple)
        if several or not is_data(x):
            items = [columns(e, f"{name}[{i}]", texts=texts) for i, e in enumerate(x)]
            return tree.like(x, items)
    return Column(as_rows(x, name), name, texts)


def leaves(structure: Any) -> list[Column]:
    """The columns of a structure from left to right."""
    return [c for c in tree.flatten(structure) if c is not None]


def same_length(found: Sequence[Column]) -> int:
    """The number of rows that all columns have.

    Raises:
        ValueError: if they differ; it lists them.
    """
    sizes = {len(c) for c in found}
    if len(sizes) > 1:
        lines = "\n".join(f"{c.name}: {len(c)}" for c in found)
        raise ValueError(f"All arrays must have the same number of samples. Received:\n{lines}")
    return sizes.pop() if sizes else 0
