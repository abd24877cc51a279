"""Arithmetic on two tensors, element by element. Operands broadcast as in NumPy and meet in the dtype of Keras's promotion."""

from __future__ import annotations

from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise, transcendental
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..dispatch import op, value
from ._common import Tensorish, floating, joined, like, operands, pick, root

_EUCLID_STEPS = {1: 12, 2: 24, 4: 47, 8: 93}  # by bytes of the dtype: neighbouring Fibonacci numbers need the most


@op
def add(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 + x2.

    Args:
        x1, x2: tensors or numbers that broadcast; of bools: or.

    Raises:
        ValueError: the shapes do not broadcast.

    >>> add([1.0, 2.0], 3).tolist()
    [4.0, 5.0]
    """
    return joined(elementwise.Add(), x1, x2)


@op
def subtract(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 - x2.

    Raises:
        TypeError: both are bools.

    >>> subtract([1.0, 2.0], 3).tolist()
    [-2.0, -1.0]
    """
    return joined(elementwise.Sub(), x1, x2)


@op
def multiply(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 * x2.

    Args:
        x1, x2: tensors or numbers that broadcast; of bools: and.

    >>> multiply([1.0, 2.0], 3).tolist()
    [3.0, 6.0]
    """
    return joined(elementwise.Mul(), x1, x2)


@op
def divide(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 / x2, a float whatever the operands are.

    >>> divide([1, 2], 2).tolist()
    [0.5, 1.0]
    """
    return joined(elementwise.Div(), x1, x2, floats=True)


@op
def true_divide(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 / x2, another name of `divide`.

    >>> true_divide([1, 2], 2).tolist()
    [0.5, 1.0]
    """
    return joined(elementwise.Div(), x1, x2, floats=True)


@op
def divide_no_nan(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 / x2, and 0 where x2 is 0, with gradient 0 there.

    >>> divide_no_nan([1.0, 2.0], [0.0, 4.0]).tolist()
    [0.0, 0.5]
    """
    a, b = operands(x1, x2, floats=True)
    none = emit(compare.Equal(), b, like(0, b))
    return pick(none, like(0, b), a / pick(none, like(1, b), b))


@op
def floor_divide(x1: Tensorish, x2: Tensorish) -> Value:
    """The largest integer not above x1 / x2; integers divided by 0 give 0.

    >>> floor_divide([7, -7], 2).tolist()
    [3, -4]
    """
    return joined(elementwise.FloorDiv(), x1, x2, numbers=True)


@op
def mod(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 - x2 floor(x1 / x2): the remainder with the sign of x2; integers by 0 give 0.

    >>> mod([7, -7], 3).tolist()
    [1, 2]
    """
    return joined(elementwise.Mod(), x1, x2, numbers=True)


@op
def fmod(x1: Tensorish, x2: Tensorish) -> Value:
    """The remainder of x1 / x2 with the sign of x1.

    >>> fmod([7, -7], 3).tolist()
    [1, -1]
    """
    a, b = operands(x1, x2, numbers=True)
    if a.dtype.startswith("u"):
        return emit(elementwise.Mod(), a, b)
    rest = emit(elementwise.Mod(), abs(a), abs(b))
    negative = signbit_of(a) if is_float(a.dtype) else a < 0
    return emit(elementwise.Where(), negative, -rest, rest)


def signbit_of(x: Value) -> Value:
    """Whether floats carry a minus sign, -0.0 included."""
    return emit(compare.SignBit(), x)


@op(constants={"x2": (1, 2)})
def power(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 to the power x2.

    >>> power([2.0, 3.0], 2).tolist()
    [4.0, 9.0]
    """
    a, b = operands(x1, x2, numbers=True)
    if isinstance(x2, int | float) and not isinstance(x2, bool) and x2 in (1, 2):
        return a if x2 == 1 else emit(elementwise.Mul(), a, a)
    return emit(elementwise.Pow(), a, b)


@op
def maximum(x1: Tensorish, x2: Tensorish) -> Value:
    """The larger of x1 and x2; NaN if one is NaN. Equal operands share the gradient.

    >>> maximum([1.0, 5.0], 3).tolist()
    [3.0, 5.0]
    """
    return joined(elementwise.Maximum(), x1, x2)


@op
def minimum(x1: Tensorish, x2: Tensorish) -> Value:
    """The smaller of x1 and x2; NaN if one is NaN. Equal operands share the gradient.

    >>> minimum([1.0, 5.0], 3).tolist()
    [1.0, 3.0]
    """
    return joined(elementwise.Minimum(), x1, x2)


def _without_nan(op_: elementwise.Maximum | elementwise.Minimum, x1: Tensorish, x2: Tensorish) -> Value:
    a, b = operands(x1, x2)
    if not is_float(a.dtype):
        return emit(op_, a, b)
    lost_a, lost_b = emit(compare.IsNan(), a), emit(compare.IsNan(), b)
    return emit(op_, emit(elementwise.Where(), lost_a, b, a), emit(elementwise.Where(), lost_b, a, b))


@op
def fmax(x1: Tensorish, x2: Tensorish) -> Value:
    """The larger of x1 and x2; where one is NaN, the other.

    >>> fmax([1.0, float("nan")], 3).tolist()
    [3.0, 3.0]
    """
    return _without_nan(elementwise.Maximum(), x1, x2)


@op
def fmin(x1: Tensorish, x2: Tensorish) -> Value:
    """The smaller of x1 and x2; where one is NaN, the other.

    >>> fmin([1.0, float("nan")], 3).tolist()
    [1.0, 3.0]
    """
    return _without_nan(elementwise.Minimum(), x1, x2)


@op
def hypot(x1: Tensorish, x2: Tensorish) -> Value:
    """sqrt(x1^2 + x2^2), without overflow in between.

    >>> hypot([3.0], [4.0]).tolist()
    [5.0]
    """
    a, b = operands(x1, x2, floats=True)
    scale = emit(elementwise.StopGradient(), emit(elementwise.Maximum(), abs(a), abs(b)))
    usable = emit(compare.And(), scale > 0, emit(compare.IsFinite(), scale))
    scale = pick(usable, scale, like(1, scale))
    u, v = a / scale, b / scale
    return root(u * u + v * v) * scale


@op
def ldexp(x1: Tensorish, x2: Tensorish) -> Value:
    """x1 times 2 to the power x2.

    Args:
        x1: a tensor.
        x2: integers.

    Raises:
        TypeError: x2 holds floats.

    >>> ldexp([1.0, 3.0], [2, -1]).tolist()
    [4.0, 1.5]
    """
    exponent = value(x2)
    if is_float(exponent.dtype):
        raise TypeError(f"ldexp exponent must be an integer type. Received: x2 dtype={exponent.dtype}")
    x = floating(x1)
    return x * emit(transcendental.Exp2(), cast(exponent, x.dtype))


@op
def heaviside(x1: Tensorish, x2: Tensorish) -> Value:
    """0 where x1 < 0, 1 where x1 > 0, x2 where x1 is 0.

    >>> heaviside([-1.0, 0.0, 2.0], 0.5).tolist()
    [0.0, 0.5, 1.0]
    """
    a, b = operands(x1, x2, floats=True)
    zero = like(0, a)
    return pick(a < zero, zero, pick(a > zero, like(1, a), pick(emit(compare.IsNan(), a), a, b)))


@op
def gcd(x1: Tensorish, x2: Tensorish) -> Value:
    """The greatest common divisor of integers, not negative.

    Raises:
        ValueError: an operand is a float.

    >>> gcd([12, 0, -4], [18, 5, 6]).tolist()
    [6, 5, 2]
    """
    a, b = _integers("gcd", x1, x2)
    for _ in range(_EUCLID_STEPS[_bytes(a.dtype)]):
        a, b = emit(elementwise.Where(), emit(compare.Equal(), b, like(0, b)), a, b), emit(elementwise.Mod(), a, b)
    return a


@op
def lcm(x1: Tensorish, x2: Tensorish) -> Value:
    """The least common multiple of integers, not negative; 0 if one is 0.

    Raises:
        ValueError: an operand is a float.

    >>> lcm([12, 0, -4], [18, 5, 6]).tolist()
    [36, 0, 12]
    """
    a, b = _integers("lcm", x1, x2)
    return emit(elementwise.FloorDiv(), a, gcd(a, b)) * b


def _bytes(dtype: str) -> int:
    return int(dtype.lstrip("uint")) // 8


def _integers(name: str, x1: Tensorish, x2: Tensorish) -> tuple[Value, Value]:
    a, b = operands(x1, x2, numbers=True)
    if is_float(a.dtype):
        raise ValueError(f"{name} takes integers. Received: dtype={a.dtype}")
    return (a, b) if a.dtype.startswith("u") else (abs(a), abs(b))
