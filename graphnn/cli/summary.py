"""`python -m graphnn summary FILE`: what is in a model's JSON or in a file of weights."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..models import model_from_json
from ..saving.arrays import read_npz, read_safetensors

READERS = {".npz": read_npz, ".safetensors": read_safetensors}


def add(parser: argparse.ArgumentParser) -> None:
    """The file."""
    parser.add_argument("file", help="a .json file of model.to_json(), or a .npz or .safetensors file of weights")


def run(arguments: argparse.Namespace) -> int:
    """Prints the table; 1 if the file cannot be read."""
    path = Path(arguments.file)
    try:
        if path.suffix == ".json":
            model_from_json(path.read_text(encoding="utf-8")).summary()
        elif path.suffix in READERS:
            print_arrays(path)
        else:
            raise ValueError(f"the file must end in .json, .npz or .safetensors. Received: {path}")
    except (OSError, ValueError, TypeError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    return 0


def print_arrays(path: Path) -> None:
    """Names, dtypes and shapes of the arrays of a file, and how many numbers there are in all."""
    with path.open("rb") as file:
        arrays, _ = READERS[path.suffix](file)
    for name, array in arrays:
        print(f"{array.dtype.name:10} {'x'.join(map(str, array.shape)) or 'scalar':16} {name}")
    print(f"{len(arrays)} arrays, {sum(array.size for _, array in arrays)} numbers")
