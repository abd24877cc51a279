"""Files of data sets: found in a cache, or downloaded into it once and checked.

A download is streamed into a temporary file beside its place, hashed on the way, and renamed when it is whole and
right; a failed one leaves nothing behind. A file that is there already is never deleted or changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Literal

__all__ = ["get_file"]

_CHUNK = 1 << 18
_warned: set[str] = set()


def home() -> Path:
    """Where data sets are kept: `GRAPHNN_HOME`, else `~/.graphnn`."""
    return Path(os.environ.get("GRAPHNN_HOME") or Path.home() / ".graphnn")


def keras_home() -> Path:
    """Keras's own cache, which is only read."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: Literal["auto", "sha256", "md5"] = "auto",
    extract: bool = False,
    archive_format: str | list[str] | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file, which is downloaded if neither graphnn's nor Keras's cache has it.

    Args:
        fname: the file's name in the cache; default: the last part of `origin`. An absolute path is taken as it is.
        origin: the URL of the file.
        untar: old spelling of `extract` for tar files.
        md5_hash: old spelling of `file_hash` for MD5.
        file_hash: the expected hash; a download that has another is discarded.
        cache_subdir: the folder in the cache.
        hash_algorithm: `"sha256"`, `"md5"`, or `"auto"` to tell by the hash's length.
        extract: whether to unpack an archive; the folder's path is given then.
        archive_format: `"tar"`, `"zip"`, `"auto"` for either, or None.
        cache_dir: the cache; default: `GRAPHNN_HOME`, else `~/.graphnn`.
        force_download: whether to download again what is there, replacing it when the new file is right.

    Raises:
        ConnectionError: the file cannot be fetched; the message says where to put it by hand.
        ValueError: the download has another hash or length, or the name leads out of the cache.

    >>> from graphnn.utils import get_file
    >>> get_file("a.txt", origin="https://example.com/a.txt")  # doctest: +SKIP
    '/home/me/.graphnn/datasets/a.txt'
    """
    if origin is None:
        raise ValueError("get_file: `origin` must be a URL. Received: origin=None")
    name = os.fspath(fname) if fname else PurePosixPath(urllib.parse.urlparse(origin).path).name
    if not name:
        raise ValueError(f"get_file: no file name in origin={origin!r}; give `fname`")
    digest = file_hash or md5_hash
    algorithm = "md5" if not file_hash and md5_hash else _algorithm(hash_algorithm, digest)
    place = _inside(Path(cache_dir or home()) / cache_subdir, name)
    found = None if force_download else _existing(place, keras_home() / cache_subdir / name if cache_dir is None else None)
    if found is None:
        _download(origin, place, digest, algorithm)
        found = place
    elif digest and _hash(found, algorithm) != digest.lower() and str(found) not in _warned:
        _warned.add(str(found))
        warnings.warn(
            f"{found} does not have the expected content ({algorithm} differs); it is used as it is. "
            "Remove it, or pass force_download=True, to get the original",
            stacklevel=2,
        )
    if not (extract or untar):
        return str(found)
    folder = place.with_name(f"{place.name}_extracted")
    _extract(found, folder, "tar" if untar else archive_format)
    return str(folder)


def _algorithm(name: str, digest: str | None) -> str:
    if name not in ("auto", "sha256", "md5"):
        raise ValueError(f"get_file: `hash_algorithm` must be 'auto', 'sha256' or 'md5'. Received: hash_algorithm={name!r}")
    return ("sha256" if digest and len(digest) == 64 else "md5") if name == "auto" else name


def _inside(folder: Path, name: str) -> Path:
    """The place of a file; a relative name must not lead out of the folder."""
    path = Path(name)
    if not path.is_absolute() and (".." in path.parts or "\0" in name):
        raise ValueError(f"get_file: the file name must not lead out of the cache. Received: fname={name!r}")
    return folder / path


def _existing(*places: Path | None) -> Path | None:
    return next((p for p in places if p is not None and p.is_file()), None)


def _chunks(stream: Any) -> Iterator[bytes]:
    while block := stream.read(_CHUNK):
        yield block


def _hash(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    with path.open("rb") as file:
        for block in _chunks(file):
            digest.update(block)
    return digest.hexdigest()


def _download(origin: str, place: Path, digest: str | None, algorithm: str) -> None:
    """Fetches a URL into its place, whole and right or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    print(f"Downloading data from {origin}", flush=True)
    try:
        with urllib.request.urlopen(origin, timeout=60) as reply, part.open("wb") as file:
            expected = reply.headers.get("Content-Length")
            seen, size = hashlib.new(algorithm), 0
            for block in _chunks(reply):
                file.write(block)
                seen.update(block)
                size += len(block)
            file.flush()
            os.fsync(file.fileno())
        if expected is not None and size != int(expected):
            raise ConnectionError(f"the download of {origin} broke off after {size} of {expected} bytes; nothing is kept")
        if digest and seen.hexdigest() != digest.lower():
            raise ValueError(
                f"{origin} does not have the expected content: its {algorithm} is {seen.hexdigest()}, not "
                f"{digest.lower()}. Nothing is kept"
            )
        os.replace(part, place)
    except (urllib.error.URLError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        code = f"HTTP {error.code} " if isinstance(error, urllib.error.HTTPError) else ""
        raise ConnectionError(
            f"{place.name} is not in the cache, and {origin} cannot be fetched: {code}{reason}. "
            f"Without a network, put the file at {place}" + (f" ({algorithm} {digest})" if digest else "")
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _extract(archive: Path, folder: Path, formats: str | list[str] | None) -> None:
    """Unpacks a tar or zip file into a folder, once; no member may leave it."""
    if formats is None or folder.is_dir():
        return
    wanted = ["tar", "zip"] if formats == "auto" else [formats] if isinstance(formats, str) else formats
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        if "tar" in wanted and tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                tar.extractall(part, filter="data")
        elif "zip" in wanted and zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                for member in packed.namelist():
                    _inside(part, member)
                    if Path(member).is_absolute():
                        raise ValueError(f"{archive}: the member {member!r} has an absolute path")
                packed.extractall(part)
        else:
            raise ValueError(f"{archive} is no archive of the kinds {', '.join(wanted)}")
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
