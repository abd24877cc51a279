"""What every initializer is: a function from a shape to numbers, with a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor


class Initializer:
    """Base of all initializers: subclasses give `__call__(shape, dtype)` and, where they have arguments, `get_config`.

    >>> import numpy as np
    >>> class Ramp(Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return np.arange(np.prod(shape), dtype=dtype or "float32").reshape(shape)
    >>> Ramp()((2, 2)).tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """The numbers for a weight.

        Args:
            shape: extents of the weight.
            dtype: its dtype; the default float of `config.floatx()` if None.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(shape, dtype)")

    def get_config(self) -> dict[str, Any]:
        """The arguments from which `from_config` makes the same initializer."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """An initializer from its configuration."""
        return cls(**config)

    def clone(self) -> Initializer:
        """A fresh initializer of the same configuration."""
        return self.from_config(self.get_config())


def tensor(x: Any, dtype: str) -> Tensor:
    """Numbers as a Tensor of `dtype`."""
    return np.ascontiguousarray(x, dtype).reshape(np.shape(x)).view(Tensor)
