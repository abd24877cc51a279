"""Masks, causality and biases of a block of scores.

A block's mask is turned as bytes, 16 x 16 at a time; causality is a mask of its own where it crosses a block. A block of which no query
sees a key is left out. What is hidden becomes -inf, so that its weight is 0.
"""

from __future__ import annotations

import math
from typing import Any

from graphnn_compiler.kernels.attention_emit import LOG2E, Block
from graphnn_compiler.kernels.attention_layout import ROW, VECTORS
from graphnn_compiler.kernels.gemm import Read
from graphnn_compiler.kernels.gemm_emit import Cell, Code, Matrix, Word
from graphnn_compiler.kernels.gemm_layout import VECTOR
from graphnn_compiler.kernels.gemm_pack import transpose
from graphnn_compiler.kernels.gemm_tile import repeat
from graphnn_compiler.simd_types import I8, I32, ir

HELPERS: tuple[str, ...] = ("kernels/attention_emit.py", "kernels/attention_layout.py", "kernels/gemm.py")

TURN = 16  # bytes of a mask that are turned at a time


class MaskedBlock(Block):
    """Writes what masks and biases do to a block of scores."""

    def masks(
        self, code: Code, d: Read, bufs: Word, kept: Word, batch: Word, head: Word, i0: Word, queries: Word, j0: Word, keys: Word
    ) -> tuple[Word, Word]:
        """Makes a block of bytes, not 0 where a query sees a key. Whether there is one, and whether any of it is not 0."""
        masked = d.mask.differs(0)
        crossing = d.causal.differs(0) & (j0 + keys > i0 + 1)
        with code.when(masked):
            source = code.word(bufs + d.mask * 8, 0) + batch * d.mask_batch + head * d.mask_head
            source = source + i0 * d.mask_query + j0 * d.mask_key
            self.call(code, "turn_mask", self._turn_mask, source, d.mask_query, d.mask_key, kept, queries, keys)
        with code.when(crossing):
            self.call(code, "causal", self._causal, kept, j0 - i0, keys, masked.then(1, 0))
        visible = Cell(code, 1)
        with code.when(masked):
            visible.set(self._any(code, kept, queries, keys))
        return masked | crossing, visible.get().differs(0)

    def _any(self, code: Code, kept: Word, queries: Word, keys: Word) -> Word:
        """1 if a query sees a key."""
        b, row = code.b, ir.VectorType(I8, self.queries)
        nothing = ir.Constant(row, None)

        def gather(_: Word, now: list[Any]) -> list[Any]:
            at = Word(b, now[0])
            more = b.load(code.e.pointer(at.v, row))
            more.align = 1
            return [(at + self.queries).v, b.or_(now[1], more)]

        found = repeat(Matrix(code, self.dtype), keys, [kept.v, nothing], gather, surely=True)[1]
        end = b.insert_element(nothing, b.trunc(queries.v, I8), ir.Constant(I32, 0))
        end = b.shuffle_vector(end, nothing, ir.Constant(ir.VectorType(I32, self.queries), None))
        there = b.icmp_signed("<", ir.Constant(row, list(range(self.queries))), end)
        bits = b.bitcast(b.select(there, found, nothing), ir.IntType(8 * self.queries))
        return Word(b, b.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))).then(1, 0)

    def restrict(
        self, code: Code, d: Read, bufs: Word, work: Word, batch: Word, head: Word, i0: Word, queries: Word, j0: Word, keys: Word,
        restricted: Word,
    ) -> None:  # fmt: skip
        """Adds the bias to a block of scores, and makes those -inf that masks hide."""
        biased, kept, added = d.bias.differs(0), work + d.kept, work + d.added
        with code.when(biased):
            first = batch * d.bias_batch + head * d.bias_head + i0 * d.bias_query + j0
            self.turn(code, code.word(bufs + d.bias * 8, 0) + first * self.size, d.bias_query * self.size, added, queries, keys)
        with code.when(restricted | biased):
            zero = code.number(0)
            self.call(
                code, "restrict", self._restrict, work + d.scores, restricted.then(kept, zero), biased.then(added, zero), keys
            )

    def _turn_mask(self, code: Code, source: Word, query: Word, key: Word, kept: Word, queries: Word, keys: Word) -> None:
        """kept[j, i] = the byte of query i and key j."""
        e, b = code.e, code.b

        def byte(address: Word) -> Any:
            return b.load(e.pointer(address.v, I8))

        def one_for_all() -> None:
            row = ir.VectorType(I8, self.queries)
            nothing = ir.Constant(row, None)
            for j in code.range(keys):
                one = b.insert_element(nothing, byte(source + j * key), ir.Constant(I32, 0))
                value = b.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(I32, self.queries), None))
                b.store(value, e.pointer((kept + j * self.queries).v, row)).align = 1

        def squares() -> None:
            part = ir.VectorType(I8, TURN)
            for i in code.range(queries, step=TURN):
                rows = [source + (i + r).least(queries - 1) * query for r in range(TURN)]
                for whole in code.range(keys, step=TURN):
                    j = whole.least(keys - TURN)
                    loaded = [b.load(e.pointer((row + j).v, part)) for row in rows]
                    for one in loaded:
                        one.align = 1
                    for r, value in enumerate(transpose(code, loaded)):
                        b.store(value, e.pointer((kept + (j + r) * self.queries + i).v, part)).align = 1

        def bytes_alone() -> None:
            for j in code.range(keys):
                for i in code.range(queries):
                    b.store(byte(source + i * query + j * key), e.pointer((kept + j * self.queries + i).v, I8))

        square = key.equals(1) & (keys >= TURN)
        code.choose(query.equals(0), one_for_all, lambda: code.choose(square, squares, bytes_alone))

    def _causal(self, code: Code, kept: Word, shift: Word, keys: Word, old: Word) -> None:
        """Query i sees key j if i >= j + shift; `old` is not 0 where `kept` holds a mask that applies as well."""
        e, b, row = code.e, code.b, ir.VectorType(I8, self.queries)
        numbers, nothing = ir.Constant(row, list(range(self.queries))), ir.Constant(row, None)
        for j in code.range(keys):
            least = b.trunc((j + shift).most(0).least(self.queries).v, I8)
            first = b.insert_element(nothing, least, ir.Constant(I32, 0))
            first = b.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(I32, self.queries), None))
            sees = b.zext(b.icmp_signed(">=", numbers, first), row)
            place = e.pointer((kept + j * self.queries).v, row)

            def both(place: Any = place, sees: Any = sees) -> None:
                before = b.load(place)
                before.align = 1
                held = b.select(b.icmp_signed("!=", before, nothing), sees, nothing)
                b.store(held, place).align = 1

            def alone(place: Any = place, sees: Any = sees) -> None:
                b.store(sees, place).align = 1

            code.choose(old.differs(0), both, alone)

    def _restrict(self, code: Code, scores: Word, kept: Word, added: Word, keys: Word) -> None:
        x = Matrix(code, self.dtype)
        lowest, log2e = self.number(x, -math.inf), self.number(x, LOG2E)
        flags = ir.VectorType(I8, x.lanes)

        def biased() -> None:
            for at in code.range(keys * ROW, step=VECTOR):
                x.store(x.e.llvm("fma", x.load(added + at), log2e, x.load(scores + at)), scores + at)

        def masked() -> None:
            for i in code.range(keys * VECTORS):
                flag = x.b.load(x.e.pointer((kept + i * x.lanes).v, flags))
                flag.align = 1
                there = x.b.icmp_signed("!=", flag, ir.Constant(flags, None))
                at = scores + i * VECTOR
                x.store(x.b.select(there, x.load(at), lowest), at)

        with code.when(added.differs(0)):
            biased()
        with code.when(kept.differs(0)):
            masked()
