"""Random numbers: their distributions, and what they depend on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphnn_compiler.executable import Executable
from graphnn_compiler.trace import trace

import graphnn
from graphnn import ops, random
from graphnn.random import bits

N = 100_000


def moments(x: Any) -> tuple[float, float]:
    return float(np.mean(x, dtype="float64")), float(np.std(x, dtype="float64"))


def test_philox_words_are_those_of_the_paper() -> None:
    # The known answer of Philox4x32-10 for key 0 and counter 0 (Random123, kat_vectors).
    (word,) = Executable(trace(lambda: [bits.bits(np.array([0, 0], "uint32"), (1,))], []), eager=True)([])
    assert int(word[0]) == 0x6627E8D5


@pytest.mark.parametrize(
    ("draw", "mean", "std"),
    [
        (lambda s: random.uniform((N,), seed=s), 0.5, 12**-0.5),
        (lambda s: random.uniform((N,), -1.0, 3.0, seed=s), 1.0, 4 * 12**-0.5),
        (lambda s: random.normal((N,), seed=s), 0.0, 1.0),
        (lambda s: random.normal((N,), 3.0, 0.5, seed=s), 3.0, 0.5),
        (lambda s: random.truncated_normal((N,), seed=s), 0.0, 0.8796),
        (lambda s: random.randint((N,), 2, 8, seed=s), 4.5, (35 / 12) ** 0.5),
        (lambda s: random.gamma((N,), 3.0, seed=s), 3.0, 3.0**0.5),
        (lambda s: random.gamma((N,), 0.5, seed=s), 0.5, 0.5**0.5),
        (lambda s: random.beta((N,), 2.0, 3.0, seed=s), 0.4, 0.2),
        (lambda s: random.binomial((N,), 10, 0.3, seed=s), 3.0, 2.1**0.5),
        (lambda s: random.dropout(np.ones(N, "float32"), 0.25, seed=s), 1.0, (1 / 3) ** 0.5),
        (lambda s: random.categorical(np.log([[0.2, 0.3, 0.5]]).astype("f"), N, seed=s), 1.3, 0.61**0.5),
    ],
    ids=range(12),
)
def test_distribution(draw: Any, mean: float, std: float) -> None:
    for seed in (1, 2):
        got_mean, got_std = moments(draw(seed))
        assert abs(got_mean - mean) < 5 * std / N**0.5 and abs(got_std - std) < 0.02 * std


def test_normal_numbers_follow_the_normal_distribution() -> None:
    from math import erf

    x = np.sort(random.normal((N,), seed=3))
    expected = np.array([(1 + erf(v / 2**0.5)) / 2 for v in x[::100]])
    assert np.abs(expected - np.arange(0, N, 100) / N).max() < 1.63 / N**0.5 * 1.5  # Kolmogorov-Smirnov
    assert np.isfinite(x).all() and x[0] < -3.9 and x[-1] > 3.9


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_float_dtypes(dtype: str) -> None:
    for draw in (random.uniform, random.normal, random.truncated_normal):
        x = draw((2000,), dtype=dtype, seed=1)
        assert x.dtype == dtype and np.isfinite(x).all()
    u = random.uniform((N,), dtype=dtype, seed=1)
    assert u.min() >= 0 and u.max() < 1
    assert random.gamma((10,), 2.0, dtype=dtype, seed=1).dtype == dtype


def test_uniform_keeps_below_its_upper_bound_by_rounding_at_most() -> None:
    x = random.uniform((N,), 5.0, 6.0, seed=1)
    assert x.min() >= 5 and x.max() <= 6


@pytest.mark.parametrize(("low", "high", "dtype"), [(0, 2, "int32"), (-5, 5, "int8"), (0, 2**40, "int64"), (10, 11, "uint8")])
def test_randint_takes_every_number(low: int, high: int, dtype: str) -> None:
    x = random.randint((N,), low, high, dtype=dtype, seed=1)
    assert x.dtype == dtype and x.min() >= low and x.max() < high
    if high - low < 100:
        counts = np.unique(x, return_counts=True)[1]
        assert len(counts) == high - low and np.ptp(counts) < 5 * (2 * N / (high - low)) ** 0.5 + 1
    else:
        assert abs(x.mean() / high - 0.5) < 0.01 and len(np.unique(x)) > 0.99 * N


def test_same_seed_same_numbers() -> None:
    for draw in (random.uniform, random.normal, random.truncated_normal):
        assert np.array_equal(draw((5,), seed=7), draw((5,), seed=7))
        assert not np.array_equal(draw((5,), seed=7), draw((5,), seed=8))
    assert np.array_equal(random.uniform((7,), seed=3)[:5], random.uniform((5,), seed=3))


def test_seed_generator() -> None:
    g = random.SeedGenerator(5, name="g")
    a, b = random.uniform((4,), seed=g), random.uniform((4,), seed=g)
    assert not np.array_equal(a, b) and g.state.numpy().tolist() == [5, 2]
    assert np.array_equal(a, random.uniform((4,), seed=5))
    again = random.SeedGenerator.from_config(g.get_config())
    assert g.get_config() == {"seed": 5, "name": "g"} and np.array_equal(random.uniform((4,), seed=again), a)
    assert g.state.dtype == "uint32" and not g.state.trainable and g.state.name == "seed_generator_state"
    for bad in ("a", 1.5, -1, True):
        with pytest.raises(ValueError, match="seed"):
            random.SeedGenerator(bad)


def test_seeds_of_the_process() -> None:
    graphnn.utils.set_random_seed(11)
    a, b = random.normal((3,)), random.normal((3,))
    graphnn.utils.set_random_seed(11)
    assert np.array_equal(a, random.normal((3,))) and np.array_equal(b, random.normal((3,))) and not np.array_equal(a, b)
    with pytest.raises(ValueError, match="SeedGenerator"):
        random.uniform((2,), seed="a")


def test_inside_a_model_as_outside() -> None:
    class Noise(graphnn.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seed_generator = random.SeedGenerator(9)

        def call(self, x: Any) -> Any:
            return x + random.normal(ops.shape(x), seed=self.seed_generator)

    x = graphnn.Input((3,))
    layer = Noise()
    model = graphnn.Model(x, layer(x))
    data = np.zeros((4, 3), "float32")
    first, second = model(data), model(data)
    g = random.SeedGenerator(9)
    assert np.array_equal(first, random.normal((4, 3), seed=g)) and np.array_equal(second, random.normal((4, 3), seed=g))
    assert layer.seed_generator.state.numpy().tolist() == [9, 2]


def test_drawn_by_the_compiled_program_as_by_the_interpreter() -> None:
    key = np.array([3, 4], "uint32")

    def body() -> list[Any]:
        return [bits.bits(key, (50,)), bits.unit(key, (50,), "float32"), bits.standard_normal(key, (50,), "float32")]

    for a, b in zip(Executable(trace(body, []))([]), Executable(trace(body, []), eager=True)([]), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=2e-6)


def test_dropout() -> None:
    x = np.arange(1, 13, dtype="float32").reshape(3, 4)
    assert np.array_equal(random.dropout(x, 0.0, seed=1), x) and not random.dropout(x, 1.0, seed=1).any()
    y = random.dropout(np.ones((200, 50), "float32"), 0.5, noise_shape=(None, 1), seed=1)
    assert (y.max(1) == y.min(1)).all() and set(np.unique(y)) == {0, 2}
    symbolic = random.dropout(graphnn.KerasTensor((None, 4)), 0.5, seed=1)
    assert symbolic.shape == (None, 4)


def test_dropout_keeps_the_gradient_where_it_keeps_the_number() -> None:
    x = np.ones(100, "float32")
    kept = random.dropout(x, 0.5, seed=4)
    _, g = graphnn.value_and_grad(lambda v: ops.sum(random.dropout(v, 0.5, seed=4)))(x)
    assert np.array_equal(g, kept)


def test_shuffle() -> None:
    x = np.arange(40).reshape(20, 2)
    y = random.shuffle(x, seed=1)
    assert not np.array_equal(x, y) and np.array_equal(np.sort(y, 0), x) and (np.diff(y, axis=1) == 1).all()
    z = random.shuffle(x.T, axis=1, seed=1)
    assert np.array_equal(z, y.T)
    orders = {tuple(random.shuffle([0, 1, 2], seed=s).tolist()) for s in range(60)}
    assert len(orders) == 6


def test_categorical() -> None:
    logits = np.array([[0.0, 50.0, 0.0], [50.0, 0.0, -np.inf]], "float32")
    x = random.categorical(logits, 5, seed=1)
    assert x.shape == (2, 5) and x.dtype == "int32" and (x[0] == 1).all() and (x[1] == 0).all()
    with pytest.raises(ValueError, match="two axes"):
        random.categorical([0.0, 1.0], 2)


def test_wrong_dtypes() -> None:
    for draw in (random.uniform, random.normal, random.truncated_normal):
        with pytest.raises(ValueError, match="dtype"):
            draw((2,), dtype="int32")
    with pytest.raises(ValueError, match="dtype"):
        random.randint((2,), 0, 3, dtype="float32")


def test_parameters_may_be_tensors() -> None:
    x = random.normal((1000, 2), mean=np.array([0.0, 100.0], "float32"), stddev=[1.0, 0.1], seed=1)
    assert abs(x[:, 0].mean()) < 0.2 and abs(x[:, 1].mean() - 100) < 0.1
    assert random.binomial((3, 2), np.array([1, 50]), [1.0, 1.0], seed=1).tolist() == [[1, 50]] * 3
    assert random.gamma((1000,), np.full(1000, 2.0, "float32"), seed=1).shape == (1000,)
