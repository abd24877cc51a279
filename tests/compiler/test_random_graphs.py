"""Random graphs: what is lowered and generated gives what the NumPy interpreter gives, on any number of threads, for any size.

Most graphs run on the machine of machine.py, which compiles nothing and checks every access; some are compiled and run for real.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ops.index import IndexOutOfRange
from graphnn_compiler.passes.dce import dce
from graphnn_compiler.passes.pipeline import optimize
from graphnn_compiler.runtime import team
from graphnn_compiler.runtime.program import Mode
from graphnn_compiler.verify import verify
from machine import allow, machine
from random_graphs import State, arrays_for, random_graph, sizes

Results = tuple[list[np.ndarray], list[np.ndarray]] | None


def length(seed: int) -> int:
    return (4, 8, 14, 25)[seed % 4]


def smooth(seed: int) -> bool:
    """Every fifth graph has transcendental functions and gradients."""
    return seed % 5 == 4


def reference(seed: int, arrays: list[np.ndarray]) -> tuple[Results, bool]:
    """Outputs and new states by the interpreter; None where an index is out of range; whether it may as well be refused."""
    graph, states, _ = random_graph(seed, length(seed), smooth=smooth(seed))
    graph = dce(graph)
    try:
        outputs, new = interpret(graph, arrays, {k: k.array for k in states})
    except IndexOutOfRange as error:
        return None, error.limit > 0  # of an empty axis nothing is taken where the result is empty as well
    return ([np.asarray(a) for a in outputs], [np.asarray(new.get(k, k.array)) for k in states]), True


def check(seed: int, got: Results, want: Results, note: str) -> None:
    assert (got is None) == (want is None), f"{note}: an index out of range is found by one only"
    for some, others in zip(got or (), want or (), strict=True):
        for a, b in zip(some, others, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), note
            if smooth(seed):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=note)
            else:
                np.testing.assert_array_equal(a, b, err_msg=note)


def on_the_machine(seed: int, arrays: list[np.ndarray], threads: int, *, apart: bool) -> Results:
    """The same by the generated source."""
    graph, states, _ = random_graph(seed, length(seed), smooth=smooth(seed))
    with machine(threads, apart=apart):
        executable = Executable(graph)
        program = executable.program([a.shape for a in arrays], Mode(("whole",) * len(arrays), False, (0,) * len(arrays)))
        outputs = [np.empty(s, d) for s, d in zip(program.output_shapes, program.output_dtypes, strict=True)]
        allow(program, arrays, outputs)
        before = [k.array.copy() for k in states]
        failed = program.run([a.ctypes.data for a in arrays], {}, [a.ctypes.data for a in outputs], 1)
    if failed is None:
        return outputs, [k.array for k in states]
    for k, old in zip(states, before, strict=True):
        np.testing.assert_array_equal(k.array, old, err_msg=f"seed {seed}: a failed step changed a state")
    return None


def try_machine(seeds: range) -> None:
    for seed in seeds:
        for env in sizes(seed):
            graph, _, _ = random_graph(seed, length(seed), smooth=smooth(seed))
            verify(graph)
            arrays = arrays_for(graph, env, seed)
            want, strict = reference(seed, arrays)
            threads = 1 + seed % 3
            got = on_the_machine(seed, arrays, threads, apart=seed % 2 == 0)
            if want is not None or strict:
                check(seed, got, want, f"seed {seed}, sizes {env}, {threads} threads")


@pytest.mark.parametrize("part", range(8))
def test_generated_source_is_the_reference(part: int) -> None:
    try_machine(range(40 * part, 40 * part + 40))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(100))
def test_generated_source_of_many_graphs_is_the_reference(part: int) -> None:
    try_machine(range(1000 + 100 * part, 1100 + 100 * part))


def test_passes_keep_the_meaning_and_the_grammar() -> None:
    for seed in range(300):
        graph, states, _ = random_graph(seed, length(seed), smooth=smooth(seed))
        arrays = arrays_for(graph, {"n": 5, "m": 3}, seed)
        want, strict = reference(seed, arrays)
        graph = optimize(graph, lambda name, g: verify(g))
        try:
            outputs, new = interpret(graph, arrays, {k: k.array for k in states})
            got: Results = [np.asarray(a) for a in outputs], [np.asarray(new.get(k, k.array)) for k in states]
        except IndexOutOfRange:
            got = None
        if want is not None or strict:
            check(seed, got, want, f"seed {seed}")


# -- compiled


def run_compiled(seed: int, arrays: list[np.ndarray]) -> Results:
    graph, states, _ = random_graph(seed, length(seed), smooth=smooth(seed))
    try:
        outputs = Executable(graph)(arrays)
    except IndexOutOfRange:
        return None
    return outputs, [k.array for k in states]


def bits(found: Results) -> bytes:
    return b"" if found is None else b"".join(a.tobytes() for part in found for a in part)


@pytest.fixture
def every_instruction_in_parallel(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GRAPHNN_MIN_PARALLEL_WORK", "0")
    yield
    team.set_threads(None)


def try_compiled(seeds: range) -> None:
    for seed in seeds:
        for env in sizes(seed):
            graph, _, _ = random_graph(seed, length(seed), smooth=smooth(seed))
            arrays = arrays_for(graph, env, seed)
            want, strict = reference(seed, arrays)
            found = []
            for n in (1, 2, 3, 4):
                team.set_threads(n)
                found.append(run_compiled(seed, arrays))
            if want is not None or strict:
                check(seed, found[0], want, f"seed {seed}, sizes {env}")
            assert len(set(map(bits, found))) == 1, f"seed {seed}, sizes {env}: the bits depend on the number of threads"


@pytest.mark.usefixtures("every_instruction_in_parallel")
def test_compiled_graphs_are_the_reference_on_any_number_of_threads() -> None:
    try_compiled(range(50))


@pytest.mark.slow
@pytest.mark.usefixtures("every_instruction_in_parallel")
@pytest.mark.parametrize("part", range(40))
def test_many_compiled_graphs_are_the_reference_on_any_number_of_threads(part: int) -> None:
    try_compiled(range(50 + 25 * part, 75 + 25 * part))


# -- several steps


def walk(seed: int) -> None:
    """Steps over rows of data sets, in place or in an order, give what single calls on those rows give."""
    rng, batch, steps = random.Random(seed), 3, 4
    graph, _, _ = random_graph(seed, length(seed))
    arrays = arrays_for(graph, {"n": batch, "m": 3}, seed)
    moving = [v.ndim > 0 and str(v.shape[0]) == "n" and not any(str(d) == "n" for d in v.shape[1:]) for v in graph.inputs]
    data = []
    for a, moves in zip(arrays, moving, strict=True):
        data.append(np.ascontiguousarray(np.concatenate([np.roll(a, i, 0) for i in range(steps + 1)])) if moves else a)
    order = np.random.default_rng(seed).permutation((steps + 1) * batch) if rng.random() < 0.5 else None
    first = rng.randint(0, batch)
    rows = [Rows(a, batch, first, order) if moves else a for a, moves in zip(data, moving, strict=True)]
    by_step = all(v.ndim and str(v.shape[0]) == "n" for v in graph.outputs)
    found: list[Results] = []
    for native in (False, True):
        graph, states, _ = random_graph(seed, length(seed))
        executable = Executable(graph if native else dce(graph), eager=not native)
        whole = None
        try:
            if by_step:
                shapes = [tuple(batch if str(d) == "n" else 3 if str(d) == "m" else int(d) for d in v.shape) for v in graph.outputs]
                whole = [np.zeros((s[0] * steps, *s[1:]), v.dtype) for s, v in zip(shapes, graph.outputs, strict=True)]
            last = executable.run(rows, steps, whole)
            found.append((whole if whole is not None else last, [k.array for k in states]))
        except IndexOutOfRange:
            found.append(None)
    check(0, found[1], found[0], f"seed {seed}, {'by step' if by_step else 'last step'}")


def walkable(seeds: range) -> Iterator[int]:
    """Seeds of exact graphs with a batch."""
    for seed in seeds:
        graph, states, _ = random_graph(seed, length(seed))
        shapes = [str(d) for v in graph.outputs for d in v.shape]
        if any(v.ndim and str(v.shape[0]) == "n" for v in graph.inputs) and states and not any("*" in s or "+" in s for s in shapes):
            yield seed


def test_steps_over_rows_are_single_calls() -> None:
    for seed in list(walkable(range(60)))[:12]:
        walk(seed)


@pytest.mark.slow
def test_many_steps_over_rows_are_single_calls() -> None:
    for seed in walkable(range(60, 600)):
        walk(seed)


def test_the_generator_covers_the_ops() -> None:
    """A generator that no longer makes some kind of graph would hide what it is for."""
    seen: set[str] = set()
    updates = repeated = views = 0
    for seed in range(300):
        graph, states, _ = random_graph(seed, length(seed), smooth=smooth(seed))
        assert all(isinstance(k, State) for k in states)
        seen |= {type(n.op).__name__ for n in graph.nodes}
        updates += bool(graph.updates)
        repeated += len(set(graph.outputs)) < len(graph.outputs)
        views += any(v.node is None or v.node.op.kind == "movement" for v in graph.outputs)
    assert {"MatMul", "Sum", "Max", "Take", "TakeAlongAxis", "Scatter", "ArgSort", "Cumulate", "Concat", "Unslice"} <= seen
    assert {"SliceUpdate", "Slice", "Transpose", "Reshape", "BroadcastTo", "Where", "Cast", "Iota", "ExtentOf", "Floor"} <= seen
    assert min(updates, repeated, views) >= 30
