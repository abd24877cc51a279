"""Models that are a plain list of layers.

Exports: Sequential.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from graphnn_compiler.trace import active

from .. import tree
from ..context import suspended
from ..dispatch import find
from ..front import holds_texts
from ..layers.input_layer import Input, InputLayer
from ..layers.input_spec import known
from ..layers.layer import Layer
from ..layers.versions import raise_epoch
from ..program import is_arraylike
from ..tensor import KerasTensor
from ..texts import STRING, TextError
from .functional import Functional
from .model import Model

__all__ = ["Sequential"]


class Sequential(Model):
    """A list of layers, each applied to the output of the one before.

    The first layer may be an `Input`, or say its input with `input_shape` or `input_dim`; without, the model is built when it is
    called first.

    Args:
        layers: layers to add.
        trainable: whether its weights are updated in training.
        name: by default sequential, sequential_1, ...

    >>> import numpy as np
    >>> from graphnn.models import Sequential
    >>> from graphnn.layers import Dense
    >>> model = Sequential([Dense(units=4, input_dim=3, activation="relu"), Dense(2)])
    >>> model(np.ones((5, 3), "float32")).shape, model.count_params()
    ((5, 2), 26)
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None, **kwargs: Any):
        super().__init__(trainable=trainable, name=name, **kwargs)
        self._functional: Functional | None = None
        self._plain = type(self).call is Sequential.call
        self._sequence: list[Layer] = []
        if layers is not None:
            for layer in layers if tree.is_list(layers) else [layers]:
                self.add(layer, rebuild=False)
            self._rebuild()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Adds a layer at the end.

        Args:
            layer: a layer, or an `Input` in front.

        Raises:
            ValueError: for anything else, a second `Input`, or a name that is taken.
        """
        if isinstance(layer, KerasTensor):
            layer = layer.history.operation
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Only instances of `keras.Layer` can be added to a Sequential model. Received: {layer} (of type {type(layer)})"
            )
        if any(layer.name == other.name and layer is not other for other in self._sequence):
            raise ValueError(
                f"All layers added to a Sequential model should have unique names. Name '{layer.name}' is already the name of a layer "
                "in this model. Update the `name` argument to pass a unique name."
            )
        start = self.start
        if isinstance(layer, InputLayer):
            if start is not None:
                raise ValueError(
                    f"Sequential model '{self.name}' has already been configured to use input shape {start.batch_shape}. "
                    "You cannot add a different Input layer to it."
                )
            if self._sequence:
                raise ValueError(f"Sequential model '{self.name}': an Input must be added before all other layers")
        elif not self._sequence:
            first = _first_shape(layer)
            if first is not None:
                shape, dtype = first
                self._sequence.append(Input(batch_shape=shape, dtype=dtype).history.operation)
        self._sequence.append(layer)
        if self.built:
            raise_epoch()
        if rebuild:
            self._rebuild()
        else:
            self.built, self._functional = False, None

    def pop(self, rebuild: bool = True) -> Layer:
        """Takes the last layer away and gives it back."""
        layer = self._sequence.pop()
        raise_epoch()
        self.built, self._functional = False, None
        if rebuild:
            self._rebuild()
        return layer

    @property
    def start(self) -> InputLayer | None:
        """The layer of its `Input`, where it has one."""
        first = self._sequence[0] if self._sequence else None
        return first if isinstance(first, InputLayer) else None

    def _rebuild(self) -> None:
        self.built, self._functional = False, None
        start = self.start
        if start is not None and len(self._sequence) > 1:
            self.build(start.batch_shape)

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights.

        Args:
            input_shape: the shape of the input, batch included.
        """
        start = self.start
        if start is None and input_shape is None:
            raise ValueError("You must provide an `input_shape` argument.")
        if not self._sequence:
            raise ValueError(f"Sequential model {self.name} cannot be built because it has no layers. Call `model.add(layer)`.")
        if start is not None and input_shape is not None and tuple(input_shape) != tuple(start.batch_shape):
            raise ValueError(
                f"Sequential model '{self.name}' has already been configured to use input shape {start.batch_shape}. "
                f"You cannot build it with input_shape {input_shape}"
            )
        if start is None:
            if not tree.is_shape(input_shape):
                self.built = True  # several inputs: the layers build themselves when they are called
                return
            dtype = self._sequence[0].input_dtype
            start = Input(batch_shape=tuple(input_shape), dtype=dtype).history.operation
            self._sequence.insert(0, start)
        x: Any = start.output
        for layer in self._sequence[1:]:
            try:
                x = layer(x)
            except TypeError as e:
                e.add_note(f"in Sequential model {self.name!r}, whose layers take one tensor each, at layer {layer.name!r}")
                raise
        self._functional = Functional(start.output, x, name=self.name)
        self.built = True

    def _build_for(self, bound: dict[str, Any]) -> None:
        if self.built or self._functional is not None:
            return
        if not self._sequence:
            raise ValueError(f"Sequential model {self.name} cannot be built because it has no layers. Call `model.add(layer)`.")
        inputs: Any = bound.get("inputs")
        if hasattr(inputs, "shape"):
            # The number of rows of the first call says nothing about later ones.
            shape = (None, *known(inputs.shape)[1:])
            if self.start is None and holds_texts(inputs):
                if not self._sequence[0].takes_texts:
                    raise TextError(f"Invalid dtype: Sequential model {self.name!r} starts with a layer of numbers, but was given texts")
                self._sequence.insert(0, Input(batch_shape=shape, dtype=STRING).history.operation)
            with suspended():
                self.build(self.start.batch_shape if self.start else shape)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Applies the layers to values."""
        if self._functional is not None:
            return self._functional.call(inputs, training=training, mask=mask)
        x = inputs
        for layer in self._sequence:
            if not isinstance(layer, InputLayer):
                kwargs: dict[str, Any] = {}
                if training is not None and "training" in layer._info().names:
                    kwargs["training"] = training
                if mask is not None and "mask" in layer._info().names:
                    kwargs["mask"] = mask
                x = layer(x, **kwargs)
                mask = None
        return x

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the model on arrays or symbolic tensors."""
        if self._functional is not None and self._plain and len(args) == 1 and type(args[0]) is np.ndarray:
            return self._functional(*args, **kwargs)
        if self._plain and active() is None and not find((args, kwargs), KerasTensor):
            if self._functional is None and args and is_arraylike(args[0]):
                self._build_for({"inputs": args[0]})
            if self._functional is not None:
                return self._functional(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def _cast_dtype(self) -> str | None:
        return None  # its layers cast

    @property
    def _layers(self) -> list[Layer]:
        held = [] if type(self) is Sequential else super()._layers
        own = {id(x) for x in self._sequence}
        return [*self._sequence, *[x for x in held if id(x) not in own]]

    @property
    def layers(self) -> list[Layer]:
        """The layers without the `Input`."""
        return [x for x in self._sequence if not isinstance(x, InputLayer)]

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError("`Sequential.layers` attribute is reserved and should not be used. Use `add()` and `pop()`.")

    def _defined(self, what: str) -> Functional:
        if self._functional is None:
            raise AttributeError(f"Sequential model '{self.name}' has no defined {what} yet.")
        return self._functional

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic input in a list."""
        return self._defined("inputs").inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs in a list."""
        return self._defined("outputs").outputs

    @property
    def input(self) -> Any:
        """The symbolic input."""
        return self._defined("input").input

    @property
    def output(self) -> Any:
        """The symbolic output."""
        return self._defined("output").output

    @property
    def input_names(self) -> list[str]:
        """The name of the input layer in a list."""
        return self._defined("input names").input_names

    @property
    def output_names(self) -> list[str]:
        """The names of the operations that give the outputs."""
        return self._defined("output names").output_names

    @property
    def input_shape(self) -> Any:
        """The shape of the input."""
        return self._defined("input shape").input_shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output."""
        return self._defined("output shape").output_shape

    @property
    def input_dtype(self) -> str:
        """The dtype that the first layer computes in."""
        layers = self.layers
        return layers[0].input_dtype if layers else super().input_dtype

    def compute_output_shape(self, input_shape: Any) -> Any:  # type: ignore[override]
        """The shape of the output for an input of a given shape."""
        if self._functional is not None:
            return self._functional.compute_output_shape(input_shape)
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    compute_output_shape.by_tracing = True  # type: ignore[attr-defined]

    def get_config(self) -> dict[str, Any]:
        """The layers and the input shape."""
        from .. import dtype_policies
        from ..saving.serialization import serialize_keras_object

        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        config["dtype"] = dtype_policies.serialize(self.dtype_policy)
        config["layers"] = [serialize_keras_object(layer) for layer in self._sequence]
        if self._functional is not None:
            config["build_input_shape"] = self._sequence[0].batch_shape  # type: ignore[attr-defined]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """A model from `get_config`."""
        from ..saving.serialization import custom_object_scope, deserialize_keras_object

        given: Any = config
        if not isinstance(given, dict) or "layers" not in given:
            raise ValueError(
                f"the configuration of a Sequential model is a dictionary with `layers`. Received: config={config!r}"
            )
        with custom_object_scope(custom_objects or {}):
            model = cls(name=config.get("name")) if config.get("name") else cls()
            for data in config["layers"]:
                model.add(deserialize_keras_object(data), rebuild=False)
        if not config.get("trainable", True):
            model.trainable = False
        model._rebuild()
        shape = config.get("build_input_shape")
        if shape is not None and not model.built and tree.is_shape(shape) and model._sequence:
            model.build(tuple(shape))
        return model


def _first_shape(layer: Layer) -> tuple[Any, str | None] | None:
    """Batch shape and dtype of the input that a layer says it has."""
    if layer._input_shape_arg is not None:  # pyright: ignore[reportPrivateUsage]
        return layer._input_shape_arg, None  # pyright: ignore[reportPrivateUsage]
    if isinstance(layer, Functional | Sequential) and layer.built:
        inputs = getattr(layer, "inputs", ())
        if len(inputs) == 1:
            return inputs[0].shape, inputs[0].dtype
    return None
