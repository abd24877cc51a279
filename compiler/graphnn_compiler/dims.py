"""Symbolic extents: integer polynomials over named symbols, so that one trace serves every batch size and length.

A shape is a tuple of extents; an extent is an `int` or a `Dim`. Arithmetic keeps a normal form, so equal expressions compare
equal; a result without symbols is a plain `int` again.

>>> n = symbol("n")
>>> (n + 2) * 3 - 6 == 3 * n
True
>>> evaluate((n * 4) // 2, {"n": 5})
10
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


class ConcreteExtentNeeded(TypeError):
    """The traced code asked for the value of an extent that is only known by name; it is traced again with numbers."""


@dataclass(frozen=True)
class Atom:
    """A symbol (`kind` "sym") or an irreducible quotient, remainder or minimum of two extents."""

    kind: str
    name: str = ""
    args: tuple[Extent, ...] = ()

    def value(self, env: Mapping[str, int]) -> int:
        if self.kind == "sym":
            return env[self.name]
        a, b = (evaluate(x, env) for x in self.args)
        if self.kind == "min":
            return min(a, b)
        return a // b if self.kind == "div" else a % b

    def __str__(self) -> str:
        if self.kind == "sym":
            return self.name
        if self.kind == "min":
            return f"min({self.args[0]},{self.args[1]})"
        sign = "//" if self.kind == "div" else "%"
        return f"({self.args[0]}{sign}{self.args[1]})"


@dataclass(frozen=True)
class Dim:
    """A polynomial: a sorted tuple of (atoms, coefficient); made by arithmetic on `symbol(...)`, never directly."""

    terms: tuple[tuple[tuple[Atom, ...], int], ...]

    def __add__(self, other: Extent) -> Extent:
        return _sum(_terms(self), _terms(other)) if _is_extent(other) else NotImplemented

    __radd__ = __add__

    def __mul__(self, other: Extent) -> Extent:
        if not _is_extent(other):
            return NotImplemented
        return _sum(*[((tuple(sorted(a + b, key=str)), c * d),) for a, c in self.terms for b, d in _terms(other)])

    __rmul__ = __mul__

    def __neg__(self) -> Extent:
        return self * -1

    def __sub__(self, other: Extent) -> Extent:
        return self + -1 * other if _is_extent(other) else NotImplemented

    def __rsub__(self, other: Extent) -> Extent:
        return -1 * self + other

    def __floordiv__(self, other: Extent) -> Extent:
        return quotient(self, other)

    def __rfloordiv__(self, other: Extent) -> Extent:
        return quotient(other, self)

    def __mod__(self, other: Extent) -> Extent:
        exact = _divide(self, other)
        return 0 if exact is not None else Dim((((Atom("mod", args=(self, other)),), 1),))

    def _concrete(self, *_: object) -> bool:
        raise ConcreteExtentNeeded(f"the extent {self} has no number while a model is traced for every size of it")

    __lt__ = __le__ = __gt__ = __ge__ = __index__ = __int__ = __float__ = __bool__ = _concrete  # type: ignore[assignment]

    def __str__(self) -> str:
        parts: list[str] = []
        for atoms, c in self.terms:
            factors = [str(a) for a in atoms]
            parts.append("*".join(([str(c)] if c != 1 or not factors else []) + factors))
        return "+".join(parts)

    __repr__ = __str__


Extent: TypeAlias = "int | Dim"
Shape: TypeAlias = "tuple[Extent, ...]"


def symbol(name: str) -> Dim:
    """The extent called `name`."""
    return Dim((((Atom("sym", name),), 1),))


def _is_extent(x: object) -> bool:
    return isinstance(x, int | Dim)


def _terms(x: Extent) -> tuple[tuple[tuple[Atom, ...], int], ...]:
    if isinstance(x, Dim):
        return x.terms
    return (((), int(x)),) if x else ()


def _sum(*parts: tuple[tuple[tuple[Atom, ...], int], ...]) -> Extent:
    total: dict[tuple[Atom, ...], int] = {}
    for terms in parts:
        for atoms, c in terms:
            total[atoms] = total.get(atoms, 0) + c
    kept = sorted(((a, c) for a, c in total.items() if c), key=lambda t: (-len(t[0]), str(t[0])))
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    return Dim(tuple(kept))


def _divide(a: Extent, b: Extent) -> Extent | None:
    """a / b where that is a polynomial for certain, else None."""
    if a == b:
        return 1
    if isinstance(a, int) and isinstance(b, int):
        return a // b if b and a % b == 0 else None
    divisor = _terms(b)
    if len(divisor) != 1:
        return None
    (atoms, c) = divisor[0]
    out: list[tuple[tuple[tuple[Atom, ...], int], ...]] = []
    for a_atoms, a_c in _terms(a):
        rest = list(a_atoms)
        for atom in atoms:
            if atom not in rest:
                return None
            rest.remove(atom)
        if a_c % c:
            return None
        out.append(((tuple(rest), a_c // c),))
    return _sum(*out)


def quotient(a: Extent, b: Extent) -> Extent:
    """Floor of a / b; exact where the division is."""
    exact = _divide(a, b)
    if exact is not None:
        return exact
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    if isinstance(a, Dim) and isinstance(b, int) and b:  # what b divides comes out of the floor
        out = _sum(*[((atoms, c // b * b),) for atoms, c in a.terms])
        rest = a - out
        if out != 0:
            return _whole(out, b) + (rest // b if isinstance(rest, int) else Dim((((Atom("div", args=(rest, b)),), 1),)))
    return Dim((((Atom("div", args=(a, b)),), 1),))


def smaller(a: Extent, b: Extent) -> Extent:
    """The smaller one of two extents.

    >>> evaluate(smaller(symbol("n") * 2, 9), {"n": 5})
    9
    """
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    return a if a == b else Dim((((Atom("min", args=(a, b)),), 1),))


def _whole(a: Extent, b: int) -> Extent:
    """a / b where b divides every coefficient of a."""
    return _sum(*[((atoms, c // b),) for atoms, c in _terms(a)])


def evaluate(x: Extent, env: Mapping[str, int]) -> int:
    """The number of an extent under values of its symbols."""
    if isinstance(x, int):
        return x
    total = 0
    for atoms, c in x.terms:
        for atom in atoms:
            c *= atom.value(env)
        total += c
    return total


def product(shape: Iterable[Extent]) -> Extent:
    """The number of elements."""
    total: Extent = 1
    for d in shape:
        total = total * d
    return total


def symbols_of(x: Extent) -> set[str]:
    """Names of the symbols in an extent."""
    if isinstance(x, int):
        return set()
    found: set[str] = set()
    for atoms, _ in x.terms:
        for atom in atoms:
            found |= {atom.name} if atom.kind == "sym" else {s for a in atom.args for s in symbols_of(a)}
    return found


def broadcast(*shapes: Shape) -> Shape:
    """The NumPy broadcast of shapes. Two different symbols are a question for numbers, not an error."""
    rank = max((len(s) for s in shapes), default=0)
    out: list[Extent] = []
    for axis in range(rank):
        extents = {s[axis - rank + len(s)] for s in shapes if axis - rank + len(s) >= 0} - {1}
        if len(extents) > 1:
            if all(isinstance(e, int) for e in extents):
                raise ValueError(f"shapes {', '.join(map(show, shapes))} cannot be broadcast together")
            raise ConcreteExtentNeeded(f"shapes {', '.join(map(show, shapes))} broadcast only for some extents")
        out.append(extents.pop() if extents else 1)
    return tuple(out)


def show(shape: Shape) -> str:
    """A shape as Python prints it."""
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
