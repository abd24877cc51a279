"""Models of pictures: layers and weights as Keras 3.15 names them, tops, weights from files, inputs, bad input."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import applications
from graphnn.applications import MobileNetV2, ResNet50, ResNet50V2, imagenet_utils

# Of the model for (64, 64, 3) and 10 classes: layers, weights, parameters, and a digest of the types and names of its layers (but for
# those that are numbered) and the paths, shapes and trainability of its weights, all as recorded from Keras.
RECORDED = {
    "ResNet50": (177, 320, 23608202, "3c6404057a50ca66"),
    "ResNet101": (347, 626, 42678666, "28bc257617d9129d"),
    "ResNet152": (517, 932, 58391434, "b4485f19251930d9"),
    "ResNet50V2": (192, 272, 23585290, "f9404364c3a98e43"),
    "ResNet101V2": (379, 544, 42647050, "da760e1a38384846"),
    "ResNet152V2": (566, 816, 58352138, "890f82778969893e"),
    "MobileNetV2": (156, 262, 2270794, "4cf90c72f03170df"),
}
NUMBERED = re.compile(r"(input_layer|max_pooling2d|global_average_pooling2d)(_[0-9]+)?$")


def digest(model: Any) -> str:
    layers = [f"{type(x).__name__} {'' if NUMBERED.match(x.name) else x.name}" for x in model.layers]
    weights = [f"{w.path} {tuple(w.shape)} {bool(w.trainable)}" for w in model.weights]
    return hashlib.sha256("\n".join([*layers, *weights]).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", RECORDED)
def test_layers_and_weights(name: str) -> None:
    model = getattr(applications, name)(weights=None, input_shape=(64, 64, 3), classes=10)
    assert (len(model.layers), len(model.weights), model.count_params(), digest(model)) == RECORDED[name]
    assert model.output_shape == (None, 10)


@pytest.mark.parametrize(("make", "channels"), [(ResNet50, 2048), (ResNet50V2, 2048), (MobileNetV2, 1280)])
def test_tops(make: Any, channels: int) -> None:
    assert make(weights=None, include_top=False).output_shape == (None, None, None, channels)
    for pooling in ("avg", "max"):
        assert make(weights=None, include_top=False, pooling=pooling).output_shape == (None, channels)
    start = graphnn.Input((64, 48, 3), name="picture")
    model = make(weights=None, input_tensor=start, classes=5, classifier_activation=None, name="mine")
    assert model.layers[0].name == "picture" and model.name == "mine" and model.output_shape == (None, 5)
    assert make(weights=None).input_shape == (None, 224, 224, 3)


def test_alpha() -> None:
    assert MobileNetV2((64, 64, 3), 1.4, weights=None).count_params() == 6_156_712
    assert MobileNetV2((64, 64, 3), 0.35, weights=None).name == "mobilenetv2_0.35_64"


def test_training_and_weight_files(tmp_path: Path) -> None:
    graphnn.utils.set_random_seed(1)
    model = MobileNetV2((32, 32, 3), 0.35, weights=None, classes=3)
    x = np.random.RandomState(0).rand(4, 32, 32, 3).astype("float32")
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert np.isfinite(model.fit(x, np.array([0, 1, 2, 0]), epochs=2, verbose=0).history["loss"]).all()
    want = model.predict(x, verbose=0)
    for ending in ("npz", "safetensors"):
        file = tmp_path / f"weights.{ending}"
        model.save_weights(file)
        again = MobileNetV2((32, 32, 3), 0.35, weights=file, classes=3)
        assert np.array_equal(again.predict(x, verbose=0), want)


def test_inputs() -> None:
    x = np.array([0.0, 127.5, 255.0], "float32").reshape(1, 1, 1, 3)
    means = np.array([255 - 103.939, 127.5 - 116.779, -123.68])
    assert np.allclose(applications.resnet.preprocess_input(x).ravel(), means, atol=1e-4)
    for module in (applications.resnet_v2, applications.mobilenet_v2):
        assert np.asarray(module.preprocess_input(x)).ravel().tolist() == [-1, 0, 1]
    first = applications.resnet50.preprocess_input(x.transpose(0, 3, 1, 2), data_format="channels_first")
    assert np.allclose(first.ravel(), means, atol=1e-4)
    assert applications.resnet.preprocess_input(x.astype("uint8")).dtype == "float32"
    start = graphnn.Input((None, None, 3))
    model = graphnn.Model(start, imagenet_utils.preprocess_input(start, mode="torch"))
    assert np.allclose(model(x).ravel(), [-0.485 / 0.229, 0.044 / 0.224, 0.594 / 0.225], atol=1e-4)


def test_names_of_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNN_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    p = np.zeros((2, 1000), "float32")
    p[0, 7], p[0, 9], p[1, 3] = 0.6, 0.3, 0.9
    with pytest.raises(FileNotFoundError, match=r"imagenet_class_index\.json"):
        imagenet_utils.decode_predictions(p)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "imagenet_class_index.json").write_text(json.dumps({str(i): [f"n{i}", f"class {i}"] for i in range(1000)}))
    found = applications.resnet.decode_predictions(p, top=2)
    assert [[n for _, n, _ in row] for row in found] == [["class 7", "class 9"], ["class 3", "class 0"]]
    assert abs(found[0][0][2] - 0.6) < 1e-6
    with pytest.raises(ValueError, match="samples, 1000"):
        imagenet_utils.decode_predictions(p[:, :10])


@pytest.mark.parametrize("make", [ResNet50, ResNet50V2, MobileNetV2])
@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({}, "imagenet"),
        ({"weights": "none.npz"}, "weights=none.npz"),
        ({"weights": None, "input_shape": (31, 64, 3)}, "at least 32x32"),
        ({"weights": None, "input_shape": (None, 64, 3)}, "static"),
        ({"weights": None, "input_shape": (64, 64)}, "three integers"),
        ({"weights": None, "classes": 0}, "classes"),
        ({"weights": None, "include_top": False, "pooling": "min"}, "pooling"),
    ],
)
def test_bad_input(make: Any, kwargs: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**kwargs)


def test_bad_alpha_and_mode() -> None:
    with pytest.raises(ValueError, match="alpha"):
        MobileNetV2(alpha=0.0, weights=None)
    with pytest.raises(ValueError, match="mode"):
        imagenet_utils.preprocess_input(np.zeros((1, 1, 3)), mode="x")
