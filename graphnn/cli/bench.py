"""`python -m graphnn bench`: where the measurements are."""

from __future__ import annotations

import argparse

TEXT = """\
The measurements are scripts of the source tree, in bench/, since they compare with packages that graphnn does not need:

  bench/README.md   the comparison with other frameworks, and how to run it
  bench/gemm.py     matrix products against NumPy's BLAS
  bench/growth.py   how the cost of a step grows with batch and width

What your own model costs: model.compile_report() after its first step."""


def add(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Prints the pointer."""
    print(TEXT)
    return 0
