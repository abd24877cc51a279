"""RematScope: less work space, the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers


def mlp(scope: Any) -> Any:
    shared = None
    x = inputs = graphnn.Input((64,))
    for _ in range(4):
        with scope():
            block = graphnn.Sequential(
                [
                    *(layers.Dense(64, "gelu"), layers.BatchNormalization(), layers.Dropout(0.2)),
                    *(layers.Dense(64, "gelu"), layers.Dense(64, "tanh")),
                ]
            )
        x = block(x)
        shared = shared or block
    x = shared(x)
    return graphnn.Model(inputs, layers.Dense(1)(x))


def images(scope: Any) -> Any:
    model = graphnn.Sequential([graphnn.Input((8, 8, 3)), layers.Conv2D(8, 3, padding="same")])
    for _ in range(4):
        with scope():
            block = graphnn.Sequential(
                [
                    *(layers.Conv2D(8, 3, padding="same"), layers.BatchNormalization(), layers.Activation("gelu")),
                    *(layers.Conv2D(8, 3, padding="same"), layers.BatchNormalization(), layers.Activation("gelu")),
                ]
            )
        model.add(block)
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(1))
    return model


def trained(make: Callable[[Any], Any], scope: Any, shape: tuple[int, ...]) -> tuple[list[Any], int]:
    graphnn.utils.set_random_seed(3)
    model = make(scope)
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((256, *shape)).astype("float32"), rng.standard_normal((256, 1)).astype("float32")
    history = model.fit(x, y, batch_size=128, epochs=2, verbose=0, shuffle=False)
    report = next(r for name, r in model.compile_report().items() if "train" in name)
    return [np.asarray(history.history["loss"]), *model.get_weights()], report.arena_bytes


def nothing() -> Any:
    return graphnn.RematScope(None)


@pytest.mark.parametrize(("make", "shape"), [(mlp, (64,)), (images, (8, 8, 3))], ids=["mlp", "images"])
def test_less_work_space_and_the_same_bits(make: Any, shape: Any) -> None:
    plain, before = trained(make, nothing, shape)
    again, after = trained(make, graphnn.RematScope, shape)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(plain, again, strict=True))
    assert after < 0.7 * before, (after, before)


def recurrent(scope: Any) -> graphnn.Model:
    with scope():
        first = layers.Bidirectional(layers.LSTM(12, return_sequences=True, recurrent_dropout=0.2), name="first")
        last = layers.GRU(8, go_backwards=True)
    return graphnn.Sequential([graphnn.Input((150, 4)), first, layers.Masking(), last, layers.Dense(1)])


def test_recurrent_layers_keep_some_states_only() -> None:
    plain, before = trained(recurrent, nothing, (150, 4))
    again, after = trained(recurrent, graphnn.RematScope, (150, 4))
    for a, b in zip(plain, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)
    assert after < 0.7 * before, (after, before)


def test_steps_that_are_computed_again() -> None:
    lstm = layers.LSTM(3, name="a")
    n = graphnn.Input((None, 2))
    assert graphnn.RematScope().steps_again(lstm, 1000) == 31
    assert graphnn.RematScope().steps_again(lstm, n.dims[1]) == 64
    assert graphnn.RematScope("list_of_layers", layer_names=["a"]).steps_again(lstm, 16) == 4
    assert graphnn.RematScope("list_of_layers", layer_names=["b"]).steps_again(lstm, 16) == 0
    assert graphnn.RematScope(None).steps_again(lstm, 16) == graphnn.RematScope("activations").steps_again(lstm, 16) == 0
    with graphnn.RematScope():  # lengths that the program learns when it runs, shorter ones than a piece too
        inside = layers.LSTM(3, return_sequences=True)
    outside = layers.LSTM(3, return_sequences=True)
    models = [graphnn.Sequential([graphnn.Input((None, 2)), layer]) for layer in (inside, outside)]
    models[1].set_weights(models[0].get_weights())
    for length in (1, 63, 64, 150):
        x = np.random.default_rng(length).standard_normal((4, length, 2)).astype("float32")
        for m in models:
            m.compile("sgd", "mse")
        losses = [m.train_on_batch(x, np.ones((4, length, 3), "float32")) for m in models]
        np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
        for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def regions(scope: Any) -> int:
    """How many regions a model of three layers has."""
    from graphnn_compiler.trace import tracing

    with scope:
        model = graphnn.Sequential(
            [
                *(graphnn.Input((4,)), layers.Dense(8, "tanh", name="a"), layers.Dense(4, "tanh", name="b")),
                layers.Dense(2, name="c"),
            ]
        )
    with tracing() as tracer:
        model(tracer.input((2, 4), "float32"), training=True)
        return len({n.region for n in tracer.graph.nodes} - {None})


def test_modes() -> None:
    assert regions(graphnn.RematScope()) == 3
    assert regions(graphnn.RematScope(None)) == 0
    assert regions(graphnn.RematScope("list_of_layers", layer_names=["a", "c"])) == 2
    assert regions(graphnn.RematScope("larger_than", output_size_threshold=8)) == 1
    assert regions(graphnn.RematScope("larger_than", output_size_threshold=16)) == 0
    assert regions(graphnn.RematScope("activations")) == 3
    with graphnn.RematScope():
        assert regions(graphnn.RematScope(None)) == 0


def test_config_is_unaffected() -> None:
    with graphnn.RematScope():
        inside = layers.Dense(3, name="d")
    assert inside.get_config() == layers.Dense(3, name="d").get_config()


def test_remat_of_a_function_repeats_its_random_numbers() -> None:
    def gradient(wrap: Any) -> Any:
        seeds = graphnn.random.SeedGenerator(5)
        f = wrap(lambda x: graphnn.ops.tanh(graphnn.random.dropout(x, 0.5, seed=seeds)) ** 2)
        x = np.linspace(-1, 1, 50, dtype="float32")
        return graphnn.value_and_grad(lambda x: graphnn.ops.sum(f(x) * x))(x)

    plain, again = gradient(lambda f: f), gradient(graphnn.remat)
    assert [np.asarray(a).tobytes() for a in plain] == [np.asarray(a).tobytes() for a in again]


@pytest.mark.parametrize("mode", ["bad", "FULL", "", 3])
def test_bad_mode(mode: Any) -> None:
    with pytest.raises(ValueError, match="mode"):
        graphnn.RematScope(mode)


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match="output_size_threshold"):
        graphnn.RematScope("larger_than", output_size_threshold="a")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="layer_names"):
        graphnn.RematScope("list_of_layers", layer_names="abc")
    with pytest.raises(TypeError, match="callable"):
        graphnn.remat(3)  # type: ignore[arg-type]
