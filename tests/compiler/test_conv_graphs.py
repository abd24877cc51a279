"""Convolutions in graphs: what follows them is their epilogue, sizes are bound, gradients that nobody wants are not computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.dims import Shape, symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.interpret import interpret
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import conv as ops
from graphnn_compiler.ops.elementwise import Relu
from graphnn_compiler.runtime import build, team
from graphnn_compiler.trace import emit, trace
from graphnn_compiler.verify import verify

N, H, W = symbol("n"), symbol("h"), symbol("w")
ONES = ((1, 1), (1, 1))
Function = Callable[..., Sequence[Value]]


def names(executable: Executable) -> list[str]:
    """The kernels as `Op+Op`."""
    return ["+".join(type(n.op).__name__ for n in s.nodes) for s in executable.lowered.steps]


def check(f: Function, specs: Sequence[tuple[Shape, str]], shapes: Sequence[tuple[int, ...]], tolerance: float = 2e-4) -> Executable:
    """The compiled function gives what NumPy gives, and the same bits on any number of threads."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype(d) for s, (_, d) in zip(shapes, specs, strict=True)]
    graph = trace(f, specs)
    verify(graph)
    want = interpret(graph, arrays, {})[0]
    first: list[bytes] = []
    executable = Executable(trace(f, specs))
    for threads in (1, 2, 3, 4):
        team.set_threads(threads)
        got = executable(arrays)
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance * (1 + np.abs(w).max(initial=0)))
        first = first or [g.tobytes() for g in got]
        assert [g.tobytes() for g in got] == first
    return executable


@pytest.fixture(autouse=True)
def every_kernel_on_all_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GRAPHNN_MIN_PARALLEL_WORK", "0")
    threads = team.threads()
    yield
    team.set_threads(threads)


def image(channels: int, dtype: str = "float32") -> tuple[Shape, str]:
    return (N, H, W, channels), dtype


def test_bias_activation_and_residual_follow_in_one_kernel() -> None:
    def f(x: Value, w: Value, c: Value) -> list[Value]:
        return [emit(Relu(), ops.conv(x, w, (1, 1), ONES) + c + x)]

    specs = [image(16), ((3, 3, 16, 16), "float32"), ((16,), "float32")]
    for shape in ((1, 1, 1, 16), (2, 7, 7, 16), (9, 6, 5, 16), (1, 40, 33, 16)):
        found = check(f, specs, [shape, (3, 3, 16, 16), (16,)])
        assert names(found) == ["Conv+Add+Add+Relu"]


def test_a_training_step_of_two_layers_needs_no_gradient_of_its_input() -> None:
    def step(x: Value, w1: Value, c1: Value, w2: Value, c2: Value) -> list[Value]:
        h = emit(Relu(), ops.conv(x, w1, (1, 1), ONES) + c1)
        y = ops.conv(h, w2, (2, 2), ops.same_padding((H, W), (3, 3), (2, 2), (1, 1))) + c2
        loss = b.mean(y * y)
        weights = [w1, c1, w2, c2]
        return [loss, *[p - 0.1 * g for p, g in zip(weights, gradients([loss], [b.value(1.0, "float32")], weights), strict=True)]]

    specs = [image(3), ((3, 3, 3, 18), "float32"), ((18,), "float32"), ((3, 3, 18, 20), "float32"), ((20,), "float32")]
    for shape in ((2, 6, 7, 3), (9, 8, 8, 3)):
        found = check(step, specs, [shape, *[tuple(map(int, s)) for s, _ in specs[1:]]], 1e-3)
        kinds = names(found)
        assert sum(k.startswith("ConvKernel") for k in kinds) == 2
        assert sum(k.startswith("ConvInput") for k in kinds) == 1
        assert all(k.endswith("Mul+Sub") for k in kinds if k.startswith("ConvKernel"))  # the update is the epilogue


def test_new_sizes_compile_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Value, w: Value, d: Value) -> list[Value]:
        y = ops.conv(x, w, (2, 1), ((1, 1), (0, 1)))
        z = ops.conv(y, d, (1, 1), ONES, groups=5)
        return [z, *gradients([z], [z], [x, w, d])]

    executable = Executable(trace(f, [image(4), ((3, 2, 4, 5), "float32"), ((3, 3, 1, 5), "float32")]))
    weights = [np.ones((3, 2, 4, 5), "float32"), np.ones((3, 3, 1, 5), "float32")]
    executable([np.ones((2, 5, 5, 4), "float32"), *weights])

    def refuse(*_: object) -> None:
        raise AssertionError("a kernel is compiled")

    monkeypatch.setattr(build, "build_objects", refuse)
    for shape in ((1, 2, 2, 4), (17, 30, 20, 4), (0, 5, 5, 4), (3, 64, 3, 4)):
        found = executable([np.ones(shape, "float32"), *weights])
        assert found[1].shape == shape


def test_an_image_smaller_than_the_kernel_is_refused_when_its_size_is_known() -> None:
    f: Function = lambda x, w: [ops.conv(x, w, (1, 1), ((0, 0), (0, 0)))]  # noqa: E731
    executable = Executable(trace(f, [image(2), ((3, 3, 2, 2), "float32")]))
    with pytest.raises(ValueError, match="a kernel of extent 3 is larger than the axis of extent 2"):
        executable([np.ones((1, 5, 2, 2), "float32"), np.ones((3, 3, 2, 2), "float32")])
    with pytest.raises(ValueError, match="is larger than the axis"):
        trace(f, [((1, 2, 5, 2), "float32"), ((3, 3, 2, 2), "float32")])


def test_a_kernel_of_one_place_is_a_product() -> None:
    def f(x: Value, w: Value, c: Value) -> list[Value]:
        y = emit(Relu(), ops.conv(x, w, (1, 1), ((0, 0), (0, 0))) + c)
        return [y, *gradients([y], [y], [x, w])]

    found = check(f, [image(5), ((1, 1, 5, 7), "float32"), ((7,), "float32")], [(2, 4, 3, 5), (1, 1, 5, 7), (7,)], 1e-3)
    assert [k.split("+")[0] for k in names(found)].count("MatMul") == 3
    assert not any("Conv" in k for k in names(found))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_second_derivatives(dtype: str) -> None:
    """The gradient of a gradient's norm, through all three ops."""

    def f(x: Value, w: Value) -> list[Value]:
        y = ops.conv(x, w, (2, 1), ((1, 0), (1, 1)), (1, 2))
        dx, dw = gradients([y], [y * y], [x, w])
        norm = b.reduced(b.reduce.Sum, dx * dx) + b.reduced(b.reduce.Sum, dw * dw)
        return [norm, *gradients([norm], [b.value(1.0, dtype)], [x, w])]

    shapes = [(2, 6, 7, 3), (3, 2, 3, 4)]
    check(f, [(s, dtype) for s in shapes], shapes, 1e-3 if dtype == "float32" else 1e-10)


@pytest.mark.parametrize("groups", [3, 6])
def test_several_filters_of_one_channel(groups: int) -> None:
    def f(x: Value, w: Value) -> list[Value]:
        y = ops.conv(x, w, (1, 2), ONES, groups=groups)
        return [y, *gradients([y], [y], [x, w])]

    check(f, [image(groups), ((3, 3, 1, 12), "float32")], [(2, 5, 6, groups), (3, 3, 1, 12)], 1e-3)


@pytest.mark.parametrize(
    ("args", "x", "w", "message"),
    [
        (((1, 1), ONES), (1, 4, 4, 3), (3, 3, 2, 5), "3 channels meet a kernel"),
        (((1, 1), ONES, None, 2), (1, 4, 4, 4), (3, 3, 2, 5), "5 filters cannot be divided into 2 groups"),
        (((1, 1), ONES), (1, 4, 3), (3, 3, 3, 5), "takes operands of 4 axes"),
        (((0, 1), ONES), (1, 4, 4, 3), (3, 3, 3, 5), "must be positive"),
        (((1, 1), ONES), (1, 4, 4, 3), (0, 3, 3, 5), "has an extent of 0"),
        (((1,), ONES), (1, 4, 4, 3), (3, 3, 3, 5), "spatial axes"),
    ],
)
def test_what_does_not_belong_together(args: tuple[object, ...], x: tuple[int, ...], w: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trace(lambda a, c: [ops.conv(a, c, *args)], [(x, "float32"), (w, "float32")])  # type: ignore[arg-type]
