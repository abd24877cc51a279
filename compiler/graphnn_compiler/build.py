"""Functions that write IR with NumPy's conveniences: Python numbers, promotion of dtypes, negative axes, indexing.

They are what `Value`'s operators call, and what the public ops of graphnn are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .dims import Extent, Shape, broadcast, product
from .dtypes import promote
from .ir import Value
from .ops import compare, contract, elementwise, index, movement, reduce, transcendental
from .ops.base import Op, is_float
from .ops.elementwise import cast
from .ops.movement import constant, reshape, transpose
from .trace import emit

Tensorish = Any


@dataclass(frozen=True)
class Number:
    """A Python number that is an input of the program and not a constant of it: it promotes as its `kind`, int or float, does."""

    value: Value
    kind: type


def weak_type(x: Any) -> str | type:
    """What `promote` is told about an operand: the dtype's name, or bool, int, float for a Python number."""
    if isinstance(x, Value):
        return x.dtype
    if isinstance(x, Number):
        return x.kind
    if isinstance(x, bool):
        return bool
    if isinstance(x, int):
        return int
    if isinstance(x, float):
        return float
    return np.asarray(x).dtype.name


def value(x: Any, dtype: str | None = None) -> Value:
    """Anything array-like as a value, of `dtype` if one is given."""
    if isinstance(x, Value):
        return cast(x, dtype) if dtype else x
    if isinstance(x, Number):
        return cast(x.value, dtype or promote(x.kind))
    if dtype is None:
        kind = weak_type(x)
        dtype = kind if isinstance(kind, str) else promote(kind)
    return constant(x, dtype)


def together(*xs: Any, floats: bool = False) -> list[Value]:
    """Operands in their common dtype; `floats` makes it a float."""
    kinds = [weak_type(x) for x in xs]
    dtype = promote(*kinds, float) if floats else promote(*kinds)
    return [value(x, dtype) for x in xs]


def binary(op: Op, a: Any, b: Any, floats: bool = False) -> Value:
    """An elementwise op of two operands after promotion."""
    return emit(op, *together(a, b, floats=floats))


def normal_axis(axis: int, ndim: int) -> int:
    """A non-negative axis; ValueError where it is none of `ndim`."""
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis {axis} is out of range for a tensor of {ndim} axes")
    return axis % ndim


def normal_axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Sorted non-negative axes; None means all."""
    if axis is None:
        return tuple(range(ndim))
    axes = [axis] if isinstance(axis, int | np.integer) else list(axis)
    return tuple(sorted({normal_axis(int(a), ndim) for a in axes}))


def reduced(kind: type[reduce.Reduce], x: Value, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
    """A reduction with NumPy's `axis` and `keepdims`."""
    axes = normal_axes(axis, x.ndim)
    y = emit(kind(axes), x) if axes else x
    return reshape(y, tuple(1 if i in axes else d for i, d in enumerate(x.shape))) if keepdims else y


def broadcast_to(x: Value, shape: Shape) -> Value:
    """x repeated to `shape`; x itself where it has it."""
    return x if x.shape == tuple(shape) else emit(movement.BroadcastTo(tuple(shape)), x)


def mean(x: Value, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
    """The arithmetic mean (of floats)."""
    axes = normal_axes(axis, x.ndim)
    total = reduced(reduce.Sum, x, axes, keepdims)
    return total / count_value(product(x.shape[a] for a in axes), x.dtype)


def count_value(n: Extent, dtype: str) -> Value:
    """A number of elements as a value of `dtype`."""
    return index.extent_value(n, dtype)


def expand(x: Value, axis: int | Sequence[int]) -> Value:
    """New axes of extent 1 at the given places of the result."""
    axes = [axis] if isinstance(axis, int) else list(axis)
    ndim = x.ndim + len(axes)
    at = {normal_axis(a, ndim) for a in axes}
    rest = iter(x.shape)
    return reshape(x, tuple(1 if i in at else next(rest) for i in range(ndim)))


def matmul(a: Value, b: Value) -> Value:
    """NumPy's matmul: vectors are taken as a row or a column; a plain matrix on the right joins all axes in front into rows."""
    a, b = together(a, b)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("matmul takes no scalars")
    if a.ndim == 1:
        y = matmul(expand(a, 0), b)
        return reshape(y, (*y.shape[:-2], *y.shape[-1:]) if b.ndim > 1 else ())
    if b.ndim == 1:
        y = matmul(a, expand(b, 1))
        return reshape(y, y.shape[:-1])
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul of shapes {a.shape} and {b.shape}: {a.shape[-1]} columns meet {b.shape[-2]} rows")
    if b.ndim == 2 and a.ndim > 2:
        y = emit(contract.MatMul(), reshape(a, (product(a.shape[:-1]), a.shape[-1])), b)
        return reshape(y, (*a.shape[:-1], b.shape[-1]))
    return emit(contract.MatMul(), a, b)


def _slice_axis(part: slice, n: Extent) -> tuple[Extent, Extent, int]:
    step = 1 if part.step is None else int(part.step)
    if part.start is None and part.stop is None and step in (1, -1):
        return (0, n, 1) if step == 1 else (n - 1, n, -1)
    if not isinstance(n, int):
        start = 0 if part.start is None else part.start
        stop = n if part.stop is None else part.stop
        if step == 1 and isinstance(start, int | type(n)) and isinstance(stop, int | type(n)):
            first = start if not isinstance(start, int) or start >= 0 else n + start
            last = stop if not isinstance(stop, int) or stop >= 0 else n + stop
            if isinstance(stop, int) and stop >= 0:
                int(n)  # whether the axis is that long is a question for numbers
            return first, last - first, 1
        start, stop, step = part.indices(int(n))
    else:
        start, stop, step = part.indices(n)
    return start, len(range(start, stop, step)), step


def getitem(x: Value, key: Any) -> Value:
    """x[key] with integers, slices, None, Ellipsis, and one array of integers."""
    keys: list[Any] = [*key] if isinstance(key, tuple) else [key]  # pyright: ignore[reportUnknownVariableType]
    used = sum(k is not None and k is not Ellipsis for k in keys)
    if used > x.ndim:
        raise IndexError(f"{used} indices for a tensor of {x.ndim} axes")
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    keys[at : at + 1] = [slice(None)] * (x.ndim - used)
    starts: list[Extent] = []
    sizes: list[Extent] = []
    steps: list[int] = []
    shape: list[Extent] = []
    arrays: list[tuple[int, Any]] = []
    for k in keys:
        if k is None:
            shape.append(1)
            continue
        n = x.shape[len(starts)]
        if isinstance(k, slice):
            start, size, step = _slice_axis(k, n)  # pyright: ignore[reportUnknownArgumentType]
            shape.append(size)
        elif isinstance(k, int | np.integer) and not isinstance(k, bool):
            if isinstance(n, int) and not -n <= k < n:
                raise IndexError(f"index {k} is out of range for axis {len(starts)} of extent {n}")
            k = int(k)  # pyright: ignore[reportUnknownArgumentType]
            start, size, step = (k if k >= 0 else n + k), 1, 1
        else:
            arrays.append((len(shape), k))
            start, size, step = 0, n, 1
            shape.append(n)
        starts.append(start)
        sizes.append(size)
        steps.append(step)
    whole = tuple(sizes) == x.shape and all(s == 1 for s in steps)
    y = x if whole else emit(movement.Slice(tuple(starts), tuple(sizes), tuple(steps)), x)
    y = reshape(y, tuple(shape))
    if len(arrays) > 1:
        raise IndexError("a symbolic tensor is indexed by one array at a time; use ops.take_along_axis or flat indices")
    return take(y, arrays[0][1], arrays[0][0]) if arrays else y


def wrapped(idx: Any, n: Extent) -> Value:
    """Indices as int64, negative ones counted from the end."""
    i = value(idx)
    if is_float(i.dtype) or i.dtype == "bool":
        raise TypeError(f"indices must be integers, not {i.dtype}")
    if i.dtype.startswith("u"):
        return cast(i, "int64")
    i = cast(i, "int64")
    back = i + index.extent_value(n)
    # Beyond the first element it stays as it is, and is the number that the error names.
    return emit(elementwise.Where(), emit(compare.And(), i < 0, back >= 0), back, i)


def whole_index(x: Value) -> Value:
    """Floats that stand for indices, as int64; one that is no integer is reported as `NotIntegral` where it is used."""
    x = cast(x, "float64")
    whole = emit(transcendental.Trunc(), x)
    small = emit(compare.Less(), emit(elementwise.Abs(), x), constant(float(index.BROKEN_MOST), "float64"))
    units = cast(emit(elementwise.Where(), small, x * float(index.BROKEN_UNIT), constant(0.0, "float64")), "int64") + index.BROKEN
    nan, up, down = (constant(code, "int64") for code in index.BROKEN_OTHERS.values())
    other = emit(elementwise.Where(), x > 0, up, emit(elementwise.Where(), x < 0, down, nan))
    broken = emit(elementwise.Where(), small, units, other)
    fits = emit(compare.And(), emit(compare.Equal(), x, whole), emit(compare.IsFinite(), x))
    return emit(elementwise.Where(), fits, cast(whole, "int64"), broken)


def take(x: Value, idx: Any, axis: int) -> Value:
    """Elements of x along an axis at given indices, negative ones from the end."""
    return emit(index.Take(axis), x, wrapped(idx, x.shape[axis]))


def _method(op: Op, swap: bool = False, floats: bool = False) -> Any:
    def method(self: Value, other: Any) -> Value:
        try:
            return binary(op, other, self, floats) if swap else binary(op, self, other, floats)
        except (TypeError, ValueError):
            if hasattr(other, "__graphnn_symbolic__"):
                return NotImplemented
            raise

    return method


def _install() -> None:
    e, c = elementwise, compare
    table: dict[str, Op] = {
        "add": e.Add(), "sub": e.Sub(), "mul": e.Mul(), "floordiv": e.FloorDiv(), "mod": e.Mod(), "pow": e.Pow(),
        "and": c.And(), "or": c.Or(), "xor": c.Xor(), "lshift": c.ShiftLeft(), "rshift": c.ShiftRight(),
    }  # fmt: skip
    for name, op in table.items():
        setattr(Value, f"__{name}__", _method(op))
        setattr(Value, f"__r{name}__", _method(op, swap=True))
    Value.__truediv__ = _method(e.Div(), floats=True)  # type: ignore[attr-defined]
    Value.__rtruediv__ = _method(e.Div(), swap=True, floats=True)  # type: ignore[attr-defined]
    ordered: dict[str, Op] = {"lt": c.Less(), "le": c.LessEqual(), "gt": c.Greater(), "ge": c.GreaterEqual()}
    for name, op in ordered.items():
        setattr(Value, f"__{name}__", _method(op))
    Value.equals = _method(c.Equal())  # type: ignore[attr-defined]
    Value.__neg__ = lambda self: emit(e.Neg(), self)  # type: ignore[attr-defined]
    Value.__abs__ = lambda self: emit(e.Abs(), self)  # type: ignore[attr-defined]
    Value.__invert__ = lambda self: emit(c.Not(), self)  # type: ignore[attr-defined]
    Value.__matmul__ = lambda self, other: matmul(self, value(other))  # type: ignore[attr-defined]
    Value.__rmatmul__ = lambda self, other: matmul(value(other), self)  # type: ignore[attr-defined]
    Value.__getitem__ = getitem  # type: ignore[attr-defined]
    Value.__len__ = lambda self: int(self.shape[0])  # type: ignore[attr-defined]


_install()
_ = (broadcast, transpose)
