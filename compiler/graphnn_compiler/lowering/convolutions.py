"""Steps of convolutions."""

from __future__ import annotations

from collections.abc import Mapping

from ..dims import Shape, evaluate, product
from ..interpret import concrete
from ..ir import Node
from ..ops.base import itemsize
from ..ops.conv import Conv, ConvInput, ConvKernel
from ..runtime.spec import KernelSpec
from ..views import Buffer, Storage, contiguous
from .layout import Layout
from .nests import copy_step
from .steps import KernelStep, Place, Step

AXES = 3


def conv_steps(low: Layout, node: Node) -> list[Step]:
    """The steps of a convolution."""
    op = node.op
    assert isinstance(op, Conv | ConvInput | ConvKernel)
    steps: list[Step] = []
    sources: list[Storage] = []
    for v in node.inputs:
        s = low.storage_of(v)
        if not s.contiguous:
            dense = contiguous(Buffer(product(v.shape), v.dtype), v.shape)
            steps.append(copy_step(s, dense, [node]))
            s = dense
        sources.append(s)
    out = node.outputs[0]
    target = low.storage_of(out)
    what = {Conv: "conv", ConvInput: "input", ConvKernel: "kernel"}[type(op)]
    a, b = (v.shape for v in node.inputs)
    x, y, w = {"conv": (a, out.shape, b), "input": (out.shape, a, b), "kernel": (a, b, out.shape)}[what]

    def dims(env: Mapping[str, int]) -> list[int]:
        found = concrete(op, env)
        assert isinstance(found, Conv | ConvInput | ConvKernel)
        xs, ys, ws = ([evaluate(d, env) for d in shape] for shape in (x, y, w))
        found.slides(tuple(xs[1:-1]), tuple(ws[:-2]))
        fill = AXES - found.axes
        ones, zeros = [1] * fill, [0] * fill
        low_pads = [int(p) for p, _ in found.padding]
        return [
            xs[0], xs[-1], ws[-1], found.groups, *ones, *xs[1:-1], *ones, *ys[1:-1], *ones, *ws[:-2],
            *ones, *found.strides, *ones, *found.dilation, *zeros, *low_pads,
        ]  # fmt: skip

    places = [Place(s.buffer, s.offset * itemsize(s.buffer.dtype)) for s in [*sources, target]]
    spec = KernelSpec("conv_plain", (("dtype", out.dtype), ("what", what)))
    work = product((*y, *_inner(w)))
    steps.append(KernelStep([node], places, [s.buffer for s in sources], [target.buffer], work, [], spec, dims))
    return steps


def _inner(w: Shape) -> Shape:
    return w[:-1]
