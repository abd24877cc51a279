"""Configurations: nothing is imported, nothing but public and registered names is made."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers, saving
from graphnn.saving.serialization import parse_json


def test_plain_values_come_back() -> None:
    values = [1, 2.5, "a", None, True, [1, [2]], {"k": [1]}]
    assert saving.deserialize_keras_object(saving.serialize_keras_object(values)) == values
    array = np.arange(3, dtype="float64")
    back = saving.deserialize_keras_object(saving.serialize_keras_object(array))
    assert back.dtype == "float64" and back.tolist() == [0, 1, 2]
    assert saving.deserialize_keras_object(saving.serialize_keras_object(slice(1, None, 2))) == slice(1, None, 2)
    assert saving.deserialize_keras_object(saving.serialize_keras_object(...)) is ...


def test_registered_classes_and_functions() -> None:
    @saving.register_keras_serializable("tests")
    class Half(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 0.5

    @saving.register_keras_serializable("tests", "twice")
    def double(x: Any) -> Any:
        return 2 * x

    assert saving.get_registered_name(Half) == "tests>Half"
    assert saving.get_registered_object("tests>twice") is double
    config = saving.serialize_keras_object(Half(name="h"))
    assert config["registered_name"] == "tests>Half" and config["module"] is None
    assert saving.deserialize_keras_object(config).name == "h"
    assert saving.deserialize_keras_object(saving.serialize_keras_object(double)) is double


def test_custom_objects_by_argument_and_scope() -> None:
    class Mine(layers.Layer):
        pass

    config = saving.serialize_keras_object(Mine(name="m"))
    with pytest.raises(TypeError, match="Could not locate class 'Mine'"):
        saving.deserialize_keras_object(config)
    assert isinstance(saving.deserialize_keras_object(config, custom_objects={"Mine": Mine}), Mine)
    with saving.custom_object_scope({"Mine": Mine}):
        assert isinstance(layers.deserialize(config), Mine)
    with pytest.raises(TypeError):
        saving.deserialize_keras_object(config)


@pytest.mark.parametrize(
    "config",
    [
        {"module": "os", "class_name": "system", "config": {"command": "true"}},
        {"module": "builtins", "class_name": "eval", "config": {"source": "1"}},
        {"module": "graphnn.saving.atomic", "class_name": "replacing", "config": {"path": "x"}},
        {"module": "graphnn.utils", "class_name": "get_file", "config": {"fname": "x"}},
        {"module": "antigravity", "class_name": "Anything", "config": {}},
        {"class_name": "layers.Dense", "config": {"units": 1}},
        {"class_name": "__class__", "config": {}},
        {"class_name": "Layer.__init__", "config": {}},
        {"class_name": "function", "config": "system"},
        {"class_name": "function", "config": "deserialize"},
        {"class_name": "function", "config": "__import__"},
        {"class_name": "Dense", "config": {"units": 1}, "module": "os", "registered_name": "evil>Dense"},
        {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}},
        {"class_name": "type", "config": "Popen"},
    ],
)
def test_hostile_configurations(config: Any) -> None:
    before = set(sys.modules)
    with pytest.raises((TypeError, ValueError)):
        saving.deserialize_keras_object(config)
    assert "antigravity" not in sys.modules
    assert not {m for m in set(sys.modules) - before if not m.startswith("graphnn")}


def test_what_cannot_be_stored() -> None:
    with pytest.raises(TypeError, match="Cannot serialize"):
        saving.serialize_keras_object({1, 2})
    with pytest.raises(ValueError, match="lambda"):
        saving.serialize_keras_object(lambda x: x)


@pytest.mark.parametrize("text", ["[" * 100 + "]" * 100, '{"a": 1, "a": 2}', "[NaN]", "[Infinity]", "{", b"\xff\xfe"])
def test_bad_json(text: Any) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting|decode"):
        parse_json(text)


def test_a_config_of_keras_is_read() -> None:
    text = """{"module": "keras.src.models.functional", "class_name": "Functional", "config": {"name": "f", "trainable": true, "layers": [
        {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 4], "dtype": "float32", "sparse": false,
         "ragged": false, "name": "x", "optional": false}, "registered_name": null, "name": "x", "inbound_nodes": []},
        {"module": "keras.src.ops.numpy", "class_name": "Sum", "config": {"name": "sum", "axis": 1, "keepdims": true},
         "registered_name": "Sum", "name": "sum", "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config":
         {"shape": [null, 4], "dtype": "float32", "keras_history": ["x", 0, 0]}}], "kwargs": {}}]}],
        "input_layers": ["x", 0, 0], "output_layers": ["sum", 0, 0]}, "registered_name": "Functional"}"""
    model = graphnn.models.model_from_json(text)
    assert model(np.ones((2, 4), "float32")).tolist() == [[4.0], [4.0]]


@pytest.mark.parametrize("history", [["nobody", 0, 0], ["x", 3, 0], ["x", 0, 9], ["x", -1, 0]])
def test_dangling_places_in_a_graph(history: Any) -> None:
    x = graphnn.Input((4,), name="x")
    config = graphnn.Model(x, layers.Dense(2, name="d")(x)).get_config()
    config["output_layers"] = history
    with pytest.raises(ValueError, match=r"there is no output"):
        graphnn.Model.from_config(config)


def test_a_graph_with_a_cycle() -> None:
    x = graphnn.Input((4,), name="x")
    config = graphnn.Model(x, layers.Dense(4, name="d")(layers.Dense(4, name="c")(x))).get_config()
    node = config["layers"][1]["inbound_nodes"][0]
    node["args"][0]["config"]["keras_history"] = ["d", 0, 0]
    with pytest.raises(ValueError, match="made by no layer"):
        graphnn.Model.from_config(config)
