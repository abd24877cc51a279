"""The commands of `python -m graphnn`, one module each; a module is imported when its command is used.

Each has `add(parser)` for its arguments and `run(arguments)`, which gives the exit status.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

COMMANDS = {
    "demo": "train a small model on handwritten digits, here and now",
    "info": "versions, processor, threads, directories, settings",
    "summary": "the layers of a model's JSON, or the arrays of a weights file",
    "cache": "the compiled kernels kept on disk",
    "bench": "how to measure graphnn on this machine",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and gives its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser("python -m graphnn", description="Deep learning on CPUs with the API of Keras 3.")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name, text in COMMANDS.items():
        own = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name in words[:1]:
            importlib.import_module(f".{name}", __name__).add(own)
    parsed = parser.parse_args(words)
    try:
        return int(importlib.import_module(f".{parsed.command}", __name__).run(parsed))
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
