"""Named arrays in .npz and .safetensors files, read with every size checked before memory is asked for.

A .npz holds numbered members (names are never paths) and `index.json` with names, shapes, dtypes and checksums; `numpy.load` reads it
as well. A .safetensors file follows the public format; its tensors must cover the file exactly.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from ..tensor import Array
from ..tree import is_dict, is_list
from .serialization import parse_json

FORMAT = "graphnn.weights"
_SAFE = {
    "float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip
_FROM_SAFE = {v: k for k, v in _SAFE.items()}
_HEADER_LIMIT = 100_000_000


class DamagedFile(ValueError):
    """A file of weights is not what its format allows, or not what was written."""


Named = tuple[str, Array]
# What zipfile raises on damaged archives: an encryption bit, an unknown method or version, offsets outside of the file, ...
_OF_ZIPFILE = (zipfile.BadZipFile, EOFError, struct.error, zlib.error, NotImplementedError, RuntimeError, OverflowError, OSError)


def write_npz(file: IO[bytes], named: Sequence[Named]) -> None:
    """Writes arrays under numbers, and their names in an index."""
    index: list[dict[str, Any]] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as z:
        for i, (name, a) in enumerate(named):
            a = np.ascontiguousarray(a).reshape(a.shape)
            digest = hashlib.sha256(a.tobytes()).hexdigest()
            index.append({"name": name, "shape": list(a.shape), "dtype": a.dtype.name, "sha256": digest})
            with z.open(zipfile.ZipInfo(f"{i}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, a, allow_pickle=False)
        z.writestr(zipfile.ZipInfo("index.json"), json.dumps({"format": FORMAT, "version": 1, "weights": index}))


def read_npz(file: IO[bytes]) -> tuple[list[Named], bool]:
    """The arrays in order, and whether their order is that of a model's weights (False: only the names count)."""
    size = os.fstat(file.fileno()).st_size
    try:
        with zipfile.ZipFile(file) as z:
            members = z.infolist()
            names = [m.filename for m in members]
            if len(set(names)) != len(names):
                raise DamagedFile("two members have one name")
            if sum(m.file_size for m in members) > size or any(m.compress_type != zipfile.ZIP_STORED for m in members):
                raise DamagedFile("members must be stored uncompressed, and be no larger than the file")
            arrays = {m.filename: _npy(m.filename, z.read(m)) for m in members if m.filename.endswith(".npy")}
            if "index.json" in names:
                return _indexed(parse_json(z.read("index.json")), arrays), True
    except DamagedFile:
        raise
    except (*_OF_ZIPFILE, ValueError, KeyError, TypeError) as e:
        raise DamagedFile(f"{type(e).__name__}: {e}") from e
    plain = {name.removesuffix(".npy"): a for name, a in arrays.items()}
    numbered = all(name.removeprefix("arr_").isdigit() for name in plain)
    if numbered:
        return sorted(plain.items(), key=lambda item: int(item[0].removeprefix("arr_"))), True
    return list(plain.items()), False


def _indexed(index: Any, arrays: dict[str, Array]) -> list[Named]:
    if not is_dict(index) or index.get("format") != FORMAT:
        raise DamagedFile("index.json is not one of graphnn's")
    entries: list[Any] = index["weights"]
    if len(entries) != len(arrays):
        raise DamagedFile(f"the index speaks of {len(entries)} weights and there are {len(arrays)}")
    out: list[Named] = []
    for i, entry in enumerate(entries):
        a = arrays.get(f"{i}.npy")
        if a is None:
            raise DamagedFile(f"member {i}.npy is missing")
        if list(a.shape) != entry["shape"] or a.dtype.name != entry["dtype"]:
            raise DamagedFile(
                f"member {i}.npy ({entry['name']!r}) holds {a.dtype}{a.shape}, the index says {entry['dtype']}{entry['shape']}"
            )
        if hashlib.sha256(a.tobytes()).hexdigest() != entry["sha256"]:
            raise DamagedFile(f"member {i}.npy ({entry['name']!r}) does not have the checksum it was written with")
        out.append((str(entry["name"]), a))
    return out


def _npy(name: str, data: bytes) -> Array:
    """One array; its header must account for exactly the bytes that follow."""
    import io

    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream, max_header_size=10_000)
    except (ValueError, SyntaxError, TypeError) as e:
        raise DamagedFile(f"member {name}: {e}") from e
    start = stream.tell()
    if dtype.hasobject or dtype.name not in _SAFE:
        raise DamagedFile(f"member {name} holds {dtype}, not numbers")
    count = math.prod(int(d) for d in shape)
    if any(int(d) < 0 for d in shape) or count * dtype.itemsize != len(data) - start:
        raise DamagedFile(f"member {name} declares shape {shape} of {dtype} and holds {len(data) - start} bytes")
    flat = np.frombuffer(data, dtype, count, start)
    return flat.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="), order="C")


def write_safetensors(file: IO[bytes], named: Sequence[Named]) -> None:
    """Writes arrays in the safetensors format, with their order and checksums in the metadata."""
    header: dict[str, Any] = {}
    order: list[str] = []
    hashes: list[str] = []
    start = 0
    for name, a in named:
        key = name
        while key in header or key == "__metadata__":
            key += "'"
        header[key] = {"dtype": _SAFE[a.dtype.name], "shape": list(a.shape), "data_offsets": [start, start + a.nbytes]}
        order.append(key)
        hashes.append(hashlib.sha256(a.tobytes()).hexdigest())
        start += a.nbytes
    header["__metadata__"] = {"format": FORMAT, "order": json.dumps(order), "sha256": json.dumps(hashes)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    for _, a in named:
        file.write(np.ascontiguousarray(a).astype(a.dtype.newbyteorder("<"), copy=False).tobytes())


def read_safetensors(file: IO[bytes]) -> tuple[list[Named], bool]:
    """The arrays in order, and whether their order is that of a model's weights (False: only the names count)."""
    size = os.fstat(file.fileno()).st_size
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else -1
    if not 0 <= length <= min(size - 8, _HEADER_LIMIT):
        raise DamagedFile(f"a header of {length} bytes does not fit a file of {size} bytes")
    try:
        header = parse_json(file.read(length))
    except (ValueError, RecursionError) as e:
        raise DamagedFile(f"the header is no JSON: {e}") from e
    if not is_dict(header):
        raise DamagedFile("the header is no JSON object")
    metadata: Any = header.pop("__metadata__", {}) or {}
    found: dict[str, Array] = {}
    at = 0
    for name, entry in sorted(header.items(), key=lambda item: _offset(item[1])):
        found[name] = _tensor(file, str(name), entry, at, size - 8 - length)
        at: int = entry["data_offsets"][1]
    if at != size - 8 - length:
        raise DamagedFile(f"{size - 8 - length - at} bytes belong to no tensor")
    if metadata.get("format") != FORMAT:
        return list(found.items()), False
    order: list[str] = parse_json(metadata.get("order", "[]"))
    hashes: list[str] = parse_json(metadata.get("sha256", "[]"))
    if sorted(order) != sorted(found) or len(hashes) != len(order):
        raise DamagedFile("the metadata does not speak of the tensors that are there")
    for name, digest in zip(order, hashes, strict=True):
        if hashlib.sha256(found[name].tobytes()).hexdigest() != digest:
            raise DamagedFile(f"tensor {name!r} does not have the checksum it was written with")
    return [(name, found[name]) for name in order], True


def _offset(entry: Any) -> list[int]:
    offsets = entry.get("data_offsets") if is_dict(entry) else None
    if not (is_list(offsets) and len(offsets) == 2 and all(type(o) is int for o in offsets)):
        raise DamagedFile(f"{entry!r} has no data_offsets")
    return list(offsets)


def _tensor(file: IO[bytes], name: str, entry: Any, at: int, room: int) -> Array:
    begin, end = entry["data_offsets"]
    dtype, shape = entry.get("dtype"), entry.get("shape")
    if dtype not in _FROM_SAFE:
        raise DamagedFile(f"tensor {name!r} is of dtype {dtype!r}, which is not supported")
    if not is_list(shape) or not all(type(d) is int and d >= 0 for d in shape):
        raise DamagedFile(f"tensor {name!r} has the shape {shape!r}")
    kind = np.dtype(_FROM_SAFE[dtype])
    count: int = math.prod(shape)
    if begin != at or end > room or end - begin != count * kind.itemsize:
        raise DamagedFile(f"tensor {name!r} of shape {shape} takes bytes {begin} to {end}, expected from {at}")
    data = file.read(end - begin)
    if len(data) != end - begin:
        raise DamagedFile(f"the file ends within tensor {name!r}")
    return np.frombuffer(data, kind.newbyteorder("<")).reshape(shape).astype(kind)
