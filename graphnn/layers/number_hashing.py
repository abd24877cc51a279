"""The hashes of `utils.fingerprints` of integers written in decimal, as graphs: so that hashing works inside compiled models."""

from __future__ import annotations

from collections.abc import Sequence

from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..dispatch import value
from ..utils.fingerprints import FULL, K0, K1, K2

WORD = "uint64"
MOST = {"bool": 1, "int8": 3, "uint8": 3, "int16": 5, "uint16": 5, "int32": 10, "uint32": 10}  # digits; of others 20


def _number(n: int) -> Value:
    from numpy import uint64

    return value(uint64(n & FULL))


def _left(x: Value, n: Value | int) -> Value:
    return emit(compare.ShiftLeft(), *build.together(x, _number(n) if isinstance(n, int) else n))


def _right(x: Value, n: Value | int) -> Value:
    return emit(compare.ShiftRight(), *build.together(x, _number(n) if isinstance(n, int) else n))


def _or(x: Value, y: Value) -> Value:
    return emit(compare.Or(), *build.together(x, y))


def _xor(x: Value, y: Value | int) -> Value:
    return emit(compare.Xor(), *build.together(x, _number(y) if isinstance(y, int) else y))


def _where(condition: Value, x: Value, y: Value) -> Value:
    shape = condition.shape
    return emit(elementwise.Where(), condition, build.broadcast_to(x, shape), build.broadcast_to(y, shape))


def _turn(x: Value, bits: int) -> Value:
    return _or(_right(x, bits), _left(x, 64 - bits))


def _mix(x: Value) -> Value:
    return _xor(x, _right(x, 47))


class Decimal:
    """Integers in decimal, as ASCII: the words of 8 bytes of each text, low bytes first, and its length."""

    def __init__(self, x: Value):
        digits = MOST.get(x.dtype, 20)
        wide = cast(x, "int64") if x.dtype != WORD else x
        negative = build.broadcast_to(value(False), x.shape) if x.dtype in ("bool", WORD) else wide < 0
        n = cast(wide, WORD)
        n = _where(negative, _number(0) - n, n)
        words = [build.broadcast_to(_number(0), x.shape) for _ in range((digits + 8) // 8)]
        size = words[0]
        for k in range(digits + 1):  # from the last character to the first: each moves those behind it up
            there = emit(compare.Or(), n > _number(0), build.broadcast_to(value(k == 0), x.shape))
            rest = emit(elementwise.FloorDiv(), n, build.broadcast_to(_number(10), x.shape))
            digit = n - rest * _number(10) + _number(48)
            sign = emit(compare.And(), emit(compare.Not(), there), negative)
            if k == digits:
                there = sign
            else:
                there = emit(compare.Or(), there, sign)
            negative = emit(compare.And(), negative, emit(compare.Not(), sign))
            new = _where(sign, _number(45), digit)
            moved = [_or(_left(w, 8), _right(words[i - 1], 56) if i else new) for i, w in enumerate(words)]
            words = [_where(there, m, w) for m, w in zip(moved, words, strict=True)]
            size = _where(there, size + _number(1), size)
            n = rest
        self.words, self.size = words, size

    def word(self, i: int) -> Value:
        return self.words[i] if i < len(self.words) else build.broadcast_to(_number(0), self.size.shape)

    def at(self, place: Value) -> Value:
        """The 8 bytes from a place on."""
        bits = _left(emit(compare.And(), *build.together(place, _number(7))), 3)
        which = _right(place, 3)
        low, high = self.word(0), self.word(1)
        for i in range(1, len(self.words)):
            here = emit(compare.Equal(), *build.together(which, _number(i)))
            low, high = _where(here, self.word(i), low), _where(here, self.word(i + 1), high)
        none = emit(compare.Equal(), *build.together(bits, _number(0)))
        upper = _left(high, _where(none, _number(0), _number(64) - bits))
        return _where(none, low, _or(_right(low, bits), upper))


def fingerprints(text: Decimal) -> Value:
    """`fingerprint64` of texts of 1 to 31 bytes."""
    n = text.size
    factor = _number(K2) + n * _number(2)
    first = text.word(0)

    def pair(u: Value, v: Value) -> Value:
        a = _mix(_xor(u, v) * factor)
        return _mix(_xor(v, a) * factor) * factor

    last = text.at(_where(n > _number(8), n - _number(8), _number(0)))
    a = first + _number(K2)
    middle = pair(_turn(last, 37) * factor + a, (_turn(a, 25) + last) * factor)
    half = _number(0xFFFFFFFF)

    def four(w: Value) -> Value:
        return emit(compare.And(), *build.together(w, half))

    end = four(text.at(_where(n > _number(4), n - _number(4), _number(0))))
    short = pair(n + _left(four(first), 3), end)

    def byte(w: Value) -> Value:
        return emit(compare.And(), *build.together(w, _number(0xFF)))

    y = byte(first) + _left(byte(text.at(_right(n, 1))), 8)
    z = n + _left(byte(text.at(n - _number(1))), 2)
    tiny = _mix(_xor(y * _number(K2), z * _number(K0))) * _number(K2)
    found = _where(n >= _number(8), middle, _where(n >= _number(4), short, tiny))
    if len(text.words) < 3:
        return found
    p, q = first * _number(K1), text.word(1)
    r, s = last * factor, text.at(_where(n > _number(16), n - _number(16), _number(0))) * _number(K2)
    long = pair(_turn(p + q, 43) + _turn(r, 30) + s, p + _turn(q + _number(K2), 18) + r)
    return _where(n > _number(16), long, found)


def siphashes(text: Decimal, key: Sequence[int]) -> Value:
    """`siphash24` of texts of up to 23 bytes."""
    k0, k1 = (k & FULL for k in key)
    shape = text.size.shape
    starts = (k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573)
    state = [build.broadcast_to(_number(n), shape) for n in starts]

    def stirred(a: Value, b: Value, c: Value, d: Value, n: int) -> list[Value]:
        for _ in range(n):
            a, c = a + b, c + d
            b, d = _xor(_turn(b, 51), a), _xor(_turn(d, 48), c)
            a = _turn(a, 32)
            c, a = c + b, a + d
            b, d = _xor(_turn(b, 47), c), _xor(_turn(d, 43), a)
            c = _turn(c, 32)
        return [a, b, c, d]

    whole = _right(text.size, 3)
    for i, w in enumerate(text.words):
        last = emit(compare.Equal(), *build.together(whole, _number(i)))
        word = _where(last, _or(w, _left(text.size, 56)), w)  # behind the text all bytes are 0
        a, b, c, d = state
        e, f, g, h = stirred(a, b, c, _xor(d, word), 2)
        there = whole >= _number(i)
        state = [_where(there, new, old) for new, old in zip((_xor(e, word), f, g, h), state, strict=True)]
    a, b, c, d = stirred(state[0], state[1], _xor(state[2], 0xFF), state[3], 4)
    return _xor(_xor(a, b), _xor(c, d))


def number_bins(x: Value, bins: int, salt: Sequence[int] | None) -> Value:
    """The bin of each integer, hashed as decimal text, from 0 to bins - 1, as int64."""
    text = Decimal(x)
    found = fingerprints(text) if salt is None else siphashes(text, salt)
    return cast(emit(elementwise.Mod(), found, build.broadcast_to(_number(bins), found.shape)), "int64")
