"""Attention: out[i] = sum over j of softmax over j(scale q[i] k[j] + bias[i, j]) v[j] without a matrix of all scores.

`attention_layout` says what is in dims and bufs. A unit of work is a block of queries of one head; it goes through the keys block by
block (T. Dao, D. Fu, S. Ermon, A. Rudra, C. Re: FlashAttention, 2022) and keeps of each query the maximum so far, the sum of the
weights relative to it, and the weighted sum of values, which is in the result's own memory (M. Milakov, N. Gimelshein: Online
normalizer calculation for softmax, 2018).

Arithmetic (the same bits for any number of threads and CPU): a score is one chain over features, a block's weighted sum one chain over
its keys; a block's sums are added to those of the blocks before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphnn_compiler import simd_math
from graphnn_compiler.kernels.attention_emit import LN2, LOWEST, vectors_of
from graphnn_compiler.kernels.attention_layout import KEYS, NAMES, ROW, VECTORS
from graphnn_compiler.kernels.attention_row import RowBlock
from graphnn_compiler.kernels.gemm import Read
from graphnn_compiler.kernels.gemm_emit import Code, Matrix, Word, kernel_function
from graphnn_compiler.kernels.gemm_layout import VECTOR
from graphnn_compiler.kernels.gemm_tile import repeat
from graphnn_compiler.runtime.context import CLAIM
from graphnn_compiler.simd import barrier, set_word, word
from graphnn_compiler.simd_emit import Vec

HELPERS: tuple[str, ...] = ("kernels/attention_row.py",)

LEVEL = 1  # as the GEMM
DYNAMIC = NAMES.index("dynamic")
Q, K, V = range(3)


def build(dtype: str, dropped: bool, capped: bool) -> Callable[[int, int, int, int, int], int]:
    """The kernel of one element type, with dropout or not, with a cap or not."""
    run_units = kernel_function(f"attention_units_{dtype}", "dims bufs ctx tid n", Forward(dtype, dropped, capped).run)

    def attention(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        if word(dims, DYNAMIC) != 0 and n > 1:
            barrier(ctx, tid, n)  # nobody is still claiming units of another kernel
            if tid == 0:
                set_word(ctx, CLAIM, 0)
            barrier(ctx, tid, n)
        run_units(dims, bufs, ctx, tid, n)
        return 0

    return attention


class Forward(RowBlock):
    """Writes the kernel's loops."""

    def run(self, code: Code, dims: Word, bufs: Word, ctx: Word, tid: Word, n: Word) -> None:
        """One thread's units."""
        d, size = Read(code, dims, NAMES), self.size
        blocks = (d.queries + (self.queries - 1)) // self.queries
        work = code.word(bufs + d.results * 8, 2) + tid * d.thread_bytes
        scores, rows = work + d.scores, work + d.rows

        def unit(number: Word) -> None:
            i0 = (blocks - 1 - number % blocks) * self.queries  # where causality makes a difference, the long ones come first
            head, batch = number // blocks % d.heads, number // (blocks * d.heads)
            group = head // (d.heads // d.groups)
            queries = (d.queries - i0).least(self.queries)
            place = (batch * d.queries + i0) * d.heads + head
            k_row, v_row, out_row = d.groups * d.features * size, d.groups * d.values * size, d.heads * d.values * size
            k = code.word(bufs, K) + batch * d.keys * k_row + group * d.features * size
            v = code.word(bufs, V) + batch * d.keys * v_row + group * d.values * size
            out = code.word(bufs + d.results * 8, 0) + place * d.values * size
            seen = d.causal.differs(0).then((i0 + queries).least(d.keys), d.keys)
            q_row = d.heads * d.features * size
            q = code.word(bufs, Q) + place * d.features * size
            self.call(code, "begin", self._begin, rows)

            def many() -> None:
                self.turn_scaled(code, dims, q, q_row, work, queries, d.features)
                for j0 in code.range(seen, step=KEYS):
                    keys = (seen - j0).least(KEYS)
                    restricted, visible = self.masks(code, d, bufs, work + d.kept, batch, head, i0, queries, j0, keys)

                    def block(j0: Word = j0, keys: Word = keys, restricted: Word = restricted) -> None:
                        self.product(code, k + j0 * k_row, k_row, size, work, ROW, scores, ROW, keys, queries, d.features)
                        self.bend(code, d, dims, work, keys, slopes=False)
                        self.restrict(code, d, bufs, work, batch, head, i0, queries, j0, keys, restricted)
                        self.draw(code, d, bufs, work, batch, head, i0, queries, j0, keys)
                        self.call(code, "weights", self._weights, scores, rows, keys, queries, work + d.drawn)
                        with code.when(j0 > 0):
                            self.multiply_rows(code, out, out_row, queries, d.values, rows + 2 * ROW)
                        self.product(code, scores, size, ROW, v + j0 * v_row, v_row, out, out_row, queries, d.values, keys, j0)

                    def nothing(j0: Word = j0) -> None:
                        with code.when(j0.equals(0)):
                            self.clear_rows(code, out, out_row, queries, d.values)

                    code.choose(visible, block, nothing)

            def one() -> None:
                self.one_query(code, d, dims, bufs, work, batch, head, q, k, k_row, v, v_row, out, seen)

            if self.dropped:
                many()
            else:
                code.choose(d.queries.equals(1), one, many)
            self.call(code, "end", self._end, dims, rows)
            code.choose(
                seen.equals(0),
                lambda: self.clear_rows(code, out, out_row, queries, d.values),
                lambda: self.multiply_rows(code, out, out_row, queries, d.values, rows + 2 * ROW),
            )
            self.copy_numbers(code, rows, size, code.word(bufs + d.results * 8, 1) + place * size, d.heads * size, queries)

        self.units(code, d, d.batch * d.heads * blocks, ctx, tid, n, unit)

    def _begin(self, code: Code, rows: Word) -> None:
        """No maximum and no sum yet."""
        x = Matrix(code, self.dtype)
        for v in range(VECTORS):
            x.store(self.number(x, LOWEST[self.dtype]), rows + v * VECTOR)
            x.store(x.zero, rows + ROW + v * VECTOR)

    def _weights(self, code: Code, scores: Word, rows: Word, keys: Word, queries: Word, drawn: Word) -> None:
        """Scores become weights relative to the maximum so far; what was summed up before has to be multiplied by rows[2]. Dropout
        leaves weights out of the values' mean, not of their sum."""
        x, b, steps = Matrix(code, self.dtype), code.b, 4

        def larger(a: Any, other: Any) -> Any:
            return b.select(b.fcmp_ordered(">", other, a), other, a)  # NaN makes the weight NaN, whatever the maximum

        for v in code.range(vectors_of(queries, x.lanes)):
            top, row = scores + v * VECTOR, rows + v * VECTOR
            last, old = top + (keys - 1) * ROW, x.load(row)

            def highest(_: Word, now: list[Any], last: Word = last) -> list[Any]:
                at = Word(b, now[0])
                found = [larger(m, x.load((at + i * ROW).least(last))) for i, m in enumerate(now[1:])]
                return [(at + steps * ROW).v, *found]

            first, *others = repeat(x, (keys + (steps - 1)) // steps, [top.v, *[old] * steps], highest, surely=True)[1:]
            for other in others:
                first = larger(first, other)

            def weigh(at: Word, now: list[Any], first: Any = first) -> list[Any]:
                weight = self.power(x, b.fsub(x.load(at), first))
                total = b.fadd(now[0], weight)
                if self.dropped:
                    kept, now[1] = self.kept(x, now[1])
                    weight = b.select(kept, weight, x.zero)
                x.store(weight, at)
                return [total, *now[1:]]

            bits = [(drawn + v * (x.lanes // 8)).v] * self.dropped
            total = self.down(x, keys, top, [x.zero, *bits], weigh)[0]
            factor = self.power(x, b.fsub(old, first))
            x.store(first, row)
            x.store(x.e.llvm("fma", x.load(row + ROW), factor, total), row + ROW)
            x.store(factor, row + 2 * ROW)

    def _end(self, code: Code, dims: Word, rows: Word) -> None:
        """rows[0] = log-sum-exp, rows[2] = 1 / sum, times dropout's factor; -inf and 0 where all weights are 0."""
        x, b = Matrix(code, self.dtype), code.b
        factor = self.setting(code, dims, "factor") if self.dropped else self.number(x, 1.0)
        for v in range(VECTORS):
            row = rows + v * VECTOR
            highest, total = x.load(row), x.load(row + ROW)
            x.store(x.e.llvm("fma", highest, self.number(x, LN2), self._log(x, total)), row)
            empty = b.fcmp_ordered("==", total, x.zero)
            x.store(b.select(empty, x.zero, b.fdiv(factor, total)), row + 2 * ROW)

    def _log(self, x: Matrix, value: Any) -> Any:
        if self.dtype == "float32":
            return simd_math.log_f32(Vec(x.e, "f32", value)).v
        return self.by_lanes(x, "log", value)
