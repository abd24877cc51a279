"""Pictures in files, and directories of them as data sets."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers, ops
from graphnn.utils import array_to_img, image_dataset_from_directory, img_to_array, load_img, save_img

Image = pytest.importorskip("PIL.Image")
A = (np.random.RandomState(0).rand(6, 8, 3) * 255).astype("uint8")


def test_there_and_back(tmp_path: Path) -> None:
    for channels in (1, 3, 4):
        a = np.concatenate([A, A], -1)[..., :channels]
        save_img(tmp_path / "a.png", a, scale=False)
        mode = {1: "grayscale", 3: "rgb", 4: "rgba"}[channels]
        assert np.array_equal(img_to_array(load_img(tmp_path / "a.png", mode), dtype="uint8"), a)
    first = img_to_array(load_img(str(tmp_path / "a.png")), data_format="channels_first")
    assert first.shape == (3, 6, 8) and first.dtype == "float32"
    data = io.BytesIO((tmp_path / "a.png").read_bytes())
    assert np.array_equal(img_to_array(load_img(data)), first.transpose(1, 2, 0))
    with pytest.warns(UserWarning, match="RGB"):
        save_img(tmp_path / "a.jpg", np.concatenate([A, A], -1)[..., :4])
    assert load_img(tmp_path / "a.jpg").size == (8, 6)


def test_sizes(tmp_path: Path) -> None:
    save_img(tmp_path / "a.png", A, scale=False)
    for method in ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"):
        got = load_img(tmp_path / "a.png", target_size=(3, 4), interpolation=method)
        want = Image.fromarray(A).resize((4, 3), getattr(Image.Resampling, method.upper()))
        assert np.array_equal(np.asarray(got), np.asarray(want))
    square = load_img(tmp_path / "a.png", target_size=(3, 3), keep_aspect_ratio=True)
    assert np.array_equal(np.asarray(square), np.asarray(Image.fromarray(A[:, 1:7]).resize((3, 3), Image.Resampling.NEAREST)))


def test_scale() -> None:
    x = np.linspace(-1, 3, 12).reshape(2, 2, 3)
    assert np.asarray(array_to_img(x)).ravel().tolist() == [int(i * 255 / 11 + 1e-4) for i in range(12)]
    assert np.asarray(array_to_img(np.full((1, 1, 1), 3.0))).tolist() == [[0]]
    assert array_to_img(np.full((1, 1, 1), 300.0), scale=False).mode == "I"
    assert array_to_img(A.transpose(2, 0, 1), data_format="channels_first").size == (8, 6)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p: load_img(p / "a.png", color_mode="cmyk"), ValueError, "color_mode"),
        (lambda p: load_img(p / "a.png", interpolation="spline"), ValueError, "spline"),
        (lambda p: load_img(3), TypeError, "path-like"),
        (lambda p: load_img(p / "none.png"), FileNotFoundError, "none.png"),
        (lambda p: load_img(p / "bad.png"), ValueError, "bad.png"),
        (lambda p: load_img(p / "cut.png"), ValueError, "cut.png"),
        (lambda p: img_to_array(np.zeros((1, 2, 3, 4))), ValueError, "shape"),
        (lambda p: array_to_img(np.zeros((2, 3))), ValueError, "rank 3"),
        (lambda p: array_to_img(np.zeros((2, 3, 2))), ValueError, "channel"),
        (lambda p: save_img(p / "a.nothing", A), ValueError, "nothing"),
    ],
)
def test_bad_files_and_arguments(tmp_path: Path, call: Any, error: type[Exception], words: str) -> None:
    save_img(tmp_path / "a.png", A)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:90])
    with pytest.raises(error, match=words):
        call(tmp_path)


def test_without_pillow() -> None:
    program = """
import sys
sys.modules["PIL"] = None
import graphnn
from graphnn import utils
for call in (lambda: utils.load_img("README.md"), lambda: utils.array_to_img([[[0.0]]]), lambda: utils.image_dataset_from_directory(".")):
    try:
        call()
    except ImportError as error:
        assert "pip install graphnn[image]" in str(error)
    else:
        raise SystemExit("no error")
"""
    root = Path(graphnn.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# ---- directories


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Five cats (one in a folder of its own), four dogs, a hidden folder and a text; sizes differ."""
    rng = np.random.RandomState(0)
    for name, n in (("cats", 5), ("dogs", 4), (".hidden", 1)):
        (tmp_path / name / "sub").mkdir(parents=True)
        for i in range(n):
            file = tmp_path / name / (f"{i}.png" if i else f"sub/{i}.jpg")
            Image.fromarray((rng.rand(5 + i, 6, 3) * 255).astype("uint8")).save(file)
    (tmp_path / "cats" / "readme.txt").write_text("x")
    return tmp_path


def loaded(pets: Path, **kwargs: Any) -> Any:
    return image_dataset_from_directory(pets, verbose=False, **{"image_size": (4, 5), "batch_size": 4, "shuffle": False, **kwargs})


def names(data: Any, pets: Path) -> list[str]:
    return [str(Path(p).relative_to(pets)) for p in data.file_paths]


def test_order_and_labels(pets: Path) -> None:
    data = loaded(pets)
    cats, dogs = ["cats/1.png", "cats/2.png", "cats/3.png", "cats/4.png", "cats/sub/0.jpg"], ["dogs/1.png", "dogs/2.png", "dogs/3.png", "dogs/sub/0.jpg"]
    assert names(data, pets) == [*cats, *dogs] and data.class_names == ["cats", "dogs"] and len(data) == 3
    batches = list(data)
    assert [x.shape for x, _ in batches] == [(4, 4, 5, 3), (4, 4, 5, 3), (1, 4, 5, 3)] and batches[0][0].dtype == "float32"
    assert np.concatenate([y for _, y in batches]).tolist() == [0] * 5 + [1] * 4 and batches[0][1].dtype == "int32"
    whole = img_to_array(load_img(pets / "cats/1.png"))
    assert np.allclose(batches[0][0][0], ops.image.resize(whole, (4, 5)), atol=1e-3)
    turned = loaded(pets, class_names=["dogs", "cats"])
    assert names(turned, pets) == [*dogs, *cats] and names(loaded(pets, class_names=["dogs"]), pets) == dogs
    assert next(iter(loaded(pets, label_mode="categorical")))[1].tolist() == [[1, 0]] * 4
    assert next(iter(loaded(pets, label_mode="binary")))[1].tolist() == [[0]] * 4
    assert next(iter(loaded(pets, color_mode="grayscale"))).__len__() == 2
    unlabelled = loaded(pets, labels=None)
    assert names(unlabelled, pets)[0] == ".hidden/sub/0.jpg" and next(iter(unlabelled)).shape == (4, 4, 5, 3)
    listed = loaded(pets, labels=list(range(10)))
    assert np.concatenate([y for _, y in listed]).tolist() == list(range(10)) and listed.class_names == [str(i) for i in range(10)]
    first = next(iter(loaded(pets, data_format="channels_first", batch_size=None)))
    assert first[0].shape == (3, 4, 5) and first[1] == 0


@pytest.mark.parametrize("kwargs", [{"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}, {"interpolation": "bicubic"}, {"interpolation": "nearest"}])
def test_pictures_as_ops_resize_them(pets: Path, kwargs: dict[str, Any]) -> None:
    data = loaded(pets, image_size=(7, 3), **kwargs)
    found = np.concatenate([x for x, _ in data])
    for x, path in zip(found, data.file_paths, strict=True):
        assert np.allclose(x, ops.image.resize(img_to_array(load_img(path)), (7, 3), **kwargs), atol=2e-3)


def test_shuffling_and_splits(pets: Path) -> None:
    a, b, c = (loaded(pets, shuffle=True, seed=s) for s in (1, 1, 2))
    passes = [[np.concatenate([y for _, y in d]).tolist() for _ in range(3)] for d in (a, b, c)]
    assert passes[0] == passes[1] != passes[2] and len({str(p) for p in passes[0]}) > 1
    assert names(a, pets)[:3] == ["dogs/sub/0.jpg", "cats/3.png", "dogs/2.png"]  # as by Keras with this seed
    train, held = loaded(pets, shuffle=True, seed=1, validation_split=0.3, subset="both")
    assert len(train.file_paths) == 7 and len(held.file_paths) == 2 and not {*train.file_paths} & {*held.file_paths}
    alone = loaded(pets, shuffle=True, seed=1, validation_split=0.3, subset="validation")
    assert alone.file_paths == held.file_paths


def test_corrupt_files(pets: Path) -> None:
    (pets / "cats" / "2.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"2\.png is no picture"):
        list(loaded(pets))
    data = loaded(pets, skip_corrupt=True)
    with pytest.warns(UserWarning, match=r"2\.png.*left out"):
        first = [len(x) for x, _ in data]
    assert first == [3, 4, 1] and [len(x) for x, _ in data] == [4, 4] and len(data) == 2


def test_training_reads_ahead_and_leaves_no_thread(pets: Path) -> None:
    data = loaded(pets, shuffle=True, seed=3)
    model = graphnn.Sequential([graphnn.Input((4, 5, 3)), layers.Rescaling(1 / 255), layers.RandomFlip(seed=1), layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", graphnn.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    history = model.fit(data, epochs=3, validation_data=loaded(pets), verbose=0).history
    assert len(history["loss"]) == 3 and np.isfinite(history["val_loss"]).all()
    assert model.predict(loaded(pets, label_mode=None), verbose=0).shape == (10, 2)
    broken = iter(data)
    next(broken)
    broken.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name == "graphnn-images"]


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"labels": [1, 2]}, "lengths of `labels`"),
        ({"labels": "x"}, "labels"),
        ({"label_mode": "x"}, "label_mode"),
        ({"label_mode": "binary", "class_names": ["dogs"]}, "exactly 2"),
        ({"color_mode": "x"}, "color_mode"),
        ({"class_names": ["dogs", "x"]}, "class_names"),
        ({"labels": None, "class_names": ["dogs"]}, "class_names"),
        ({"interpolation": "x"}, "interpolation"),
        ({"image_size": (0, 3)}, "image_size"),
        ({"batch_size": 0}, "batch_size"),
        ({"validation_split": 0.3}, "subset"),
        ({"subset": "training"}, "validation_split"),
        ({"validation_split": 2, "subset": "training"}, "between 0 and 1"),
        ({"validation_split": 0.3, "subset": "x"}, "subset"),
        ({"validation_split": 0.3, "subset": "training", "shuffle": True}, "seed"),
        ({"validation_split": 0.01, "subset": "validation"}, "no picture is left"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one"),
        ({"data_format": "x"}, "data_format"),
        ({"format": "x"}, "format"),
    ],
)
def test_bad_arguments(pets: Path, kwargs: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        loaded(pets, **kwargs)


def test_directories_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        loaded(tmp_path / "none")
    with pytest.raises(ValueError, match="No images"):
        loaded(tmp_path)
