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
from dataclasses import dataclass
from typing import Any

from graphnn_compiler.kernels.attention_emit import LOG2E, LOWEST, vectors_of
from graphnn_compiler.kernels.attention_layout import KEYS, NAMES, ROW, VECTORS
from graphnn_compiler.kernels.attention_variants import VariedBlock
from graphnn_compiler.kernels.gemm import Read
from graphnn_compiler.kernels.gemm_emit import Code, Int, Matrix, Word, kernel_function
from graphnn_compiler.kernels.gemm_layout import VECTOR
from graphnn_compiler.runtime.context import CLAIM
from graphnn_compiler.simd import barrier, set_word, word

HELPERS: tuple[str, ...] = ("kernels/attention_variants.py",)

LEVEL = 1  # as the GEMM
DYNAMIC = NAMES.index("dynamic")
Q, K, V, LSE, DELTA, G = range(6)


def build(dtype: str, dropped: bool, capped: bool) -> Callable[[int, int, int, int, int], int]:
    """The kernel of one element type, with dropout or not, with a cap or not."""
    run_units = kernel_function(f"attention_back_units_{dtype}", "dims bufs ctx tid n", Backward(dtype, dropped, capped).run)

    def attention_back(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        if word(dims, DYNAMIC) != 0 and n > 1:
            barrier(ctx, tid, n)  # nobody is still claiming units of another kernel
            if tid == 0:
                set_word(ctx, CLAIM, 0)
            barrier(ctx, tid, n)
        run_units(dims, bufs, ctx, tid, n)
        return 0

    return attention_back


@dataclass(frozen=True)
class Pair:
    """A block of keys and a block of queries: where they are in a head, and in memory."""

    batch: Word
    head: Word
    i0: Word
    queries: Word
    j0: Word
    keys: Word
    q: Word
    g: Word
    dq: Word
    lse: Word
    delta: Word
    q_row: Word
    g_row: Word
    k: Word
    v: Word
    dk: Word
    dv: Word
    k_row: Word
    v_row: Word
    of_keys: Word  # whether dk and dv are wanted
    of_queries: Word  # whether dq is
    later: Word  # not 0: dk and dv hold sums of other blocks


class Backward(VariedBlock):
    """Writes the kernel's loops."""

    def run(self, code: Code, dims: Word, bufs: Word, ctx: Word, tid: Word, n: Word) -> None:
        """One thread's units."""
        d, size, step = Read(code, dims, NAMES), self.size, self.queries
        work = code.word(bufs + d.results * 8, 3) + tid * d.thread_bytes
        heads, share = d.batch * d.groups, d.heads // d.groups.most(1)
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
            from_head = by_queries.then(rest // query_blocks.most(1) % share.most(1), 0)
            until_head = by_queries.then(from_head + 1, share)
            from_query = by_queries.then(rest % query_blocks.most(1) * step, 0)
            until_query = by_queries.then((from_query + step).least(d.queries), d.queries)

            def of(index: Int) -> Word:
                return code.word(bufs, index) if isinstance(index, int) else code.word(bufs + index * 8, 0)

            q_row, g_row = d.heads * d.features * size, d.heads * d.values * size
            k_row, v_row = d.groups * d.features * size, d.groups * d.values * size
            of_k, of_v = batch * d.keys * k_row + group * d.features * size, batch * d.keys * v_row + group * d.values * size
            first_head = batch * d.queries * d.heads + group * share

            with code.when(of_queries & d.keys.equals(0)):
                for r in code.range(until_head, start=from_head):
                    dq = of(d.results) + (first_head + from_query * d.heads + r) * d.features * size
                    self.clear_rows(code, dq, q_row, until_query - from_query, d.features)
            for j0 in code.range(until_key, start=from_key, step=KEYS):
                keys = (d.keys - j0).least(KEYS)
                start = d.causal.differs(0).then(j0 // step * step, 0)
                dk, dv = of(d.results + 1) + of_k + j0 * k_row, of(d.results + 2) + of_v + j0 * v_row
                with code.when(of_keys & ((start >= d.queries) | share.equals(0))):
                    self.clear_rows(code, dk, k_row, keys, d.features)
                    self.clear_rows(code, dv, v_row, keys, d.values)
                for r in code.range(until_head, start=from_head):
                    for i0 in code.range(until_query, start=start.most(from_query), step=step):
                        place = first_head + i0 * d.heads + r
                        pair = Pair(
                            batch=batch,
                            head=group * share + r,
                            i0=i0,
                            queries=(d.queries - i0).least(step),
                            j0=j0,
                            keys=keys,
                            q=of(Q) + place * d.features * size,
                            g=of(G) + place * d.values * size,
                            dq=of(d.results) + place * d.features * size,
                            lse=of(LSE) + place * size,
                            delta=of(DELTA) + place * size,
                            q_row=q_row,
                            g_row=g_row,
                            k=of(K) + of_k + j0 * k_row,
                            v=of(V) + of_v + j0 * v_row,
                            dk=dk,
                            dv=dv,
                            k_row=k_row,
                            v_row=v_row,
                            of_keys=of_keys,
                            of_queries=of_queries,
                            later=i0 - start + r,
                        )
                        self.pair(code, d, dims, bufs, work, pair)

        self.units(code, d, units, ctx, tid, n, unit)

    def pair(self, code: Code, d: Read, dims: Word, bufs: Word, work: Word, p: Pair) -> None:
        """What a pair of blocks adds to the results."""
        scores, slopes, turned_g, rows = work + d.scores, work + d.slopes, work + d.turned_g, work + d.rows
        restricted, visible = self.masks(code, d, bufs, work + d.kept, p.batch, p.head, p.i0, p.queries, p.j0, p.keys)

        def products() -> None:
            self.turn_scaled(code, dims, p.q, p.q_row, work, p.queries, d.features)
            self.turn(code, p.g, p.g_row, turned_g, p.queries, d.values)
            self.copy_numbers(code, p.lse, d.heads * self.size, rows, self.size, p.queries)
            self.copy_numbers(code, p.delta, d.heads * self.size, rows + ROW, self.size, p.queries)
            self.call(code, "begin", self._begin, rows)
            self.product(code, p.k, p.k_row, self.size, work, ROW, scores, ROW, p.keys, p.queries, d.features)
            self.bend(code, d, dims, work, p.keys, slopes=True)
            self.restrict(code, d, bufs, work, p.batch, p.head, p.i0, p.queries, p.j0, p.keys, restricted)
            self.draw(code, d, bufs, work, p.batch, p.head, p.i0, p.queries, p.j0, p.keys)
            self.product(code, p.v, p.v_row, self.size, turned_g, ROW, slopes, ROW, p.keys, p.queries, d.values)
            aside = (work + d.drawn, work + d.bends)
            self.call(code, "slopes", self._slopes, dims, scores, slopes, rows, p.keys, p.queries, *aside)
            with code.when(p.of_keys):
                self.product(code, scores, ROW, self.size, p.g, p.g_row, p.dv, p.v_row, p.keys, d.values, p.queries, p.later)
                self.product(code, slopes, ROW, self.size, p.q, p.q_row, p.dk, p.k_row, p.keys, d.features, p.queries, p.later)
            with code.when(p.of_queries):
                self.product(code, slopes, self.size, ROW, p.k, p.k_row, p.dq, p.q_row, p.queries, d.features, p.keys, p.j0)

        def zeros() -> None:
            with code.when(p.of_keys & p.later.equals(0)):
                self.clear_rows(code, p.dk, p.k_row, p.keys, d.features)
                self.clear_rows(code, p.dv, p.v_row, p.keys, d.values)
            with code.when(p.of_queries & p.j0.equals(0)):
                self.clear_rows(code, p.dq, p.q_row, p.queries, d.features)

        code.choose(visible, products, zeros)

    def _begin(self, code: Code, rows: Word) -> None:
        """The log-sum-exp in units of log 2; finite where a query sees nothing, so that its weights are 0."""
        x, b = Matrix(code, self.dtype), code.b
        for v in range(VECTORS):
            at, lowest = rows + v * VECTOR, self.number(x, LOWEST[self.dtype])
            lse = b.fmul(x.load(at), self.number(x, LOG2E))
            x.store(b.select(b.fcmp_ordered("<", lse, lowest), lowest, lse), at)

    def _slopes(
        self, code: Code, dims: Word, scores: Word, slopes: Word, rows: Word, keys: Word, queries: Word, drawn: Word, bends: Word
    ) -> None:
        """Scores become weights, the products of gradients and values slopes times scale. Dropout applies to both."""
        x, b = Matrix(code, self.dtype), code.b
        scale, factor = self.setting(code, dims, "scale"), self.setting(code, dims, "factor")
        for v in code.range(vectors_of(queries, x.lanes)):
            lse, delta = x.load(rows + v * VECTOR), x.load(rows + ROW + v * VECTOR)
            apart, bent = slopes - scores, bends - scores

            def weigh(
                at: Word, now: list[Any], lse: Any = lse, delta: Any = delta, apart: Word = apart, bent: Word = bent
            ) -> list[Any]:
                exponent, product = b.fsub(x.load(at), lse), x.load(at + apart)
                weight = self.power(x, b.select(b.fcmp_ordered(">", exponent, x.zero), x.zero, exponent))
                used = weight
                if self.dropped:
                    kept, now[0] = self.kept(x, now[0])
                    used, product = (b.select(kept, b.fmul(value, factor), x.zero) for value in (weight, product))
                slope = b.fmul(b.fmul(weight, scale), b.fsub(product, delta))
                if self.capped:
                    slope = b.fmul(slope, x.load(at + bent))
                x.store(used, at)
                x.store(slope, at + apart)
                return now

            bits = [(drawn + v * (x.lanes // 8)).v] * self.dropped
            self.down(x, keys, scores + v * VECTOR, bits, weigh)
