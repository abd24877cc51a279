"""Control flow: loops and choices give what their NumPy references give, their gradients are derivatives, on any number of threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler import control
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.control import Scan
from graphnn_compiler.ops.index import IndexOutOfRange
from graphnn_compiler.ops.movement import Concat
from graphnn_compiler.ops.reduce import Sum
from graphnn_compiler.ops.transcendental import Sigmoid, Tanh
from graphnn_compiler.passes.pipeline import optimize
from graphnn_compiler.runtime import team
from graphnn_compiler.states import State
from graphnn_compiler.trace import active, emit, trace
from graphnn_compiler.verify import verify
from machine import allow, machine

N = symbol("n")
Function = Callable[..., Sequence[Value]]


def specs(arrays: Sequence[np.ndarray], symbolic: bool) -> list:
    """Shapes and dtypes; the first extent of the first array is a symbol if asked for."""
    return [((N, *a.shape[1:]) if symbolic and i == 0 else a.shape, a.dtype.name) for i, a in enumerate(arrays)]


def check(f: Function, arrays: Sequence[np.ndarray], symbolic: bool = False) -> None:
    """Compiled on 1 to 3 threads and interpreted: the same, bit for bit over threads."""
    verify(optimize(trace(f, specs(arrays, symbolic))))
    want = Executable(trace(f, specs(arrays, symbolic)), eager=True)(arrays)
    first = None
    for threads in (1, 2, 3):
        team.set_threads(threads)
        try:
            got = Executable(trace(f, specs(arrays, symbolic)))(arrays)
        finally:
            team.set_threads(None)
        first = first or got
        for g, w, one in zip(got, want, first, strict=True):
            assert (g.dtype, g.shape) == (w.dtype, w.shape)
            np.testing.assert_array_equal(g, one)
            tol = 1e-10 if g.dtype == np.float64 else 2e-5
            np.testing.assert_allclose(g, w, rtol=tol, atol=tol * (1 + np.abs(w).max(initial=0)))


def derivative(f: Function, arrays: Sequence[np.ndarray]) -> None:
    """The gradients of a weighted sum of all results against differences, in float64."""

    def total(*values: Value) -> list[Value]:
        out = f(*values)
        weights = [b.value(np.cos(1.0 + np.arange(int(np.prod(v.shape)))).reshape(v.shape)) for v in out]
        return [*out, *gradients(list(out), weights, list(values))]

    arrays = [a.astype("float64") for a in arrays]
    run = Executable(trace(total, specs(arrays, False)))
    found = run(arrays)
    n = len(found) - len(arrays)
    outs = [o.shape for o in found[:n]]

    def number(values: Sequence[np.ndarray]) -> float:
        got = run(values)[:n]
        return sum(float((g * np.cos(1.0 + np.arange(g.size)).reshape(s)).sum()) for g, s in zip(got, outs, strict=True))

    for i, a in enumerate(arrays):
        for place in np.ndindex(a.shape):
            high, low = a.copy(), a.copy()
            high[place] += 1e-6
            low[place] -= 1e-6
            around = [list(arrays), list(arrays)]
            around[0][i], around[1][i] = high, low
            slope = (number(around[0]) - number(around[1])) / 2e-6
            assert abs(slope - found[n + i][place]) < 1e-6 * (1 + abs(slope)), (i, place)


def rnn(reverse: bool = False) -> Function:
    def f(x: Value, h0: Value, w: Value, u: Value) -> list[Value]:
        def step(c: list[Value], xs: list[Value]) -> tuple[list[Value], list[Value]]:
            h = emit(Tanh(), b.matmul(xs[0], w) + b.matmul(c[0], u))
            return [h], [h * 2.0]

        (h,), (y,) = control.scan(step, [h0], [x], reverse=reverse)
        return [h, y]

    return f


def lstm(x: Value, h0: Value, c0: Value, w: Value, u: Value, bias: Value) -> list[Value]:
    n = h0.shape[-1]

    def step(c: list[Value], xs: list[Value]) -> tuple[list[Value], list[Value]]:
        z = b.matmul(xs[0], w) + bias + b.matmul(c[0], u)
        i, f, g, o = (z[:, k * n : (k + 1) * n] for k in range(4))
        new = emit(Sigmoid(), f) * c[1] + emit(Sigmoid(), i) * emit(Tanh(), g)
        h = emit(Sigmoid(), o) * emit(Tanh(), new)
        return [h, new], [h]

    (h, c), (ys,) = control.scan(step, [h0, c0], [x])
    return [h, c, ys]


def nested(x: Value, w: Value) -> list[Value]:
    def outer(c: list[Value], xs: list[Value]) -> tuple[list[Value], list[Value]]:
        def inner(c2: list[Value], xs2: list[Value]) -> tuple[list[Value], list[Value]]:
            h = emit(Tanh(), b.matmul(c2[0], w) + xs2[0] + xs[0])
            return [h], [h]

        (h,), (ys,) = control.scan(inner, c, [xs[1]])
        return [h], [b.reduced(Sum, ys, 0)]

    (h,), (y,) = control.scan(outer, [x[0][0] * 0.0], [x[:, 0], x], reverse=True)
    return [h, y]


def swap(x: Value) -> list[Value]:
    (p, q), (y,) = control.scan(lambda c, xs: ([c[1], c[0] + xs[0]], [c[0] * c[1]]), [x[0], x[1]], [x])
    return [p, q, y]


def no_carry(x: Value, w: Value) -> list[Value]:
    return control.scan(lambda c, xs: ([], [emit(Tanh(), b.matmul(xs[0], w))]), [], [x])[1]


def shared_weight(x: Value, w: Value) -> list[Value]:
    """The gradient of w is carried: it is no product."""
    (c,), _ = control.scan(lambda c, xs: ([c[0] * w + xs[0]], []), [x[0]], [x])
    return [c]


def beside(x: Value) -> list[Value]:
    """What is carried at last, and what each step gives, put beside something else."""
    (c,), (ys,) = control.scan(lambda c, xs: ([c[0] * 0.5 + xs[0]], [c[0]]), [x[0]], [x])
    return [emit(Concat(1), c, x[1]), emit(Concat(0), c, x[1]), emit(Concat(2), ys, x), emit(Concat(0), ys, x)]


def random(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(sum(map(sum, shapes)))
    return [rng.standard_normal(s).astype("float32") for s in shapes]


CASES: dict[str, tuple[Function, list[np.ndarray]]] = {
    "rnn": (rnn(), random((5, 3, 4), (3, 6), (4, 6), (6, 6))),
    "rnn_reverse": (rnn(True), random((5, 3, 4), (3, 6), (4, 6), (6, 6))),
    "lstm": (lstm, random((4, 2, 3), (2, 5), (2, 5), (3, 20), (5, 20), (20,))),
    "lstm_wide": (lstm, random((3, 17, 33), (17, 33), (17, 33), (33, 132), (33, 132), (132,))),
    "nested": (nested, random((3, 3, 2, 4), (4, 4))),
    "swap": (swap, random((4, 3))),
    "beside": (beside, random((4, 3, 2))),
    "no_carry": (no_carry, random((4, 3, 5), (5, 2))),
    "shared_weight": (shared_weight, random((4, 3), (3,))),
}


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_loop_is_its_reference(name: str, symbolic: bool) -> None:
    f, arrays = CASES[name]

    def with_gradients(*values: Value) -> list[Value]:
        out = list(f(*values))
        return [*out, *gradients(out, [v * 0.5 for v in out], list(values))]

    check(with_gradients, arrays, symbolic)


@pytest.mark.parametrize("name", [n for n in CASES if "wide" not in n])
def test_the_gradient_of_a_loop_is_the_derivative(name: str) -> None:
    derivative(*CASES[name])


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", CASES)
def test_loops_touch_only_their_memory(name: str, threads: int) -> None:
    f, arrays = CASES[name]

    def with_gradients(*values: Value) -> list[Value]:
        out = list(f(*values))
        return [*out, *gradients(out, [v * 0.5 for v in out], list(values))]

    with machine(threads, apart=True):
        run = Executable(trace(with_gradients, specs(arrays, False)))
        program = run.program([a.shape for a in arrays], mode(len(arrays)))
        results = [np.empty(s, d) for s, d in zip(program.output_shapes, program.output_dtypes, strict=True)]
        allow(program, arrays, results)
        assert program.run([a.ctypes.data for a in arrays], {}, [r.ctypes.data for r in results], 1) is None
    want = Executable(trace(with_gradients, specs(arrays, False)), eager=True)(arrays)
    for g, w in zip(results, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-4)


def mode(n: int):
    from graphnn_compiler.runtime.program import Mode

    return Mode(("whole",) * n, False, (0,) * n)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("steps", [2, 6, 7])
def test_recomputed_pieces_give_the_same(steps: int, reverse: bool) -> None:
    x, h0, w, u = random((steps, 3, 4), (3, 6), (4, 6), (6, 6))

    def of(recompute: int) -> Function:
        def f(x: Value, h0: Value, w: Value, u: Value) -> list[Value]:
            def step(c: list[Value], xs: list[Value]) -> tuple[list[Value], list[Value]]:
                h = emit(Tanh(), b.matmul(xs[0], w) + b.matmul(c[0], u))
                return [h], [h * 2.0]

            last, ys = control.scan(step, [h0], [x], reverse=reverse, recompute=recompute)
            out = [*last, *ys]
            return [*out, *gradients(out, [v * 0.5 for v in out], [x, h0, w, u])]

        return f

    for symbolic in (False, True):
        check(of(3), [x, h0, w, u], symbolic)
        plain, pieces = (Executable(trace(of(n), specs([x, h0, w, u], symbolic)))([x, h0, w, u]) for n in (0, 3))
        for p, q in zip(plain, pieces, strict=True):
            np.testing.assert_allclose(p, q, rtol=1e-5, atol=1e-5)


def test_recomputing_needs_less_memory() -> None:
    arrays = random((400, 4, 8), (4, 32), (4, 32), (8, 128), (32, 128), (128,))

    def of(recompute: int) -> Function:
        def f(*v: Value) -> list[Value]:
            def step(c: list[Value], xs: list[Value]) -> tuple[list[Value], list[Value]]:
                z = b.matmul(c[0], v[4]) + xs[0][:, :1]
                i, g, o, k = (z[:, j * 32 : (j + 1) * 32] for j in range(4))
                new = emit(Sigmoid(), i) * c[1] + emit(Tanh(), g) * emit(Sigmoid(), k)
                return [emit(Sigmoid(), o) * emit(Tanh(), new), new], []

            last, _ = control.scan(step, [v[1], v[2]], [v[0]], recompute=recompute)
            return gradients(last, last, [v[4]])

        return f

    def memory(recompute: int) -> int:
        run = Executable(trace(of(recompute), specs(arrays, True)))
        run(arrays)
        return run.report().arena_bytes or 0

    assert memory(20) * 4 < memory(0)


def test_no_steps() -> None:
    x, h, w, u = random((0, 3, 4), (3, 6), (4, 6), (6, 6))
    check(rnn(), [x, h, w, u], True)
    f = Executable(trace(lambda *v: gradients(rnn()(*v)[:1], [v[1]], list(v)), specs([x, h, w, u], True)))
    dx, dh, dw, du = f([x, h, w, u])
    assert dx.shape == x.shape and not dw.any() and not du.any()
    np.testing.assert_array_equal(dh, h)


def test_what_does_not_depend_on_the_carry_leaves_the_loop() -> None:
    graph = trace(lstm, specs(CASES["lstm"][1], True))
    (loop,) = [n for n in graph.nodes if isinstance(n.op, Scan)]
    assert [type(n.op).__name__ for n in loop.op.body.graph.nodes].count("MatMul") == 1
    assert [type(n.op).__name__ for n in graph.nodes].count("MatMul") == 1


def test_gradients_of_weights_are_one_product_over_all_steps() -> None:
    f, arrays = CASES["lstm"]
    graph = optimize(trace(lambda *v: gradients([f(*v)[2]], [f(*v)[2]], list(v)), specs(arrays, True)))
    loops = [n for n in graph.nodes if isinstance(n.op, Scan)]
    back = loops[-1]
    assert back.op.reverse and [type(n.op).__name__ for n in back.op.body.graph.nodes].count("MatMul") == 1
    assert back.op.carries == 2


def test_results_that_nobody_reads_are_not_computed() -> None:
    f, arrays = CASES["lstm"]
    graph = optimize(trace(lambda *v: [f(*v)[0]], specs(arrays, True)))
    (loop,) = [n for n in graph.nodes if isinstance(n.op, Scan)]
    assert len(loop.outputs) == 2


@pytest.mark.parametrize("symbolic", [False, True])
def test_while_loop(symbolic: bool) -> None:
    def f(x: Value) -> list[Value]:
        def holds(v: list[Value]) -> Value:
            return b.reduced(Sum, v[0] * v[0]) > 1.0

        return control.while_loop(holds, lambda v: [v[0] * 0.9, v[1] + b.value(1, "int32")], [x, b.value(0, "int32")])

    check(f, random((6, 5)), symbolic)
    check(f, [np.zeros((6, 5), "float32")], symbolic)


@pytest.mark.parametrize("index", [-1, 0, 1, 2, 9])
def test_switch_and_its_gradient(index: int) -> None:
    def f(x: Value, i: Value) -> list[Value]:
        branches = [
            lambda v: [v[0] * 2.0],
            lambda v: [b.matmul(v[0], b.matmul(b.transpose(v[1], (1, 0)), v[1]))],
            lambda v: [emit(Tanh(), v[0])],
        ]
        y = control.switch(i, branches, [x, x])
        return [*y, *gradients(y, [y[0]], [x])]

    for symbolic in (False, True):
        check(f, [*random((6, 5)), np.array(index, "int32")], symbolic)


def test_vectorized_uses_whole_stacks_where_it_can() -> None:
    x, w = random((4, 3, 5), (5, 2))

    def f(x: Value, w: Value) -> list[Value]:
        return control.vectorized(lambda v: [emit(Tanh(), b.matmul(v[0], w)), b.reduced(Sum, v[0], 0)], [x])

    assert not any(isinstance(n.op, Scan) for n in trace(f, specs([x, w], True)).nodes)
    check(f, [x, w], True)


def test_states_that_a_body_assigns_are_carried() -> None:
    count, weight = State(np.zeros((), "float32")), State(np.full((3,), 2.0, "float32"))

    def f(x: Value) -> list[Value]:
        def step(c: list[Value], xs: list[Value]) -> tuple[list[Value], list[Value]]:
            tracer = active()
            assert tracer is not None
            now = tracer.read(count, (), "float32")
            tracer.assign(count, now + 1.0)
            return [c[0] + xs[0] * tracer.read(weight, (3,), "float32")], [now]

        (total,), (seen,) = control.scan(step, [x[0] * 0.0], [x])
        return [total, seen]

    x = np.arange(12, dtype="float32").reshape(4, 3)
    total, seen = Executable(trace(f, [((N, 3), "float32")]))([x])
    np.testing.assert_array_equal(total, 2 * x.sum(0))
    np.testing.assert_array_equal(seen, [0, 1, 2, 3])
    assert count.array == 4


def test_a_bad_index_inside_a_loop_is_named_and_nothing_is_written() -> None:
    count = State(np.zeros((), "float32"))

    def f(ids: Value, table: Value) -> list[Value]:
        def step(c: list[Value], xs: list[Value]) -> tuple[list[Value], list[Value]]:
            tracer = active()
            assert tracer is not None
            tracer.assign(count, tracer.read(count, (), "float32") + 1.0)
            i = b.value(b.reduced(Sum, c[0]), "int32") + xs[0]  # depends on what is carried: it stays in the loop
            return [c[0] + b.reduced(Sum, b.take(table, i, 0), 0)], []

        return control.scan(step, [table[0] * 0.0], [ids])[0]

    run = Executable(trace(f, [((N, 2), "int32"), ((5, 3), "float32")]))
    table = np.zeros((5, 3), "float32")
    run([np.array([[0, 1], [4, 2]], "int32"), table])
    assert count.array == 2
    with pytest.raises(IndexOutOfRange, match="index 7 at position 1"):
        run([np.array([[0, 1], [4, 7], [9, 9]], "int32"), table])
    assert count.array == 2


def test_a_loop_that_changes_what_it_carries_is_refused() -> None:
    with pytest.raises(ValueError, match="carried value 0 is float32"):
        trace(lambda x: control.scan(lambda c, xs: ([c[0][:1]], []), [x], [x])[0], [((4,), "float32")])
    with pytest.raises(ValueError, match="lengths must be equal"):
        trace(lambda x: control.scan(lambda c, xs: (c, []), [x], [x, x[:2]])[0], [((4,), "float32")])
    with pytest.raises(ValueError, match="branches must give equal"):
        trace(lambda x: control.switch(x, [lambda v: [v[0]], lambda v: [v[0] * 1.5]], [x]), [((), "int32")])


def test_a_while_loop_says_that_it_has_no_gradient() -> None:
    def f(x: Value) -> list[Value]:
        y = control.while_loop(lambda v: v[0] < 10.0, lambda v: [v[0] * 2.0], [x])
        return gradients(y, y, [x])

    with pytest.raises(ValueError, match="has no gradient"):
        trace(f, [((), "float32")])


def test_a_new_length_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphnn_compiler.runtime import build

    f, arrays = CASES["lstm"]
    run = Executable(trace(lambda *v: gradients([f(*v)[0]], [f(*v)[0]], list(v)), specs(arrays, True)))
    run(arrays)
    monkeypatch.setattr(build, "build_objects", lambda *_: pytest.fail("a kernel was compiled"))
    run([np.concatenate([arrays[0]] * 5), *arrays[1:]])
    run([arrays[0][:1], *arrays[1:]])
