"""The layer that does nothing.

Exports: Identity.
"""

from __future__ import annotations

from typing import Any

from .common import ConfiguredLayer

__all__ = ["Identity"]


class Identity(ConfiguredLayer):
    """Passes its input on.

    Shapes:
        output as input, whatever the nesting.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Identity()(np.array([1.0, 2.0], "float32")).tolist()
    [1.0, 2.0]
    """

    takes_texts = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs
