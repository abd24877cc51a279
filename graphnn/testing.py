"""Checks for layers, for this package's tests and for yours.

    from graphnn.testing import check_layer
    check_layer(MyLayer, {"units": 3}, input_shape=(4, 5))

Exports: check_gradients, check_layer.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from . import tree
from .gradient_check import check_gradients
from .tensor import Array

__all__ = ["check_gradients", "check_layer"]

Inputs = Any  # an array, or a list or dictionary of them


def check_layer(
    layer: type[Any] | Callable[..., Any],
    init_kwargs: Mapping[str, Any] | None = None,
    input_shape: Any = None,
    *,
    input_data: Inputs = None,
    input_dtype: str = "float32",
    call_kwargs: Mapping[str, Any] | None = None,
    expected_output_shape: Sequence[int] | None = None,
    expected_output: Any = None,
    expected_weights: Sequence[str] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    gradient: bool = True,
    training: bool = True,
    any_batch: bool = True,
    seed: int = 0,
) -> Any:
    """Puts a layer through everything that a layer must do; AssertionError says what it does not.

    Construction, configuration there and back through JSON, building on symbolic input, shapes for several batch sizes,
    the same numbers called at once, in a model and by `predict`, float64, weights copied and saved, gradients against
    finite differences in float64, a training step, and two calls in one model sharing the weights.

    Args:
        layer: the class (or a function that makes a layer).
        init_kwargs: arguments to make it with.
        input_shape: the shape of its input with the batch, or a list (or dictionary) of shapes.
        input_data: arrays in place of random ones of `input_shape`.
        input_dtype: dtype of random input; integers are drawn from 0, 1, 2.
        call_kwargs: further arguments of the call.
        expected_output_shape: the shape of the output for this input.
        expected_output: the output in inference, compared within 1e-5.
        expected_weights: names of the weights in order.
        custom_objects: classes that loading must know.
        gradient: whether to check gradients, in inference and in training.
        training: whether to run a training step.
        any_batch: whether the layer takes any number of rows.
        seed: of the random numbers.

    Returns:
        The layer, built for the input.

    >>> from graphnn import layers
    >>> from graphnn.testing import check_layer
    >>> check_layer(layers.Dense, {"units": 3}, (4, 5), expected_output_shape=(4, 3)).count_params()
    18
    """
    made = dict(init_kwargs or {})
    call = dict(call_kwargs or {})
    rng = np.random.RandomState(seed)
    x = input_data if input_data is not None else random_input(rng, input_shape, input_dtype)
    check_config(layer, made, custom_objects)
    first = layer(**made)
    y = numbers(first(x, **call))
    _check_output(first, y, expected_output_shape, expected_output, expected_weights)
    model = as_model(first, x, call)
    for a, b in zip(tree.flatten(numbers(model(x))), tree.flatten(y), strict=True):
        same(a, b, "a model with the layer alone gives other numbers than the layer")
    for a, b in zip(tree.flatten(model.predict(x, verbose=0)), tree.flatten(y), strict=True):
        same(a, b, "predict gives other numbers than the layer")
    if any_batch and not call:
        check_batches(first, x, y)
    check_float64(layer, made, x, call)
    check_weights(layer, made, first, x, call, model)
    check_shared(layer, made, x, call)
    if gradient:
        wide = layer(**{**made, "dtype": "float64"})
        wide(widened(x), **call)
        wide.set_weights([varied(rng, w) for w in wide.get_weights()])
        for mode in (False, True):
            check_gradients(wide, widened(x), call_kwargs=call, training=mode, seed=seed)
    if training:
        check_training(layer, made, x, call)
    return first


def check_config(layer: Callable[..., Any], made: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> None:
    """The configuration is plain JSON, and the layer made from it has the same one."""
    from .saving.serialization import deserialize_keras_object, serialize_keras_object

    first = layer(**made)
    config = first.get_config()
    text = json.dumps(config)
    again: Any = cast(Any, type(first)).from_config(json.loads(text))
    assert json.dumps(again.get_config()) == text, f"from_config gives another configuration:\n{again.get_config()}\n{config}"
    whole = json.loads(json.dumps(serialize_keras_object(first)))
    copy = deserialize_keras_object(whole, custom_objects=dict(custom_objects or {type(first).__name__: type(first)}))
    assert json.dumps(copy.get_config()) == text, "deserialize_keras_object gives another configuration"


def _check_output(layer: Any, y: Any, shape: Any, expected: Any, weights: Any) -> None:
    flat = tree.flatten(y)
    if shape is not None:
        assert flat[0].shape == tuple(shape), f"the output has shape {flat[0].shape}, not {tuple(shape)}"
    if expected is not None:
        same(flat[0], np.asarray(expected), "the output is not the expected one", 1e-5)
    names = [w.name for w in layer.weights]
    assert weights is None or names == list(weights), f"the weights are {names}, not {list(weights or ())}"
    assert layer.built, "the layer is not built after a call"
    assert all(np.isfinite(a).all() for a in flat if a.dtype.kind == "f"), "the output is not finite"


def check_batches(layer: Any, x: Inputs, y: Any) -> None:
    """Symbolic shapes agree with real ones, and other numbers of rows do too (one, three, none)."""

    def shape(a: Array) -> tuple[int | None, ...]:
        return (None, *a.shape[1:])

    symbolic = layer.compute_output_shape(tree.map_structure(shape, x))
    for s, b in zip(_shapes(symbolic), tree.flatten(y), strict=True):
        fits = len(s) == b.ndim and all(d is None or d == n for d, n in zip(s, b.shape, strict=True))
        assert fits, f"the symbolic output shape is {s}, the real one {b.shape}"
    for rows in (1, 3, 0):
        out = numbers(layer(resized(x, rows)))
        for a, b in zip(tree.flatten(out), tree.flatten(y), strict=True):
            assert a.shape[1:] == b.shape[1:], f"{rows} rows give an output of shape {a.shape}, others {b.shape}"


def _shapes(structure: Any) -> list[tuple[int | None, ...]]:
    found: list[tuple[int | None, ...]] = []
    tree.map_shape_structure(found.append, structure)
    return found


def check_float64(layer: Callable[..., Any], made: Mapping[str, Any], x: Inputs, call: Mapping[str, Any]) -> None:
    """With dtype="float64" weights and outputs are float64."""
    wide = layer(**{**made, "dtype": "float64"})
    for a in tree.flatten(numbers(wide(widened(x), **call))):
        assert a.dtype.kind != "f" or a.dtype == np.float64, f"a float64 layer gives {a.dtype}"
    for w in wide.weights:
        assert not w.dtype.startswith("float") or w.dtype == "float64" or "lora" in w.name, (
            f"weight {w.name} of a float64 layer is {w.dtype}"
        )


def check_weights(
    layer: Callable[..., Any], made: Mapping[str, Any], first: Any, x: Inputs, call: Mapping[str, Any], model: Any
) -> None:
    """Weights copied to another layer, or saved and loaded, give the same numbers."""
    expected = tree.flatten(numbers(first(x, **call)))
    twin = layer(**made)
    twin(x, **call)
    twin.set_weights(first.get_weights())
    for a, b in zip(tree.flatten(numbers(twin(x, **call))), expected, strict=True):
        assert np.array_equal(a, b), "set_weights(get_weights()) changes the numbers"
    if not first.weights:
        return
    other = as_model(layer(**made), x, call)
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".npz", ".safetensors"):
            path = str(Path(folder) / f"w{suffix}")
            model.save_weights(path)
            other.set_weights([np.zeros_like(w) for w in other.get_weights()])
            other.load_weights(path)
            for a, b in zip(other.get_weights(), model.get_weights(), strict=True):
                assert np.array_equal(a, b), f"weights change on their way through {suffix}"


def check_shared(layer: Callable[..., Any], made: Mapping[str, Any], x: Inputs, call: Mapping[str, Any]) -> None:
    """Two calls in one model share the weights and give what two calls by themselves give."""
    from .models import Model

    shared = layer(**made)
    a, b = symbolic(x), symbolic(x)
    outputs = [tree.flatten(shared(s, **call))[0] for s in (a, b)]
    model = Model([*tree.flatten(a), *tree.flatten(b)], outputs)
    other = tree.map_structure(reversed_rows, x)
    found = [np.asarray(v) for v in model([*tree.flatten(x), *tree.flatten(other)])]
    for v, one in zip(found, (x, other), strict=True):
        same(
            v,
            tree.flatten(numbers(shared(one, **call)))[0],
            "a shared layer gives other numbers in a model of two calls",
        )
    assert len(model.weights) == len(shared.weights), "a shared layer's weights appear more than once in the model"


def check_training(layer: Callable[..., Any], made: Mapping[str, Any], x: Inputs, call: Mapping[str, Any]) -> None:
    """A training step runs, its loss is finite, and trainable weights of finite numbers come out of it, some of them changed."""
    trained = layer(**made)
    model = as_model(trained, x, call)
    first = numbers(tree.flatten(model(x))[0])
    if first.dtype.kind != "f" or not first.ndim:
        return
    model.compile(optimizer="sgd", loss="mse")
    before = [v.numpy() for v in trained.trainable_variables]
    rng = np.random.RandomState(1)
    target: list[Any] = [np.asarray(rng.standard_normal(numbers(y).shape), "float32") for y in tree.flatten(model(x))]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*no trainable weights")
        loss = model.train_on_batch(x, target if len(target) > 1 else target[0])
    assert np.isfinite(np.asarray(loss)).all(), f"the loss of a training step is {loss}"
    after = [v.numpy() for v in trained.trainable_variables]
    assert all(np.isfinite(w).all() for w in after), "weights are not finite after a training step"
    assert not before or any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True)), (
        "a training step changes nothing"
    )


# ---- inputs


def random_input(rng: np.random.RandomState, shape: Any, dtype: str) -> Inputs:
    """Random arrays of a shape, or of each shape in a structure; floats keep away from 0, where many layers have
    kinks."""

    def one(s: Any) -> Array:
        if dtype.startswith(("int", "uint")):
            return rng.randint(0, 3, size=tuple(s)).astype(dtype)
        a = rng.uniform(0.1, 1.5, size=tuple(s)) * rng.choice([-1.0, 1.0], size=tuple(s))
        return a.astype(dtype)

    return tree.map_shape_structure(one, shape)


def widened(x: Inputs) -> Inputs:
    """Float arrays as float64, others as they are."""

    def one(a: Array) -> Array:
        return a.astype("float64") if a.dtype.kind == "f" else a

    return tree.map_structure(one, x)


def reversed_rows(a: Array) -> Array:
    """The rows from the last to the first."""
    return a[::-1].copy()


def resized(x: Inputs, rows: int) -> Inputs:
    """Inputs with another number of rows."""

    def one(a: Array) -> Array:
        return np.resize(a, (rows, *a.shape[1:]))

    return tree.map_structure(one, x)


def varied(rng: np.random.RandomState, w: Array) -> Array:
    """A weight moved by random numbers, away from the symmetries of zeros and ones, upwards so that variances stay
    positive."""
    return w + rng.uniform(0.05, 0.5, size=w.shape) if w.dtype.kind == "f" else w


def symbolic(x: Inputs) -> Any:
    """`Input`s for arrays."""
    from .layers import Input

    def one(a: Array) -> Any:
        return Input(shape=a.shape[1:], dtype=a.dtype.name)

    return tree.map_structure(one, x)


def as_model(layer: Any, x: Inputs, call: Mapping[str, Any]) -> Any:
    """A functional model of the layer alone."""
    from .models import Model

    starts = symbolic(x)
    return Model(starts, layer(starts, **call))


def numbers(y: Any) -> Any:
    """Outputs as plain arrays."""
    return tree.map_structure(np.asarray, y)


def same(a: Array, b: Array, message: str, tolerance: float = 1e-6) -> None:
    """AssertionError unless shapes agree and numbers within the tolerance."""
    assert a.shape == b.shape, f"{message}: shape {a.shape}, not {b.shape}"
    scale = float(np.abs(b).max(initial=0)) + 1
    assert np.allclose(a, b, rtol=0, atol=tolerance * scale, equal_nan=True), f"{message}: they differ by {np.abs(a - b).max()}"
