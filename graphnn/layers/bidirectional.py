"""A recurrent layer and its mirror image.

Exports: Bidirectional.
"""

from __future__ import annotations

from typing import Any, Self

from .. import ops, tree
from .common import ConfiguredLayer
from .layer import Layer

__all__ = ["Bidirectional"]

_MODES = ("sum", "mul", "ave", "concat", None)
_NEEDED = ("go_backwards", "return_sequences", "return_state")


class Bidirectional(ConfiguredLayer):
    """Runs two recurrent layers over a sequence, one forwards and one backwards, and brings their outputs together.

    Args:
        layer: a recurrent layer; a copy of it with new weights is used.
        merge_mode: how outputs are joined: "concat", "sum", "mul", "ave", or None for two outputs.
        weights: first values of the weights, those of the forward layer first.
        backward_layer: the layer for the other direction; by default a copy of `layer` with `go_backwards`.

    Shapes:
        input `(batch, steps, features)`; output as of `layer`, twice as wide for "concat". With `return_state` the states follow, those
        of the forward layer first; `initial_state` is given in this order.

    Raises:
        ValueError: `merge_mode` is another one, an argument is no layer, the layers run in the same direction or differ in
            `return_sequences` or `return_state`, or the number of initial states is odd.
        TypeError: a layer is not a recurrent one.

    Source: Schuster, Paliwal, "Bidirectional Recurrent Neural Networks", 1997.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Bidirectional(layers.LSTM(4, return_sequences=True))(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 8)
    """

    unsaved = ("layer", "weights", "backward_layer")
    remat_by_steps = True  # its layers do

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Layer | None = None,
        **kwargs: Any,
    ):
        for name, one in (("layer", layer), ("backward_layer", backward_layer)):
            given: Any = one
            if not isinstance(given, Layer) and not (given is None and name == "backward_layer"):
                raise ValueError(f"Bidirectional: `{name}` must be a layer. Received: {name}={given!r}")
            missing = [a for a in _NEEDED if given is not None and not hasattr(given, a)]
            if missing:
                raise TypeError(
                    f"Bidirectional: `{name}` must be a recurrent layer, with the attributes {', '.join(_NEEDED)}. "
                    f"Received: {name}={given!r} without {', '.join(missing)}"
                )
        if merge_mode not in _MODES:
            raise ValueError(f"Invalid merge mode. Received: {merge_mode}. Merge mode should be one of {_MODES}")
        super().__init__(**kwargs)
        self.merge_mode = merge_mode
        self.forward_layer: Any = _copy(layer, "forward_", layer.name)
        if backward_layer is None:
            self.backward_layer: Any = _copy(layer, "backward_", layer.name, go_backwards=True)
        else:
            self.backward_layer = backward_layer
        self._check_pair()
        for one in (self.forward_layer, self.backward_layer):
            if hasattr(one, "zero_output_for_mask"):
                one.zero_output_for_mask = one.return_sequences  # outputs of both directions stand side by side
        self.return_sequences: bool = self.forward_layer.return_sequences
        self.return_state: bool = self.forward_layer.return_state
        self.supports_masking = True
        if weights:
            self._first_weights = weights

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                "Bidirectional: the two layers must have different values of `go_backwards`. Received: "
                f"layer.go_backwards={forward.go_backwards}, backward_layer.go_backwards={backward.go_backwards}"
            )
        for name in ("stateful", "return_sequences", "return_state"):
            a, b = getattr(forward, name, False), getattr(backward, name, False)
            if a != b:
                raise ValueError(f"Bidirectional: the two layers must have the same `{name}`. Received: {a} and {b}")

    @property
    def layer(self) -> Any:
        """The forward layer."""
        return self.forward_layer

    @property
    def stateful(self) -> bool:
        """Whether batches start from the states of the batch before."""
        return bool(getattr(self.forward_layer, "stateful", False))

    @property
    def states(self) -> Any:
        """The states that stateful layers keep, those of the forward layer first; else None."""
        own: list[Any] = [getattr(one, "states", None) for one in (self.forward_layer, self.backward_layer)]
        return None if any(s is None for s in own) else (*own[0], *own[1])

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for one in (self.forward_layer, self.backward_layer):
            if not one.built:
                one.build(sequences_shape)
                one.built = True
        self.built = True

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        first: list[dict[str, Any]] = [{}, {}]
        if initial_state is not None:
            states: list[Any] = list(initial_state) if tree.is_list(initial_state) else [initial_state]
            if len(states) % 2:
                raise ValueError(
                    f"Bidirectional {self.name!r}: `initial_state` must have the states of the forward layer and as many of the backward "
                    f"layer. Received: {len(states)} tensors"
                )
            half = len(states) // 2
            first = [{"initial_state": states[:half]}, {"initial_state": states[half:]}]
        y, back = (
            one(sequences, mask=mask, training=training, **start)
            for one, start in zip((self.forward_layer, self.backward_layer), first, strict=True)
        )
        states = []
        if self.return_state:
            states = [*y[1:], *back[1:]]
            y, back = y[0], back[0]
        if self.return_sequences:
            back = ops.flip(back, axis=1)
        outputs = self._merged(y, back)
        return (*outputs, *states) if len(outputs) > 1 or self.return_state else outputs[0]

    def _merged(self, y: Any, back: Any) -> list[Any]:
        if self.merge_mode == "concat":
            return [ops.concatenate([y, back], axis=-1)]
        if self.merge_mode == "sum":
            return [ops.add(y, back)]
        if self.merge_mode == "ave":
            return [ops.multiply(ops.add(y, back), 0.5)]
        if self.merge_mode == "mul":
            return [ops.multiply(y, back)]
        return [y, back]

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the inputs for outputs of all steps, none for the last output."""
        mask = previous_mask if self.return_sequences else None
        return (mask, mask) if self.merge_mode is None else mask

    def reset_state(self) -> None:
        """Sets the states that stateful layers keep to 0."""
        for one in (self.forward_layer, self.backward_layer):
            one.reset_state()

    reset_states = reset_state

    def get_config(self) -> dict[str, Any]:
        from ..saving.serialization import serialize_keras_object

        layers = {"layer": self.forward_layer, "backward_layer": self.backward_layer}
        return {**super().get_config(), **{k: serialize_keras_object(v) for k, v in layers.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        from ..saving.serialization import custom_object_scope

        with custom_object_scope(custom_objects or {}):
            return super().from_config(config)


def _copy(layer: Layer, prefix: str, name: str, **changes: Any) -> Layer:
    """A layer of the same configuration, without its weights."""
    from ..saving.serialization import deserialize_keras_object, serialize_keras_object

    config = serialize_keras_object(layer)
    config["config"] = {**config["config"], **changes, "name": prefix + name.removeprefix(prefix)}
    return deserialize_keras_object(config, custom_objects={type(layer).__name__: type(layer)})
