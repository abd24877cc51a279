"""Comparisons, tests of single elements, logic and choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise, reduce
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.trace import emit

from ..dispatch import op, value
from . import host
from ._common import Tensorish, flat, joined, like, operands, pick, truth, weak


@op
def equal(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 == x2, as bool.

    >>> equal([1.0, 2.0], 2).tolist()
    [False, True]
    """
    return joined(compare.Equal(), x1, x2)


@op
def not_equal(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 != x2, as bool.

    >>> not_equal([1.0, 2.0], 2).tolist()
    [True, False]
    """
    return joined(compare.NotEqual(), x1, x2)


@op
def less(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 < x2, as bool.

    >>> less([1.0, 2.0], 2).tolist()
    [True, False]
    """
    return joined(compare.Less(), x1, x2)


@op
def less_equal(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 <= x2, as bool.

    >>> less_equal([1.0, 3.0], 2).tolist()
    [True, False]
    """
    return joined(compare.LessEqual(), x1, x2)


@op
def greater(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 > x2, as bool.

    >>> greater([1.0, 3.0], 2).tolist()
    [False, True]
    """
    return joined(compare.Greater(), x1, x2)


@op
def greater_equal(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 >= x2, as bool.

    >>> greater_equal([1.0, 2.0], 2).tolist()
    [False, True]
    """
    return joined(compare.GreaterEqual(), x1, x2)


@op
def logical_and(x1: Tensorish, x2: Tensorish) -> Value:
    """Both are true; numbers are true where they are not 0.

    >>> logical_and([True, True], [True, False]).tolist()
    [True, False]
    """
    return emit(compare.And(), truth(x1), truth(x2))


@op
def logical_or(x1: Tensorish, x2: Tensorish) -> Value:
    """At least one is true; numbers are true where they are not 0.

    >>> logical_or([True, False], [False, False]).tolist()
    [True, False]
    """
    return emit(compare.Or(), truth(x1), truth(x2))


@op
def logical_xor(x1: Tensorish, x2: Tensorish) -> Value:
    """Exactly one is true; numbers are true where they are not 0.

    >>> logical_xor([True, True], [True, False]).tolist()
    [False, True]
    """
    return emit(compare.Xor(), truth(x1), truth(x2))


@op
def logical_not(x: Tensorish) -> Value:
    """x is false; numbers are false where they are 0.

    >>> logical_not([True, False]).tolist()
    [False, True]
    """
    return emit(compare.Not(), truth(x))


def _test(kind: compare.IsNan | compare.IsInf | compare.IsFinite, x: Tensorish, whole: bool) -> Value:
    v = value(x)
    return emit(kind, v) if is_float(v.dtype) else build.broadcast_to(like(whole, truth(v)), v.shape)


@op
def isnan(x: Tensorish) -> Value:
    """x is NaN.

    >>> isnan([1.0, float("nan")]).tolist()
    [False, True]
    """
    return _test(compare.IsNan(), x, False)


@op
def isinf(x: Tensorish) -> Value:
    """x is infinite.

    >>> isinf([1.0, float("-inf")]).tolist()
    [False, True]
    """
    return _test(compare.IsInf(), x, False)


@op
def isfinite(x: Tensorish) -> Value:
    """x is neither NaN nor infinite.

    >>> isfinite([1.0, float("nan")]).tolist()
    [True, False]
    """
    return _test(compare.IsFinite(), x, True)


@op
def isposinf(x: Tensorish) -> Value:
    """x is plus infinity.

    >>> isposinf([float("inf"), float("-inf")]).tolist()
    [True, False]
    """
    v = value(x)
    return emit(compare.Equal(), v, like(float("inf"), v)) if is_float(v.dtype) else _test(compare.IsInf(), v, False)


@op
def isneginf(x: Tensorish) -> Value:
    """x is minus infinity.

    >>> isneginf([float("inf"), float("-inf")]).tolist()
    [False, True]
    """
    v = value(x)
    return emit(compare.Equal(), v, like(float("-inf"), v)) if is_float(v.dtype) else _test(compare.IsInf(), v, False)


@op
def isreal(x: Tensorish) -> Value:
    """x has no imaginary part: always true, complex numbers are not supported.

    >>> isreal([1.0]).tolist()
    [True]
    """
    v = value(x)
    return build.broadcast_to(like(True, truth(v)), v.shape)


@op
def signbit(x: Tensorish) -> Value:
    """The sign of x is minus; -0.0 has one.

    >>> signbit([-1.0, -0.0, 1.0]).tolist()
    [True, True, False]
    """
    v = value(x)
    if is_float(v.dtype):
        return emit(compare.SignBit(), v)
    return _test(compare.IsNan(), v, False) if v.dtype == "bool" else v < 0


@op(static=("rtol", "atol", "equal_nan"))
def isclose(x1: Tensorish, x2: Tensorish, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Value:
    """|x1 - x2| <= atol + rtol |x2|, or x1 == x2.

    Args:
        x1, x2: tensors or numbers that broadcast.
        rtol, atol: relative and absolute tolerance.
        equal_nan: whether NaN is close to NaN.

    >>> isclose([1.0, 2.0], [1.000001, 2.1]).tolist()
    [True, False]
    """
    a, b = operands(x1, x2, floats=True)
    near = emit(compare.LessEqual(), abs(a - b), abs(b) * rtol + atol)
    near = emit(compare.And(), near, emit(compare.IsFinite(), b))
    near = emit(compare.Or(), near, emit(compare.Equal(), a, b))
    if equal_nan:
        near = emit(compare.Or(), near, emit(compare.And(), emit(compare.IsNan(), a), emit(compare.IsNan(), b)))
    return near


@op(static=("rtol", "atol", "equal_nan"))
def allclose(x1: Tensorish, x2: Tensorish, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Value:
    """Whether `isclose` holds everywhere.

    >>> bool(allclose([1.0, 2.0], [1.000001, 2.0]))
    True
    """
    return build.reduced(reduce.All, isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan))


@op(static=("assume_unique", "invert"))
def isin(x1: Tensorish, x2: Tensorish, assume_unique: bool = False, invert: bool = False) -> Value:
    """Whether each element of x1 is among those of x2.

    Args:
        x1: a tensor.
        x2: a tensor, a list or a number.
        assume_unique: accepted for compatibility.
        invert: whether to ask if it is not among them.

    >>> isin([1, 2, 3], [2, 3]).tolist()
    [False, True, True]
    """
    a, b = operands(x1, x2)
    hit = emit(compare.Equal(), build.expand(a, -1), flat(b))
    found = build.reduced(reduce.Any, hit, -1)
    return emit(compare.Not(), found) if invert else found


@op
def _where(condition: Tensorish, x1: Tensorish, x2: Tensorish) -> Value:
    return pick(truth(condition), weak(x1), weak(x2))


def where(condition: Tensorish, x1: Tensorish = None, x2: Tensorish = None) -> Any:
    """x1 where the condition holds, else x2. With the condition alone: the indices of its true elements.

    Args:
        condition: a tensor; numbers are true where they are not 0.
        x1, x2: tensors or numbers that broadcast with it.

    Raises:
        ValueError: one of x1 and x2 is missing.

    >>> where([True, False], [1.0, 2.0], 0).tolist()
    [1.0, 0.0]
    """
    if (x1 is None) != (x2 is None):
        raise ValueError("`x1` and `x2` either both should be `None` or both should have non-None value.")
    if x1 is None:
        return host.nonzero(condition)
    return _where(condition, x1, x2)


@op
def select(condlist: Sequence[Tensorish], choicelist: Sequence[Tensorish], default: Tensorish = 0) -> Value:
    """The element of the first choice whose condition holds, else `default`.

    Args:
        condlist: tensors of bools.
        choicelist: as many tensors.
        default: a tensor or a number.

    Raises:
        ValueError: the lists are empty or of different length.

    >>> x = [-1.0, 0.5, 2.0]
    >>> select([less(x, 0), greater(x, 1)], [0.0, 1.0], 0.25).tolist()
    [0.0, 0.25, 1.0]
    """
    if not isinstance(condlist, list | tuple) or not isinstance(choicelist, list | tuple):
        raise ValueError("condlist and choicelist must be lists of tensors")
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(
            "condlist and choicelist must be non-empty and of the same length. "
            f"Received: {len(condlist)} conditions and {len(choicelist)} choices"
        )
    *choices, rest = operands(*choicelist, default)
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        rest = emit(elementwise.Where(), truth(condition), choice, rest)
    return rest
