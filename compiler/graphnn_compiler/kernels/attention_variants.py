"""Dropout and capped scores: what they add to both attention kernels, each in variants of their own.

Dropout draws a random number for each pair of a query and a key, by Philox4x32-10 (J. Salmon, M. Moraes, R. Dror, D. Shaw: Parallel random
numbers: as easy as 1, 2, 3, 2011) with the counter (query, key / 4, row and head, 1): four keys in a row have a word each. So a block is
drawn again, forward or backward, wherever it is needed, and becomes a block of bits.
"""

from __future__ import annotations

from typing import Any

from graphnn_compiler import simd_math
from graphnn_compiler.kernels.attention_emit import LOG2E
from graphnn_compiler.kernels.attention_layout import VECTORS
from graphnn_compiler.kernels.attention_masks import MaskedBlock
from graphnn_compiler.kernels.gemm import Read
from graphnn_compiler.kernels.gemm_emit import Code, Matrix, Word
from graphnn_compiler.kernels.gemm_layout import VECTOR
from graphnn_compiler.simd_emit import Vec
from graphnn_compiler.simd_types import F64, I32, I64, ir, target_has_avx512

HELPERS: tuple[str, ...] = ("kernels/attention_masks.py",)

MULTIPLIERS, STEPS, ROUNDS = (0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85), 10
WORD, PAIRS = 0xFFFFFFFF, 1
WORDS = 4  # of a counter


class VariedBlock(MaskedBlock):
    """Writes what dropout and a cap do to a block of scores."""

    # -- dropout

    def draw(
        self, code: Code, d: Read, bufs: Word, work: Word, batch: Word, head: Word, i0: Word, queries: Word, j0: Word, keys: Word
    ) -> None:
        """Makes the block of bits, if there is dropout: 1 where a query keeps a key."""
        if self.dropped:
            words, row = code.word(bufs + d.words * 8, 0), batch * d.heads + head
            self.call(code, "draw", self._draw, words, row, d.least, i0, queries, j0, keys, work + d.drawn)

    def _draw(
        self, code: Code, words: Word, row: Word, least: Word, i0: Word, queries: Word, j0: Word, keys: Word, drawn: Word
    ) -> None:
        """Numbers are in the low halves of 64 bits, what is in the high ones does not matter. What the first rounds make of the query
        alone is computed once for all keys."""
        b, lanes = code.b, 16 if target_has_avx512() else 8  # as many as leave the four words in registers
        wide, bits = ir.VectorType(I64, lanes), ir.IntType(lanes)

        def all_lanes(x: Any) -> Any:
            one = b.insert_element(ir.Constant(wide, None), x, ir.Constant(I32, 0))
            return b.shuffle_vector(one, ir.Constant(wide, None), ir.Constant(ir.VectorType(I32, lanes), None))

        def number(x: int, like: Any) -> Any:
            return ir.Constant(like.type, x if like.type == I64 else [x] * lanes)

        def product(x: Any, which: int) -> tuple[Any, Any]:
            """The high word, and the low one with the high one above it."""
            found = b.mul(b.and_(x, number(WORD, x)), number(MULTIPLIERS[which], x))
            return b.lshr(found, number(32, x)), found

        def mixed(*values: Any) -> Any:
            found = values[0]
            for x in values[1:]:
                if x.type != found.type:
                    x, found = (all_lanes(y) if y.type == I64 else y for y in (x, found))
                found = b.xor(found, x)
            return found

        def key(which: int) -> list[Any]:
            place = code.e.pointer((words + 4 * which).v, I32)
            loaded = b.load(place)
            loaded.align = 4
            first = Word(b, b.zext(loaded, I64))
            return [(first + STEPS[which] * i).v for i in range(ROUNDS)]

        low, high = key(0), key(1)
        row_high, row_low = product(row.v, 1)
        limit = all_lanes(b.shl(least.v, ir.Constant(I64, 32)))
        numbers = ir.Constant(wide, list(range(lanes)))
        for i in code.range(queries, step=lanes):
            one_high, one_low = product(b.add(all_lanes((i0 + i).v), numbers), 0)
            two_high, two_low = product(mixed(one_high, number(PAIRS, one_high), all_lanes(high[0])), 1)
            of_query = mixed(two_high, row_low, low[1])
            three_high, three_low = product(of_query, 0)
            before, after = mixed(one_low, all_lanes(high[1])), mixed(three_high, all_lanes(high[2]))
            aside = mixed(two_low, all_lanes(low[2]))
            for j in code.range(keys, step=WORDS):
                of_key = mixed(row_high, ((j0 + j) // WORDS).v, low[0])
                key_high, key_low = product(of_key, 0)
                c1_high, c1_low = product(mixed(all_lanes(key_high), before), 1)
                c = [mixed(c1_high, aside), c1_low, mixed(all_lanes(key_low), after), three_low]
                for r in range(3, ROUNDS):
                    (high_0, low_0), (high_1, low_1) = product(c[0], 0), product(c[2], 1)
                    c = [mixed(high_1, c[1], all_lanes(low[r])), low_1, mixed(high_0, c[3], all_lanes(high[r])), low_0]
                for w, x in enumerate(c):
                    kept = b.icmp_unsigned(">=", b.shl(x, number(32, x)), limit)
                    place = drawn + (j + w) * (self.queries // 8) + i // 8
                    b.store(b.bitcast(kept, bits), code.e.pointer(place.v, bits)).align = 1

    def kept(self, x: Matrix, place: Any) -> tuple[Any, Any]:
        """The truth values of a vector of queries that stand at `place`, and the place of the next key's."""
        flags = x.b.load(x.e.pointer(place, ir.IntType(x.lanes)))
        flags.align = 1
        return x.b.bitcast(flags, ir.VectorType(ir.IntType(1), x.lanes)), (Word(x.b, place) + self.queries // 8).v

    # -- caps

    def bend(self, code: Code, d: Read, dims: Word, work: Word, keys: Word, slopes: bool) -> None:
        """Products over the cap become scores, if there is a cap; `slopes`: their derivatives are kept."""
        if self.capped:
            self.call(code, "bend", self._bend_both if slopes else self._bend, dims, work + d.scores, work + d.bends, keys)

    def _bend(self, code: Code, dims: Word, scores: Word, bends: Word, keys: Word, slopes: bool = False) -> None:
        x = Matrix(code, self.dtype)
        cap = x.b.fmul(self.setting(code, dims, "cap"), self.number(x, LOG2E))
        for i in code.range(keys * VECTORS):
            at = i * VECTOR
            bent = self.tanh(x, x.load(scores + at))
            x.store(x.b.fmul(bent, cap), scores + at)
            if slopes:
                x.store(x.e.llvm("fma", x.b.fneg(bent), bent, self.number(x, 1.0)), bends + at)

    def _bend_both(self, code: Code, dims: Word, scores: Word, bends: Word, keys: Word) -> None:
        self._bend(code, dims, scores, bends, keys, slopes=True)

    def tanh(self, x: Matrix, value: Any) -> Any:
        if self.dtype == "float32":
            return simd_math.tanh_f32(Vec(x.e, "f32", value)).v
        return self.by_lanes(x, "tanh", value)

    def by_lanes(self, x: Matrix, name: str, value: Any) -> Any:
        """A function of C's library in each lane of float64."""
        function, found = x.e.external(name, F64, [F64]), x.zero
        for lane in range(x.lanes):
            place = ir.Constant(I32, lane)
            found = x.b.insert_element(found, x.b.call(function, [x.b.extract_element(value, place)]), place)
        return found
