"""The weights of a layer: how they are made, found, counted, read and written; and its losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from graphnn_compiler.trace import active

from .. import tree
from ..config import standard_dtype
from ..context import collected, current_path, name_scope
from ..tensor import Array
from ..variable import Variable
from . import tracking
from .base import OWN, LayerBase, super_missing
from .versions import note_change, raise_epoch

if TYPE_CHECKING:
    from .layer import Layer


Method = TypeVar("Method", bound=Callable[..., Any])


def _name_first(add: Method) -> Method:
    """`add_weight(name, shape)` of older scripts as `add_weight(shape, name=name)`."""

    @wraps(add)
    def wrapper(self: State, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], str):
            args, kwargs["name"] = args[1:], args[0]
        return add(self, *args, **kwargs)

    return cast(Method, wrapper)


class State(LayerBase):
    """The part of `Layer` that holds weights."""

    @_name_first
    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Makes a weight of the layer.

        Args:
            shape: its extents.
            initializer: by default "glorot_uniform" for floats, zeros for other dtypes.
            dtype: by default that of the layer.
            trainable: whether optimizers update it.
            regularizer, constraint: penalty on it, projection after each update.
            name: unique within the layer.

        Raises:
            ValueError: for a shape that is not known, or too large for any memory.
        """
        from .. import constraints, initializers, regularizers

        kind = self.variable_dtype if dtype is None else standard_dtype(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if kind.startswith("float") else "zeros"
        extents = as_tuple(shape)
        if any(d is None for d in extents):
            raise ValueError(
                f"Layer {self.name!r}: weight {name!r} needs a shape without unknown extents. Received: shape={extents}. "
                "Give the input of the model a full shape (except the batch)."
            )
        with scope_of(self):
            weight = Variable(initializers.get(initializer), extents, kind, trainable, autocast, aggregation, name=name)
        weight.regularizer = regularizers.get(regularizer) if regularizer is not None else None
        weight.constraint = constraints.get(constraint) if constraint is not None else None
        weight.overwrite_with_gradient = overwrite_with_gradient
        self._track(weight)
        return weight

    add_variable = add_weight

    # ---- what there is

    def _track(self, v: Variable) -> None:
        for known in (self._own_trainable, self._own_other):
            if any(v is w for w in known):
                return
        (self._own_trainable if v.trainable else self._own_other).append(v)
        if v.trainable and not self._trainable:
            v.trainable = False

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable):
            if "_own_trainable" not in self.__dict__:
                raise super_missing(self)
            self._track(value)
        if name not in OWN and self.__dict__.get("built"):
            note_change(self.__dict__.get(name, Ellipsis), value)
        object.__setattr__(self, name, value)

    def _parts(self) -> Iterator[Any]:
        """What its attributes hold, containers opened."""
        if "_own_trainable" not in self.__dict__:
            raise super_missing(self)
        for name, x in list(self.__dict__.items()):
            if name not in OWN and name not in self.untracked:
                yield from tracking.parts(x)

    @property
    def _layers(self) -> list[Layer]:
        """Sublayers in the order of their attributes."""
        from .layer import Layer

        return [x for x in tracking.unique(self._parts()) if isinstance(x, Layer) and x is not self]

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Layer]:
        """The layer and all below it, each once, from top to bottom."""
        seen: dict[int, Any] = {}

        def visit(layer: State) -> None:
            if id(layer) not in seen:
                seen[id(layer)] = layer
                if recursive or layer is self:
                    for sub in layer._layers:
                        visit(sub)

        visit(self)
        return [x for x in seen.values() if include_self or x is not self]

    def _own_variables(self) -> list[Variable]:
        for x in self._parts():
            if isinstance(x, Variable):
                self._track(x)
        return [*self._own_trainable, *self._own_other]

    def _collect(self, extra: bool) -> list[Variable]:
        found: list[Variable] = []
        for layer in self._flatten_layers():
            found += layer._own_variables()
            if extra:
                found += [x.state for x in layer._parts() if tracking.is_seed_generator(x)]
        return tracking.unique(found)

    @property
    def variables(self) -> list[Variable]:
        """All state: weights, and counters of random numbers."""
        return self._collect(True)

    @property
    def weights(self) -> list[Variable]:
        """All weights: of each layer the trainable ones first, layers in their order."""
        return self._collect(False)

    @property
    def trainable_variables(self) -> list[Variable]:
        """Variables that optimizers update."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Variables that optimizers leave alone."""
        return [v for v in self.variables if not v.trainable] if self.trainable else self.variables

    @property
    def trainable_weights(self) -> list[Variable]:
        """Weights that optimizers update."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Weights that optimizers leave alone."""
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    @property
    def trainable(self) -> bool:
        """Whether the weights, those of sublayers included, are updated in training."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._flatten_layers():
            layer._trainable = bool(value)
            layer._own_variables()
            for v in layer._own_trainable:
                v.trainable = bool(value)
        if self.built:
            raise_epoch()

    @property
    def metrics(self) -> list[Any]:
        """The metrics of the layer and its sublayers."""
        return tracking.unique(x for layer in self._flatten_layers() for x in layer._parts() if tracking.is_metric(x))

    @property
    def metrics_variables(self) -> list[Variable]:
        """The state of the metrics."""
        return [v for m in self.metrics for v in m.variables]

    # ---- numbers

    def get_weights(self) -> list[Array]:
        """Copies of the weights, in the order of `weights`."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Takes new numbers for all weights.

        Raises:
            ValueError: if there are more or fewer, or a shape differs; then no weight is changed.
        """
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of length {len(weights)}, "
                f"but the layer was expecting {len(own)} weights."
            )
        arrays = [np.asarray(a) for a in weights]
        for v, a in zip(own, arrays, strict=True):
            if v.shape != a.shape:
                raise ValueError(
                    f"Layer {self.name} weight shape {v.shape} of {v.path!r} is not compatible with provided weight shape {a.shape}."
                )
            if a.dtype.kind not in "biuf":
                raise ValueError(f"Layer {self.name}: weight {v.path!r} cannot be of dtype {a.dtype}; it must hold numbers")
        for v, a in zip(own, arrays, strict=True):
            v.assign(a)

    def count_params(self) -> int:
        """The number of elements of all weights.

        Raises:
            ValueError: if the layer is not built.
        """
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't built. "
                "You can build it manually via: `layer.build(input_shape)`."
            )
        return sum(int(np.prod(v.shape, dtype=object)) for v in self.weights)

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Puts the numbers of its own weights (not those of sublayers) into a dictionary under "0", "1", ..."""
        for i, v in enumerate(self._own_variables()):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: dict[str, Any]) -> None:
        """Takes the numbers that `save_own_variables` put there.

        Raises:
            ValueError: if there are more or fewer, or a shape differs.
        """
        own = self._own_variables()
        if len(store) != len(own):
            raise ValueError(
                f"Layer '{self.name}' expected {len(own)} variables, but received {len(store)} variables during loading."
            )
        for i, v in enumerate(own):
            v.assign(store[str(i)])

    # ---- losses

    def add_loss(self, loss: Any) -> None:
        """Adds a scalar to the loss of the model; to be called in `call`.

        Raises:
            ValueError: for anything but a tensor or a list of tensors.
        """
        for x in tree.flatten(loss):
            if not hasattr(x, "shape") and not isinstance(x, int | float):
                raise ValueError(f"`add_loss()` takes a tensor or a list of tensors, in `call()`. Received: {x!r}")
            if active() is not None:
                from ..dispatch import value

                collected().losses.append((self, value(x)))
            else:
                self._eager_losses.append(x)

    @property
    def losses(self) -> list[Any]:
        """Scalars to be added to the loss: what `add_loss` was given in the last call, and penalties on weights."""
        layers = self._flatten_layers()
        found: list[Any]
        if active() is not None:
            ids = {id(layer) for layer in layers}
            found = [v for layer, v in collected().losses if id(layer) in ids]
        else:
            found = [x for layer in layers for x in layer._eager_losses]
        return found + [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]

    def _forget_losses(self) -> None:
        for layer in self._flatten_layers():
            if layer._eager_losses:
                layer._eager_losses = []


def as_tuple(shape: Any) -> tuple[Any, ...]:
    """A shape: an integer is that of a vector, None that of a scalar."""
    if shape is None:
        return ()
    return (shape,) if hasattr(shape, "__index__") else tuple(shape)


def scope_of(layer: LayerBase) -> AbstractContextManager[None]:
    """The name scope of a layer, where it is not open already."""
    inside = bool(layer.__dict__.get("_building")) and current_path().split("/")[-1] == layer.name
    return nullcontext() if inside else name_scope(layer.name)
