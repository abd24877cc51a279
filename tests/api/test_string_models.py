"""Kinds of models whose input is texts, their configurations, and what is shown of them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from text_support import KINDS, NUMBERS, RNG, WORDS, X, Y, compiled, head, ids_model, model_of, text_input, text_model, vectorize

import graphnn
from graphnn import layers, ops
from graphnn.models import clone_model, model_from_json


@pytest.mark.parametrize("mode", ["int", "multi_hot", "count", "one_hot", "tf_idf"])
def test_output_modes(mode: str) -> None:
    weights = {"idf_weights": [0.1 * (i + 1) for i in range(7)]} if mode == "tf_idf" else {}
    three = RNG.choice([*WORDS, "z"], (50, 3))
    cases = [
        (layers.StringLookup(vocabulary=WORDS, output_mode=mode, **weights), three),
        (vectorize(None, output_mode=mode, **weights), X),
    ]
    if mode != "tf_idf":
        cases.append((layers.Hashing(5, output_mode=mode), three))
    for layer, x in cases:
        model = model_of(layer, shape=x.shape[1:])
        found, want = model.predict(x, verbose=0), layer(x)
        assert found.dtype == want.dtype and np.array_equal(found, want) and np.array_equal(model(x), want)
        assert model.output.dtype == want.dtype.name
        dense = compiled(
            model_of(
                layer, layers.Dense(1) if mode != "int" else layers.Lambda(lambda i: ops.cast(i, "float32")), shape=x.shape[1:]
            )
        )
        assert len(dense.predict(x, verbose=0)) == len(x)


def test_sequential_models() -> None:
    layer = vectorize()
    trained = ids_model()
    whole = graphnn.Sequential([text_input(), layer, trained])
    assert np.array_equal(whole.predict(X, verbose=0), trained.predict(layer(X), verbose=0))
    assert whole(["a b", "c"]).shape == (2, 1) and whole(np.array(["a b", "c"])).shape == (2, 1)
    for first in (vectorize(), layers.StringLookup(vocabulary=WORDS), layers.Hashing(5)):  # built by the data
        for start in ("call", "fit", "predict"):
            model = compiled(graphnn.Sequential([first, layers.Embedding(12, 3), layers.Flatten(), layers.Dense(1)]))
            if start == "fit":
                model.fit(X, Y, verbose=0)
            shape = (model(X) if start == "call" else model.predict(X, verbose=0)).shape
            assert shape == (83, 1) and model.inputs[0].dtype == "string"


def test_several_inputs() -> None:
    a, b, c = text_input(name="text"), graphnn.Input((3,), name="numbers"), text_input(name="kind")
    words = layers.GlobalAveragePooling1D()(layers.Embedding(12, 4)(vectorize(None)(a)))
    kinds = [layers.StringLookup(vocabulary=["x", "y"], output_mode="multi_hot")(c), layers.Hashing(4, output_mode="one_hot")(c)]
    model = compiled(graphnn.Model([a, b, c], layers.Dense(1)(layers.Concatenate()([words, b, *kinds]))))
    named = {"text": X, "numbers": NUMBERS, "kind": KINDS}
    model.fit(named, Y, epochs=2, verbose=0, validation_split=0.1)
    found = model.predict([X, NUMBERS, KINDS], verbose=0)
    assert np.array_equal(found, model.predict(named, verbose=0))
    assert np.allclose(
        np.concatenate([model([X[k : k + 32], NUMBERS[k : k + 32], KINDS[k : k + 32]]) for k in (0, 32, 64)]), found
    )
    lists = [["a b", "c"], NUMBERS[:2].tolist(), ["x", "y"]]
    assert model.predict(lists, verbose=0).shape == (2, 1)


def test_nested_models_and_shared_layers() -> None:
    x = text_input()
    layer = vectorize()
    inner = graphnn.Model(x, layers.GlobalAveragePooling1D()(layers.Embedding(12, 4)(layer(x))), name="inner")
    outer = compiled(model_of(inner, layers.Dense(1)))
    outer.fit(X, Y, verbose=0)
    weights = outer.get_weights()
    assert np.allclose(outer.predict(X, verbose=0), inner.predict(X, verbose=0) @ weights[1] + weights[2], atol=1e-6)
    both = text_input(2)
    pair = graphnn.Model(both, layers.Concatenate()([inner(both[:, :1]), inner(both[:, 1:])]))
    want = [inner.predict(X, verbose=0), inner.predict(X[::-1], verbose=0)]
    assert np.array_equal(pair.predict(np.concatenate([X, X[::-1]], 1), verbose=0), np.concatenate(want, 1))


class Subclassed(graphnn.Model):
    """A model that makes numbers of texts in its `call`."""

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        self.vectorize, self.embed, self.dense = vectorize(length), layers.Embedding(12, 3), layers.Dense(1)

    def call(self, x: Any) -> Any:
        text = x["text"] if isinstance(x, dict) else x
        return self.dense(ops.mean(self.embed(self.vectorize(text)), 1))


def test_models_and_layers_of_users() -> None:
    model = compiled(Subclassed())
    model.fit(X, Y, epochs=2, verbose=0)
    found = model.predict(X, verbose=0, batch_size=83)
    assert np.allclose(model(X), found, atol=1e-6) and np.allclose(model(X[:, 0].tolist()), found, atol=1e-6)
    named = compiled(Subclassed())
    named.fit({"text": X}, Y, verbose=0)
    assert named({"text": X}).shape == named.predict({"text": X}, verbose=0).shape == (83, 1)

    class Twice(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.vectorize = vectorize()

        def call(self, x: Any) -> Any:
            ids = ops.cast(self.vectorize(x), "float32")
            return ops.fori_loop(0, 3, lambda i, total: total + ops.cast(self.vectorize(x), "float32"), -ids)

    want = 2 * np.asarray(vectorize()(X), "float32")
    assert np.array_equal(Twice()(X), want) and np.array_equal(model_of(Twice()).predict(X, verbose=0), want)

    class Constant(graphnn.Model):
        def __init__(self) -> None:
            super().__init__()
            self.vectorize = vectorize(2)

        def call(self, x: Any) -> Any:
            return x + ops.cast(self.vectorize(["a b c"]), "float32")

    assert Constant()(np.zeros((2, 2), "float32")).tolist() == [[2, 3], [2, 3]]


def test_steps_of_users() -> None:
    class Own(graphnn.Model):
        def train_step(self, data: Any) -> dict[str, Any]:
            x, y = data
            return {"loss": self.compute_loss(x, y, (self(x, training=True) + self(x, training=False)) / 2)}

    x = text_input()
    model = compiled(Own(x, head(vectorize()(x))))
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"][0])
    x = text_input()
    eager = graphnn.Model(x, head(vectorize(None)(x)))
    eager.compile("sgd", "mse", run_eagerly=True)
    assert np.isfinite(eager.fit(X, Y, verbose=0).history["loss"][0])
    assert np.allclose(eager.predict(X, verbose=0, batch_size=83), eager(X), atol=1e-6)


def test_moves_of_texts() -> None:
    two = np.concatenate([X, X[::-1]], 1)
    lookup = layers.StringLookup(vocabulary=WORDS)
    words = RNG.choice(WORDS, (20, 2))
    for moves, want in (
        ([lambda x: ops.squeeze(x[:, :1], -1)], words[:, 0]), ([lambda x: x[:, 1]], words[:, 1]), ([lambda x: x[:, None, ::-1]], words[:, None, ::-1]),
        ([layers.Reshape((2, 1)), layers.Permute((2, 1)), layers.Flatten()], words), ([layers.Identity()], words),
        ([layers.Lambda(lambda x: ops.transpose(ops.expand_dims(x, 1), (0, 2, 1)))], words[:, :, None]),
        ([lambda x: ops.stack([x[:, 0], x[:, 0]], 1)], words[:, [0, 0]]), ([layers.Lambda(lambda x: ops.broadcast_to(x[:, None], (ops.shape(x)[0], 3, 2)))], np.repeat(words[:, None], 3, 1)),
        ([lambda x: ops.concatenate([x, x[:, :1]], -1)], words[:, [0, 1, 0]]), ([lambda x: ops.split(x, 2, axis=1)[1]], words[:, 1:]),
    ):  # fmt: skip
        model = model_of(*moves, lookup, shape=(2,))
        assert model.output_shape[1:] == want.shape[1:]
        assert np.array_equal(model.predict(words, verbose=0), lookup(want)) and np.array_equal(model(words), lookup(want))
    # Rows that change places, or become others, are seen batch by batch.
    flipped = model_of(lambda x: x[::-1], vectorize())
    assert np.array_equal(flipped.predict(X, batch_size=10, verbose=0)[:10], np.asarray(vectorize()(X[:10]))[::-1])
    long = model_of(
        lambda x: ops.squeeze(ops.reshape(x, (-1, 1)), -1), vectorize(), lambda ids: ops.reshape(ids, (-1, 10)), shape=(2,)
    )
    assert np.array_equal(long.predict(two, verbose=0), np.asarray(vectorize()(two.reshape(-1, 1))).reshape(-1, 10))
    a, b = text_input(), text_input()
    joined = graphnn.Model([a, b], lookup(layers.Concatenate()([a, b])))
    assert np.array_equal(joined.predict([words[:, :1], words[:, 1:]], verbose=0), lookup(words))

    class Ones(graphnn.Model):
        def call(self, x: Any) -> Any:
            return ops.ones((ops.shape(x)[0], 2))

    assert Ones()(X).shape == (83, 2) and Ones().predict(X, verbose=0).shape == (83, 2)
    anything = model_of(lookup, shape=(None,))
    assert anything.predict(words, verbose=0).shape == (20, 2) and anything.predict(words[:, :1], verbose=0).shape == (20, 1)


def test_copies_keep_vocabularies() -> None:
    layer = layers.TextVectorization(output_sequence_length=4)
    layer.adapt(X)
    lookup = layers.StringLookup()
    lookup.adapt(X)
    for model in (
        text_model(layer),
        graphnn.Sequential([text_input(), lookup, layers.Embedding(90, 2)]),
        graphnn.Sequential([layer, layers.Embedding(12, 2)]),
    ):
        want = model.predict(X, verbose=0)
        for twin in (
            model_from_json(model.to_json()),
            type(model).from_config(model.get_config()),
            clone_model(model),
            copy.deepcopy(model),
        ):
            twin.set_weights(model.get_weights())
            assert np.array_equal(twin.predict(X, verbose=0), want) and twin.inputs[0].dtype == "string"
    assert "http" not in text_model(layer).to_json() and ".txt" not in text_model(layer).to_json()


def test_what_is_shown() -> None:
    model = text_model(vectorize())
    x = model.input
    assert (x.dtype, x.shape) == ("string", (None, 1)) and model.layers[0].get_config()["dtype"] == "string"
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert "TextVectorization" in "".join(lines) and "(None, 5)" in "".join(lines)
    model.predict(X, verbose=0)
    report = str(model.compile_report()["predict"])
    assert f"TextVectorization(x) in Python  {model.layers[1].name}" in report
    assert model.compute_output_shape((None, 1)) == (None, 1) and len(str(model.compiled_source())) > 100
    assert vectorize().compute_output_shape((None, 1)) == (None, 5) and vectorize(None).compute_output_shape((None, 1)) == (
        None,
        None,
    )
    assert layers.StringLookup(vocabulary=WORDS).compute_output_shape((None, 3)) == (None, 3)
    assert graphnn.utils.model_to_dot(model).count("->") == len(model.layers) - 1
    assert (vectorize().compute_dtype, vectorize().dtype) == ("string", "string")
    assert vectorize().get_config()["dtype"]["config"]["name"] == "float32"
