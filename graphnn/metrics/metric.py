"""What every metric is: variables that collect numbers over batches, and a result made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import dtype_policies, stateless, tree
from ..context import name_scope
from ..naming import auto_name
from ..variable import Variable


class Metric:
    """Base of all metrics: subclasses make variables with `add_variable` and give `update_state` and `result`.

    Args:
        dtype: dtype of the result and, by default, of the variables; `config.floatx()` if None.
        name: a name; by default made of the class name.

    >>> from graphnn import ops
    >>> class Count(Metric):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.n = self.add_variable((), "zeros", name="n")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.n.assign_add(ops.sum(ops.cast(ops.equal(y_true, y_pred), "float32")))
    ...     def result(self):
    ...         return self.n.value
    >>> count = Count()
    >>> count.update_state([1, 2, 3], [1, 2, 4])
    >>> float(count.result())
    2.0
    """

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or auto_name(type(self).__name__)
        self._dtype_policy = dtype_policies.get(dtype)
        self._dtype = self._dtype_policy.compute_dtype
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The dtype of the result."""
        return self._dtype

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """A variable that collects numbers over batches.

        Args:
            shape: its extents.
            initializer: its first numbers.
            dtype: its dtype; `config.floatx()` if None.
            aggregation: accepted for compatibility.
            name: its name.
        """
        self._check_super_called()
        with name_scope(self.name.replace("/", ">")):
            v = Variable(
                initializer or "zeros", shape=tuple(shape), dtype=dtype, trainable=False, aggregation=aggregation, name=name
            )
        self._variables.append(v)
        return v

    def add_weight(
        self, shape: Sequence[int] = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """The same as `add_variable`."""
        return self.add_variable(shape=shape, initializer=initializer, dtype=dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """Its variables, then those of metrics among its attributes."""
        found = list(self._variables)
        own = set(map(id, found))
        for x in tree.flatten([v for k, v in self.__dict__.items() if k != "_programs"]):
            for v in x.variables if isinstance(x, Metric) else [x] if isinstance(x, Variable) else []:
                if id(v) not in own:
                    own.add(id(v))
                    found.append(v)
        return found

    def reset_state(self) -> None:
        """Starts again: variables become 0."""
        for v in self.variables:
            v.assign(np.zeros(v.shape, v.dtype))

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Takes the numbers of a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state")

    def result(self) -> Any:
        """The metric of all batches since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Takes a batch and gives the result so far."""
        self._check_super_called()
        self.update_state(*args, **kwargs)
        return self.result()

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """What the variables would be after a batch, if they were `metric_variables` before it; they stay as they are."""
        return self._without_state(metric_variables, lambda: self.update_state(*args, **kwargs))[1]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """The result, if the variables were `metric_variables`."""
        return self._without_state(metric_variables, self.result)[0]

    def stateless_reset_state(self) -> list[Any]:
        """What the variables are after a reset; they stay as they are."""
        return self._without_state([v.value for v in self.variables], self.reset_state)[1]

    def _without_state(self, values: Sequence[Any], f: Callable[[], Any]) -> tuple[Any, list[Any]]:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"Argument `metric_variables` must be a list of tensors corresponding 1:1 to {type(self).__name__}().variables. "
                f"Received list with length {len(values)}, but expected {len(variables)} variables."
            )
        return stateless.call(variables, values, f)

    def get_config(self) -> dict[str, Any]:
        """The arguments from which `from_config` makes the same metric."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """A metric from its configuration."""
        return cls(**config)

    def save_own_variables(self, store: Any) -> None:
        """Writes its variables into a dictionary of arrays, under "0", "1", ..."""
        for i, v in enumerate(self.variables):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Reads its variables from a dictionary of arrays.

        Raises:
            ValueError: there are more or fewer arrays than variables.
        """
        variables = self.variables
        if len(store.keys()) != len(variables):
            raise ValueError(f"metric {self.name!r} has {len(variables)} variables, the file holds {len(store.keys())}")
        for i, v in enumerate(variables):
            v.assign(np.asarray(store[str(i)]))

    def _check_super_called(self) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__}: call super().__init__() first in the __init__() method")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
