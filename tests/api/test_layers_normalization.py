"""BatchNormalization, LayerNormalization, RMSNormalization, UnitNormalization, GroupNormalization."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.testing import check_layer

R = np.random.RandomState(0)
X = (R.standard_normal((8, 5, 3)) * [1.0, 2.0, 3.0] + [0.0, 1.0, -2.0]).astype("float32")


def normalized(x: Any, axes: Any, epsilon: float = 1e-3) -> Any:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize(
    ("kwargs", "shape"),
    [
        ({}, (6, 3)),
        ({"axis": 1}, (6, 3, 4)),
        ({"axis": -1, "momentum": 0.5, "epsilon": 1e-2}, (4, 2, 2, 3)),
        ({"center": False}, (6, 3)),
        ({"scale": False, "center": False}, (6, 3)),
        ({"gamma_regularizer": "l2", "beta_constraint": "non_neg"}, (6, 3)),
        ({"renorm": True, "renorm_clipping": {"rmax": 2.0, "rmin": 0.5, "dmax": 1.0}}, (6, 3)),
    ],
)
def test_batch_normalization(kwargs: dict[str, Any], shape: Any) -> None:
    names = ["gamma"] * kwargs.get("scale", True) + ["beta"] * kwargs.get("center", True) + ["moving_mean", "moving_variance"]
    names += ["moving_stddev", "renorm_mean", "renorm_stddev"] * kwargs.get("renorm", False)
    # Renormalisation passes no gradient through its corrections, on purpose, so differences do not agree with it.
    gradient = not kwargs.get("renorm", False)
    check_layer(layers.BatchNormalization, kwargs, shape, expected_output_shape=shape, expected_weights=names, gradient=gradient)


def test_batch_statistics() -> None:
    layer = layers.BatchNormalization(momentum=0.9)
    assert np.allclose(layer(X), X / np.sqrt(1.001), atol=1e-5), "inference starts from mean 0 and variance 1"
    assert np.allclose(layer(X, training=True), normalized(X, (0, 1)), atol=1e-4)
    assert np.allclose(layer.moving_mean, 0.1 * X.mean((0, 1)), atol=1e-5)
    assert np.allclose(layer.moving_variance, 0.9 + 0.1 * X.var((0, 1)), atol=1e-4)
    for _ in range(300):
        layer(X, training=True)
    assert np.allclose(layer(X), normalized(X, (0, 1)), atol=1e-3)
    assert [w.name for w in layer.trainable_weights] == ["gamma", "beta"]


def test_frozen_batch_normalization_works_as_in_inference() -> None:
    layer = layers.BatchNormalization()
    layer(X)
    layer.trainable = False
    before = layer.get_weights()
    assert np.allclose(layer(X, training=True), X / np.sqrt(1.001), atol=1e-5)
    assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 4


def test_batch_normalization_in_a_model_that_trains() -> None:
    x = graphnn.Input((3,))
    layer = layers.BatchNormalization(momentum=0.5)
    model = graphnn.Model(x, layers.Dense(1)(layer(x)))
    model.compile("sgd", "mse")
    data = (R.standard_normal((64, 3)) * 2 + 5).astype("float32")
    model.fit(data, data.sum(1, keepdims=True), epochs=2, batch_size=16, verbose=0)
    assert np.all(np.abs(layer.moving_mean.numpy() - 5) < 1.5)


def test_mask_leaves_places_out_of_the_statistics() -> None:
    layer = layers.BatchNormalization(momentum=0.0)
    mask = R.rand(8, 5) > 0.4
    y = layer(X, training=True, mask=mask)
    kept = X[mask]
    want = (X - kept.mean(0)) / np.sqrt(kept.var(0) + 1e-3)
    assert np.allclose(y, want, atol=1e-4) and np.allclose(layer.moving_mean, kept.mean(0), atol=1e-4)
    with pytest.raises(ValueError, match="mask"):
        layer(X, training=True, mask=np.ones((8, 5, 3), bool))


def test_one_sample_per_channel() -> None:
    y = layers.BatchNormalization()(np.ones((1, 3), "float32"), training=True)
    assert np.allclose(y, 0)


def test_batch_normalization_arguments() -> None:
    with pytest.raises(ValueError, match="synchronized"):
        layers.BatchNormalization(synchronized=True)
    for clipping in ({"rmax": 1.0, "rmin": 2.0}, {"dmax": -1.0}, {"other": 1.0}):
        with pytest.raises(ValueError, match="renorm_clipping"):
            layers.BatchNormalization(renorm=True, renorm_clipping=clipping)
    with pytest.raises(ValueError, match="out of bounds"):
        layers.BatchNormalization(axis=4)(X)
    with pytest.raises(ValueError, match="known extent"):
        layers.BatchNormalization()(graphnn.Input((4, None)))


@pytest.mark.parametrize(
    ("kwargs", "axes"),
    [
        ({}, (2,)),
        ({"axis": [1, 2]}, (1, 2)),
        ({"axis": 1}, (1,)),
        ({"center": False}, (2,)),
        ({"scale": False}, (2,)),
        ({"epsilon": 0.1}, (2,)),
    ],
)
def test_layer_normalization(kwargs: dict[str, Any], axes: Any) -> None:
    layer = check_layer(layers.LayerNormalization, kwargs, (8, 5, 3), expected_output_shape=(8, 5, 3))
    assert [w.shape for w in layer.weights] == [tuple(X.shape[a] for a in axes)] * len(layer.weights)
    assert np.allclose(layers.LayerNormalization(**kwargs)(X), normalized(X, axes, kwargs.get("epsilon", 1e-3)), atol=1e-4)


def test_layer_normalization_of_old() -> None:
    with pytest.warns(UserWarning, match="rms_scaling"):
        layer = layers.LayerNormalization(rms_scaling=True)
    assert np.allclose(layer(X), X / np.sqrt(X.var(-1, keepdims=True) + 1e-3), atol=1e-4)
    assert [w.name for w in layer.weights] == ["gamma"]
    with pytest.raises(TypeError, match="axis"):
        layers.LayerNormalization(axis="x")  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", [-1, [1, 2]])
def test_rms_normalization(axis: Any) -> None:
    layer = check_layer(layers.RMSNormalization, {"axis": axis}, (8, 5, 3), expected_weights=["scale"])
    axes = tuple(axis) if isinstance(axis, list) else axis
    assert np.allclose(layer(X), X / np.sqrt((X**2).mean(axes, keepdims=True) + 1e-6), atol=1e-4)


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_unit_normalization(axis: Any) -> None:
    layer = check_layer(layers.UnitNormalization, {"axis": axis}, (8, 5, 3), expected_weights=[])
    axes = tuple(axis) if isinstance(axis, list) else axis
    assert np.allclose(np.sum(np.square(layer(X)), axis=axes), 1, atol=1e-5)
    assert np.array_equal(layer(np.zeros_like(X)), np.zeros_like(X))


@pytest.mark.parametrize(("groups", "axis"), [(2, -1), (1, -1), (-1, -1), (4, -1), (2, 1)])
def test_group_normalization(groups: int, axis: int) -> None:
    layer = check_layer(
        layers.GroupNormalization, {"groups": groups, "axis": axis}, (3, 4, 4), expected_weights=["gamma", "beta"]
    )
    x = R.standard_normal((3, 4, 4)).astype("float32")
    moved = x if axis == -1 else x.transpose(0, 2, 1)
    n = 4 if groups == -1 else groups
    want = normalized(moved.reshape(3, 4, n, 4 // n), (1, 3)).reshape(3, 4, 4)
    assert np.allclose(layer(x), want if axis == -1 else want.transpose(0, 2, 1), atol=1e-4)


def test_group_normalization_arguments() -> None:
    with pytest.raises(ValueError, match="groups"):
        layers.GroupNormalization(0)
    with pytest.raises(ValueError, match=r"groups=2.*3 channels"):
        layers.GroupNormalization(2)(X)
