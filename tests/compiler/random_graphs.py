"""Random graphs for the compiler's tests: a seed makes a graph of ops over fixed and symbolic extents, with states that are read and
assigned, repeated outputs, inputs and views as outputs.

`exact` graphs hold small whole numbers in every dtype, so any right order of evaluation gives the same bits. `smooth` graphs are in
float64, with transcendental functions and gradients.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from graphnn_compiler import build as b
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.dims import ConcreteExtentNeeded, Extent, Shape, evaluate, product, symbol
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.ops import compare, contract, elementwise, index, movement, ordering, reduce, transcendental
from graphnn_compiler.ops.base import INTS, is_float
from graphnn_compiler.states import State
from graphnn_compiler.trace import Tracer, emit, tracing

N, M = symbol("n"), symbol("m")
SIZES = (0, 1, 2, 3, 5, 16, 17, 33)
TYPICAL = {"n": 5, "m": 3}
MOST = 3000  # elements of a value at typical sizes
LIMIT = {"float16": 500.0, "int8": 40.0, "uint8": 40.0}


class Maker:
    """Makes one graph. `bound` holds the largest magnitude that a value can have at any size, so that arithmetic stays exact."""

    def __init__(self, seed: int, length: int, *, smooth: bool = False, tracer: Tracer):
        self.rng, self.tracer, self.smooth = random.Random(seed), tracer, smooth
        self.pool: list[Value] = []
        self.bound: dict[Value, float] = {}
        self.length = length
        self.states: list[State] = []
        self.can_fail = False
        rng = self.rng
        self.extents: list[Extent] = [N, N, rng.choice([1, 2, 3, 17]), rng.choice([4, 5, 16]), 1]
        if rng.random() < 0.3:
            self.extents.append(M)
        self.dtypes = ["float64"] if smooth else ["float32", rng.choice(["int32", "float64", "float16", "int64", "uint8", "int8"])]

    # -- sources

    def shape(self, ndim: int | None = None) -> Shape:
        while True:
            ndim = self.rng.choice([0, 1, 1, 2, 2, 2, 3, 4]) if ndim is None else ndim
            shape = tuple(self.rng.choice(self.extents) for _ in range(ndim))
            if evaluate(product(shape), TYPICAL) <= 400:
                return shape

    def add(self, v: Value, bound: float) -> Value:
        most = 4.0 if self.smooth else LIMIT.get(v.dtype, 5000.0)
        if bound > most and v.dtype != "bool":
            if self.smooth:
                v, bound = emit(transcendental.Tanh(), v * 0.2), 1.0
            else:
                v, bound = b.binary(elementwise.Minimum(), b.binary(elementwise.Maximum(), v, 0 if v.dtype[0] == "u" else -9), 9), 9.0
        if evaluate(product(v.shape), TYPICAL) <= MOST:
            self.bound[v] = bound
            self.pool.append(v)
        return v

    def start(self) -> None:
        rng = self.rng
        for _ in range(rng.randint(1, 3)):
            dtype = rng.choice([*self.dtypes, "bool"] if not self.smooth else self.dtypes)
            self.add(self.tracer.input(self.shape(), dtype), 3.0)
        if not any(self.symbols(v) >= {"n"} for v in self.pool):
            self.add(self.tracer.input((N, 3), self.dtypes[0]), 3.0)
        if M in self.extents:
            self.add(self.tracer.input((M,), self.dtypes[0]), 3.0)
        for _ in range(rng.choice([0, 0, 1, 2, 3])):
            shape = tuple(rng.choice([1, 2, 3, 5, 17]) for _ in range(rng.choice([0, 1, 2, 2, 3])))
            self.add_state(shape)
        if rng.random() < 0.5:
            shape = tuple(rng.choice([1, 3, 5]) for _ in range(rng.choice([0, 1, 2])))
            numbers = np.random.default_rng(rng.randint(0, 99)).integers(0, 4, shape)
            self.add(b.value(numbers.astype(self.dtypes[0])), 3.0)

    def symbols(self, v: Value) -> set[str]:
        return {s for d in v.shape if not isinstance(d, int) for s in str(d).replace("*", "+").split("+")}

    def add_state(self, shape: tuple[int, ...]) -> None:
        array = np.random.default_rng(len(self.states)).integers(0, 4, shape).astype(self.dtypes[0])
        key = State(np.ascontiguousarray(array).reshape(shape))
        self.states.append(key)
        self.add(self.tracer.read(key, shape, array.dtype.name), 3.0)

    # -- choosing

    def pick(self, *, floats: bool = False, dtype: str | None = None, ndim: int = 0) -> Value:
        """A value of the pool, more often a young one."""
        fit = [v for v in self.pool if (not floats or is_float(v.dtype)) and (dtype is None or v.dtype == dtype) and v.ndim >= ndim]
        numbers = [v for v in fit if v.dtype != "bool"] if dtype is None else fit
        if not numbers:
            shape = self.shape(max(ndim, 1))
            v = emit(movement.BroadcastTo(shape), movement.constant(1, dtype or self.dtypes[0]))
            return self.add(v, 1.0)
        return numbers[min(int(self.rng.triangular(0, len(numbers), len(numbers))), len(numbers) - 1)]

    def partner(self, v: Value, dtype: str | None = None) -> Value:
        """A value that broadcasts with v, of its dtype."""
        dtype = dtype or v.dtype
        shuffled = self.pool[:]
        self.rng.shuffle(shuffled)
        for w in shuffled:
            if w.dtype == dtype and w is not v and self.joins(v.shape, w.shape):
                return w
        for w in shuffled:
            if w.dtype != dtype and self.joins(v.shape, w.shape) and "bool" not in (w.dtype, dtype) and not self.smooth:
                if dtype[0] == "u" and w.dtype[0] != "u":
                    continue
                if self.bound[w] <= LIMIT.get(dtype, 5000.0):
                    return self.add(b.cast(w, dtype), self.bound[w])
        c = self.rng.randint(0 if dtype[0] == "u" else -2, 3)
        return self.add(movement.constant(c, dtype), 3.0)

    @staticmethod
    def joins(s: Shape, t: Shape) -> bool:
        try:
            b.broadcast(s, t)
        except (ValueError, ConcreteExtentNeeded):
            return False
        return True

    # -- ops

    def step(self) -> None:
        kinds = {"unary": 3, "binary": 6, "reduce": 3, "move": 4, "joined": 1, "matmul": 1, "where": 1, "take": 1, "state": 1}
        if not self.smooth:
            kinds |= {"cast": 1, "compare": 1, "kernel": 1, "numbers": 1}
        kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
        getattr(self, kind)()

    def unary(self) -> None:
        v = self.pick()
        bound, e, t = self.bound[v], elementwise, transcendental
        if self.smooth:
            op = self.rng.choice([t.Tanh(), t.Sin(), t.Exp(), t.Sigmoid(), e.Neg(), t.Softplus()])
            self.add(emit(op, v), {t.Exp: np.exp(bound), e.Neg: bound, t.Softplus: bound + 1}.get(type(op), 1.0))
            return
        op = self.rng.choice([e.Neg(), e.Abs(), e.Relu(), e.Sign()] + [t.Floor(), t.Ceil(), "sqrt"] * is_float(v.dtype))
        if op == "sqrt":
            self.add(emit(t.Floor(), emit(t.Sqrt(), emit(e.Abs(), v))), bound)
            return
        if isinstance(op, e.Neg) and v.dtype[0] == "u":
            op = e.Abs()
        self.add(emit(op, v), bound)

    def binary(self) -> None:
        v = self.pick()
        w = self.partner(v)
        e = elementwise
        op = self.rng.choice([e.Add(), e.Sub(), e.Mul(), e.Maximum(), e.Minimum()])
        if isinstance(op, e.Sub) and v.dtype[0] == "u":
            op = e.Add()
        x, y = self.bound[v], self.bound[w]
        if self.rng.random() < 0.5:
            v, w = w, v
        self.add(emit(op, v, w), x * y if isinstance(op, e.Mul) else x + y if isinstance(op, e.Add | e.Sub) else max(x, y))

    def reduce(self) -> None:
        v = self.pick(ndim=1)
        axes = tuple(sorted(self.rng.sample(range(v.ndim), self.rng.randint(1, v.ndim))))
        count = evaluate(product(v.shape[a] for a in axes), {"n": 33, "m": 33})
        kinds = [reduce.Sum] if self.smooth or any(self.has_symbol(v.shape[a]) for a in axes) else [reduce.Sum, reduce.Max, reduce.Min]
        kind = self.rng.choice(kinds)
        bound = self.bound[v] * (count if kind is reduce.Sum else 1)
        if kind is reduce.Sum and bound > (1e9 if v.dtype in ("float64", "int64", "int32") else 4e6 if v.dtype == "float32" else 400):
            return
        y = b.reduced(kind, v, axes, self.rng.random() < 0.5)
        if self.smooth:
            y, bound = y * (1 / max(count, 1)), self.bound[v]
        self.add(y, bound)

    @staticmethod
    def has_symbol(d: Extent) -> bool:
        return not isinstance(d, int)

    def move(self) -> None:
        v = self.pick() if self.smooth or self.rng.random() < 0.8 else self.pick(dtype="bool")
        bound = self.bound[v]
        kind = self.rng.choice(["transpose", "reshape", "broadcast", "slice", "flip", "pad", "update", "drop"])
        rng = self.rng
        if kind == "transpose" and v.ndim > 1:
            perm = list(range(v.ndim))
            rng.shuffle(perm)
            self.add(movement.transpose(v, tuple(perm)), bound)
        elif kind == "reshape":
            self.add(movement.reshape(v, self.other_shape(v.shape)), bound)
        elif kind == "broadcast" and v.ndim < 4:
            shape = tuple(rng.choice(self.extents) if d == 1 else d for d in v.shape)
            self.add(b.broadcast_to(v, (rng.choice(self.extents), *shape) if rng.random() < 0.6 else shape), bound)
        elif kind in ("slice", "flip") and v.ndim:
            key = tuple(self.part(d) if kind == "slice" else slice(None, None, rng.choice([1, -1])) for d in v.shape)
            self.add(b.getitem(v, key), bound)
        elif kind == "pad" and v.ndim:
            edges = [(rng.randint(0, 2), rng.randint(0, 2)) for _ in v.shape]
            shape = tuple(d + lo + hi for d, (lo, hi) in zip(v.shape, edges, strict=True))
            self.add(emit(movement.Unslice(tuple(lo for lo, _ in edges), (1,) * v.ndim, shape), v), bound)
        elif kind == "update" and v.ndim and all(isinstance(d, int) for d in v.shape):
            sizes = [rng.randint(1, int(d)) for d in v.shape]
            starts = tuple(rng.randint(0, int(d) - n) for d, n in zip(v.shape, sizes, strict=True))
            source = self.partner(v)
            if all(isinstance(d, int) and d > 0 for d in source.shape):
                piece = b.broadcast_to(b.getitem(source, (0,) * source.ndim), tuple(sizes))
                self.add(emit(movement.SliceUpdate(starts, (1,) * v.ndim), v, piece), max(bound, self.bound[source]))
        elif kind == "drop" and v.ndim > 1 and isinstance(v.shape[0], int):
            self.add(b.getitem(v, rng.randint(0, int(v.shape[0]) - 1)), bound)

    def part(self, d: Extent) -> slice | int:
        if not isinstance(d, int):
            return slice(None, None, self.rng.choice([1, 1, -1]))
        low = self.rng.randint(0, d - 1)
        high = self.rng.randint(low + 1, d)
        step = self.rng.choice([1, 1, 2])
        return slice(low, high, step) if self.rng.random() < 0.7 else slice(high - 1, low - 1 if low else None, -step)

    def other_shape(self, shape: Shape) -> Shape:
        rng, out = self.rng, list(shape)
        kind = rng.choice(["merge", "merge", "split", "ones", "squeeze"])
        if kind == "merge" and len(out) > 1:
            i = rng.randint(0, len(out) - 2)
            out[i : i + 2] = [out[i] * out[i + 1]]
        elif kind == "split":
            for i, d in enumerate(out):
                for f in (2, 3):
                    if isinstance(d, int) and d > f and d % f == 0:
                        return (*out[:i], f, d // f, *out[i + 1 :])
        elif kind == "ones":
            out.insert(rng.randint(0, len(out)), 1)
        else:
            out = [d for d in out if d != 1]
        return tuple(out)

    def joined(self) -> None:
        v = self.pick(ndim=1)
        same = [w for w in self.pool if (w.shape, w.dtype) == (v.shape, v.dtype)]
        parts = [self.rng.choice(same) for _ in range(self.rng.randint(1, 3))]
        self.add(emit(movement.Concat(self.rng.randrange(v.ndim)), v, *parts), max(self.bound[w] for w in [v, *parts]))

    def matmul(self) -> None:
        v = self.pick(ndim=2, floats=True)
        fit = [w for w in self.pool if w.ndim > 1 and w.dtype == v.dtype and w.shape[-2] == v.shape[-1] and self.joins(v.shape[:-2], w.shape[:-2])]
        w = self.rng.choice(fit) if fit else contract.swap_last(v)
        k = evaluate(v.shape[-1], {"n": 33, "m": 33})
        bound = self.bound[v] * self.bound.get(w, self.bound[v]) * k
        if bound > (2e6 if v.dtype == "float32" else 400 if v.dtype == "float16" else 1e9):
            return
        y = emit(contract.MatMul(), v, w)
        self.add(y * (1 / max(1, k)) if self.smooth else y, bound / max(1, k) if self.smooth else bound)

    def where(self) -> None:
        v = self.pick()
        w = self.partner(v)
        if self.smooth:  # the condition does not depend on what is differentiated
            c = emit(compare.Less(), b.index.extent_value(N, "float64"), b.value(3.0, "float64"))
        else:
            c = self.partner(v, "bool")
        if self.joins(c.shape, b.broadcast(v.shape, w.shape)):
            self.add(emit(elementwise.Where(), c, v, w), max(self.bound[v], self.bound[w]))

    def compare(self) -> None:
        v = self.pick()
        c = compare
        op = self.rng.choice([c.Less(), c.LessEqual(), c.Greater(), c.Equal(), c.NotEqual()])
        y = self.add(emit(op, v, self.partner(v)), 1.0)
        if self.rng.random() < 0.3:
            self.add(emit(self.rng.choice([c.And(), c.Or(), c.Xor()]), y, self.partner(y)), 1.0)

    def cast(self) -> None:
        v = self.pick() if self.rng.random() < 0.6 else self.pick(dtype="bool")
        dtype = self.rng.choice(["float32", "int32", "float64", *self.dtypes])
        if self.bound[v] <= LIMIT.get(dtype, 5000.0) and (dtype[0] != "u" or v.dtype in ("bool", dtype)):
            self.add(b.cast(v, dtype), self.bound[v])

    def numbers(self) -> None:
        """0, 1, 2, ... and extents as numbers."""
        dtype = self.rng.choice(["int32", "float32", "float64"])
        d = self.rng.choice(self.extents)
        v = emit(index.Iota(d, dtype)) if self.rng.random() < 0.7 else index.extent_value(N, dtype)
        self.add(v, 60.0)

    def indices(self, shape: Shape, limit: Extent) -> Value:
        """int64 indices below a limit; a few graphs have one that may be too large."""
        kind = self.rng.random()
        top = index.extent_value(limit)
        if kind < 0.5 and not self.smooth:
            source = self.pick()
            if is_float(source.dtype) or source.dtype in INTS:
                i = b.cast(source, "int64") + 9000
                return b.broadcast_to(emit(elementwise.Mod(), i, top), i.shape)
        count = emit(movement.Reshape(shape), emit(index.Iota(product(shape))))
        if kind > 0.97:
            self.can_fail = True
            return count
        return emit(elementwise.Mod(), count * 7 + 3, top)

    def take(self) -> None:
        v = self.pick(ndim=1)
        axis = self.rng.randrange(v.ndim)
        if self.has_symbol(v.shape[axis]) and self.rng.random() < 0.7:
            return
        if self.rng.random() < 0.6 or v.ndim > 3:
            i = self.indices(self.shape(self.rng.randint(0, 2)), v.shape[axis])
            if i.ndim + v.ndim <= 5:
                self.add(emit(index.Take(axis), v, i), self.bound[v])
        else:
            shape = tuple(self.rng.choice([1, 2, 5]) if a == axis else d for a, d in enumerate(v.shape))
            i = self.indices(shape, v.shape[axis])
            if i.shape == shape:
                self.add(emit(index.TakeAlongAxis(axis), v, i), self.bound[v])

    def kernel(self) -> None:
        v = self.pick(ndim=1)
        kind = self.rng.choice(["sort", "cumulate", "scatter"])
        if kind == "sort" and v.dtype in ("float32", "float64", "int32", "int64", "uint8"):
            self.add(emit(ordering.ArgSort(self.rng.random() < 0.5), v), 60.0)
        elif kind == "cumulate" and self.bound[v] * 60 < LIMIT.get(v.dtype, 1e6):
            self.add(emit(ordering.Cumulate("add"), v), self.bound[v] * 60)
        elif kind == "scatter" and v.dtype in ("float32", "float64", "int32", "int64"):
            flat = movement.reshape(v, (v.shape[0], product(v.shape[1:])))
            rows = self.rng.choice([2, 5])
            i = self.indices((v.shape[0],), rows)
            mode = self.rng.choice(["add", "max", "min", "set"])
            if i.shape == (v.shape[0],) and self.bound[v] * 40 < 1e6:
                base = b.broadcast_to(movement.constant(0, v.dtype), (rows, flat.shape[1]))
                self.add(emit(index.Scatter(mode), base, i, flat), self.bound[v] * (40 if mode == "add" else 1))

    def state(self) -> None:
        """A state takes a new value, made from its old one or not; later reads see it."""
        if not self.states:
            return
        key = self.rng.choice(self.states)
        shape, dtype = key.array.shape, key.array.dtype.name
        now = self.tracer.read(key, shape, dtype)
        fit = [v for v in self.pool if (v.shape, v.dtype) == (shape, dtype)]
        kind = self.rng.random()
        if not fit:
            return
        if kind < 0.4:
            new = emit(elementwise.Add(), now, now if self.smooth else self.rng.choice(fit))
            bound = 2 * max(self.bound[v] for v in fit)
        elif kind < 0.6 and len(shape) == 2 and shape[0] == shape[1]:
            new, bound = movement.transpose(self.rng.choice(fit), (1, 0)), max(self.bound[v] for v in fit)
        else:
            new = self.rng.choice(fit)
            bound = self.bound[new]
        new = self.add(new, bound)
        if new.shape == shape and bound <= 100:
            self.tracer.assign(key, new)

    # -- the whole

    def outputs(self) -> list[Value]:
        rng = self.rng
        young = self.pool[-6:]
        out = [rng.choice(young if rng.random() < 0.7 else self.pool) for _ in range(rng.randint(1, 4))]
        if rng.random() < 0.2:
            out.append(out[0])
        return [v for v in out if evaluate(product(v.shape), TYPICAL) <= MOST]

    def make(self) -> Graph:
        self.start()
        for _ in range(self.length):
            self.step()
        out = self.outputs()
        if self.smooth:
            wrt = [v for v in [*self.tracer.graph.inputs, *[self.tracer.graph.states[k] for k in self.states]] if is_float(v.dtype)]
            y = out[-1]
            out += gradients([y], [emit(transcendental.Sin(), y)], wrt)
        return self.tracer.finish(out)


def random_graph(seed: int, length: int, *, smooth: bool = False) -> tuple[Graph, list[State], bool]:
    """A graph, its states, and whether a run may fail by an index out of range."""
    with tracing() as tracer:
        maker = Maker(seed, length, smooth=smooth, tracer=tracer)
        graph = maker.make()
    return graph, [k for k in maker.states if k in graph.states], maker.can_fail


def arrays_for(graph: Graph, env: dict[str, int], seed: int) -> list[np.ndarray]:
    """Inputs of small whole numbers."""
    rng = np.random.default_rng(seed)
    out = []
    for v in graph.inputs:
        shape = tuple(evaluate(d, env) for d in v.shape)
        low = 0 if v.dtype[0] in "ub" else -3
        a = rng.integers(low, 4 if v.dtype != "bool" else 2, shape)
        out.append(np.ascontiguousarray(a.astype(v.dtype)).reshape(shape))
    return out


def sizes(seed: int) -> Sequence[dict[str, int]]:
    """Numbers for the symbols of the graph of a seed."""
    rng = random.Random(seed)
    return [{"n": n, "m": rng.choice(SIZES[1:6])} for n in rng.sample(SIZES, 2)]
