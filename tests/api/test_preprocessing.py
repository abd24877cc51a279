"""Windows of series, and words as numbers the way older scripts make them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.preprocessing import sequence, text
from graphnn.utils import pad_sequences, timeseries_dataset_from_array

X = np.arange(20)
TEXTS = ["The cat sat on the mat.", "The dog! The log"]


@pytest.mark.parametrize(
    ("targets", "arguments", "starts", "step"),
    [
        (None, {"batch_size": 3}, range(17), 1), (X * 10, {"batch_size": 3, "sequence_stride": 3, "sampling_rate": 2}, range(0, 14, 3), 2),
        (X[:5], {}, range(5), 1), (X, {"start_index": 2, "end_index": 12}, range(2, 9), 1), (X[:3], {"end_index": 12}, range(3), 1),
        (None, {"start_index": 2, "end_index": 12, "sampling_rate": 2}, range(2, 6), 2), (None, {"end_index": 3}, (), 1),
    ],
)  # fmt: skip
def test_windows_of_a_series(targets: Any, arguments: dict[str, Any], starts: Any, step: int) -> None:
    data = timeseries_dataset_from_array(X, targets, 4, **arguments)
    batches = list(data)
    size = arguments.get("batch_size", 128)
    assert len(batches) == len(data) == -(-len(starts) // size)
    windows = [w for b in batches for w in (b if targets is None else b[0]).tolist()]
    assert windows == [[s + step * k for k in range(4)] for s in starts]
    if targets is not None:
        assert [y for b in batches for y in b[1].tolist()] == [targets[s] for s in starts]


def test_windows_one_by_one_and_in_other_orders() -> None:
    one = list(timeseries_dataset_from_array(X, X, 4, batch_size=None))
    assert len(one) == 17 and one[3][0].tolist() == [3, 4, 5, 6] and one[3][1] == 3
    data = timeseries_dataset_from_array(X, X, 4, batch_size=5, shuffle=True, seed=1)
    passes = [np.concatenate([y for _, y in data]).tolist() for _ in range(2)]
    assert passes[0] != passes[1] and sorted(passes[0]) == sorted(passes[1]) == list(range(17))
    again = timeseries_dataset_from_array(X, X, 4, batch_size=5, shuffle=True, seed=1)
    assert np.concatenate([y for _, y in again]).tolist() == passes[0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"start_index": -1}, {"end_index": 30}, {"start_index": 9, "end_index": 3}, {"sampling_rate": 0}, {"sampling_rate": 20},
        {"sequence_stride": 20}, {"sequence_stride": 0}, {"sequence_length": 0}, {"batch_size": 0},
    ],
)  # fmt: skip
def test_windows_that_do_not_fit(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=list(arguments)[-1]):
        timeseries_dataset_from_array(X, X, **{"sequence_length": 4, **arguments})


def test_a_model_trains_on_windows() -> None:
    series = np.sin(np.arange(100) / 5).astype("float32")
    model = graphnn.Sequential([layers.Dense(1)])
    model.compile("adam", "mse")
    data = timeseries_dataset_from_array(series[:-8], series[8:], 8, batch_size=16)
    losses = model.fit(data, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.fit(sequence.TimeseriesGenerator(series, series, 8, batch_size=16), verbose=0).history["loss"]


def test_generator_of_windows() -> None:
    data = sequence.TimeseriesGenerator(X, X * 2, length=6, sampling_rate=2, stride=3, start_index=1, end_index=18, batch_size=2)
    batches = [data[i] for i in range(len(data))]
    rows = [7, 10, 13, 16]
    assert np.concatenate([x for x, _ in batches]).tolist() == [[r - 6, r - 4, r - 2] for r in rows]
    assert np.concatenate([y for _, y in batches]).tolist() == [2 * r for r in rows]
    assert sequence.TimeseriesGenerator(X, X, 3, reverse=True)[0][0][0].tolist() == [2, 1, 0]
    drawn = sequence.TimeseriesGenerator(X, X, 3, shuffle=True, batch_size=50)[0]
    assert drawn[0].shape == (50, 3) and np.array_equal(drawn[0][:, -1] + 1, drawn[1])
    for bad in ({"length": 20}, {"length": 0}, {"length": 3, "end_index": 20}, {"length": 3, "stride": 0}):
        with pytest.raises(ValueError, match="TimeseriesGenerator"):
            sequence.TimeseriesGenerator(X, X, **bad)
    with pytest.raises(ValueError, match="same length"):
        sequence.TimeseriesGenerator(X, X[:3], 2)


def test_pairs_of_near_words() -> None:
    couples, labels = sequence.skipgrams([1, 2, 0, 3], 5, window_size=1, negative_samples=0, shuffle=False)
    assert couples == [[1, 2], [2, 1]] and labels == [1, 1]
    couples, labels = sequence.skipgrams(list(range(1, 30)), 30, negative_samples=2.0, categorical=True, seed=3)
    assert labels.count([1, 0]) == 2 * labels.count([0, 1]) and all(0 < a < 30 and 0 < b < 30 for a, b in couples)
    assert sequence.skipgrams([1, 2, 3], 4, seed=1) == sequence.skipgrams([1, 2, 3], 4, seed=1)
    assert sequence.skipgrams([1, 2, 3], 4, sampling_table=np.zeros(4)) == ([], [])
    table = sequence.make_sampling_table(1000)
    assert np.all(np.diff(table[1:]) > 0) and table.max() <= 1
    assert sequence.pad_sequences is pad_sequences


def test_tokenizer() -> None:
    tokenizer = text.Tokenizer(num_words=4, oov_token="?")
    tokenizer.fit_on_texts(TEXTS)
    assert tokenizer.word_index == {"?": 1, "the": 2, "cat": 3, "sat": 4, "on": 5, "mat": 6, "dog": 7, "log": 8}
    assert tokenizer.word_counts["the"] == 4 and tokenizer.word_docs["the"] == 2 and tokenizer.document_count == 2
    found = tokenizer.texts_to_sequences(["the cat sat", ["dog", "CAT"]])
    assert found == [[2, 3, 1], [1, 3]] and tokenizer.sequences_to_texts(found) == ["the cat ?", "? cat"]
    again = text.tokenizer_from_json(tokenizer.to_json())
    assert again.get_config() == tokenizer.get_config() and again.texts_to_sequences(["the cat"]) == [[2, 3]]
    plain = text.Tokenizer(char_level=True)
    plain.fit_on_texts(["aab"])
    assert plain.texts_to_sequences(["Abc"]) == [[1, 2]]


def test_matrices_of_texts() -> None:
    tokenizer = text.Tokenizer()
    tokenizer.fit_on_texts(["a a b", "a c"])
    assert tokenizer.texts_to_matrix(["a a b"]).tolist() == [[0, 1, 1, 0]]
    assert tokenizer.texts_to_matrix(["a a b"], "count").tolist() == [[0, 2, 1, 0]]
    assert np.allclose(tokenizer.texts_to_matrix(["a a b"], "freq"), [[0, 2 / 3, 1 / 3, 0]])
    want = [[0, (1 + np.log(2)) * np.log(1 + 2 / 3), np.log(2), 0]]
    assert np.allclose(tokenizer.texts_to_matrix(["a a b"], "tfidf"), want)
    assert tokenizer.texts_to_matrix([""], "freq").tolist() == [[0, 0, 0, 0]]
    with pytest.raises(ValueError, match="mode"):
        tokenizer.texts_to_matrix(["a"], "x")
    with pytest.raises(ValueError, match="num_words"):
        text.Tokenizer().texts_to_matrix(["a"])
    counted = text.Tokenizer(num_words=4)
    counted.fit_on_sequences([[1, 2], [2]])
    assert counted.index_docs == {1: 1, 2: 2}


def test_words_and_their_hashes() -> None:
    assert text.text_to_word_sequence("Don't, STOP\tnow", lower=False) == ["Don't", "STOP", "now"]
    assert text.text_to_word_sequence("a-b,c", filters="-", split=",") == ["a", "b", "c"]
    found = text.one_hot("the cat and the dog", 20)
    assert found[0] == found[3] and all(0 < i < 20 for i in found)
    assert text.hashing_trick("ab cd", 10, len, analyzer=str.split) == [3, 3]
    with pytest.raises(ValueError, match="at least 2"):
        text.hashing_trick("a", 1)
