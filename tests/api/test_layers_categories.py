"""CategoryEncoding, Discretization and Hashing: encodings, quantiles, hashes that are the same everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.utils.fingerprints import fingerprint64, hash_bins, siphash24

# Texts of every length at which the hash goes another way, and what Keras 3 with TensorFlow gives for 1,000,003 bins.
TEXTS = [
    "", "a", "ab", "abc", "abcd", "abcdefg", "abcdefgh", "abcdefghijklmnop", "q" * 17, "w" * 32, "z" * 33, "hello world " * 4, "y" * 64,
    "y" * 65, "x" * 100, "m" * 128, "n" * 129, "p" * 200, "é漢",
]  # fmt: skip
PLAIN = [
    377723, 291400, 834328, 152962, 267500, 421967, 229479, 860307, 769051, 794538, 980102, 949332, 608066, 120696, 107918, 656145, 931115,
    448572, 182344,
]  # fmt: skip
SALTED = [
    953272, 554259, 216089, 707065, 483067, 699324, 676107, 426999, 108006, 15400, 27833, 969152, 981973, 412939, 522915, 550447, 589456,
    749862, 388360,
]  # fmt: skip
NUMBERS = [
    0, 1, -1, 9, 10, 12345, -12345, 2**31 - 1, -(2**31), 10**15, 10**16 - 1, 10**16, -(10**16), 2**63 - 1, -(2**63), 999, 1000, -999,
    9999999, 10000000,
]  # fmt: skip
NUMBERS_PLAIN = [
    537292, 361198, 285648, 666077, 340076, 779109, 65718, 745992, 345099, 889521, 467193, 111214, 527349, 121738, 400334, 587264, 652021,
    743512, 652516, 674145,
]  # fmt: skip
NUMBERS_MASKED = [
    588701, 158416, 107110, 853463, 0, 550704, 587364, 871350, 695518, 119807, 797362, 344946, 797713, 413528, 923578, 308683, 656167,
    80814, 543782, 135576,
]  # fmt: skip


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (4, 1), (4, 3), (2, 3, 4), (0, 3)])
def test_category_encoding_of_any_shape(mode: str, shape: tuple[int, ...]) -> None:
    ids = np.random.RandomState(0).randint(0, 6, shape)
    each = np.eye(6, dtype="float32")[ids]
    if mode == "one_hot":
        want = each[..., 0, :] if len(shape) > 1 and shape[-1] == 1 else each.reshape((1, 6)) if not shape else each
    else:
        rows = each if shape else each[None]
        want = rows.max(-2, initial=0) if mode == "multi_hot" else rows.sum(-2)
    found = layers.CategoryEncoding(6, output_mode=mode)(ids)
    assert found.dtype == "float32" and np.array_equal(found, want)


def test_category_encoding_with_weights() -> None:
    ids, weights = np.array([[0, 1, 1], [3, 3, 2]]), np.array([[1, 2, 3], [0.5, 0.25, 4]], "float32")
    layer = layers.CategoryEncoding(4, output_mode="count")
    assert layer(ids, count_weights=weights).tolist() == [[1, 5, 0, 0], [0, 0, 4, 0.75]]
    with pytest.raises(ValueError, match="`count_weights` must have the shape"):
        layer(ids, count_weights=weights[:, :2])
    with pytest.raises(ValueError, match="count_weights` is not used"):
        layers.CategoryEncoding(4)(ids, count_weights=weights)


@pytest.mark.parametrize("bad", [4, -1, 2**40])
def test_categories_out_of_range_are_named(bad: int) -> None:
    for mode in ("one_hot", "multi_hot", "count"):
        with pytest.raises(IndexError, match=str(bad)):
            layers.CategoryEncoding(4, output_mode=mode)(np.array([[0, 1], [bad, 2]]))
    with pytest.raises(TypeError, match=r"0\.5"):
        layers.CategoryEncoding(4)(np.array([[0, 0.5]]))


def test_a_model_trains_behind_encodings() -> None:
    ids, x = graphnn.Input((3,), dtype="int32"), graphnn.Input((1,))
    parts = [
        layers.CategoryEncoding(5, output_mode="count")(ids), layers.Hashing(4, output_mode="one_hot")(ids[:, :1]),
        layers.Discretization([0.0, 1.0], output_mode="one_hot")(x),
    ]  # fmt: skip
    assert [p.shape for p in parts] == [(None, 5), (None, 4), (None, 3)]
    model = graphnn.Model([ids, x], layers.Dense(1)(layers.Concatenate()(parts)))
    model.compile("adam", "mse")
    rng = np.random.RandomState(0)
    data = [rng.randint(0, 5, (64, 3)).astype("int32"), rng.randn(64, 1).astype("float32")]
    y = (data[0] == 2).sum(1, keepdims=True) + (data[1] > 1)
    losses = model.fit(data, y.astype("float32"), epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    again = graphnn.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert np.array_equal(again.predict(data, verbose=0), model.predict(data, verbose=0))


def test_hashes_are_those_of_keras() -> None:
    texts = np.array(TEXTS)
    assert layers.Hashing(1000003)(texts).tolist() == PLAIN
    assert layers.Hashing(1000003, salt=[133, 137])(texts).tolist() == SALTED
    numbers = np.array(NUMBERS, "int64")
    assert layers.Hashing(1000003)(numbers).tolist() == NUMBERS_PLAIN
    assert layers.Hashing(1000003, salt=7, mask_value=10)(numbers).tolist() == NUMBERS_MASKED
    assert layers.Hashing(10, mask_value="")(["", "a", b"b"]).tolist() == [0, 4, 2]
    assert layers.Hashing(1, mask_value="")(["", "a"]).tolist() == [0, 0]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("salt", [None, [5, -9]])
def test_a_number_is_hashed_as_its_text(dtype: str, salt: Any) -> None:
    limits = np.iinfo(dtype)
    edges = [10**k + d for k in range(20) for d in (-1, 0, 1)]
    edges += [-n for n in edges] + [limits.min, limits.max]
    x = np.array([n for n in edges if limits.min <= n <= limits.max], dtype)
    want = hash_bins(np.array([str(int(n)) for n in x], object), 997, salt)
    assert np.array_equal(layers.Hashing(997, salt=salt)(x), want)


def test_fingerprints_tell_texts_apart() -> None:
    texts = [bytes([65 + n % 26]) * n for n in range(300)] + [b"a\0", b"a"]
    assert len({fingerprint64(t) for t in texts}) == len({siphash24(t, (1, 2)) for t in texts}) == len(set(texts))


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
def test_hashed_texts_are_encoded_as_their_bins(mode: str) -> None:
    texts = [["a", "b"], ["c", "a"]]
    bins = layers.Hashing(3)(texts)
    assert np.array_equal(layers.Hashing(3, output_mode=mode)(texts), layers.CategoryEncoding(3, output_mode=mode)(bins))


def test_discretization() -> None:
    x = np.array([[-1.0, 0.0], [1.0, np.nan], [np.inf, -np.inf]], "float32")
    layer = layers.Discretization([0.0, 1.0])
    assert layer(x).dtype == "int32" and layer(x).tolist() == [[0, 1], [2, 2], [2, 0]]
    assert layers.Discretization([])(x).tolist() == [[0, 0]] * 3
    assert layers.Discretization([0.0, 1.0], output_mode="count")(x[:1]).tolist() == [[1, 1, 0]]
    bounds = np.sort(np.random.RandomState(0).randn(70)).astype("float32")
    points = np.concatenate([bounds, np.random.RandomState(1).randn(100).astype("float32")])
    for n in (1, 2, 3, 4, 63, 64, 65, 70):
        assert np.array_equal(layers.Discretization(bounds[:n])(points), np.searchsorted(bounds[:n], points, side="right"))


@pytest.mark.parametrize(
    ("bins", "data", "epsilon", "want"),
    [
        (4, np.arange(10.0), 0.01, [1.5, 4, 6.5]), (3, np.arange(1.0, 7.0), 0.01, [2, 4]), (2, [1.0, 2.0, 3.0], 0.01, [1.5]),
        (5, [1.0, 2.0], 0.01, [1]), (4, [1.0] * 4, 0.01, [1, 1, 1]), (4, np.arange(100.0), 0.01, [24, 49, 74]),
        (4, np.arange(1000.0), 0.01, [249, 499, 749]), (3, np.arange(10.0), 0.5, [4]), (4, np.arange(20.0), 0.25, [4, 9, 14]),
        (4, [np.arange(100.0), np.arange(100.0, 150.0)], 0.01, [36.5, 74, 111.5]), (1, [1.0, 2.0], 0.01, []),
        (4, [np.arange(3.0), np.arange(2.0) + 0.5, np.arange(30.0)], 0.25, [4, 10.666667, 18.833333]),
    ],
)  # fmt: skip
def test_boundaries_are_those_of_keras(bins: int, data: Any, epsilon: float, want: list[float]) -> None:
    layer = layers.Discretization(num_bins=bins, epsilon=epsilon)
    layer.adapt(data)
    assert np.allclose(layer.bin_boundaries or [], want, atol=1e-3)
    again = layers.Discretization.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert np.array_equal(again([0.0, 4.5, 90.0]), layer([0.0, 4.5, 90.0]))


def test_adapting_again_counts_from_the_start() -> None:
    layer = layers.Discretization(num_bins=2)
    layer.adapt(np.arange(10.0))
    before = layer([7.0]).tolist()
    layer.adapt(np.arange(100.0))
    assert before == [1] and layer([7.0]).tolist() == [0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.CategoryEncoding(), "num_tokens"), (lambda: layers.CategoryEncoding(0), "num_tokens"),
        (lambda: layers.CategoryEncoding(3, output_mode="int"), "output_mode"), (lambda: layers.Hashing(0), "num_bins"),
        (lambda: layers.Hashing(3, salt="a"), "salt"), (lambda: layers.Hashing(3, salt=[1, 2, 3]), "salt"),
        (lambda: layers.Hashing(3, output_mode="x"), "output_mode"), (lambda: layers.Hashing(3, sparse=True), "sparse"),
        (lambda: layers.Hashing(3, dtype="float32"), "dtype"), (lambda: layers.Discretization(), "num_bins"),
        (lambda: layers.Discretization([0.0], 3), "bin_boundaries"), (lambda: layers.Discretization(num_bins=-1), "num_bins"),
        (lambda: layers.Discretization([1.0, 0.0]), "ascend"), (lambda: layers.Discretization([0.0], sparse=True), "sparse"),
        (lambda: layers.Discretization(num_bins=3)([0.5]), "no boundaries"), (lambda: layers.Discretization([0.0]).adapt([1.0]), "adapt"),
        (lambda: layers.Discretization(num_bins=3).adapt([]), "no data"), (lambda: layers.Discretization([0.0], epsilon=0), "epsilon"),
        (lambda: layers.Discretization([0.0], output_mode="x"), "output_mode"),
        (lambda: layers.Discretization(num_bins=3).adapt(np.array(["a"])), "must be numbers"),
    ],
)  # fmt: skip
def test_bad_arguments(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_a_mask_of_another_kind() -> None:
    with pytest.raises(TypeError, match="mask_value"):
        layers.Hashing(10, mask_value="")(np.array([1, 2]))
    with pytest.raises(TypeError, match="mask_value"):
        layers.Hashing(10, mask_value=1)(["a"])
