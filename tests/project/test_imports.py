"""Who may import whom, and what `import graphnn` loads."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_imports", ROOT / "tools" / "check_imports.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_import_crosses_a_border(tool: ModuleType) -> None:
    assert tool.broken() == []


def test_a_crossing_is_found(tool: ModuleType, tmp_path: Path) -> None:
    for package, text in (("graphnn", "def f():\n    import numba.core\n"), ("compiler/graphnn_compiler", "from graphnn import layers\n")):
        folder = tmp_path / package
        folder.mkdir(parents=True)
        (folder / "a.py").write_text(text)
    assert tool.broken(tmp_path) == ["graphnn/a.py:2: imports numba", "compiler/graphnn_compiler/a.py:1: imports graphnn"]


def test_import_graphnn_is_light(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'compiler'}")
    assert tool.loaded() == []


def test_import_graphnn_is_fast() -> None:
    """Modules, not seconds: what it adds to numpy stays small."""
    code = "import sys, numpy; n = set(sys.modules); import graphnn; print(*sorted(set(sys.modules) - n))"
    path = f"{ROOT}:{ROOT / 'compiler'}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": path}, check=True)
    assert len(run.stdout.split()) <= 10, run.stdout


def test_any_module_of_the_compiler_can_be_imported_first() -> None:
    """In children of a process that has loaded nothing of the package."""
    code = """
import importlib, os, sys
for name in sys.argv[1:]:
    pid = os.fork()
    if pid == 0:
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(name, repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    os.waitpid(pid, 0)
"""
    root = ROOT / "compiler"
    paths = [p for p in root.rglob("*.py") if "kernels" not in p.parts and not p.name.startswith("simd") and p.stem != "binding"]
    names = sorted(".".join(p.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for p in paths)
    done = subprocess.run(
        [sys.executable, "-c", code, *names], capture_output=True, text=True, env={"PYTHONPATH": str(root)}, check=True
    )
    assert not done.stdout, done.stdout
