"""Each call of the tables, in every way that an op can be called: interpreted, compiled, symbolic, differentiated."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import ops_array_cases
import ops_cases
import ops_conv_cases
import ops_nn_cases
import ops_pool_cases
import pytest
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.dims import ConcreteExtentNeeded, symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.trace import trace
from graphnn_compiler.verify import verify
from ops_cases import Case, filled

import graphnn
from graphnn import ops
from graphnn.tree import flatten, map_structure

CASES = [*ops_cases.CASES, *ops_array_cases.CASES, *ops_nn_cases.CASES, *ops_conv_cases.CASES, *ops_pool_cases.CASES]
IDS = [f"{c.name}-{k}" for k, c in enumerate(CASES)]

# Names that need no line in the tables: other names and conversions (tested in test_ops_core.py), shapes that depend on numbers, and the
# module of images (test_ops_image.py), control flow (test_ops_control.py), CTC (test_ctc.py).
ELSEWHERE = set(
    "array convert_to_tensor convert_to_numpy shape ndim dtype is_tensor nonzero unique bincount argpartition image "
    "scan map vectorized_map while_loop fori_loop cond switch associative_scan ctc_loss ctc_decode".split()
)


def test_every_public_op_is_in_a_table() -> None:
    assert set(ops.__all__) - {c.name for c in CASES} == ELSEWHERE


def rng_of(case: Case) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr((case.name, case.args, case.kwargs)).encode()))


def arguments(case: Case, dtype: str | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    rng = rng_of(case)
    return filled(case.args, rng, dtype), {k: filled(v, rng, dtype) for k, v in case.kwargs.items()}


def traced(case: Case, args: Any, shape: Callable[[Any], Any]) -> tuple[Graph, list[Any], Any]:
    """The graph of a call whose array arguments are inputs, the arrays, and the structure of the result."""
    arrays = [a for a in flatten(args) if isinstance(a, np.ndarray)]
    structure: list[Any] = []

    def body(*values: Value) -> list[Value]:
        rest = iter(values)
        result = getattr(ops, case.name)(
            *map_structure(lambda a: next(rest) if isinstance(a, np.ndarray) else a, args), **case.kwargs
        )
        structure.append(result)
        return flatten(result)

    return trace(body, [(shape(a), a.dtype.name) for a in arrays]), arrays, structure


def interpreted(graph: Graph, arrays: list[Any]) -> list[Any]:
    return Executable(graph, eager=True)(arrays)


def close(got: Any, want: Any, tolerance: float) -> None:
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    if want.dtype.kind in "biu" and got.dtype.kind in "biu":
        assert np.array_equal(got, want)
    else:
        scale = np.max(np.abs(want[np.isfinite(want)]), initial=0.0) if want.dtype.kind == "f" else 1.0
        np.testing.assert_allclose(got.astype("float64"), want.astype("float64"), rtol=tolerance, atol=tolerance * (1 + scale))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_interpreted_is_numpy(case: Case) -> None:
    args, kwargs = arguments(case, "float64")
    graph, arrays, _ = traced(Case(case.name, args, kwargs), args, lambda a: a.shape)
    verify(graph)
    with np.errstate(all="ignore"):
        want = flatten(case.expected(*args))
    for got, w in zip(interpreted(graph, arrays), want, strict=True):
        close(got, w, 1e-7)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_eager_is_numpy(case: Case) -> None:
    args, kwargs = arguments(case)
    result = getattr(ops, case.name)(*args, **kwargs)
    with np.errstate(all="ignore"):
        want = flatten(case.expected(*args))
    for got, w in zip(flatten(result), want, strict=True):
        assert isinstance(got, np.ndarray)
        close(got, w, 2e-5)


def rows(args: Any) -> int | None:
    """The leading extent that all arrays share."""
    extents = {a.shape[0] if a.ndim else None for a in flatten(args) if isinstance(a, np.ndarray)}
    return extents.pop() if len(extents) == 1 else None


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_symbolic_batch(case: Case) -> None:
    args, kwargs = arguments(case)
    n = rows(args)
    if n is None:
        pytest.skip("the arrays share no leading extent")
    batch = symbol("batch")
    call = Case(case.name, args, kwargs)
    try:
        graph, arrays, _ = traced(call, args, lambda a: (batch, *a.shape[1:]))
    except ConcreteExtentNeeded:
        known, arrays, _ = traced(call, args, lambda a: a.shape)
        verify(known)
    else:
        verify(graph)
        known, _, _ = traced(call, args, lambda a: a.shape)
        for got, want in zip(interpreted(graph, arrays), interpreted(known, arrays), strict=True):
            assert np.array_equal(got, want, equal_nan=got.dtype.kind == "f")


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_symbolic_tensors(case: Case) -> None:
    args, kwargs = arguments(case)
    if not any(isinstance(a, np.ndarray) for a in flatten(args)):
        pytest.skip("no tensors")
    free = rows(args) is not None

    def symbolic(a: Any) -> Any:
        if not isinstance(a, np.ndarray):
            return a
        return graphnn.KerasTensor((None, *a.shape[1:]) if free else a.shape, a.dtype.name)

    call = Case(case.name, args, kwargs)
    known, _, _ = traced(call, args, lambda a: a.shape)
    try:
        found = flatten(getattr(ops, case.name)(*map_structure(symbolic, args), **kwargs))
    except ValueError:
        assert free  # the call itself is only possible for this number of rows
        return
    for tensor, v in zip(found, known.outputs, strict=False):
        assert isinstance(tensor, graphnn.KerasTensor) and tensor.dtype == v.dtype
        if case.name == "diag" and free:
            continue  # the shorter side decides its length, and which one that is shows only in numbers
        assert len(tensor.shape) == v.ndim and all(s is None or s == d for s, d in zip(tensor.shape, v.shape, strict=True))
        assert free or tensor.shape == v.shape


SMOOTH = [(c, k) for c, k in zip(CASES, IDS, strict=True) if c.smooth]


@pytest.mark.parametrize("case", [c for c, _ in SMOOTH], ids=[k for _, k in SMOOTH])
def test_gradient_is_the_difference_quotient(case: Case) -> None:
    args, kwargs = arguments(case, "float64")
    call = Case(case.name, args, kwargs)
    forward, arrays, _ = traced(call, args, lambda a: a.shape)
    floats = [k for k, a in enumerate(arrays) if a.dtype.kind == "f"]
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal(v.shape) for v in forward.outputs]
    used = [k for k, v in enumerate(forward.outputs) if v.dtype == "float64"]

    def backward(*values: Value) -> list[Value]:
        rest = iter(values)
        result = getattr(ops, case.name)(*map_structure(lambda a: next(rest) if isinstance(a, np.ndarray) else a, args), **kwargs)
        outputs = flatten(result)
        cotangents = [graphnn.dispatch.value(weights[k]) for k in used]
        return gradients([outputs[k] for k in used], cotangents, [values[k] for k in floats])

    graph = trace(backward, [(a.shape, a.dtype.name) for a in arrays])
    verify(graph)
    found = interpreted(graph, arrays)
    direction = [rng.standard_normal(arrays[k].shape) for k in floats]

    def total(step: float) -> float:
        moved = list(arrays)
        for k, d in zip(floats, direction, strict=True):
            moved[k] = arrays[k] + step * d
        out = interpreted(forward, moved)
        return float(sum(np.sum(out[k] * weights[k]) for k in used))

    h = 1e-6
    numeric = (total(h) - total(-h)) / (2 * h)
    exact = float(sum(np.sum(g * d) for g, d in zip(found, direction, strict=True)))
    assert abs(numeric - exact) <= 1e-5 * (1 + abs(numeric))
