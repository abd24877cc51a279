"""Data files: caches, downloads from a server on 127.0.0.1, and the data sets on top of them."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import warnings
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphnn.datasets import digits, mnist
from graphnn.utils import data_files
from graphnn.utils.data_files import get_file


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


MNIST = npz(
    x_train=np.arange(6 * 28 * 28).reshape(6, 28, 28).astype("uint8"),
    y_train=np.arange(6, dtype="uint8"),
    x_test=np.zeros((2, 28, 28), "uint8"),
    y_test=np.ones(2, "uint8"),
)


class Server:
    """Serves bytes by path, and counts what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.asked: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append(self.path)
                body = owner.files.get(self.path)
                if body is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if self.path in owner.cut else body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/{name}"


@pytest.fixture
def server() -> Iterator[Server]:
    s = Server()
    yield s
    s.http.shutdown()
    s.http.server_close()


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    ours, kerases = tmp_path / "graphnn", tmp_path / "keras"
    monkeypatch.setenv("GRAPHNN_HOME", str(ours))
    monkeypatch.setenv("KERAS_HOME", str(kerases))
    monkeypatch.setattr(data_files, "_warned", set())
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return ours / "datasets", kerases / "datasets"


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def listing(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_download_once(server: Server, homes: tuple[Path, Path]) -> None:
    server.files["/a.bin"] = b"hello" * 100_000
    for _ in range(2):
        path = get_file("a.bin", origin=server.url("a.bin"), file_hash=sha(server.files["/a.bin"]))
    assert path == str(homes[0] / "a.bin")
    assert Path(path).read_bytes() == server.files["/a.bin"]
    assert server.asked == ["/a.bin"]
    assert listing(homes[0]) == ["a.bin"]


def test_name_from_url_and_md5(server: Server) -> None:
    server.files["/b.txt"] = b"b"
    path = get_file(origin=server.url("b.txt"), md5_hash=hashlib.md5(b"b").hexdigest())
    assert Path(path).name == "b.txt"


def test_other_content_is_refused_and_nothing_is_kept(server: Server, homes: tuple[Path, Path]) -> None:
    server.files["/a.bin"] = b"wrong"
    with pytest.raises(ValueError, match=r"sha256 is .*Nothing is kept"):
        get_file("a.bin", origin=server.url("a.bin"), file_hash=sha(b"right"))
    assert listing(homes[0]) == []


def test_truncated_download(server: Server, homes: tuple[Path, Path]) -> None:
    server.files["/a.bin"] = b"x" * 100_000
    server.cut.add("/a.bin")
    with pytest.raises(ConnectionError, match="50000 of 100000"):
        get_file("a.bin", origin=server.url("a.bin"))
    assert listing(homes[0]) == []


def test_missing_on_the_server(server: Server, homes: tuple[Path, Path]) -> None:
    with pytest.raises(ConnectionError, match=r"nope.bin.*HTTP 404.*put the file at"):
        get_file("nope.bin", origin=server.url("nope.bin"))
    assert listing(homes[0]) == []


def test_offline_message_says_where_to_put_the_file(homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "ORIGIN", "http://127.0.0.1:9/mnist.npz")
    with pytest.raises(ConnectionError) as caught:
        mnist.load_data()
    for part in (str(homes[0] / "mnist.npz"), mnist.SHA256, "127.0.0.1:9"):
        assert part in str(caught.value)


def test_existing_file_of_other_content_is_used_with_one_warning(server: Server, homes: tuple[Path, Path]) -> None:
    homes[0].mkdir(parents=True)
    (homes[0] / "a.bin").write_bytes(b"mine")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        paths = [get_file("a.bin", origin=server.url("a.bin"), file_hash=sha(b"theirs")) for _ in range(3)]
    assert len(caught) == 1 and "does not have the expected content" in str(caught[0].message)
    assert Path(paths[0]).read_bytes() == b"mine" and not server.asked


def test_force_download_replaces_only_by_the_right_file(server: Server, homes: tuple[Path, Path]) -> None:
    homes[0].mkdir(parents=True)
    (homes[0] / "a.bin").write_bytes(b"old")
    server.files["/a.bin"] = b"bad"
    with pytest.raises(ValueError, match="expected content"):
        get_file("a.bin", origin=server.url("a.bin"), file_hash=sha(b"new"), force_download=True)
    assert (homes[0] / "a.bin").read_bytes() == b"old"
    server.files["/a.bin"] = b"new"
    get_file("a.bin", origin=server.url("a.bin"), file_hash=sha(b"new"), force_download=True)
    assert (homes[0] / "a.bin").read_bytes() == b"new"


def test_keras_cache_is_read_where_it_is(server: Server, homes: tuple[Path, Path]) -> None:
    homes[1].mkdir(parents=True)
    (homes[1] / "a.bin").write_bytes(b"shared")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = get_file("a.bin", origin=server.url("a.bin"), file_hash=sha(b"shared"))
    assert path == str(homes[1] / "a.bin") and listing(homes[0]) == [] and not server.asked


@pytest.mark.parametrize("name", ["../a.bin", "x/../../a.bin"])
def test_names_that_lead_out_of_the_cache(name: str) -> None:
    with pytest.raises(ValueError, match="lead out"):
        get_file(name, origin="http://127.0.0.1:9/a.bin")


def packed(kind: str, members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as z:
            for name, body in members.items():
                z.writestr(name, body)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as t:
            for name, body in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(body)
                t.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_archives(server: Server, homes: tuple[Path, Path], kind: str) -> None:
    server.files["/a.arc"] = packed(kind, {"d/one.txt": b"1", "two.txt": b"2"})
    folder = Path(get_file("a.arc", origin=server.url("a.arc"), extract=True))
    assert (folder / "d/one.txt").read_bytes() == b"1" and (folder / "two.txt").read_bytes() == b"2"
    assert get_file("a.arc", origin=server.url("a.arc"), extract=True) == str(folder)


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("member", ["../evil.txt", "/evil_absolute.txt"])
def test_members_never_leave_their_folder(server: Server, homes: tuple[Path, Path], kind: str, member: str) -> None:
    server.files["/a.arc"] = packed(kind, {member: b"evil"})
    try:
        folder = Path(get_file("a.arc", origin=server.url("a.arc"), extract=True))
    except (ValueError, tarfile.TarError):
        assert listing(homes[0]) == ["a.arc"]
    else:  # tar's own filter makes an absolute name relative
        assert (folder / "evil_absolute.txt").exists()
    assert not Path("/evil_absolute.txt").exists() and not (homes[0] / "evil.txt").exists()


def test_not_an_archive(server: Server, homes: tuple[Path, Path]) -> None:
    server.files["/a.arc"] = b"plain"
    with pytest.raises(ValueError, match="no archive"):
        get_file("a.arc", origin=server.url("a.arc"), extract=True)
    assert listing(homes[0]) == ["a.arc"]


def test_mnist_from_a_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/mnist.npz"] = MNIST
    monkeypatch.setattr(mnist, "ORIGIN", server.url("mnist.npz"))
    monkeypatch.setattr(mnist, "SHA256", sha(MNIST))
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert x_train.shape == (6, 28, 28) and x_train.dtype == np.uint8 and y_train.tolist() == [0, 1, 2, 3, 4, 5]
    assert x_test.shape == (2, 28, 28) and y_test.tolist() == [1, 1]


@pytest.mark.parametrize(
    "body", [b"junk", npz(a=np.ones(3)), npz(**{k: np.array([{}], object) for k in ("x_train",)}), MNIST[:200]]
)
def test_mnist_file_of_something_else(homes: tuple[Path, Path], body: bytes) -> None:
    homes[0].mkdir(parents=True)
    (homes[0] / "mnist.npz").write_bytes(body)
    with pytest.warns(UserWarning, match="expected content"), pytest.raises(ValueError, match="no MNIST file"):
        mnist.load_data()


def test_digits() -> None:
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1438, 8, 8) and x_test.shape == (359, 8, 8) and x_train.dtype == np.uint8
    assert np.bincount(np.concatenate([y_train, y_test])).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert x_train.max() == 16
    again = digits.load_data()
    assert np.array_equal(again[0][0], x_train)
    whole = digits.load_data(test_split=0)
    assert whole[0][0].shape == (1797, 8, 8) and whole[1][0].shape == (0, 8, 8)
    with pytest.raises(ValueError, match="test_split"):
        digits.load_data(test_split=2)
