"""Dense, EinsumDense, Embedding, Lambda, Identity, Rescaling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers, ops
from graphnn.testing import check_layer

X = np.random.RandomState(0).standard_normal((4, 5)).astype("float32")


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"activation": "tanh"},
        {"activation": "softmax", "use_bias": False},
        {"kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l2"},
        {"kernel_constraint": "max_norm", "bias_constraint": "non_neg", "kernel_initializer": "he_normal"},
        {"lora_rank": 2},
    ],
)
def test_dense(kwargs: dict[str, Any]) -> None:
    names = ["kernel", "bias"] if kwargs.get("use_bias", True) else ["kernel"]
    names += ["lora_kernel_a", "lora_kernel_b"] if kwargs.get("lora_rank") else []
    check_layer(layers.Dense, {"units": 3, **kwargs}, (4, 5), expected_output_shape=(4, 3), expected_weights=names)


def test_dense_of_more_axes() -> None:
    check_layer(layers.Dense, {"units": 3}, (2, 3, 4, 5), expected_output_shape=(2, 3, 4, 3))


def test_dense_maths() -> None:
    layer = layers.Dense(3, activation="relu")
    y = layer(X)
    kernel, bias = layer.get_weights()
    assert kernel.shape == (5, 3) and not bias.any()
    layer.set_weights([kernel, np.array([1.0, -1.0, 0.5], "float32")])
    assert np.allclose(layer(X), np.maximum(X @ kernel + [1.0, -1.0, 0.5], 0), atol=1e-6)
    assert y.shape == (4, 3)


@pytest.mark.parametrize("units", [0, -1, 2.5, "3", None, True])
def test_dense_units(units: Any) -> None:
    with pytest.raises(ValueError, match=r"Dense.*units.*positive integer"):
        layers.Dense(units)


def test_dense_inputs() -> None:
    with pytest.raises(ValueError, match="min_ndim=2"):
        layers.Dense(2)(np.ones(3, "float32"))
    layer = layers.Dense(2, name="mine")
    layer(X)
    with pytest.raises(ValueError, match=r"mine.*axis -1.*5"):
        layer(np.ones((4, 6), "float32"))
    with pytest.raises(ValueError, match="known extent"):
        layers.Dense(2)(graphnn.Input((None,)))
    with pytest.raises(ValueError, match="quantiz"):
        layers.Dense(2, quantization_config={"mode": "int8"})


def test_dense_lora() -> None:
    layer = layers.Dense(3)
    layer(X)
    before = layer(X)
    layer.enable_lora(2, lora_alpha=4)
    assert not layer.kernel.trainable and [w.name for w in layer.trainable_weights] == [
        "bias",
        "lora_kernel_a",
        "lora_kernel_b",
    ]
    assert np.allclose(layer(X), before, atol=1e-6), "B starts at zero"
    a, b = np.ones((5, 2)), np.ones((2, 3))
    layer.lora_kernel_a.assign(a)
    layer.lora_kernel_b.assign(b)
    assert np.allclose(layer(X), X @ (layer.kernel.numpy() + 2 * a @ b), atol=1e-5)
    config = layer.get_config()
    assert (config["lora_rank"], config["lora_alpha"]) == (2, 4)
    with pytest.raises(ValueError, match="already"):
        layer.enable_lora(2)
    with pytest.raises(ValueError, match="built"):
        layers.Dense(3).enable_lora(2)


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "input_shape", "kernel", "bias", "output"),
    [
        ("ab,bc->ac", 6, "c", (2, 5), (5, 6), (6,), (2, 6)),
        ("abc,cd->abd", (None, 4), "d", (2, 3, 5), (5, 4), (4,), (2, 3, 4)),
        ("abc,cde->abde", (3, 4, 6), "de", (2, 3, 5), (5, 4, 6), (4, 6), (2, 3, 4, 6)),
        ("abc,cde->abde", (3, 4, 6), "be", (2, 3, 5), (5, 4, 6), (3, 1, 6), (2, 3, 4, 6)),
        ("...x,xy->...y", 4, "y", (2, 3, 5), (5, 4), (4,), (2, 3, 4)),
        ("...x,xy->...y", 4, None, (2, 5), (5, 4), None, (2, 4)),
        ("ab...,bc->ac...", 4, "c", (2, 3, 5), (3, 4), (4, 1), (2, 4, 5)),
        ("ab,b->a", (), None, (3, 4), (4,), None, (3,)),
    ],
)
def test_einsum_dense(
    equation: str, output_shape: Any, bias_axes: str | None, input_shape: Any, kernel: Any, bias: Any, output: Any
) -> None:
    kwargs = {"equation": equation, "output_shape": output_shape, "bias_axes": bias_axes, "activation": "tanh"}
    layer = check_layer(layers.EinsumDense, kwargs, input_shape, expected_output_shape=output)
    assert [w.shape for w in layer.weights] == [kernel, *([bias] if bias else [])]


def test_einsum_dense_maths() -> None:
    x = np.random.RandomState(1).standard_normal((2, 3, 5)).astype("float32")
    layer = layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d")
    y = layer(x)
    assert np.allclose(y, np.einsum("abc,cd->abd", x, layer.kernel.numpy()), atol=1e-5)


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "word"),
    [
        ("ab->ac", 3, None, "form"),
        ("ab,bc->ac", (3, 4), None, "output_shape"),
        ("ab,bc->ad", 3, None, "neither operand"),
        ("ab,bcd->ac", 3, None, "neither in the input nor"),
        ("ab,bc->ac", 3, "z", "bias axis 'z'"),
        ("ab,bb->ab", 3, None, "has extent 4 in the input"),
        ("abc,cd->abd", 3, None, "does not fit"),
    ],
)
def test_einsum_dense_errors(equation: str, output_shape: Any, bias_axes: Any, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        layers.EinsumDense(equation, output_shape, bias_axes=bias_axes)(np.ones((2, 4), "float32"))


@pytest.mark.parametrize("kwargs", [{}, {"mask_zero": True}, {"embeddings_regularizer": "l2"}, {"lora_rank": 2}])
def test_embedding(kwargs: dict[str, Any]) -> None:
    check_layer(
        layers.Embedding,
        {"input_dim": 3, "output_dim": 4, **kwargs},
        (2, 5),
        input_dtype="int32",
        expected_output_shape=(2, 5, 4),
    )


def test_embedding_looks_up() -> None:
    table = np.arange(12, dtype="float32").reshape(3, 4)
    layer = layers.Embedding(3, 4, weights=table)
    for dtype in ("int8", "uint8", "int32", "int64", "float32", "float64"):
        assert np.array_equal(layer(np.array([[2, 0]], dtype)), table[[[2, 0]]])
    assert "weights" not in layer.get_config()


@pytest.mark.parametrize("bad", [7, -1, 10**6])
def test_embedding_ids_out_of_range(bad: int) -> None:
    layer = layers.Embedding(5, 2, name="words")
    layer(np.zeros((2, 3), "int32"))
    weights = layer.get_weights()
    with pytest.raises(IndexError) as caught:
        layer(np.array([[0, 1, 2], [3, bad, 9]], "int32"))
    text = str(caught.value) + " ".join(getattr(caught.value, "__notes__", []))
    for part in ("words", str(bad), "position 4", "0..4"):
        assert part in text
    assert np.array_equal(layer.get_weights()[0], weights[0])


@pytest.mark.parametrize("bad", [1.9, float("nan"), float("inf")])
def test_embedding_ids_that_are_not_integral(bad: float) -> None:
    layer = layers.Embedding(5, 2, name="words")
    ids = np.array([[0.0, bad]], "float32")
    model = graphnn.Sequential([graphnn.Input((2,)), layer, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    before = model.get_weights()
    eager = graphnn.Sequential(model.layers)
    eager.compile("sgd", "mse", run_eagerly=True)
    y = np.zeros((1, 1), "float32")
    calls: list[Any] = [layer, model, model.predict, lambda x: model.fit(x, y, verbose=0), lambda x: eager.train_on_batch(x, y)]
    for call in calls:
        with pytest.raises(TypeError, match="integ") as caught:
            call(ids)
        text = str(caught.value) + " ".join(getattr(caught.value, "__notes__", []))
        assert str(bad) in text and "position 1" in text
        assert "words" in text
    for a, b in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_embedding_arguments() -> None:
    with pytest.raises(ValueError, match="input_dim"):
        layers.Embedding(0, 2)
    with pytest.raises(ValueError, match="output_dim"):
        layers.Embedding(3, True)
    with pytest.warns(UserWarning, match="input_length"):
        layers.Embedding(3, 2, input_length=4)


def test_lambda() -> None:
    check_layer(lambda **k: layers.Lambda(ops.square, **k), {}, (2, 3), expected_output_shape=(2, 3))
    scaled = layers.Lambda(lambda x, factor, training=None: x * factor if training else x, arguments={"factor": 3.0})
    assert np.allclose(scaled(X), X) and np.allclose(scaled(X, training=True), 3 * X)
    with pytest.raises(ValueError, match=r"lambda.*register"):
        scaled.get_config()
    with pytest.raises(TypeError, match="callable"):
        layers.Lambda(3)  # type: ignore[arg-type]


def test_lambda_names_are_looked_up_and_never_imported() -> None:
    with pytest.raises((TypeError, ValueError)):
        layers.Lambda.from_config(
            {"function": {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}}
        )

    @graphnn.saving.register_keras_serializable("mine")
    def doubled(x: Any) -> Any:
        return x * 2.0

    layer = layers.Lambda(doubled)
    again = layers.Lambda.from_config(layer.get_config())
    assert np.allclose(again(X), 2 * X)


def test_identity() -> None:
    check_layer(layers.Identity, {}, (2, 3), expected_output_shape=(2, 3))
    out = layers.Identity()({"a": X, "b": [X, X]})
    assert np.array_equal(out["b"][1], X)


@pytest.mark.parametrize(
    "kwargs", [{"scale": 2}, {"scale": 0.5, "offset": -1.0}, {"scale": [1.0, 2.0, 3.0], "offset": np.ones(3)}]
)
def test_rescaling(kwargs: dict[str, Any]) -> None:
    check_layer(layers.Rescaling, kwargs, (2, 4, 3), expected_output_shape=(2, 4, 3))
    x = np.arange(6).reshape(2, 3)
    y = layers.Rescaling(**kwargs)(x)
    assert np.allclose(y, x * np.asarray(kwargs["scale"]) + np.asarray(kwargs.get("offset", 0.0))) and y.dtype == np.float32


class Widened(layers.Dense):
    """A user's layer on top of one of ours, with a configuration of its own."""

    def __init__(self, units: int, factor: float = 2.0, **kwargs: Any):
        super().__init__(units, **kwargs)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class Captured(layers.Dropout):
    """A user's layer that writes no configuration."""

    def __init__(self, strength: int, **kwargs: Any):
        super().__init__(rate=strength / 10, **kwargs)
        self.strength = strength


def test_subclasses_of_users() -> None:
    layer = check_layer(Widened, {"units": 3, "factor": 3.0, "activation": "relu"}, (4, 5), expected_output_shape=(4, 3))
    assert layer.get_config()["units"] == 3 and layer.get_config()["activation"] == "relu"
    config = Captured(3, name="c").get_config()
    assert config["strength"] == 3 and "rate" not in config
    assert Captured.from_config(config).rate == 0.3
