"""Loading: what is imported, memoised, unloaded; damaged stores; several processes on one store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.runtime import loader, store
from graphnn_compiler.runtime.spec import AVX2, KernelSpec
from graphnn_compiler.runtime.store import KernelStore
from runtime_support import ADD, CHECK, COMPILER, SHARE, call, ints, python

USE = """
import sys, numpy as np
from graphnn_compiler.runtime import loader, team, context
from runtime_support import ADD, CHECK, Table
x = np.zeros(64, np.int64)
table = Table().add(loader.address(ADD), (64, 3), [x]).add(loader.address(CHECK), (64, 9, 1), [x])
status = table.run(steps=2)
print(status, x.min(), x.max(), 'numba' in sys.modules)
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with everything that USE needs."""
    path = tmp_path_factory.mktemp("filled")
    done = python(USE, GRAPHNN_CACHE_DIR=str(path))
    assert done.stdout.split() == ["0", "6", "6", "True"], done.stderr
    return path


@pytest.fixture
def cache(filled: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(filled / "kernels", tmp_path / "kernels")
    return tmp_path


def test_importing_imports_neither_numba_nor_llvmlite():
    code = """
import sys
from graphnn_compiler.runtime import context, loader, spec, store, team
print([m for m in ('numba', 'llvmlite', 'networkx') if m in sys.modules])
"""
    assert python(code).stdout == "[]\n"


def test_a_warm_start_does_not_import_numba(cache: Path):
    done = python(USE, GRAPHNN_CACHE_DIR=str(cache))
    assert done.stdout.split() == ["0", "6", "6", "False"], done.stderr


def damage(path: Path, kind: str) -> None:
    data = path.read_bytes()
    if kind == "flip":
        path.write_bytes(data[:-200] + bytes([data[-200] ^ 1]) + data[-199:])
        return
    path.unlink()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "half":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "other":
        path.write_bytes(b"\x7fELF" + data)
    elif kind == "link":
        path.symlink_to(path.parent / "nothing")
    elif kind == "directory":
        path.mkdir()


@pytest.mark.parametrize("kind", ["missing", "empty", "half", "flip", "other", "link", "directory"])
def test_damage_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    monkeypatch.setenv("GRAPHNN_CACHE_DIR", str(tmp_path))
    path = tmp_path / "kernels" / f"{ADD.key()}.kernel"
    whole = b""
    for round in range(2):
        loader.unload(ADD)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            entry = loader.address(ADD)
        assert len(caught) == (kind == "directory" and round == 1)
        x = np.zeros(5, np.int64)
        assert call(entry, ints(5, 4), [x]) == 0 and (x == 4).all()
        if round == 0:
            whole = path.read_bytes()
            damage(path, kind)
    assert kind == "directory" or path.read_bytes() == whole
    loader.unload(ADD)


def test_a_start_on_a_damaged_store(cache: Path):
    files = sorted((cache / "kernels").iterdir())
    contents = [f.read_bytes() for f in files]
    for path, kind in zip(files, ("empty", "half", "flip", "other", "link"), strict=True):
        damage(path, kind)
    done = python(USE, GRAPHNN_CACHE_DIR=str(cache))
    assert (done.stdout.split(), done.stderr) == (["0", "6", "6", "True"], "")
    assert [f.read_bytes() for f in files] == contents


def test_files_under_each_others_names(cache: Path):
    files = sorted((cache / "kernels").iterdir())
    contents = [f.read_bytes() for f in files]
    for path, data in zip(files, contents[1:] + contents[:1], strict=True):
        path.write_bytes(data)
    done = python(USE, GRAPHNN_CACHE_DIR=str(cache))
    assert (done.stdout.split(), done.stderr) == (["0", "6", "6", "True"], "")
    assert [f.read_bytes() for f in files] == contents


def test_a_right_hash_over_wrong_code_is_compiled_again(cache: Path):
    """Somebody repacked the files: neither an object without the kernel's symbol nor an unknown import is loaded."""
    for i, path in enumerate(sorted((cache / "kernels").iterdir())):
        key = path.stem
        entry = store.unpack(path.read_bytes(), key)
        bad = (
            store.Entry(entry.code, (*entry.imports, "system"))
            if i % 2
            else store.Entry(entry.code.replace(b"gn_", b"gx_"), entry.imports)
        )
        path.write_bytes(store.pack(key, "bad", bad))
    done = python(USE, GRAPHNN_CACHE_DIR=str(cache))
    assert done.stdout.split() == ["0", "6", "6", "True"], done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_files_of_another_user_are_not_used(cache: Path):
    for path in (cache / "kernels").iterdir():
        os.chown(path, 65534, 65534)
    done = python(USE, GRAPHNN_CACHE_DIR=str(cache))
    assert done.stdout.split() == ["0", "6", "6", "True"], done.stderr
    os.chown(cache / "kernels", 65534, 65534)
    done = python(USE, GRAPHNN_CACHE_DIR=str(cache))
    assert done.stdout.split() == ["0", "6", "6", "True"], done.stderr
    assert "belongs to another user" in done.stderr


def test_no_home_means_memory_only(tmp_path: Path):
    (tmp_path / "home").write_text("a file, not a directory")
    env = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": "", "GRAPHNN_CACHE_DIR": ""}
    done = python(USE, **env)
    assert done.stdout.split() == ["0", "6", "6", "True"], done.stderr
    assert done.stderr.count("kept in memory only") == 1


def test_processes_that_start_together(tmp_path: Path):
    env = {
        **os.environ,
        "PYTHONPATH": f"{COMPILER}{os.pathsep}{Path(__file__).parent}",
        "GRAPHNN_CACHE_DIR": str(tmp_path),
    }
    running = [
        subprocess.Popen([sys.executable, "-c", USE], env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [p.communicate()[0].split()[:3] for p in running] == [["0", "6", "6"]] * 3
    left = sorted(p.name for p in (tmp_path / "kernels").iterdir())
    assert len(left) == 5 and all(name.endswith(".kernel") for name in left)
    assert KernelStore(tmp_path / "kernels").verify() == []


def test_two_generated_kernels_of_one_name():
    texts = [
        f"def kernel(dims, bufs, ctx, tid, n):\n    set_word(word(bufs, 0), 0, {k})\n    return 0\n" for k in (1, 2)
    ]
    for text, k in zip(texts, (1, 2), strict=True):
        x = np.zeros(1, np.int64)
        call(loader.address(KernelSpec("test_same", (), text)), ints(), [x])
        assert x[0] == k


def test_addresses_are_kept_and_distinct():
    first = loader.addresses([ADD, CHECK, ADD, SHARE])
    assert first[0] == first[2] and len(set(first)) == 3
    assert loader.addresses([ADD, CHECK, ADD, SHARE]) == first
    assert loader.address(ADD) == first[0]
    assert loader.address(ADD, AVX2) != first[0]
    assert loader.addresses([]) == []


def test_unload_and_load_again():
    for _ in range(3):
        entry = loader.address(ADD)
        assert loader.is_loaded(ADD)
        x = np.zeros(5, np.int64)
        assert call(entry, ints(5, 4), [x]) == 0 and (x == 4).all()
        assert loader.unload(ADD)
        assert not loader.is_loaded(ADD)
        assert not loader.unload(ADD)


def test_unloading_gives_memory_back():
    code = """
import os, resource
from graphnn_compiler.runtime import loader
from runtime_support import ADD
def rss():
    return int(open('/proc/self/statm').read().split()[1]) * 4096
for i in range(600):
    loader.address(ADD)
    loader.unload(ADD)
    if i == 200:
        before = rss()
print(rss() - before)
"""
    done = python(code)
    assert int(done.stdout) < 4 << 20, done.stderr


def test_many_threads_ask_for_the_same_kernels():
    specs = [
        KernelSpec(f"test_race_{i}", (), f"def kernel(dims, bufs, ctx, tid, n):\n    return {i}\n") for i in range(4)
    ]
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(loader.addresses(specs))) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len({tuple(f) for f in found}) == 1 and len(found) == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork_while_another_thread_compiles():
    stop = threading.Event()
    serial = iter(range(1000))

    def work() -> None:
        while not stop.is_set():
            loader.address(
                KernelSpec(f"test_fork_{next(serial)}", (), "def kernel(dims, bufs, ctx, tid, n):\n    return 5\n")
            )

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for i in range(3):
            pid = os.fork()
            if pid == 0:
                import signal

                signal.alarm(30)
                entry = loader.address(
                    KernelSpec(f"test_child_{i}", (), f"def kernel(dims, bufs, ctx, tid, n):\n    return {i + 1}\n")
                )
                os._exit(loader.function(entry)(0, 0, 0, 0, 1))
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == i + 1
    finally:
        stop.set()
        thread.join()


def test_info_of_the_default_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("GRAPHNN_CACHE_DIR", str(tmp_path))
    text = "def kernel(dims, bufs, ctx, tid, n):\n    return 77\n"
    kernel: Any = KernelSpec("test_info", (), text)
    assert loader.function(loader.address(kernel))(0, 0, 0, 0, 1) == 77
    info = store.default_store().info()
    assert (info.directory, info.kernels) == (tmp_path / "kernels", 1)
    header = (tmp_path / "kernels" / f"{kernel.key()}.kernel").read_bytes().split(b"\n")[1]
    assert json.loads(header)["name"] == "test_info"
