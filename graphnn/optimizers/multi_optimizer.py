"""Several optimizers, each for some of the weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any

from ..saving.serialization import deserialize_keras_object, serialize_keras_object
from ..variable import Variable
from .loss_scale_optimizer import LossScaleOptimizer
from .optimizer import Optimizer


class OptimizerMap(MutableMapping[str, Optimizer]):
    """Which optimizer updates a weight: patterns of paths, and a default.

    Args:
        default_optimizer: for weights that no pattern matches.
        optimizer_map: {regular expression of a whole path: optimizer}.

    Raises:
        TypeError: the default is no optimizer, or the map no dictionary.

    >>> import graphnn
    >>> sgd, adam = graphnn.optimizers.SGD(), graphnn.optimizers.Adam()
    >>> OptimizerMap(adam, {"head/.*": sgd})["head/kernel"] is sgd
    True
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None):
        if not isinstance(default_optimizer, Optimizer):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"default_optimizer must be a Keras Optimizer instance. Received: {default_optimizer!r}")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"optimizer_map must be a dictionary. Received: {optimizer_map!r}")
        self._default_optimizer = default_optimizer
        self._optimizer_map = {} if optimizer_map is None else optimizer_map

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of weights that no pattern matches."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [o for pattern, o in self._optimizer_map.items() if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(f"Multiple optimizers assigned to variable {key}.")
        return found[0] if found else self._default_optimizer

    def __setitem__(self, key: str, value: Optimizer) -> None:
        if not isinstance(key, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"key must be a string. Received: {key!r}")
        if key in self._optimizer_map:
            raise ValueError(f"{key!r} already exists in the OptimizerMap with value {self._optimizer_map[key]}.")
        _check_inner(value)
        self._optimizer_map[key] = value

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer of a weight."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """The arguments from which `from_config` makes the same map."""
        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> OptimizerMap:
        """A map from its configuration."""
        default, others = (
            deserialize_keras_object(config[k], custom_objects=custom_objects) for k in ("default_optimizer", "optimizer_map")
        )
        return cls(default, others)


def _check_inner(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"optimizer must be a Keras Optimizer instance. Received: {optimizer!r}")
    if isinstance(optimizer, LossScaleOptimizer | MultiOptimizer):
        raise ValueError(f"{type(optimizer).__name__} cannot be used inside a MultiOptimizer.")


class MultiOptimizer(Optimizer):
    """Updates each weight with the optimizer that a map names for it.

    Args:
        optimizer_map: an `OptimizerMap`, or any function from a weight to an optimizer.
        loss_scale_factor: see `Optimizer`.
        name: a name.

    >>> import graphnn
    >>> a, b = graphnn.Variable([1.0], name="a"), graphnn.Variable([1.0], name="b")
    >>> slow, fast = graphnn.optimizers.SGD(0.1), graphnn.optimizers.SGD(0.5)
    >>> MultiOptimizer(OptimizerMap(slow, {"b": fast})).apply([[1.0], [1.0]], [a, b])
    >>> round(float(a.numpy()[0]), 4), round(float(b.numpy()[0]), 4)
    (0.9, 0.5)
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ):
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        self._inner_optimizers: list[Optimizer] = []
        if isinstance(optimizer_map, OptimizerMap):
            for inner in (*optimizer_map._optimizer_map.values(), optimizer_map.default_optimizer):  # pyright: ignore[reportPrivateUsage]
                self._place_of(inner)

    def _place_of(self, optimizer: Optimizer) -> int:
        for i, known in enumerate(self._inner_optimizers):
            if known is optimizer:
                return i
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner_optimizers.append(optimizer)
        return len(self._inner_optimizers) - 1

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        self._place: dict[int, int] = {}
        for v in variables:
            optimizer = self._optimizer_map(v)
            _check_inner(optimizer)
            self._place[id(v)] = self._place_of(optimizer)
        for i, optimizer in enumerate(self._inner_optimizers):
            own = [v for v in variables if self._place[id(v)] == i]
            if own:
                optimizer.build(own)
        super().build(variables)

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers."""
        return self._inner_optimizers

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then those of each optimizer."""
        return [*self._variables, *[v for o in self._inner_optimizers for v in o.variables]]

    @property
    def learning_rate(self) -> Any:
        """Not defined: each optimizer has its own."""
        raise AttributeError("Learning rate cannot be accessed on a MultiOptimizer. Access it on its individual optimizers.")

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        raise AttributeError("Learning rate cannot be set on a MultiOptimizer. Set it on its individual optimizers.")

    def refresh_learning_rate(self) -> None:
        """See `Optimizer`."""
        for optimizer in self._inner_optimizers:
            optimizer.refresh_learning_rate()

    def _apply(self, grads: list[Any], variables: list[Variable]) -> None:
        for i, optimizer in enumerate(self._inner_optimizers):
            own = [(g, v) for g, v in zip(grads, variables, strict=True) if self._place[id(v)] == i]
            if own:
                optimizer.apply([g for g, _ in own], [v for _, v in own])
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """See `Optimizer`."""
        for i, optimizer in enumerate(self._inner_optimizers):
            own = [v for v in var_list if self._place[id(v)] == i]
            if own:
                optimizer.finalize_variable_values(own)

    def get_config(self) -> dict[str, Any]:
        return {
            "optimizer_map": serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        config = dict(config)
        config["optimizer_map"] = deserialize_keras_object(config["optimizer_map"], custom_objects=custom_objects)
        return cls(**config)
