"""SpectralNormalization, and the base of layers around layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.testing import check_layer

R = np.random.RandomState(0)
X = R.standard_normal((4, 5)).astype("float32")


@pytest.mark.parametrize(
    ("inner", "shape", "names"),
    [
        (lambda: layers.Dense(3), (4, 5), ["kernel", "vector_u", "bias"]),
        (lambda: layers.Conv2D(3, 2, padding="same"), (2, 3, 4, 2), ["kernel", "vector_u", "bias"]),
        (lambda: layers.Conv1DTranspose(3, 2, use_bias=False), (2, 3, 2), ["kernel", "vector_u"]),
        (lambda: layers.DepthwiseConv2D(2), (2, 3, 4, 2), ["kernel", "vector_u", "bias"]),
    ],
)
def test_around_a_layer(inner: Any, shape: Any, names: list[str]) -> None:
    def make(**kwargs: Any) -> Any:
        dtype = kwargs.get("dtype", "float32")
        layer = inner()
        layer.dtype_policy = dtype
        return layers.SpectralNormalization(layer, **kwargs)

    # In training the gradient is taken at the divided kernel, so differences by the kernel before it are something else.
    layer = check_layer(make, {}, shape, expected_weights=names, gradient=False)
    assert layer.vector_u.shape == (1, layer.kernel.shape[-1])


def test_the_kernel_comes_to_norm_1() -> None:
    layer = layers.SpectralNormalization(layers.Dense(3, use_bias=False), power_iterations=20)
    before = layer(X)
    kernel = layer.kernel.numpy()
    assert np.allclose(before, X @ kernel, atol=1e-5), "inference uses the kernel as it is"
    assert np.array_equal(layer.kernel.numpy(), kernel)
    after = layer(X, training=True)
    want = kernel / np.linalg.norm(kernel, 2)
    assert np.allclose(layer.kernel, want, atol=1e-5) and np.allclose(after, X @ want, atol=1e-4)
    assert layer.kernel is layer.layer.kernel
    assert np.isclose(np.linalg.norm(layer.vector_u), 1, atol=1e-5)


def test_a_training_step_updates_the_divided_kernel() -> None:
    x = graphnn.Input((5,))
    layer = layers.SpectralNormalization(layers.Dense(2, use_bias=False))
    model = graphnn.Model(x, layer(x))
    model.compile(graphnn.optimizers.SGD(0.1), "mse")
    start, u = layer.kernel.numpy(), layer.vector_u.numpy()
    v = u @ start.T
    v /= np.linalg.norm(v)
    new_u = v @ start
    new_u /= np.linalg.norm(new_u)
    divided = start / (v @ start @ new_u.T)
    y = R.standard_normal((4, 2)).astype("float32")
    model.train_on_batch(X, y)
    gradient = X.T @ (X @ divided - y) * 2 / y.size
    assert np.allclose(layer.vector_u, new_u, atol=1e-5)
    assert np.allclose(layer.kernel, divided - 0.1 * gradient, atol=1e-5)


def test_embeddings() -> None:
    layer = layers.SpectralNormalization(layers.Embedding(7, 3))
    ids = np.array([[1, 2], [6, 0]])
    assert layer(ids).shape == (2, 2, 3) and [w.name for w in layer.weights] == ["embeddings", "vector_u"]


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"'flat'.*kernel"):
        layers.SpectralNormalization(layers.Flatten(), name="flat")(X)
    with pytest.raises(ValueError, match="power_iterations=0"):
        layers.SpectralNormalization(layers.Dense(2), power_iterations=0)
    with pytest.raises(ValueError, match="layer='x'"):
        layers.SpectralNormalization("x")  # type: ignore[arg-type]


def test_a_wrapper_of_ones_own() -> None:
    class Twice(layers.Wrapper):
        def call(self, x: Any) -> Any:
            return self.layer(self.layer(x))

    layer = Twice(layers.Dense(5, name="inside"))
    assert np.allclose(layer(X), layer.layer(layer.layer(X)), atol=1e-6)
    assert [w.path for w in layer.weights] == ["twice/inside/kernel", "twice/inside/bias"]
    again = Twice.from_config(layer.get_config())
    assert again.layer.units == 5 and again.layer.name == "inside"
