"""Predictions in blocks of rows: when rows do not depend on one another, a batch that is too large for the caches is cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers
from graphnn.training import blocks


def convnet(extra: Any = None) -> Any:
    x = h = graphnn.Input((20, 20, 3))
    for _ in range(2):
        h = layers.Conv2D(48, 3, padding="same", activation="relu")(h)
    if extra is not None:
        h = extra(h)
    return graphnn.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D()(h)))


def test_predictions_are_made_in_blocks_with_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).standard_normal((150, 20, 20, 3)).astype("float32")
    model = convnet()
    found = model.predict(x, batch_size=64, verbose=0)
    again = model.predict(x, batch_size=64, verbose=0)
    (step,) = [s for _, s in model._compiled.steps.named()]
    assert step.apart and step.blocks.sizes[64, 20, 20, 3] == 16
    np.testing.assert_array_equal(found, again)
    monkeypatch.setattr(blocks, "CACHE", 1 << 40)
    step.blocks.sizes.clear()
    np.testing.assert_array_equal(model.predict(x, batch_size=64, verbose=0), found)
    assert step.blocks.sizes[64, 20, 20, 3] == 64


def test_a_layer_that_mixes_rows_gets_the_batches_that_were_asked_for() -> None:
    x = np.random.default_rng(0).standard_normal((128, 20, 20, 3)).astype("float32")
    seen = layers.Lambda(lambda h: h - graphnn.ops.mean(h, axis=0, keepdims=True))
    model = convnet(seen)
    found = model.predict(x, batch_size=64, verbose=0)
    np.testing.assert_allclose(found[:64], model.predict_on_batch(x[:64]), atol=1e-5)
    assert not next(s for _, s in model._compiled.steps.named()).apart


def test_large_weights_are_read_for_several_batches_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "HEAVY", 1 << 10)
    x = np.random.default_rng(0).standard_normal((100, 200)).astype("float32")
    model = graphnn.Sequential([graphnn.Input((200,)), layers.Dense(300, activation="relu"), layers.Dense(5)])
    found = [model.predict(x, batch_size=8, verbose=0) for _ in range(3)]
    (step,) = [s for _, s in model._compiled.steps.named()]
    assert step.blocks.sizes[8, 200] == 32
    forms = [step.executable, *([step.executable._resting.form.main] if step.executable._resting and step.executable._resting.form else [])]
    assert any(key[0][0] in ((16, 200), (32, 200)) for form in forms for key in form._programs)
    for again in found:
        np.testing.assert_array_equal(again, found[0])
    np.testing.assert_allclose(found[0], model.predict_on_batch(x), rtol=1e-6)


def test_recurrent_layers_are_predicted_in_blocks_with_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.random.default_rng(0).integers(0, 50, (100, 30)).astype("int32")
    h = layers.Embedding(50, 16, mask_zero=True)(x := graphnn.Input((30,), dtype="int32"))
    h = layers.Bidirectional(layers.LSTM(16, return_sequences=True))(h)
    model = graphnn.Model(x, layers.Dense(2)(layers.GRU(8)(h)))
    found = model.predict(ids, batch_size=64, verbose=0)
    (step,) = [s for _, s in model._compiled.steps.named()]
    assert step.apart
    for cache, size in ((1 << 40, 64), (1, 16)):
        monkeypatch.setattr(blocks, "CACHE", cache)
        step.blocks.sizes.clear()
        np.testing.assert_array_equal(model.predict(ids, batch_size=64, verbose=0), found)
        assert step.blocks.sizes[64, 30] == size
