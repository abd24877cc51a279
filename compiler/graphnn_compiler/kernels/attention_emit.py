"""What both attention kernels are made of: products of blocks by the GEMM's tiles, powers of two, the sharing out of units.

A block of scores is turned: a row is a key, and lanes are queries (`ROW` bytes). So a softmax goes down the lanes, each query's maximum
and sum are one element of a vector, and keys and values are read where they are, an element in every lane. Scores are in units of
log 2: the queries' block is multiplied by scale / log 2 where it is turned, or scores are once they are capped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphnn_compiler.kernels.attention_layout import NAMES, ROW, VECTORS
from graphnn_compiler.kernels.gemm import Read, Writer
from graphnn_compiler.kernels.gemm_emit import Cell, Code, Int, Matrix, Word
from graphnn_compiler.kernels.gemm_layout import SIZES, VECTOR
from graphnn_compiler.kernels.gemm_pack import turn_block
from graphnn_compiler.kernels.gemm_tile import Operands, Tiles, repeat
from graphnn_compiler.runtime.context import CLAIM
from graphnn_compiler.simd_types import F64, ir, target_has_avx512

LOG2E, LN2 = 1.4426950408889634, 0.6931471805599453
LOWEST = {"float32": -3.4028234663852886e38, "float64": -1.7976931348623157e308}
# 2**r for |r| <= 1/2, interpolated at Chebyshev's nodes: relative errors 1e-8 and 2e-17 before rounding
POWERS = {
    "float32": (1.0, 0.6931471824645996, 0.24022650718688965, 0.055503569543361664, 0.009618083015084267, 0.0013390863314270973,
                0.00015453163359779865),
    "float64": (1.0, 0.6931471805599453, 0.24022650695910097, 0.0555041086648216, 0.00961812910760689, 0.0013333558146417,
                0.00015403530441737684, 1.5252733829686257e-05, 1.3215442585889058e-06, 1.017806253298163e-07, 7.07258646795143e-09,
                4.454945547842242e-10),
}  # fmt: skip
FRACTION = {"float32": 23, "float64": 52}  # bits below the exponent
LEAST = {"float32": -125.0, "float64": -1021.0}  # of the powers that are not taken for 0

Body = Callable[..., None]


class Block:
    """Writes what is done to a block of scores of one element type. Its functions are written once per module and called."""

    def __init__(self, dtype: str, dropped: bool = False, capped: bool = False) -> None:
        tall, small, vectors = (12, 8, 2) if target_has_avx512() else (6, 4, 1)
        self.dtype, self.size, self.dropped, self.capped = dtype, SIZES[dtype], dropped, capped
        self.queries = ROW // self.size
        self.lanes = VECTOR // self.size
        self._products = Writer(Tiles(tall, small, vectors, dtype, ""), "")

    def call(self, code: Code, name: str, body: Body, *args: Int) -> None:
        words = [x if isinstance(x, Word) else code.number(x) for x in args]
        code.call(f"attention_{name}_{self.dtype}", body, *words)

    # -- units of work

    def units(self, code: Code, d: Read, count: Word, ctx: Word, tid: Word, n: Word, body: Callable[[Word], None]) -> None:
        """Calls body(number of a unit) for this thread's units."""
        dynamic = d.dynamic.differs(0) & (n > 1)
        end, unit = dynamic.then(count, count * (tid + 1) // n), Cell(code, count * tid // n)
        with code.when(dynamic):
            unit.set(code.claim(ctx, CLAIM))
        with code.forever() as leave_if:
            number = unit.get()
            leave_if(number >= end)
            body(number)
            unit.set(number + 1)
            with code.when(dynamic):
                unit.set(code.claim(ctx, CLAIM))

    # -- products

    def product(
        self, code: Code, a: Word, a_row: Int, a_column: Int, b: Word, b_row: Int, c: Word, c_row: Int, m: Word, n: Word, k: Word,
        add: Int = 0,
    ) -> None:  # fmt: skip
        """C = A B, or C = C + A B where `add` is not 0; B and C have contiguous rows. Each sum is one chain from zero."""

        def body(code: Code, *words: Word) -> None:
            a, a_row, a_column, b, b_row, c, c_row, m, n, k, add = words
            zero = code.number(0)
            o = Operands(a, a_row, a_column, zero, b, b_row, zero, c, c_row, m, n, k, add, zero, zero)
            self._products.strips(code, o, code.number(self.size), _nothing, _nothing)

        self.call(code, "product", body, a, a_row, a_column, b, b_row, c, c_row, m, n, k, add)

    def turn(self, code: Code, source: Word, row: Word, turned: Word, rows: Word, columns: Word) -> None:
        """turned[p, i] = source[i, p] for i < rows."""
        turn_block(code, self.dtype, self.queries, 0, source, row, turned, rows, columns)

    def turn_scaled(self, code: Code, dims: Word, source: Word, row: Word, turned: Word, rows: Word, columns: Word) -> None:
        """The same times scale / log 2, or where there is a cap times scale / cap."""
        self.turn(code, source, row, turned, rows, columns)

        def body(code: Code, dims: Word, turned: Word, columns: Word) -> None:
            x = Matrix(code, self.dtype)
            factor = self.score_factor(code, dims)
            for p in code.range(columns):
                for v in range(VECTORS):
                    at = turned + p * ROW + v * VECTOR
                    x.store(x.b.fmul(x.load(at), factor), at)

        self.call(code, "scale", body, dims, turned, columns)

    def score_factor(self, code: Code, dims: Word) -> Any:
        """What queries are multiplied by."""
        x, scale = Matrix(code, self.dtype), self.setting(code, dims, "scale")
        return x.b.fdiv(scale, self.setting(code, dims, "cap")) if self.capped else x.b.fmul(scale, self.number(x, LOG2E))

    def setting(self, code: Code, dims: Word, name: str) -> Any:
        """A float64 of the dims, in every lane."""
        x = Matrix(code, self.dtype)
        bits = code.b.load(code.e.pointer((dims + 8 * NAMES.index(name)).v, F64))
        bits.align = 8
        return x.splat(bits if x.scalar == F64 else code.b.fptrunc(bits, x.scalar))

    # -- rows of results

    def multiply_rows(self, code: Code, c: Word, c_row: Word, rows: Word, columns: Word, factors: Word) -> None:
        """c[i, :] = c[i, :] factors[i]."""

        def body(code: Code, c: Word, c_row: Word, rows: Word, columns: Word, factors: Word) -> None:
            x = Matrix(code, self.dtype)
            for i in code.range(rows):
                factor = x.load_splat(factors + i * self.size)
                for j in code.range(columns, step=x.lanes):
                    (mask,) = x.mask(columns - j, 1)
                    at = c + i * c_row + j * self.size
                    x.store(x.b.fmul(x.load(at, mask), factor), at, mask)

        self.call(code, "multiply_rows", body, c, c_row, rows, columns, factors)

    def clear_rows(self, code: Code, c: Word, c_row: Word, rows: Word, columns: Word) -> None:
        """c[i, :] = 0."""

        def body(code: Code, c: Word, c_row: Word, rows: Word, columns: Word) -> None:
            x = Matrix(code, self.dtype)
            for i in code.range(rows):
                for j in code.range(columns, step=x.lanes):
                    x.store(x.zero, c + i * c_row + j * self.size, x.mask(columns - j, 1)[0])

        self.call(code, "clear_rows", body, c, c_row, rows, columns)

    def copy_numbers(self, code: Code, source: Word, source_step: Int, target: Word, target_step: Int, count: Word) -> None:
        """target[i] = source[i], elements at constant distances."""

        def body(code: Code, source: Word, source_step: Word, target: Word, target_step: Word, count: Word) -> None:
            scalar = Matrix(code, self.dtype).scalar
            for i in code.range(count):
                value = code.b.load(code.e.pointer((source + i * source_step).v, scalar))
                value.align = self.size
                code.b.store(value, code.e.pointer((target + i * target_step).v, scalar)).align = self.size

        self.call(code, "copy_numbers", body, source, source_step, target, target_step, count)

    # -- numbers

    def number(self, x: Matrix, value: float) -> Any:
        """A constant in every lane."""
        return ir.Constant(x.vector, [value] * x.lanes)

    def power(self, x: Matrix, value: Any) -> Any:
        """2**value for value <= 0; 0 where that would be next to nothing, NaN where value is NaN."""
        b, bits = x.b, ir.VectorType(ir.IntType(8 * self.size), x.lanes)
        fraction, coefficients = FRACTION[self.dtype], POWERS[self.dtype]
        rounder = self.number(x, 1.5 * 2**fraction)  # adding it rounds to an integer, which then stands in the low bits
        one = ((1 << (8 * self.size - 2 - fraction)) - 1) << fraction  # the bits of 1
        moved = b.fadd(value, rounder)
        rest = b.fsub(value, b.fsub(moved, rounder))
        found = self.number(x, coefficients[-1])
        for c in coefficients[-2::-1]:
            found = x.e.llvm("fma", found, rest, self.number(x, c))
        exponent = b.shl(b.bitcast(moved, bits), ir.Constant(bits, [fraction] * x.lanes))
        factor = b.bitcast(b.add(exponent, ir.Constant(bits, [one] * x.lanes)), x.vector)
        tiny = b.fcmp_ordered("<", value, self.number(x, LEAST[self.dtype]))
        return b.select(tiny, x.zero, b.fmul(found, factor))

    def down(
        self, x: Matrix, count: Word, address: Word, state: list[Any], body: Callable[[Word, list[Any]], list[Any]]
    ) -> list[Any]:
        """What `count` rows of a block, at least one, make of values in registers: body(address in a row, values)."""

        def step(_: Word, now: list[Any]) -> list[Any]:
            at = Word(x.b, now[0])
            return [(at + ROW).v, *body(at, now[1:])]

        return repeat(x, count, [address.v, *state], step, surely=True)[1:]


def _nothing(*_: Word) -> None:
    return


def vectors_of(queries: Word, lanes: int) -> Word:
    """Vectors that a row needs."""
    return (queries + (lanes - 1)) // lanes
