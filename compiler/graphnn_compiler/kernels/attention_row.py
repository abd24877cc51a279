"""A single query, as when tokens are generated one by one: lanes are features while a score is summed up, then keys, then values.

A block of scores would hold it in one lane of many. Arithmetic: a score is summed lane by lane over vectors of features, lanes are added in
pairs, in pairs of pairs and so on; a block's weighted sum is one chain over its keys, added to those of the blocks before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphnn_compiler.kernels.attention_emit import LOG2E
from graphnn_compiler.kernels.attention_layout import KEYS, ROW
from graphnn_compiler.kernels.attention_variants import VariedBlock
from graphnn_compiler.kernels.gemm import Read
from graphnn_compiler.kernels.gemm_emit import Cell, Code, Matrix, Word
from graphnn_compiler.kernels.gemm_layout import VECTOR
from graphnn_compiler.kernels.gemm_tile import repeat
from graphnn_compiler.simd_types import I1, I8, I32, I64, ir

HELPERS: tuple[str, ...] = ("kernels/attention_variants.py",)

AT_ONCE = 8  # keys whose scores are summed up side by side
COLUMNS = 4  # vectors of values that are


class RowBlock(VariedBlock):
    """Writes what is done for a single query."""

    def one_query(
        self, code: Code, d: Read, dims: Word, bufs: Word, work: Word, batch: Word, head: Word, q: Word, k: Word, k_row: Word, v: Word,
        v_row: Word, out: Word, seen: Word,
    ) -> None:  # fmt: skip
        """Leaves the weighted sum in `out`, the maximum and the sum of the weights in rows[0] and rows[1]."""
        scores, flags, rows, found = work + d.scores, work + d.kept, work + d.rows, code.frame(1)
        self.call(code, "scale_one", self._scale_one, dims, q, work, d.features)
        masks = code.word(bufs + d.mask * 8, 0) + batch * d.mask_batch + head * d.mask_head
        biases = code.word(bufs + d.bias * 8, 0) + (batch * d.bias_batch + head * d.bias_head) * self.size
        for j0 in code.range(seen, step=KEYS):
            keys = (seen - j0).least(KEYS)
            mask = d.mask.differs(0).then(masks + j0 * d.mask_key, 0)
            bias = d.bias.differs(0).then(biases + j0 * self.size, 0)
            self.call(code, "flags_one", self._flags, mask, d.mask_key, keys, flags, found)

            def block(j0: Word = j0, keys: Word = keys, bias: Word = bias) -> None:
                self.call(code, "scores_one", self._scores, k + j0 * k_row, k_row, work, d.features, keys, scores)
                self.call(code, "weights_one", self._weigh, dims, scores, flags, bias, keys, rows)
                self.call(code, "values_one", self._values, scores, v + j0 * v_row, v_row, keys, d.values, out, rows + 2 * ROW, j0)

            def nothing(j0: Word = j0) -> None:
                with code.when(j0.equals(0)):
                    self.clear_rows(code, out, code.number(0), code.number(1), d.values)

            code.choose(code.word(found, 0).differs(0), block, nothing)

    def _scale_one(self, code: Code, dims: Word, q: Word, scaled: Word, features: Word) -> None:
        """The query times its factor, zeros up to a whole vector."""
        x, factor = Matrix(code, self.dtype), self.score_factor(code, dims)
        for f in code.range(features, step=x.lanes):
            x.store(x.b.fmul(x.load(q + f * self.size, x.mask(features - f, 1)[0]), factor), scaled + f * self.size)

    def _flags(self, code: Code, mask: Word, key: Word, keys: Word, flags: Word, found: Word) -> None:
        """A bit for each key that is there and is seen; whether there is one."""
        x, b, some = Matrix(code, self.dtype), code.b, Cell(code, 0)
        bits, row = ir.IntType(x.lanes), ir.VectorType(I8, x.lanes)

        def each(seen: Callable[[Word, Any], Any]) -> None:
            for j in code.range(keys, step=x.lanes):
                (there,) = x.mask(keys - j, 1)
                value = b.bitcast(seen(j, there), bits)
                b.store(value, code.e.pointer((flags + j // 8).v, bits)).align = 1
                some.set(some.get() | Word(b, b.zext(value, I64)))

        def loaded(j: Word, there: Any) -> Any:
            function = code.e.external(
                f"llvm.masked.load.v{x.lanes}i8.p0", row, [row.as_pointer(), I32, ir.VectorType(I1, x.lanes), row]
            )
            args = [code.e.pointer((mask + j).v, row), ir.Constant(I32, 1), there, ir.Constant(row, None)]
            return b.icmp_signed("!=", b.call(function, args), ir.Constant(row, None))

        def same(_: Word, there: Any) -> Any:
            one = b.load(code.e.pointer(mask.v, I8))
            return b.and_(there, x.splat(b.icmp_signed("!=", one, ir.Constant(I8, 0))))

        def masked() -> None:
            code.choose(key.differs(0), lambda: each(loaded), lambda: each(same))

        code.choose(mask.differs(0), masked, lambda: each(lambda _, there: there))
        code.store(found, some.get())

    def _scores(self, code: Code, k: Word, k_row: Word, q: Word, features: Word, keys: Word, scores: Word) -> None:
        x, b = Matrix(code, self.dtype), code.b
        count = (features + (x.lanes - 1)) // x.lanes
        even, odd = (ir.Constant(ir.VectorType(I32, x.lanes), list(range(i, 2 * x.lanes, 2))) for i in (0, 1))
        for j in code.range(keys, step=x.lanes):
            sums: list[Any] = []
            for part in range(0, x.lanes, AT_ONCE):
                rows = [k + (j + part + i).least(keys - 1) * k_row for i in range(AT_ONCE)]

                def step(left: Word, now: list[Any], rows: list[Word] = rows) -> list[Any]:
                    f = count - left
                    at, (there,) = f * VECTOR, x.mask(features - f * x.lanes, 1)
                    value = x.load(q + at)
                    return [x.e.llvm("fma", x.load(row + at, there), value, a) for row, a in zip(rows, now, strict=True)]

                sums += repeat(x, count, [x.zero] * AT_ONCE, step)
            while len(sums) > 1:
                pairs = zip(sums[::2], sums[1::2], strict=True)
                sums = [b.fadd(b.shuffle_vector(m, n, even), b.shuffle_vector(m, n, odd)) for m, n in pairs]
            x.store(sums[0], scores + j * self.size)

    def _weigh(self, code: Code, dims: Word, scores: Word, flags: Word, bias: Word, keys: Word, rows: Word) -> None:
        """Scores become weights relative to the maximum so far; what was summed up before has to be multiplied by rows[2]."""
        x, b = Matrix(code, self.dtype), code.b
        log2e, lowest, bits = self.number(x, LOG2E), self.number(x, -math.inf), ir.IntType(x.lanes)
        vectors = (keys + (x.lanes - 1)) // x.lanes
        if self.capped:
            cap = b.fmul(self.setting(code, dims, "cap"), log2e)
            for v in code.range(vectors):
                x.store(b.fmul(self.tanh(x, x.load(scores + v * VECTOR)), cap), scores + v * VECTOR)
        with code.when(bias.differs(0)):
            for j in code.range(keys, step=x.lanes):
                at, (there,) = scores + j * self.size, x.mask(keys - j, 1)
                x.store(x.e.llvm("fma", x.load(bias + j * self.size, there), log2e, x.load(at)), at)

        def larger(a: Any, other: Any) -> Any:
            return b.select(b.fcmp_ordered(">", other, a), other, a)  # NaN makes the weight NaN, whatever the maximum

        def over_lanes(value: Any, function: Callable[[Any, Any], Any]) -> Any:
            """In every lane what the function makes of all."""
            apart = x.lanes // 2
            while apart:
                order = ir.Constant(ir.VectorType(I32, x.lanes), [i ^ apart for i in range(x.lanes)])
                value, apart = function(value, b.shuffle_vector(value, value, order)), apart // 2
            return value

        def highest(left: Word, now: list[Any]) -> list[Any]:
            v = vectors - left
            flag = b.load(code.e.pointer((flags + v * (x.lanes // 8)).v, bits))
            flag.align = 1
            seen = b.bitcast(flag, ir.VectorType(I1, x.lanes))
            value = b.select(seen, x.load(scores + v * VECTOR), lowest)
            x.store(value, scores + v * VECTOR)
            return [larger(now[0], value)]

        old = x.load(rows)
        first = over_lanes(repeat(x, vectors, [old], highest, surely=True)[0], larger)

        def weigh(left: Word, now: list[Any]) -> list[Any]:
            at = scores + (vectors - left) * VECTOR
            weight = self.power(x, b.fsub(x.load(at), first))
            x.store(weight, at)
            return [b.fadd(now[0], weight)]

        total = over_lanes(repeat(x, vectors, [x.zero], weigh, surely=True)[0], b.fadd)
        factor = self.power(x, b.fsub(old, first))
        x.store(first, rows)
        x.store(x.e.llvm("fma", x.load(rows + ROW), factor, total), rows + ROW)
        x.store(factor, rows + 2 * ROW)

    def _values(
        self, code: Code, weights: Word, v: Word, v_row: Word, keys: Word, values: Word, out: Word, factor: Word, later: Word
    ) -> None:
        x = Matrix(code, self.dtype)
        for c in code.range(values, step=COLUMNS * x.lanes):
            masks, first, target = x.mask(values - c, COLUMNS), v + c * self.size, out + c * self.size

            def step(left: Word, now: list[Any], masks: list[Any] = masks, first: Word = first) -> list[Any]:
                j = keys - left
                weight, row = x.load_splat(weights + j * self.size), first + j * v_row
                return [x.e.llvm("fma", x.load(row + i * VECTOR, m), weight, now[i]) for i, m in enumerate(masks)]

            sums = repeat(x, keys, [x.zero] * COLUMNS, step, surely=True)

            def add(sums: list[Any] = sums, masks: list[Any] = masks, target: Word = target) -> None:
                for i, m in enumerate(masks):
                    at = target + i * VECTOR
                    x.store(x.e.llvm("fma", x.load(at, m), x.load(factor), sums[i]), at, m)

            def begin(sums: list[Any] = sums, masks: list[Any] = masks, target: Word = target) -> None:
                for i, m in enumerate(masks):
                    x.store(sums[i], target + i * VECTOR, m)

            code.choose(later.differs(0), add, begin)
