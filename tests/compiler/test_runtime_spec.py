"""Kernel specs, their keys, and what generated source may contain."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
from graphnn_compiler.runtime import source, spec
from graphnn_compiler.runtime.spec import AVX2, HOST, PACKAGE, KernelSpec, Target
from runtime_support import ADD, python

GOOD = "def kernel(dims, bufs, ctx, tid, n):\n"


def test_keys_tell_everything_apart():
    specs = [
        KernelSpec("run"),
        KernelSpec("team", (("role", "launch"),)),
        KernelSpec("team", (("role", "worker"),)),
        KernelSpec("team", (("role", 1),)),
        KernelSpec("team", (("role", 1.0),)),
        KernelSpec("team", (("role", True),)),
        KernelSpec("team", (("role", "1"),)),
        KernelSpec("team", (("role", (1,)),)),
        KernelSpec("team", (("role", ((1,),)),)),
        KernelSpec("a", (), "x"),
        KernelSpec("b", (), "x"),
        KernelSpec("a", (), "y"),
        KernelSpec("run", (), "x"),
    ]
    keys = [s.key(t) for s in specs for t in (HOST, AVX2, Target("haswell", "-fma"), Target("znver3"))]
    assert len(set(keys)) == len(keys)
    assert all(len(k) == 64 and set(k) <= set("0123456789abcdef") for k in keys)
    assert keys == [s.key(t) for s in specs for t in (HOST, AVX2, Target("haswell", "-fma"), Target("znver3"))]


def test_keys_are_the_same_in_another_process():
    done = python("from graphnn_compiler.runtime.spec import KernelSpec\nprint(KernelSpec('run').key())")
    assert done.stdout.strip() == KernelSpec("run").key(), done.stderr


@pytest.mark.parametrize("name", ["", "Gemm", "a-b", "../run", "a b", "1a", "ä", "run\n"])
def test_bad_names(name: str):
    with pytest.raises(ValueError, match="identifier"):
        KernelSpec(name)


@pytest.mark.parametrize("value", [object(), [1], {}, float("nan"), float("inf"), b"x", (1, [2]), print])
def test_bad_parameters(value: object):
    with pytest.raises(TypeError, match="parameter 'p'"):
        KernelSpec("run", (("p", value),))


def test_unknown_kernel():
    with pytest.raises(ValueError, match="no kernel named"):
        KernelSpec("no_such_kernel").key()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the compiler's files that a test may change."""
    copy = tmp_path / "graphnn_compiler"
    for name in ("kernels", "runtime"):
        shutil.copytree(PACKAGE / name, copy / name)
    for path in PACKAGE.glob("*.py"):
        shutil.copy(path, copy)
    monkeypatch.setattr(spec, "PACKAGE", copy)
    spec.forget_texts()
    yield copy
    monkeypatch.undo()
    spec.forget_texts()


@pytest.mark.parametrize(
    "path",
    [
        "kernels/run.py",
        "runtime/context.py",
        "runtime/table.py",
        "simd.py",
        "simd_sync.py",
        "simd_types.py",
        "runtime/compile.py",
        "runtime/emit.py",
    ],
)
def test_a_changed_text_changes_the_key(tree: Path, path: str):
    before = KernelSpec("run").key()
    with open(tree / path, "a") as file:
        file.write("\n# changed\n")
    spec.forget_texts()
    assert KernelSpec("run").key() != before


def test_another_kernels_text_does_not(tree: Path):
    before = KernelSpec("run").key()
    with open(tree / "kernels/team.py", "a") as file:
        file.write("\n# changed\n")
    spec.forget_texts()
    assert KernelSpec("run").key() == before


def test_versions_are_part_of_the_key(monkeypatch: pytest.MonkeyPatch):
    before = KernelSpec("run").key(), ADD.key()
    monkeypatch.setattr(spec, "_version", lambda package: "other")
    spec.forget_texts()
    after = KernelSpec("run").key(), ADD.key()
    monkeypatch.undo()
    spec.forget_texts()
    assert before[0] != after[0] and before[1] != after[1]
    assert (KernelSpec("run").key(), ADD.key()) == before


def test_versions_are_found_without_importing():
    assert "0." in spec._version("numba")
    assert spec._version("no_such_package") == ""


def test_helpers_of_helpers(tree: Path):
    (tree / "kernels/one.py").write_text('HELPERS: tuple[str, ...] = (\n    "kernels/two.py",\n)\n')
    (tree / "kernels/two.py").write_text('HELPERS = ("kernels/one.py", "runtime/table.py")\n')
    assert spec.closure("kernels/one.py") == ("kernels/one.py", "kernels/two.py", "runtime/table.py")


KERNELS = sorted(p for p in PACKAGE.glob("kernels/*.py") if "\ndef build(" in p.read_text())


@pytest.mark.parametrize("path", KERNELS, ids=lambda p: p.stem)
def test_kernels_declare_what_they_import(path: Path):
    """A helper that is not declared would not be part of the key: a stale kernel would be used after an edit."""
    declared = set(spec.closure(f"kernels/{path.name}"))
    for name in sorted(n for n in declared if n.startswith("kernels/")):
        file = PACKAGE / name
        package = ["graphnn_compiler", *Path(name).parent.parts]
        for node in ast.walk(ast.parse(file.read_text())):
            modules: list[str] = []
            if isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                start = ".".join([*base, *([node.module] if node.module else [])])
                modules = [start, *(f"{start}.{a.name}" for a in node.names)]
            elif isinstance(node, ast.Import):
                modules = [a.name for a in node.names]
            for module in modules:
                if module.startswith("graphnn_compiler."):
                    used = Path(*module.split(".")[1:]).with_suffix(".py")
                    if (PACKAGE / used).is_file() and not used.name.startswith("simd"):
                        assert used.as_posix() in declared, f"{name} imports {used} and does not declare it in HELPERS"


@pytest.mark.parametrize(
    "body",
    [
        "    return 0\n",
        '    "What it does."\n    a = word(dims, 0)\n    while not a == 4:\n        a += 1 if a > 0 else -a\n',
        "    for i in range(0, 9, 2):\n        if i == 4:\n            continue\n        break\n",
        "    a, b = 1, 2.5\n    return min(a, max(a, 2))\n",
    ],
)
def test_good_source(body: str):
    source.check_source(GOOD + body, {"word"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 1\n",
        "def kernel(dims, bufs, ctx, tid, n) return 0",
        "import os\n" + GOOD + "    return 0\n",
        "def other(dims, bufs, ctx, tid, n):\n    return 0\n",
        "def kernel(dims, bufs, ctx, tid):\n    return 0\n",
        "def kernel(dims, bufs, ctx, tid, n=1):\n    return 0\n",
        "def kernel(dims, bufs, ctx, tid, n: int):\n    return 0\n",
        "def kernel(dims, bufs, ctx, tid, *n):\n    return 0\n",
        "def kernel(dims, bufs, ctx, tid, n) -> open('x'):\n    return 0\n",
        "@word\n" + GOOD + "    return 0\n",
        "async " + GOOD + "    return 0\n",
        GOOD + "    return 0\n" + GOOD + "    return 1\n",
        *(
            GOOD + f"    {line}\n"
            for line in (
                "import os",
                "return open('x')",
                "return __import__('os')",
                "return dims.real",
                "return dims[0]",
                "return 'text'",
                "return b'text'",
                "return None",
                "return 1j",
                "return ...",
                "return f'{dims}'",
                "return [dims]",
                "return {dims}",
                "return {1: 2}",
                "return lambda: 0",
                "return [i for i in range(3)]",
                "return word(*dims)",
                "return word(dims, i=0)",
                "return (word)(dims)(1)",
                "return unknown",
                "return 2 ** 9",
                "return dims @ dims",
                "return dims in bufs",
                "return dims is bufs",
                "x: int = 1",
                "global x",
                "del dims",
                "word = 1",
                "range = 1",
                "_x = 1",
                "__class__ = 1",
                "assert dims",
                "raise dims",
                "yield dims",
                "(x := 1)",
                "with dims: pass",
                "try: pass\n    except: pass",
                "def inner(): return 0",
                "class A: pass",
                "'not the first'; 'a docstring'",
            )
        ),
        GOOD + "    return " + "(" * 5000 + "0" + ")" * 5000 + "\n",
    ],
)
def test_bad_source(text: str):
    with pytest.raises(ValueError, match="generated source"):
        source.check_source(text, {"word"})
