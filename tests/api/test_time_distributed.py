"""TimeDistributed: steps taken for rows, steps written out, and steps in a loop give what one step after another gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphnn_compiler.ops.control import Scan
from graphnn_compiler.trace import Tracer, tracing

import graphnn
from graphnn import layers, ops
from graphnn.context import calling
from graphnn.layers.folding import rows_are_apart
from graphnn.models import Model, Sequential
from graphnn.testing import check_gradients, check_layer

R = np.random.RandomState(0)


def data(*shape: int) -> np.ndarray:
    return R.standard_normal(shape).astype("float32")


class Own(layers.Layer):
    """A layer that nothing is known about: rows minus their mean."""

    def call(self, x: Any) -> Any:
        return x - ops.mean(x, axis=0, keepdims=True)


@graphnn.saving.register_keras_serializable("steps")
class Dense(layers.Dense):
    """The same numbers as the layer it is made of, and yet another class."""


def one_by_one(inner: Any, x: Any) -> np.ndarray:
    return np.stack([np.asarray(inner(x[:, i])) for i in range(x.shape[1])], 1)


def number_of_nodes(layer: Any, *shape: int) -> tuple[int, bool]:
    """Operations in the program of a layer, and whether there is a loop among them."""
    tracer = Tracer()
    with tracing(tracer), calling(False):
        graph = tracer.finish([layer(tracer.input(shape, "float32"))])
    return len(graph.nodes), any(isinstance(n.op, Scan) for n in graph.nodes)


FOLDED = {
    "Dense": (lambda: layers.Dense(3, activation="relu"), (2, 6, 4)),
    "Dense on more axes": (lambda: layers.Dense(3), (2, 6, 5, 4)),
    "EinsumDense": (lambda: layers.EinsumDense("abc,cd->abd", (None, 3)), (2, 6, 5, 4)),
    "EinsumDense with dots": (lambda: layers.EinsumDense("...x,xy->...y", 3), (2, 6, 5, 4)),
    "Conv1D": (lambda: layers.Conv1D(3, 2, padding="causal"), (2, 6, 5, 4)),
    "Conv2D": (lambda: layers.Conv2D(3, 2, strides=2), (2, 6, 5, 4, 3)),
    "MaxPooling1D": (lambda: layers.MaxPooling1D(2), (2, 6, 5, 4)),
    "GlobalAveragePooling1D": (lambda: layers.GlobalAveragePooling1D(), (2, 6, 5, 4)),
    "Flatten": (lambda: layers.Flatten(), (2, 6, 5, 4)),
    "Reshape": (lambda: layers.Reshape((2, -1)), (2, 6, 4)),
    "Permute": (lambda: layers.Permute((2, 1)), (2, 6, 5, 4)),
    "LayerNormalization": (lambda: layers.LayerNormalization(), (2, 6, 4)),
    "Softmax": (lambda: layers.Softmax(), (2, 6, 4)),
    "BatchNormalization": (lambda: layers.BatchNormalization(), (2, 6, 4)),
    "Dropout": (lambda: layers.Dropout(0.5), (2, 6, 4)),
    "Sequential": (lambda: Sequential([layers.Conv1D(3, 2), layers.Flatten(), layers.Dense(2)]), (2, 6, 5, 4)),
    "TimeDistributed": (lambda: layers.TimeDistributed(layers.Dense(3)), (2, 6, 5, 4)),
}
LOOPED = {
    "own": (Own, (3, 6, 4)),
    "subclass": (lambda: Dense(3), (2, 6, 4)),
    "Lambda": (lambda: layers.Lambda(lambda x: x + ops.sum(x)), (2, 6, 4)),
    "UnitNormalization": (lambda: layers.UnitNormalization(axis=0), (2, 6, 4)),
    "own activation": (lambda: layers.Dense(3, activation=lambda x: ops.softmax(x, axis=0)), (2, 6, 4)),
    "Sequential": (lambda: Sequential([layers.Dense(3), Own()]), (2, 6, 4)),
}


@pytest.mark.parametrize("name", FOLDED)
def test_steps_as_rows(name: str) -> None:
    inner, shape = FOLDED[name]
    layer, x = layers.TimeDistributed(inner()), data(*shape)
    y = layer(x)
    assert np.allclose(y, one_by_one(layer.layer, x), atol=1e-5)
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *y.shape[1:])
    (few, loop), (many, _) = number_of_nodes(layer, *shape), number_of_nodes(layer, shape[0], 40, *shape[2:])
    assert not loop and few == many, "the program does not grow with time"
    if layer.trainable_weights:
        wide = layers.TimeDistributed(inner(), dtype="float64")
        wide.layer.dtype_policy = "float64"
        check_gradients(wide, x.astype("float64"))


@pytest.mark.parametrize("steps", [1, 3, 6])
@pytest.mark.parametrize("name", LOOPED)
def test_steps_one_after_another(name: str, steps: int) -> None:
    inner, shape = LOOPED[name]
    layer, x = layers.TimeDistributed(inner()), data(shape[0], steps, *shape[2:])
    assert np.allclose(layer(x), one_by_one(layer.layer, x), atol=1e-5)
    (a, _), (b, _) = number_of_nodes(layer, *shape), number_of_nodes(layer, shape[0], 40, *shape[2:])
    assert a == b, "the program does not grow with time"
    assert not rows_are_apart(layer.layer, False)
    wide = layers.TimeDistributed(inner(), dtype="float64")
    wide.layer.dtype_policy = "float64"
    if not isinstance(wide.layer, Sequential):
        check_gradients(wide, x.astype("float64"))


def test_equations_that_mix_rows() -> None:
    for equation in ("ab,ac->bc", "ab,abc->ac", "...ab,bc->...ca"):
        assert not rows_are_apart(layers.EinsumDense(equation, 3), False)
    patched = layers.Dense(3)
    patched.call = lambda x: x - ops.mean(x, axis=0)  # type: ignore[method-assign]
    assert not rows_are_apart(patched, False)


@pytest.mark.parametrize("inner", [lambda dtype: layers.Dense(3, dtype=dtype), lambda dtype: Dense(3, dtype=dtype)])
def test_all_that_a_layer_must_do(inner: Any) -> None:
    def make(**kwargs: Any) -> Any:
        return layers.TimeDistributed(inner(kwargs.get("dtype", "float32")), **kwargs)

    for steps in (2, 5):
        check_layer(make, {}, (4, steps, 2), expected_output_shape=(4, steps, 3), expected_weights=["kernel", "bias"])


@pytest.mark.parametrize("inner", [lambda: layers.Dense(2), lambda: Dense(2), Own])
def test_any_number_of_steps(inner: Any) -> None:
    i = graphnn.Input((None, 4))
    layer = layers.TimeDistributed(inner())
    model = Model(i, layer(i))
    assert model.output_shape[:2] == (None, None)
    for shape in ((2, 9, 4), (3, 1, 4), (2, 40, 4)):
        x = data(*shape)
        assert np.allclose(model(x), one_by_one(layer.layer, x), atol=1e-5)
    assert model(data(2, 0, 4)).shape[:2] == (2, 0) and model(data(0, 3, 4)).shape[:2] == (0, 3)


def test_functional_models_inside() -> None:
    i = graphnn.Input((5, 4))
    a = layers.Conv1D(4, 3, padding="same")(i)
    plain = Model(i, layers.Add()([layers.Dense(4)(a), i]))
    i = graphnn.Input((5, 4))
    mixing = Model(i, i - ops.mean(i, axis=0, keepdims=True))
    x = data(2, 6, 5, 4)
    for model, apart in ((plain, True), (mixing, False)):
        layer = layers.TimeDistributed(model)
        assert rows_are_apart(model, False) == apart
        assert np.allclose(layer(x), one_by_one(model, x), atol=1e-5)


def test_statistics_and_noise_go_step_by_step_in_training() -> None:
    for steps in (3, 9):
        x = data(4, steps, 2)
        layer = layers.TimeDistributed(layers.BatchNormalization(momentum=0.5))
        found = np.asarray(layer(x, training=True))
        assert np.allclose(found, (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3), atol=1e-4)
        mean, var = np.zeros(2), np.ones(2)
        for i in range(steps):
            mean, var = (mean + x[:, i].mean(0)) / 2, (var + x[:, i].var(0)) / 2
        assert np.allclose(layer.layer.moving_mean, mean, atol=1e-5) and np.allclose(layer.layer.moving_variance, var, atol=1e-5)
        a, b = (layers.TimeDistributed(layers.Dropout(0.5, seed=1)) for _ in range(2))
        ones = np.ones((2, steps, 32), "float32")
        y = np.asarray(a(ones, training=True))
        assert set(np.unique(y)) == {0.0, 2.0} and not np.array_equal(y[:, 0], y[:, 1]), "each step draws anew"
        inner = b.layer
        assert np.array_equal(y, np.stack([np.asarray(inner(ones[:, i], training=True)) for i in range(steps)], 1))


class Seen(layers.Layer):
    """x with the masked rows of the step left out."""

    def __init__(self, masking: bool = True):
        super().__init__()
        self.supports_masking = masking

    def call(self, x: Any, mask: Any = None) -> Any:
        if mask is None:
            return x
        m = ops.cast(mask, x.dtype)
        return x * ops.reshape(m, (*ops.shape(m), *[1] * (len(x.shape) - len(m.shape))))


@pytest.mark.parametrize("steps", [3, 8])
def test_masks(steps: int) -> None:
    x = data(2, steps, 4, 3)
    for shape in ((2, steps), (2, steps, 4)):
        m = R.rand(*shape) > 0.4
        y: Any = layers.TimeDistributed(Seen())(x, mask=m)
        assert np.allclose(y, x * m.reshape((*shape, *[1] * (4 - len(shape)))))
        assert np.array_equal(y._keras_mask, m)
    i = graphnn.Input((None, 3))
    model = Model(i, layers.GlobalAveragePooling1D()(layers.TimeDistributed(layers.Dense(2))(layers.Masking()(i))))
    a = x[:, :, 0].copy()
    a[0, 1:] = 0
    kernel, bias = model.layers[2].get_weights()
    want = np.stack([(a[0, :1] @ kernel + bias).mean(0), (a[1] @ kernel + bias).mean(0)])
    assert np.allclose(model(a), want, atol=1e-5), "steps that are left out do not count after it"
    b: Any = layers.TimeDistributed(Seen(masking=False))(layers.Masking()(a))
    assert np.array_equal(b._keras_mask, (a != 0).any(-1)) and np.allclose(b, a)
    own: Any = layers.TimeDistributed(layers.Embedding(5, 2, mask_zero=True))(np.ones((2, steps, 4), "int32"))
    assert getattr(own, "_keras_mask", None) is None, "a mask that starts inside does not leave"


class Losing(layers.Layer):
    def call(self, x: Any) -> Any:
        self.add_loss(ops.sum(x))
        return x


@pytest.mark.parametrize("steps", [3, 9])
def test_losses_of_the_layer_inside(steps: int) -> None:
    x = data(2, steps, 4)
    layer = layers.TimeDistributed(Losing())
    layer(x)
    assert np.isclose(sum(float(v) for v in layer.losses), x.sum(), atol=1e-4)
    i = graphnn.Input((None, 4))
    model = Model(i, layers.TimeDistributed(Losing())(i))
    model.compile(loss="mse")
    assert np.isclose(model.evaluate(x, x, verbose=0), x.sum(), atol=1e-4)
    penalized = layers.TimeDistributed(layers.Dense(2, activity_regularizer="l2"))
    y = np.asarray(penalized(x))
    assert np.isclose(sum(float(v) for v in penalized.losses), 0.01 * (y**2).sum() / 2, rtol=1e-4)
    whole = layers.TimeDistributed(layers.Dense(2), activity_regularizer="l2")
    y = np.asarray(whole(x))
    assert np.isclose(float(whole.losses[0]), 0.01 * (y**2).sum() / 2, rtol=1e-4)


class Pair(layers.Layer):
    def call(self, x: Any) -> Any:
        return {"same": x, "sum": ops.sum(x, axis=-1)}


@pytest.mark.parametrize("steps", [2, 7])
def test_several_outputs(steps: int) -> None:
    x = data(3, steps, 4)
    found = layers.TimeDistributed(Pair())(x)
    assert np.array_equal(found["same"], x) and np.allclose(found["sum"], x.sum(-1), atol=1e-6)


class Late(layers.Layer):
    """Its weights are made as the call reaches the layer inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.inner(x)


def test_training_trains_the_layer_inside() -> None:
    x = data(64, 6, 4)
    target = x @ data(4, 3)
    for inner in (layers.Dense(3), Dense(3), Late()):
        model = Sequential([layers.TimeDistributed(inner)])
        model.compile("adam", "mse")
        model.optimizer.learning_rate = 0.05
        losses = model.fit(x, target, epochs=120, verbose=0).history["loss"]
        assert losses[-1] < 0.05 * losses[0]
        assert [w.path.split("/")[-1] for w in model.weights] == ["kernel", "bias"]


def test_weights_and_configuration(tmp_path: Any) -> None:
    model = Sequential([graphnn.Input((None, 4)), layers.TimeDistributed(Dense(3), name="steps")])
    x = data(2, 6, 4)
    model.save_weights(tmp_path / "m.npz")
    other = Sequential.from_config(model.get_config())
    other.load_weights(tmp_path / "m.npz")
    assert type(other.layers[0].layer) is Dense and np.array_equal(other(x), model(x))
    config = layers.TimeDistributed(Own(name="inner")).get_config()
    assert set(config) == {"name", "trainable", "dtype", "layer"} and config["layer"]["class_name"] == "Own"
    again = layers.TimeDistributed.from_config(config, custom_objects={"Own": Own})
    assert again.get_config() == config and isinstance(again.layer, Own)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="must be a layer"):
        layers.TimeDistributed(3)  # type: ignore[arg-type]
    for bad in (data(2, 3), graphnn.Input((3,)), [data(2, 3, 4), data(2, 3, 4)]):
        with pytest.raises(ValueError, match="at least 3 axes"):
            layers.TimeDistributed(layers.Dense(2))(bad)
    with pytest.raises(ValueError, match="at least 3 axes"):
        layers.TimeDistributed(layers.Dense(2)).build((2, 3))
    with pytest.raises(ValueError, match="at least 3 axes"):
        layers.TimeDistributed(layers.Dense(2)).compute_output_shape((None, 3))
    built = layers.TimeDistributed(layers.Dense(2))
    built(data(2, 3, 4))
    with pytest.raises(ValueError, match="at least 3 axes"):
        built(data(2, 4))
    for shape in ((2, 4), (3, 3), (2,), (2, 2, 4)):
        with pytest.raises(ValueError, match="`mask` must have"):
            built(data(2, 3, 4), mask=np.ones(shape, bool))
