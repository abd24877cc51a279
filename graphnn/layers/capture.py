"""The arguments that a layer was made with, kept so that `get_config` need not be written."""

from __future__ import annotations

import inspect
from typing import Any

_BASE = ("name", "trainable", "dtype")


def bound_arguments(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """Every argument of `cls.__init__` by name, defaults included; None where they do not fit (the call will raise)."""
    try:
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        bound = signature.bind(None, *args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    out: dict[str, Any] = {}
    for i, (name, p) in enumerate(signature.parameters.items()):
        if i == 0:
            continue
        if p.kind is p.VAR_KEYWORD:
            out.update(bound.arguments[name])
        elif p.kind is p.VAR_POSITIONAL:
            if bound.arguments[name]:
                out[f"*{name}"] = bound.arguments[name]
        else:
            out[name] = bound.arguments[name]
    return out


def captured_config(layer: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """The captured arguments in serialisable form, base arguments left out.

    A layer of this package stores what it normalised (initializers as objects, sizes as tuples) under the argument's name, and that is
    taken; a user's class may use its attributes as it likes, so its raw arguments are taken.
    """
    from ..saving.serialization import serialize_keras_object

    own = type(layer).__init__.__module__.split(".")[0] == __name__.split(".")[0]
    config: dict[str, Any] = {}
    for name, raw in arguments.items():
        if name.startswith("*"):
            raise NotImplementedError(
                f"{type(layer).__name__} takes positional arguments {name}, which cannot be captured: write its `get_config` method"
            )
        if name in _BASE or (name == "activity_regularizer" and raw is None):
            continue
        x = raw
        if own and hasattr(layer, name):
            x = getattr(layer, name)
        config[name] = serialize_keras_object(x)
    return config
