"""The kernels of a model as a picture."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

import graphnn
from graphnn import layers
from graphnn.visualization import plot_model
from graphnn.visualization.kernels import kernels_of
from graphnn.visualization.scene import scene_of


def trained(name: str = "hidden") -> graphnn.Model:
    x = graphnn.Input((6,))
    h = layers.Dense(5, activation="relu", name=name)(x)
    model = graphnn.Model(x, layers.Dense(2, activation="softmax", name="out")(h))
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(np.ones((8, 6), "float32"), np.zeros(8, "int32"), batch_size=4, verbose=0)
    return model


def test_nodes_edges_and_layers() -> None:
    model = trained()
    scene = kernels_of(model)
    assert scene is not None
    keys = [node["key"] for node in scene["nodes"]]
    assert len(keys) == len(model.compile_report()["train"].lines)
    assert all(source in keys[: keys.index(target)] for source, target, _, _ in scene["edges"])
    names = {node.key: node.name for node in scene_of(model).walk()}
    products = [node for node in scene["nodes"] if node["kind"] == "matmul"]
    assert {names[key] for node in products for key in node["layers"]} == {"hidden", "out"}
    assert all(node["costs"]["operations"] > 0 for node in products)
    assert any("def kernel(" in node["source"] for node in scene["nodes"])


def test_before_anything_was_compiled() -> None:
    assert kernels_of(graphnn.Sequential([graphnn.Input((2,)), layers.Dense(1)])) is None


def test_another_job() -> None:
    model = trained()
    model.predict(np.ones((2, 6), "float32"), verbose=0)
    train, predict = kernels_of(model), kernels_of(model, "predict")
    assert train is not None
    assert predict is not None
    assert len(predict["nodes"]) < len(train["nodes"])
    assert kernels_of(model, "test") == train


def test_in_the_page(tmp_path: Path) -> None:
    """Names of layers stay data, and the page has the switch."""
    hostile = "<script>alert(1)"
    model = trained(hostile)
    plot_model(model, tmp_path / "m.html", kernels=kernels_of(model))
    page = (tmp_path / "m.html").read_text("utf-8")
    assert hostile not in page
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert match is not None
    assert json.loads(match[1])["kernels"]["nodes"]
