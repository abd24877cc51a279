"""Generated source: small graphs have the source that golden/ holds, and nothing in it depends on extents, names or layers.

`pytest tests/compiler/test_codegen.py --update-golden` writes golden/ anew; read the difference before you commit it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.codegen.text import literal
from graphnn_compiler.dims import Shape, symbol
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.lowering.lower import lower
from graphnn_compiler.ops import compare, elementwise, index, movement, reduce, transcendental
from graphnn_compiler.passes.pipeline import optimize
from graphnn_compiler.report import sources
from graphnn_compiler.runtime.source import BUILTINS, check_source
from graphnn_compiler.trace import emit, trace, tracing
from machine_simd import VOCABULARY
from random_graphs import State, random_graph

GOLDEN = Path(__file__).parent / "golden"
N = symbol("n")
Function = Callable[..., Sequence[Value]]
F32 = "float32"


def source(graph: Graph) -> str:
    """All generated source of a graph."""
    return sources(lower(optimize(graph))) + "\n"


def softmax(x: Value) -> list[Value]:
    shifted = emit(transcendental.Exp(), x - b.reduced(reduce.Max, x, -1, True))
    return [shifted / b.reduced(reduce.Sum, shifted, -1, True)]


def layer_norm(x: Value, scale: Value, offset: Value) -> list[Value]:
    centred = x - b.mean(x, -1, True)
    return [centred * emit(transcendental.Rsqrt(), b.mean(centred * centred, -1, True) + 1e-5) * scale + offset]


def relu_gradient(x: Value, ct: Value) -> list[Value]:
    y = emit(elementwise.Relu(), x)
    return [y, emit(elementwise.Where(), emit(compare.Greater(), y, b.value(np.float32(0))), ct, b.value(np.float32(0)))]


def momentum() -> Graph:
    w, v = State(np.zeros((5, 3), F32)), State(np.zeros((5, 3), F32))
    with tracing() as t:
        g = t.input((5, 3), F32)
        new = t.read(v, (5, 3), F32) * 0.9 - g * 0.1
        t.assign(v, new)
        t.read(w, (5, 3), F32)
        t.assign(w, t.read(w, (5, 3), F32) + new)
        return t.finish([])


CASES: dict[str, tuple[Function, list[tuple[Shape, str]]]] = {
    "elementwise": (lambda x, y: [emit(transcendental.Tanh(), x * y + 1.0)], [((N, 3), F32), ((N, 3), F32)]),
    "broadcast": (lambda x, c: [x + c], [((N, 3), F32), ((3,), F32)]),
    "transposed": (lambda x, y: [movement.transpose(x, (1, 0)) - y], [((N, 3), F32), ((3, N), F32)]),
    "strided": (lambda x: [x[:, ::-2] * 2.0], [((N, 6), F32)]),
    "sum_rows": (lambda x: [b.reduced(reduce.Sum, x, 1)], [((N, 30), F32)]),
    "sum_columns": (lambda x: [b.reduced(reduce.Sum, x, 0)], [((N, 30), F32)]),
    "softmax": (softmax, [((N, 10), F32)]),
    "layer_norm": (layer_norm, [((N, 10), F32), ((10,), F32), ((10,), F32)]),
    "relu_gradient": (relu_gradient, [((N, 10), F32), ((N, 10), F32)]),
    "embedding": (lambda t, i: [emit(index.Take(0), t, i) * 2.0], [((7, 5), F32), ((N,), "int64")]),
    "half": (lambda x: [x * x + 1.0], [((N,), "float16")]),
    "mixed": (lambda x: [b.cast(x, F32) * index.extent_value(N, F32) + emit(index.Iota(N, F32))], [((N,), "int32")]),
    "dense": (lambda x, w, c: [emit(elementwise.Relu(), b.matmul(x, w) + c)], [((N, 8), F32), ((8, 4), F32), ((4,), F32)]),
}


@pytest.mark.parametrize("name", [*CASES, "momentum"])
def test_the_source_is_the_golden_one(name: str, request: pytest.FixtureRequest) -> None:
    text = source(momentum() if name == "momentum" else trace(*CASES[name]))
    path = GOLDEN / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text(), "see the docstring of this file"


def test_golden_holds_nothing_else() -> None:
    assert sorted(p.stem for p in GOLDEN.glob("*.txt")) == sorted([*CASES, "momentum"])


@pytest.mark.parametrize("name", [c for c in CASES if c != "mixed"])  # there an extent is a number of the program
def test_the_source_is_the_same_for_every_extent(name: str) -> None:
    f, specs = CASES[name]
    small = source(trace(f, specs))
    numbers = source(trace(f, [(tuple(23 if d == N else d for d in s), t) for s, t in specs]))
    assert numbers == small


def test_widths_do_not_change_the_source() -> None:
    texts = {source(trace(lambda x, c: [x * c], [((N, k), F32), ((k,), F32)])) for k in (2, 3, 16, 257)}
    assert len(texts) == 1


def test_names_of_inputs_states_and_layers_do_not_reach_the_source() -> None:
    hostile = ["'); import os #", "\n    return 7\n", '"""', "{0}", "v0", "é" * 99, "\x00", "%s{}", "def kernel"]
    texts = set[str]()
    for name in ["", *hostile]:
        key = State(np.ones((3,), F32))
        with tracing() as t:
            x = t.input((N, 3), F32, name)
            t.path.append(name)
            y = emit(transcendental.Exp(), x * t.read(key, (3,), F32, name))
            t.assign(key, b.reduced(reduce.Sum, y, 0))
            texts.add(source(t.finish([y])))
    assert len(texts) == 1


def test_every_source_passes_the_check_of_its_grammar() -> None:
    functions = [n for n in VOCABULARY if n not in BUILTINS]
    for seed in range(60):
        graph, _, _ = random_graph(seed, 14, smooth=seed % 5 == 4)
        for step in lower(optimize(graph)).steps:
            for spec in (getattr(step, "spec", None), getattr(getattr(step, "epilogue", None), "spec", None)):
                if spec is not None and spec.source:
                    check_source(spec.source, functions)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("x", [0.0, -0.0, 1.5, -2.0, 1e-45, 3e38, 0.1, math.nan, math.inf, -math.inf])
def test_literals_of_floats(dtype: str, x: float) -> None:
    with np.errstate(over="ignore"):
        number = np.dtype(dtype).type(x)
    got = eval(literal(number.item(), dtype), dict(VOCABULARY))[3]
    np.testing.assert_array_equal(np.asarray(got, dtype), number)
    assert np.signbit(got) == np.signbit(number)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_literals_of_integers(dtype: str) -> None:
    for x in (np.iinfo(dtype).min, np.iinfo(dtype).max, 7):
        got = eval(literal(x, dtype), dict(VOCABULARY))[3]
        assert got == x and got.dtype == dtype


@pytest.mark.parametrize("x", ["1); import os", "nan(", None, [1], "__import__('os')"])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_only_numbers_are_literals(x: object, dtype: str) -> None:
    with pytest.raises((TypeError, ValueError)):
        literal(x, dtype)
    assert literal("anything", "bool") == "const_b1(True)"


def test_numbers_of_constants_are_exact() -> None:
    x = float(np.nextafter(np.float64(0.1), 1))
    text = source(trace(lambda v: [v * b.value(np.asarray(x))], [((N,), "float64")]))
    assert f"const_f64({x!r})" in text
