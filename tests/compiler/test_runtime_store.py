"""The kernel store against damage, other users' directories and files, links, full disks and other processes."""

from __future__ import annotations

import hashlib
import json
import os
import random
import stat
import warnings
from pathlib import Path

import pytest
from graphnn_compiler.runtime import store as store_module
from graphnn_compiler.runtime.store import (
    MAGIC,
    Entry,
    KernelStore,
    Unsafe,
    check_chain,
    default_directory,
    pack,
    unpack,
)

KEY = "ab" * 32
OTHER = "cd" * 32
CODE = bytes(range(256)) * 5


@pytest.fixture
def store(tmp_path: Path) -> KernelStore:
    made = KernelStore(tmp_path / "cache" / "kernels")
    made.put(KEY, "gemm", CODE, ("memcpy",))
    return made


def fresh(store: KernelStore) -> KernelStore:
    """The store as another process sees it."""
    return KernelStore(store.directory)


def file_of(store: KernelStore, key: str = KEY) -> Path:
    assert store.directory is not None
    return store.directory / f"{key}.kernel"


def test_round_trip(store: KernelStore):
    assert fresh(store).get(KEY) == Entry(CODE, ("memcpy",))
    assert fresh(store).get(OTHER) is None
    assert stat.S_IMODE(file_of(store).parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(file_of(store).stat().st_mode) == 0o600
    assert [p.name for p in file_of(store).parent.iterdir()] == [f"{KEY}.kernel"]


def test_header_is_json_with_the_name(store: KernelStore):
    first, second, _ = file_of(store).read_bytes().split(b"\n", 2)
    assert first.startswith(MAGIC)
    assert json.loads(second) == {"imports": ["memcpy"], "key": KEY, "name": "gemm", "size": len(CODE)}


def test_every_truncation(store: KernelStore):
    whole = file_of(store).read_bytes()
    for size in range(len(whole)):
        file_of(store).write_bytes(whole[:size])
        assert fresh(store).get(KEY) is None, size


def test_bit_flips(store: KernelStore):
    whole = file_of(store).read_bytes()
    rng = random.Random(0)
    header = range(whole.index(b"}") + 2)
    for at in (*header, *(rng.randrange(len(whole)) for _ in range(300))):
        bad = bytearray(whole)
        bad[at] ^= 1 << rng.randrange(8)
        file_of(store).write_bytes(bad)
        assert fresh(store).get(KEY) is None, at


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 4096,
        b"\x7fELF" + b"\0" * 100,
        b"graphnn kernel 2 ",
        b"appended",
        pack(OTHER, "gemm", Entry(CODE, ())),
        *(
            MAGIC + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest
            for rest in (
                b"",
                b"\n",
                b"[]\n",
                b"null\n",
                b"{\n",
                b'{"key": 1}\n',
                b"\xff\xfe\n",
                b'{"key": "' + KEY.encode() + b'", "size": 0}\n',
            )
        ),
    ],
)
def test_foreign_content(store: KernelStore, data: bytes):
    path = file_of(store)
    path.write_bytes(path.read_bytes() + data if data == b"appended" else data)
    again = fresh(store)
    assert again.get(KEY) is None
    assert again.verify() == [path.name]
    again.put(KEY, "gemm", CODE, ())
    assert fresh(store).get(KEY) == Entry(CODE, ())


def test_a_file_of_another_kernel_under_this_name(store: KernelStore):
    os.rename(file_of(store), file_of(store, OTHER))
    assert fresh(store).get(OTHER) is None


@pytest.mark.parametrize("kind", ["link", "dangling", "fifo", "directory", "others", "hard"])
def test_things_that_are_not_files_of_ours(store: KernelStore, tmp_path: Path, kind: str):
    path = file_of(store)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(path.read_bytes())
    if kind != "others":
        path.unlink()
    if kind == "link":
        path.symlink_to(elsewhere)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nothing")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "hard":
        os.chmod(elsewhere, 0o666)
        os.link(elsewhere, path)
    else:
        path.chmod(0o622)
    again = fresh(store)
    assert again.get(KEY) is None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        again.put(KEY, "gemm", CODE, ())
        again.put(OTHER, "gemm", CODE, ())
    assert again.get(KEY) == Entry(CODE, ())
    assert len(caught) == (kind == "directory")
    assert elsewhere.read_bytes().startswith(MAGIC)  # nothing was written through a link


def refused(store: KernelStore) -> str:
    """Use a store that must not use its directory: it warns once and keeps kernels in memory."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert store.get(KEY) is None
        for key in (KEY, OTHER, "ef" * 32):
            store.put(key, "gemm", CODE, ())
            assert store.get(key) == Entry(CODE, ())
    assert len(caught) == 1 and caught[0].category is RuntimeWarning
    assert "GRAPHNN_CACHE_DIR" in str(caught[0].message)
    assert store.info().kernels == 0 and store.info().problem
    return str(caught[0].message)


def test_a_directory_that_others_can_write(store: KernelStore):
    for mode in (0o777, 0o770, 0o1777, 0o702):
        file_of(store).parent.chmod(mode)
        assert "can be written by other users" in refused(fresh(store))
        file_of(store).parent.chmod(0o700)
        assert fresh(store).get(KEY) is not None


def test_a_directory_above_that_others_can_write(store: KernelStore):
    above = file_of(store).parent.parent
    above.chmod(0o777)
    assert "can be written by other users" in refused(fresh(store))
    above.chmod(0o1777)  # sticky, like the temporary directory: ours cannot be exchanged
    assert fresh(store).get(KEY) is not None


def test_a_directory_that_is_a_link(store: KernelStore, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(file_of(store).parent)
    assert "symbolic link" in refused(KernelStore(link))
    link.unlink()
    link.symlink_to(tmp_path / "nothing")
    assert "symbolic link" in refused(KernelStore(link))


def test_a_link_above_leads_to_a_directory_that_is_checked(store: KernelStore, tmp_path: Path):
    above = file_of(store).parent.parent
    link = tmp_path / "link"
    link.symlink_to(above)
    assert KernelStore(link / "kernels").get(KEY) is not None
    above.chmod(0o777)
    assert "can be written" in refused(KernelStore(link / "kernels"))


def test_a_file_in_the_place_of_the_directory(tmp_path: Path):
    (tmp_path / "kernels").write_text("mine")
    assert "not a directory" in refused(KernelStore(tmp_path / "kernels"))
    assert "directory" in refused(KernelStore(tmp_path / "kernels" / "below"))
    assert (tmp_path / "kernels").read_text() == "mine"


def test_no_directory_at_all():
    store = KernelStore(None, "there is no home directory")
    assert "no home directory" in refused(store)


def test_another_users_things(store: KernelStore, monkeypatch: pytest.MonkeyPatch):
    mine = os.getuid()
    monkeypatch.setattr(store_module, "_user", lambda: mine + 1)
    if mine == 0:  # what is root's above is safe; the directory itself must be ours
        check_chain(file_of(store).parent)
    assert "belongs to another user" in refused(fresh(store))


def test_a_chain_through_another_users_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = os.lstat

    def lstat(path: object) -> os.stat_result:
        found = real(path)  # type: ignore[arg-type]
        return (
            os.stat_result((found[0], found[1], found[2], found[3], 4242, *found[5:10]))
            if str(path) == str(tmp_path)
            else found
        )

    monkeypatch.setattr(os, "lstat", lstat)
    with pytest.raises(Unsafe, match="belongs to another user"):
        check_chain(tmp_path / "a" / "b")


@pytest.mark.parametrize("call", ["mkdir", "open", "rename", "fsync"])
def test_a_disk_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str):
    """Read-only, full, out of quota: every call may fail, for root too."""
    real = getattr(os, call)

    def failing(*args: object, **kwargs: object) -> object:
        if call == "open" and not (isinstance(args[1], int) and args[1] & os.O_CREAT):
            return real(*args, **kwargs)
        raise OSError(30, "Read-only file system")

    store = KernelStore(tmp_path / "cache" / "kernels")
    monkeypatch.setattr(os, call, failing)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for key in (KEY, OTHER):
            store.put(key, "gemm", CODE, ())
            assert store.get(key) == Entry(CODE, ())
    assert len(caught) == 1 and "Read-only" in str(caught[0].message)
    monkeypatch.undo()
    assert store.info().problem
    assert KernelStore(store.directory).info().kernels == 0
    assert not (tmp_path / "cache" / "kernels").exists() or not os.listdir(tmp_path / "cache" / "kernels")


def test_a_full_disk_can_still_be_read(store: KernelStore, monkeypatch: pytest.MonkeyPatch):
    again = fresh(store)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(RuntimeWarning, match="No space left"):
        again.put(OTHER, "gemm", CODE, ())
    assert again.get(KEY) == Entry(CODE, ("memcpy",))
    assert again.info().kernels == 1


def test_the_directory_vanishes(store: KernelStore):
    file_of(store).unlink()
    file_of(store).parent.rmdir()
    assert store.get(KEY) is None
    store.put(KEY, "gemm", CODE, ())
    assert fresh(store).get(KEY) is not None


def test_info_verify_clear(store: KernelStore):
    store.put(OTHER, "conv", CODE, ())
    directory = file_of(store).parent
    (directory / "notes.txt").write_text("a user's own file")
    info = store.info()
    assert (info.kernels, info.problem) == (2, "")
    assert info.size == sum(p.stat().st_size for p in directory.glob("*.kernel"))
    assert store.verify() == []
    file_of(store, OTHER).write_bytes(b"x")
    assert store.verify() == [f"{OTHER}.kernel"]
    assert store.clear() == 2
    assert [p.name for p in directory.iterdir()] == ["notes.txt"]
    assert KernelStore(directory / "missing").clear() == 0


def test_litter_of_killed_processes_is_swept(store: KernelStore):
    directory = file_of(store).parent
    old, new, other = (directory / n for n in (f".{KEY}.{'0' * 16}.tmp", f".{KEY}.{'1' * 16}.tmp", ".mine.tmp"))
    for path in (old, new, other):
        path.write_bytes(b"")
    os.utime(old, (1, 1))
    os.utime(other, (1, 1))
    fresh(store).get(KEY)
    assert not old.exists() and new.exists() and other.exists()


def test_where_kernels_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.setenv("GRAPHNN_CACHE_DIR", "/own/place")
    assert default_directory() == Path("/own/place/kernels")
    monkeypatch.setenv("GRAPHNN_CACHE_DIR", "~/place")
    assert default_directory() == Path("/home/someone/place/kernels")
    monkeypatch.setenv("GRAPHNN_CACHE_DIR", "")
    assert default_directory() == Path("/xdg/graphnn/kernels")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_directory() == Path("/home/someone/.cache/graphnn/kernels")


def test_unpack_needs_the_key():
    data = pack(KEY, "gemm", Entry(CODE, ("expf",)))
    assert unpack(data, KEY) == Entry(CODE, ("expf",))
    with pytest.raises(ValueError, match="another kernel"):
        unpack(data, OTHER)
