"""Comparisons, tests, and logic on bools and bits."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .base import DTYPES, FLOATS, INTS, Array, Elementwise


class Compare(Elementwise):
    """Base of comparisons."""

    abstract: ClassVar[bool] = True
    arity = 2
    accepts = DTYPES
    result = "bool"
    differentiable = False


class Less(Compare):
    """a < b."""

    def template(self, t: str, *names: str) -> str:
        return f"lt({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.less(*arrays)


class LessEqual(Compare):
    """a <= b."""

    def template(self, t: str, *names: str) -> str:
        return f"le({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.less_equal(*arrays)


class Greater(Compare):
    """a > b."""

    def template(self, t: str, *names: str) -> str:
        return f"gt({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.greater(*arrays)


class GreaterEqual(Compare):
    """a >= b."""

    def template(self, t: str, *names: str) -> str:
        return f"ge({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.greater_equal(*arrays)


class Equal(Compare):
    """a == b."""

    def template(self, t: str, *names: str) -> str:
        return f"eq({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.equal(*arrays)


class NotEqual(Compare):
    """a != b."""

    def template(self, t: str, *names: str) -> str:
        return f"ne({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.not_equal(*arrays)


class _Test(Elementwise):
    abstract: ClassVar[bool] = True
    accepts = FLOATS
    result = "bool"
    differentiable = False


class IsNan(_Test):
    """x is NaN."""

    def template(self, t: str, *names: str) -> str:
        return f"isnan({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.isnan(arrays[0])


class IsInf(_Test):
    """x is infinite."""

    def template(self, t: str, *names: str) -> str:
        return f"isinf({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.isinf(arrays[0])


class IsFinite(_Test):
    """x is neither NaN nor infinite."""

    def template(self, t: str, *names: str) -> str:
        return f"isfinite({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.isfinite(arrays[0])


class SignBit(_Test):
    """The sign bit of x is set."""

    def template(self, t: str, *names: str) -> str:
        return f"lt(bitcast_{t}_i{t[1:]}({names[0]}), const_i{t[1:]}(0))"

    def reference(self, *arrays: Array) -> Array:
        return np.signbit(arrays[0])


class _Bits(Elementwise):
    abstract: ClassVar[bool] = True
    arity = 2
    accepts = ("bool", *INTS)
    differentiable = False


class And(_Bits):
    """a and b, of bools or bits."""

    def template(self, t: str, *names: str) -> str:
        return f"{names[0]} & {names[1]}"

    def reference(self, *arrays: Array) -> Array:
        return np.bitwise_and(*arrays)


class Or(_Bits):
    """a or b, of bools or bits."""

    def template(self, t: str, *names: str) -> str:
        return f"{names[0]} | {names[1]}"

    def reference(self, *arrays: Array) -> Array:
        return np.bitwise_or(*arrays)


class Xor(_Bits):
    """Either a or b, of bools or bits."""

    def template(self, t: str, *names: str) -> str:
        return f"{names[0]} ^ {names[1]}"

    def reference(self, *arrays: Array) -> Array:
        return np.bitwise_xor(*arrays)


class ShiftLeft(_Bits):
    """a times 2 to the power b, in the bits of a."""

    accepts = INTS
    domain = (0.0, 7.0)

    def template(self, t: str, *names: str) -> str:
        return f"{names[0]} << {names[1]}"

    def reference(self, *arrays: Array) -> Array:
        return np.left_shift(*arrays)


class ShiftRight(_Bits):
    """floor(a / 2 to the power b)."""

    accepts = INTS
    domain = (0.0, 7.0)

    def template(self, t: str, *names: str) -> str:
        return f"{names[0]} >> {names[1]}"

    def reference(self, *arrays: Array) -> Array:
        return np.right_shift(*arrays)


class Not(_Bits):
    """not x, of bools or bits."""

    arity = 1

    def template(self, t: str, *names: str) -> str:
        return f"~{names[0]}"

    def reference(self, *arrays: Array) -> Array:
        return np.invert(arrays[0])
