"""Kernels as addresses: from the store if they are there, else compiled; loaded by llvmlite alone, a library each.

Neither Numba nor llvmlite is imported before the first kernel is needed; Numba only when one has to be compiled.
"""

from __future__ import annotations

import atexit
import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .fork import LLVM_LOCK
from .spec import HOST, KernelSpec, Target, key, symbol
from .store import Entry, default_store


@dataclass
class _Loaded:
    address: int
    library: Any


_loaded: dict[str, _Loaded] = {}
_jit: Any = None
_serial = 0
_imports: dict[str, int] = {}


def address(spec: KernelSpec, target: Target = HOST) -> int:
    """The address of a kernel, compiled and loaded if need be."""
    found = _loaded.get(key(spec, target))
    return found.address if found else addresses([spec], target)[0]


def addresses(specs: Sequence[KernelSpec], target: Target = HOST) -> list[int]:
    """The addresses of several kernels; those that are missing are compiled together."""
    keys = [key(spec, target) for spec in specs]
    with LLVM_LOCK:
        wanted = {k: spec for k, spec in zip(keys, specs, strict=True) if k not in _loaded}
        store = default_store()
        entries = {k: store.get(k) for k in wanted}
        missing = {k: wanted[k] for k, entry in entries.items() if entry is None or not _load(k, entry)}
        if missing:
            from .build import build_objects
            from .emit import undefined_symbols

            for k, code in zip(missing, build_objects(list(missing.values()), target), strict=True):
                entry = store.put(k, missing[k].name, code, tuple(sorted(undefined_symbols(code))))
                if not _load(k, entry):
                    raise RuntimeError(f"kernel {missing[k].name} cannot be loaded")
        return [_loaded[k].address for k in keys]


def unload(spec: KernelSpec, target: Target = HOST) -> bool:
    """Free a kernel's code. Nothing may run or hold its address any more. False if it was not loaded."""
    with LLVM_LOCK:
        return _loaded.pop(key(spec, target), None) is not None


def is_loaded(spec: KernelSpec, target: Target = HOST) -> bool:
    """Whether the kernel has an address now."""
    return key(spec, target) in _loaded


def function(entry: int) -> Any:
    """A kernel's address as a Python function of five integers that releases the GIL while it runs."""
    return ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 5)(entry)


def _load(kernel_key: str, entry: Entry) -> bool:
    """Link one object. False when LLVM refuses it."""
    global _serial
    from .binding import llvm

    builder = llvm.JITLibraryBuilder().add_object_img(entry.code).export_symbol(symbol(kernel_key))
    try:
        for name in entry.imports:
            builder.import_symbol(name, _external(name))
        _serial += 1
        # A name can be given only once, even if its library is unloaded.
        library = builder.link(_engine(), f"{symbol(kernel_key)}_{_serial}")
    except (RuntimeError, KeyError):
        return False
    _loaded[kernel_key] = _Loaded(library[symbol(kernel_key)], library)
    return True


def _engine() -> Any:
    global _jit
    if _jit is None:
        from .binding import llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        _jit = llvm.create_lljit_compiler()
    return _jit


def _external(name: str) -> int:
    """The address of an allowed external symbol; KeyError for any other."""
    from .emit import ALLOWED

    if name not in _imports:
        if name not in ALLOWED:
            raise KeyError(name)
        try:
            found = getattr(ctypes.CDLL(None), name)
        except AttributeError:
            raise KeyError(name) from None
        _imports[name] = ctypes.cast(found, ctypes.c_void_p).value or 0
    return _imports[name]


def _keep_code() -> None:
    """At exit, leave the code where it is: a daemon thread may still be in it."""
    for loaded in _loaded.values():
        loaded.library.detach()
    if _jit is not None:
        _jit.detach()


atexit.register(_keep_code)
