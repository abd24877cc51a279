"""Texts as the input of models: layers that make numbers of them run in Python, in front of the compiled program."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers, ops
from graphnn.models import clone_model, model_from_json
from graphnn.utils import PyDataset, set_random_seed, text_dataset_from_directory

WORDS = "a b c d e f g".split()
RNG = np.random.RandomState(0)
X = np.array([[" ".join(RNG.choice(WORDS, RNG.randint(1, 9)))] for _ in range(83)], object)
Y = RNG.rand(83).astype("float32")
NUMBERS = RNG.rand(83, 3).astype("float32")
KINDS = np.array(RNG.choice(["x", "y", "z"], (83, 1)))


def vectorize(length: int | None = 5, **kwargs: Any) -> Any:
    return layers.TextVectorization(vocabulary=WORDS, output_sequence_length=length, **kwargs)


def text_input(*shape: int | None, **kwargs: Any) -> Any:
    return graphnn.Input(shape or (1,), dtype="string", **kwargs)


def compiled(model: Any) -> Any:
    model.compile("adam", "mse", metrics=["mae"])
    return model


def head(ids: Any) -> Any:
    h = layers.GlobalAveragePooling1D()(layers.Embedding(12, 8)(ids))
    return layers.Dense(1)(layers.Dropout(0.3)(h))


def text_model(layer: Any) -> Any:
    set_random_seed(1)
    x = text_input()
    return compiled(graphnn.Model(x, head(layer(x))))


def ids_model(length: int | None = 5) -> Any:
    set_random_seed(1)
    x = graphnn.Input((length,), dtype="int64")
    return compiled(graphnn.Model(x, head(x)))


def model_of(*makers: Callable[[Any], Any], shape: Any = (1,)) -> Any:
    start = y = graphnn.Input(shape, dtype="string")
    for make in makers:
        y = make(y)
    return graphnn.Model(start, y)


def same_weights(a: Any, b: Any) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a.get_weights(), b.get_weights(), strict=True))


def batches(size: int = 10) -> Iterator[tuple[Any, Any]]:
    for k in range(0, len(X), size):
        yield X[k : k + size], Y[k : k + size]


# ---- training is that on the numbers


@pytest.mark.parametrize(
    "arguments",
    [
        {}, {"shuffle": "batch"}, {"batch_size": 7, "epochs": 4}, {"steps_per_epoch": 1, "epochs": 4}, {"validation_split": 0.2},
        {"sample_weight": Y}, {"callbacks": [graphnn.callbacks.TerminateOnNaN()]},
        {"callbacks": [graphnn.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]},
    ],
)  # fmt: skip
def test_fit_on_texts_is_fit_on_their_numbers(arguments: dict[str, Any]) -> None:
    layer = vectorize()
    on_ids, on_texts = ids_model(), text_model(layer)
    histories: list[Any] = []
    for model, x in ((on_ids, np.asarray(layer(X))), (on_texts, X)):
        set_random_seed(5)
        histories.append(model.fit(x, Y, verbose=0, validation_freq=1, **arguments).history)
    assert histories[0] == histories[1] and same_weights(on_ids, on_texts)
    assert on_ids.evaluate(layer(X), Y, verbose=0) == on_texts.evaluate(X, Y, verbose=0)
    assert np.array_equal(on_ids.predict(layer(X), verbose=0), on_texts.predict(X, verbose=0))


def test_validation_data_and_single_batches() -> None:
    layer = vectorize()
    on_ids, on_texts = ids_model(), text_model(layer)
    ids = np.asarray(layer(X))
    assert on_ids.train_on_batch(ids, Y) == on_texts.train_on_batch(X, Y)
    assert on_ids.test_on_batch(ids, Y) == on_texts.test_on_batch(X, Y)
    assert np.array_equal(on_ids.predict_on_batch(ids), on_texts.predict_on_batch(X))
    history = on_texts.fit(X, Y, validation_data=(X[:9], Y[:9]), epochs=2, verbose=0).history
    assert history["val_loss"][-1] == on_texts.evaluate(X[:9], Y[:9], verbose=0)[0]


def test_texts_come_in_many_forms() -> None:
    model = text_model(vectorize())
    want = model.predict(X, verbose=0)
    forms: list[Any] = [
        X.astype(str),
        X.astype("S"),
        X[:, 0],
        X[:, 0].tolist(),
        X.tolist(),
        X.astype(np.dtypes.StringDType()),
        np.asfortranarray(X),
    ]
    for form in forms:
        assert np.array_equal(model.predict(form, verbose=0), want)
        assert np.allclose(model(form), want, atol=1e-6)
    assert np.array_equal(model.predict(X, batch_size=7, verbose=0), want)
    assert np.array_equal(model.predict(X[::-1], verbose=0), want[::-1])
    assert model.predict(X[:0], verbose=0).shape == (0, 1) and model(X[:1]).shape == (1, 1)
    latin = model_of(vectorize(1, standardize=None, encoding="latin-1"))
    assert latin.predict(np.array(["a".encode("latin-1"), "é".encode("latin-1")], object), verbose=0).tolist() == [[2], [1]]


def test_a_length_of_its_own_for_each_batch_compiles_nothing() -> None:
    layer = vectorize(None)
    x = text_input()
    model = compiled(graphnn.Model(x, layers.Dense(1)(layers.GRU(3)(layers.Embedding(12, 2)(layer(x))))))
    steps = [X[k : k + 16] for k in range(0, len(X), 16)]
    want = np.concatenate([np.asarray(model(part)) for part in steps])
    assert np.allclose(model.predict(X, batch_size=16, verbose=0), want, atol=1e-6)
    assert len({layer(part).shape[1] for part in steps}) > 1
    before = len(model.compile_report()["predict"].lines)
    longer = np.array([["a " * 500], ["b"]], object)
    assert model.predict(longer, verbose=0).shape == (2, 1) and len(model.compile_report()) == 1
    assert len(model.compile_report()["predict"].lines) == before
    model.fit(X, Y, epochs=2, batch_size=16, validation_split=0.2, verbose=0)
    assert model.predict(np.array([[""], ["  "]]), verbose=0).shape == (2, 1)
    each = graphnn.Model(x, layer(x)).predict(X, verbose=0)
    assert np.array_equal(each, layer(X))


def test_functions_of_users_run_on_each_batch() -> None:
    sizes: list[int] = []

    def standardize(texts: Any) -> Any:
        sizes.append(len(texts))
        return texts

    model = text_model(vectorize(standardize=standardize))
    model.fit(X, Y, batch_size=32, epochs=2, verbose=0)
    assert sizes == [32, 32, 19] * 2


# ---- vocabularies


def test_the_vocabulary_is_that_of_the_moment() -> None:
    layer = layers.TextVectorization(output_sequence_length=4)
    model = text_model(layer)  # put together before there is one
    with pytest.raises(RuntimeError, match=f"TextVectorization '{layer.name}' has no vocabulary"):
        model.fit(X, Y, verbose=0)
    with pytest.raises(RuntimeError, match="adapt"):
        model(X)
    layer.adapt(X)
    numbers = graphnn.Model(model.input, layer.output)
    for data in (X, ["g f e a"], X[:5]):
        layer.adapt(data)
        assert np.array_equal(numbers.predict(X, verbose=0), layer(X)) and np.array_equal(numbers(X), layer(X))

    class Relearn(graphnn.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            layer.adapt(["g f e d c b a"])

    def ids_in_two_epochs() -> Iterator[Any]:
        layer.adapt(["a"])
        yield np.asarray(layer(X))
        layer.adapt(["g f e d c b a"])
        yield np.asarray(layer(X))

    on_ids, on_texts = ids_model(4), text_model(layer)
    for ids in ids_in_two_epochs():
        on_ids.fit(ids, Y, shuffle=False, verbose=0)
    layer.adapt(["a"])
    on_texts.fit(X, Y, epochs=2, shuffle=False, verbose=0, callbacks=[Relearn()])
    assert same_weights(on_ids, on_texts)


def test_changed_texts_are_seen() -> None:
    model = text_model(vectorize())
    x = X.copy()
    before = model.predict(x, verbose=0)
    x[0, 0] = "g g g g g"
    after = model.predict(x, verbose=0)
    assert np.array_equal(after, model.predict(x.copy(), verbose=0)) and np.array_equal(before[1:], after[1:])
    assert not np.array_equal(before[0], after[0])


def test_layers_of_numbers_learn_after_a_model_is_put_together() -> None:
    for layer, data, want in (
        (layers.IntegerLookup(), np.array([[5], [9], [5]]), [[1], [2], [1]]),
        (layers.Discretization(num_bins=2), np.array([[1.0], [2.0], [3.0], [4.0]], "float32"), [[0], [0], [1], [1]]),
    ):
        x = graphnn.Input((1,), dtype=data.dtype.name)
        model = graphnn.Model(x, layer(x))
        with pytest.raises((RuntimeError, ValueError), match="adapt"):
            model.predict(data, verbose=0)
        layer.adapt(data)
        found = model.predict(data, verbose=0)
        assert np.array_equal(found, layer(data)) and len(np.unique(found)) == len(np.unique(want))
    with pytest.raises(RuntimeError, match="adapt"):
        layers.IntegerLookup(output_mode="multi_hot")(graphnn.Input((1,), dtype="int64"))
    with pytest.raises(RuntimeError, match="adapt"):
        layers.TextVectorization(output_mode="multi_hot")(text_input())


# ---- kinds of models


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
    assert Subclassed()({"text": X}).shape == (83, 1)

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


# ---- kinds of data


def test_data_that_give_batches(tmp_path: Path) -> None:
    class Data(PyDataset):
        def __len__(self) -> int:
            return 9

        def __getitem__(self, index: int) -> Any:
            return X[index * 10 : index * 10 + 10], Y[index * 10 : index * 10 + 10]

    for layer in (vectorize(), vectorize(None)):
        model = text_model(layer)
        model.fit(batches(), verbose=0, validation_data=batches(20))
        model.fit(Data(), epochs=2, verbose=0, validation_data=Data())
        found = model.predict((x for x, _ in batches()), verbose=0)
        assert np.array_equal(found, model.predict(Data(), verbose=0))
        assert np.allclose(model.evaluate(Data(), verbose=0)[1], np.abs(found[:, 0] - Y).mean(), atol=1e-6)
    for c in ("bad", "good"):
        (tmp_path / c).mkdir()
        for k in range(11):
            (tmp_path / c / f"{k}.txt").write_text(f"{X[k, 0]} {c}")
    data = text_dataset_from_directory(tmp_path, batch_size=4, verbose=False)
    layer = layers.TextVectorization(output_sequence_length=12)
    layer.adapt(data.map(lambda x, y: x))
    x = text_input()
    model = graphnn.Model(
        x, layers.Dense(1, "sigmoid")(layers.GlobalMaxPooling1D()(layers.Embedding(layer.vocabulary_size(), 8)(layer(x))))
    )
    model.compile(graphnn.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(data, epochs=20, verbose=0, validation_data=data, class_weight={0: 1.0, 1: 2.0}).history
    assert history["val_accuracy"][-1] == 1.0
    assert model.predict(data.map(lambda x, y: x), verbose=0).shape == (22, 1)


def test_predictions_of_threads_are_equal() -> None:
    model = text_model(vectorize())
    want, bad = model.predict(X, verbose=0), list[int]()

    def work(k: int) -> None:
        for _ in range(10):
            if not np.array_equal(model.predict(X, verbose=0), want) or not np.allclose(model(X[:k]), want[:k], atol=1e-6):
                bad.append(k)

    team = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for t in team:
        t.start()
    for t in team:
        t.join()
    assert not bad


# ---- configurations and what is shown


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


# ---- what is no text, and what is no place for texts


def string_model() -> Any:
    x = text_input(name="words")
    return compiled(graphnn.Model(x, head(vectorize()(x)), name="reader"))


def number_model() -> Any:
    return compiled(graphnn.Sequential([graphnn.Input((1,)), layers.Dense(1)]))


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda m: m.predict(np.ones((3, 1)), verbose=0), TypeError, "'words' of model 'reader' takes texts .* x has dtype float64"),
        (lambda m: m(np.ones((3, 1))), TypeError, "'words' of model 'reader' takes texts"),
        (lambda m: m.fit(iter([(X[:3], Y[:3]), (np.ones((3, 1)), Y[:3])]), verbose=0), TypeError, "'words' of model 'reader' takes texts"),
        (lambda m: m.predict(np.array([["a"], [None]], object), verbose=0), ValueError, r"x is an array of texts, but holds None .* at \[1, 0\]"),
        (lambda m: m(np.array([["a"], [None]], object)), ValueError, r"input 'words' of model 'reader' .* holds None"),
        (lambda m: m.fit(np.array([["a"], [3]], object), Y[:2], verbose=0), TypeError, r"holds 3 \(of type int\) at \[1, 0\]"),
        (lambda m: m.fit(np.array(["a", float("nan")], object), Y[:2], verbose=0), TypeError, r"holds nan \(of type float\) at \[1\]"),
        (lambda m: m.predict(np.array([[None], [None]]), verbose=0), ValueError, "numbers .* or texts are expected"),
        (lambda m: m.predict(None, verbose=0), ValueError, "x is None"), (lambda m: m(None), ValueError, "'words' of model 'reader' is None"),
        (lambda m: m.predict(np.concatenate([X, X], 1), verbose=0), ValueError, r"'words' .* expects shape \(None, 1\), but x has shape \(83, 2\)"),
        (lambda m: m(np.concatenate([X, X], 1)), ValueError, "'words' .* found shape"), (lambda m: m("a b"), ValueError, "should be tensors"),
        (lambda m: m.predict(np.array([[b"\xff"]], object), verbose=0), ValueError, r"not utf-8: b'\\xff', at byte 0"),
        (lambda m: m.fit(X[:0], Y[:0], verbose=0), ValueError, "x has no rows"), (lambda m: m.fit(X, X, verbose=0), ValueError, "y is an array of dtype object"),
        (lambda m: m.fit(X, Y, sample_weight=X[:, 0], verbose=0), ValueError, "sample_weight is an array of dtype object"),
        (lambda m: number_model().fit(X, Y, verbose=0), ValueError, "Invalid dtype: object. x is .* of type str"),
        (lambda m: number_model()(X), ValueError, "Invalid dtype"), (lambda m: number_model().fit(iter([(X, Y)]), verbose=0), ValueError, "Invalid dtype"),
        (lambda m: compiled(graphnn.Sequential([layers.Dense(1)])).fit(X, Y, verbose=0), TypeError, "starts with a layer of numbers"),
        (lambda m: graphnn.Sequential([layers.Dense(1)])(X), ValueError, "starts with a layer of numbers"),
        (lambda m: layers.Dense(1)(X), ValueError, "Invalid dtype"), (lambda m: layers.Dense(1, name="d")(m.input), TypeError, r"'d' \(of type Dense\) works on numbers"),
        (lambda m: graphnn.Model(m.input, m.input).predict(X, verbose=0), TypeError, "must be numbers, but it is texts"),
        (lambda m: graphnn.Model(m.input, m.input)(X), TypeError, "must be numbers, but it is texts"),
        (lambda m: layers.TimeDistributed(vectorize())(m.input), TypeError, "TimeDistributed"), (lambda m: layers.Embedding(3, 2)(m.input), TypeError, "Embedding"),
        (lambda m: ops.add(m.input, 1), TypeError, r"ops\.add works on numbers"), (lambda m: m.input + "a", TypeError, r"ops\.add"),
        (lambda m: ops.cast(m.input, "int32"), TypeError, r"ops\.cast"), (lambda m: ops.equal(m.input, m.input), TypeError, r"ops\.equal"),
        (lambda m: m.input[np.array([0, 1])], TypeError, r"ops\.get_item with these arguments"),
        (lambda m: ops.concatenate([m.input, graphnn.Input((1,))], -1), TypeError, r"ops\.concatenate"),
        (lambda m: layers.Lambda(lambda x: ops.exp(x), name="l")(m.input), TypeError, r"ops\.exp in layer 'l'"),
        (lambda m: layers.StringLookup(vocabulary=WORDS, invert=True)(m.input), TypeError, "invert=True"),
        (lambda m: layers.StringLookup(vocabulary=WORDS, invert=True)(graphnn.Input((1,), dtype="int64")), TypeError, "call it on what a model predicts"),
        (lambda m: vectorize()(graphnn.Input((2,), dtype="string")), ValueError, r"\(None, 2\)"), (lambda m: vectorize()(graphnn.Input((1,))), TypeError, "dtype 'string'"),
        (lambda m: model_of(layers.StringLookup(vocabulary=["a"], num_oov_indices=0)).predict(np.array(["zz"]), verbose=0), ValueError, "zz"),
        (lambda m: model_of(layers.Hashing(4, mask_value=0)).predict(X, verbose=0), TypeError, "mask_value"),
        (lambda m: model_of(vectorize(), layers.Embedding(4, 2, name="small")).predict(X, verbose=0), IndexError, r"small.* in row \d+ of text_vectorization.*\(x\)"),
    ],
)  # fmt: skip
def test_bad_input(act: Any, error: type[Exception], words: str) -> None:
    model = string_model()
    before = [np.array(w) for w in model.get_weights()]
    with pytest.raises(error, match=words):
        act(model)
    if "takes texts" not in words:  # one of them gives a good batch first
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_model_refused_for_texts_still_takes_numbers() -> None:
    model = compiled(graphnn.Sequential([layers.Dense(1)]))
    with pytest.raises(TypeError):
        model.fit(X, Y, verbose=0)
    assert np.isfinite(model.fit(NUMBERS, Y, verbose=0).history["loss"][0])
