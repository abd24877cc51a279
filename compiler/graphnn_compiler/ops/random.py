"""Counter-based random bits: the number at a place depends on seed, counter, stream and place alone, never on threads or order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..dims import broadcast
from .base import Array, Elementwise, Sample, Spec

_M0, _M1, _W0, _W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85


def philox4x32_words(key: tuple[Array, Array], counter: tuple[Array, Array, Array, Array]) -> tuple[Array, ...]:
    """The words of Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC 2011)."""
    low = np.uint64(0xFFFFFFFF)
    k0, k1 = (np.asarray(k, "uint64") for k in key)
    c0, c1, c2, c3 = (np.asarray(c, "uint64") for c in counter)
    for _ in range(10):
        p0, p1 = c0 * np.uint64(_M0), c2 * np.uint64(_M1)
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ k0, p1 & low, (p0 >> np.uint64(32)) ^ c3 ^ k1, p0 & low
        k0, k1 = (k0 + np.uint64(_W0)) & low, (k1 + np.uint64(_W1)) & low
    return tuple(np.asarray(c).astype("uint32") for c in (c0, c1, c2, c3))


def philox4x32(key: tuple[Array, Array], counter: tuple[Array, Array, Array, Array]) -> Array:
    """The first of them."""
    return philox4x32_words(key, counter)[0]


@dataclass(frozen=True)
class RandomBits(Elementwise):
    """32 random bits for each place: (place, seed low, seed high, counter), all uint32, and the constant `stream`."""

    stream: int = 0
    arity: ClassVar[int] = 4
    accepts: ClassVar[tuple[str, ...]] = ("uint32",)
    differentiable: ClassVar[bool] = False

    def infer(self, *specs: Spec) -> list[Spec]:
        return [(broadcast(*[s for s, _ in specs]), "uint32")]

    def template(self, t: str, *names: str) -> str:
        place, low, high, counter = names
        return f"philox({low}, {high}, {place}, const_u32({int(self.stream)}), {counter}, const_u32(0))"

    def reference(self, *arrays: Array) -> Array:
        place, low, high, counter = np.broadcast_arrays(*arrays)
        stream, zero = np.full(place.shape, self.stream), np.zeros(place.shape)
        return philox4x32((low, high), (place, stream, counter, zero))

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls(s), (((19,), "uint32", 0, 1e6), *[((), "uint32", 0, 1e9)] * 3), False) for s in (0, 3)]


PAIRS = 1  # the last word of the counter; `RandomBits` has 0 there


@dataclass(frozen=True)
class PairBits(Elementwise):
    """32 random bits for each pair of a query and a key: (seed, draws, row, query, key), all uint32.

    Four keys in a row share a counter (query, key / 4, row, 1), of which each has a word; seed and draws are the key of the cipher.
    """

    arity: ClassVar[int] = 5
    accepts: ClassVar[tuple[str, ...]] = ("uint32",)
    differentiable: ClassVar[bool] = False

    def infer(self, *specs: Spec) -> list[Spec]:
        return [(broadcast(*[s for s, _ in specs]), "uint32")]

    def template(self, t: str, *names: str) -> str:
        seed, draws, row, query, key = names
        return f"philox_word({key}, {seed}, {draws}, {query}, {key} >> const_u32(2), {row}, const_u32({PAIRS}))"

    def reference(self, *arrays: Array) -> Array:
        seed, draws, row, query, key = np.broadcast_arrays(*arrays)
        words = philox4x32_words((seed, draws), (query, key >> 2, row, np.full(key.shape, PAIRS)))
        return np.choose(key & 3, words)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls(), (*[((1,), "uint32", 0, 1e9)] * 2, *[((19,), "uint32", 0, 1e9)] * 3), False)]


def pair_bits(seed: int, draws: int, rows: int, queries: int, keys: int) -> Array:
    """The bits of all pairs, (rows, queries, keys): `PairBits` with a counter for each four keys."""
    shape = (rows, queries, -(-keys // 4))
    r, i, j = np.indices(shape, "uint32")
    words = philox4x32_words((np.asarray(seed), np.asarray(draws)), (i, j, r, np.full(shape, PAIRS)))
    return np.stack(words, -1).reshape(rows, queries, 4 * shape[2])[..., :keys]


def least_kept(rate: float) -> int:
    """Random bits below this number stand for what dropout of a rate leaves out."""
    return min(round(rate * 2**32), 2**32 - 1)
