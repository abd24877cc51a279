"""What an op is: one frozen dataclass that holds its shape and dtype rule, its NumPy reference, its gradient, its lowering and the
samples that the generated tests run. Its fields are its attributes, so equality and hashing (used by common-subexpression
elimination and kernel keys) come free. Defining the class enrols it in `REGISTRY` and so in those tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from ..dims import Extent, Shape, broadcast, product
from ..ir import Value

Array: TypeAlias = npt.NDArray[Any]
Spec: TypeAlias = tuple[Shape, str]

FLOATS = ("float16", "float32", "float64")
INTS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = ("bool", *INTS, *FLOATS)
REGISTRY: dict[str, type[Op]] = {}


@dataclass(frozen=True)
class Sample:
    """Arguments for the generated tests: the op and a (shape, dtype, low, high) for each input; `grad=False` where it has none."""

    op: Op
    inputs: tuple[tuple[tuple[int, ...], str, float, float], ...]
    grad: bool = True


@dataclass(frozen=True)
class Op:
    """Base of all ops. `kind` names the lowering: elementwise, reduce, contract, movement, index or kernel."""

    kind: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__name__.startswith("_") and "abstract" not in cls.__dict__:
            REGISTRY[cls.__name__] = cls

    def describe(self) -> str:
        """The op as the printer shows it: name and attributes."""
        attrs = ", ".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self) if f.name != "data")
        return f"{type(self).__name__}({attrs})" if attrs else type(self).__name__

    def infer(self, *specs: Spec) -> list[Spec]:
        """Shape and dtype of each output."""
        raise NotImplementedError(type(self).__name__)

    def reference(self, *arrays: Array) -> Array | tuple[Array, ...]:
        """The result by NumPy: the oracle of every test, and what `run_eagerly` runs."""
        raise NotImplementedError(type(self).__name__)

    def gradient(
        self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Sequence[Value | None]
    ) -> Sequence[Value | None]:
        """The cotangents of the inputs (None where there is none), in ops of the same IR."""
        return [None] * len(inputs)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        """Typical applications, for the generated tests."""
        return ()


@dataclass(frozen=True)
class WithKernel(Op):
    """Ops that run as one hand-written kernel, on contiguous tensors."""

    abstract: ClassVar[bool] = True
    kind: ClassVar[str] = "kernel"

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the kernel."""
        raise NotImplementedError(type(self).__name__)

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """What the kernel's dims block holds, for shapes of the inputs."""
        raise NotImplementedError(type(self).__name__)

    def workspace(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Bytes of work space, handed over after the results."""
        return 0

    def thread_workspace(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Bytes of work space for each thread, which follow those."""
        return 0

    def limit(self, shapes: Sequence[Shape]) -> Extent | None:
        """What the indices that its kernel checks must be below."""
        return None

    def work(self, shapes: Sequence[Shape]) -> Extent:
        """How many elements a loop handles in about the same time."""
        return (product(shapes[0]) + product(shapes[-1])) * 8


@dataclass(frozen=True)
class Composite(Op):
    """Ops that are written in other ops before they are lowered. What they add to these is a gradient of their own."""

    abstract: ClassVar[bool] = True
    kind: ClassVar[str] = "composite"

    def expanded(self, *inputs: Value) -> Value:
        """The result in ops of the same IR."""
        raise NotImplementedError(type(self).__name__)


def is_float(dtype: str) -> bool:
    """True for float16, float32 and float64."""
    return dtype in FLOATS


def itemsize(dtype: str) -> int:
    """Bytes of one element."""
    return 1 if dtype == "bool" else np.dtype(dtype).itemsize


@dataclass(frozen=True)
class Elementwise(Op):
    """Ops on each element by itself, with NumPy broadcasting; inputs share one dtype. Subclasses give `template`."""

    abstract: ClassVar[bool] = True
    kind: ClassVar[str] = "elementwise"
    arity: ClassVar[int] = 1
    accepts: ClassVar[tuple[str, ...]] = FLOATS
    result: ClassVar[str] = ""  # dtype of the result; empty: that of the inputs
    domain: ClassVar[tuple[float, float]] = (-3.0, 3.0)  # where values of samples are drawn from
    differentiable: ClassVar[bool] = True

    def infer(self, *specs: Spec) -> list[Spec]:
        if len(specs) != self.arity:
            raise TypeError(f"{type(self).__name__} takes {self.arity} inputs, not {len(specs)}")
        dtypes = {d for _, d in specs}
        if len(dtypes) != 1 or not dtypes <= set(self.accepts):
            raise TypeError(f"{type(self).__name__} takes {'/'.join(self.accepts)} of one dtype, not {', '.join(d for _, d in specs)}")
        return [(broadcast(*[s for s, _ in specs]), self.result or specs[0][1])]

    def template(self, t: str, *names: str) -> str:
        """The expression of this op in the vocabulary of simd.py; `t` is the type suffix of the inputs."""
        raise NotImplementedError(type(self).__name__)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        op = cls()
        low, high = cls.domain
        return [
            Sample(op, tuple((shape, d, low, high) for _ in range(cls.arity)), cls.differentiable and is_float(d))
            for d in cls.accepts
            for shape in ((37,), (3, 5))
        ]
