"""Steps of hand-written kernels, and of the movement ops that have to copy."""

from __future__ import annotations

from collections.abc import Mapping

from ..codegen.text import literal
from ..dims import Extent, evaluate, product
from ..interpret import concrete
from ..ir import Node
from ..ops.base import WithKernel, itemsize
from ..ops.movement import Concat, SliceUpdate, Unslice
from ..runtime.spec import KernelSpec
from ..views import Buffer, Storage, contiguous
from .layout import Layout, part_of
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
    limit = op.limit(shapes)
    checks = [] if limit is None else [IndexCheck(limit, node.origin)]
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

    if isinstance(op, Concat):
        steps: list[Step] = []
        at: Extent = 0
        for v, there in zip(node.inputs, low.joined[node], strict=True):
            starts: list[Extent] = [0] * v.ndim
            starts[op.axis] = at
            if not there:
                steps.append(copy_step(low.storage_of(v), part_of(target, tuple(starts), v), [node]))
            at = at + v.shape[op.axis]
        return steps
    if isinstance(op, Unslice):
        x = node.inputs[0]
        zeros = copy_step(x, target, [node], literal(0, out.dtype))
        return [zeros, copy_step(low.storage_of(x), part_of(target, op.starts, x, op.steps), [node])]
    assert isinstance(op, SliceUpdate)
    x, y = node.inputs
    whole = copy_step(low.storage_of(x), target, [node])
    return [whole, copy_step(low.storage_of(y), part_of(target, op.starts, y, op.steps), [node])]
