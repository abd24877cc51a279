"""Small promises of Keras 3 that scripts rely on: what hooks are given, what a fresh layer knows, which error comes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from training_support import SPARSE, classifier, data, two_outputs

import graphnn
from graphnn import layers, optimizers
from graphnn.callbacks import Callback

X, Y = data()
HOOKS = [f"on_{job}_{when}" for job in ("train", "test", "predict", "epoch") for when in ("begin", "end")] + [
    f"on_{job}_batch_{when}" for job in ("train", "test", "predict") for when in ("begin", "end")
]


class Listener(Callback):
    """Keeps the logs of every hook."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: dict[str, Any] = {}


def _hook(name: str) -> Callable[..., None]:
    def hook(self: Listener, *args: Any, logs: Any = None) -> None:
        number = args and isinstance(args[0], int)
        self.heard[name] = logs if len(args) == bool(number) else args[-1]

    return hook


for _name in HOOKS:
    setattr(Listener, _name, _hook(_name))


def test_every_hook_is_given_a_dictionary() -> None:
    model, listener = classifier(), Listener()
    model.fit(X, Y, verbose=0, callbacks=[listener], validation_data=(X, Y))
    model.predict(X, verbose=0, callbacks=[listener])
    assert set(listener.heard) == set(HOOKS)
    assert all(isinstance(logs, dict) for logs in listener.heard.values())
    assert listener.heard["on_train_begin"] == listener.heard["on_epoch_begin"] == listener.heard["on_predict_end"] == {}
    assert "val_loss" in listener.heard["on_epoch_end"] and "outputs" in listener.heard["on_predict_batch_end"]


class Stopper(Callback):
    """Ends evaluation and prediction after two batches."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.model.stop_evaluating = batch == 1

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self.model.stop_predicting = batch == 1


def test_callbacks_can_stop_evaluation_and_prediction() -> None:
    model = classifier()
    whole = model.predict(X, verbose=0, batch_size=3)
    assert model.evaluate(X, Y, batch_size=3, verbose=0, callbacks=[Stopper()]) == model.evaluate(X[:6], Y[:6], verbose=0)
    np.testing.assert_array_equal(model.predict(X, batch_size=3, verbose=0, callbacks=[Stopper()]), whole[:6])
    batches = (X[i : i + 3] for i in range(0, 12, 3))
    np.testing.assert_array_equal(model.predict(batches, verbose=0, callbacks=[Stopper()]), whole[:6])
    assert len(model.predict(X, batch_size=3, verbose=0)) == len(X)  # the next one is not stopped


WEIGHTLESS: list[Callable[[], layers.Layer]] = [
    lambda: layers.Activation("relu"), layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Softmax, layers.Identity,
    layers.UnitNormalization, layers.ActivityRegularization, lambda: layers.Reshape((1,)), lambda: layers.Dropout(0.5),
    lambda: layers.AlphaDropout(0.5), lambda: layers.GaussianDropout(0.5), lambda: layers.GaussianNoise(0.5),
    lambda: layers.SpatialDropout1D(0.5), lambda: layers.SpatialDropout2D(0.5), lambda: layers.SpatialDropout3D(0.5),
]  # fmt: skip


@pytest.mark.parametrize("make", WEIGHTLESS)
def test_a_layer_that_needs_no_building_is_built(make: Callable[[], layers.Layer]) -> None:
    layer = make()
    assert layer.built and layer.count_params() == 0 and layer.get_build_config() is None


def test_a_copied_sequential_model_has_the_same_configuration() -> None:
    model = graphnn.Sequential([graphnn.Input((4,)), layers.Dense(3), layers.Dropout(0.5), layers.ReLU(), layers.Dense(1)])
    config = model.get_config()
    assert graphnn.Sequential.from_config(config).get_config() == config


def test_layer_normalization_of_axes_with_mixed_signs() -> None:
    layer = layers.LayerNormalization(axis=[1, -1])
    x = np.random.RandomState(0).rand(2, 3, 4).astype("float32")
    y = layer(x)
    assert [w.shape for w in layer.weights] == [(4, 3)] * 2  # in the order of the sorted numbers, as in Keras
    centred = x - x.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(y, centred / np.sqrt(x.var((1, 2), keepdims=True) + 1e-3), rtol=1e-5)


def test_empty_metrics_of_two_outputs_are_no_metrics() -> None:
    model = two_outputs(loss=["mse", SPARSE], metrics=[], weighted_metrics=[])
    x = [np.ones((5, 4), "float32"), np.ones((5, 3), "float32")]
    history = model.fit(x, [np.ones((5, 2), "float32"), np.zeros(5, int)], verbose=0)
    assert set(history.history) == {"loss", "a_loss", "b_loss"}


def test_states_of_random_numbers_are_named_after_their_generator() -> None:
    assert graphnn.random.SeedGenerator(1, name="dice").state.path == "dice/seed_generator_state"


def test_weights_are_made_by_position() -> None:
    layer = layers.Layer()
    first = layer.add_weight((2, 3), "ones", "float64", False, name="first")
    second = layer.add_weight("second", (4,), initializer="zeros")  # the order of older scripts
    third = layer.add_weight("third", shape=(5,))
    assert (first.name, first.shape, first.dtype, first.trainable) == ("first", (2, 3), "float64", False)
    assert first.numpy().min() == 1
    assert [(v.name, v.shape) for v in (second, third)] == [("second", (4,)), ("third", (5,))]
    with pytest.raises(TypeError, match="positional"):
        layer.add_weight(*range(11))


def test_a_layer_twice_in_a_sequential_model() -> None:
    shared = layers.Dense(4, name="shared")
    model = graphnn.Sequential([graphnn.Input((4,)), shared, layers.ReLU(), shared])
    assert len(model.layers) == 3 and len(model.weights) == 2
    x = np.random.RandomState(0).rand(2, 4).astype("float32")
    w, b = (v.numpy() for v in shared.weights)
    np.testing.assert_allclose(model.predict(x, verbose=0), np.maximum(x @ w + b, 0) @ w + b, rtol=1e-5)
    with pytest.raises(ValueError, match="unique names"):
        model.add(layers.Dense(1, name="shared"))


@pytest.mark.parametrize(
    ("structure", "loss", "metrics", "keys"),
    [
        (
            lambda a, b, c: [a, [b, c]],
            ["mse", ["mae", "mse"]],
            [["mae"], [["mse"], ["mae"]]],
            ["1/b_loss", "1/c_loss", "a_loss", "a_mae", "b_mse", "c_mae", "loss"],
        ),
        (
            lambda a, b, c: {"u": a, "v": [b, c]},
            {"u": "mse", "v": ["mae", "mse"]},
            None,
            ["loss", "u_loss", "v/b_loss", "v/c_loss"],
        ),
        (
            lambda a, b, c: [a, {"p": b, "q": c}],
            ["mse", {"p": "mae", "q": "mse"}],
            None,
            ["1/p_loss", "1/q_loss", "a_loss", "loss"],
        ),
        (lambda a, b, c: [a, b, c], ["mse", ["mae"], "mse"], None, ["a_loss", "b_loss", "c_loss", "loss"]),
    ],
)
def test_names_of_losses_and_metrics_of_nested_outputs(structure: Any, loss: Any, metrics: Any, keys: list[str]) -> None:
    x = graphnn.Input((4,))
    a, b, c = (layers.Dense(1, name=name)(x) for name in "abc")
    model = graphnn.Model(x, structure(a, b, c))
    model.compile("sgd", loss, metrics=metrics)
    y = np.ones((5, 1), "float32")
    history = model.fit(np.ones((5, 4), "float32"), structure(y, y, y), verbose=0)
    assert sorted(history.history) == keys


@pytest.mark.parametrize("order", ["rcb", "bcr", "crb"])
def test_evaluate_lists_losses_of_a_dictionary_as_they_were_said(order: str) -> None:
    x = graphnn.Input((4,))
    model = graphnn.Model(x, {name: layers.Dense(1)(x) for name in "rcb"})
    model.compile("sgd", dict(zip(order, ["mse", "mae", "log_cosh"], strict=True)), metrics={"c": ["mse"], "b": ["mae"]})
    data = np.ones((5, 4), "float32"), {name: np.full((5, 1), i, "float32") for i, name in enumerate("rcb")}
    named = model.evaluate(*data, verbose=0, return_dict=True)
    names = ["loss", *(f"{name}_loss" for name in order), "b_mae", "c_mse"]
    assert model.metrics_names == names
    assert model.evaluate(*data, verbose=0) == [named[name] for name in names]


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (graphnn.KerasTensor, "shape dtype sparse ragged record_history name kwargs"),
        (
            layers.Layer().add_weight,
            "shape initializer dtype trainable autocast regularizer constraint aggregation overwrite_with_gradient name",
        ),
        (graphnn.Variable, "initializer shape dtype trainable autocast aggregation synchronization name kwargs"),
        (graphnn.config.set_max_epochs, "max_epochs"),
        (graphnn.config.set_max_steps_per_epoch, "max_steps_per_epoch"),
        (graphnn.dtype_policies.serialize, "dtype_policy"),
    ],
)
def test_arguments_stand_in_the_order_of_keras(function: Any, names: str) -> None:
    assert list(inspect.signature(function).parameters) == names.split()


FREE, FIXED, LAST = (None, None, 4), (None, 3, 4), (None, 3, None)


@pytest.mark.parametrize(
    ("join", "shapes", "output"),
    [
        (layers.Add(), (FREE, FIXED), (None, 3, 4)),
        (layers.Add(), (FREE, LAST), (None, 3, 4)),
        (layers.Maximum(), (FREE, (None, None, None)), (None, None, 4)),
        (layers.Concatenate(), (FREE, FIXED), (None, 3, 8)),
        (layers.Concatenate(axis=1), (FREE, LAST), (None, None, 4)),
        (lambda xs: xs[0] * xs[1], (FREE, FIXED), (None, 3, 4)),
        (layers.Add(), ((None, 4), (2, 4)), (2, 4)),
    ],
)
def test_an_unknown_extent_may_be_that_of_another_input(join: Any, shapes: Any, output: Any) -> None:
    inputs = [graphnn.Input(batch_shape=s) for s in shapes]
    model = graphnn.Model(inputs, join(inputs))
    assert model.output_shape == output
    x = [
        np.random.RandomState(i).rand(*(d or (2, 3, 4)[k] for k, d in enumerate(s))).astype("float32")
        for i, s in enumerate(shapes)
    ]
    np.testing.assert_allclose(model.predict(x, verbose=0), join(x), rtol=1e-6)


def test_extents_that_nothing_can_bring_together() -> None:
    for shapes in [((3, 4), (5, 4)), ((None, 4), (3, 5))]:
        with pytest.raises(ValueError, match="shape"):
            layers.Add()([graphnn.Input(s) for s in shapes])


def test_the_axes_that_a_prelu_shares() -> None:
    def shape(axes: list[int]) -> Any:
        layer = layers.PReLU(shared_axes=axes)
        layer.build((None, 3, 4))
        return layer.alpha.shape

    assert [shape([1]), shape([2]), shape([1, 2]), shape([-1])] == [(1, 4), (3, 1), (1, 1), (1, 4)]
    with pytest.raises(IndexError, match="shared_axes"):
        shape([3])


def test_the_state_of_a_model_as_a_tree() -> None:
    x = graphnn.Input((4,))
    model = graphnn.Model(x, layers.BatchNormalization(name="norm")(layers.Dense(2, name="dense")(x)), name="m")
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((3, 4), "float32"), np.ones((3, 2), "float32"), verbose=0)
    tree = model.get_state_tree("numpy_array")
    assert list(tree) == ["trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables"]
    assert list(tree["non_trainable_variables"]["norm"]) == ["moving_mean", "moving_variance"]
    assert list(tree["optimizer_variables"]["adam"])[:3] == ["iteration", "learning_rate", "dense_kernel_momentum"]
    assert list(tree["metrics_variables"]) == ["loss", "mean_absolute_error"]
    tree["trainable_variables"]["dense"]["kernel"] = np.full((4, 2), 7.0)
    other = graphnn.models.clone_model(model)
    other.set_state_tree({k: v for k, v in tree.items() if k.endswith("trainable_variables")})
    assert other.get_layer("dense").kernel.numpy().tolist() == [[7.0, 7.0]] * 4
    bad = {"trainable_variables": {"dense": {"bias": np.ones(2), "kernel": np.ones(3)}}}
    for wrong in (bad, {"weights": {}}):
        with pytest.raises(ValueError, match="Received"):
            other.set_state_tree(wrong)
    np.testing.assert_array_equal(other.get_layer("dense").bias, tree["trainable_variables"]["dense"]["bias"])
    with pytest.raises(ValueError, match="value_format"):
        model.get_state_tree("list")


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({}, [[1, 2, 3], [0, 0, 4]]),
        ({"maxlen": 2}, [[2, 3], [0, 4]]),
        ({"maxlen": 2, "truncating": "post"}, [[1, 2], [0, 4]]),
        ({"maxlen": 5, "padding": "post", "value": -1}, [[1, 2, 3, -1, -1], [4, -1, -1, -1, -1]]),
        ({"maxlen": 0}, [[], []]),
        ({"dtype": object, "value": "z"}, [[1, 2, 3], ["z", "z", 4]]),
    ],
)
def test_pad_sequences(options: dict[str, Any], rows: Any) -> None:
    assert graphnn.utils.pad_sequences([[1, 2, 3], [4]], **options).tolist() == rows


def test_pad_sequences_of_vectors() -> None:
    padded = graphnn.utils.pad_sequences([[[1, 2]], [], [[3, 4], [5, 6]]], maxlen=3, dtype="float32")
    assert padded.dtype == "float32" and padded.shape == (3, 3, 2)
    assert padded.sum((1, 2)).tolist() == [3, 0, 18] and padded[0, :2].max() == 0
    for wrong, options in [
        ([[1], 2], {}),
        (3, {}),
        ([], {}),
        ([[1]], {"padding": "x"}),
        ([[1]], {"value": "a"}),
        ([[[1, 2]], [[3]]], {}),
    ]:
        with pytest.raises(ValueError, match=r"Received|empty"):
            graphnn.utils.pad_sequences(wrong, **options)


def test_the_older_name_of_a_data_set() -> None:
    assert graphnn.utils.Sequence is graphnn.utils.PyDataset


@pytest.mark.parametrize(
    ("do", "error"),
    [
        (lambda: graphnn.Input(3), ValueError),
        (lambda: layers.Dropout("a"), TypeError),
        (lambda: optimizers.SGD(name=3), ValueError),  # type: ignore[arg-type]
        (lambda: graphnn.Sequential.from_config({"name": "s"}), ValueError),
        (lambda: bool(graphnn.Variable(1.0)), TypeError),
        (lambda: float(graphnn.Variable([1.0])), TypeError),
        (lambda: int(graphnn.Variable([1, 2])), TypeError),
        (lambda: graphnn.Variable(1.0, aggregation="all"), ValueError),
        (lambda: classifier().evaluate(X, Y, verbose=0, nonsense=1), ValueError),
        (lambda: optimizers.schedules.PiecewiseConstantDecay(["a"], [1.0, 2.0])(3), ValueError),  # type: ignore[list-item]
    ],
)
def test_errors(do: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        do()
