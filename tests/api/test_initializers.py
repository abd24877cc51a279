"""Initializers: statistics, seeds, exact matrices, configurations, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

import graphnn
from graphnn import initializers
from graphnn.initializers.windows import window

RANDOM = [
    initializers.RandomNormal, initializers.RandomUniform, initializers.TruncatedNormal, initializers.VarianceScaling,
    initializers.GlorotNormal, initializers.GlorotUniform, initializers.HeNormal, initializers.HeUniform,
    initializers.LecunNormal, initializers.LecunUniform, initializers.Orthogonal,
]  # fmt: skip


@pytest.mark.parametrize("cls", RANDOM)
def test_the_seed_alone_decides(cls: type) -> None:
    a, b, c = cls(seed=3)((40, 30)), cls(seed=3)((40, 30)), cls(seed=4)((40, 30))
    assert a.dtype == np.float32 and a.shape == (40, 30)
    assert np.array_equal(a, b) and not np.array_equal(a, c)


@pytest.mark.parametrize("cls", RANDOM)
def test_configurations_make_the_same_initializer(cls: type) -> None:
    first = cls(seed=5)
    again = cls.from_config(first.get_config())
    assert np.array_equal(first((8, 6)), again((8, 6)))
    assert np.array_equal(first((8, 6)), first.clone()((8, 6)))
    assert initializers.get(initializers.serialize(first)).get_config() == first.get_config()


def test_an_initializer_without_seed_repeats_itself_and_differs_from_others() -> None:
    first = initializers.RandomNormal()
    assert np.array_equal(first((5,)), first((5,)))
    assert not np.array_equal(first((5,)), initializers.RandomNormal()((5,)))
    assert first.get_config()["seed"] is None


def test_a_seed_generator_moves_on() -> None:
    source = graphnn.random.SeedGenerator(3)
    first = initializers.GlorotUniform(seed=source)
    a, b = first((5, 4)), first((5, 4))
    assert not np.array_equal(a, b)
    again = initializers.get(initializers.serialize(initializers.GlorotUniform(seed=graphnn.random.SeedGenerator(3))))
    assert np.array_equal(again((5, 4)), a) and np.array_equal(again((5, 4)), b)


@pytest.mark.parametrize(
    ("made", "mean", "std", "low", "high"),
    [
        (initializers.RandomNormal(1.0, 2.0, seed=0), 1.0, 2.0, -np.inf, np.inf),
        (initializers.TruncatedNormal(1.0, 2.0, seed=0), 1.0, 2 * 0.8796256610342398, -3.0, 5.0),
        (initializers.RandomUniform(-1.0, 3.0, seed=0), 1.0, 4 / math.sqrt(12), -1.0, 3.0),
        (initializers.GlorotUniform(seed=0), 0.0, math.sqrt(2 / 600), -0.1, 0.1),
        (initializers.GlorotNormal(seed=0), 0.0, math.sqrt(2 / 600), -1, 1),
        (initializers.HeNormal(seed=0), 0.0, math.sqrt(2 / 400), -1, 1),
        (initializers.HeUniform(seed=0), 0.0, math.sqrt(2 / 400), -math.sqrt(6 / 400), math.sqrt(6 / 400)),
        (initializers.LecunNormal(seed=0), 0.0, math.sqrt(1 / 400), -1, 1),
        (initializers.LecunUniform(seed=0), 0.0, math.sqrt(1 / 400), -math.sqrt(3 / 400), math.sqrt(3 / 400)),
        (initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal", seed=0), 0.0, math.sqrt(3 / 200), -1, 1),
    ],
)
def test_moments_and_bounds(made: initializers.Initializer, mean: float, std: float, low: float, high: float) -> None:
    x = np.asarray(made((400, 200)), "float64")
    assert abs(x.mean() - mean) < 0.02 * std
    assert abs(x.std() / std - 1) < 0.02
    assert x.min() >= low and x.max() <= high


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("cls", [*RANDOM, initializers.Zeros, initializers.Ones, initializers.Identity, initializers.Constant])
def test_dtypes(cls: type, dtype: str) -> None:
    assert cls()((4, 4), dtype=dtype).dtype == dtype


def test_upper_bounds_are_excluded() -> None:
    x = initializers.RandomUniform(0.0, 1e-38, seed=0)((1000,))
    assert (x < np.float32(1e-38)).all()


def test_fans() -> None:
    assert initializers.compute_fans(()) == (1, 1)
    assert initializers.compute_fans((7,)) == (7, 7)
    assert initializers.compute_fans((3, 5)) == (3, 5)
    assert initializers.compute_fans((2, 3, 4, 5)) == (24, 30)
    assert initializers.compute_fans((512, 8, 64), [0], [1, 2]) == (512, 512)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 3, 5)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    w = np.asarray(initializers.Orthogonal(gain=2.0, seed=1)(shape, dtype="float64")).reshape(-1, shape[-1])
    product = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_constants() -> None:
    assert initializers.Constant([1.0, 2.0])((3, 2)).tolist() == [[1, 2]] * 3
    assert initializers.Constant(3)((2,), dtype="int32").tolist() == [3, 3]
    assert initializers.Identity(3.0)((2, 3)).tolist() == [[3, 0, 0], [0, 3, 0]]
    assert initializers.Identity(3.0).clone()((2, 2))[0, 0] == 3
    given = np.arange(4.0).reshape(2, 2)
    assert np.array_equal(initializers.get(given)((2, 2), dtype="float64"), given)


def test_stft_is_the_fourier_transform_of_a_frame() -> None:
    x = np.random.RandomState(0).standard_normal(16)
    real, imag = (np.asarray(initializers.STFT(s, None)((16, 1, 9), "float64"))[:, 0] for s in ("real", "imag"))
    want = np.fft.rfft(x)
    np.testing.assert_allclose(x @ real, want.real, atol=1e-12)
    np.testing.assert_allclose(x @ imag, want.imag, atol=1e-12)
    scaled = np.asarray(initializers.STFT("real", "hann", "spectrum", periodic=True)((16, 1, 9), "float64"))[:, 0]
    weights = window("hann", 16)
    np.testing.assert_allclose(x @ scaled, np.fft.rfft(x * weights).real / weights.sum(), atol=1e-12)


def test_windows_are_symmetric_or_periodic() -> None:
    for name in ("hann", "hamming", "blackman", "triang", "parzen", "bohman", "tukey", "taylor", "flattop", "lanczos", "cosine"):
        for n in (1, 2, 5, 8):
            w = window(name, n, periodic=False)
            np.testing.assert_allclose(w, w[::-1], atol=1e-12)
            np.testing.assert_array_equal(window(name, n), window(name, n + 1, periodic=False)[:n] if n > 1 else [1.0])
    np.testing.assert_allclose(window("hann", 9, periodic=False), np.hanning(9), atol=1e-12)
    np.testing.assert_allclose(window("blackman", 9, periodic=False), np.blackman(9), atol=1e-12)


@pytest.mark.parametrize(
    "name", ["zeros", "ones", "glorot_uniform", "he_normal", "GlorotNormal", "normal", "uniform", "one", "zero"]
)
def test_get_by_name(name: str) -> None:
    assert initializers.get(name)((2, 3)).shape == (2, 3)


def test_get_takes_all_else_that_makes_sense() -> None:
    assert initializers.get(None) is None
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    assert isinstance(initializers.get({"class_name": "Constant", "config": {"value": 3.0}}), initializers.Constant)
    assert initializers.get(math.prod) is math.prod


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: initializers.get("nope"), "nope"),
        (lambda: initializers.get(3.0), "3.0"),
        (lambda: initializers.VarianceScaling(scale=-1.0), "scale"),
        (lambda: initializers.VarianceScaling(mode="x"), "mode"),
        (lambda: initializers.VarianceScaling(distribution="x"), "distribution"),
        (lambda: initializers.RandomNormal(seed="a"), "seed"),
        (lambda: initializers.Identity()((2,)), "Identity"),
        (lambda: initializers.Orthogonal()((2,)), "Orthogonal"),
        (lambda: initializers.STFT("up"), "side"),
        (lambda: initializers.STFT(scaling="up"), "scaling"),
        (lambda: initializers.STFT(window="up"), "up"),
        (lambda: initializers.get(np.zeros(3))((4,)), r"\(3,\)"),
    ],
)
def test_errors(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]


def test_a_number_is_a_shape_of_one_axis() -> None:
    assert initializers.Zeros()(3).tolist() == [0, 0, 0] and initializers.Ones()(2).tolist() == [1, 1]
    assert initializers.Constant(2.5)(2).tolist() == [2.5, 2.5]
