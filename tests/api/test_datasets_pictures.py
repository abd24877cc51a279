"""CIFAR and Fashion-MNIST from a server on 127.0.0.1, and the reader of their pickles."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_datasets import Server, homes, packed, server, sha  # noqa: F401  (fixtures)

from graphnn.datasets import cifar10, cifar100, fashion_mnist
from graphnn.datasets.pickled import read_pickled

RNG = np.random.RandomState(0)


def old_text(text: bytes) -> bytes:
    return b"U" + bytes([len(text)]) + text if len(text) < 256 else b"T" + struct.pack("<i", len(text)) + text


def old_pickle(pairs: dict[bytes, Any]) -> bytes:
    """Dictionaries of arrays and lists of numbers, written as Python 2 wrote the archives."""
    out = b"\x80\x02}q\x01("
    for key, x in pairs.items():
        out += old_text(key) + b"q\x02"
        if isinstance(x, np.ndarray):
            out += b"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85U\x01b\x87R(K\x01"
            out += b"".join(b"M" + struct.pack("<H", n) for n in x.shape) + {1: b"\x85", 2: b"\x86"}[x.ndim]
            out += b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89" + old_text(x.tobytes()) + b"tb"
        elif isinstance(x, list):
            out += b"]q\x07(" + b"".join(b"K" + bytes([i]) for i in x) + b"e"
        else:
            out += old_text(x)
    return out + b"u."


def batch(n: int, labels: tuple[bytes, ...] = (b"labels",)) -> dict[bytes, Any]:
    pixels = RNG.randint(0, 256, (n, 3072)).astype("uint8")
    return {b"batch_label": b"one", b"data": pixels, **{k: RNG.randint(0, 10, n).tolist() for k in labels}}


TEN = {name: batch(3 if "data" in name else 2) for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]}
HUNDRED = {name: batch(n, (b"fine_labels", b"coarse_labels")) for name, n in (("train", 5), ("test", 2))}


def archive(folder: str, parts: dict[str, dict[bytes, Any]]) -> bytes:
    return packed("tar", {f"{folder}/{name}": old_pickle(part) for name, part in parts.items()})


def served(server: Server, monkeypatch: pytest.MonkeyPatch, module: Any, body: bytes) -> None:  # noqa: F811
    name = module.ORIGIN.rpartition("/")[2]
    server.files[f"/{name}"] = body
    monkeypatch.setattr(module, "ORIGIN", server.url(name))
    monkeypatch.setattr(module, "SHA256", sha(body))


def test_cifar10(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    served(server, monkeypatch, cifar10, archive(cifar10.FOLDER, TEN))
    for _ in range(2):
        (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert len(server.asked) == 1
    assert x_train.shape == (15, 32, 32, 3) and y_train.shape == (15, 1) and x_train.dtype == y_train.dtype == np.uint8
    assert x_test.shape == (2, 32, 32, 3) and y_test.ravel().tolist() == TEN["test_batch"][b"labels"]
    pixels = TEN["data_batch_2"][b"data"]
    assert np.array_equal(x_train[3, :, :, 1].ravel(), pixels[0, 1024:2048])


def test_cifar100(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    served(server, monkeypatch, cifar100, archive(cifar100.FOLDER, HUNDRED))
    for mode in ("fine", "coarse"):
        (x_train, y_train), (_, y_test) = cifar100.load_data(mode)
        assert x_train.shape == (5, 32, 32, 3) and y_test.shape == (2, 1)
        assert y_train.ravel().tolist() == HUNDRED["train"][f"{mode}_labels".encode()]
    with pytest.raises(ValueError, match="label_mode"):
        cifar100.load_data("rough")


@pytest.mark.parametrize("where", ["folder", "target", "archive"])
def test_keras_cache(homes: tuple[Path, Path], where: str) -> None:  # noqa: F811
    place = homes[1] / {"folder": "cifar-100-python", "target": "cifar-100-python-target/cifar-100-python", "archive": "."}[where]
    place.mkdir(parents=True)
    if where == "archive":
        (place / "cifar-100-python-target_archive").write_bytes(archive(cifar100.FOLDER, HUNDRED))
    else:
        for name, part in HUNDRED.items():
            (place / name).write_bytes(old_pickle(part))
    assert cifar100.load_data()[0][0].shape == (5, 32, 32, 3)


@pytest.mark.parametrize(
    "body",
    [
        b"junk",
        packed("tar", {"other/train": b"."}),
        packed("tar", {"cifar-100-python/train": pickle.dumps({"data": 1}, 2), "cifar-100-python/test": pickle.dumps([], 2)}),
        packed("tar", {"cifar-100-python/train": pickle.dumps(os.system, 2), "cifar-100-python/test": b""}),
    ],
)
def test_archives_of_something_else(server: Server, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:  # noqa: F811
    served(server, monkeypatch, cifar100, body)
    with pytest.raises(ValueError, match=r"cifar-100|train"):
        cifar100.load_data()


def idx(a: np.ndarray) -> bytes:
    return gzip.compress(bytes((0, 0, 8, a.ndim)) + np.array(a.shape, ">u4").tobytes() + a.tobytes())


def test_fashion_mnist(server: Server, monkeypatch: pytest.MonkeyPatch, homes: tuple[Path, Path]) -> None:  # noqa: F811
    arrays = {
        name: RNG.randint(0, 10, (4 if "train" in name else 2, *((28, 28) if "images" in name else ()))).astype("uint8")
        for name in fashion_mnist.MD5
    }
    server.files.update({f"/{name}": idx(a) for name, a in arrays.items()})
    monkeypatch.setattr(fashion_mnist, "ORIGIN", server.url(""))
    with pytest.raises(ValueError, match="md5 is"):
        fashion_mnist.load_data()
    monkeypatch.setattr(fashion_mnist, "MD5", {n: hashlib.md5(server.files[f"/{n}"]).hexdigest() for n in arrays})
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    for got, name in ((x_train, "train-images-idx3"), (y_train, "train-labels-idx1"), (x_test, "t10k-images-idx3"), (y_test, "t10k-labels-idx1")):
        assert np.array_equal(got, arrays[f"{name}-ubyte.gz"])
    file = homes[0] / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz"
    for bad in (b"junk", idx(arrays["t10k-images-idx3-ubyte.gz"]), gzip.compress(b"\0\0\x08\x01\0\0\0\x09ab")):
        file.write_bytes(bad)
        with pytest.warns(UserWarning, match="expected content"), pytest.raises(ValueError, match="t10k-labels"):
            fashion_mnist.load_data()
        from graphnn.utils import data_files

        data_files._warned.clear()


# ---- the reader


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_objects(protocol: int) -> None:
    things: Any = {"a": [1, 2, 300, 70_000, -5], "b": (1, "x", None, True), "c": {"d": "text" * 100}, "e": [], "f": (1, 2, 3, 4), 7: 8}
    assert read_pickled(pickle.dumps(things, protocol)) == things
    if protocol > 2:
        for a in (np.arange(6, dtype=">i4").reshape(2, 3), np.asfortranarray(np.eye(3)), np.zeros((0, 4), "uint8"), np.array(3.0, "float32")):
            try:
                got = read_pickled(pickle.dumps(a, protocol))
            except ValueError:
                assert protocol == 5  # where NumPy hands arrays over in another way
                continue
            assert got.dtype == a.dtype and np.array_equal(got, a)


class _Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["EVIL_PLACE"],)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_nothing_is_run(protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVIL_PLACE", str(tmp_path / "made"))
    for thing in (_Evil(), [_Evil()], {"data": _Evil()}, os.system, np.array([_Evil()], object), np.dtype("O"), complex(1)):
        with pytest.raises(ValueError, match="not read"):
            read_pickled(pickle.dumps(thing, protocol))
    assert not (tmp_path / "made").exists()


def test_damaged_pickles() -> None:
    whole = old_pickle(batch(2))
    for n in range(400):
        with pytest.raises(ValueError, match="not read"):
            read_pickled(whole[:n])
    for i in range(300):
        rng = np.random.RandomState(i)
        damaged = bytearray(whole)
        for at in rng.randint(0, 300, 3):
            damaged[at] = rng.randint(0, 256)
        with contextlib.suppress(ValueError):
            read_pickled(bytes(damaged))
    loops: Any = []
    loops.append(loops)
    shared: Any = [1]
    for _ in range(200):
        shared = [shared, shared]
    with pytest.raises(ValueError, match="holds itself"):
        read_pickled(pickle.dumps(loops, 2))
    assert len(read_pickled(pickle.dumps(shared, 2))) == 2
    for text in (b"\x80\x02cnumpy\ndtype\nU\x02u1\x85R.", b"\x80\x02}(K\x01.", b".", b"\x80\x02K\x01a.", b"\x80\x02T\xff\xff\xff\xff.", b"h\x09."):
        with pytest.raises(ValueError, match="not read"):
            read_pickled(text)
