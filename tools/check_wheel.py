"""Checks what a wheel carries; exits with 1 and names what is missing or should not be there.

python tools/check_wheel.py dist/graphnn-*.whl
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"graphnn": ROOT / "graphnn", "graphnn_compiler": ROOT / "compiler" / "graphnn_compiler"}
PARTS = ("graphnn/py.typed", "graphnn_compiler/py.typed", "graphnn/datasets/digits.npz", "graphnn/visualization/viewer.js")


def problems(wheel: Path) -> list[str]:
    """What is wrong with a wheel."""
    names = set(zipfile.ZipFile(wheel).namelist())
    found = [f"{name} is missing" for name in PARTS if name not in names]
    if not any(name.endswith("/licenses/LICENSE") for name in names):
        found.append("the licence is missing")
    for package, folder in PACKAGES.items():
        files = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        wanted = {f"{package}/{p.as_posix()}" for p in files}
        found += [f"{name} is missing" for name in sorted(wanted - names)]
    tops = {*PACKAGES, *(n.split("/")[0] for n in names if ".dist-info/" in n)}
    found += [f"{name} should not be there" for name in sorted(names) if name.split("/")[0] not in tops or "__pycache__" in name]
    return found


if __name__ == "__main__":
    wrong = sorted({p for argument in sys.argv[1:] for p in problems(Path(argument))})
    print("\n".join(wrong) or "the wheel carries what it must")
    sys.exit(1 if wrong or not sys.argv[1:] else 0)
