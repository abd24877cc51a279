"""Conversion, shapes and other facts of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.dims import product
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast as converted
from graphnn_compiler.trace import active, emit

from ..config import standard_dtype
from ..dispatch import listed, op, value
from ..program import as_array
from ..tensor import Array, KerasTensor, as_tensor
from ..variable import Variable
from ._common import Tensorish, pick, stopped


@op
def cast(x: Tensorish, dtype: Any) -> Value:
    """x in another dtype; floats lose their fraction on the way to integers.

    Args:
        x: a tensor.
        dtype: the name of a dtype.

    Raises:
        ValueError: there is no such dtype.

    >>> cast([1.9, -1.9], "int32").tolist()
    [1, -1]
    """
    return converted(value(x), standard_dtype(dtype))


@op
def saturate_cast(x: Tensorish, dtype: Any) -> Value:
    """x in another dtype; numbers that it cannot hold become its nearest ones, NaN becomes 0 in integers.

    >>> saturate_cast([300.0, -5.0], "uint8").tolist()
    [255, 0]
    """
    v, kind = value(x), standard_dtype(dtype)
    if kind == "bool" or v.dtype in ("bool", kind):
        return converted(v, kind)
    if is_float(kind):
        limits = np.finfo(kind)
        if not is_float(v.dtype) or limits.max >= np.finfo(v.dtype).max:
            return converted(v, kind)
        low, high = float(limits.min), float(limits.max)
    else:
        whole = np.iinfo(kind)
        low, high = int(whole.min), int(whole.max)
    if is_float(v.dtype):
        # The largest number of both dtypes: rounding up would leave the integers.
        top = np.asarray(high).astype(v.dtype)
        top = top if int(top) <= high else np.nextafter(top, np.asarray(0, v.dtype))
        if not is_float(kind):
            v = pick(emit(compare.IsNan(), v), build.value(0, v.dtype), v)
        return converted(_kept(v, max(low, float(np.finfo(v.dtype).min)), float(top)), kind)
    own = np.iinfo(v.dtype)
    return converted(_kept(v, max(int(low), int(own.min)), min(int(high), int(own.max))), kind)


def _kept(v: Value, low: float, high: float) -> Value:
    v = pick(v < low, build.value(low, v.dtype), v)
    return pick(v > high, build.value(high, v.dtype), v)


@op
def _convert(x: Tensorish, dtype: Any) -> Value:
    return value(x, dtype)


def convert_to_tensor(x: Tensorish, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """Anything numeric as a tensor.

    Args:
        x: an array, a number, a list of them, a variable or a tensor.
        dtype: by default that of x: float32 for Python's floats, int32 for its integers.
        sparse, ragged: accepted for compatibility; tensors are dense.

    Raises:
        ValueError: x does not hold numbers.

    >>> convert_to_tensor([1, 2.5]).tolist()
    [1.0, 2.5]
    """
    if sparse or ragged:
        raise ValueError("graphnn has dense tensors only")
    if isinstance(x, KerasTensor) or active() is not None:
        if isinstance(x, KerasTensor) and dtype is None:
            return x
        return _convert(x, dtype)
    a = as_array(_listed(x))
    return as_tensor(a.astype(a.dtype if dtype is None else standard_dtype(dtype)))


def _listed(x: Tensorish) -> Any:
    if isinstance(x, bool | int | float):
        return listed([x])[0]
    return listed(x) if isinstance(x, list | tuple) else x


def array(x: Tensorish, dtype: Any = None) -> Any:
    """Anything numeric as a tensor, as `convert_to_tensor`.

    >>> array([1, 2]).tolist()
    [1, 2]
    """
    return convert_to_tensor(x, dtype)


def convert_to_numpy(x: Tensorish) -> Array:
    """A tensor as a NumPy array of its own.

    Raises:
        ValueError: x is symbolic.

    >>> type(convert_to_numpy([1.0])).__name__
    'ndarray'
    """
    if isinstance(x, KerasTensor | Value):
        raise ValueError("a symbolic tensor has no numbers to convert; they exist only when the model runs")
    return np.array(as_array(_listed(x)))


def shape(x: Tensorish) -> tuple[Any, ...]:
    """The extents. Of a symbolic tensor None stands for an unknown one; inside a model it is a symbol.

    >>> shape([[1, 2, 3]])
    (1, 3)
    """
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x: Tensorish) -> int:
    """The number of axes.

    >>> ndim([[1, 2, 3]])
    2
    """
    return len(shape(x))


@op
def size(x: Tensorish) -> Value:
    """The number of elements, as int32.

    >>> size([[1, 2, 3]]).tolist()
    3
    """
    return build.count_value(product(value(x).shape), "int32")


def dtype(x: Tensorish) -> str:
    """The name of the dtype.

    >>> dtype([1.0])
    'float32'
    """
    kind = x.dtype if hasattr(x, "dtype") else _listed(x).dtype
    return standard_dtype(kind)


def is_tensor(x: Any) -> bool:
    """True for tensors: arrays, and values inside a model.

    >>> is_tensor(convert_to_tensor([1.0])), is_tensor([1.0])
    (True, False)
    """
    return isinstance(x, np.ndarray | Value | Variable)


@op(tensors=("variable",))
def stop_gradient(variable: Tensorish) -> Value:
    """x, through which no gradient passes.

    >>> stop_gradient([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return stopped(value(variable))
