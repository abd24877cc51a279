"""A loop nest: what the code generator turns into text. Everything in it is structure; extents and strides are values at run time.

Axes are first the kept ones, then the reduced ones. One axis runs through the lanes of vectors: the last kept axis, or, where the
innermost axis of the data is a reduced one, the last reduced axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..dims import Extent
from ..ops.base import itemsize
from ..ops.suffix import SUFFIX
from ..views import Buffer


@dataclass(frozen=True)
class Access:
    """One operand: a buffer read or written at offset + sum of index times stride (in elements); buffer None is an iota."""

    buffer: Buffer | None
    dtype: str
    offset: Extent
    strides: tuple[Extent, ...]

    @property
    def size(self) -> int:
        """Bytes per element; an iota counts in ones."""
        return 1 if self.buffer is None else itemsize(self.dtype)


@dataclass(frozen=True)
class Load:
    """The element of an operand."""

    operand: int


@dataclass(frozen=True)
class Gather:
    """The element of a table operand at an index along an axis of `limit` elements, which are `stride` apart."""

    operand: int
    index: int
    limit: Extent
    stride: Extent
    where: int  # the operand that holds the indices, to report a position; -1 if they are computed


@dataclass(frozen=True)
class Apply:
    """An elementwise op: its expression with {0}, {1}, ... for the arguments."""

    template: str
    args: tuple[int, ...]
    costly: bool = False


@dataclass(frozen=True)
class Fold:
    """A reduction of a full value."""

    arg: int
    init: str
    combine: str
    horizontal: str


@dataclass(frozen=True)
class Scalar:
    """A number: a literal of simd.py, or (extent given) a value of the dims block."""

    text: str = ""
    extent: Extent | None = None


Expr = Load | Gather | Apply | Fold | Scalar


@dataclass
class Term:
    """One value of the nest. `level`: full or kept (scalars are kept)."""

    expr: Expr
    dtype: str
    level: str
    note: str = ""

    @property
    def suffix(self) -> str:
        """The type suffix in registers: half floats are computed as float32."""
        return SUFFIX["float32" if self.dtype == "float16" else self.dtype]


@dataclass(frozen=True)
class Store:
    """Writes a term to an operand."""

    operand: int
    term: int


@dataclass
class Nest:
    """Kept and reduced extents, operands, terms in order of dependence, and stores."""

    kept: list[Extent]
    reduced: list[Extent]
    lane: str  # "k" or "r"
    operands: list[Access] = field(default_factory=list[Access])
    terms: list[Term] = field(default_factory=list[Term])
    stores: list[Store] = field(default_factory=list[Store])
    tile: Buffer | None = None  # the product that an epilogue finishes: its elements come from the tile at hand

    @property
    def lane_axis(self) -> int:
        """The axis that runs through the lanes."""
        return len(self.kept) - 1 if self.lane == "k" else len(self.kept) + len(self.reduced) - 1

    def lane_class(self, operand: int) -> str:
        """c: neighbours in memory; 0: the same element for all lanes; s: any stride."""
        access = self.operands[operand]
        if not access.strides:
            return "0"
        stride = access.strides[self.lane_axis]
        return "0" if stride == 0 else "c" if stride == 1 else "s"

    def varies(self, operand: int, axes: Sequence[int]) -> bool:
        """Whether an operand moves along one of the axes."""
        return any(self.operands[operand].strides[a] != 0 for a in axes)

    def uses(self, term: int) -> tuple[int, ...]:
        """The terms that a term reads."""
        expr = self.terms[term].expr
        if isinstance(expr, Apply):
            return expr.args
        if isinstance(expr, Gather):
            return (expr.index,)
        return (expr.arg,) if isinstance(expr, Fold) else ()

    def stages(self) -> list[int]:
        """For each term the first pass over the reduced axes in which it is known (a kept term: after that many passes)."""
        out: list[int] = []
        for i, term in enumerate(self.terms):
            stage = max((out[u] for u in self.uses(i)), default=0)
            out.append(stage + 1 if isinstance(term.expr, Fold) else stage)
        return out

    def dims(self) -> list[Extent]:
        """The dims block that the generated kernel reads: extents, block, extents that are values, byte strides and gather limits."""
        block = COLUMNS if self.lane == "k" and self.reduced else BLOCK
        out: list[Extent] = [] if self.tile is not None else [*self.kept, *self.reduced, block]
        out += [t.expr.extent for t in self.terms if isinstance(t.expr, Scalar) and t.expr.extent is not None]
        for access in self.operands:
            out += [s * access.size for s in access.strides]
        for term in self.terms:
            if isinstance(term.expr, Gather):
                out += [term.expr.limit, term.expr.stride * self.operands[term.expr.operand].size]
        return out


# Lanes of a kept axis that one thread takes at a time: multiples of 16, so that they change no bit.
BLOCK = 2048
COLUMNS = 64  # where each of them is a loop over the reduced axes
