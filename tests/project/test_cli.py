"""`python -m graphnn`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from graphnn_compiler.runtime.store import KernelStore

from graphnn.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
KEY = "ab" * 32


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelStore:
    """A store with one kernel, which the commands take for the user's."""
    monkeypatch.setenv("GRAPHNN_CACHE_DIR", str(tmp_path))
    store = KernelStore(tmp_path / "kernels")
    store.put(KEY, "test", b"code", ())
    return store


def test_demo_as_a_user_runs_it(tmp_path: Path) -> None:
    """In an empty directory, with an empty cache, as a process of its own."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "compiler")])
    environment = {**os.environ, "PYTHONPATH": path, "GRAPHNN_CACHE_DIR": str(tmp_path / "cache")}
    work = tmp_path / "work"
    work.mkdir()
    command = [sys.executable, "-W", "error", "-m", "graphnn", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=work, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout, "escape codes in what is no terminal"
    line = next(line for line in done.stdout.splitlines() if line.startswith("Held-out"))
    assert float(line.split()[2].rstrip("%")) >= 95
    assert "matmul" in done.stdout
    assert sorted(p.name for p in work.iterdir()) == ["graphnn-demo.html", "graphnn-demo.svg"]
    assert all(str(p) in done.stdout for p in work.iterdir())
    page = (work / "graphnn-demo.html").read_text("utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "def kernel(" in page, "the page has no switch to kernels"
    assert "<svg" in (work / "graphnn-demo.svg").read_text("utf-8")[:200]


def test_info(capsys: pytest.CaptureFixture[str], store: KernelStore) -> None:
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("graphnn", "numba", "threads", "1 in ", str(store.directory), "GRAPHNN_DEBUG"))


def test_cache(capsys: pytest.CaptureFixture[str], store: KernelStore) -> None:
    assert main(["cache"]) == 0
    assert "1 kernels" in capsys.readouterr().out
    assert main(["cache", "verify"]) == 0
    assert store.directory is not None
    file = store.directory / f"{KEY}.kernel"
    file.write_bytes(file.read_bytes()[:-1])
    assert main(["cache", "verify"]) == 1
    assert f"damaged: {KEY}.kernel" in capsys.readouterr().out
    assert main(["cache", "clear"]) == 0
    assert "1 kernels deleted" in capsys.readouterr().out
    assert store.info().kernels == 0


def test_summary(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import graphnn

    model = graphnn.Sequential([graphnn.Input((3,)), graphnn.layers.Dense(2, name="last")])
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "w.safetensors")
    model.save_weights(tmp_path / "w.npz")
    assert main(["summary", str(tmp_path / "model.json")]) == 0
    assert "last" in capsys.readouterr().out
    for name in ("w.safetensors", "w.npz"):
        assert main(["summary", str(tmp_path / name)]) == 0
        out = capsys.readouterr().out
        assert "last/kernel" in out
        assert "2 arrays, 8 numbers" in out


@pytest.mark.parametrize("name", ["missing.json", "wrong.npz", "wrong.json", "other.txt"])
def test_summary_of_what_cannot_be_read(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "wrong.npz").write_bytes(np.arange(10).tobytes())
    (tmp_path / "wrong.json").write_text("{")
    assert main(["summary", str(tmp_path / name)]) == 1
    assert name in capsys.readouterr().err


def test_bench_points_to_the_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench"]) == 0
    out = capsys.readouterr().out
    named = [word for word in out.split() if word.startswith("bench/")]
    assert named
    assert all((ROOT / word.rstrip(",")).exists() for word in named)


def test_help_names_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["dance"])
    assert end.value.code == 2
    assert "dance" in capsys.readouterr().err
