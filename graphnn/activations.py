"""Activation functions. Names and arguments are those of Keras 3; each works on arrays, in models and inside layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import identifiers, ops
from .dispatch import op, value
from .saving.serialization import serialize_keras_object


@op(name="ReLU", static=("negative_slope", "max_value", "threshold"))
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max(x, 0), or with options: x above `threshold`, `negative_slope * (x - threshold)` below, at most `max_value`.

    >>> relu([-2.0, 0.0, 3.0]).tolist()
    [0.0, 0.0, 3.0]
    >>> relu([-2.0, 8.0], negative_slope=0.5, max_value=6.0).tolist()
    [-1.0, 6.0]
    """
    x = value(x)
    y = ops.where(x > threshold, x, 0) if threshold else ops.relu(x)
    if max_value is not None:
        y = ops.clip(y, 0, max_value)
    return y - negative_slope * ops.relu(threshold - x if threshold else -x) if negative_slope else y


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, else `negative_slope * x`.

    >>> leaky_relu([-2.0, 3.0], negative_slope=0.5).tolist()
    [-1.0, 3.0]
    """
    return ops.leaky_relu(x, negative_slope=negative_slope)


def relu6(x: Any) -> Any:
    """min(max(x, 0), 6).

    >>> relu6([-2.0, 3.0, 9.0]).tolist()
    [0.0, 3.0, 6.0]
    """
    return ops.relu6(x)


def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) divided by its sum along an axis.

    >>> softmax([[1.0, 1.0]]).tolist()
    [[0.5, 0.5]]
    """
    return ops.softmax(x, axis=axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """log(softmax(x)), computed so that nothing overflows.

    >>> [round(float(v), 4) for v in log_softmax([9.0, 9.0])]
    [-0.6931, -0.6931]
    """
    return ops.log_softmax(x, axis=axis)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, else alpha (exp(x) - 1) (D. Clevert et al., Fast and accurate deep network learning by exponential linear
    units, 2015).

    >>> elu([0.0, 3.0]).tolist()
    [0.0, 3.0]
    """
    return ops.elu(x, alpha=alpha)


def selu(x: Any) -> Any:
    """`elu` scaled so that mean 0 and variance 1 are kept through layers (G. Klambauer et al., Self-normalizing neural networks,
    2017).

    >>> selu([0.0]).tolist()
    [0.0]
    """
    return ops.selu(x)


def celu(x: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)) (J. Barron, Continuously differentiable exponential linear units, 2017).

    >>> celu([0.0, 3.0]).tolist()
    [0.0, 3.0]
    """
    return ops.celu(x, alpha=alpha)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)).

    >>> round(float(softplus([0.0])[0]), 4)
    0.6931
    """
    return ops.softplus(x)


def softsign(x: Any) -> Any:
    """x / (1 + |x|).

    >>> softsign([1.0]).tolist()
    [0.5]
    """
    return ops.softsign(x)


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved towards 0 by `threshold`, 0 within it.

    >>> soft_shrink([-2.0, 0.25, 2.0]).tolist()
    [-1.5, 0.0, 1.5]
    """
    return ops.soft_shrink(x, threshold=threshold)


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x, but 0 where |x| <= threshold.

    >>> hard_shrink([-2.0, 0.25, 2.0]).tolist()
    [-2.0, 0.0, 2.0]
    """
    return ops.hard_shrink(x, threshold=threshold)


def sparse_plus(x: Any) -> Any:
    """0 below -1, x above 1, (x + 1)^2 / 4 between.

    >>> sparse_plus([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.25, 2.0]
    """
    return ops.sparse_plus(x)


def silu(x: Any) -> Any:
    """x sigmoid(x), also called swish.

    >>> silu([0.0]).tolist()
    [0.0]
    """
    return ops.silu(x)


def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x^2 + b)) / 2.

    >>> squareplus([0.0]).tolist()
    [1.0]
    """
    return ops.squareplus(x, b=b)


def gelu(x: Any, approximate: bool = False) -> Any:
    """x times the probability that a standard normal number is below x (D. Hendrycks, K. Gimpel, Gaussian error linear units, 2016).

    >>> gelu([0.0]).tolist()
    [0.0]
    """
    return ops.gelu(x, approximate=approximate)


def glu(x: Any, axis: int = -1) -> Any:
    """The first half of x along an axis times the sigmoid of the second half.

    >>> glu([[4.0, 0.0]]).tolist()
    [[2.0]]
    """
    return ops.glu(x, axis=axis)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent.

    >>> tanh([0.0]).tolist()
    [0.0]
    """
    return ops.tanh(x)


def tanh_shrink(x: Any) -> Any:
    """x - tanh(x).

    >>> tanh_shrink([0.0]).tolist()
    [0.0]
    """
    return ops.tanh_shrink(x)


def hard_tanh(x: Any) -> Any:
    """x kept within -1 and 1.

    >>> hard_tanh([-2.0, 0.5]).tolist()
    [-1.0, 0.5]
    """
    return ops.hard_tanh(x)


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where it is greater than `threshold`, else `default_value`.

    >>> threshold([-2.0, 2.0], 0.0, 9.0).tolist()
    [9.0, 2.0]
    """
    return ops.threshold(x, threshold, default_value)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)).

    >>> sigmoid([0.0]).tolist()
    [0.5]
    """
    return ops.sigmoid(x)


def hard_sigmoid(x: Any) -> Any:
    """x / 6 + 1/2 kept within 0 and 1.

    >>> hard_sigmoid([-9.0, 0.0, 9.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    return ops.hard_sigmoid(x)


def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)), computed so that nothing overflows.

    >>> log_sigmoid([-200.0]).tolist()
    [-200.0]
    """
    return ops.log_sigmoid(x)


def sparse_sigmoid(x: Any) -> Any:
    """0 below -1, 1 above 1, (x + 1) / 2 between.

    >>> sparse_sigmoid([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    return ops.sparse_sigmoid(x)


def hard_silu(x: Any) -> Any:
    """x hard_sigmoid(x), also called hard swish.

    >>> hard_silu([-9.0, 0.0, 9.0]).tolist()
    [0.0, 0.0, 9.0]
    """
    return ops.hard_silu(x)


def exponential(x: Any) -> Any:
    """exp(x).

    >>> exponential([0.0]).tolist()
    [1.0]
    """
    return ops.exp(x)


def linear(x: Any) -> Any:
    """x itself.

    >>> linear(3.0)
    3.0
    """
    return x


@op(name="Mish")
def mish(x: Any) -> Any:
    """x tanh(softplus(x)) (D. Misra, Mish: a self regularized non-monotonic activation function, 2019).

    >>> mish([0.0]).tolist()
    [0.0]
    """
    x = value(x)
    return x * ops.tanh(ops.softplus(x))


def sparsemax(x: Any, axis: int = -1) -> Any:
    """max(x - t, 0) with the threshold t of sparsemax along an axis (A. Martins, R. Astudillo, From softmax to sparsemax, 2016);
    see `ops.sparsemax`.

    >>> sparsemax([[1.0, 3.0]]).tolist()
    [[0.0, 1.0]]
    """
    return ops.sparsemax(x, axis=axis)


swish = silu
hard_swish = hard_silu

_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    relu, leaky_relu, relu6, softmax, celu, elu, selu, softplus, softsign, squareplus, soft_shrink, sparse_plus, silu, gelu, glu, tanh,
    tanh_shrink, threshold, sigmoid, sparse_sigmoid, exponential, hard_sigmoid, hard_silu, hard_tanh, hard_shrink, linear, mish,
    log_softmax, log_sigmoid, sparsemax,
)  # fmt: skip
ALL_OBJECTS_DICT: dict[str, Any] = {f.__name__: f for f in _FUNCTIONS} | {"swish": silu, "hard_swish": hard_silu}


def serialize(activation: Any) -> Any:
    """The name of a built-in activation; the configuration dictionary of any other.

    >>> serialize(relu)
    'relu'
    """
    name = getattr(activation, "__name__", None)
    if ALL_OBJECTS_DICT.get(name or "") is activation:
        return name
    config: Any = serialize_keras_object(activation)
    if not isinstance(config, dict) or "config" not in config:
        raise ValueError(
            f"Unknown activation function {activation!r} cannot be serialized: register it with register_keras_serializable"
        )
    return config  # pyright: ignore[reportUnknownVariableType]


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The activation that a name or a configuration dictionary describes."""
    return identifiers.from_config(config, ALL_OBJECTS_DICT, custom_objects)


def get(identifier: Any) -> Any:
    """An activation from None (gives `linear`), a name, a configuration dictionary, or any function or layer.

    Raises:
        ValueError: it is none of these.

    >>> get("relu") is relu, get(None) is linear
    (True, True)
    """
    if identifier is None:
        return linear
    return identifiers.get(identifier, ALL_OBJECTS_DICT, deserialize, "activation function")
