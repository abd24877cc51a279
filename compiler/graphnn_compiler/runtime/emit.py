"""From LLVM IR to object code, by a TargetMachine of our own, and the rules that an object must keep. No Numba here."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

from .binding import llvm
from .spec import HOST, Target, resolve

# What object code may ask of the process that loads it.
C_SYMBOLS = (
    *("memcpy", "memset", "memmove", "sem_wait", "sem_post"),
    *("sched_yield", "sched_getcpu", "sched_getaffinity", "sched_setaffinity"),
)
_UNARY = "exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh"
_MORE = "erf erfc lgamma tgamma cbrt sqrt floor ceil trunc rint round fabs"
_BINARY = "pow atan2 fmod remainder hypot copysign nextafter fmin fmax fdim"
_TERNARY = "fma ldexp frexp"
_GROUPS = (_UNARY, _MORE, _BINARY, _TERNARY, "sincos roundeven")
LIBM = tuple(sorted(name + kind for group in _GROUPS for name in group.split() for kind in ("", "f")))
ALLOWED = frozenset((*C_SYMBOLS, *LIBM))


class KernelRefused(ValueError):
    """A kernel that needs more than a kernel may: a symbol outside the allow-list, or code that can raise."""


@cache
def target_machine(target: Target, level: int = 3) -> Any:
    """LLVM's TargetMachine for a target, with a level of optimisation from 0 to 3."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = resolve(target)
    chosen = llvm.Target.from_default_triple()
    return chosen.create_target_machine(cpu=cpu, features=features, opt=level, reloc="pic", codemodel="small")


def data_layout() -> str:
    """LLVM's data layout of this machine; it does not depend on the CPU."""
    return str(target_machine(HOST).target_data)


def optimise(texts: Sequence[str], symbol: str, target: Target, level: int = 3) -> Any:
    """Link IR texts, keep only `symbol` visible, optimise for the target."""
    machine = target_machine(target, level)
    module = llvm.parse_assembly(texts[0])
    for text in texts[1:]:
        module.link_in(llvm.parse_assembly(text))
    module.data_layout = data_layout()
    module.verify()
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name != symbol:
            value.linkage = "internal"
    options = llvm.create_pipeline_tuning_options(3 if level > 1 else 0)
    # Kernels are vectors already; what little is scalar in them does not pay for these passes.
    options.loop_vectorization = False
    options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


def object_code(texts: Sequence[str], symbol: str, target: Target, level: int = 3) -> bytes:
    """Object code of IR texts; `level` 1 is for what is written as IR that needs no optimiser.

    Raises:
        KernelRefused: the code needs a symbol that is not on the allow-list.
    """
    code: bytes = target_machine(target, level).emit_object(optimise(texts, symbol, target, level))
    refused = undefined_symbols(code) - ALLOWED
    if refused:
        raise KernelRefused(f"a kernel may not need {', '.join(sorted(refused))}")
    return code


def assembly_text(texts: Sequence[str], symbol: str, target: Target) -> str:
    """The same as assembly, to look at."""
    return str(target_machine(target).emit_assembly(optimise(texts, symbol, target)))


def undefined_symbols(code: bytes) -> set[str]:
    """Names that an ELF64 object leaves undefined."""
    if code[:6] != b"\x7fELF\x02\x01":
        raise KernelRefused("object code is not 64-bit little-endian ELF")
    table, entry, count = *struct.unpack_from("<Q", code, 0x28), *struct.unpack_from("<HH", code, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", code, table + i * entry) for i in range(count)]
    names: set[str] = set()
    for kind, offset, size, link in ((s[1], s[4], s[5], s[6]) for s in sections):
        if kind == 2:  # SHT_SYMTAB
            strings = sections[link][4]
            for at in range(offset + 24, offset + size, 24):
                name, _, _, section = struct.unpack_from("<IBBH", code, at)
                if section == 0:
                    start = strings + name
                    names.add(code[start : code.index(b"\0", start)].decode())
    return names - {"", "_GLOBAL_OFFSET_TABLE_"}
