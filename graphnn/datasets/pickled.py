"""Reads the few kinds of pickled objects that old data sets are made of, without running what a pickle may ask for.

A pickle is a program for a stack machine. Of its instructions only those are known that push numbers, texts, lists, tuples,
dictionaries, and NumPy arrays of plain numbers; an array is made here, from its bytes. One of objects becomes a list. Anything else
is an error.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["read_pickled"]

_MARK = object()
_RECONSTRUCT, _NDARRAY, _DTYPE, _ENCODE = "reconstruct", "ndarray", "dtype", "encode"
_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _DTYPE,
    ("_codecs", "encode"): _ENCODE,  # how Python 3 writes bytes for Python 2
}
_NUMBERS = frozenset("?bBhHiIlLqQ") | {f"{k}{n}" for k in "iuf" for n in (1, 2, 4, 8)} | {"b1"}
_OBJECTS = ("O", "O8")


class _Array:
    """An array whose numbers are still to come."""

    value: Any = None


class _Dtype:
    def __init__(self, code: str):
        self.code, self.order = code, "="


class _Name(str):
    """One of the names in `_GLOBALS`."""


class _Machine:
    def __init__(self, data: bytes):
        self.data, self.at = data, 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def take(self, n: int) -> bytes:
        if n < 0 or self.at + n > len(self.data):
            raise ValueError("the data end too early")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, form: str) -> int:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def line(self) -> str:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise ValueError("the data end too early")
        text = self.data[self.at : end].decode("ascii", "replace")
        self.at = end + 1
        return text

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise ValueError("an instruction finds nothing to work on")
        return self.stack.pop()

    def marked(self) -> list[Any]:
        """What was pushed since the last mark."""
        for i in range(len(self.stack) - 1, -1, -1):
            if self.stack[i] is _MARK:
                found = self.stack[i + 1 :]
                del self.stack[i:]
                return found
        raise ValueError("an instruction finds no mark")

    def tuple_of(self, n: int) -> None:
        found = [self.pop() for _ in range(n)]
        self.stack.append(tuple(reversed(found)))

    def named(self, module: str, name: str) -> None:
        kind = _GLOBALS.get((module, name))
        if kind is None:
            raise ValueError(f"it asks for {module[:60]!r} {name[:60]!r}, which is not used")
        self.stack.append(_Name(kind))

    def called(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise ValueError("it calls something that is not known")
        if function == _RECONSTRUCT:
            self.stack.append(_Array())
        elif function == _DTYPE and arguments and isinstance(arguments[0], str | bytes):
            code = _text(arguments[0])
            if code not in _NUMBERS and code not in _OBJECTS:
                raise ValueError(f"it holds an array of {code[:20]!r}")
            self.stack.append(_Dtype(code))
        elif function == _ENCODE and len(arguments) == 2 and isinstance(arguments[0], str) and arguments[1] == "latin1":  # pyright: ignore[reportUnknownArgumentType]
            self.stack.append(arguments[0].encode("latin-1"))
        else:
            raise ValueError("it calls something that is not known")

    def built(self) -> None:
        state: Any = self.pop()
        target: Any = self.stack[-1] if self.stack else None
        if isinstance(target, _Dtype) and _is(state, tuple) and len(state) > 1 and _text(state[1]) in ("<", ">", "|", "="):
            target.order = _text(state[1])
        elif isinstance(target, _Array) and _is(state, tuple) and len(state) == 5:
            _, shape, dtype, fortran, data = state
            whole = _is(shape, tuple) and all(isinstance(n, int) and n >= 0 for n in shape)
            if whole and isinstance(dtype, _Dtype) and dtype.code in _OBJECTS and _is(data, list):
                if len(shape) != 1 or shape[0] != len(data):
                    raise ValueError("it holds an array of objects that is no list")
                target.value = data
                return
            if not whole or not isinstance(dtype, _Dtype) or dtype.code in _OBJECTS or not isinstance(data, bytes):
                raise ValueError("it holds an array of an unknown form")
            order = "" if dtype.order in "|=" else dtype.order
            kind = np.dtype(order + dtype.code)
            if len(data) != kind.itemsize * int(np.prod(shape, dtype="object")):
                raise ValueError(f"an array of shape {shape} does not have {len(data)} bytes")
            target.value = np.frombuffer(data, kind).reshape(shape, order="F" if fortran else "C")
        else:
            raise ValueError("it fills something that is not known")

    def put(self, key: int) -> None:
        self.memo[key] = self.stack[-1] if self.stack else None

    def got(self, key: int) -> None:
        if key not in self.memo:
            raise ValueError("it refers to something that is not there")
        self.stack.append(self.memo[key])

    def items(self, pairs: list[Any]) -> None:
        target: Any = self.stack[-1] if self.stack else None
        if not isinstance(target, dict) or len(pairs) % 2:
            raise ValueError("it fills something that is not a dictionary")
        for key, item in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, str | bytes | int):
                raise ValueError("a dictionary has a key of another kind than text and numbers")
            target[_text(key) if isinstance(key, str | bytes) else key] = item

    def extended(self, found: list[Any]) -> None:
        target: Any = self.stack[-1] if self.stack else None
        if not _is(target, list):
            raise ValueError("it appends to something that is not a list")
        target.extend(found)

    def run(self) -> Any:
        while True:
            code = self.take(1)
            if code == b".":
                found = self.pop()
                if self.stack:
                    raise ValueError("something is left over at its end")
                return _finished(found, {})
            step = _STEPS.get(code)
            if step is None:
                raise ValueError(f"the instruction {code!r} is not known")
            step(self)


def _is(x: Any, kinds: Any) -> bool:
    return isinstance(x, kinds)


def _text(x: Any) -> str:
    return x.decode("latin-1") if isinstance(x, bytes) else str(x)


def _finished(x: Any, done: dict[int, Any]) -> Any:
    """Arrays in place of what stood for them. `done`: what became of each object, `_MARK` while it is worked on."""
    if isinstance(x, _Array):
        if x.value is None:
            raise ValueError("an array has no numbers")
        return _finished(x.value, done) if _is(x.value, list) else x.value
    if isinstance(x, _Name | _Dtype):
        raise ValueError("it holds something that is not known")
    if not _is(x, dict | list | tuple):
        return x
    found = done.setdefault(id(x), _MARK)
    if found is not _MARK:
        return found
    if id(x) in done.setdefault(0, set()):
        raise ValueError("something holds itself")
    done[0].add(id(x))
    parts: Any = {k: _finished(v, done) for k, v in x.items()} if _is(x, dict) else [_finished(v, done) for v in x]
    found = tuple(parts) if _is(x, tuple) else parts
    done[id(x)] = found
    return found


def _push(read: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    return lambda m: m.stack.append(read(m))


_STEPS: dict[bytes, Callable[[_Machine], Any]] = {
    b"\x80": lambda m: m.take(1),  # the version
    b"\x95": lambda m: m.take(8),  # the length of a frame
    b"(": _push(lambda m: _MARK),
    b"}": _push(lambda m: {}),
    b"]": _push(lambda m: []),
    b")": _push(lambda m: ()),
    b"N": _push(lambda m: None),
    b"\x88": _push(lambda m: True),
    b"\x89": _push(lambda m: False),
    b"K": _push(lambda m: m.number("B")),
    b"M": _push(lambda m: m.number("H")),
    b"J": _push(lambda m: m.number("i")),
    b"U": _push(lambda m: m.take(m.number("B"))),
    b"T": _push(lambda m: m.take(m.number("i"))),
    b"C": _push(lambda m: m.take(m.number("B"))),
    b"B": _push(lambda m: m.take(m.number("I"))),
    b"X": _push(lambda m: m.take(m.number("I")).decode("utf-8")),
    b"\x8c": _push(lambda m: m.take(m.number("B")).decode("utf-8")),
    b"t": lambda m: m.stack.append(tuple(m.marked())),
    b"l": lambda m: m.stack.append(m.marked()),
    b"\x85": lambda m: m.tuple_of(1),
    b"\x86": lambda m: m.tuple_of(2),
    b"\x87": lambda m: m.tuple_of(3),
    b"a": lambda m: m.extended([m.pop()]),
    b"e": lambda m: m.extended(m.marked()),
    b"s": lambda m: m.items([m.pop(), m.pop()][::-1]),
    b"u": lambda m: m.items(m.marked()),
    b"q": lambda m: m.put(m.number("B")),
    b"r": lambda m: m.put(m.number("I")),
    b"\x94": lambda m: m.put(len(m.memo)),
    b"h": lambda m: m.got(m.number("B")),
    b"j": lambda m: m.got(m.number("I")),
    b"c": lambda m: m.named(m.line(), m.line()),
    b"\x93": lambda m: m.named(*[_text(x) for x in [m.pop(), m.pop()][::-1]]),
    b"R": lambda m: m.called(),
    b"b": lambda m: m.built(),
}


def read_pickled(data: bytes) -> Any:
    """Numbers, texts, lists, tuples, dictionaries and NumPy arrays from a pickle; keys of dictionaries become texts.

    Args:
        data: the pickle, of any protocol with binary instructions (2 and up).

    Raises:
        ValueError: it holds, or asks for, anything else, or is damaged.

    >>> read_pickled(bytes([0x80, 2]) + b"}U" + bytes([1]) + b"aK" + bytes([7]) + b"s.")
    {'a': 7}
    """
    try:
        return _Machine(data).run()
    except (ValueError, struct.error, RecursionError, TypeError, OverflowError) as error:
        raise ValueError(f"the pickle is not read: {error}") from None
