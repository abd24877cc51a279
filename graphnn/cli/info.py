"""`python -m graphnn info`: what a report of a problem should hold."""

from __future__ import annotations

import argparse
import os
import platform
from importlib import metadata

from graphnn_compiler.runtime.cores import default_threads
from graphnn_compiler.runtime.spec import host
from graphnn_compiler.runtime.store import default_store

from .. import __version__
from ..utils.data_files import home

PACKAGES = ("numpy", "numba", "llvmlite", "networkx", "pillow")
SETTINGS = {
    "GRAPHNN_CACHE_DIR": "where compiled kernels are kept",
    "GRAPHNN_HOME": "where data sets are kept",
    "GRAPHNN_NUM_THREADS": "threads of the team",
    "GRAPHNN_MIN_PARALLEL_WORK": "work below which one thread does it all",
    "GRAPHNN_DEBUG": "1 timings, 2 graphs, 3 passes, 4 kernel source, 5 LLVM",
    "GRAPHNN_DUMP": "directory for what GRAPHNN_DEBUG would print",
}
# The few features that decide which instructions the kernels are made of.
FEATURES = ("avx512vl", "avx512f", "avx2", "fma", "f16c", "neon")


def add(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Prints one fact per line."""
    cpu, flags = host()
    kept = default_store().info()
    facts = {
        "graphnn": __version__,
        "python": f"{platform.python_version()} ({platform.system()} {platform.machine()})",
        **{name: _version(name) for name in PACKAGES},
        "processor": " ".join([cpu, *(f for f in FEATURES if f"+{f}" in flags.split(","))]),
        "threads": str(default_threads()),
        "kernels": f"{kept.kernels} in {kept.directory}" + (f" ({kept.problem})" if kept.problem else ""),
        "data sets": str(home()),
    }
    for name, fact in facts.items():
        print(f"{name:12} {fact}")
    print("\nSettings, by environment variables:")
    for name, what in SETTINGS.items():
        print(f"  {name:26} {os.environ.get(name, '-'):12} {what}")
    return 0


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
