"""Logic and shifts on the bits of integers; on bools the ordinary logic."""

from __future__ import annotations

from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare
from graphnn_compiler.trace import emit

from ..dispatch import op
from ._common import Tensorish, exact, operands, weak


def _bits(kind: compare.And | compare.Or | compare.Xor, x: Tensorish, y: Tensorish) -> Value:
    a, b = operands(weak(x), weak(y))
    return emit(kind, exact(a, "the operands of a bitwise op"), exact(b, "the operands of a bitwise op"))


def _shift(kind: compare.ShiftLeft | compare.ShiftRight, x: Tensorish, y: Tensorish) -> Value:
    a, b = operands(weak(x), weak(y), numbers=True)
    return emit(kind, exact(a, "the operands of a shift"), exact(b, "the operands of a shift"))


@op
def bitwise_and(x: Tensorish, y: Tensorish) -> Value:
    """Bits that are set in both.

    Raises:
        TypeError: an operand is a float.

    >>> bitwise_and([6, 5], 3).tolist()
    [2, 1]
    """
    return _bits(compare.And(), x, y)


@op
def bitwise_or(x: Tensorish, y: Tensorish) -> Value:
    """Bits that are set in at least one.

    Raises:
        TypeError: an operand is a float.

    >>> bitwise_or([6, 5], 3).tolist()
    [7, 7]
    """
    return _bits(compare.Or(), x, y)


@op
def bitwise_xor(x: Tensorish, y: Tensorish) -> Value:
    """Bits that are set in exactly one.

    Raises:
        TypeError: an operand is a float.

    >>> bitwise_xor([6, 5], 3).tolist()
    [5, 6]
    """
    return _bits(compare.Xor(), x, y)


@op
def bitwise_not(x: Tensorish) -> Value:
    """All bits turned over.

    Raises:
        TypeError: x is a float.

    >>> bitwise_not([0, 5]).tolist()
    [-1, -6]
    """
    return emit(compare.Not(), exact(x, "the operand of bitwise_not"))


@op
def bitwise_invert(x: Tensorish) -> Value:
    """All bits turned over, another name of `bitwise_not`.

    >>> bitwise_invert([0, 5]).tolist()
    [-1, -6]
    """
    return emit(compare.Not(), exact(x, "the operand of bitwise_invert"))


@op
def left_shift(x: Tensorish, y: Tensorish) -> Value:
    """The bits of x moved up by y places: x 2^y.

    Raises:
        TypeError: an operand is a float.

    >>> left_shift([1, 3], 2).tolist()
    [4, 12]
    """
    return _shift(compare.ShiftLeft(), x, y)


@op
def right_shift(x: Tensorish, y: Tensorish) -> Value:
    """The bits of x moved down by y places: floor(x / 2^y).

    Raises:
        TypeError: an operand is a float.

    >>> right_shift([8, -3], 1).tolist()
    [4, -2]
    """
    return _shift(compare.ShiftRight(), x, y)


@op
def bitwise_left_shift(x: Tensorish, y: Tensorish) -> Value:
    """The bits of x moved up by y places, another name of `left_shift`.

    >>> bitwise_left_shift([1, 3], 2).tolist()
    [4, 12]
    """
    return _shift(compare.ShiftLeft(), x, y)


@op
def bitwise_right_shift(x: Tensorish, y: Tensorish) -> Value:
    """The bits of x moved down by y places, another name of `right_shift`.

    >>> bitwise_right_shift([8, -3], 1).tolist()
    [4, -2]
    """
    return _shift(compare.ShiftRight(), x, y)
