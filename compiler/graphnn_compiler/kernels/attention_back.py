"""The gradients of attention: with weights w[i, j] = exp(scale q[i] k[j] + bias[i, j] - lse[i]) and the slopes of the scores,
s[i, j] = w[i, j] (g[i] v[j] - delta[i]), they are dq[i] = scale sum over j of s[i, j] k[j], dk[j] = scale sum over i of s[i, j] q[i],
dv[j] = sum over i of w[i, j] g[i]. Weights are computed again, block by block.

`attention_layout` says what is in dims and bufs. A unit of work is a head of keys and values with all heads of queries that it serves,
or a part of it: nobody else adds to its results. In it, blocks of keys are in the outer loop, blocks of queries in the inner one.

Arithmetic (the same bits for any number of threads and CPU): a block's sum is one chain, over features, keys or queries; sums of
blocks are added in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphnn_compiler.kernels.attention_emit import LOG2E, LOWEST, Block, vectors_of
from graphnn_compiler.kernels.attention_layout import KEYS, NAMES, ROW, VECTORS
from graphnn_compiler.kernels.gemm import Read
from graphnn_compiler.kernels.gemm_emit import Code, Matrix, Word, kernel_function
from graphnn_compiler.kernels.gemm_layout import VECTOR
from graphnn_compiler.runtime.context import CLAIM
from graphnn_compiler.simd import barrier, set_word, word

HELPERS: tuple[str, ...] = ("kernels/attention_emit.py", "kernels/attention_layout.py", "kernels/gemm.py")

LEVEL = 1  # as the GEMM
DYNAMIC = NAMES.index("dynamic")
Q, K, V, LSE, DELTA, G = range(6)


def build(dtype: str) -> Callable[[int, int, int, int, int], int]:
    """The kernel of one element type."""
    run_units = kernel_function(f"attention_back_units_{dtype}", "dims bufs ctx tid n", Backward(dtype).run)

    def attention_back(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        if word(dims, DYNAMIC) != 0 and n > 1:
            barrier(ctx, tid, n)  # nobody is still claiming units of another kernel
            if tid == 0:
                set_word(ctx, CLAIM, 0)
            barrier(ctx, tid, n)
        run_units(dims, bufs, ctx, tid, n)
        return 0

    return attention_back


class Backward(Block):
    """Writes the kernel's loops."""

    def run(self, code: Code, dims: Word, bufs: Word, ctx: Word, tid: Word, n: Word) -> None:
        """One thread's units."""
        d, size, step = Read(code, dims, NAMES), self.size, self.queries
        work = code.word(bufs + d.results * 8, 3) + tid * d.thread_bytes
        scores, slopes, turned_g, rows = work + d.scores, work + d.slopes, work + d.turned_g, work + d.rows

        heads, share = d.batch * d.groups, d.heads // d.groups
        key_blocks, query_blocks = (d.keys + (KEYS - 1)) // KEYS, (d.queries + (step - 1)) // step
        # Where whole heads would leave threads idle, those of dk and dv are cut into blocks of keys, those of dq into blocks of queries;
        # seven products of blocks are then computed for every five.
        apart = (heads + (n - 1)) // n * n * 5 > heads * 7
        units = apart.then(heads * (key_blocks + share * query_blocks), heads)

        def unit(number: Word) -> None:
            of_keys, of_queries = (
                apart.equals(0) | (number < heads * key_blocks),
                apart.equals(0) | (number >= heads * key_blocks),
            )
            by_keys, by_queries = apart & of_keys, apart & of_queries
            rest = number - heads * key_blocks
            which = by_keys.then(number // key_blocks.most(1), by_queries.then(rest // (share * query_blocks).most(1), number))
            group, batch = which % d.groups, which // d.groups
            from_key = by_keys.then(number % key_blocks.most(1) * KEYS, 0)
            until_key = by_keys.then((from_key + KEYS).least(d.keys), d.keys)
            from_head = by_queries.then(rest // query_blocks.most(1) % share, 0)
            until_head = by_queries.then(from_head + 1, share)
            from_query = by_queries.then(rest % query_blocks.most(1) * step, 0)
            until_query = by_queries.then((from_query + step).least(d.queries), d.queries)

            q_row, g_row = d.heads * d.features * size, d.heads * d.values * size
            k_row, v_row = d.groups * d.features * size, d.groups * d.values * size
            of_k, of_v = batch * d.keys * k_row + group * d.features * size, batch * d.keys * v_row + group * d.values * size
            k, v = code.word(bufs, K) + of_k, code.word(bufs, V) + of_v
            dk, dv = code.word(bufs + d.results * 8, 1) + of_k, code.word(bufs + d.results * 8, 2) + of_v
            first_head = batch * d.queries * d.heads + group * share

            with code.when(of_queries & d.keys.equals(0)):
                for r in code.range(until_head, start=from_head):
                    dq = code.word(bufs + d.results * 8, 0) + (first_head + from_query * d.heads + r) * d.features * size
                    self.clear_rows(code, dq, q_row, until_query - from_query, d.features)
            for j0 in code.range(until_key, start=from_key, step=KEYS):
                keys = (d.keys - j0).least(KEYS)
                start = d.causal.differs(0).then(j0 // step * step, 0)
                with code.when(of_keys & (start >= d.queries)):
                    self.clear_rows(code, dk + j0 * k_row, k_row, keys, d.features)
                    self.clear_rows(code, dv + j0 * v_row, v_row, keys, d.values)
                for r in code.range(until_head, start=from_head):
                    for i0 in code.range(until_query, start=start.most(from_query), step=step):
                        queries, place = (d.queries - i0).least(step), first_head + i0 * d.heads + r
                        q, g = code.word(bufs, Q) + place * d.features * size, code.word(bufs, G) + place * d.values * size
                        dq = code.word(bufs + d.results * 8, 0) + place * d.features * size
                        self.turn_scaled(code, dims, q, q_row, work, queries, d.features)
                        self.turn(code, g, g_row, turned_g, queries, d.values)
                        self.copy_numbers(code, code.word(bufs, LSE) + place * size, d.heads * size, rows, size, queries)
                        self.copy_numbers(code, code.word(bufs, DELTA) + place * size, d.heads * size, rows + ROW, size, queries)
                        self.call(code, "begin", self._begin, rows)
                        self.product(code, k + j0 * k_row, k_row, size, work, ROW, scores, ROW, keys, queries, d.features)
                        self.restrict(code, d, bufs, work, batch, group * share + r, i0, queries, j0, keys)
                        self.product(code, v + j0 * v_row, v_row, size, turned_g, ROW, slopes, ROW, keys, queries, d.values)
                        self.call(code, "slopes", self._slopes, dims, scores, slopes, rows, keys, queries)
                        with code.when(of_keys):
                            later = i0 - start + r
                            self.product(
                                code, scores, ROW, size, g, g_row, dv + j0 * v_row, v_row, keys, d.values, queries, later
                            )
                            self.product(
                                code, slopes, ROW, size, q, q_row, dk + j0 * k_row, k_row, keys, d.features, queries, later
                            )
                        with code.when(of_queries):
                            self.product(code, slopes, size, ROW, k + j0 * k_row, k_row, dq, q_row, queries, d.features, keys, j0)

        self.units(code, d, units, ctx, tid, n, unit)

    def _begin(self, code: Code, rows: Word) -> None:
        """The log-sum-exp in units of log 2; finite where a query sees nothing, so that its weights are 0."""
        x, b = Matrix(code, self.dtype), code.b
        for v in range(VECTORS):
            at, lowest = rows + v * VECTOR, self.number(x, LOWEST[self.dtype])
            lse = b.fmul(x.load(at), self.number(x, LOG2E))
            x.store(b.select(b.fcmp_ordered("<", lse, lowest), lowest, lse), at)

    def _slopes(self, code: Code, dims: Word, scores: Word, slopes: Word, rows: Word, keys: Word, queries: Word) -> None:
        """Scores become weights, the products of gradients and values slopes times scale."""
        x, b = Matrix(code, self.dtype), code.b
        scale = self.scale(code, dims)
        for v in code.range(vectors_of(queries, x.lanes)):
            lse, delta = x.load(rows + v * VECTOR), x.load(rows + ROW + v * VECTOR)
            apart = slopes - scores

            def weigh(at: Word, _: list[Any], lse: Any = lse, delta: Any = delta, apart: Word = apart) -> list[Any]:
                exponent = b.fsub(x.load(at), lse)
                weight = self.power(x, b.select(b.fcmp_ordered(">", exponent, x.zero), x.zero, exponent))
                slope = b.fmul(b.fmul(weight, scale), b.fsub(x.load(at + apart), delta))
                x.store(weight, at)
                x.store(slope, at + apart)
                return []

            self.down(x, keys, scores + v * VECTOR, [], weigh)
