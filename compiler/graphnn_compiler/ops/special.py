"""Special functions that need a kernel routine of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..ir import Value
from ..trace import emit
from .base import Array, Elementwise
from .elementwise import Grads
from .transcendental import Exp


class Erfc(Elementwise):
    """1 - erf(x), exact where that is small."""

    def template(self, t: str, *names: str) -> str:
        return f"erfc({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        x = arrays[0]
        return np.array([math.erfc(float(v)) for v in x.ravel()], "float64").reshape(x.shape).astype(x.dtype)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (x,), ct = inputs, cotangents[0]
        assert ct is not None
        return [ct * emit(Exp(), -(x * x)) * (-2 / math.sqrt(math.pi))]
