"""What the layers of this folder share: configuration, reading of arguments, and weights with their options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from .. import activations, constraints, initializers, regularizers
from ..variable import Variable
from .layer import Layer

# What `get` of initializers, regularizers, ... takes: a name, a configuration, an object, a callable, or None.
Identifier: TypeAlias = Any
_READERS = {"initializer": initializers.get, "regularizer": regularizers.get, "constraint": constraints.get}


_WRITERS: dict[str, Callable[[Any], Any]] = {
    "initializer": initializers.serialize,
    "regularizer": regularizers.serialize,
    "constraint": constraints.serialize,
    "activation": activations.serialize,
}


class ConfiguredLayer(Layer):
    """Base of this package's layers: an argument of `__init__` is kept as the attribute of its name: the configuration.

    A user's subclass may build its own `get_config` on this one; without one its arguments are captured (see `Layer`).
    """

    takes_texts = False
    unsaved: tuple[str, ...] = ()  # arguments that are no part of the configuration

    def get_config(self) -> dict[str, Any]:
        ours = next(c for c in type(self).__mro__ if c.__module__.partition(".")[0] == __name__.partition(".")[0])
        own = {name: written(name, getattr(self, name)) for name in arguments_of(ours) if name not in self.unsaved}
        return {**super().get_config(), **own}


def arguments_of(cls: type) -> list[str]:
    """The names of the arguments of a layer class, those of the base class left out."""
    parameters = list(inspect.signature(cls).parameters.values())
    base = ("name", "trainable", "dtype", "activity_regularizer")
    return [p.name for p in parameters if p.kind is not p.VAR_KEYWORD and p.name not in base]


def written(name: str, value: Any) -> Any:
    """An argument as configurations hold it."""
    from ..saving.serialization import serialize_keras_object

    writer: Callable[[Any], Any] = _WRITERS.get(name.rpartition("_")[2], serialize_keras_object)
    return writer([*value] if isinstance(value, tuple) else value)  # pyright: ignore[reportUnknownArgumentType]


def set_options(layer: Layer, **options: Identifier) -> None:
    """Sets `<weight>_initializer`, ..., `<weight>_constraint` attributes from anything that their `get` takes."""
    for name, identifier in options.items():
        setattr(layer, name, _READERS[name.rpartition("_")[2]](identifier))


def add_weight(layer: Layer, name: str, shape: Sequence[Any], **kwargs: Any) -> Variable:
    """Adds the weight `name` with the layer's `<name>_initializer`, `<name>_regularizer` and `<name>_constraint`."""
    for kind in _READERS:
        kwargs.setdefault(kind, getattr(layer, f"{name}_{kind}", None))
    return layer.add_weight(name=name, shape=tuple(shape), **kwargs)


def positive_integer(layer: Layer, argument: str, value: object) -> int:
    """`value` if it is an integer above 0, else a ValueError that names layer and argument."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{type(layer).__name__}: `{argument}` must be a positive integer. Received: {argument}={value!r}")
    return value


def fraction(layer: Layer, argument: str, value: Any) -> Any:
    """`value` if it is a number from 0 to 1, else an error that names layer and argument: TypeError for what is no number."""
    if not hasattr(value, "__float__"):
        raise TypeError(f"{type(layer).__name__}: `{argument}` must be a number from 0 to 1. Received: {argument}={value!r}")
    if isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{type(layer).__name__}: `{argument}` must be a number from 0 to 1. Received: {argument}={value!r}")
    return value


def axis_argument(layer: Layer, axis: Any) -> int | list[int]:
    """An `axis` argument: an integer, or a list of integers."""
    if isinstance(axis, list | tuple) and all(isinstance(a, int) for a in axis):  # pyright: ignore[reportUnknownVariableType]
        return list(axis)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(axis, int) and not isinstance(axis, bool):
        return axis
    raise TypeError(f"{type(layer).__name__}: `axis` must be an integer or a list of integers. Received: axis={axis!r}")


def axis_extents(layer: Layer, axes: Sequence[int], input_shape: Sequence[int | None]) -> tuple[int, ...]:
    """The extents of axes that must be known when the layer is built."""
    extents: list[int] = []
    for axis in axes:
        if not -len(input_shape) <= axis < len(input_shape):
            raise ValueError(
                f"{type(layer).__name__} {layer.name!r}: axis {axis} is out of bounds for an input of shape {tuple(input_shape)}"
            )
        extent = input_shape[axis]
        if extent is None:
            raise ValueError(
                f"{type(layer).__name__} {layer.name!r}: axis {axis} of the input must have a known extent, since "
                "a weight "
                f"is made for it. Received: input_shape={tuple(input_shape)}"
            )
        extents.append(extent)
    return tuple(extents)


def refuse_quantization(layer: Any, config: object) -> None:
    """Quantised weights do not exist; the argument is there because Keras's configurations carry it."""
    layer.quantization_config = None
    if config is not None:
        raise ValueError(
            f"{type(layer).__name__}: quantized weights are not supported, `quantization_config` must be None. "
            f"Received: quantization_config={config!r}"
        )
