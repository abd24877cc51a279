"""A step is one kernel call of a program before sizes are known: which kernel, which memory, which numbers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..dims import Extent, Shape, evaluate, product
from ..interpret import concrete
from ..ir import Node
from ..kernels.conv_axes import Sliding
from ..ops.conv import Conv, ConvInput, ConvKernel
from ..runtime.spec import KernelSpec
from ..views import Buffer

if TYPE_CHECKING:
    from .lower import Lowered


@dataclass(frozen=True)
class Place:
    """An address: a buffer (None: no memory, the number itself) and a byte offset."""

    buffer: Buffer | None
    offset: Extent = 0


@dataclass(frozen=True)
class IndexCheck:
    """What to say about a bad index that a step met."""

    limit: Extent
    origin: str


@dataclass(eq=False)
class Step:
    """Base of steps. `reads`, `writes`: buffers; `work`: about how many elements or operations, to choose the number of threads."""

    nodes: list[Node]
    places: list[Place]
    reads: list[Buffer]
    writes: list[Buffer]
    work: Extent
    checks: list[IndexCheck] = field(default_factory=list[IndexCheck])


@dataclass(eq=False)
class LoopStep(Step):
    """A generated loop nest."""

    spec: KernelSpec = field(default_factory=lambda: KernelSpec("loop"))
    dims: list[Extent] = field(default_factory=list[Extent])
    in_place: list[tuple[Buffer, Buffer]] = field(default_factory=list[tuple[Buffer, Buffer]])  # (written, read): may be the same memory


@dataclass(eq=False)
class KernelStep(Step):
    """A hand-written kernel of an op; `dims` and `workspace` are computed from the numbers, and from that of threads."""

    spec: KernelSpec = field(default_factory=lambda: KernelSpec("kernel"))
    dims: Callable[[Mapping[str, int]], list[int]] = lambda env: []
    workspace: Callable[[Mapping[str, int], int], int] = lambda env, threads: 0


@dataclass
class Section:
    """A sub-program of a control step: its steps, and where its buffers are in the program around it.

    Inputs and outputs move by so many bytes from one run to the next; those that do not move are inputs of kind "fixed".
    """

    lowered: Lowered
    inputs: list[tuple[Place, Extent]]
    outputs: list[tuple[Place, Extent]]
    states: dict[Hashable, Place]


@dataclass(eq=False)
class ControlStep(Step):
    """Control flow: the kernel `name` runs the tables of its sections. `steps`: how often, where that is known before."""

    name: str = ""
    sections: list[Section] = field(default_factory=list[Section])
    steps: Extent = 1


@dataclass(eq=False)
class TiledStep(Step):
    """A product that `epilogue` finishes tile by tile. The first two places are its factors, the third its result."""

    epilogue: LoopStep | None = None

    @property
    def flops(self) -> Extent:
        """Floating-point operations."""
        return 0


@dataclass(eq=False)
class GemmStep(TiledStep):
    """A matrix product; strides in elements."""

    dtype: str = "float32"
    m: Extent = 0
    n: Extent = 0
    k: Extent = 0
    batch: tuple[Extent, Extent] = (1, 1)
    a_strides: tuple[Extent, ...] = ()
    b_strides: tuple[Extent, ...] = ()
    c_strides: tuple[Extent, ...] = ()
    panels: bool = False

    @property
    def flops(self) -> Extent:
        return self.batch[0] * self.batch[1] * self.m * self.n * self.k * 2


@dataclass(eq=False)
class ConvStep(TiledStep):
    """A convolution or one of its transposes; the shapes are those of x, w and y, whichever of them is the result."""

    op: Conv | ConvInput | ConvKernel | None = None
    dtype: str = "float32"
    x: Shape = ()
    w: Shape = ()
    y: Shape = ()

    @property
    def flops(self) -> Extent:
        return product((*self.y, *self.w[:-1])) * 2

    def sliding(self, env: Mapping[str, int]) -> Sliding:
        """The convolution in numbers.

        Raises:
            ValueError: the kernel is larger than what it slides on.
        """
        assert self.op is not None
        op = concrete(self.op, env)
        assert isinstance(op, Conv | ConvInput | ConvKernel)
        x, w, y = (tuple(evaluate(d, env) for d in shape) for shape in (self.x, self.w, self.y))
        op.slides(x[1:-1], w[:-2])
        low = tuple(int(p) for p, _ in op.padding)
        return Sliding(x[0], x[1:-1], y[1:-1], w[:-2], x[-1], w[-1], op.groups, op.strides, op.dilation, low)
