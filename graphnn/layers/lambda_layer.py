"""A Python function as a layer.

Exports: Lambda.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ..saving.serialization import serialize_keras_object
from .common import ConfiguredLayer

__all__ = ["Lambda"]


class Lambda(ConfiguredLayer):
    """Calls a function of tensors, written in `graphnn.ops`.

    The function is not saved: a configuration holds only the name that it is registered under, and loading looks that
    name up. A lambda has no name, so a model with one cannot be saved; subclass `Layer` or register a function instead.

    Args:
        function: the function; it may take `mask` and `training` besides the inputs.
        output_shape: accepted; shapes are found by tracing.
        mask: a mask, or a function `(inputs, mask)` that gives one.
        arguments: a dictionary of further keyword arguments for the function.

    Shapes:
        as the function says.

    >>> import numpy as np
    >>> from graphnn import layers, ops
    >>> layers.Lambda(lambda x: ops.square(x))(np.array([3.0], "float32")).tolist()
    [9.0]
    """

    takes_texts = True

    unsaved = ("function", "output_shape", "mask", "arguments")

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"Lambda: `function` must be callable. Received: function={function!r}")
        self.function = function
        self.declared_shape = output_shape
        self.mask = mask
        self.arguments = dict(arguments or {})
        self.supports_masking = mask is not None
        self.takes = set(inspect.signature(function).parameters) & {"mask", "training"}

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        given = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{name: given[name] for name in self.takes})

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """What the `mask` argument says."""
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """The configuration; ValueError for a function without a registered name."""
        functions = {"function": self.function, "output_shape": self.declared_shape, "mask": self.mask}
        for argument, f in functions.items():
            if callable(f) and getattr(f, "__name__", "<lambda>") == "<lambda>":
                raise ValueError(
                    f"Lambda {self.name!r}: `{argument}` is a lambda, and code is never saved. "
                    "Subclass graphnn.layers.Layer, "
                    "or define a function with a name and register it with graphnn.saving.register_keras_serializable"
                )
        config = {
            "function": serialize_keras_object(self.function),
            "arguments": serialize_keras_object(self.arguments),
        }
        for argument in ("output_shape", "mask"):
            if functions[argument] is not None:
                config[argument] = serialize_keras_object(functions[argument])
        return {**super().get_config(), **config}
