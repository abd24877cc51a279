"""The base of all layers.

Exports: Layer.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Self

from .. import dtype_policies, tree
from ..context import current_path
from ..node import symbolic_outputs
from ..rematerialization import current_scope
from ..tensor import KerasTensor
from . import capture
from .calling import Calling
from .state import scope_of

__all__ = ["Layer"]

_ROOT = __name__.split(".")[0]


class Layer(Calling):
    """A step of a model: weights made in `build` and maths in `call`.

    Subclasses make their weights with `add_weight` in `__init__` or `build(input_shape)` and write `call(inputs)` in terms of
    `graphnn.ops`, operators and other layers. `get_config` is needed only where the arguments of `__init__` are not enough.

    Args:
        activity_regularizer: penalty on the outputs, added to the loss.
        trainable: whether the weights are updated in training.
        dtype: dtype of weights and arithmetic, a name or a `DTypePolicy`.
        autocast: whether float inputs are cast to that dtype.
        name: by default made of the class name: dense, dense_1, ...

    >>> import numpy as np
    >>> import graphnn
    >>> class Scale(graphnn.layers.Layer):
    ...     def __init__(self, factor=2.0, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.factor = factor
    ...     def call(self, x):
    ...         return x * self.factor
    >>> layer = Scale(3.0, name="triple")
    >>> layer(np.ones(2, "float32")).tolist(), layer.get_config()["factor"]
    ([3.0, 3.0], 3.0)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        layer = super().__new__(cls)
        object.__setattr__(layer, "_init_arguments", capture.bound_arguments(cls, args, kwargs))
        return layer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = cls.__dict__
        if "__init__" in own and "get_config" not in own and not cls.__module__.startswith(f"{_ROOT}."):
            # A user's class takes other arguments than its base: they are captured, for the base's configuration would not fit.
            cls.get_config = Layer.get_config
        if "build" in own:
            cls.build = _building(own["build"])

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name)
        self._own_trainable = []
        self._own_other = []
        self._eager_losses = []
        self._programs = None
        self._input_shape_arg = _shape_argument(kwargs)
        self._first_weights = kwargs.pop("weights", None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}")
        self._dtype_policy = dtype_policies.get(dtype)
        given: Any = trainable
        if not isinstance(given, bool):
            raise ValueError(f"`trainable` must be a bool. Received: trainable={given!r} for layer {self.name!r}")
        self._trainable = trainable
        self.autocast = autocast
        self.built = False
        self.supports_masking = False
        self.input_spec = None
        self._build_shapes = None
        self._path_name = None
        self._remat = current_scope()
        self.activity_regularizer = None
        if activity_regularizer is not None:
            from .. import regularizers

            self.activity_regularizer = regularizers.get(activity_regularizer)

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights for inputs of a shape; subclasses with weights override it."""
        self.built = True

    build.by_tracing = True  # type: ignore[attr-defined]

    # ---- shapes

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Shape and dtype of the outputs for symbolic inputs, as symbolic tensors."""
        layer = self if self.built else self._twin()
        return symbolic_outputs(layer._traced, args, kwargs)

    compute_output_spec.by_tracing = True  # type: ignore[attr-defined]

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape of the outputs for inputs of given shapes, found by tracing `call`."""
        layer = self if self.built else self._twin()
        dtype = self.compute_dtype if self.compute_dtype.startswith("float") else "float32"

        def tensors(shapes: Any) -> Any:
            return tree.map_shape_structure(lambda shape: KerasTensor(shape, dtype), shapes)

        if not args and list(kwargs) == ["input_shape"]:
            args, kwargs = (kwargs["input_shape"],), {}
        given = tuple(tensors(a) for a in args)
        named = {k.removesuffix("_shape"): tensors(v) for k, v in kwargs.items()}
        layer._build_for(layer._info().bind(layer, given, named))

        def shape(x: Any) -> Any:
            return getattr(x, "shape", None)

        return tree.map_structure(shape, layer.compute_output_spec(*given, **named))

    compute_output_shape.by_tracing = True  # type: ignore[attr-defined]

    def _twin(self) -> Self:
        """A copy to build in its place, or itself where it cannot be copied."""
        try:
            return type(self).from_config(self.get_config())
        except (NotImplementedError, TypeError, ValueError):
            return self

    # ---- configuration

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        """What its dtypes come from."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._dtype_policy = dtype_policies.get(value)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer (weights not included)."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        config["dtype"] = dtype_policies.serialize(self._dtype_policy)
        if self.activity_regularizer is not None:
            from .. import regularizers

            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if type(self).get_config is Layer.get_config:
            config.update(capture.captured_config(self, self._init_arguments or {}))
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A layer from what `get_config` gave.

        Raises:
            TypeError: if `__init__` does not take these arguments.
        """
        from ..saving.serialization import deserialize_keras_object, is_serialized

        made = {k: deserialize_keras_object(v) if k != "dtype" and is_serialized(v) else v for k, v in config.items()}
        try:
            return cls(**made)
        except TypeError as e:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}.\n\nException encountered: {e}"
            ) from e

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that the layer was built for."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        return {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1 else {"shapes_dict": shapes}

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Builds the layer for the shapes that `get_build_config` gave."""
        if not config or self.built:
            return
        if "input_shape" in config:
            self.build(tuples(config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**{k: tuples(v) for k, v in config["shapes_dict"].items()})

    @property
    def path(self) -> str:
        """The names of the layers around it and its own, joined by slashes."""
        return self._path_name or self.name

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        new = object.__new__(type(self))
        memo[id(self)] = new
        state = dict(self.__dict__)
        for name in ("_programs", "_quick", "_fast", "_graph_programs"):  # programs belong to the original's weights
            if name in state:
                state[name] = None if name in ("_programs", "_quick") else {}
        for node in state.get("_nodes", ()):
            copy.deepcopy(node, memo)  # in order, so that a long chain is not walked by recursion
        for name, x in state.items():
            object.__setattr__(new, name, copy.deepcopy(x, memo))
        return new

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    # ---- around `build`

    def _run_build(self, build: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """`build` with what belongs around it: the name scope, remembering of the shapes, first weights of older scripts."""
        if self.__dict__.get("_building"):  # a class calls the build of its base
            build(self, *args, **kwargs)
            return
        object.__setattr__(self, "_building", True)
        try:
            with scope_of(self):
                self._path_name = current_path()
                build(self, *args, **kwargs)
        finally:
            object.__setattr__(self, "_building", False)
        self.built = True
        bound = inspect.signature(build).bind(self, *args, **kwargs).arguments
        self._build_shapes = dict(list(bound.items())[1:])
        if self._first_weights is not None:
            first, self._first_weights = self._first_weights, None
            self.set_weights(first)


def _building(build: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> None:
        self._run_build(build, args, kwargs)  # pyright: ignore[reportPrivateUsage]

    return wrapper


def tuples(shape: Any) -> Any:
    """A shape, or a structure of shapes, from JSON."""
    if tree.is_shape(shape):
        return tuple(shape)
    return {k: tuples(v) for k, v in shape.items()} if tree.is_dict(shape) else [tuples(s) for s in shape]


def _shape_argument(kwargs: dict[str, Any]) -> tuple[Any, ...] | None:
    """The batch shape that input_shape, input_dim or batch_input_shape of a first layer ask for (they are removed)."""
    batch, shape, dim = (kwargs.pop(k, None) for k in ("batch_size", "input_shape", "input_dim"))
    wholes = [kwargs.pop(k, None) for k in ("batch_input_shape", "batch_shape")]
    for whole in wholes:
        if whole is not None:
            return tuple(whole)
    if shape is None and dim is None:
        return None
    if shape is None:
        shape = dim
    return (batch, shape) if isinstance(shape, int) else (batch, *shape)
