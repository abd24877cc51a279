"""The GEMM micro-kernel, emitted as LLVM vector IR.

A tile is rows x (16 vectors) elements of C that stay in registers while k runs:

    for p in range(k):                    b_0 .. b_v = a row of B;  a_i = an element of A's column, in every lane
        sum[i, v] = fma(a_i, b_v, sum[i, v])
    C = sum                               or, for the second and later chunks of K,  C = C + sum

So every element is one chain of fused multiply-adds from zero in the order of k, whatever the shape of the tile: the shape
is a matter of speed only. Addresses and strides are bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import types

from graphnn_compiler.simd_emit import Emit
from graphnn_compiler.simd_types import ELEMENTS, I32, I64, LANES, VOID, define, fixed, vector_type

ELEMENT = {"float32": "f32", "float64": "f64"}


def words(count: int) -> Any:
    """A typer: `count` int64 in, nothing out."""
    return fixed(types.void, *[types.int64] * count)


def int64(x: int) -> Any:
    return ir.Constant(I64, x)


class Matrix:
    """Emission of accesses to a matrix of one element type; a vector is 16 elements of one row."""

    def __init__(self, e: Emit, dtype: str) -> None:
        element = ELEMENTS[ELEMENT[dtype]]
        self.e, self.name, self.size = e, element.name, element.size
        self.scalar, self.vector = element.lane, vector_type(element.name)
        self.zero = ir.Constant(self.vector, None)

    def at(self, address: Any, v: int) -> Any:
        """The address of vector v of the row that begins at `address`."""
        return self.e.b.add(address, int64(v * LANES * self.size)) if v else address

    def mask(self, n: Any, v: int) -> Any:
        """Lanes of vector v of a row of n elements that exist."""
        numbers = ir.Constant(ir.VectorType(I64, LANES), list(range(v * LANES, (v + 1) * LANES)))
        return self.e.b.icmp_signed("<", numbers, self.e.splat(n))

    def load(self, address: Any, mask: Any = None) -> Any:
        pointer = self.e.pointer(address, self.vector)
        if mask is None:
            value = self.e.b.load(pointer)
            value.align = self.size
            return value
        name, args = f"llvm.masked.load.v{LANES}{self.name}.p0", [pointer, ir.Constant(I32, self.size), mask, self.zero]
        return self.e.b.call(self.e.external(name, self.vector, [x.type for x in args]), args)

    def store(self, value: Any, address: Any, mask: Any = None) -> None:
        pointer = self.e.pointer(address, self.vector)
        if mask is None:
            self.e.b.store(value, pointer).align = self.size
            return
        name, args = f"llvm.masked.store.v{LANES}{self.name}.p0", [value, pointer, ir.Constant(I32, self.size), mask]
        self.e.b.call(self.e.external(name, VOID, [x.type for x in args]), args)

    def load_splat(self, address: Any) -> Any:
        value = self.e.b.load(self.e.pointer(address, self.scalar))
        value.align = self.size
        return self.e.splat(value)

    def prefetch(self, address: Any, write: bool) -> None:
        args = [self.e.pointer(address, ir.IntType(8)), *(ir.Constant(I32, x) for x in (int(write), 3, 1))]
        self.e.b.call(self.e.external("llvm.prefetch.p0", VOID, [x.type for x in args]), args)

    def rows(self, stride: Any, count: int, there: Any = None) -> list[Any]:
        """Offsets of `count` rows; the rows that are not `there` are the last one again: nothing outside is touched."""
        b, numbers = self.e.b, [int64(i) for i in range(count)]
        if there is not None:
            last = b.sub(there, int64(1))
            numbers = [b.select(b.icmp_signed("<", i, last), i, last) for i in numbers]
        return [b.mul(stride, i) for i in numbers]


class Loop:
    """What `loop` hands out: `now`, the carried values; set `next` in the body; `after` the loop, read them there."""

    now: list[Any]
    next: list[Any]
    after: list[Any]


@contextmanager
def loop(e: Emit, count: Any, *start: Any) -> Iterator[Loop]:
    """Emit `for _ in range(count)` with loop-carried values."""
    b, result = e.b, Loop()
    before, body, end = b.block, b.append_basic_block("loop"), b.append_basic_block("after")
    b.cbranch(b.icmp_signed(">", count, int64(0)), body, end)
    b.position_at_end(body)
    left, *result.now = [b.phi(x.type) for x in (count, *start)]
    yield result
    last, following = b.block, [b.sub(left, int64(1)), *result.next]
    b.cbranch(b.icmp_signed(">", following[0], int64(0)), body, end)
    for phi, first, then in zip([left, *result.now], [count, *start], following, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(then, last)
    b.position_at_end(end)
    result.after = [b.phi(x.type) for x in start]
    for phi, first, then in zip(result.after, start, result.next, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(then, last)


def tile(rows: int, vectors: int, dtype: str, edge: bool) -> Any:
    """A function for kernels, `tile(a, b, c, k, a_row, a_column, b_row, c_row, add, m, n)`, that computes one tile of C.

    Args:
        rows: rows of the tile.
        vectors: vectors in each of its rows.
        dtype: `"float32"` or `"float64"`.
        edge: whether the tile may stick out of C, of which then only m rows and n columns are there.
    """

    def emit(e: Emit, *args: Any) -> None:
        a, b, c, k, a_row, a_column, b_row, c_row, add, m, n = args
        build, x, columns = e.b, Matrix(e, dtype), range(vectors)
        masks = [x.mask(n, v) if edge else None for v in columns]
        a_offsets = x.rows(a_row, rows, m if edge else None)
        c_rows = [build.add(c, offset) for offset in x.rows(c_row, rows)]
        for row in c_rows:
            for v in columns:
                x.prefetch(x.at(row, v), write=True)

        with loop(e, k, a, b, *[x.zero] * (rows * vectors)) as over_k:
            a_k, b_k, *sums = over_k.now
            b_row_k = [x.load(x.at(b_k, v), masks[v]) for v in columns]
            over_k.next = [build.add(a_k, a_column), build.add(b_k, b_row)]
            for i in range(rows):
                a_ik = x.load_splat(build.add(a_k, a_offsets[i]))
                over_k.next += [e.llvm("fma", a_ik, b_row_k[v], sums[i * vectors + v]) for v in columns]
        sums = over_k.after[2:]

        first, later, done = (build.append_basic_block(name) for name in ("first", "later", "done"))
        build.cbranch(build.icmp_signed("==", add, int64(0)), first, later)
        for block in (first, later):
            build.position_at_end(block)
            for i in range(rows):
                if edge and i:
                    row = build.append_basic_block("row")
                    build.cbranch(build.icmp_signed("<", int64(i), m), row, done)
                    build.position_at_end(row)
                for v in columns:
                    address, value = x.at(c_rows[i], v), sums[i * vectors + v]
                    x.store(value if block is first else build.fadd(x.load(address, masks[v]), value), address, masks[v])
            build.branch(done)
        build.position_at_end(done)

    name = f"gemm_tile_{rows}x{vectors}_{dtype}{'_edge' if edge else ''}"
    return define(
        name,
        "a b c k a_row a_column b_row c_row add m n",
        words(11),
        lambda e, _, *args: e.call_outlined(name, VOID, args, emit) and None,
        "C[m, n] = A[m, k] B[k, n], added to C if `add`",
    )
