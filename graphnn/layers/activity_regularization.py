"""A layer that only adds a penalty.

Exports: ActivityRegularization.
"""

from __future__ import annotations

from typing import Any

from .. import regularizers
from .common import ConfiguredLayer

__all__ = ["ActivityRegularization"]


class ActivityRegularization(ConfiguredLayer):
    r"""Passes its input on and adds a penalty on it to the loss.

    $$\text{loss} \mathrel{+}= \lambda_1 \sum |x| + \lambda_2 \sum x^2$$

    (divided by the batch size, as every activity penalty).

    Args:
        l1: the factor $\lambda_1$.
        l2: the factor $\lambda_2$.

    Shapes:
        output as input.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.ActivityRegularization(l2=0.1)(np.ones((2, 3), "float32")).shape
    (2, 3)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1 = l1
        self.l2 = l2
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activity_regularizer"]
        return config
