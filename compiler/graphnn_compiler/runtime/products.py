"""How products are computed, for the numbers of a program and so many threads."""

from __future__ import annotations

from collections.abc import Mapping

from ..dims import Extent, evaluate
from ..kernels.conv_plan import ConvPlan, plan_conv, spec_of
from ..kernels.conv_weights_plan import plan_weights
from ..kernels.gemm_plan import GemmPlan
from ..kernels.gemm_plan import plan as plan_gemm
from ..lowering.products import FLOPS_PER_WORK
from ..lowering.steps import ConvStep, GemmStep, TiledStep
from ..ops.base import itemsize
from ..ops.conv import ConvInput, ConvKernel
from .spec import KernelSpec


def product_spec(step: TiledStep, env: Mapping[str, int]) -> KernelSpec:
    """The kernel of a product, which its numbers have little influence on."""
    if isinstance(step, ConvStep):
        name = "conv_weights" if isinstance(step.op, ConvKernel) else "conv"
        return spec_of(name, step.dtype, step.sliding(env).by_channel)
    assert isinstance(step, GemmStep)
    unit = itemsize(step.dtype)
    return plan_gemm(1, 1, 1, (1, 1), (0, 0, unit, unit), (0, 0, unit, unit), (0, 0, unit), step.dtype, 1).spec


def plan_product(step: TiledStep, env: Mapping[str, int], threads: int, least_work: int) -> GemmPlan | ConvPlan:
    """The plan of a product; `least_work`: of an instruction that threads share."""
    scratch, least = step.epilogue is not None, least_work * FLOPS_PER_WORK
    if isinstance(step, ConvStep):
        sliding = step.sliding(env)
        if isinstance(step.op, ConvKernel):
            return plan_weights(sliding, step.dtype, threads, min_parallel=least, scratch=scratch)
        turned = isinstance(step.op, ConvInput)
        return plan_conv(sliding, turned, step.dtype, threads, min_parallel=least, scratch=scratch)
    assert isinstance(step, GemmStep)
    size = itemsize(step.dtype)

    def number(x: Extent) -> int:
        return evaluate(x, env)

    m, n, k = (number(d) for d in (step.m, step.n, step.k))
    outer, inner = (number(d) for d in step.batch)
    a, b, c = ([number(s) * size for s in part] for part in (step.a_strides, step.b_strides, step.c_strides))
    return plan_gemm(
        m, n, k, (outer, inner), (a[0], a[1], a[2], a[3]), (b[0], b[1], b[2], b[3]), (c[0], c[1], c[2]), step.dtype,
        threads, min_parallel=least, scratch=scratch, panels=step.panels,
    )  # fmt: skip
