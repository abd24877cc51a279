"""Texts of a directory: labels, splits, orders, and a model that is trained on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.utils import text_dataset_from_directory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, word in (("bad", "awful"), ("good", "lovely"), (".hidden", "x")):
        (tmp_path / name).mkdir()
        for i in range(6):
            (tmp_path / name / f"{i}.txt").write_text(f"{word} film {i} é", encoding="utf-8")
    (tmp_path / "good" / "notes.md").write_text("no text")
    return tmp_path


def test_texts_and_labels(folder: Path, capsys: Any) -> None:
    data = text_dataset_from_directory(folder, batch_size=5, shuffle=False)
    assert "Found 12 files belonging to 2 classes." in capsys.readouterr().out
    batches = list(data)
    assert data.class_names == ["bad", "good"] and len(batches) == len(data) == 3
    texts = [t for x, _ in batches for t in x]
    assert texts[0] == "awful film 0 é" and texts[6] == "lovely film 0 é"
    assert np.concatenate([y for _, y in batches]).tolist() == [0] * 6 + [1] * 6
    options: dict[str, Any] = {"shuffle": False, "verbose": False}
    assert next(iter(text_dataset_from_directory(folder, label_mode="binary", **options)))[1].shape == (12, 1)
    assert next(iter(text_dataset_from_directory(folder, label_mode="categorical", **options)))[1].shape == (12, 2)
    assert (
        next(iter(text_dataset_from_directory(folder / "bad", label_mode=None, max_length=5, **options))).tolist()
        == ["awful"] * 6
    )
    assert next(iter(text_dataset_from_directory(folder, batch_size=None, **options))) == ("awful film 0 é", 0)


def test_splits_and_orders(folder: Path) -> None:
    options: dict[str, Any] = {"validation_split": 0.25, "seed": 4, "verbose": False}
    train, valid = text_dataset_from_directory(folder, subset="both", **options)
    assert len(train.file_paths) == 9 and len(valid.file_paths) == 3 and not set(train.file_paths) & set(valid.file_paths)
    assert text_dataset_from_directory(folder, subset="validation", **options).file_paths == valid.file_paths
    passes = [[t for x, _ in train for t in x] for _ in range(2)]
    assert sorted(passes[0]) == sorted(passes[1]) and passes[0] != passes[1]


def test_a_model_is_trained(folder: Path) -> None:
    data = text_dataset_from_directory(folder, batch_size=4, label_mode="binary", seed=0, verbose=False)
    vectorize = layers.TextVectorization(output_mode="multi_hot")
    vectorize.adapt(data.map(lambda x, y: x))
    model = graphnn.Sequential([layers.Dense(1, activation="sigmoid")])
    model.compile(graphnn.optimizers.Adam(0.1), "binary_crossentropy")
    ready = data.map(lambda x, y: (vectorize(x), y))
    model.fit(ready, epochs=10, verbose=0)
    assert model.predict(vectorize(["lovely", "awful"]), verbose=0).round().ravel().tolist() == [1, 0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"label_mode": "x"}, {"labels": 3}, {"labels": [1]}, {"labels": None, "class_names": ["a"]}, {"class_names": ["nope"]},
        {"validation_split": 2}, {"validation_split": 0.5}, {"subset": "training"}, {"batch_size": 0},
        {"validation_split": 0.5, "subset": "training", "seed": None}, {"validation_split": 0.5, "seed": 1, "subset": "x"},
    ],
)  # fmt: skip
def test_bad_arguments(folder: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=list(arguments)[-1]):
        text_dataset_from_directory(folder, verbose=False, **arguments)
    with pytest.raises(FileNotFoundError):
        text_dataset_from_directory(folder / "nothing")
