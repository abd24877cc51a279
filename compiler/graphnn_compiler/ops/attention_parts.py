"""What attention is made of where it is written in NumPy or in other ops: turned axes, shared heads, the pairs that dropout keeps."""

from __future__ import annotations

import numpy as np

from ..dims import Shape, quotient
from ..ir import Value
from ..trace import emit
from .base import Array
from .compare import GreaterEqual
from .index import Iota
from .movement import BroadcastTo, Slice, constant, reshape, transpose
from .random import PairBits, least_kept, pair_bits
from .reduce import Sum

TURNED = (0, 2, 1, 3)  # heads before steps, and back


def turned(x: Array) -> Array:
    """(batch, heads, steps, n) of (batch, steps, heads, n), and back."""
    return np.transpose(x, TURNED)


def spread(x: Array, heads: int) -> Array:
    """(batch, heads, steps, n) of (batch, steps, groups, n)."""
    return np.repeat(turned(x), heads // max(x.shape[2], 1), axis=1)


def gathered(x: Array, groups: int) -> Array:
    """The transpose of `spread`."""
    b, h, s, n = x.shape
    return turned(x.reshape(b, groups, h // max(groups, 1), s, n).sum(2))


def keeps(words: Array, rate: float, shape: tuple[int, ...]) -> Array:
    """What dropout keeps of weights of shape (batch, heads, T, S)."""
    b, h, t, s = shape
    return (pair_bits(int(words[0]), int(words[1]), b * h, t, s) >= np.uint32(least_kept(rate))).reshape(shape)


def kept_pairs(words: Value, rate: float, shape: Shape) -> Value:
    """The same by other ops."""
    b, h, t, s = shape
    seed, draws = (reshape(emit(Slice((i,), (1,), (1,)), words), (1, 1, 1, 1)) for i in (0, 1))
    row = reshape(emit(Iota(b * h, "uint32")), (b, h, 1, 1))
    query, key = reshape(emit(Iota(t, "uint32")), (1, 1, t, 1)), reshape(emit(Iota(s, "uint32")), (1, 1, 1, s))
    return emit(GreaterEqual(), emit(PairBits(), seed, draws, row, query, key), constant(least_kept(rate), "uint32"))


def shared(x: Value, q: Value) -> Value:
    """Keys or values (batch, S, groups, n) for each head of the queries: (batch, heads, S, n)."""
    b, s, groups, n = x.shape
    heads = q.shape[2]
    x = transpose(x, TURNED)
    if heads == groups:
        return x
    each = emit(BroadcastTo((b, groups, quotient(heads, groups), s, n)), reshape(x, (b, groups, 1, s, n)))
    return reshape(each, (b, heads, s, n))


def unshared(x: Value, shape: Shape) -> Value:
    """The transpose of `shared`."""
    b, s, groups, n = shape
    heads = x.shape[1]
    if heads != groups:
        x = emit(Sum((2,)), reshape(x, (b, groups, quotient(heads, groups), s, n)))
    return transpose(x, TURNED)


def column(x: Value) -> Value:
    """(batch, T, heads) as (batch, heads, T, 1)."""
    return reshape(transpose(x, (0, 2, 1)), (x.shape[0], x.shape[2], x.shape[1], 1))


def row_sums(x: Value) -> Value:
    """(batch, heads, T, S) summed over keys, as (batch, T, heads)."""
    return transpose(emit(Sum((3,)), x), (0, 2, 1))
