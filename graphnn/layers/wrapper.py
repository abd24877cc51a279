"""The base of layers that hold another layer.

Exports: Wrapper.
"""

from __future__ import annotations

from typing import Any, Self

from .common import ConfiguredLayer
from .layer import Layer

__all__ = ["Wrapper"]


class Wrapper(ConfiguredLayer):
    """A layer around another one, which subclasses call in their own `call`.

    Args:
        layer: the layer inside.

    Raises:
        ValueError: `layer` is not a layer.

    >>> from graphnn import layers
    >>> class Twice(layers.Wrapper):
    ...     def call(self, x):
    ...         return self.layer(self.layer(x))
    >>> Twice(layers.Rescaling(3.0))([1.0]).tolist()
    [9.0]
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"{type(self).__name__}: `layer` must be a layer. Received: layer={layer!r} (of type {type(layer)})")
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """A layer from what `get_config` gave; `custom_objects`: {name: class} for the layer inside."""
        from ..saving.serialization import deserialize_keras_object

        layer = config.get("layer")
        inner = deserialize_keras_object(layer, custom_objects=custom_objects) if isinstance(layer, dict) else layer
        return super().from_config({**config, "layer": inner})
