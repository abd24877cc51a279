"""Whole convolutional models: both layouts, batch norm in inference, what is compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphnn
from graphnn import layers

R = np.random.RandomState(0)


def network(data_format: str) -> Any:
    """A residual network with about every layer that has a layout."""
    second = data_format == "channels_first"
    axis, k = (1 if second else -1), {"data_format": data_format}
    x = start = graphnn.Input((3, 12, 12) if second else (12, 12, 3))
    x = layers.ZeroPadding2D(1, **k)(x)
    x = layers.Conv2D(4, 3, **k)(x)
    x = layers.BatchNormalization(axis=axis)(x)
    x = layers.ReLU()(x)
    y = layers.Conv2D(4, 3, padding="same", use_bias=False, **k)(x)
    y = layers.GroupNormalization(2, axis=axis)(y)
    x = layers.Add()([x, layers.PReLU(shared_axes=[2, 3] if second else [1, 2])(y)])
    y = layers.Conv2D(6, 3, strides=2, padding="same", **k)(x)
    y = layers.UpSampling2D(2, **k)(layers.DepthwiseConv2D(3, padding="same", **k)(y))
    x = layers.Concatenate(axis=axis)([x, y])
    x = layers.Cropping2D(1, **k)(layers.SeparableConv2D(5, 3, padding="same", **k)(x))
    x = layers.BatchNormalization(axis=axis)(layers.Conv2DTranspose(3, 2, strides=2, **k)(x))
    x = layers.AveragePooling2D(2, **k)(layers.MaxPooling2D(2, **k)(x))
    x = layers.GlobalAveragePooling2D(**k)(x)
    return graphnn.Model(start, layers.Dense(2)(x))


def transposes(model: Any, job: str) -> list[Any]:
    """The shapes of what is transposed in a compiled step and is an image."""
    (step,) = [s for name, s in model._compiled.steps.named() if name == job]
    nodes = [n for n in step.executable.graph.nodes if type(n.op).__name__ == "Transpose"]
    return [n.inputs[0].shape[1:] for n in nodes if sum(d != 1 for d in n.inputs[0].shape) == 4]


def test_both_layouts_train_alike_and_the_input_is_all_that_is_transposed() -> None:
    R = np.random.RandomState(0)  # the same numbers in any order of tests
    last, second = network("channels_last"), network("channels_first")
    for w in last.weights:
        w.assign(R.uniform(0.1, 0.6, w.shape) * R.choice([-1, 1], w.shape) if w.trainable else R.uniform(0.5, 1.5, w.shape))

    def moved(a: Any, like: Any) -> Any:
        return a if a.shape == like.shape else a.reshape(like.shape)

    second.set_weights([moved(w.numpy(), v) for w, v in zip(last.weights, second.weights, strict=True)])
    x = R.standard_normal((8, 12, 12, 3)).astype("float32")
    y = R.standard_normal((8, 2)).astype("float32")
    first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    assert np.allclose(last.predict(x, verbose=0), second.predict(first, verbose=0), atol=1e-4)
    assert transposes(last, "predict") == [] and transposes(second, "predict") == [(3, 12, 12)]
    losses = []
    for model, data in ((last, x), (second, first)):
        model.compile(graphnn.optimizers.SGD(1e-3), "mse")
        losses.append(model.fit(data, y, epochs=3, batch_size=4, shuffle=False, verbose=0).history["loss"])
    assert np.allclose(*losses, rtol=1e-4)
    assert transposes(last, "train") == [] and transposes(second, "train") == [(3, 12, 12)]
    for w, v in zip(last.weights, second.weights, strict=True):
        assert np.allclose(moved(w.numpy(), v), v, atol=1e-3)


def test_batch_norm_in_inference_follows_the_weights() -> None:
    start = graphnn.Input((6, 6, 2))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3)(start)))
    x = layers.BatchNormalization(name="flat")(layers.Dense(3)(layers.Flatten()(x)))
    model = graphnn.Model(start, x)
    data = R.standard_normal((5, 6, 6, 2)).astype("float32")
    for _ in range(2):
        model.set_weights([R.uniform(0.2, 1.5, w.shape) for w in model.weights])
        compiled = [model.predict(data, verbose=0), np.asarray(model(data))]
        model.run_eagerly = True
        want = model.predict(data, verbose=0)
        model.run_eagerly = False
        for found in compiled:
            assert np.allclose(found, want, rtol=1e-4, atol=1e-4)
    model.compile("sgd", "mse")
    model.fit(data, np.ones((5, 3)), verbose=0)
    after = model.predict(data, verbose=0)
    model.run_eagerly = True
    assert np.allclose(after, model.predict(data, verbose=0), rtol=1e-4, atol=1e-4)


def test_a_frozen_batch_norm_trains_as_in_inference() -> None:
    start = graphnn.Input((5, 5, 2))
    norm = layers.BatchNormalization()
    model = graphnn.Model(start, layers.GlobalAveragePooling2D()(layers.ReLU()(norm(layers.Conv2D(3, 3)(start)))))
    norm.trainable = False
    model.set_weights([R.uniform(0.2, 1.0, w.shape) for w in model.weights])
    before = [w.numpy() for w in norm.weights]
    data, y = R.standard_normal((6, 5, 5, 2)).astype("float32"), R.standard_normal((6, 3)).astype("float32")
    model.compile(graphnn.optimizers.SGD(0.05), "mse")
    loss = model.evaluate(data, y, verbose=0)
    assert np.isclose(model.train_on_batch(data, y), loss, rtol=1e-5)
    assert all(np.array_equal(a, b) for a, b in zip(before, norm.weights, strict=True))
    assert model.evaluate(data, y, verbose=0) < loss
