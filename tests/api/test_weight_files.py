"""Weights in .npz and .safetensors files: whole or not at all, and nothing but what was written."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.errors import DamagedFile
from graphnn.saving.atomic import replacing

KINDS = ["npz", "safetensors"]


def model(width: int = 3) -> graphnn.Model:
    x = graphnn.Input((4,))
    return graphnn.Model(x, layers.Dense(2, name="b")(layers.Dense(width, name="a")(x)))


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(kind: str, tmp_path: Path) -> None:
    first, second = model(), model()
    path = tmp_path / f"w.{kind}"
    first.save_weights(path)
    second.load_weights(path)
    for u, v in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.array_equal(u, v)
    assert os.listdir(tmp_path) == [path.name]


def test_npz_is_read_by_numpy_and_from_numpy(tmp_path: Path) -> None:
    first, second = model(), model()
    first.save_weights(tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz", allow_pickle=False) as z:
        assert np.array_equal(z["0"], first.get_weights()[0])
    np.savez(tmp_path / "plain.npz", *first.get_weights())
    second.load_weights(tmp_path / "plain.npz")
    assert np.array_equal(second.get_weights()[2], first.get_weights()[2])
    np.savez(tmp_path / "named.npz", **{v.path.replace("/", "."): v.numpy() for v in reversed(first.weights)})
    model().load_weights(tmp_path / "named.npz")


@pytest.mark.parametrize("kind", KINDS)
def test_other_shapes_change_nothing(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"w.{kind}"
    model(5).save_weights(path)
    target = model(3)
    before = target.get_weights()
    with pytest.raises(ValueError, match=r"a/kernel.*\(4, 3\).*\(4, 5\)"):
        target.load_weights(path)
    assert all(np.array_equal(u, v) for u, v in zip(before, target.get_weights(), strict=True))
    with pytest.warns(UserWarning, match="left out"):
        target.load_weights(path, skip_mismatch=True)
    x = graphnn.Input((4,))
    with pytest.raises(ValueError, match="4 weights and the model has 2"):
        graphnn.Model(x, layers.Dense(3)(x)).load_weights(path)


def test_bad_names_and_unbuilt_models(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must end in"):
        model().save_weights(tmp_path / "w.h5")
    with pytest.raises(ValueError, match="not been built"):
        graphnn.Sequential([layers.Dense(2)]).save_weights(tmp_path / "w.npz")
    with pytest.raises(FileNotFoundError):
        model().save_weights(tmp_path / "no" / "w.npz")
    model().save_weights(tmp_path / "w.npz")
    with pytest.raises(FileExistsError):
        model().save_weights(tmp_path / "w.npz", overwrite=False)


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_and_many_flips_are_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"w.{kind}"
    first = model()
    first.save_weights(path)
    good = path.read_bytes()
    target = model()
    before = target.get_weights()
    rng = np.random.RandomState(0)
    damaged = [good[:n] for n in range(0, len(good), max(1, len(good) // 60))]
    for at in rng.randint(0, len(good), 120):
        damaged.append(good[:at] + bytes([good[at] ^ (1 << int(rng.randint(8)))]) + good[at + 1 :])
    for data in damaged:
        path.write_bytes(data)
        try:
            target.load_weights(path)
        except ValueError:
            assert all(np.array_equal(u, v) for u, v in zip(before, target.get_weights(), strict=True))
        else:
            assert all(np.array_equal(u, v) for u, v in zip(first.get_weights(), target.get_weights(), strict=True))
            target.set_weights(before)


def _safetensors(path: Path, header: Any, data: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a": {"dtype": "F32", "shape": [50_000_000, 50_000_000], "data_offsets": [0, 4]}}, b"0000"),
        (
            {
                "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                "b": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]},
            },
            b"000000",
        ),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, b"00000000"),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"00000000"),
        ({"a": {"dtype": "O", "shape": [1], "data_offsets": [0, 4]}}, b"0000"),
        ({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"0000"),
        ({"a": {"dtype": "F32", "shape": ["1"], "data_offsets": [0, 4]}}, b"0000"),
        ({"a": 3}, b""),
        (b"[" * 100_000, b""),
        (b'{"a": 1, "a": 2}', b""),
        (b'{"a": NaN}', b""),
    ],
)
def test_hostile_safetensors(header: Any, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    _safetensors(path, header, data)
    with pytest.raises(DamagedFile, match=r"w\.safetensors"):
        model().load_weights(path)


def test_header_longer_than_the_file(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", 2**63) + b"{}")
    with pytest.raises(DamagedFile):
        model().load_weights(tmp_path / "w.safetensors")


def test_hostile_npz(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez_compressed(path, *model().get_weights())
    with pytest.raises(DamagedFile, match="uncompressed"):
        model().load_weights(path)
    np.savez(path, np.array([object()], dtype=object))
    with pytest.raises(DamagedFile, match="not numbers"):
        model().load_weights(path)
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (50000000, 50000000), }"
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"0000"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("arr_0.npy", member)
    with pytest.raises(DamagedFile, match="declares shape"):
        model().load_weights(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    first = model()
    first.save_weights(path)
    good = path.read_bytes()

    def interrupted() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == good and os.listdir(tmp_path) == ["w.npz"]


def test_litter_of_dead_writers_is_swept(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    (tmp_path / ".w.npz.999999999.0123abcd.tmp").write_bytes(b"x")
    (tmp_path / f".w.npz.{os.getpid()}.0123abcd.tmp").write_bytes(b"x")
    (tmp_path / ".other.npz.999999999.0123abcd.tmp").write_bytes(b"x")
    model().save_weights(path)
    assert sorted(os.listdir(tmp_path)) == [".other.npz.999999999.0123abcd.tmp", f".w.npz.{os.getpid()}.0123abcd.tmp", "w.npz"]
