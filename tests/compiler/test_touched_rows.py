"""Updates by rows: the bits of the dense form where it is proven to be the same, the dense form elsewhere; sums and sets of rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.dims import Extent, evaluate, smaller
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.ops import contract, elementwise, index, movement, reduce, rows, transcendental
from graphnn_compiler.ops.index import IndexOutOfRange
from graphnn_compiler.passes import touched_rows
from graphnn_compiler.passes.pipeline import optimize
from graphnn_compiler.runtime import team
from graphnn_compiler.runtime.program import Mode
from graphnn_compiler.trace import Tracer, emit, emit_all, trace, tracing
from graphnn_compiler.verify import verify
from lowering_cases import Case, N, turned
from machine import allow, machine
from random_graphs import State

V, D = 100, 5
DENSE = 1 << 62


@pytest.fixture(autouse=True)
def small_tables(monkeypatch: pytest.MonkeyPatch):
    """Tables of any size by rows, instructions of any size on all threads."""
    monkeypatch.setattr(touched_rows, "LEAST", 0)
    monkeypatch.setattr(touched_rows, "SHARES", (1, 1))
    monkeypatch.setenv("GRAPHNN_MIN_PARALLEL_WORK", "0")
    yield
    team.set_threads(None)


def ids_of(c: Case, n: int | None = None, rows: int = V) -> Value:
    """An input of ids, some of them more than once."""
    found = np.random.default_rng(c.n).integers(0, rows, c.n)
    found[: c.n // 2] = found[c.n // 2 :][: c.n // 2]
    return c.input(N, dtype="int64", array=found)


def gradient(c: Case, *shape: int, ids: Value | None = None, inner: tuple[int, ...] = (D,), table: int = V) -> Value:
    """What the gradient of a lookup in a table is."""
    i = ids_of(c, rows=table) if ids is None else ids
    ct = movement.reshape(c.input(N, *inner), (N, int(np.prod(inner))))
    zeros = b.broadcast_to(b.value(np.float32(0)), (table, int(np.prod(inner))))
    return movement.reshape(emit(index.Scatter("add"), zeros, i, ct), (table, *inner))


Build = Callable[[Case], list[Value]]
CASES: dict[str, tuple[Build, int]] = {}


def case(touched: int) -> Callable[[Build], Build]:
    """A graph of which so many updates are written by rows."""

    def add(f: Build) -> Build:
        CASES[f.__name__] = (f, touched)
        return f

    return add


# -- by rows


@case(1)
def a_step_along_the_gradient(c: Case) -> list[Value]:
    (k, p), (_, rate) = c.state(V, D), c.state()
    c.assign(k, p - rate * gradient(c))
    return []


@case(2)
def a_sum_of_squares_and_a_step(c: Case) -> list[Value]:
    (k, p), (m, a) = c.state(V, D), c.state(V, D)
    g = gradient(c)
    c.assign(m, a + g * g)
    c.assign(k, p - 0.5 * g / emit(transcendental.Sqrt(), c.read(m) * c.read(m) + 0.25))
    return []


@case(1)
def a_clipped_gradient(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    limited = emit(elementwise.Minimum(), emit(elementwise.Maximum(), gradient(c), b.value(np.float32(-1))), b.value(np.float32(1)))
    c.assign(k, p - limited / 8.0)
    return []


@case(1)
def signs_in_another_dtype(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    c.assign(k, p + b.cast(emit(elementwise.Sign(), b.cast(-gradient(c), "float64")), "float32"))
    return []


@case(1)
def lookups_that_share_a_table(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    ids = ids_of(c)
    c.assign(k, p - (gradient(c, ids=ids) + gradient(c, ids=ids) + gradient(c) * 2.0))
    return []


@case(2)
def two_tables(c: Case) -> list[Value]:
    (k, p), (m, q) = c.state(V, D), c.state(2 * V, 33)
    c.assign(k, p - gradient(c))
    c.assign(m, q - gradient(c, inner=(33,), table=2 * V))
    return []


@case(1)
def rows_of_two_axes(c: Case) -> list[Value]:
    (k, p), (_, w) = c.state(V, 2, 3), c.state(3)
    c.assign(k, p - gradient(c, inner=(2, 3)) * w)
    return []


@case(1)
def a_factor_for_each_row(c: Case) -> list[Value]:
    (k, p), (_, w) = c.state(V, D), c.state(V, 1)
    c.assign(k, p - gradient(c) * w)
    return []


@case(1)
def a_step_only_where_all_is_well(c: Case) -> list[Value]:
    (k, p), (_, count) = c.state(V, D), c.state()
    fine = b.binary(elementwise.Mul(), count, count) < 4.0
    c.assign(k, emit(elementwise.Where(), fine, p - gradient(c), p))
    return []


@case(1)
def an_average_of_the_new_table(c: Case) -> list[Value]:
    (k, p), (m, a) = c.state(V, D), c.state(V, D)
    c.assign(k, p - gradient(c))
    c.assign(m, a * 0.5 + c.read(k) * 0.5)
    return []


@case(1)
def both_tables_are_results(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    c.assign(k, p - gradient(c))
    return [p, c.read(k), b.reduced(reduce.Sum, c.read(k), 0)]


@case(1)
def the_new_table_is_looked_up(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    ids = ids_of(c)
    c.assign(k, p - gradient(c, ids=ids))
    return [emit(index.Take(0), c.read(k), ids), emit(index.Take(0), p, ids)]


@case(1)
def the_old_table_is_read_by_a_product(c: Case) -> list[Value]:
    (k, p), (m, w) = c.state(V, D), c.state(D, D)
    c.assign(k, p - gradient(c))
    y = b.matmul(p, w)
    c.assign(m, w - b.matmul(turned(p), y))
    return [b.reduced(reduce.Sum, y)]


@case(1)
def integers(c: Case) -> list[Value]:
    k, p = c.state(V, D, dtype="int32")
    zeros = b.broadcast_to(b.value(np.int32(0)), (V, D))
    c.assign(k, p + emit(index.Scatter("add"), zeros, ids_of(c), c.input(N, D, dtype="int32")) * np.int32(3))
    return []


# -- dense


@case(0)
def momentum(c: Case) -> list[Value]:
    (k, p), (m, a) = c.state(V, D), c.state(V, D)
    c.assign(m, a * 0.5 - gradient(c))
    c.assign(k, p + c.read(m))
    return []


@case(0)
def a_decay_of_weights(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    c.assign(k, p - p * 0.5)
    c.assign(k, c.read(k) - gradient(c))
    return []


@case(0)
def a_penalty_for_weights(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    c.assign(k, p - (gradient(c) + p * 0.5))
    return []


@case(0)
def a_constraint(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    c.assign(k, p - gradient(c))
    c.assign(k, emit(elementwise.Relu(), c.read(k)))
    return []


@case(0)
def a_gradient_divided_by_its_norm(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    g = gradient(c)
    c.assign(k, p - g * emit(elementwise.Sign(), b.reduced(reduce.Sum, g * g)))
    return []


@case(0)
def a_gradient_that_is_a_result(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    g = gradient(c)
    c.assign(k, p - g)
    return [g]


@case(0)
def a_table_that_is_added_to(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    c.assign(k, p - gradient(c) - 1.0)
    return []


@case(0)
def zero_divided_by_zero(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    g = gradient(c)
    c.assign(k, p - g / emit(elementwise.Abs(), g))
    return []


@case(0)
def the_other_table_takes_the_new_value(c: Case) -> list[Value]:
    (_, p), (m, _) = c.state(V, D), c.state(V, D)
    c.assign(m, p - gradient(c))
    return []


@case(0)
def columns_of_a_table(c: Case) -> list[Value]:
    k, p = c.state(V, V)
    c.assign(k, p - turned(gradient(c, inner=(V,))))
    return []


@case(0)
def a_row_for_each_column(c: Case) -> list[Value]:
    k, p = c.state(V, V, 1)
    g = gradient(c, inner=(1,))
    c.assign(k, p - g)
    return []


@case(0)
def two_steps_one_after_the_other(c: Case) -> list[Value]:
    k, p = c.state(V, D)
    ids = ids_of(c)
    c.assign(k, p - gradient(c, ids=ids))
    g = emit(index.Take(0), c.read(k), ids)
    zeros = b.broadcast_to(b.value(np.float32(0)), (V, D))
    c.assign(k, c.read(k) - emit(index.Scatter("add"), zeros, ids, g))
    return []


# -- each of them


def make(build: Build, n: int) -> tuple[Graph, list[np.ndarray], list[State]]:
    with tracing() as t:
        c = Case(t, n)
        graph = t.finish(build(c))
    return graph, c.arrays, c.keys


def reference(build: Build, n: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    graph, arrays, keys = make(build, n)
    outputs, new = interpret(graph, arrays, {k: k.array for k in graph.states})
    return outputs, [np.asarray(new.get(k, k.array)) for k in keys]


def equal(got: Sequence[np.ndarray], want: Sequence[np.ndarray], note: str) -> None:
    for i, (g, w) in enumerate(zip(got, want, strict=True)):
        assert (g.dtype, g.shape) == (w.dtype, w.shape), note
        np.testing.assert_array_equal(g, w, err_msg=f"{note}, result {i}")


def on_the_machine(build: Build, n: int) -> None:
    outputs, states = reference(build, n)
    for threads, apart in ((1, True), (3, True), (1, False)):
        graph, arrays, keys = make(build, n)
        note = f"{build.__name__}, n = {n}, {threads} threads"
        with machine(threads, apart=apart):
            program = Executable(graph).program([a.shape for a in arrays], Mode(("whole",) * len(arrays), False, (0,) * len(arrays)))
            got = [np.empty(s, d) for s, d in zip(program.output_shapes, program.output_dtypes, strict=True)]
            allow(program, arrays, got)
            assert program.run([a.ctypes.data for a in arrays], {}, [a.ctypes.data for a in got], 1) is None
        equal(got, outputs, note)
        equal([k.array for k in keys], states, f"{note}, states")


def put(graph: Graph) -> int:
    return sum(isinstance(n.op, rows.PutRows) for n in graph.nodes)


@pytest.mark.parametrize("name", CASES)
def test_which_updates_are_by_rows(name: str) -> None:
    build, touched = CASES[name]
    for n in (0, 1, 9):
        graph, arrays, keys = make(build, n)
        outputs, states = reference(build, n)
        graph = optimize(graph, lambda _, g: verify(g))
        assert put(graph) == touched
        assert touched == 0 or not any(isinstance(node.op, rows.SumRows) and node.op.rows in (V, 2 * V) for node in graph.nodes)
        got, new = interpret(graph, arrays, {k: k.array for k in graph.states})
        equal(got, outputs, name)
        equal([np.asarray(new.get(k, k.array)) for k in keys], states, name)


@pytest.mark.parametrize("name", CASES)
def test_on_the_machine(name: str) -> None:
    for n in (0, 1, 17):
        on_the_machine(CASES[name][0], n)


def floats(build: Build, n: int) -> tuple[Graph, list[np.ndarray], list[State]]:
    """A case with numbers that sums in another order would round otherwise."""
    graph, arrays, keys = make(build, n)
    rng = np.random.default_rng(n)
    for a in [*arrays, *(k.array for k in keys)]:
        if a.dtype == np.float32:
            a[...] = rng.normal(size=a.shape) * 10.0 ** rng.integers(-3, 4, a.shape)
    return graph, arrays, keys


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][1]])
def test_the_bits_of_the_dense_form_on_any_number_of_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[int, list[bytes]] = {}
    for threads in (0, 1, 2, 3, 4):  # 0: dense
        monkeypatch.setattr(touched_rows, "LEAST", 0 if threads else DENSE)
        team.set_threads(threads or None)
        graph, _, keys = floats(CASES[name][0], 9)
        step = Executable(graph)
        for n in (9, 1, 40, 0, 150, 9):  # the last one finds what others have left in the work space
            outputs = step(floats(CASES[name][0], n)[1])
            found.setdefault(n, []).append(b"".join(a.tobytes() for a in [*outputs, *(k.array for k in keys)]))
    for n, bits in found.items():
        assert len(bits) % 5 == 0
        assert len(set(bits[:: len(bits) // 5])) == 1, n


@pytest.mark.parametrize("ids", [[0] * 700, [V - 1] * 700, [3, 4] * 350, list(range(V)) * 7])
def test_ids_that_come_often(ids: list[int]) -> None:
    """In chains of hundreds of terms another order would show; 33 columns are shared out to two threads, not to four."""
    found: set[bytes] = set()
    rng = np.random.default_rng(0)
    ct, start = rng.normal(size=(700, 33)).astype("float32"), rng.normal(size=(V, 33)).astype("float32")
    for threads, least in ((1, DENSE), (4, DENSE), (1, 0), (2, 0), (3, 0), (4, 0)):
        touched_rows.LEAST = least
        team.set_threads(threads)
        key = State(start.copy())
        with tracing() as t:
            zeros = b.broadcast_to(b.value(np.float32(0)), (V, 33))
            g = emit(index.Scatter("add"), zeros, t.input((N,), "int64"), t.input((N, 33), "float32"))
            t.assign(key, t.read(key, (V, 33), "float32") - 0.1 * g)
            Executable(t.finish([]))([np.array(ids), ct])
        found.add(key.array.tobytes())
    assert len(found) == 1
    want = start.astype("float64")
    np.subtract.at(want, ids, np.float32(0.1) * ct.astype("float64"))
    np.testing.assert_allclose(key.array, want, rtol=1e-4, atol=1e-4)


def test_the_state_is_written_in_place() -> None:
    graph, arrays, _ = make(a_sum_of_squares_and_a_step, 9)
    step = Executable(graph)
    step(arrays)
    text = str(step.report())
    assert text.count("put_rows") == text.count("touched rows only") == 2, text
    graph, arrays, _ = make(both_tables_are_results, 9)
    step = Executable(graph)
    step(arrays)
    assert "touched rows only" in str(step.report())
    graph, arrays, _ = make(momentum, 9)
    step = Executable(graph)
    step(arrays)
    assert "touched" not in str(step.report())


def test_only_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    def updated(rows_: int, inner: int, count: Extent) -> int:
        with tracing() as t:
            key = State(np.zeros((rows_, inner), np.float32))
            p = t.read(key, key.array.shape, "float32")
            zeros = b.broadcast_to(b.value(np.float32(0)), (rows_, inner))
            i, ct = t.input((count,), "int64"), t.input((count, inner), "float32")
            t.assign(key, p - emit(index.Scatter("add"), zeros, i, ct))
            return put(optimize(t.finish([])))

    monkeypatch.undo()
    for size, share in ((touched_rows.LEAST, 0), (touched_rows.FAR, 1)):
        table, most = size // 16, size // 16 // touched_rows.SHARES[share]
        assert updated(table, 16, most) == 1
        assert updated(table, 16, most + 1) == 0
        assert updated(table, 16, N * (most // touched_rows.TYPICAL)) == 1
        assert updated(table, 16, N * (most // touched_rows.TYPICAL + 1)) == 0
    assert updated(touched_rows.LEAST // 16 - 1, 16, 1) == 0
    assert updated(touched_rows.FAR // 16 - 1, 16, touched_rows.FAR // 16 // 3) == 0


# -- what fails


def test_states_stay_when_an_id_is_bad_and_the_right_lookup_is_named() -> None:
    with tracing(Tracer()) as t:
        c = Case(t, 4)
        (k, p), (m, a), (total, count) = c.state(V, D), c.state(V, D), c.state()
        sums: list[Value] = []
        for i in range(2):
            t.path.append(f"lookup {i}")
            zeros = b.broadcast_to(b.value(np.float32(0)), (V, D))
            sums.append(emit(index.Scatter("add"), zeros, t.input((N,), "int64"), t.input((N, D), "float32")))
            t.path.pop()
        g = sums[0] + sums[1]
        c.assign(m, a + g * g)
        c.assign(k, p - g)
        c.assign(total, count + 1.0)
        step = Executable(t.finish([]))
    before = [x.array.copy() for x in (k, m, total)]
    good, ct = np.array([3, 0, 99, 3]), np.ones((4, D), np.float32)
    for bad in (-1, V, 1 << 40, -(1 << 40)):
        for place in range(2):
            given = [good.copy(), good.copy()]
            given[place][2] = bad
            for threads in (1, 2, 4):
                team.set_threads(threads)
                with pytest.raises(IndexOutOfRange, match=f"lookup {place}.* position 2 ") as found:
                    step([given[0], ct, given[1], ct])
                assert found.value.value == bad
                equal([x.array for x in (k, m, total)], before, f"id {bad}")
    step([good, ct, good, ct])
    assert total.array == before[2] + 1
    np.testing.assert_array_equal(k.array[3], before[0][3] - 4)


def test_several_steps_of_a_run_follow_each_other() -> None:
    rng = np.random.default_rng(0)
    ids, ct, order = rng.integers(0, V, 50), rng.normal(size=(50, D)).astype("float32"), rng.permutation(50)
    found: list[np.ndarray] = []
    for least in (0, DENSE):
        touched_rows.LEAST = least
        with tracing() as t:
            c = Case(t, 5)
            k, p = c.state(V, D)
            i = t.input((N,), "int64")
            g = emit(index.Scatter("add"), b.broadcast_to(b.value(np.float32(0)), (V, D)), i, t.input((N, D), "float32"))
            c.assign(k, p - 0.1 * g * b.reduced(reduce.Sum, emit(index.Take(0), p, i), 0))
            step = Executable(t.finish([]))
        step.run([Rows(ids, 5, 0, order), Rows(ct, 5, 0, order)], 8)
        step.run([Rows(ids, 5), Rows(ct, 5)], 10)
        found.append(k.array)
    np.testing.assert_array_equal(*found)


# -- the ops


@pytest.mark.parametrize(("table", "count"), [(1, 0), (1, 5), (7, 1), (7, 50), (3, 2), (1000, 300), (100_000, 3000)])
def test_distinct_numbers(table: int, count: int) -> None:
    def f(i: Value) -> list[Value]:
        return list(emit_all(rows.Distinct(table), i))

    find, rng = Executable(trace(f, [((N,), "int64")])), np.random.default_rng(count)
    for ids in (rng.integers(0, table, count), np.full(count, table - 1), np.arange(count) % table, rng.integers(0, table, count)):
        place, numbers, many = find([ids])
        seen = list(dict.fromkeys(ids.tolist()))
        assert many == len(seen)
        assert numbers.tolist() == seen + seen[:1] * (min(count, table) - len(seen))
        np.testing.assert_array_equal(numbers[place], ids)
        want, _ = interpret(trace(f, [((N,), "int64")]), [ids], {})
        equal([place, numbers, many], want, "the reference")


def test_rows_are_put_where_they_belong() -> None:
    specs = [((N, 19), "float32"), ((3,), "int64"), ((), "int64"), ((3, 19), "float32")]
    place = Executable(trace(lambda *v: [emit(rows.PutRows(), *v)], specs))
    base, new = np.zeros((5, 19), "float32"), np.arange(1, 4, dtype="float32").repeat(19).reshape(3, 19)
    for threads in (1, 2, 4):
        team.set_threads(threads)
        for numbers, count, want in (
            ([4, 0, 2], 3, [2, 0, 3, 0, 1]), ([4, 0, 2], 2, [2, 0, 0, 0, 1]), ([4, 0, 2], 0, [0] * 5), ([1, 1, 1], 1, [0, 1, 0, 0, 0]),
            ([4, -1, 5], 3, [0, 0, 0, 0, 1]), ([1 << 40, -(1 << 40), 3], 9, [0, 0, 0, 3, 0]),
        ):  # fmt: skip
            (got,) = place([base, np.array(numbers), np.asarray(count), new])
            assert got[:, 0].tolist() == want
            assert (got == got[:, :1]).all()
    assert not base.any()


def test_sums_begin_with_zero_and_go_in_order() -> None:
    add = Executable(trace(lambda i, x: [emit(rows.SumRows(3), i, x)], [((N,), "int64"), ((N, 17), "float32")]))
    x = np.array([1e8, 1.0, -1e8, -0.0, 1.0], np.float32).repeat(17).reshape(5, 17)
    (got,) = add([np.array([1, 1, 1, 2, 1]), x])
    assert got[:, 16].tolist() == [0.0, 1.0, 0.0]
    assert not np.signbit(got).any()
    (got,) = add([np.zeros(0, np.int64), np.zeros((0, 17), np.float32)])
    assert got.tolist() == np.zeros((3, 17)).tolist()


def test_the_smaller_extent() -> None:
    assert smaller(3, 5) == 3
    assert smaller(N, N) is N
    assert [evaluate(smaller(2 * N, 7) * 3, {"n": n}) for n in (0, 3, 4)] == [0, 18, 21]
    assert str(smaller(N, 7)) == "min(n,7)"


# -- random updates


class Updates:
    """Random updates of three tables, made of gradients, of the tables, of numbers and of smaller values; all whole numbers."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)

    def __call__(self, c: Case) -> list[Value]:
        rng, tables = self.rng, [c.state(V, D) for _ in range(3)]
        pool: list[Value] = [b.value(np.float32(x)) for x in (0, 1, 2)] + [c.state()[1], c.state(D)[1]]
        pool += [p for _, p in tables]
        sums = [gradient(c) for _ in range(rng.choice([1, 1, 2]))]
        made = list(sums)
        for _ in range(rng.randint(1, 7)):
            x, y = rng.choice(made), rng.choice([*pool, *made])
            op = rng.choice(["mul", "mul", "add", "sub", "neg", "max", "abs", "sign", "where", "div", "cast", "relu"])
            if op == "neg":
                new = -x
            elif op == "where":
                new = emit(elementwise.Where(), rng.choice([*pool[3:4], x]) < 1.0, x, rng.choice([x, y]))
            elif op == "div":
                new = emit(transcendental.Floor(), x / (y * y + 1.0))
            elif op == "cast":
                new = b.cast(b.cast(x, "int32"), "float32")
            elif op in ("abs", "sign", "relu"):
                new = emit({"abs": elementwise.Abs, "sign": elementwise.Sign, "relu": elementwise.Relu}[op](), x)
            else:
                kinds = {"mul": elementwise.Mul, "add": elementwise.Add, "sub": elementwise.Sub, "max": elementwise.Maximum}
                new = b.binary(kinds[op](), *rng.sample([x, y], 2))
            made.append(emit(elementwise.Minimum(), emit(elementwise.Maximum(), new, b.value(np.float32(-64))), b.value(np.float32(64))))
        for key, p in rng.sample(tables, rng.randint(1, 3)):
            step = rng.choice(made)
            kind = rng.random()
            new = p - step if kind < 0.5 else step + p if kind < 0.8 else emit(elementwise.Maximum(), p, step) if kind < 0.9 else step
            if new.shape == (V, D):
                c.assign(key, new)
                made.append(new)
        return [b.reduced(reduce.Sum, rng.choice(made))] if rng.random() < 0.1 else []


def same_updates(seed: int) -> Build:
    def build(c: Case) -> list[Value]:
        return Updates(seed)(c)

    return build


@pytest.mark.parametrize("block", range(4))
def test_random_updates(block: int) -> None:
    touched = 0
    for seed in range(100 * block, 100 * block + 100):
        build = same_updates(seed)
        graph, arrays, keys = make(build, 6)
        outputs, states = reference(build, 6)
        graph = optimize(graph, lambda _, g: verify(g))
        touched += bool(put(graph))
        got, new = interpret(graph, arrays, {k: k.array for k in graph.states})
        equal(got, outputs, f"seed {seed}")
        equal([np.asarray(new.get(k, k.array)) for k in keys], states, f"seed {seed}")
    assert 15 < touched < 85


@pytest.mark.parametrize("seed", range(24))
def test_random_updates_on_the_machine(seed: int) -> None:
    on_the_machine(same_updates(seed), 7)


def test_products_do_not_wait_in_a_circle() -> None:
    """A table, and a weight whose update is the epilogue of a product with what was looked up."""

    def build(c: Case) -> list[Value]:
        (k, p), (m, w) = c.state(V, D), c.state(D, D)
        ids = ids_of(c)
        x = emit(index.Take(0), p, ids)
        y = b.matmul(x, w)
        zeros = b.broadcast_to(b.value(np.float32(0)), (V, D))
        c.assign(k, p - emit(index.Scatter("add"), zeros, ids, emit(contract.MatMul(), y, turned(w))))
        c.assign(m, w - b.matmul(turned(x), y))
        return [b.reduced(reduce.Sum, y)]

    on_the_machine(build, 7)
