"""Checks who imports whom; exits with 1 and names the lines where a rule is broken.

    python tools/check_imports.py

The compiler never imports graphnn. graphnn never imports Numba or llvmlite. Neither unpickles. `import graphnn`, and all that it
takes to describe and compile a model up to its kernels, loads none of the heavy packages.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNPICKLING = frozenset(("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"))
FORBIDDEN = {
    "graphnn": UNPICKLING | {"numba", "llvmlite"},
    "compiler/graphnn_compiler": UNPICKLING | {"graphnn", "networkx", "matplotlib", "PIL"},
}
HEAVY = ("numba", "llvmlite", "networkx", "matplotlib", "PIL", "scipy", "pandas")
LOADED = f"import sys, graphnn; graphnn.layers.Dense, graphnn.Model; print(*[m for m in {HEAVY} if m in sys.modules])"


def imported(text: str) -> Iterator[tuple[int, str]]:
    """Line and top-level package of every absolute import of a module's text."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, (node.module or "").split(".")[0]


def broken(root: Path = ROOT) -> list[str]:
    """The imports that cross a border: `file:line: package`."""
    found: list[str] = []
    for package, forbidden in FORBIDDEN.items():
        for path in sorted((root / package).rglob("*.py")):
            for line, name in imported(path.read_text(encoding="utf-8")):
                if name in forbidden:
                    found.append(f"{path.relative_to(root)}:{line}: imports {name}")
    return found


def loaded() -> list[str]:
    """The heavy packages that `import graphnn` loads in a new process, with whatever graphnn this Python finds."""
    run = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=False)
    return run.stdout.split() if run.returncode == 0 else [run.stderr.strip()]


def main() -> int:
    """The check, as a command."""
    problems = broken() + [f"import graphnn loads {name}" for name in loaded()]
    print("\n".join(problems) or "imports are as they must be")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
