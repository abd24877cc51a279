"""Texts as the input of models: layers that make numbers of them run in Python, in front of the compiled program."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from text_support import WORDS, X, Y, batches, compiled, ids_model, model_of, same_weights, text_input, text_model, vectorize

import graphnn
from graphnn import layers
from graphnn.utils import PyDataset, set_random_seed, text_dataset_from_directory


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


def test_without_memory_for_all_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = vectorize()
    on_ids, on_texts = ids_model(), text_model(layer)
    monkeypatch.setattr("graphnn.front.TABLE", 100)
    for model, x in ((on_ids, np.asarray(layer(X))), (on_texts, X)):
        set_random_seed(5)
        model.fit(x, Y, epochs=3, batch_size=10, verbose=0)
    assert same_weights(on_ids, on_texts)
    small = model_of(vectorize(2), layers.Embedding(9, 2))
    assert small.predict(X, verbose=0).shape == (83, 2, 2)
    rows = [*X[:, 0].tolist()[:50], "a g", "a b"]
    narrow = model_of(vectorize(2), layers.Embedding(9, 2))
    narrow.layers[1].lookup.set_vocabulary([*WORDS, "strange"])
    rows[41] = "a strange"
    for table in (100, 1 << 20):
        monkeypatch.setattr("graphnn.front.TABLE", table)
        with pytest.raises(IndexError, match=r"index 9 .* It is in row 41 of text_vectorization.*\(x\)"):
            narrow.predict(rows, verbose=0, batch_size=8)


def test_functions_of_users_run_on_each_batch() -> None:
    sizes: list[int] = []

    def standardize(texts: Any) -> Any:
        sizes.append(len(texts))
        return texts

    model = text_model(vectorize(standardize=standardize))
    model.fit(X, Y, batch_size=32, epochs=2, verbose=0)
    assert sizes == [32, 32, 19] * 2


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
