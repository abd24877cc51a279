"""The vector types: sixteen lanes of one element type as one LLVM vector, known to Numba.

A vector has 16 lanes on every target (LLVM splits it where registers are narrower), so the order of every sum, and with
it every bit of every result, is the same everywhere.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# Neither library has type information, so the vector files take them as Any, from here.
ir: Any = importlib.import_module("llvmlite.ir")
types: Any = importlib.import_module("numba.core.types")
extending: Any = importlib.import_module("numba.extending")
templates: Any = importlib.import_module("numba.core.typing.templates")
_errors: Any = importlib.import_module("numba.core.errors")
_llvm: Any = importlib.import_module("llvmlite.binding")

LANES = 16

I1, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
F32, F64 = ir.FloatType(), ir.DoubleType()
VOID = ir.VoidType()


@dataclass(frozen=True)
class Element:
    """One element type: what it is in memory, in a register, and as a Numba scalar."""

    name: str
    register: str  # the element type of the vector it is loaded into
    kind: str  # "f" float, "i" signed, "u" unsigned, "b" bool
    size: int  # bytes in memory
    memory: Any  # LLVM type in memory
    lane: Any  # LLVM type of one lane in a register
    scalar: Any  # Numba type of the scalar


ELEMENTS: dict[str, Element] = {
    e.name: e
    for e in (
        Element("f16", "f32", "f", 2, ir.HalfType(), F32, types.float32),
        Element("f32", "f32", "f", 4, F32, F32, types.float32),
        Element("f64", "f64", "f", 8, F64, F64, types.float64),
        Element("i8", "i8", "i", 1, I8, I8, types.int8),
        Element("i16", "i16", "i", 2, I16, I16, types.int16),
        Element("i32", "i32", "i", 4, I32, I32, types.int32),
        Element("i64", "i64", "i", 8, I64, I64, types.int64),
        Element("u8", "u8", "u", 1, I8, I8, types.uint8),
        Element("u16", "u16", "u", 2, I16, I16, types.uint16),
        Element("u32", "u32", "u", 4, I32, I32, types.uint32),
        Element("u64", "u64", "u", 8, I64, I64, types.uint64),
        Element("b1", "b1", "b", 1, I8, I1, types.boolean),
    )
}
NAMES: tuple[str, ...] = tuple(ELEMENTS)


class VecType(types.Type):
    """Numba type of a 16-lane vector."""

    def __init__(self, element: str) -> None:
        self.element = element
        types.Type.__init__(self, name=f"{element}x{LANES}")

    @property
    def kind(self) -> str:
        return ELEMENTS[self.element].kind

    @property
    def scalar(self) -> Any:
        return ELEMENTS[self.element].scalar


def vector_type(element: str) -> Any:
    """The LLVM type of a vector of `element`."""
    return ir.VectorType(ELEMENTS[element].lane, LANES)


@extending.register_model(VecType)
class _VecModel(extending.models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: VecType) -> None:
        extending.models.PrimitiveModel.__init__(self, dmm, fe_type, vector_type(fe_type.element))


VECTORS: dict[str, VecType] = {name: VecType(name) for name in NAMES if name != "f16"}
VECTORS["f16"] = VECTORS["f32"]
B1 = VECTORS["b1"]


class _Target:
    avx512: bool = bool(_llvm.get_host_cpu_features().get("avx512vl", False))


def set_target(avx512: bool) -> None:
    """Say whether the code emitted from now on is for a CPU with AVX-512 (F, BW, DQ, VL).

    It chooses between instruction sequences (masked accesses by hardware, or a branch on the full mask), never results.
    `runtime/compile.py` sets it before each compilation; the default is what this machine has.
    """
    _Target.avx512 = avx512


def target_has_avx512() -> bool:
    """What `set_target` said last."""
    return _Target.avx512


Typer = Callable[..., Any]


def define(name: str, parameters: str, typer: Typer, emit: Callable[..., Any], doc: str = "") -> Any:
    """Make a function for kernels.

    Args:
        name: the name it goes by.
        parameters: names of its positional parameters, separated by spaces.
        typer: Numba argument types -> signature; raises TypingError when they do not fit.
        emit: (Emit, signature, *LLVM values) -> LLVM value, or None for a function without result.
        doc: one line for the reader.
    """
    from .simd_emit import Emit

    names = parameters.split()

    def definition(typing_context: Any, *args: Any) -> Any:
        if len(args) != len(names):
            raise _errors.TypingError(f"{name}({', '.join(names)}): {len(args)} arguments given")
        signature = typer(*args)

        def codegen(context: Any, builder: Any, sig: Any, values: Any) -> Any:
            result = emit(Emit(builder), sig, *values)
            return context.get_dummy_value() if result is None else result

        return signature, codegen

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    definition.__name__ = definition.__qualname__ = name
    definition.__doc__ = doc
    definition.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(p, kind) for p in ("typing_context", *names)]
    )
    return extending.intrinsic(definition)


def family(
    prefix: str,
    parameters: str,
    typer: Callable[[str], Typer],
    emit: Callable[..., Any],
    doc: str = "",
    names: tuple[str, ...] = NAMES,
) -> Iterator[Any]:
    """One function per element type: `prefix_T`, emitted by emit(Emit, Element, *values)."""

    def one(name: str) -> Any:
        element = ELEMENTS[name]

        def emit_one(em: Any, signature: Any, *values: Any) -> Any:
            return emit(em, element, *values)

        return define(f"{prefix}_{name}", parameters, typer(name), emit_one, doc)

    return map(one, names)


def fixed(result: Any, *parameters: Any) -> Typer:
    """A typer for one signature. Scalars are converted, vectors must be of the very type."""

    def typer(*args: Any) -> Any:
        for want, got in zip(parameters, args, strict=True):
            vector = isinstance(want, VecType) or isinstance(got, VecType)
            if (vector and want != got) or not (
                vector or isinstance(got, (types.Number, types.Boolean, types.Literal))
            ):
                raise _errors.TypingError(f"{want} expected, {got} given")
        return templates.Signature(result, parameters, None)

    return typer


def alike(kinds: str, result: Any = None) -> Typer:
    """A typer for functions of equal vectors of some kinds; `result` is a type or a function of the vector."""

    def typer(*args: Any) -> Any:
        first = args[0]
        if not isinstance(first, VecType) or first.kind not in kinds:
            raise _errors.TypingError(f"a vector of kind {'/'.join(kinds)} expected, {first} given")
        if any(a != first for a in args):
            raise _errors.TypingError(f"vectors of one type expected, {', '.join(map(str, args))} given")
        returns = first if result is None else result if isinstance(result, types.Type) else result(first)
        return templates.Signature(returns, args, None)

    return typer
