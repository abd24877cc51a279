"""Special functions that need a kernel routine of their own."""

from __future__ import annotations

import math

import numpy as np

from ..ir import Value
from ..trace import emit
from .base import Array
from .transcendental import Exp, _Unary


class Erfc(_Unary):
    """1 - erf(x), exact where that is small."""

    def template(self, t: str, *names: str) -> str:
        return f"erfc({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        x = arrays[0]
        return np.array([math.erfc(float(v)) for v in x.ravel()], "float64").reshape(x.shape).astype(x.dtype)

    def derivative(self, x: Value, y: Value, ct: Value) -> Value:
        return ct * emit(Exp(), -(x * x)) * (-2 / math.sqrt(math.pi))
