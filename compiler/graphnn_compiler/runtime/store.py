"""The kernel store: one file per kernel, in a directory that nobody else can write to.

Machine code is run, so a file counts only if the directory, every directory above it and the file itself are safe from
other users and the hash over its bytes is right. Whatever is wrong, the kernel is compiled again. A file is

    graphnn kernel 1 <sha256 of all that follows>\\n
    {"imports": [...], "key": "...", "name": "...", "size": 1234}\\n
    <object code>
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import stat
import time
import warnings
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

VARIABLE = "GRAPHNN_CACHE_DIR"
MAGIC = b"graphnn kernel 1 "
LIMIT = 64 << 20  # bytes; no kernel comes near
STALE = 3600.0  # seconds after which a temporary file belongs to nobody

_FILE = re.compile(r"[0-9a-f]{64}\.kernel\Z")
_TEMPORARY = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]{16}\.tmp\Z")
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_DIRECTORY = _OPEN | getattr(os, "O_DIRECTORY", 0)


class Unsafe(OSError):
    """A directory or file that another user could have written."""


@dataclass(frozen=True)
class Entry:
    """A kernel as the loader needs it: object code, and the external symbols that it imports."""

    code: bytes
    imports: tuple[str, ...]


@dataclass(frozen=True)
class StoreInfo:
    """What is in a store."""

    directory: Path | None
    kernels: int
    size: int
    problem: str


class KernelStore:
    """Kernels in `directory`, or in memory only when it is None or not safe.

    >>> KernelStore(None).get("0" * 64) is None
    True
    """

    def __init__(self, directory: Path | None, problem: str = "") -> None:
        self.directory = None if directory is None else Path(os.path.abspath(directory))
        self.problem = problem
        self._memory: dict[str, Entry] = {}
        self._unsafe = directory is None
        self._checked = False
        self._warned = False

    def get(self, key: str) -> Entry | None:
        """The kernel with this key, or None when it is not there or not trustworthy."""
        found = self._memory.get(key)
        if found is not None or self._unsafe:
            return found
        try:
            with self._open_directory(create=False) as fd:
                return unpack(_read(_name(key), fd), key)
        except FileNotFoundError:
            return None
        except Unsafe as error:
            self._warn(error)
            return None
        except (OSError, ValueError):
            return None

    def put(self, key: str, name: str, code: bytes, imports: tuple[str, ...]) -> Entry:
        """Keep a kernel. Never fails: without a directory it is kept in memory."""
        entry = Entry(code, imports)
        self._memory[key] = entry
        if self.problem:
            self._warn(None)
            return entry
        try:
            with self._open_directory(create=True) as fd:
                _write(_name(key), pack(key, name, entry), fd)
            del self._memory[key]
        except OSError as error:
            self._warn(error)
        return entry

    def info(self) -> StoreInfo:
        """Number and size of the kernels on disk."""
        sizes = [size for _, size in self._files()]
        return StoreInfo(self.directory, len(sizes), sum(sizes), self.problem)

    def verify(self) -> list[str]:
        """The names of the files on disk that would not be used."""
        damaged: list[str] = []
        for name, _ in self._files():
            try:
                with self._open_directory(create=False) as fd:
                    unpack(_read(name, fd), name.split(".")[0])
            except (OSError, ValueError):
                damaged.append(name)
        return damaged

    def clear(self) -> int:
        """Delete the kernels on disk; the number deleted. Files of other names stay."""
        removed = 0
        self._memory.clear()
        for name, _ in self._files():
            with contextlib.suppress(OSError), self._open_directory(create=False) as fd:
                os.unlink(name, dir_fd=fd)
                removed += 1
        return removed

    def _files(self) -> list[tuple[str, int]]:
        """Names and sizes of the kernel files, sorted."""
        found: list[tuple[str, int]] = []
        if not self._unsafe:
            with contextlib.suppress(OSError), self._open_directory(create=False) as fd:
                for name in sorted(filter(_FILE.match, os.listdir(fd))):
                    found.append((name, os.stat(name, dir_fd=fd, follow_symlinks=False).st_size))
        return found

    @contextlib.contextmanager
    def _open_directory(self, create: bool) -> Generator[int, None, None]:
        """A descriptor of the directory, checked. Files are opened relative to it, so nobody can exchange it."""
        path = self.directory
        if path is None:
            raise FileNotFoundError
        if create:
            _make(path)
        if not self._checked:
            check_chain(path.parent)
        try:
            fd = os.open(path, _DIRECTORY)
        except NotADirectoryError:
            raise Unsafe(f"{path} is not a directory (symbolic links are not followed)") from None
        except OSError as error:
            if path.is_symlink():
                raise Unsafe(f"{path} is a symbolic link") from None
            raise error
        try:
            _check_own(os.fstat(fd), path)
            if not self._checked:
                self._checked = True
                _sweep(fd)
            yield fd
        finally:
            os.close(fd)

    def _warn(self, error: OSError | None) -> None:
        """Say once why kernels are kept in memory only."""
        if error is not None:
            # A directory that cannot be written may still be read.
            self.problem = str(error)
            self._unsafe = self._unsafe or isinstance(error, Unsafe)
        if not self._warned and self.problem:
            self._warned = True
            warnings.warn(
                f"compiled kernels are kept in memory only, so every start compiles them again: {self.problem}. "
                f"Set {VARIABLE} to a directory of your own.",
                RuntimeWarning,
                stacklevel=2,
            )


def default_directory() -> Path | None:
    """Where kernels are kept: GRAPHNN_CACHE_DIR, else the user's cache directory; None when there is neither."""
    root = os.environ.get(VARIABLE, "").strip()
    if root:
        return Path(os.path.abspath(os.path.expanduser(root))) / "kernels"
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return Path(base) / "graphnn" / "kernels" if os.path.isabs(base) else None


def default_store() -> KernelStore:
    """The store of this process."""
    return _store(default_directory())


@functools.cache
def _store(directory: Path | None) -> KernelStore:
    return KernelStore(directory, "" if directory else "there is no home directory")


def pack(key: str, name: str, entry: Entry) -> bytes:
    """The bytes of a kernel's file."""
    header = {"imports": list(entry.imports), "key": key, "name": name, "size": len(entry.code)}
    rest = json.dumps(header, sort_keys=True).encode() + b"\n" + entry.code
    return MAGIC + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def unpack(data: bytes, key: str) -> Entry:
    """The kernel of a file; ValueError when a single bit of it is not as it was written, or it is another kernel's."""
    start = len(MAGIC) + 65
    rest = data[start:]
    if data[:start] != MAGIC + hashlib.sha256(rest).hexdigest().encode() + b"\n":
        raise ValueError("the hash is wrong")
    line, _, code = rest.partition(b"\n")
    header: Any = json.loads(line)
    if not isinstance(header, dict):
        raise ValueError("the header is not a header")
    fields = cast("dict[str, Any]", header)
    imports = fields.get("imports")
    if (fields.get("key"), fields.get("size")) != (key, len(code)) or not isinstance(imports, list):
        raise ValueError("this is another kernel")
    return Entry(code, tuple(map(str, cast("list[object]", imports))))


def check_chain(path: Path) -> None:
    """Refuse a path if somebody else could exchange a directory on it.

    Raises:
        Unsafe: a part of the path belongs to another user, or others may write to it and it is not sticky.
    """
    for whole in {Path(path), Path(os.path.realpath(path))}:
        for part in (whole, *whole.parents):
            try:
                found = os.lstat(part)
            except FileNotFoundError:
                continue
            if found.st_uid not in (0, _user()):
                raise Unsafe(f"{part} belongs to another user")
            if stat.S_ISDIR(found.st_mode) and found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
                raise Unsafe(f"{part} can be written by other users")


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _check_own(found: os.stat_result, path: Path) -> None:
    if found.st_uid != _user():
        raise Unsafe(f"{path} belongs to another user")
    if found.st_mode & 0o022:
        raise Unsafe(f"{path} can be written by other users")


def _make(path: Path) -> None:
    """The directory and what is missing above it, for this user alone."""
    missing: list[Path] = []
    while not os.path.lexists(path):
        missing.append(path)
        path = path.parent
    for one in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(one, 0o700)


def _name(key: str) -> str:
    return key + ".kernel"


def _read(name: str, directory: int) -> bytes:
    """The bytes of a regular file of ours."""
    fd = os.open(name, _OPEN, dir_fd=directory)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != _user() or found.st_mode & 0o022 or found.st_size > LIMIT:
            raise ValueError("not a file of ours")
        parts: list[bytes] = []
        while part := os.read(fd, 1 << 20):
            parts.append(part)
            if len(parts) > LIMIT >> 20:
                raise ValueError("the file grows")
        return b"".join(parts)
    finally:
        os.close(fd)


def _write(name: str, data: bytes, directory: int) -> None:
    """Write a file, whole or not at all."""
    temporary = f".{name.split('.')[0]}.{os.urandom(8).hex()}.tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600, dir_fd=directory)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise


def _sweep(directory: int) -> None:
    """Delete temporary files that a process left behind when it was killed."""
    with contextlib.suppress(OSError):
        for name in filter(_TEMPORARY.match, os.listdir(directory)):
            with contextlib.suppress(OSError):
                if time.time() - os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime > STALE:
                    os.unlink(name, dir_fd=directory)
