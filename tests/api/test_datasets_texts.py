"""IMDB and Reuters from a server on 127.0.0.1: downloads, what `load_data` makes of the file, and files that are something else."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphnn.datasets import imdb, reuters
from graphnn.utils import data_files


def lists(rows: list[list[int]]) -> np.ndarray:
    out = np.empty(len(rows), object)
    out[:] = rows
    return out


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


ROWS = [[n, 40 - n, 300 + n, *range(n)] for n in range(1, 13)]
LABELS = np.arange(12) % 2
REVIEWS = npz(x_train=lists(ROWS[:8]), y_train=LABELS[:8], x_test=lists(ROWS[8:]), y_test=LABELS[8:])
NEWS = npz(x=lists(ROWS), y=np.arange(12))
INDEX = json.dumps({"the": 1, "naïve": 2}).encode()


@pytest.fixture(autouse=True)
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    files = {"/imdb.npz": REVIEWS, "/reuters.npz": NEWS, "/imdb_word_index.json": INDEX, "/reuters_word_index.json": INDEX}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{http.server_address[1]}"
    monkeypatch.setenv("GRAPHNN_HOME", str(tmp_path / "graphnn"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(data_files, "_warned", set())
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for module, name, body in ((imdb, "imdb", REVIEWS), (reuters, "reuters", NEWS)):
        monkeypatch.setattr(module, "ORIGIN", f"{base}/{name}.npz")
        monkeypatch.setattr(module, "SHA256", hashlib.sha256(body).hexdigest())
        monkeypatch.setattr(module, "INDEX_ORIGIN", f"{base}/{name}_word_index.json")
        monkeypatch.setattr(module, "INDEX_MD5", hashlib.md5(INDEX).hexdigest())
    yield files
    http.shutdown()
    http.server_close()


def pairs(x: Any, y: Any) -> list[tuple[list[int], int]]:
    return sorted(zip(x, y.tolist(), strict=True))


def test_reviews_are_moved_up_and_marked() -> None:
    (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=1000)
    assert x_train.dtype == object and x_train.shape == (8,) and x_test.shape == (4,)
    want = [([1, *(w + 3 for w in row)], int(y)) for row, y in zip(ROWS, LABELS, strict=True)]
    assert pairs(x_train, y_train) == sorted(want[:8]) and pairs(x_test, y_test) == sorted(want[8:])
    assert y_train.tolist() != LABELS[:8].tolist() or x_train[0] != want[0][0]  # in another order
    again = imdb.load_data(num_words=1000)[0][0]
    assert all(a == b for a, b in zip(x_train, again, strict=True))


def test_words_and_reviews_are_left_out() -> None:
    def of(row: list[int], keep: Any) -> list[int]:
        return [w + 3 if keep(w + 3) else 2 for w in row]

    (x, y), _ = imdb.load_data(num_words=40, skip_top=5, maxlen=9)
    want = [([2, *of(row, lambda w: 5 <= w < 40)], int(v)) for row, v in zip(ROWS[:8], LABELS, strict=False) if len(row) + 1 < 9]
    assert pairs(x, y) == sorted(want)
    (x, _), _ = imdb.load_data(num_words=40, oov_char=None, start_char=None, index_from=0)
    assert sorted(x) == sorted([w for w in row if w < 40] for row in ROWS[:8])
    with pytest.raises(ValueError, match="maxlen=2"):
        imdb.load_data(maxlen=2)


def test_news_are_split() -> None:
    (x_train, y_train), (x_test, y_test) = reuters.load_data(num_words=1000, test_split=0.25)
    assert len(x_train) == 9 and len(x_test) == 3
    want = [([1, *(w + 3 for w in row)], n) for n, row in enumerate(ROWS)]
    assert sorted(pairs(x_train, y_train) + pairs(x_test, y_test)) == sorted(want)
    assert len(reuters.get_label_names()) == 46 and reuters.get_label_names()[3] == "earn"


@pytest.mark.parametrize("module", [imdb, reuters])
def test_word_indexes(module: Any, served: dict[str, bytes], tmp_path: Path) -> None:
    assert module.get_word_index() == {"the": 1, "naïve": 2}
    served.clear()
    assert module.get_word_index()["the"] == 1  # from the cache
    kept = next((tmp_path / "graphnn" / "datasets").glob("*_word_index.json"))
    for damaged in ("{", "[1]", '{"a": "b"}'):
        kept.write_text(damaged)
        data_files._warned.clear()
        with pytest.warns(UserWarning, match="expected content"), pytest.raises(ValueError, match="no word index"):
            module.get_word_index()


def test_offline_message_says_where_to_put_the_file(served: dict[str, bytes], tmp_path: Path) -> None:
    served.clear()
    with pytest.raises(ConnectionError, match=r"imdb\.npz.*put the file at"):
        imdb.load_data()
    assert not list((tmp_path / "graphnn").rglob("*.npz"))


class Evil:
    def __reduce__(self) -> Any:
        return print, ("run",)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"nothing", npz(x_train=np.arange(3)), NEWS, npz(x_train=lists([["a"]]), y_train=LABELS, x_test=lists(ROWS), y_test=LABELS),
        npz(x_train=np.array([Evil()], object), y_train=LABELS, x_test=lists(ROWS), y_test=LABELS), REVIEWS[: len(REVIEWS) // 2],
        npz(x_train=np.array([[[1], [2, 3]]], object), y_train=LABELS, x_test=lists(ROWS), y_test=LABELS),
    ],
)  # fmt: skip
def test_files_of_something_else(body: bytes, served: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    served["/imdb.npz"] = body
    monkeypatch.setattr(imdb, "SHA256", hashlib.sha256(body).hexdigest())
    with pytest.raises(ValueError, match="is no IMDB file"):
        imdb.load_data()
    assert "run" not in capsys.readouterr().out


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_lists_pickled_by_any_protocol(protocol: int, served: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, a in (("x", lists(ROWS)), ("y", LABELS)):
            part = io.BytesIO()
            np.lib.format.write_array_header_1_0(
                part, {"descr": np.lib.format.dtype_to_descr(a.dtype), "fortran_order": False, "shape": a.shape}
            )
            archive.writestr(f"{name}.npy", part.getvalue() + (pickle.dumps(a, protocol) if name == "x" else a.tobytes()))
    served["/reuters.npz"] = buffer.getvalue()
    monkeypatch.setattr(reuters, "SHA256", hashlib.sha256(buffer.getvalue()).hexdigest())
    (x, _), _ = reuters.load_data(start_char=None, index_from=0, test_split=0, num_words=1000)
    assert sorted(x) == ROWS
