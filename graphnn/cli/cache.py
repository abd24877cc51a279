"""`python -m graphnn cache`: the compiled kernels kept on disk."""

from __future__ import annotations

import argparse

from graphnn_compiler.runtime.store import KernelStore, default_store


def add(parser: argparse.ArgumentParser) -> None:
    """The action."""
    parser.add_argument(
        "action",
        nargs="?",
        default="info",
        choices=sorted(ACTIONS),
        help="info: number and size (the default); clear: delete them; verify: check each file, exit with 1 if one is damaged",
    )


def run(arguments: argparse.Namespace) -> int:
    """Does the action on the store that models of this user use."""
    return ACTIONS[arguments.action](default_store())


def info(store: KernelStore) -> int:
    """Where the kernels are, how many, how large."""
    found = store.info()
    print(f"{found.kernels} kernels, {found.size / 1024:.0f} KiB, in {found.directory}")
    if found.problem:
        print(f"not used: {found.problem}")
    return 0


def clear(store: KernelStore) -> int:
    """Deletes the kernels; they are compiled again when they are needed."""
    print(f"{store.clear()} kernels deleted from {store.directory}")
    return 0


def verify(store: KernelStore) -> int:
    """Says which files would not be used (they would be compiled again)."""
    damaged = store.verify()
    for name in damaged:
        print(f"damaged: {name}")
    print(f"{store.info().kernels} kernels checked, {len(damaged)} damaged")
    return 1 if damaged else 0


ACTIONS = {"clear": clear, "info": info, "verify": verify}
