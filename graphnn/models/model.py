"""The base of all models: a layer that can be trained, saved and looked into.

Exports: Model.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Self, cast

from .. import tree
from ..layers.layer import Layer, tuples
from ..node import symbolic_outputs
from ..tensor import KerasTensor
from ..training.trainer import Trainer
from .state_tree import groups, nested, set_state

__all__ = ["Model", "model_from_json"]


class Model(Trainer, Layer):  # pyright: ignore[reportIncompatibleVariableOverride]
    """A model: functional (`Model(inputs, outputs)`), or a subclass with a `call` of its own.

    Args:
        inputs, outputs: symbolic tensors, or lists or dictionaries of them.
        name: by default made of the class name.
        trainable: whether its weights are updated in training.

    >>> import numpy as np
    >>> import graphnn
    >>> x = graphnn.Input((3,))
    >>> model = graphnn.Model(x, graphnn.layers.Dense(2)(x))
    >>> model(np.ones((5, 3), "float32")).shape
    (5, 2)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls is Model and is_functional(args, kwargs):
            from .functional import Functional

            return cast(Self, Functional.__new__(Functional, *args, **kwargs))
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any):
        if is_functional(args, kwargs) and not kwargs.pop("_functional", False):
            from .functional import Functional, functional_class

            # A subclass that says super().__init__(inputs, outputs) becomes functional.
            self.__class__ = functional_class(type(self))
            Functional.__init__(cast(Functional, self), *args, **kwargs)
            return
        kwargs.pop("_functional", None)
        if args:
            raise TypeError(
                f"{type(self).__name__}.__init__() takes inputs and outputs, or no positional arguments. Received: {args}"
            )
        Trainer.__init__(self)
        Layer.__init__(self, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The maths of the model; subclasses override it."""
        raise NotImplementedError(f"Model {type(self).__name__} does not have a `call()` method implemented.")

    @property
    def layers(self) -> list[Layer]:
        """The layers, not those inside of them."""
        return self._flatten_layers(include_self=False, recursive=False)

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError("`Model.layers` attribute is reserved and should not be used. Please use another name.")

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by name or by its place in `layers`.

        Raises:
            ValueError: if there is none.
        """
        if index is not None and name is not None:
            raise ValueError(f"Provide only a layer name or a layer index. Received: index={index}, name={name}.")
        layers = self.layers
        if index is not None:
            if len(layers) <= index:
                raise ValueError(f"Was asked to retrieve layer at index {index} but model only has {len(layers)} layers.")
            return layers[index]
        if name is None:
            raise ValueError("Provide either a layer name or layer index at `get_layer`.")
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. Existing layers are: {[layer.name for layer in layers]}.")

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Callable[..., Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: list[str] | None = None,
    ) -> None:
        """Prints a table of the layers, their output shapes and numbers of parameters.

        Args:
            line_length: columns of the table.
            positions: relative or absolute ends of the columns.
            print_fn: called with the text in place of `print`.
            expand_nested: whether layers of nested models are shown.
            show_trainable: whether a column says which layers are trainable.
            layer_range: names (regular expressions) of the first and the last layer to show.
        """
        from ..utils.summary import summary_text

        text = summary_text(self, line_length, positions, expand_nested, show_trainable, layer_range)
        (print_fn or print)(text)

    def to_json(self, **kwargs: Any) -> str:
        """The configuration as JSON; `model_from_json` makes an equal model, with new weights.

        Args:
            **kwargs: for `json.dumps`.
        """
        from ..saving.serialization import serialize_keras_object

        return json.dumps(serialize_keras_object(self), **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Writes all weights to a .npz or .safetensors file, whole or not at all.

        Args:
            filepath: a path that ends in .npz or .safetensors.
            overwrite: whether an existing file is replaced.
        """
        from ..saving.weights import save_weights

        save_weights(self, filepath, overwrite=overwrite)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Reads all weights from a file of `save_weights`; nothing changes where it does not fit.

        Args:
            filepath: the file.
            skip_mismatch: whether weights of another shape are left as they are, with a warning, in place of an error.
        """
        from ..saving.weights import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, dict[str, Any]]:
        """The numbers of all variables: by kind (`trainable_variables`, ...), then by the parts of their paths.

        Args:
            value_format: "backend_tensor" or "numpy_array"; both are arrays here.

        Raises:
            ValueError: another format, or two variables of one path.

        >>> import graphnn
        >>> model = graphnn.Sequential([graphnn.Input((3,)), graphnn.layers.Dense(2, name="d")], name="m")
        >>> model.get_state_tree()["trainable_variables"]["m"]["d"]["bias"].tolist()
        [0.0, 0.0]
        """
        if value_format not in ("backend_tensor", "numpy_array"):
            raise ValueError(f"`value_format` must be 'backend_tensor' or 'numpy_array'. Received: value_format={value_format!r}")
        plain = value_format == "numpy_array"
        return {kind: nested(variables, plain) for kind, variables in groups(self).items()}

    def set_state_tree(self, state_tree: dict[str, dict[str, Any]]) -> None:
        """Takes numbers in the form that `get_state_tree` gives; variables that are left out keep theirs.

        Raises:
            ValueError: a kind that there is not, or numbers of another shape.
        """
        set_state(self, state_tree)

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights of a subclassed model by tracing it on symbolic inputs of given shapes.

        Args:
            input_shape: a shape, or a structure of shapes.
        """
        if self.built or input_shape is None:
            self.built = True
            return

        def tensor(shape: tuple[Any, ...]) -> KerasTensor:
            return KerasTensor((None, *shape[1:]), self.input_dtype)

        symbolic_outputs(self._traced, (tree.map_shape_structure(tensor, tuples(input_shape)),), {})

    build.by_tracing = True  # type: ignore[attr-defined]

    def to_networkx(self) -> Any:
        """The layers as a networkx graph (networkx is imported here)."""
        from ..visualization import to_networkx

        return to_networkx(self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """A model from what `get_config` gave.

        Args:
            config: the configuration.
            custom_objects: classes and functions of your own by name.
        """
        from ..saving.serialization import custom_object_scope
        from .functional import Functional, made_of_tensors
        from .functional_config import model_from_config

        with custom_object_scope(custom_objects or {}):
            if {"layers", "input_layers", "output_layers"} <= set(config) and made_of_tensors(cls):
                return model_from_config(Functional if cls is Model else cls, config)
            return super().from_config(config)


def is_functional(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """True for the arguments of Model(inputs, outputs)."""
    return len(args) >= 2 or (len(args) == 1 and "outputs" in kwargs) or ("inputs" in kwargs and "outputs" in kwargs)


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """A model with new weights from `model.to_json()`.

    Args:
        json_string: JSON as `to_json` of graphnn or of Keras writes it.
        custom_objects: classes and functions of your own by name.
    """
    from ..saving.serialization import deserialize_keras_object, parse_json

    return deserialize_keras_object(parse_json(json_string), custom_objects=custom_objects)
