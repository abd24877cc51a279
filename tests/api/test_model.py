"""Functional, sequential and subclassed models."""

from __future__ import annotations

import copy
import gc
import json
import weakref
from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers, ops

X = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)


@pytest.fixture(autouse=True)
def _names() -> None:
    graphnn.utils.clear_session()


def two_in_two_out() -> graphnn.Model:
    a = graphnn.Input((4,), name="a")
    b = graphnn.Input((4,), name="b")
    shared = layers.Dense(4, name="shared")
    joined = ops.maximum(shared(a), shared(b)) * 2.0
    return graphnn.Model({"a": a, "b": b}, [layers.Dense(2, name="left")(joined), (joined[:, 1:], a + b)], name="both")


def test_outputs_keep_their_structure() -> None:
    model = two_in_two_out()
    left, (part, total) = model({"a": X, "b": 2 * X})
    w, c = model.get_layer("shared").get_weights()
    joined = 2 * np.maximum(X @ w + c, 2 * X @ w + c)
    np.testing.assert_allclose(part, joined[:, 1:], rtol=1e-5)
    np.testing.assert_allclose(total, 3 * X, rtol=1e-6)
    np.testing.assert_allclose(left, joined @ model.get_layer("left").get_weights()[0], rtol=1e-5, atol=1e-6)
    again = model([X, 2 * X])
    assert np.array_equal(again[0], left)


def test_names_orders_and_shapes() -> None:
    model = two_in_two_out()
    assert [x.name for x in model.layers] == ["a", "b", "shared", "left"]
    assert [x.name for x in model.operations] == ["a", "b", "shared", "maximum", "multiply", "left", "get_item", "add"]
    assert [v.path for v in model.weights] == ["shared/kernel", "shared/bias", "left/kernel", "left/bias"]
    assert model.input_shape == [(None, 4), (None, 4)]
    assert model.output_shape == [(None, 2), (None, 3), (None, 4)]
    assert model.input_names == ["a", "b"] and model.count_params() == 30
    assert model.get_layer(index=2).name == "shared"
    with pytest.raises(ValueError, match=r"No such layer: zz"):
        model.get_layer("zz")


def test_automatic_names() -> None:
    assert [layers.Dense(1).name for _ in range(3)] == ["dense", "dense_1", "dense_2"]
    x = graphnn.Input((2,))
    assert x._keras_history.operation.name == "input_layer"
    assert graphnn.Sequential().name == "sequential"
    assert graphnn.Model(x, layers.Dense(1)(x)).name == "functional"
    graphnn.utils.clear_session()
    assert layers.Dense(1).name == "dense"


def test_any_number_of_rows_is_one_program() -> None:
    model = two_in_two_out()
    model([X, X])
    programs = dict(model._graph_programs)
    for n in (1, 2, 7):
        assert model([np.ones((n, 4)), np.ones((n, 4))])[0].shape == (n, 2)
    assert model._graph_programs == programs
    assert model([np.ones((0, 4)), np.ones((0, 4))])[0].shape == (0, 2)


def test_nested_and_shared_models() -> None:
    x = graphnn.Input((4,))
    inner = graphnn.Model(x, layers.Dense(4, name="d")(x), name="inner")
    z = graphnn.Input((4,))
    outer = graphnn.Model(z, inner(inner(z)))
    w, b = inner.get_weights()
    np.testing.assert_allclose(outer(X), (X @ w + b) @ w + b, rtol=1e-4, atol=1e-5)
    assert [layer.name for layer in outer.layers] == ["input_layer_1", "inner"]
    assert len(outer.weights) == 2
    middle = graphnn.Model(inner.get_layer("d").output, layers.Dense(1)(inner.get_layer("d").output))
    assert middle(X).shape == (3, 1)


def test_disconnected_graphs_and_duplicate_names() -> None:
    a, b = graphnn.Input((4,), name="a"), graphnn.Input((4,), name="b")
    with pytest.raises(ValueError, match=r"disconnected.*'b'.*\['a'\]"):
        graphnn.Model(a, ops.add(layers.Dense(4)(a), b))
    with pytest.raises(ValueError, match=r'name "same" is used 2 times'):
        graphnn.Model(a, layers.Dense(2, name="same")(layers.Dense(2, name="same")(a)))
    with pytest.raises(ValueError, match=r"must be KerasTensors"):
        graphnn.Model(a, np.ones(3))
    with pytest.raises(ValueError, match=r"must be KerasTensors"):
        graphnn.Model(X, a)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.ones((3, 5)), r"'a'.*'m'.*\(None, 4\).*\(3, 5\)"),
        (np.ones((3, 4, 4)), r"\(None, 4\).*\(3, 4, 4\)"),
        (np.ones(4), r"\(None, 4\).*\(4,\)"),
        ([np.ones((3, 4))] * 2, "expects 1 input.*received 2"),
        ("text", "'m'"),
        (np.array([["x"]]), "dtype"),
    ],
)
def test_wrong_inputs_are_named(given: Any, words: str) -> None:
    a = graphnn.Input((4,), name="a")
    model = graphnn.Model(a, layers.Dense(2)(a), name="m")
    with pytest.raises(ValueError, match=words):
        model(given)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ValueError, match=r"'b' is missing"):
        two_in_two_out()({"a": X})


def test_a_last_axis_of_one_comes_and_goes() -> None:
    x = graphnn.Input((1,))
    model = graphnn.Model(x, x * 2.0)
    assert model(np.ones(5)).shape == (5, 1)
    y = graphnn.Input(())
    assert graphnn.Model(y, y + 1.0)(np.ones((5, 1))).shape == (5,)


def test_inputs_are_cast_to_the_dtype_of_their_input() -> None:
    x = graphnn.Input((2,), dtype="int32")
    model = graphnn.Model(x, x + 1)
    assert model(np.array([[1.0, 2.0]])).dtype == "int32"


def test_json_round_trip() -> None:
    model = two_in_two_out()
    text = model.to_json()
    assert json.loads(text)["class_name"] == "Functional"
    twin = graphnn.models.model_from_json(text)
    twin.set_weights(model.get_weights())
    for u, v in zip(graphnn.tree.flatten(model([X, -X])), graphnn.tree.flatten(twin([X, -X])), strict=True):
        assert np.array_equal(u, v)
    assert twin.to_json() == text
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]


def test_clones_have_their_own_weights() -> None:
    model = two_in_two_out()
    twin = graphnn.models.clone_model(model)
    assert [v.path for v in twin.weights] == [v.path for v in model.weights]
    assert not np.array_equal(twin.weights[0].numpy(), model.weights[0].numpy())
    renamed = graphnn.models.clone_model(
        graphnn.Sequential([graphnn.Input((4,)), layers.Dense(2)]), clone_function=lambda layer: layers.Dense(layer.units + 1)
    )
    assert renamed.output_shape == (None, 3)


def test_deep_copies() -> None:
    model = graphnn.Sequential([graphnn.Input((4,)), layers.Dense(2)])
    model(X)
    twin = copy.deepcopy(model)
    twin.set_weights([np.zeros((4, 2)), np.ones(2)])
    assert twin(X).tolist() == [[1.0, 1.0]] * 3
    assert not np.array_equal(model(X), twin(X))


def test_long_chains_do_not_recurse() -> None:
    x = y = graphnn.Input((1,))
    for _ in range(1500):
        y = y + 1.0
    assert len(graphnn.Model(x, y).operations) == 1501


def test_sequential_grows_and_shrinks() -> None:
    model = graphnn.Sequential([graphnn.Input((4,)), layers.Dense(3)])
    assert model.output_shape == (None, 3) and len(model.layers) == 1
    model.add(layers.Dense(2, name="last"))
    assert model(X).shape == (3, 2)
    with pytest.raises(ValueError, match=r"unique names.*'last'"):
        model.add(layers.Dense(2, name="last"))
    assert model.pop().name == "last"
    assert model(X).shape == (3, 3)
    with pytest.raises(ValueError, match=r"Received: 3"):
        model.add(3)
    assert [v.path for v in model.weights] == ["sequential/dense/kernel", "sequential/dense/bias"]


def test_sequential_of_the_tutorial() -> None:
    model = graphnn.models.Sequential()
    model.add(layers.Dense(units=8, input_dim=4, activation="relu"))
    model.add(layers.Dense(units=2, activation="softmax"))
    assert model.built and model.input_shape == (None, 4)
    np.testing.assert_allclose(model(X).sum(1), 1, rtol=1e-6)


def test_sequential_built_by_its_first_call() -> None:
    model = graphnn.Sequential([layers.Dense(3), layers.Dense(2)])
    assert not model.built and model.weights == []
    with pytest.raises(AttributeError, match=r"no defined input shape"):
        _ = model.input_shape
    assert model(X).shape == (3, 2)
    assert model(X[:1]).shape == (1, 2)
    with pytest.raises(ValueError, match=r"\(3, 7\)"):
        model(np.ones((3, 7)))
    twin = graphnn.Sequential.from_config(model.get_config())
    assert twin.input_shape == model.input_shape
    with pytest.raises(ValueError, match=r"no layers"):
        graphnn.Sequential()(X)


class Two(graphnn.Model):
    """Two layers, one of them in a list."""

    def __init__(self, width: int = 3, **kwargs: Any):
        super().__init__(**kwargs)
        self.head = layers.Dense(2)
        self.body = [layers.Dense(width)]

    def call(self, x: Any, training: bool = False) -> Any:
        return self.head(self.body[0](x)) * (2.0 if training else 1.0)


def test_subclassed_models() -> None:
    model = Two(5, name="two")
    y = model(X)
    assert y.shape == (3, 2)
    np.testing.assert_allclose(model(X, training=True), 2 * y, rtol=1e-6)
    assert [layer.name for layer in model.layers] == ["dense", "dense_1"]
    assert model.weights[0].path == "two/dense/kernel"
    assert model.count_params() == 12 + 25
    assert Two.from_config(model.get_config()).body[0].units == 5
    other = Two()
    other.build((None, 4))
    assert other.count_params() == 8 + 15


def test_a_subclass_made_from_inputs_and_outputs() -> None:
    class Mine(graphnn.Model):
        def twice(self, x: Any) -> Any:
            return 2 * self(x)

    x = graphnn.Input((4,))
    model = Mine(inputs=x, outputs=layers.Dense(2)(x))
    assert isinstance(model, Mine) and model.input_shape == (None, 4)
    np.testing.assert_allclose(model.twice(X), 2 * model(X))


def test_models_without_call() -> None:
    class Empty(graphnn.Model):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty"):
        Empty()(X)


def test_code_that_needs_numbers_is_traced_with_them() -> None:
    class Loop(layers.Layer):
        def call(self, x: Any) -> Any:
            total = x[0]
            for i in range(1, int(x.shape[0])):
                total = total + x[i]
            return ops.reshape(total, (1, -1))

    x = graphnn.Input((4,))
    y = Loop()(x)
    model = graphnn.Model(x, y)
    for n in (3, 2, 3):
        np.testing.assert_allclose(model(X[:n])[0], X[:n].sum(0), rtol=1e-5, atol=1e-6)


def test_two_unknown_lengths() -> None:
    a, b = graphnn.Input((None, 2)), graphnn.Input((None, 2))
    model = graphnn.Model([a, b], a + b)
    assert model.output_shape == (None, None, 2)
    assert model([np.ones((3, 5, 2)), np.ones((3, 5, 2))]).shape == (3, 5, 2)
    assert model([np.ones((3, 5, 2)), np.ones((3, 1, 2))]).shape == (3, 5, 2)


def test_summary() -> None:
    model = two_in_two_out()
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "Total params: 30 (120.00 B)" in text
    assert "Trainable params: 30" in text and "Non-trainable params: 0" in text
    assert "shared (Dense)" in text and "maximum (Maximum)" in text
    model.get_layer("left").trainable = False
    lines.clear()
    model.summary(print_fn=lines.append, show_trainable=True, expand_nested=True)
    assert "Non-trainable params: 10" in "\n".join(lines)


def test_nothing_keeps_a_model_alive() -> None:
    model = two_in_two_out()
    model([X, X])
    dead = [weakref.ref(model), weakref.ref(model.weights[0]), weakref.ref(model.layers[2])]
    del model
    gc.collect()
    assert [r() for r in dead] == [None] * 3
