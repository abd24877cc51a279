"""Hashes of texts that are the same on every machine and in every run: what category layers sort texts into bins by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tensor import Array

__all__ = ["fingerprint64", "hash_bins", "siphash24"]

K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
FULL = (1 << 64) - 1


def _word(s: bytes, at: int, n: int = 8) -> int:
    return int.from_bytes(s[at : at + n], "little")


def _turn(x: int, bits: int) -> int:
    """Rotated to the right."""
    x &= FULL
    return ((x >> bits) | (x << (64 - bits))) & FULL


def _mix(x: int) -> int:
    x &= FULL
    return x ^ (x >> 47)


def _pair(u: int, v: int, factor: int) -> int:
    a = _mix((u ^ v) * factor)
    return _mix(((v & FULL) ^ a) * factor) * factor & FULL


def _up_to_16(s: bytes) -> int:
    n = len(s)
    factor = K2 + 2 * n
    if n >= 8:
        a, b = _word(s, 0) + K2, _word(s, n - 8)
        return _pair(_turn(b, 37) * factor + a & FULL, (_turn(a, 25) + b) * factor & FULL, factor)
    if n >= 4:
        return _pair(n + (_word(s, 0, 4) << 3), _word(s, n - 4, 4), factor)
    if n:
        return _mix((s[0] + (s[n >> 1] << 8)) * K2 ^ (n + (s[-1] << 2)) * K0) * K2 & FULL
    return K2


def _up_to_64(s: bytes) -> int:
    n = len(s)
    factor = K2 + 2 * n
    first, b = _word(s, 0), _word(s, 8)
    a = first * (K1 if n <= 32 else K2) & FULL
    c, d = _word(s, n - 8) * factor & FULL, _word(s, n - 16) * K2 & FULL
    y, z = _turn(a + b, 43) + _turn(c, 30) + d & FULL, a + _turn(b + K2, 18) + c & FULL
    if n <= 32:
        return _pair(y, z, factor)
    z = _pair(y, z, factor)
    e, f = _word(s, 16) * factor & FULL, _word(s, 24)
    g, h = (y + _word(s, n - 32)) * factor & FULL, (z + _word(s, n - 24)) * factor & FULL
    return _pair(_turn(e + f, 43) + _turn(g, 30) + h & FULL, e + _turn(f + a, 18) + g & FULL, factor)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_word(s, at + i) for i in (0, 8, 16, 24))
    a += w
    b = _turn(b + a + z, 21)
    total = a + x + y
    return total + z & FULL, b + _turn(total, 44) + a & FULL


def fingerprint64(s: bytes) -> int:
    """The FarmHash fingerprint of bytes, from 0 to 2^64 - 1 (G. Pike, "FarmHash", 2014).

    >>> fingerprint64(b"") == 0x9AE16A3B2F90404F
    True
    """
    n = len(s)
    if n <= 64:
        return _up_to_16(s) if n <= 16 else _up_to_64(s)
    x, y = 81, 81 * K1 + 113 & FULL
    z = _mix(y * K2 + 113) * K2 & FULL
    v, w = (0, 0), (0, 0)
    x = x * K2 + _word(s, 0) & FULL

    def stirred(at: int, factor: int, nine: int) -> None:
        nonlocal x, y, z, v, w
        x = _turn(x + y + v[0] + _word(s, at + 8), 37) * factor & FULL
        y = _turn(y + v[1] + _word(s, at + 48), 42) * factor & FULL
        x ^= w[1] * nine & FULL
        y = y + v[0] * nine + _word(s, at + 40) & FULL
        z = _turn(z + w[0], 33) * factor & FULL
        v = _weak(s, at, v[1] * factor & FULL, x + w[0] & FULL)
        w = _weak(s, at + 32, z + w[1] & FULL, y + _word(s, at + 16) & FULL)
        x, z = z, x

    for at in range(0, (n - 1) // 64 * 64, 64):
        stirred(at, K1, 1)
    factor = K1 + ((z & 0xFF) << 1)
    w = (w[0] + ((n - 1) & 63) & FULL, w[1])
    v = (v[0] + w[0] & FULL, v[1])
    w = (w[0] + v[0] & FULL, w[1])
    stirred(n - 64, factor, 9)
    return _pair(_pair(v[0], w[0], factor) + _mix(y) * K0 + z & FULL, _pair(v[1], w[1], factor) + x & FULL, factor)


def siphash24(s: bytes, key: Sequence[int]) -> int:
    """SipHash-2-4 of bytes with a key of two numbers (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012).

    >>> hex(siphash24(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)))
    '0xa129ca6149be45e5'
    """
    k0, k1 = (k & FULL for k in key)
    a, b, c, d = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573

    def rounds(n: int) -> None:
        nonlocal a, b, c, d
        for _ in range(n):
            a, c = a + b & FULL, c + d & FULL
            b, d = _turn(b, 51) ^ a, _turn(d, 48) ^ c
            a = _turn(a, 32)
            c, a = c + b & FULL, a + d & FULL
            b, d = _turn(b, 47) ^ c, _turn(d, 43) ^ a
            c = _turn(c, 32)

    n = len(s)
    words = [_word(s, at) for at in range(0, n - n % 8, 8)]
    for word in [*words, _word(s, n - n % 8) | (n & 0xFF) << 56]:
        d ^= word
        rounds(2)
        a ^= word
    c ^= 0xFF
    rounds(4)
    return a ^ b ^ c ^ d


def hash_bins(texts: Array, bins: int, salt: Sequence[int] | None) -> Array:
    """The bin of each text of an array, from 0 to bins - 1, as int64; each different text is hashed once."""
    given: list[Any] = [str(t) for t in texts.ravel().tolist()]
    of = {
        t: (fingerprint64(t.encode("utf-8")) if salt is None else siphash24(t.encode("utf-8"), salt)) % bins for t in set(given)
    }
    return np.array([of[t] for t in given], "int64").reshape(texts.shape)
