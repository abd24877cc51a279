"""Maps and storages: reading through them gives the elements that the movement ops give."""

from __future__ import annotations

import random

import numpy as np
from graphnn_compiler.dims import Extent, evaluate, product, symbol
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import movement
from graphnn_compiler.trace import emit, trace
from graphnn_compiler.views import (
    FIXED,
    At,
    Buffer,
    Map,
    Storage,
    collapse,
    contiguous,
    identity,
    onto_operand,
    row_major,
    strip,
    view,
)

N = symbol("n")


def chain(x: Value, rng: random.Random) -> Value:
    """A few movement ops."""
    for _ in range(rng.randint(1, 5)):
        kind = rng.choice(["transpose", "broadcast", "slice", "ones", "merge", "split"])
        shape = x.shape
        if kind == "transpose":
            x = movement.transpose(x, tuple(rng.sample(range(x.ndim), x.ndim)))
        elif kind == "broadcast" and x.ndim < 5:
            x = emit(movement.BroadcastTo((rng.choice([2, N]), *(3 if d == 1 and rng.random() < 0.5 else d for d in shape))), x)
        elif kind == "slice":
            parts = [part(d, rng) for d in shape]
            x = emit(movement.Slice(*zip(*parts, strict=True)) if parts else movement.Slice((), (), ()), x)  # type: ignore[arg-type]
        elif kind == "ones":
            at = rng.randint(0, x.ndim)
            x = movement.reshape(x, (*shape[:at], 1, *shape[at:]) if rng.random() < 0.5 else tuple(d for d in shape if d != 1))
        elif kind == "merge" and x.ndim > 1:
            i = rng.randint(0, x.ndim - 2)
            x = movement.reshape(x, (*shape[:i], shape[i] * shape[i + 1], *shape[i + 2 :]))
        elif kind == "split" and any(d == 6 for d in shape):
            i = shape.index(6)
            x = movement.reshape(x, (*shape[:i], 2, 3, *shape[i + 1 :]))
    return x


def part(d: Extent, rng: random.Random) -> tuple[Extent, Extent, int]:
    if not isinstance(d, int):
        return (0, d, 1) if rng.random() < 0.6 else (d - 1, d, -1)
    start, step = rng.randint(0, d - 1), rng.choice([1, 1, 2, -1])
    room = (d - 1 - start) // step if step > 0 else start // -step
    return start, rng.randint(1, room + 1), step


def elements(storage: Storage, data: np.ndarray, env: dict[str, int]) -> np.ndarray:
    """What lies in a storage over a flat array."""
    shape = tuple(evaluate(d, env) for d in storage.shape)
    strides = tuple(evaluate(s, env) * data.itemsize for s in storage.strides)
    if 0 in shape:
        return np.empty(shape, data.dtype)
    first = evaluate(storage.offset, env)
    low = first + sum(min(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True)) // data.itemsize
    high = first + sum(max(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True)) // data.itemsize
    assert low >= 0 and high < data.size
    return np.ndarray(shape, data.dtype, data, first * data.itemsize, strides)


def through_map(m: Map, base: np.ndarray, shape: tuple[int, ...], env: dict[str, int]) -> np.ndarray:
    """The elements of `base` at the indices that a map gives for each point of a shape."""
    points = np.indices(shape)
    at = [evaluate(a.offset, env) + (a.step * points[a.axis] if a.axis is not None else np.zeros(shape, int)) for a in m]
    return base[tuple(at)] if at else np.broadcast_to(base, shape)


def test_maps_and_views_of_random_chains() -> None:
    views = copies = maps = 0
    for seed in range(400):
        rng = random.Random(seed)
        start = rng.choice([(N, 6), (2, N, 3), (6, 1, 4), (N,), (5, 6, 2)])
        graph = trace(lambda x, _, rng=rng: [chain(x, rng)], [(start, "int64"), ((N,), "int64")])
        for n in (1, 4):
            env = {"n": n}
            shape = tuple(evaluate(d, env) for d in start)
            data = np.arange(int(np.prod(shape)))
            (want,), _ = interpret(graph, [data.reshape(shape), np.zeros(n, "int64")], {})
            x, y = graph.inputs[0], graph.outputs[0]
            storage: Storage | None = contiguous(Buffer(product(start), "int64"), start)
            for node in graph.nodes:
                storage = view(storage, node) if storage is not None else None
            if storage is None:
                copies += 1
            else:
                views += 1
                np.testing.assert_array_equal(elements(storage, data, env), want, err_msg=f"seed {seed}\n{graph}")
            base, m = strip(y, identity(y.ndim))
            if base is x:
                maps += 1
                np.testing.assert_array_equal(through_map(m, data.reshape(shape), want.shape, env), want, err_msg=f"seed {seed}\n{graph}")
                offset, strides = contiguous(Buffer(product(start), "int64"), start).read(m, y.ndim)
                moved = Storage(Buffer(0, "int64"), y.shape, offset, strides)
                np.testing.assert_array_equal(elements(moved, data, env), want)
    assert min(views, copies, maps) > 50


def test_onto_an_operand_that_broadcasts() -> None:
    assert onto_operand((1, 3), (N, 5, 3), identity(3)) == (FIXED, At(0, 2, 1))
    assert onto_operand((), (N, 3), identity(2)) == ()
    assert onto_operand((N, 1), (N, 1), identity(2)) == identity(2)


def test_row_major() -> None:
    assert row_major((N, 3, 2)) == (6, 2, 1)
    assert row_major((3, N)) == (N, 1)
    assert row_major(()) == ()
    assert contiguous(Buffer(6, "int8"), (2, 3)).contiguous
    assert not Storage(Buffer(6, "int8"), (3, 2), 0, (1, 3)).contiguous
    assert Storage(Buffer(6, "int8"), (1, 6), 0, (99, 1)).contiguous  # the stride of an axis of extent 1 is never walked


def test_collapse() -> None:
    assert collapse((4, 5, 6), [(30, 6, 1)]) == [[0, 1, 2]]
    assert collapse((4, 5, 6), [(30, 6, 1), (0, 6, 1)]) == [[0], [1, 2]]
    assert collapse((4, 5, 6), [(30, 6, 1), (0, 0, 0)]) == [[0, 1, 2]]
    assert collapse((4, 5, 6), [(30, 1, 5)]) == [[0], [1], [2]]
    assert collapse((N, 3), [(3, 1)]) == [[0, 1]]
    assert collapse((3, N), [(N, 1)]) == [[0, 1]]
    assert collapse((3, N), [(N + 1, 1)]) == [[0], [1]]
    assert collapse((), [()]) == []
