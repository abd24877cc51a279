"""What statistics are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir import Value
from .base import FLOATS, Array, Elementwise, Sample
from .elementwise import Grads
from .movement import unbroadcast


class SquareFromMean(Elementwise):
    """(x - m)^2, where m is the mean of x along the axes along which the result is summed: a step of the variance.

    The gradient by m is left out: it is the sum of 2 (x - m), times what is the same along these axes, and that sum is 0. Computing
    it would be one more pass over x. The gradient by x holds m itself, so that gradients of gradients are whole.
    """

    arity = 2
    accepts = FLOATS

    def template(self, t: str, *names: str) -> str:
        x, m = names
        return f"({x} - {m}) * ({x} - {m})"

    def reference(self, *arrays: Array) -> Array:
        return np.square(np.subtract(*arrays))

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (x, m), ct = inputs, cotangents[0]
        assert ct is not None
        away = x - m
        return [unbroadcast(ct * (away + away), x.shape), None]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(cls(), tuple((shape, d, -3, 3) for shape in shapes), False)
            for d in FLOATS
            for shapes in (((37,), (37,)), ((3, 5), (3, 1)))
        ]
