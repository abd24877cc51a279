"""Numba as the compiler of kernels. All private API of Numba is in this file.

Numba's front end types the Python text and writes LLVM IR. Its own optimiser, its machine code and its wrappers are not
used: `emit.py` makes object code of the IR by a TargetMachine of our own. The contexts below load only the part of
Numba that kernels need, which saves most of the time of a first compilation.
"""

# Numba and llvmlite have no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportUntypedBaseClass=false
# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnusedImport=false, reportUnusedClass=false
# pyright: reportOptionalCall=false, reportUntypedClassDecorator=false, reportPrivateImportUsage=false
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
# pyright: reportCallIssue=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools
import importlib
import linecache
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, ClassVar

from llvmlite import ir
from numba.core import (
    codegen,
    compiler,
    cpu,
    decorators,
    descriptors,
    dispatcher,
    imputils,
    target_extension,
    types,
    typing,
)
from numba.core.compiler_lock import global_compiler_lock
from numba.core.typing import templates

from .context import LOST
from .emit import KernelRefused, assembly_text, object_code
from .source import BUILTINS, check_source
from .spec import AVX512_CPUS, HOST, KernelSpec, Target, key, resolve, symbol

TARGET = "graphnn"
_ARGS = (types.int64,) * 5


class _Library(codegen.CPUCodeLibrary):
    """Collects the IR that Numba writes, and does nothing with it."""

    def __init__(self, owner: Any, name: str) -> None:
        codegen.CodeLibrary.__init__(self, owner, name)
        self.texts: list[str] = []
        self.linked: list[_Library] = []

    def add_ir_module(self, ir_module: Any) -> None:
        self.texts.append(str(ir_module))

    def add_linking_library(self, library: Any) -> None:
        self.linked.append(library)

    def finalize(self) -> None:
        self._finalized = True

    def all_texts(self) -> list[str]:
        """Its own texts and those of the functions it calls, each once."""
        seen: dict[int, _Library] = {}
        todo: list[_Library] = [self]
        while todo:
            one = todo.pop()
            if id(one) not in seen:
                seen[id(one)] = one
                todo.extend(one.linked)
        return [text for one in seen.values() for text in one.texts]


class _Codegen(codegen.JITCPUCodegen):
    _library_class = _Library


_typing_registry = templates.Registry()
_lowering_registry = imputils.Registry(TARGET)


def _define_extremum(function: Callable[..., Any], relation: str) -> None:
    """min or max of int64s as compare and select. (Numba's own is a function that is compiled anew and can raise.)"""

    @_typing_registry.register_global(function)
    class Extremum(templates.ConcreteTemplate):
        key = function
        cases: ClassVar[list[Any]] = [templates.signature(types.int64, *(types.int64,) * count) for count in (2, 3, 4)]

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        best = args[0]
        for other in args[1:]:
            best = builder.select(builder.icmp_signed(relation, other, best), other, best)
        return best

    _lowering_registry.lower(function, types.VarArg(types.int64))(lower)
    del Extremum


_define_extremum(min, "<")
_define_extremum(max, ">")


class _TypingContext(typing.Context):
    def load_additional_registries(self) -> None:
        self.install_registry(_typing_registry)


class _TargetContext(cpu.CPUContext):
    """Numba's CPU without its run-time library, its NumPy and its linker."""

    def init(self) -> None:
        self.is32bit = False
        self._internal_codegen = _Codegen(TARGET)

    def load_additional_registries(self) -> None:
        from numba.cpython import builtins, numbers, rangeobj, tupleobj  # noqa: F401  (they fill the registries)

        # First, since Numba lowers intrinsics into the first registry of a target.
        self.install_registry(_lowering_registry)

    def refresh(self) -> None:
        # Numba calls this for every use of an intrinsic; `refresh_all` looks once per kernel for what else is new.
        self.install_registry(_lowering_registry)

    def refresh_all(self) -> None:
        super().refresh()

    def get_executable(self, library: Any, fndesc: Any, env: Any) -> None:
        return None

    def post_lowering(self, mod: Any, library: Any) -> None:
        return None


class _Target(target_extension.CPU):
    """The name under which Numba knows our contexts."""


@functools.cache
def _contexts() -> tuple[_TypingContext, _TargetContext]:
    target_extension.target_registry[TARGET] = _Target
    typing_context = _TypingContext()
    target_context = _TargetContext(typing_context, TARGET)

    class Descriptor(descriptors.TargetDescriptor):
        options = cpu.CPUTargetOptions

        @property
        def typing_context(self) -> Any:
            return typing_context

        @property
        def target_context(self) -> Any:
            return target_context

    class Dispatcher(dispatcher.Dispatcher):
        targetdescr = Descriptor(TARGET)

    target_extension.dispatcher_registry[_Target] = Dispatcher
    target_extension.jit_registry[_Target] = functools.partial(decorators.jit, _target=TARGET)
    return typing_context, target_context


@contextmanager
def _numba() -> Generator[tuple[_TypingContext, _TargetContext], None, None]:
    """Numba locked and directed at our contexts."""
    with global_compiler_lock:
        contexts = _contexts()
        with target_extension.target_override(TARGET):
            contexts[1].refresh_all()
            yield contexts


def _flags() -> Any:
    flags = compiler.Flags()
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.no_rewrites = True
    flags.nrt = False
    flags.error_model = "numpy"
    return flags


def _function(spec: KernelSpec) -> Callable[..., Any]:
    """The Python function of a kernel."""
    if not spec.source:
        module = importlib.import_module(f"graphnn_compiler.kernels.{spec.name}")
        return module.build(**dict(spec.params))
    simd = importlib.import_module("graphnn_compiler.simd")
    names = {n: getattr(simd, n) for n in public_names(simd)}
    check_source(spec.source, names)
    filename = f"<kernel {spec.name} {key(spec)[:12]}>"
    linecache.cache[filename] = (len(spec.source), None, spec.source.splitlines(True), filename)
    namespace: dict[str, Any] = {**names, **BUILTINS, "__builtins__": dict(BUILTINS), "__name__": "graphnn_kernel"}
    exec(compile(spec.source, filename, "exec"), namespace)
    return namespace["kernel"]


def _level(spec: KernelSpec) -> int:
    """How much LLVM optimises a kernel: what its module says, else all it can."""
    module = None if spec.source else importlib.import_module(f"graphnn_compiler.kernels.{spec.name}")
    return getattr(module, "LEVEL", 3)


def public_names(simd: Any) -> list[str]:
    """What generated source may use of simd: its functions and float constants."""
    names = getattr(simd, "__all__", None) or [n for n in vars(simd) if not n.startswith("_")]
    return [
        n for n in names if isinstance(getattr(simd, n), float) or (callable(getattr(simd, n)) and n not in BUILTINS)
    ]


def _wrapper(name: str, fndesc: Any, context: _TargetContext) -> str:
    """IR of the C function that calls a function of Numba's calling convention."""
    module = ir.Module("wrapper")
    module.triple = context.codegen()._llvm_module.triple
    i32 = ir.IntType(32)
    inner_type = context.call_conv.get_function_type(fndesc.restype, fndesc.argtypes)
    inner = ir.Function(module, inner_type, fndesc.llvm_func_name)
    outer = ir.Function(module, ir.FunctionType(i32, [ir.IntType(64)] * 5), name)
    outer.attributes.add("nounwind")
    builder = ir.IRBuilder(outer.append_basic_block("entry"))
    result = builder.alloca(i32)
    builder.store(ir.Constant(i32, 0), result)
    excinfo = builder.alloca(inner_type.args[1].pointee)
    status = builder.call(inner, [result, excinfo, *outer.args])
    failed = builder.icmp_signed("!=", status, ir.Constant(i32, 0))
    builder.ret(builder.select(failed, ir.Constant(i32, LOST), builder.load(result)))
    return str(module)


def _texts(spec: KernelSpec, target: Target) -> list[str]:
    """LLVM IR of a kernel; the first text holds the kernel's symbol."""
    simd_types = importlib.import_module("graphnn_compiler.simd_types")
    function = _function(spec)
    with _numba() as (typing_context, target_context):
        simd_types.set_target(has_avx512(target))
        library = target_context.codegen().create_library("kernel")
        result = compiler.compile_extra(
            typing_context, target_context, function, _ARGS, types.int32, _flags(), {}, library=library
        )
        return [_wrapper(symbol(key(spec, target)), result.fndesc, target_context), *library.all_texts()]


def has_avx512(target: Target) -> bool:
    """Whether the target has the AVX-512 of the masked instructions (F, BW, DQ, VL)."""
    cpu_name, features = resolve(target)
    named = set(features.split(","))
    wanted = ("avx512f", "avx512bw", "avx512dq", "avx512vl")
    if any("-" + w in named for w in wanted):
        return False
    return cpu_name in AVX512_CPUS or all("+" + w in named for w in wanted)


def compile_kernel(spec: KernelSpec, target: Target = HOST) -> bytes:
    """Object code of one kernel; its only symbol is `spec.symbol(key)`.

    Raises:
        KernelRefused: the kernel needs symbols that are not on the allow-list.
        ValueError: generated source outside the allow-list.
    """
    try:
        return object_code(_texts(spec, target), symbol(key(spec, target)), target, _level(spec))
    except KernelRefused as error:
        raise KernelRefused(f"kernel {spec.name}: {error}") from None


def compile_kernels(specs: Iterable[KernelSpec], cpu: str | None = None, features: str | None = None) -> list[bytes]:
    """Object code of several kernels, in order; for this machine unless `cpu` names another."""
    target = Target(cpu or "", features or "")
    return [compile_kernel(spec, target) for spec in specs]


def assembly(spec: KernelSpec, target: Target = HOST) -> str:
    """Assembly text of a kernel, to look at."""
    return assembly_text(_texts(spec, target), symbol(key(spec, target)), target)


def ir_text(spec: KernelSpec, target: Target = HOST) -> str:
    """The LLVM IR of a kernel before optimisation, to look at."""
    return "\n".join(_texts(spec, target))
