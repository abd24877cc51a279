"""Renders a loop nest as Python text for Numba. The text depends on the nest's structure alone, never on extents or names of users.

A nest becomes: a division of the kept points among threads; for each of them, one pass over the reduced axes per stage, each
with its accumulators; after each pass the values that need its sums; stores where their values are known.
"""

from __future__ import annotations

import math

from ..ops.suffix import SUFFIX
from .nest import Access, Apply, Fold, Gather, Load, Nest, Scalar

LANES = 16
ROWS = 8  # rows whose vectors lie one below the other that are computed at a time, where they share an operand


def literal(x: object, dtype: str) -> str:
    """A number as an expression of simd.py; only numbers pass."""
    t = SUFFIX["float32" if dtype == "float16" else dtype]
    if dtype == "bool":
        return f"const_b1({bool(x)})"
    if dtype.startswith("float"):
        v = float(x)  # type: ignore[arg-type]
        if math.isnan(v):
            return f"const_{t}(NAN)"
        if math.isinf(v):
            return f"const_{t}(INF)" if v > 0 else f"neg(const_{t}(INF))"
        return f"const_{t}({v!r})"
    return f"const_{t}({int(x)})"  # type: ignore[call-overload]


class _Writer:
    def __init__(self, nest: Nest):
        self.nest, self.lines, self.depth = nest, list[str](), 1
        self.stage = nest.stages()
        self.known: dict[int, int] = {}  # full term -> pass in which it is in a register now
        self.passes = 1 + max((self.stage[i] for i, t in enumerate(nest.terms) if t.level == "full"), default=-1)
        self.passes = max([self.passes, *[self.stage[i] for i, t in enumerate(nest.terms) if isinstance(t.expr, Fold)]])
        self.stash: dict[int, int] = {s.term: s.operand for s in nest.stores if nest.terms[s.term].level == "full"}
        self.checks = any(isinstance(t.expr, Gather) for t in nest.terms)
        self.rows = self.by_rows()

    def by_rows(self) -> bool:
        """Whether the innermost loop runs over the axis before the lanes', so that what is the same in all of its rows is read once."""
        nest = self.nest
        if nest.reduced or self.checks or nest.lane != "k" or len(nest.kept) < 2:
            return False
        row, lane = nest.lane_axis - 1, nest.lane_axis
        return nest.tile is not None or any(a.strides[row] == 0 and a.strides[lane] != 0 for a in nest.operands if a.strides)

    def put(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    # -- the dims block

    def unpack(self) -> None:
        nest, at = self.nest, 0
        if nest.tile is None:
            for i in range(len(nest.kept)):
                self.put(f"e{i} = word(dims, {at})")
                at += 1
            for i in range(len(nest.reduced)):
                self.put(f"f{i} = word(dims, {at})")
                at += 1
            self.put(f"block = word(dims, {at})")
            at += 1
        for i, t in enumerate(nest.terms):
            if isinstance(t.expr, Scalar):
                if t.expr.extent is not None:
                    self.put(f"v{i} = to_{t.suffix}(splat_i64(word(dims, {at})))")
                    at += 1
                else:
                    self.put(f"v{i} = {t.expr.text}")
        for p, access in enumerate(nest.operands):
            self.put(f"b{p} = word(bufs, {p})")
            for a in range(len(access.strides)):
                if self.needs_stride(p, a, access):
                    self.put(f"s{p}_{a} = word(dims, {at + a})")
            at += len(access.strides)
        for i, t in enumerate(nest.terms):
            if isinstance(t.expr, Gather):
                self.put(f"limit{i} = word(dims, {at})")
                self.put(f"step{i} = word(dims, {at + 1})")
                at += 2

    def needs_stride(self, p: int, axis: int, access: Access) -> bool:
        if access.strides[axis] == 0:
            return False
        return axis != self.nest.lane_axis or self.nest.lane_class(p) == "s"

    # -- addresses and elements

    def offset(self, p: int, axes: list[tuple[int, str]]) -> str:
        """The terms of an address along axes (axis, index name)."""
        strides = self.nest.operands[p].strides
        return "".join(f" + {name} * s{p}_{a}" for a, name in axes if strides[a] != 0)

    def address(self, p: int, base: str) -> str:
        """The address (of lane 0) at lane index j."""
        kind = self.nest.lane_class(p)
        if kind == "0":
            return base
        step = self.nest.operands[p].size if kind == "c" else f"s{p}_{self.nest.lane_axis}"
        return f"{base} + j * {step}"

    def element(self, p: int, base: str, lanes: bool) -> str:
        """The expression that reads operand p; without `lanes`, the same element for all lanes."""
        access = self.nest.operands[p]
        t = SUFFIX[access.dtype]
        kind = self.nest.lane_class(p) if lanes else "0"
        at = self.address(p, base) if lanes else base
        if access.buffer is None:
            step = {"c": "1", "s": f"s{p}_{self.nest.lane_axis}"}.get(kind)
            ramp = f"splat_i64({at})" if step is None else f"ramp_i64({at}, {step})"
            return ramp if t == "i64" else f"to_{t}({ramp})"
        if kind == "0":
            return f"splat_load_{t}({at})"
        return f"load_{t}({at}, m)" if kind == "c" else f"loads_{t}({at}, s{p}_{self.nest.lane_axis}, m)"

    def write(self, p: int, base: str, name: str, lanes: bool) -> None:
        t = SUFFIX[self.nest.operands[p].dtype]
        if not lanes or self.nest.lane_class(p) == "0":  # a product of one column
            self.put(f"set_scalar_{t}({base}, extract({name}, 0))")
        elif self.nest.lane_class(p) == "c":
            self.put(f"store_{t}({self.address(p, base)}, {name}, m)")
        else:
            self.put(f"stores_{t}({self.address(p, base)}, s{p}_{self.nest.lane_axis}, {name}, m)")

    # -- terms

    def compute(self, i: int, base: str, lanes: bool) -> None:
        """Puts the line that computes term i; its arguments are known."""
        term = self.nest.terms[i]
        expr, note = term.expr, f"  # {term.note}" if term.note else ""
        if isinstance(expr, Load):
            self.put(f"v{i} = {self.element(expr.operand, f'{base}{expr.operand}', lanes)}{note}")
        elif isinstance(expr, Apply):
            self.put(f"v{i} = {expr.template.format(*[f'v{a}' for a in expr.args])}{note}")
        elif isinstance(expr, Gather):
            self.gather(i, expr, base, lanes, note)

    def gather(self, i: int, expr: Gather, base: str, lanes: bool, note: str) -> None:
        p, index, mask = expr.operand, f"v{expr.index}", "m" if lanes else "one"
        t = SUFFIX[self.nest.operands[p].dtype]
        self.put(f"w{i} = (lt({index}, zero_index) | ge({index}, splat_i64(limit{i}))) & {mask}{note}")
        self.put(f"if hany(w{i}):")
        where = "0"
        if expr.where >= 0:
            q = expr.where
            at = self.address(q, f"{base}{q}") if lanes else f"{base}{q}"
            size = self.nest.operands[q].size
            where = f"({at} - b{q}) // {size}"
            if lanes and self.nest.lane_class(q) != "0":
                step = "1" if self.nest.lane_class(q) == "c" else f"s{q}_{self.nest.lane_axis} // {size}"
                where += f" + p{i} * ({step})"
        self.put(f"    p{i} = hmin(select(w{i}, ramp_i64(0, 1), splat_i64(16)))")
        self.put(f"    x{i} = hmax(select(eq(ramp_i64(0, 1), splat_i64(p{i})), {index}, const_i64(-9223372036854775808)))")
        self.put(f"    at{i} = {where}")
        self.put(f"    if status == 0 or at{i} < lowest:")  # which thread meets which bad index first must not matter
        self.put(f"        fail(ctx, tid, at{i}, x{i})")
        self.put("        status = 1")
        self.put(f"        lowest = at{i}")
        if self.nest.operands[p].buffer is None:
            self.put(f"v{i} = to_{t}(select(w{i}, zero_index, {index}))")
            return
        start = self.address(p, f"{base}{p}") if lanes else f"{base}{p}"
        kind = self.nest.lane_class(p) if lanes else "0"
        self.put(f"u{i} = {mask} & ~w{i}")  # a bad index reads nothing
        if not lanes:
            self.put(f"v{i} = splat_{t}(extract(load_{t}({start} + extract({index}, 0) * step{i}, u{i}), 0))")
            return
        if kind == "c" and self.same_in_all_lanes(expr.index):
            self.put(f"v{i} = load_{t}({start} + extract({index}, 0) * step{i}, u{i})")
            return
        self.put(f"g{i} = {index} * splat_i64(step{i})")
        if kind != "0":
            step = str(self.nest.operands[p].size) if kind == "c" else f"s{p}_{self.nest.lane_axis}"
            self.put(f"g{i} = g{i} + ramp_i64(0, {step})")
        self.put(f"v{i} = gather_{t}({start}, g{i}, u{i})")

    def same_in_all_lanes(self, i: int) -> bool:
        """Whether a term has one value for all lanes of a vector."""
        term = self.nest.terms[i]
        if isinstance(term.expr, Load):
            return self.nest.lane_class(term.expr.operand) == "0"
        if isinstance(term.expr, Fold | Gather):
            return False
        return all(map(self.same_in_all_lanes, self.nest.uses(i)))

    def require(self, i: int, now: int) -> list[int]:
        """The full terms that pass `now` must compute before term i, in order."""
        term = self.nest.terms[i]
        if term.level == "kept" or i in self.seen:
            return []
        self.seen.add(i)
        if self.stage[i] < now and i in self.stash:
            return [i]
        return [u for a in self.nest.uses(i) for u in self.require(a, now)] + [i]

    # -- passes

    def kept_terms(self, after: int) -> None:
        """Computes what is known at the kept level after `after` passes, and stores it."""
        nest, lanes = self.nest, self.nest.lane == "k"
        for i, t in enumerate(nest.terms):
            if t.level == "kept" and self.stage[i] == after and not isinstance(t.expr, Scalar):
                if isinstance(t.expr, Fold):
                    self.finish(i, t.expr)
                else:
                    self.compute(i, "a", lanes)
        for s in nest.stores:
            if nest.terms[s.term].level == "kept" and self.stage[s.term] == after:
                self.write(s.operand, f"a{s.operand}", f"v{s.term}", lanes)

    def finish(self, i: int, fold: Fold) -> None:
        if self.nest.lane == "r":
            t = self.nest.terms[i].suffix
            self.put(f"v{i} = splat_{t}({fold.horizontal}(r{i}))")
        else:
            self.put(f"v{i} = r{i}")

    def one_pass(self, now: int) -> None:
        nest = self.nest
        self.seen: set[int] = set()
        folds = [i for i, t in enumerate(nest.terms) if isinstance(t.expr, Fold) and self.stage[i] == now + 1]
        stores = [s for s in nest.stores if nest.terms[s.term].level == "full" and self.stage[s.term] == now]
        todo: list[int] = []
        for i in folds:
            todo += self.require(nest.uses(i)[0], now)
        for s in stores:
            todo += self.require(s.term, now)
        if not folds and not stores:
            return
        for i in folds:
            fold = nest.terms[i].expr
            assert isinstance(fold, Fold)
            self.put(f"r{i} = {fold.init}")
        first = len(nest.kept)
        loops = [(first + i, f"r_{i}") for i in range(len(nest.reduced) - (nest.lane == "r"))]
        if self.rows:
            loops = [self.row]
        moving = [a for a, _ in loops]
        used = {p for i in todo for p in self.operands_of(i, now)} | {s.operand for s in stores}
        across = not nest.reduced and not self.rows  # the lanes' loop is inside
        lane_axes = [nest.lane_axis] if nest.lane == "r" or across else []
        still = [i for i in todo if self.is_load(i, now) and not nest.varies(self.operands_of(i, now)[0], moving + lane_axes)]
        outside = [i for i in still if not lane_axes or not nest.varies(self.operands_of(i, now)[0], lane_axes)]
        for i in outside:
            self.load(i, now, "a", nest.lane == "k" and not across)
        for axis, name in loops:
            self.put(f"for {name} in range({self.row_range if self.rows else f'f{axis - first}'}):")
            self.depth += 1
        for p in sorted(used):
            if nest.tile is not None and nest.operands[p].buffer is nest.tile:
                step = " + (i - i0) * product_row" if self.rows else ""
                self.put(f"c{p} = a{p}{step}")
            else:
                self.put(f"c{p} = a{p}{self.offset(p, loops)}")
        rest = [i for i in todo if i not in outside]
        flat = [i for i in rest if self.is_load(i, now) and lane_axes and not nest.varies(self.operands_of(i, now)[0], lane_axes)]
        for i in flat:
            self.load(i, now, "c", False)
        if nest.lane == "r":
            self.put(f"for j in range(0, f{len(nest.reduced) - 1}, {LANES}):")
            self.depth += 1
            self.put(f"m = lanes_below(f{len(nest.reduced) - 1} - j)")
        elif across:
            self.put(f"for j in range(j0, j1, {LANES}):")
            self.depth += 1
            self.put("m = lanes_below(j1 - j)")
        for i in rest:
            if i in flat:
                continue
            if self.is_load(i, now):
                self.load(i, now, "c", True)
            else:
                self.compute(i, "c", True)
        for s in stores:
            self.write(s.operand, f"c{s.operand}", f"v{s.term}", True)
        for i in folds:
            fold = nest.terms[i].expr
            assert isinstance(fold, Fold)
            value = f"v{fold.arg}" if nest.lane == "k" else f"select(m, v{fold.arg}, {fold.init})"
            self.put(f"r{i} = {fold.combine.format(f'r{i}', value)}")
        self.depth -= len(loops) + (nest.lane == "r" or across)

    def is_load(self, i: int, now: int) -> bool:
        return isinstance(self.nest.terms[i].expr, Load) or (self.stage[i] < now and i in self.stash)

    def load(self, i: int, now: int, base: str, lanes: bool) -> None:
        (p,) = self.operands_of(i, now)
        self.put(f"v{i} = {self.element(p, f'{base}{p}', lanes)}")

    def operands_of(self, i: int, now: int) -> list[int]:
        if self.stage[i] < now and i in self.stash:
            return [self.stash[i]]
        expr = self.nest.terms[i].expr
        if isinstance(expr, Load):
            return [expr.operand]
        if isinstance(expr, Gather):
            return [expr.operand, *([expr.where] if expr.where >= 0 else [])]
        return []

    def render(self) -> str:
        nest = self.nest
        self.unpack()
        if self.checks:
            self.put("status = 0")
            self.put("lowest = 0")
            self.put("zero_index = const_i64(0)")
            self.put("one = lanes_below(1)")
        if nest.tile is not None:
            self.tile_loops()
        else:
            self.item_loops()
        for p, access in enumerate(nest.operands):
            if nest.tile is not None and access.buffer is nest.tile:
                row = "" if self.rows else " + (i - i0) * product_row"
                self.put(f"a{p} = product{row} - j0 * {access.size}")
            else:
                self.put(f"a{p} = b{p}{self.offset(p, self.outer)}")
        if nest.lane == "k" and (nest.reduced or self.rows):
            self.put(f"for j in range(j0, j1, {LANES}):")
            self.depth += 1
            self.put("m = lanes_below(j1 - j)")
        self.kept_terms(0)
        for now in range(self.passes):
            self.one_pass(now)
            self.kept_terms(now + 1)
        if nest.tile is None:
            self.advance()
        self.depth = 1
        self.put("return status" if self.checks else "return 0")
        return "\n".join(["def kernel(dims, bufs, ctx, tid, n):", *self.lines]) + "\n"

    def tile_loops(self) -> None:
        for i, name in enumerate(("i0", "rows", "j0", "columns", "product", "product_row")):
            self.put(f"{name} = word(n, {i})")
        self.put("j1 = j0 + columns")
        self.outer = [(0, "i")]
        if self.rows:
            self.outer, self.row, self.row_range = [], (0, "i"), "i0, i0 + rows"
            return
        self.put("for i in range(i0, i0 + rows):")
        self.depth += 1

    def item_loops(self) -> None:
        """The loop over this thread's items: places along the outer axes, blocks of lanes where they are kept, groups of rows where
        the innermost loop runs over these. Only the first item's place is found by division; from there on the indices count."""
        nest = self.nest
        outer = list(range(len(nest.kept) - (nest.lane == "k") - self.rows))
        self.outer = [(a, f"i{a}") for a in outer]
        self.counters = [(f"i{a}", f"e{a}") for a in outer]
        if nest.lane == "k":
            self.put(f"blocks = (e{nest.lane_axis} + block - 1) // block")
            self.counters.append(("part", "blocks"))
        if self.rows:
            row = nest.lane_axis - 1
            self.row, self.row_range = (row, f"i{row}"), "first_row, end_row"
            self.put(f"groups = (e{row} + {ROWS - 1}) // {ROWS}")
            self.counters.append(("group", "groups"))
        self.put(f"items = {' * '.join(end for _, end in self.counters) or '1'}")
        if len(self.counters) > 1:
            self.put("if items == 0:")
            self.put("    return 0")
        self.put("first = items * tid // n")
        place = "first"
        for i, (name, end) in reversed(list(enumerate(self.counters))):
            if i:
                self.put(f"q{i} = {place} // {end}")
                self.put(f"{name} = {place} - q{i} * {end}")
                place = f"q{i}"
            else:
                self.put(f"{name} = {place}")
        self.put("for item in range(first, items * (tid + 1) // n):")
        self.depth += 1
        if nest.lane == "k":
            self.put("j0 = part * block")
            self.put(f"j1 = min(e{nest.lane_axis}, j0 + block)")
        if self.rows:
            self.put(f"first_row = group * {ROWS}")
            self.put(f"end_row = min(e{nest.lane_axis - 1}, first_row + {ROWS})")

    def advance(self) -> None:
        """The indices of the next item."""
        self.depth = 2
        for i, (name, end) in reversed(list(enumerate(self.counters))):
            self.put(f"{name} = {name} + 1")
            if i:
                self.put(f"if {name} == {end}:")
                self.depth += 1
                self.put(f"{name} = 0")


def render(nest: Nest) -> str:
    """The text of a nest's kernel."""
    return _Writer(nest).render()


def keep_costly(nest: Nest) -> list[int]:
    """Full terms that a later pass needs and that are better kept in memory than computed again."""
    stage, found = nest.stages(), list[int]()
    passes = max([stage[i] for i, t in enumerate(nest.terms) if t.level == "full"], default=0)
    stored = {s.term for s in nest.stores}

    def costly(i: int) -> bool:
        expr = nest.terms[i].expr
        if nest.terms[i].level == "kept":
            return False
        return isinstance(expr, Gather) or (isinstance(expr, Apply) and expr.costly) or any(map(costly, nest.uses(i)))

    for now in range(1, passes + 1):
        roots = [nest.uses(i)[0] for i, t in enumerate(nest.terms) if isinstance(t.expr, Fold) and stage[i] == now + 1]
        roots += [s.term for s in nest.stores if nest.terms[s.term].level == "full" and stage[s.term] == now]
        stack = list(roots)
        while stack:
            i = stack.pop()
            if nest.terms[i].level == "kept" or i in stored or i in found:
                continue
            if stage[i] < now and costly(i):
                found.append(i)
            else:
                stack.extend(nest.uses(i))
    return found
