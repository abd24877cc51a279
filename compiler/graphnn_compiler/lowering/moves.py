"""Steps of hand-written kernels, and of the movement ops that have to copy."""

from __future__ import annotations

from collections.abc import Mapping

from ..codegen.text import literal
from ..dims import Extent, evaluate, product
from ..interpret import concrete
from ..ir import Node, Value
from ..ops.base import WithKernel, itemsize
from ..ops.movement import Concat, Slice, SliceUpdate, Unslice
from ..runtime.spec import KernelSpec
from ..views import Buffer, Storage, contiguous, view
from .layout import Layout
from .nests import copy_step
from .steps import IndexCheck, KernelStep, Place, Step


def kernel_steps(low: Layout, node: Node) -> list[Step]:
    op = node.op
    steps: list[Step] = []
    sources: list[Storage] = []
    for v in node.inputs:
        s = low.storage_of(v)
        if not s.contiguous:
            dense = contiguous(Buffer(product(v.shape), v.dtype), v.shape)
            steps.append(copy_step(s, dense, [node]))
            s = dense
        sources.append(s)
    targets = [low.storage_of(v) for v in node.outputs]
    assert isinstance(op, WithKernel)
    name, params = op.kernel([(v.shape, v.dtype) for v in node.inputs])
    shapes = [v.shape for v in node.inputs]

    def numbers(env: Mapping[str, int]) -> list[tuple[int, ...]]:
        return [tuple(evaluate(d, env) for d in s) for s in shapes]

    def bound(env: Mapping[str, int]) -> WithKernel:
        found = concrete(op, env)
        assert isinstance(found, WithKernel)
        return found

    def workspace(env: Mapping[str, int], threads: int) -> int:
        found = bound(env)
        return found.workspace(numbers(env)) + threads * found.thread_workspace(numbers(env))

    places = [Place(s.buffer, s.offset * itemsize(s.buffer.dtype)) for s in [*sources, *targets]]
    checks = [IndexCheck(node.inputs[0].shape[0], node.origin)] if name == "scatter" else []
    steps.append(
        KernelStep(
            [node], places, [s.buffer for s in sources], [s.buffer for s in targets], op.work(shapes), checks,
            KernelSpec(name, tuple(params.items())), lambda env: bound(env).dims(numbers(env)), workspace,
        )
    )  # fmt: skip
    return steps


def copy_steps(low: Layout, node: Node) -> list[Step]:
    op, out = node.op, node.outputs[0]
    target = low.storage_of(out)

    def part(starts: tuple[Extent, ...], shape: tuple[Extent, ...], steps: tuple[int, ...]) -> Storage:
        piece = Node(Slice(starts, shape, steps), (out,))
        piece.outputs = (Value(shape, out.dtype, piece),)
        found = view(target, piece)
        assert found is not None
        return found

    if isinstance(op, Concat):
        steps: list[Step] = []
        at: Extent = 0
        for v in node.inputs:
            starts: list[Extent] = [0] * v.ndim
            starts[op.axis] = at
            steps.append(copy_step(low.storage_of(v), part(tuple(starts), v.shape, (1,) * v.ndim), [node]))
            at = at + v.shape[op.axis]
        return steps
    if isinstance(op, Unslice):
        x = node.inputs[0]
        zeros = copy_step(x, target, [node], literal(0, out.dtype))
        return [zeros, copy_step(low.storage_of(x), part(op.starts, x.shape, op.steps), [node])]
    assert isinstance(op, SliceUpdate)
    x, y = node.inputs
    whole = copy_step(low.storage_of(x), target, [node])
    return [whole, copy_step(low.storage_of(y), part(op.starts, y.shape, op.steps), [node])]
