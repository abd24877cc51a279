"""Dropout and its relatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.testing import check_layer

ONES = np.ones((200, 200), "float32")


@pytest.mark.parametrize(
    ("cls", "kwargs"),
    [
        (layers.Dropout, {"rate": 0.3}),
        (layers.Dropout, {"rate": 0.0}),
        (layers.Dropout, {"rate": 0.5, "noise_shape": (None, 1), "seed": 3}),
        (layers.AlphaDropout, {"rate": 0.2, "seed": 1}),
        (layers.GaussianDropout, {"rate": 0.3, "seed": 1}),
        (layers.GaussianNoise, {"stddev": 0.5, "seed": 1}),
        (layers.GaussianNoise, {"stddev": 0.0}),
        (layers.ActivityRegularization, {"l1": 0.1, "l2": 0.2}),
    ],
)
def test_layers(cls: Any, kwargs: dict[str, Any]) -> None:
    layer = check_layer(cls, kwargs, (4, 5), expected_output_shape=(4, 5), expected_weights=[])
    assert np.array_equal(layer(ONES[:4, :5]), ONES[:4, :5])


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_spatial(rank: int, data_format: str) -> None:
    cls = (layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D)[rank - 1]
    kwargs = {"rate": 0.5} | ({"data_format": data_format} if rank > 1 else {})
    check_layer(cls, kwargs, (2, *(3,) * rank, 4), expected_output_shape=(2, *(3,) * rank, 4))
    first = data_format == "channels_first" and rank > 1
    shape = (40, 20, *(3,) * rank) if first else (40, *(3,) * rank, 20)
    y = np.asarray(cls(**kwargs)(np.ones(shape, "float32"), training=True))
    axes = tuple(range(2, rank + 2)) if first else tuple(range(1, rank + 1))
    assert np.array_equal(y.max(axes), y.min(axes)) and 0.3 < (y == 0).mean() < 0.7
    with pytest.raises(ValueError, match=f"ndim={rank + 2}"):
        cls(0.5)(np.ones((2, 3), "float32") if rank > 0 else ONES)


@pytest.mark.parametrize(("rate", "noise_shape"), [(0.2, None), (0.8, None), (0.5, (None, 1)), (0.5, (1, 200))])
def test_dropout_statistics(rate: float, noise_shape: Any) -> None:
    layer = layers.Dropout(rate, noise_shape=noise_shape)
    y, z = (np.asarray(layer(ONES, training=True)) for _ in range(2))
    assert set(np.unique(y)) <= {0.0, np.float32(1 / (1 - rate))} and not np.array_equal(y, z)
    spread = 0.02 if noise_shape is None else 0.2
    assert abs((y == 0).mean() - rate) < spread
    if noise_shape:
        axis = noise_shape.index(1)
        assert np.array_equal(y.max(axis), y.min(axis))


def test_everything_dropped() -> None:
    assert not np.asarray(layers.Dropout(1.0)(ONES, training=True)).any()
    assert np.isfinite(np.asarray(layers.AlphaDropout(1.0)(ONES, training=True))).all()
    with pytest.raises(ValueError, match="infinite variance"):
        layers.GaussianDropout(1.0)(ONES, training=True)


def test_moments() -> None:
    y = np.asarray(layers.GaussianDropout(0.2, seed=0)(ONES, training=True))
    assert abs(y.mean() - 1) < 0.02 and abs(y.std() - 0.5) < 0.02
    y = np.asarray(layers.GaussianNoise(0.3, seed=0)(ONES, training=True))
    assert abs(y.mean() - 1) < 0.02 and abs(y.std() - 0.3) < 0.02
    x = np.random.RandomState(0).standard_normal((300, 300)).astype("float32")
    y = np.asarray(layers.AlphaDropout(0.3, seed=0)(x, training=True))
    assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.03


def test_seeds() -> None:
    a, b = layers.Dropout(0.5, seed=7), layers.Dropout(0.5, seed=7)
    assert np.array_equal(a(ONES, training=True), b(ONES, training=True))
    graphnn.utils.set_random_seed(3)
    first = np.asarray(layers.Dropout(0.5)(ONES, training=True))
    graphnn.utils.set_random_seed(3)
    assert np.array_equal(layers.Dropout(0.5)(ONES, training=True), first)


def test_the_backward_mask_is_the_forward_one() -> None:
    layer = layers.Dropout(0.5, seed=1)
    x = graphnn.Input((50,))
    model = graphnn.Model(x, layer(x))
    value, grad = graphnn.value_and_grad(lambda a: graphnn.ops.sum(model(a, training=True)))(ONES[:20, :50])
    y = np.asarray(grad)
    assert set(np.unique(y)) == {0.0, 2.0} and np.isclose(float(value), y.sum())


@pytest.mark.parametrize("cls", [layers.Dropout, layers.AlphaDropout, layers.GaussianDropout])
@pytest.mark.parametrize("rate", [-0.1, 1.1, "0.5", None])
def test_rates(cls: Any, rate: Any) -> None:
    with pytest.raises(ValueError if isinstance(rate, float) else TypeError, match=f"{cls.__name__}.*rate"):
        cls(rate)


@pytest.mark.parametrize("noise_shape", ["abc", 3, (0, 1), (1.5, 2), (-1, 2)])
def test_noise_shapes(noise_shape: Any) -> None:
    with pytest.raises(ValueError, match="noise_shape"):
        layers.Dropout(0.5, noise_shape=noise_shape)
    with pytest.raises(ValueError, match="axes"):
        layers.Dropout(0.5, noise_shape=(1, 2, 3))(ONES, training=True)


def test_activity_regularization() -> None:
    layer = layers.ActivityRegularization(l1=0.5, l2=0.25)
    x = np.array([[1.0, -2.0], [3.0, 0.0]], "float32")
    layer(x)
    assert np.isclose(float(layer.losses[0]), (0.5 * 6 + 0.25 * 14) / 2)
