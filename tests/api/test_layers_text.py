"""Vocabularies of texts and integers, and texts as sequences of numbers: what Keras 3 with TensorFlow gives, and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.saving import deserialize_keras_object, serialize_keras_object

DOCUMENTS = ["The cat sat. The dog", "a cat a dog a bird", "bird"]


def text(**kwargs: Any) -> Any:
    return layers.TextVectorization(**kwargs)


def adapted(layer: Any, data: Any) -> Any:
    layer.adapt(data)
    return layer


@pytest.mark.parametrize(
    ("arguments", "x", "want"),
    [
        ({}, ["a", "z", "b", ""], [1, 0, 2, 0]), ({"mask_token": ""}, ["a", "z", "b", ""], [2, 1, 3, 0]),
        ({"mask_token": "m", "num_oov_indices": 3}, [["a", "z", "b", ""], ["q", "w", "m", "x"]], [[4, 2, 5, 3], [3, 3, 0, 3]]),
        ({"num_oov_indices": 0}, np.array(["a", b"b"], object), [0, 1]), ({"num_oov_indices": 5}, ["q", "w", "e", "r", ""], [3, 4, 1, 3, 3]),
        ({"num_oov_indices": 5, "salt": 3}, ["q", "w", "e", "r", ""], [1, 4, 2, 4, 4]), ({}, "b", 2),
        ({"output_mode": "one_hot"}, [["a", "z"], ["b", "b"]], [[[0, 1, 0], [1, 0, 0]], [[0, 0, 1], [0, 0, 1]]]),
        ({"output_mode": "one_hot", "mask_token": ""}, ["a", ""], [[0, 1, 0], [0, 0, 0]]),
        ({"output_mode": "one_hot"}, [["a"], ["b"]], [[0, 1, 0], [0, 0, 1]]), ({"output_mode": "multi_hot"}, ["a", "z"], [1, 1, 0]),
        ({"output_mode": "multi_hot", "pad_to_max_tokens": True, "max_tokens": 6}, ["a", "z"], [1, 1, 0, 0, 0, 0]),
        ({"output_mode": "count", "mask_token": ""}, [["a", ""], ["b", "b"]], [[0, 1, 0], [0, 0, 2]]),
        ({"output_mode": "tf_idf", "idf_weights": [0.5, 0.2]}, [["a", "z"], ["b", "b"]], [[0.35, 0.5, 0], [0, 0, 0.4]]),
    ],
)  # fmt: skip
def test_string_lookup(arguments: dict[str, Any], x: Any, want: Any) -> None:
    vocabulary = ["a"] if arguments.get("num_oov_indices") == 5 else ["a", "b"]
    layer = layers.StringLookup(vocabulary=vocabulary, **arguments)
    for each in (layer, layers.StringLookup.from_config(layer.get_config())):
        found = each(x)
        assert found.dtype == ("float32" if arguments.get("output_mode") == "tf_idf" else "int64")
        assert np.allclose(found, want)


def test_places_become_texts_and_integers() -> None:
    def texts(**kwargs: Any) -> list[str]:
        return layers.StringLookup(vocabulary=["a", "b"], invert=True, **kwargs)([0, 1, 2, 3, 7]).tolist()

    assert texts() == ["[UNK]", "a", "b", "[UNK]", "[UNK]"]
    assert texts(mask_token="") == ["", "[UNK]", "a", "b", "[UNK]"]
    assert texts(num_oov_indices=2) == ["[UNK]", "[UNK]", "a", "b", "[UNK]"]
    assert layers.IntegerLookup(vocabulary=[3, 7], invert=True)([0, 1, 2, 3, 9, -1]).tolist() == [-1, 3, 7, -1, -1, -1]
    assert layers.IntegerLookup(vocabulary=[3, 7], invert=True, mask_token=0)([0, 1, 2, 3, 9]).tolist() == [0, -1, 3, 7, -1]


@pytest.mark.parametrize(
    ("arguments", "x", "want"),
    [
        ({"num_oov_indices": 3}, [1, 2, 3, 4, 5, -1, -2, 7], [1, 2, 3, 1, 2, 2, 1, 4]), ({"mask_token": 0}, [0, 3, 9], [0, 2, 1]),
        ({"num_oov_indices": 3, "oov_method": "farmhash"}, [1, 2, 3, 4, 5, -1, -2, 7], [0, 1, 3, 2, 1, 0, 1, 4]),
        ({"num_oov_indices": 5, "oov_method": "farmhash", "salt": 3}, [3, 4, 5, 6, -9], [5, 0, 4, 4, 4]),
        ({"output_mode": "multi_hot", "mask_token": 0}, [[3, 7, 7, 9, 0]], [[1, 1, 1]]), ({"num_oov_indices": 0}, [7, 3], [1, 0]),
        ({"output_mode": "one_hot", "mask_token": 0}, [3, 9, 0], [[0, 1, 0], [1, 0, 0], [0, 0, 0]]), ({}, [3.0, 7.5], [1, 2]),
        ({"output_mode": "tf_idf", "idf_weights": [0.5, 1.0], "mask_token": 0}, [[3, 7, 7, 9, 0]], [[0.75, 0.5, 2.0]]),
        ({"output_mode": "tf_idf", "idf_weights": [0.5, 1.0], "num_oov_indices": 2}, [[8, 9, 3]], [[0.75, 0.75, 0.5, 0]]),
    ],
)  # fmt: skip
def test_integer_lookup(arguments: dict[str, Any], x: Any, want: Any) -> None:
    layer = layers.IntegerLookup(vocabulary=[3, 7], **arguments)
    for each in (layer, layers.IntegerLookup.from_config(layer.get_config())):
        found = np.asarray(each(np.array(x)))
        if arguments.get("salt") is not None:  # places of unknown integers are those of `Hashing`
            want = [5 if n == 3 else int(layers.Hashing(5, salt=3)([n])[0]) for n in x]
        assert np.allclose(found, want)


@pytest.mark.parametrize("n", [1, 2, 3, 64, 1000])
def test_integers_are_found_in_vocabularies_of_any_length(n: int) -> None:
    rng = np.random.RandomState(n)
    terms = rng.permutation(np.arange(-4 * n, 4 * n))[:n].astype("int64")
    terms[0] = np.iinfo("int64").max if n > 1 else 5
    x = np.concatenate([terms, rng.randint(-5 * n, 5 * n, 200), [np.iinfo("int64").min, np.iinfo("int64").max]])
    places = {int(t): i + 1 for i, t in enumerate(terms)}
    found = layers.IntegerLookup(vocabulary=terms, oov_token=10**9)(x)
    assert found.tolist() == [places.get(int(t), 0) for t in x]


def test_integer_lookup_in_a_model() -> None:
    ids = graphnn.Input((2,), dtype="int32")
    lookup = layers.IntegerLookup()
    lookup.adapt(np.array([[5, 9], [5, 7], [9, 5]]))
    assert lookup.get_vocabulary() == [-1, 5, 9, 7]
    model = graphnn.Model(ids, layers.Embedding(4, 3)(lookup(ids)))
    x = np.array([[5, 7], [9, 100]], "int32")
    before = model.predict(x, verbose=0)
    table = model.get_weights()[0]
    assert np.array_equal(before, table[[[1, 3], [2, 0]]])
    lookup.adapt(np.array([7, 7, 5]))
    assert np.array_equal(model.predict(x, verbose=0), table[[[2, 1], [0, 0]]])  # the program follows


@pytest.mark.parametrize(
    ("make", "data", "want"),
    [
        (lambda: layers.StringLookup(), [["b", "a"], ["c", "b"], ["", ""]], ["[UNK]", "b", "", "c", "a"]),
        (lambda: layers.StringLookup(mask_token=""), [["b", "a"], ["c", "b"], ["", ""]], ["", "[UNK]", "b", "c", "a"]),
        (lambda: layers.StringLookup(max_tokens=3), ["b", "a", "c", "b", "d", "d", "d"], ["[UNK]", "d", "b"]),
        (lambda: layers.StringLookup(mask_token="", max_tokens=3), ["b", "a", "c", "b", "d", "d", "d"], ["", "[UNK]", "d"]),
        (lambda: layers.StringLookup(num_oov_indices=0), ["b", "a", "c", "b", "d", "d", "d", "[UNK]"], ["d", "b", "c", "a"]),
        (lambda: layers.IntegerLookup(), [[5, 5], [2, 2], [9, 1]], [-1, 5, 2, 9, 1]),
        (lambda: layers.IntegerLookup(mask_token=0), [[5, 5], [2, 2], [9, 0]], [0, -1, 5, 2, 9]),
        (lambda: layers.IntegerLookup(), [5, -1, -1], [-1, 5]), (lambda: layers.StringLookup(), iter([(np.array(["x"]), 1)]), ["[UNK]", "x"]),
        (lambda: text(), DOCUMENTS, ["", "[UNK]", "a", "the", "dog", "cat", "bird", "sat"]),
        (lambda: text(max_tokens=4), DOCUMENTS, ["", "[UNK]", "a", "the"]),
        (lambda: text(max_tokens=4, output_mode="count"), DOCUMENTS, ["[UNK]", "a", "the", "dog"]),
        (lambda: text(ngrams=3), ["a b c d"], ["", "[UNK]", "d", "c d", "c", "b c d", "b c", "b", "a b c", "a b", "a"]),
        (lambda: text(split="character"), ["ab c"], ["", "[UNK]", "c", "b", "a", " "]),
        (lambda: text(split=None), ["Ab c!", "q"], ["", "[UNK]", "q", "ab c"]),
        (lambda: text(standardize=None), ["The cat, CAT"], ["", "[UNK]", "cat,", "The", "CAT"]),
        (lambda: text(standardize="lower"), ["The cat, CAT ÉÀ"], ["", "[UNK]", "ÉÀ", "the", "cat,", "cat"]),
        (lambda: text(standardize="strip_punctuation"), ["The don't a-b c_d é¡ 3.5"], ["", "[UNK]", "é¡", "dont", "cd", "ab", "The", "35"]),
        (lambda: text(), ["É\tx\ny  <br /> !\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~q\u3000r\u00a0s"], ["", "[UNK]", "É", "y", "x", "q\u3000r\u00a0s", "br"]),
    ],
)  # fmt: skip
def test_adapted_vocabularies(make: Any, data: Any, want: list[Any]) -> None:
    layer = adapted(make(), data)
    assert layer.get_vocabulary() == want and layer.vocabulary_size() == len(want)
    assert layer.get_vocabulary(include_special_tokens=False) == want[len(want) - len(layer.get_vocabulary(False)) :]
    again = deserialize_keras_object(serialize_keras_object(layer))
    assert again.get_vocabulary() == want and again.get_config() == layer.get_config()
    assert layer.get_config()["vocabulary"] is None


@pytest.mark.parametrize(
    ("arguments", "x", "want"),
    [
        ({}, ["Hello, world! zap", "foo foo"], [[2, 3, 1], [4, 4, 0]]), ({}, "Hello, world! zap", [2, 3, 1]),
        ({}, [["Hello, world! zap"], ["foo foo"]], [[2, 3, 1], [4, 4, 0]]), ({}, [b"foo"], [[4]]), ({}, ["", "foo"], [[0], [4]]),
        ({"output_sequence_length": 2}, ["Hello, world! zap", "foo"], [[2, 3], [4, 0]]),
        ({"output_sequence_length": 5}, ["Hello, world! zap", "foo"], [[2, 3, 1, 0, 0], [4, 0, 0, 0, 0]]),
        ({"output_mode": "multi_hot"}, ["Hello, world! zap", "foo foo"], [[1, 1, 1, 0], [0, 0, 0, 1]]),
        ({"output_mode": "count"}, ["Hello, world! zap", "foo foo"], [[1, 1, 1, 0], [0, 0, 0, 2]]),
        ({"output_mode": "count"}, "Hello, world! zap", [1, 1, 1, 0]),
        ({"output_mode": "count", "pad_to_max_tokens": True, "max_tokens": 6}, ["foo foo"], [[0, 0, 0, 2, 0, 0]]),
        ({"output_mode": "tf_idf", "idf_weights": [1.0, 2.0, 3.0]}, ["Hello, world! zap", "foo foo"], [[2, 1, 2, 0], [0, 0, 0, 6]]),
        ({"split": None}, [["hello", "b"], ["c", "foo"]], [[2, 1], [1, 4]]), ({"split": lambda t: [e.split("-") for e in t], "standardize": None}, ["foo-world"], [[4, 3]]),
        ({"standardize": lambda t: np.array([e.replace("z", "") for e in t], object)}, ["zfooz world"], [[4, 3]]),
    ],
)  # fmt: skip
def test_text_vectorization(arguments: dict[str, Any], x: Any, want: Any) -> None:
    found = text(vocabulary=["hello", "world", "foo"], **arguments)(x)
    assert found.shape == np.shape(want) and np.allclose(found, want)


def test_weights_of_documents() -> None:
    x = ["the cat bird bird zzz"]
    want = [[0.804719, 0, 0.91629076, 0, 0.6931472, 1.3862944, 0]]
    layer = adapted(text(output_mode="tf_idf"), DOCUMENTS)
    assert np.allclose(layer(x), want)
    assert np.allclose(deserialize_keras_object(serialize_keras_object(layer))(x), want)
    assert np.allclose(adapted(text(output_mode="tf_idf", max_tokens=5), DOCUMENTS)(x), [[2.414157, 0, 0.91629076, 0, 0.6931472]])
    assert adapted(text(ngrams=2), DOCUMENTS)(["the cat sat"]).tolist() == [[3, 5, 10, 8, 12]]
    assert adapted(text(ngrams=(1, 3)), ["a b c d"])(["a b c"]).tolist() == [[7, 5, 3, 6]]


def test_texts_through_a_model() -> None:
    layer = adapted(text(output_sequence_length=6), DOCUMENTS)
    model = graphnn.Sequential([layers.Embedding(layer.vocabulary_size(), 4), layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile("adam", "mse")
    history = model.fit(layer(DOCUMENTS), np.array([1.0, 0.0, 0.5]), epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0] and model.predict(layer(["bird cat"]), verbose=0).shape == (1, 1)


@pytest.mark.parametrize(
    ("error", "make", "words"),
    [
        (ValueError, lambda: layers.StringLookup(vocabulary=["a", "a"]), "repeated"), (ValueError, lambda: layers.StringLookup(vocabulary=[]), "empty"),
        (ValueError, lambda: layers.StringLookup(vocabulary="words.txt"), "list of terms"),
        (ValueError, lambda: layers.StringLookup(vocabulary=["a", "", "b"], mask_token=""), "mask token"),
        (ValueError, lambda: layers.StringLookup(vocabulary=["a", "b"], max_tokens=2), "max_tokens"),
        (ValueError, lambda: layers.StringLookup(max_tokens=1), "max_tokens"), (ValueError, lambda: layers.StringLookup(num_oov_indices=-1), "num_oov"),
        (ValueError, lambda: layers.StringLookup(output_mode="x"), "output_mode"), (ValueError, lambda: layers.StringLookup(sparse=True), "sparse"),
        (ValueError, lambda: layers.StringLookup(pad_to_max_tokens=True, output_mode="count"), "max_tokens"),
        (ValueError, lambda: layers.StringLookup(invert=True, output_mode="count"), "invert"),
        (ValueError, lambda: layers.StringLookup(oov_method="x"), "oov_method"), (RuntimeError, lambda: layers.StringLookup()(["a"]), "no vocabulary"),
        (ValueError, lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf"), "idf_weights"),
        (ValueError, lambda: layers.StringLookup(vocabulary=["a"], idf_weights=[1.0]), "idf_weights"),
        (ValueError, lambda: layers.StringLookup(vocabulary=["a", "b"], output_mode="tf_idf", idf_weights=[1.0]), "same length"),
        (ValueError, lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "zzz"]), "zzz"),
        (ValueError, lambda: layers.StringLookup(vocabulary=["q"]).adapt(["a"]), "static vocabulary"),
        (TypeError, lambda: layers.StringLookup(vocabulary=["q"])(np.array([1, 2])), "call it on texts"),
        (TypeError, lambda: layers.StringLookup(vocabulary=["q"], invert=True)(["a"]), "integers"),
        (TypeError, lambda: layers.StringLookup(vocabulary=["q"])(graphnn.Input((1,))), "call it on texts"),
        (ValueError, lambda: layers.IntegerLookup(vocabulary=[1], salt=3), "salt"), (ValueError, lambda: layers.IntegerLookup(vocabulary=[1.5]), "integers"),
        (ValueError, lambda: layers.IntegerLookup(vocabulary=[1], vocabulary_dtype="int32"), "vocabulary_dtype"),
        (IndexError, lambda: layers.IntegerLookup(vocabulary=[1], num_oov_indices=0)([1, 9]), "-1"),
        (RuntimeError, lambda: layers.IntegerLookup()([1]), "no vocabulary"), (ValueError, lambda: layers.IntegerLookup().adapt([0.5]), "integers"),
        (ValueError, lambda: text(ngrams="a"), "ngrams"), (ValueError, lambda: text(output_mode="x"), "output_mode"),
        (ValueError, lambda: text(standardize="x"), "standardize"), (ValueError, lambda: text(split="x"), "split"),
        (ValueError, lambda: text(output_sequence_length=3, output_mode="count"), "output_sequence_length"), (RuntimeError, lambda: text()(["a"]), "no vocabulary"),
        (ValueError, lambda: text(max_tokens=1), "max_tokens"), (ValueError, lambda: text(ragged=True), "ragged"), (ValueError, lambda: text(sparse=True), "sparse"),
        (ValueError, lambda: text(vocabulary=["a"])([["a", "b"]]), r"\(1, 2\)"), (TypeError, lambda: text(vocabulary=["a"])(np.array([1])), "call it on"),
        (ValueError, lambda: text(vocabulary=["a"]).adapt(["b"]), "static vocabulary"), (ValueError, lambda: text().adapt([1, 2]), "must be texts"),
        (ValueError, lambda: text(vocabulary=["a"], standardize=lambda t: t[:1])(["a", "b"]), "as many texts"),
    ],
)  # fmt: skip
def test_bad_input(error: type[Exception], make: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        make()
