"""What the bodies of public ops share: operands in one dtype, floats, axes, and square roots whose gradient at 0 is 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from graphnn_compiler import build
from graphnn_compiler.dims import Extent, Shape, show
from graphnn_compiler.dtypes import promote
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise, index, movement, reduce, transcendental
from graphnn_compiler.ops.base import INTS, Op, is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..config import floatx
from ..dispatch import value

Tensorish: TypeAlias = Any
Axis: TypeAlias = "int | Sequence[int] | None"


def weak(x: Tensorish) -> Any:
    """A Python number as it is (it adapts to the dtype of what it meets), anything else as a value."""
    return x if isinstance(x, bool | int | float | build.Number) else value(x)


def operands(*xs: Tensorish, floats: bool = False, numbers: bool = False) -> list[Value]:
    """Values in their common dtype; `floats` makes it a float, `numbers` makes bools int32."""
    found = [weak(x) for x in xs]
    kinds = [build.weak_type(x) for x in found]
    dtype = promote(*kinds)
    if is_float(dtype):
        if not any(isinstance(k, str) and is_float(k) for k in kinds):
            dtype = floatx()
    elif floats:
        dtype = floatx()
    elif numbers and dtype == "bool":
        dtype = "int32"
    return [value(x, dtype) for x in found]


def joined(op: Op, *xs: Tensorish, floats: bool = False, numbers: bool = False) -> Value:
    """An elementwise op on operands in their common dtype."""
    return emit(op, *operands(*xs, floats=floats, numbers=numbers))


def floating(x: Tensorish) -> Value:
    """x as a float: other dtypes become `floatx()`."""
    v = value(x)
    return v if is_float(v.dtype) else cast(v, floatx())


def exact_floating(x: Tensorish) -> Value:
    """x as a float that holds it: int64 becomes float64."""
    v = value(x)
    return cast(v, "float64") if v.dtype == "int64" else floating(v)


def smooth(op: Op, x: Tensorish) -> Value:
    """An elementwise op of one float."""
    return emit(op, floating(x))


def truth(x: Tensorish) -> Value:
    """x as bool: whether it differs from 0."""
    return cast(value(x), "bool")


def pick(condition: Value, a: Tensorish, b: Tensorish) -> Value:
    """a where the condition holds, else b, in their common dtype."""
    return emit(elementwise.Where(), condition, *operands(a, b))


def like(number: float, x: Value) -> Value:
    """A number as a constant of the dtype of x."""
    return movement.constant(number, x.dtype)


def number(x: Value) -> Value:
    """x as a number: bools become int32."""
    return cast(x, "int32") if x.dtype == "bool" else x


def exact(x: Tensorish, what: str) -> Value:
    """x as integers or bools.

    Raises:
        TypeError: x is a float.
    """
    v = value(x)
    if is_float(v.dtype):
        raise TypeError(f"{what} must be integers. Received: dtype={v.dtype}")
    return v


def root(x: Value) -> Value:
    """The square root of non-negative numbers, with gradient 0 at 0."""
    zero = emit(compare.Equal(), x, like(0, x))
    safe = emit(elementwise.Where(), zero, like(1, x), x)
    return emit(elementwise.Where(), zero, like(0, x), emit(transcendental.Sqrt(), safe))


def stopped(x: Value) -> Value:
    """x without gradient."""
    return emit(elementwise.StopGradient(), x)


def total(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The sum along axes, in the dtype of x."""
    return build.reduced(reduce.Sum, x, axis, keepdims)


def largest(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The maximum along axes."""
    if x.dtype == "bool":
        return build.reduced(reduce.Any, x, axis, keepdims)
    return build.reduced(reduce.Max, x, axis, keepdims)


def smallest(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The minimum along axes."""
    if x.dtype == "bool":
        return build.reduced(reduce.All, x, axis, keepdims)
    return build.reduced(reduce.Min, x, axis, keepdims)


def ramp(n: Extent, dtype: str = "int32") -> Value:
    """0, 1, ..., n - 1."""
    return emit(index.Iota(n, dtype))


def checked_index(x: Value, limit: Extent) -> Value:
    """x as int32; a number outside 0..limit-1 is an `IndexOutOfRange` when the program runs."""
    return cast(emit(index.Take(0), emit(index.Iota(limit)), cast(x, "int64")), "int32")


def ramp_along(axis: int, shape: Shape, dtype: str = "int32") -> Value:
    """0, 1, ... along an axis of `shape`; other axes have extent 1."""
    return movement.reshape(ramp(shape[axis], dtype), tuple(n if i == axis else 1 for i, n in enumerate(shape)))


def flat(x: Value) -> Value:
    """x with one axis."""
    from graphnn_compiler.dims import product

    return movement.reshape(x, (product(x.shape),))


def to_last(x: Value, axis: int) -> Value:
    """x with `axis` moved to the end."""
    perm = [i for i in range(x.ndim) if i != axis]
    return movement.transpose(x, (*perm, axis))


def from_last(x: Value, axis: int) -> Value:
    """x with its last axis moved to `axis`: undoes `to_last`."""
    perm = list(range(x.ndim - 1))
    perm.insert(axis, x.ndim - 1)
    return movement.transpose(x, tuple(perm))


def cut(x: Value, axis: int, start: Extent, size: Extent, step: int = 1) -> Value:
    """`size` elements along an axis from `start`."""
    starts = tuple(start if i == axis else 0 for i in range(x.ndim))
    sizes = tuple(size if i == axis else n for i, n in enumerate(x.shape))
    if sizes == x.shape and step == 1:
        return x
    return emit(movement.Slice(starts, sizes, tuple(step if i == axis else 1 for i in range(x.ndim))), x)


def backwards(x: Value, axis: int) -> Value:
    """x in the opposite order along an axis."""
    return cut(x, axis, x.shape[axis] - 1, x.shape[axis], -1)


def glued(xs: Sequence[Value], axis: int) -> Value:
    """Values of one dtype after one another along an axis."""
    return xs[0] if len(xs) == 1 else emit(movement.Concat(axis), *xs)


def same_shape(a: Value, b: Value, what: str, others: str) -> None:
    """Raises ValueError unless two values have the same shape."""
    if a.shape != b.shape:
        raise ValueError(
            f"Arguments `{what}` and `{others}` must have the same shape. "
            f"Received: {what}.shape={show(a.shape)}, {others}.shape={show(b.shape)}"
        )


INTEGERS = frozenset(INTS)
