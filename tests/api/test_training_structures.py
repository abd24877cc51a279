"""Several inputs and outputs: losses, weights and metrics by place and by name, and what the numbers are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training_support import SPARSE, classifier, data, filled, two_outputs

import graphnn
from graphnn import layers

RANDOM = np.random.RandomState(7)
X = [RANDOM.normal(size=(13, 4)).astype("float32"), RANDOM.normal(size=(13, 3)).astype("float32")]
Y = [RANDOM.normal(size=(13, 2)).astype("float32"), RANDOM.randint(0, 3, 13)]
NAMED_X, NAMED_Y = {"i": X[0], "j": X[1]}, {"a": Y[0], "b": Y[1]}


def numbers(model: Any, x: Any = X, y: Any = Y, **options: Any) -> dict[str, float]:
    return model.evaluate(x, y, verbose=0, return_dict=True, **options)


def parts(model: Any) -> tuple[float, float]:
    a, b = model.predict(X, verbose=0)
    return float(np.mean((a - Y[0]) ** 2)), float(-np.log(b[np.arange(13), Y[1]]).mean())


@pytest.mark.parametrize(
    "loss", [["mse", SPARSE], {"a": "mse", "b": SPARSE}, {"b": graphnn.losses.SparseCategoricalCrossentropy(), "a": "mse"}]
)
@pytest.mark.parametrize("weights", [None, [1.0, 0.5], {"a": 0.3, "b": 2}])
@pytest.mark.parametrize(("x", "y"), [(X, Y), (NAMED_X, NAMED_Y), (tuple(X), tuple(Y)), (NAMED_X, Y)])
def test_losses_and_weights_by_place_and_by_name(loss: Any, weights: Any, x: Any, y: Any) -> None:
    model = two_outputs(loss=loss, loss_weights=weights)
    a, b = parts(model)
    wa, wb = (1, 1) if weights is None else weights if isinstance(weights, list) else (weights["a"], weights["b"])
    found = numbers(model, x, y)
    assert list(found) == ["a_loss", "b_loss", "loss"]
    np.testing.assert_allclose([found["a_loss"], found["b_loss"], found["loss"]], [a, b, wa * a + wb * b], rtol=1e-5)
    assert model.metrics_names == ["loss", "a_loss", "b_loss"]


def test_one_loss_for_all_outputs() -> None:
    model = two_outputs(loss="mse")
    y = [Y[0], np.eye(3, dtype="float32")[Y[1]]]
    found = numbers(model, X, y)
    out = model.predict(X, verbose=0)
    np.testing.assert_allclose(found["loss"], sum(np.mean((p - t) ** 2) for p, t in zip(out, y, strict=True)), rtol=1e-5)


def test_an_output_without_loss() -> None:
    for loss in (["mse", None], {"a": "mse", "b": None}):
        model = two_outputs(loss=loss)
        assert list(numbers(model)) == ["loss"]
        np.testing.assert_allclose(numbers(model)["loss"], parts(model)[0], rtol=1e-5)
    keyed = two_outputs("dict", loss={"a": "mse"})
    assert list(numbers(keyed, NAMED_X, {"a": Y[0]})) == ["loss"]


def test_dictionaries_in_and_out() -> None:
    model = two_outputs(
        "dict", loss={"a": "mse", "b": SPARSE}, metrics={"b": ["accuracy"], "a": ["mae", "mse"]}, weighted_metrics={"a": "mae"}
    )
    history = model.fit(NAMED_X, NAMED_Y, verbose=0, batch_size=4).history
    assert list(history) == ["a_loss", "a_mae", "a_mse", "a_weighted_mae", "b_accuracy", "b_loss", "loss"]
    values, by_name = model.evaluate(NAMED_X, NAMED_Y, verbose=0), numbers(model, NAMED_X, NAMED_Y)
    assert model.metrics_names == ["loss", "a_loss", "b_loss", "a_mae", "a_mse", "a_weighted_mae", "b_accuracy"]
    assert values == [by_name[k] for k in model.metrics_names]
    as_list = two_outputs("dict", loss=["mse", SPARSE])
    assert list(numbers(as_list, NAMED_X, Y)) == ["a_loss", "b_loss", "loss"]


@pytest.mark.parametrize("metrics", [[["mae"], ["accuracy"]], ["mae", "accuracy"], {"a": "mae", "b": ["accuracy"]}])
def test_metrics_by_place_and_by_name(metrics: Any) -> None:
    model = two_outputs(loss=["mse", SPARSE], metrics=metrics)
    history = model.fit(X, Y, verbose=0, validation_data=(X, Y)).history
    names = ["a_loss", "a_mae", "b_accuracy", "b_loss", "loss"]
    assert list(history) == names + [f"val_{n}" for n in names]
    a, b = model.predict(X, verbose=0)
    np.testing.assert_allclose(history["val_a_mae"][-1], np.mean(np.abs(a - Y[0])), rtol=1e-5)
    np.testing.assert_allclose(history["val_b_accuracy"][-1], np.mean(b.argmax(1) == Y[1]), rtol=1e-5)


WEIGHT = RANDOM.uniform(0.3, 2, 13)


@pytest.mark.parametrize(("weight", "a", "b"), [
    (WEIGHT, WEIGHT, WEIGHT), ([WEIGHT, WEIGHT[::-1]], WEIGHT, WEIGHT[::-1]), ([WEIGHT, None], WEIGHT, np.ones(13)),
    ({"b": WEIGHT}, np.ones(13), WEIGHT),
])  # fmt: skip
def test_sample_weights_of_several_outputs(weight: Any, a: Any, b: Any) -> None:
    model = two_outputs(loss=["mse", SPARSE], weighted_metrics=[["mae"], ["accuracy"]])
    found = numbers(model, sample_weight=weight)
    p, q = model.predict(X, verbose=0)
    expected = {
        "a_loss": np.mean(np.mean((p - Y[0]) ** 2, 1) * a), "b_loss": np.mean(-np.log(q[np.arange(13), Y[1]]) * b),
        "a_mae": np.average(np.mean(np.abs(p - Y[0]), 1), weights=a), "b_accuracy": np.average(q.argmax(1) == Y[1], weights=b),
    }  # fmt: skip
    np.testing.assert_allclose([found[k] for k in expected], list(expected.values()), rtol=1e-5)


@pytest.mark.parametrize(("metrics", "names"), [
    (["accuracy"], ["accuracy"]), (["acc"], ["acc"]), ([["accuracy"]], ["accuracy"]), ({"out": ["accuracy"]}, ["accuracy"]),
    (["mse", "mae"], ["mse", "mae"]), (["AUC"], ["AUC"]), (["MeanAbsoluteError"], ["MeanAbsoluteError"]),
    ([graphnn.metrics.MeanAbsoluteError], ["mean_absolute_error"]), (["accuracy", "accuracy"], ["accuracy", "accuracy_1"]),
    ([graphnn.metrics.mean_squared_error], ["mean_squared_error"]), ([graphnn.losses.MeanSquaredError()], ["mean_squared_error"]),
    ([lambda a, b: graphnn.ops.mean(b)], ["lambda"]), (("mae",), ["mae"]),
])  # fmt: skip
def test_names_of_metrics_of_one_output(metrics: Any, names: list[str]) -> None:
    model, (x, y) = classifier(loss="categorical_crossentropy", metrics=metrics), data()
    history = model.fit(x, np.eye(3)[y], verbose=0).history
    assert list(history) == sorted(["loss", *names])
    model.evaluate(x, np.eye(3)[y], verbose=0)
    assert model.metrics_names == ["loss", *names]


def test_weighted_metrics_beside_plain_ones() -> None:
    model, (x, y) = (
        classifier(metrics=["accuracy"], weighted_metrics=["accuracy", "mse"], loss="categorical_crossentropy"),
        data(),
    )
    weight = np.linspace(0, 1, 13)
    found = numbers(model, x, np.eye(3)[y], sample_weight=weight)
    assert list(found) == ["accuracy", "loss", "mse", "weighted_accuracy"]
    hits = model.predict(x, verbose=0).argmax(1) == y
    np.testing.assert_allclose(found["accuracy"], hits.mean(), rtol=1e-6)
    np.testing.assert_allclose(found["weighted_accuracy"], np.average(hits, weights=weight), rtol=1e-5)
    assert model.metrics_names == ["loss", "accuracy", "weighted_accuracy", "mse"]


@pytest.mark.parametrize(("units", "activation", "loss", "targets"), [
    (1, "sigmoid", "binary_crossentropy", lambda y: (y > 0).astype("float32")[:, None]),
    (1, "sigmoid", "binary_crossentropy", lambda y: (y > 0).astype("float32")),
    (3, "softmax", SPARSE, lambda y: y),
    (3, "softmax", SPARSE, lambda y: y[:, None]),
    (3, "softmax", "categorical_crossentropy", lambda y: np.eye(3, dtype="float32")[y]),
])  # fmt: skip
def test_accuracy_fits_the_shapes(units: int, activation: str, loss: str, targets: Any) -> None:
    x, y = data()
    model = classifier(units, loss=loss, activation=activation, metrics=["accuracy"])
    p = model.predict(x, verbose=0)
    hits = (p[:, 0] > 0.5) == (y > 0) if units == 1 else p.argmax(1) == y
    np.testing.assert_allclose(model.evaluate(x, targets(y), verbose=0)[1], hits.mean(), rtol=1e-6)


def test_history_knows_the_names_of_2017() -> None:
    model, (x, y) = classifier(metrics=["accuracy"]), data()
    history = model.fit(x, y, verbose=0, validation_split=0.3).history
    assert history["acc"] is history["accuracy"] and history["val_acc"] is history["val_accuracy"]
    assert history.get("acc") is history["accuracy"] and history.get("mae", 3) == 3
    assert list(history) == ["accuracy", "loss", "val_accuracy", "val_loss"] and "acc" not in history and len(history) == 4
    with pytest.raises(KeyError):
        history["val_mae"]
    named = classifier(metrics=["acc"]).fit(x, y, verbose=0).history
    assert list(named) == ["acc", "loss"]


def test_subclassed_models_with_several_outputs() -> None:
    class Net(graphnn.Model):
        def __init__(self, named: bool):
            super().__init__()
            self.p, self.q, self.named = layers.Dense(2), layers.Dense(3, activation="softmax"), named

        def call(self, inputs: Any) -> Any:
            p, q = self.p(inputs), self.q(inputs)
            return {"k": p, "l": q} if self.named else [p, q]

    listed = Net(False)
    listed.compile("sgd", ["mse", SPARSE], metrics=[["mae"], ["accuracy"]])
    history = listed.fit(X[0], Y, verbose=0).history
    assert list(history) == ["accuracy", "loss", "mae", "mse_loss", "sparse_categorical_crossentropy_loss"]
    assert listed.metrics_names == ["loss", "mae", "accuracy", "mse_loss", "sparse_categorical_crossentropy_loss"]
    named = Net(True)
    named.compile("sgd", {"k": "mse", "l": SPARSE}, metrics={"k": ["mae"], "l": ["accuracy"]})
    history = named.fit(X[0], {"k": Y[0], "l": Y[1]}, verbose=0).history
    assert list(history) == ["k_loss", "k_mae", "l_accuracy", "l_loss", "loss"]


def test_nested_outputs() -> None:
    i = graphnn.Input((4,))
    p, q, r = (layers.Dense(2, name=n)(i) for n in "pqr")
    model = filled(graphnn.Model(i, [p, {"u": q, "v": r}]))
    model.compile("sgd", ["mse", {"u": "mse", "v": "mae"}], loss_weights=[1.0, {"u": 2.0, "v": 3.0}])
    y = [Y[0], {"u": Y[0], "v": Y[0]}]
    found = numbers(model, X[0], y)
    assert list(found) == ["1/u_loss", "1/v_loss", "loss", "p_loss"]
    np.testing.assert_allclose(found["loss"], found["p_loss"] + 2 * found["1/u_loss"] + 3 * found["1/v_loss"], rtol=1e-5)


def test_a_shared_layer_gives_names_that_differ() -> None:
    i = graphnn.Input((4,))
    d = layers.Dense(2, name="d")
    model = graphnn.Model(i, [d(i), d(-i)])
    model.compile("sgd", "mse", metrics=[["mae"], ["mae"]])
    assert sorted(numbers(model, X[0], [Y[0], Y[0]])) == ["d_loss", "d_loss_1", "d_mae", "d_mae_1", "loss"]


def test_metrics_of_the_model_and_its_layers_are_reported() -> None:
    class Watched(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.size = graphnn.metrics.Mean(name="size")

        def call(self, inputs: Any) -> Any:
            self.size.update_state(graphnn.ops.abs(inputs))
            return inputs

    i = graphnn.Input((4,))
    model = graphnn.Model(i, layers.Dense(3, activation="softmax")(Watched()(i)))
    x, y = data()
    model.compile("sgd", SPARSE, metrics=["accuracy"])
    found = numbers(model, x, y)
    assert list(found) == ["accuracy", "loss", "size"]
    np.testing.assert_allclose(found["size"], np.abs(x).mean(), rtol=1e-5)


def test_temporal_sample_weights() -> None:
    random = np.random.RandomState(0)
    x, y, weight = random.normal(size=(6, 5, 4)), random.randint(0, 3, (6, 5)), random.uniform(size=(6, 5))
    i = graphnn.Input((5, 4))
    model = filled(graphnn.Model(i, layers.Dense(3, activation="softmax")(i)))
    model.compile("sgd", SPARSE)
    p = model.predict(x, verbose=0)
    each = -np.log(np.take_along_axis(p, y[..., None], -1))[..., 0]
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0, sample_weight=weight), np.mean(each * weight), rtol=1e-5)
