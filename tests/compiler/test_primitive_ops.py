"""For every op: the compiled kernel gives what its NumPy reference gives, its shape rule is right, its gradient is the derivative."""

from __future__ import annotations

import numpy as np
import pytest
from generated import OPS, application, arguments, assert_close, compiled_and_reference, samples
from graphnn_compiler.executable import Executable
from graphnn_compiler.ops.base import REGISTRY, Elementwise, is_float
from graphnn_compiler.trace import emit, trace


def check(name: str, *, everyday: bool) -> None:
    for s in samples(name, everyday=everyday):
        arrays = arguments(s)
        got, want, _ = compiled_and_reference(application(s, with_gradient=True), arrays)
        for i, (g, w) in enumerate(zip(got, want, strict=True)):
            assert_close(g, w, f"{s.op.describe()} {[x[:2] for x in s.inputs]} result {i}")


@pytest.mark.parametrize("name", OPS)
def test_lowering_is_the_reference(name: str) -> None:
    check(name, everyday=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPS)
def test_lowering_is_the_reference_in_rare_dtypes(name: str) -> None:
    check(name, everyday=False)


@pytest.mark.parametrize("name", OPS)
def test_shape_rule_is_the_real_shape(name: str) -> None:
    for s in samples(name, everyday=True):
        arrays = arguments(s)
        out = s.op.reference(*arrays)
        specs = s.op.infer(*[(a.shape, a.dtype.name) for a in arrays])
        for a, (shape, dtype) in zip(out if isinstance(out, tuple) else (out,), specs, strict=True):
            assert (np.asarray(a).shape, np.asarray(a).dtype.name) == (shape, dtype), s.op.describe()


@pytest.mark.parametrize("name", [n for n in OPS if any(s.grad for s in REGISTRY[n].samples())])
def test_gradient_is_the_derivative_in_float64(name: str) -> None:
    seen = set()
    for s in samples(name, everyday=True):
        if not s.grad or (key := (s.op, tuple(x[0] for x in s.inputs))) in seen or "float64" not in s.op.describe() + "float64":
            continue
        seen.add(key)
        arrays = arguments(s, floats="float64")
        if name == "Cast" and s.op.dtype != "float64":  # type: ignore[attr-defined]
            continue  # a cast to a narrower float has steps, not a slope
        weights = np.cos(1.0 + np.arange(np.asarray(s.op.reference(*arrays)).size)).reshape(np.asarray(s.op.reference(*arrays)).shape)

        def f(*values, s=s, weights=weights):
            from graphnn_compiler.autodiff import gradients
            from graphnn_compiler.build import value

            y = emit(s.op, *values)
            return [y, *gradients([y], [value(weights)], [v for v in values if is_float(v.dtype)])]

        specs = [(a.shape, a.dtype.name) for a in arrays]
        got = Executable(trace(f, specs))(arrays)[1:]
        rng = np.random.default_rng(5)
        floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
        for g, i in zip(got, floats, strict=True):
            direction, h = rng.standard_normal(arrays[i].shape), 1e-6

            def along(t: float, i=i, direction=direction) -> float:
                moved = [a + t * direction if j == i else a for j, a in enumerate(arrays)]
                return float(np.sum(np.asarray(s.op.reference(*moved), "float64") * weights))

            slope = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)
            size = float(np.sum(np.abs(g * direction))) + 1.0
            assert abs(slope - float(np.sum(g * direction))) <= 1e-6 * size, f"{s.op.describe()} input {i}"


SPECIAL = [0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 1e-45, -1e-40, 3.4e38, -3.4e38, 88.8, -104.0, 0.5, -0.5]


@pytest.mark.parametrize("name", [n for n in OPS if issubclass(REGISTRY[n], Elementwise) and "float32" in REGISTRY[n].accepts])
def test_special_values(name: str) -> None:
    cls = REGISTRY[name]
    if name in ("Where", "Cast", "FloorDiv", "Mod", "Pow", "RandomBits"):
        return  # Where has a bool; casts of NaN to integers are undefined; the others follow C's libm at the edges, tested in test_simd
    values = np.array(SPECIAL, "float32")
    arrays = [values] if cls.arity == 1 else [np.repeat(values, len(values)), np.tile(values, len(values))]
    s = next(x for x in cls.samples() if x.inputs[0][1] == "float32")
    got, want, _ = compiled_and_reference(application(s, with_gradient=False), arrays)
    ok = np.isclose(got[0].astype("float64"), np.asarray(want[0], "float64"), rtol=4e-6, atol=1e-37, equal_nan=True)
    assert ok.all(), [(a[~ok].tolist()) for a in arrays] + [got[0][~ok].tolist(), np.asarray(want[0])[~ok].tolist()]


def test_every_op_has_samples_and_a_docstring() -> None:
    for name in OPS:
        cls = REGISTRY[name]
        assert cls.__doc__ and (name == "Constant" or cls.samples()), name
