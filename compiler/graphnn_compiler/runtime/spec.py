"""What a kernel is, and the key under which its machine code is kept.

The key is a hash over everything the machine code depends on: the texts of the kernel, of its helpers, of simd and of
the compiler driver, the parameters, the target, and the versions of Numba and LLVM. Nothing here imports Numba.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import math
import os
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import cast

from .fork import LLVM_LOCK

ABI = 1
PACKAGE = Path(__file__).resolve().parent.parent

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_HELPERS = re.compile(r"^HELPERS\b[^=\n]*=\s*(\(.*?\))", re.MULTILINE | re.DOTALL)


# LLVM ends the process when it is given a name that it does not know.
AVX512_CPUS = frozenset(
    ("x86-64-v4", "skylake-avx512", "cascadelake", "icelake-server", "sapphirerapids", "znver4", "znver5")
)
CPUS = AVX512_CPUS | {
    "x86-64",
    "x86-64-v2",
    "x86-64-v3",
    "sandybridge",
    "haswell",
    "skylake",
    "znver1",
    "znver2",
    "znver3",
}


@dataclass(frozen=True)
class Target:
    """The CPU that code is made for.

    Args:
        cpu: LLVM's name of the CPU; "" is this machine's.
        features: LLVM's feature string, such as "+avx2,+fma"; "" is what `cpu` has.

    Raises:
        ValueError: the name is not one of CPUS.
    """

    cpu: str = ""
    features: str = ""

    def __post_init__(self) -> None:
        if self.cpu and self.cpu not in CPUS:
            raise ValueError(f"cpu must be one of {', '.join(sorted(CPUS))}; received {self.cpu!r}")


HOST = Target()
AVX2 = Target("haswell")


@dataclass(frozen=True)
class KernelSpec:
    """One kernel: a module of `graphnn_compiler/kernels/` built with `params`, or generated source text.

    Args:
        name: the module's name, or a readable name for generated source (it is part of the key, never of the code).
        params: keyword arguments of the module's `build`, as (name, value) pairs; values are finite numbers,
            strings, bools, None or tuples of these.
        source: "" for a module, else Python text that defines `def kernel(dims, bufs, ctx, tid, n)`.

    Raises:
        ValueError: the name is not an identifier in lower case.
        TypeError: a parameter has no lasting text form.

    >>> KernelSpec("gemm", (("rows", 8),)).name
    'gemm'
    """

    name: str
    params: tuple[tuple[str, object], ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"kernel name {self.name!r} is not a lower-case identifier")
        for pair in self.params:
            if not _plain(pair[1]):
                raise TypeError(f"kernel {self.name}: parameter {pair[0]!r} has the type {type(pair[1]).__name__}")

    def key(self, target: Target = HOST) -> str:
        """The key of this kernel for a target: 64 hex digits."""
        return key(self, target)


def _plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_plain, cast("tuple[object, ...]", value)))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or type(value) in (bool, int, str)


@lru_cache(maxsize=4096)
def _key(name: str, params: str, source: str, target: Target) -> str:
    text = json.dumps([name, params, source, "" if source else _module_digest(name), _base_digest(), resolve(target)])
    return hashlib.sha256(text.encode()).hexdigest()


def key(spec: KernelSpec, target: Target = HOST) -> str:
    """The key of a kernel for a target: 64 hex digits."""
    # The repr tells 1 from 1.0 and True, which are equal as cache keys.
    return _key(spec.name, repr(spec.params), spec.source, target)


def symbol(kernel_key: str) -> str:
    """The symbol of the kernel with this key in its object code."""
    return "gn_" + kernel_key


@cache
def host() -> tuple[str, str]:
    """LLVM's name of this CPU and its features; GRAPHNN_TARGET names another CPU to make code for, as tests of AVX2 do."""
    forced = os.environ.get("GRAPHNN_TARGET", "")
    if forced:
        return forced, ""
    with LLVM_LOCK:
        from .binding import llvm

        return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def resolve(target: Target) -> tuple[str, str]:
    """The CPU name and features that LLVM is given."""
    return (target.cpu, target.features) if target.cpu else host()


@cache
def _text(path: str) -> str:
    return (PACKAGE / path).read_text(encoding="utf-8")


def helpers(path: str) -> tuple[str, ...]:
    """The HELPERS that a kernel file declares, read without running it."""
    found = _HELPERS.search(_text(path))
    return tuple(ast.literal_eval(found.group(1))) if found else ()


def closure(path: str) -> tuple[str, ...]:
    """A kernel file, its helpers and theirs, sorted."""
    seen: set[str] = set()
    todo = [path]
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo.extend(helpers(one))
    return tuple(sorted(seen))


def _digest(paths: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps([(p, _text(p)) for p in paths]).encode()).hexdigest()


@cache
def _module_digest(name: str) -> str:
    path = f"kernels/{name}.py"
    if not (PACKAGE / path).is_file():
        raise ValueError(f"there is no kernel named {name!r}")
    return _digest(closure(path))


@cache
def _base_digest() -> str:
    """What every kernel depends on: simd, the driver, the versions."""
    with LLVM_LOCK:
        from .binding import llvm

    simd = sorted(p.name for p in PACKAGE.glob("simd*.py"))
    driver = ("runtime/compile.py", "runtime/source.py", "runtime/emit.py", "runtime/context.py")
    versions: list[object] = [ABI, list(llvm.llvm_version_info), _version("llvmlite"), _version("numba")]
    return json.dumps([_digest((*simd, *driver)), versions])


def _version(package: str) -> str:
    """A package's version text, found without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return ""
    path = Path(next(iter(found.submodule_search_locations))) / "_version.py"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def forget_texts() -> None:
    """Read source files anew (for tests that edit them)."""
    for cached in (_text, _module_digest, _base_digest, _key):
        cached.cache_clear()
