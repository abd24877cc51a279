"""Exponentials, logarithms, roots, trigonometry and their relatives."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from ..ir import Value
from ..trace import emit
from .base import FLOATS, Array, Elementwise
from .elementwise import Grads
from .movement import unbroadcast


def _by_scalar(f: Callable[[float], float], x: Array) -> Array:
    return np.array([f(float(v)) for v in x.ravel()], "float64").reshape(x.shape).astype(x.dtype)


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x.astype("float64")))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype)


def _erfinv(x: Array) -> Array:
    """Newton's method on erf from Winitzki's approximation (2008)."""

    def solve(p: float) -> float:
        if not -1 < p < 1:
            return math.copysign(math.inf, p) if abs(p) == 1 else math.nan
        if abs(p) < 1e-300:
            return p
        log = math.log1p(-p * p)
        half = 2 / (math.pi * 0.147) + log / 2
        y = math.copysign(math.sqrt(max(math.sqrt(half * half - log / 0.147) - half, 0.0)), p) or p
        for _ in range(4):
            rest = math.erf(y) - p if abs(y) < 1 else math.copysign(1.0, p) * ((1 - abs(p)) - math.erfc(abs(y)))
            y -= rest / (2 / math.sqrt(math.pi) * math.exp(-y * y))
        return y

    return _by_scalar(solve, x)


class _Unary(Elementwise):
    abstract: ClassVar[bool] = True
    accepts = FLOATS

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        raise NotImplementedError(type(self).__name__)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = cotangents[0]
        assert ct is not None
        return [self.derivative(inputs[0], outputs[0], ct)]


class Exp(_Unary):
    """e to the power x."""

    def template(self, t: str, *names: str) -> str:
        return f"exp({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.exp(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * y


class Exp2(_Unary):
    """2 to the power x."""

    def template(self, t: str, *names: str) -> str:
        return f"exp2({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.exp2(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * y * math.log(2.0)


class Expm1(_Unary):
    """exp(x) - 1, exact near 0."""

    def template(self, t: str, *names: str) -> str:
        return f"expm1({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.expm1(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * (y + 1)


class Log(_Unary):
    """Natural logarithm."""

    domain = (0.1, 5.0)

    def template(self, t: str, *names: str) -> str:
        return f"log({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.log(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct / x


class Log1p(_Unary):
    """log(1 + x), exact near 0."""

    domain = (-0.5, 5.0)

    def template(self, t: str, *names: str) -> str:
        return f"log1p({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.log1p(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct / (x + 1)


class Log2(_Unary):
    """Logarithm to base 2."""

    domain = (0.1, 5.0)

    def template(self, t: str, *names: str) -> str:
        return f"log2({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.log2(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct / (x * math.log(2.0))


class Log10(_Unary):
    """Logarithm to base 10."""

    domain = (0.1, 5.0)

    def template(self, t: str, *names: str) -> str:
        return f"log10({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.log10(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct / (x * math.log(10.0))


class Sqrt(_Unary):
    """Square root."""

    domain = (0.1, 5.0)

    def template(self, t: str, *names: str) -> str:
        return f"sqrt({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.sqrt(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * 0.5 / y


class Rsqrt(_Unary):
    """1 / sqrt(x)."""

    domain = (0.1, 5.0)

    def template(self, t: str, *names: str) -> str:
        return f"rsqrt({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return (1 / np.sqrt(arrays[0])).astype(arrays[0].dtype)

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * -0.5 * y / x


class Sin(_Unary):
    """Sine of radians."""

    def template(self, t: str, *names: str) -> str:
        return f"sin({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.sin(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * emit(Cos(), x)


class Cos(_Unary):
    """Cosine of radians."""

    def template(self, t: str, *names: str) -> str:
        return f"cos({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.cos(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return -ct * emit(Sin(), x)


class Tan(_Unary):
    """Tangent of radians."""

    domain = (-1.2, 1.2)

    def template(self, t: str, *names: str) -> str:
        return f"tan({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.tan(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * (y * y + 1)


class Asin(_Unary):
    """Inverse sine."""

    domain = (-0.9, 0.9)

    def template(self, t: str, *names: str) -> str:
        return f"asin({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.arcsin(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct / emit(Sqrt(), 1 - x * x)


class Acos(_Unary):
    """Inverse cosine."""

    domain = (-0.9, 0.9)

    def template(self, t: str, *names: str) -> str:
        return f"acos({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.arccos(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return -ct / emit(Sqrt(), 1 - x * x)


class Atan(_Unary):
    """Inverse tangent."""

    def template(self, t: str, *names: str) -> str:
        return f"atan({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.arctan(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct / (x * x + 1)


class Sinh(_Unary):
    """Hyperbolic sine."""

    def template(self, t: str, *names: str) -> str:
        return f"sinh({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.sinh(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * emit(Cosh(), x)


class Cosh(_Unary):
    """Hyperbolic cosine."""

    def template(self, t: str, *names: str) -> str:
        return f"cosh({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.cosh(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * emit(Sinh(), x)


class Tanh(_Unary):
    """Hyperbolic tangent."""

    def template(self, t: str, *names: str) -> str:
        return f"tanh({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.tanh(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * (1 - y * y)


class Asinh(_Unary):
    """Inverse hyperbolic sine."""

    def template(self, t: str, *names: str) -> str:
        return f"asinh({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.arcsinh(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct / emit(Sqrt(), x * x + 1)


class Acosh(_Unary):
    """Inverse hyperbolic cosine."""

    domain = (1.2, 5.0)

    def template(self, t: str, *names: str) -> str:
        return f"acosh({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.arccosh(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct / emit(Sqrt(), x * x - 1)


class Atanh(_Unary):
    """Inverse hyperbolic tangent."""

    domain = (-0.9, 0.9)

    def template(self, t: str, *names: str) -> str:
        return f"atanh({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.arctanh(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct / (1 - x * x)


class Sigmoid(_Unary):
    """1 / (1 + exp(-x))."""

    def template(self, t: str, *names: str) -> str:
        return f"sigmoid({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return _sigmoid(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * y * (1 - y)


class Softplus(_Unary):
    """log(1 + exp(x))."""

    def template(self, t: str, *names: str) -> str:
        return f"maximum({names[0]}, const_{t}(0)) + log1p(exp(neg(abs_({names[0]}))))"

    def reference(self, *arrays: Array) -> Array:
        return np.logaddexp(arrays[0], arrays[0].dtype.type(0))

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * emit(Sigmoid(), x)


class Erf(_Unary):
    """Error function."""

    def template(self, t: str, *names: str) -> str:
        return f"erf({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return _by_scalar(math.erf, arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * emit(Exp(), -(x * x)) * (2 / math.sqrt(math.pi))


class Erfinv(_Unary):
    """Inverse of the error function."""

    domain = (-0.9, 0.9)

    def template(self, t: str, *names: str) -> str:
        return f"erfinv({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return _erfinv(arrays[0])

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * emit(Exp(), y * y) * (math.sqrt(math.pi) / 2)


class Atan2(Elementwise):
    """The angle of the point (b, a), in radians."""

    arity = 2
    domain = (0.5, 3.0)

    def template(self, t: str, *names: str) -> str:
        return f"atan2({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.arctan2(*arrays)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (a, b), ct = inputs, cotangents[0]
        assert ct is not None
        scaled = ct / (a * a + b * b)
        return [unbroadcast(scaled * b, a.shape), unbroadcast(-scaled * a, b.shape)]


class _Rounding(Elementwise):
    """Piecewise constant: the gradient is 0 everywhere."""

    abstract: ClassVar[bool] = True
    differentiable = False


class Floor(_Rounding):
    """The largest integer not above x."""

    def template(self, t: str, *names: str) -> str:
        return f"floor({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.floor(arrays[0])


class Ceil(_Rounding):
    """The smallest integer not below x."""

    def template(self, t: str, *names: str) -> str:
        return f"ceil({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.ceil(arrays[0])


class Round(_Rounding):
    """The nearest integer, halves to even."""

    def template(self, t: str, *names: str) -> str:
        return f"round_({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.rint(arrays[0])


class Trunc(_Rounding):
    """x without its fraction."""

    def template(self, t: str, *names: str) -> str:
        return f"trunc({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.trunc(arrays[0])
