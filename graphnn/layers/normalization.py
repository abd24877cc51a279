"""Layers that normalise each sample by itself.

Exports: GroupNormalization, LayerNormalization, RMSNormalization, UnitNormalization.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from .. import ops
from .common import ConfiguredLayer, Identifier, add_weight, axis_argument, axis_extents, set_options
from .input_spec import InputSpec

__all__ = ["GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]


class LayerNormalization(ConfiguredLayer):
    r"""Normalises each sample to mean 0 and variance 1 over given axes, then scales and shifts it.

    $$y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$

    Args:
        axis: the axes of mean and variance, an integer or a list.
        epsilon: the number $\varepsilon$ under the root.
        center: whether there is $\beta$.
        scale: whether there is $\gamma$.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer: of the weights.
        beta_constraint, gamma_constraint: of the weights.
        rms_scaling: old: leaves out the mean and $\beta$; the variance is still about the mean. See `RMSNormalization`.

    Shapes:
        output as input; `gamma` and `beta` have the extents of the axes.

    Source: Ba et al., "Layer Normalization", 2016 (arXiv:1607.06450).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> y = layers.LayerNormalization()(np.array([[1.0, 2.0, 3.0]], "float32"))
    >>> [round(v, 2) for v in y[0].tolist()]
    [-1.22, 0.0, 1.22]
    """

    def __init__(
        self, axis: int | Sequence[int] = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Identifier = "zeros", gamma_initializer: Identifier = "ones",
        beta_regularizer: Identifier = None, gamma_regularizer: Identifier = None, beta_constraint: Identifier = None,
        gamma_constraint: Identifier = None, rms_scaling: bool = False, **kwargs: Any,
    ):  # fmt: skip
        if rms_scaling:
            warnings.warn("`rms_scaling` divides by the deviation, not by the RMS; use RMSNormalization", stacklevel=2)
        super().__init__(**kwargs)
        self.axis = axis_argument(self, axis)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.rms_scaling = rms_scaling
        set_options(self, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer)
        set_options(self, beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer)
        set_options(self, beta_constraint=beta_constraint, gamma_constraint=gamma_constraint)
        self.supports_masking = True
        self.autocast = False

    def build(self, input_shape: Any = None) -> None:
        self.axis = [self.axis] if isinstance(self.axis, int) else sorted(self.axis)
        shape = axis_extents(self, self.axis, input_shape)
        self.gamma = add_weight(self, "gamma", shape) if self.scale or self.rms_scaling else None
        self.beta = add_weight(self, "beta", shape) if self.center and not self.rms_scaling else None

    def call(self, inputs: Any) -> Any:
        y = ops.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon, rms_scaling=self.rms_scaling)
        return ops.cast(y, self.compute_dtype)


class RMSNormalization(ConfiguredLayer):
    r"""Divides each sample by its root mean square, then scales it.

    $$y = \gamma \, \frac{x}{\sqrt{\overline{x^2} + \varepsilon}}$$

    Args:
        axis: the axes of the mean, an integer or a list.
        epsilon: the number $\varepsilon$ under the root.

    Shapes:
        output as input; `scale` ($\gamma$) has the extents of the axes.

    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019 (arXiv:1910.07467).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> y = layers.RMSNormalization()(np.array([[3.0, 4.0]], "float32"))
    >>> [round(v, 3) for v in y[0].tolist()]
    [0.849, 1.131]
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis_argument(self, axis)
        self.epsilon = epsilon

    def build(self, input_shape: Any = None) -> None:
        self.axis = [self.axis] if isinstance(self.axis, int) else sorted(self.axis)
        self.scale = self.add_weight(name="scale", shape=axis_extents(self, self.axis, input_shape), initializer="ones")

    def call(self, inputs: Any) -> Any:
        return ops.rms_normalization(inputs, scale=self.scale, axis=self.axis, epsilon=self.epsilon)


class UnitNormalization(ConfiguredLayer):
    r"""Scales each sample to Euclidean length 1 along given axes.

    $$y = \frac{x}{\lVert x \rVert_2}$$

    Args:
        axis: the axes of the length, an integer or a list.

    Shapes:
        output as input.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> y = layers.UnitNormalization()(np.array([[3.0, 4.0]], "float32"))
    >>> [round(v, 3) for v in y[0].tolist()]
    [0.6, 0.8]
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis_argument(self, axis)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)


class GroupNormalization(ConfiguredLayer):
    r"""Normalises each sample to mean 0 and variance 1 within groups of channels, then scales and shifts each channel.

    $$y = \gamma \, \frac{x - \mu_g}{\sqrt{\sigma_g^2 + \varepsilon}} + \beta$$

    Args:
        groups: the number of groups, a divisor of the number of channels; -1 for a group per channel.
        axis: the axis of the channels.
        epsilon: the number $\varepsilon$ under the root.
        center: whether there is $\beta$.
        scale: whether there is $\gamma$.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer: of the weights.
        beta_constraint, gamma_constraint: of the weights.

    Shapes:
        output as input; `gamma` and `beta` `(channels,)`.

    Source: Wu and He, "Group Normalization", 2018 (arXiv:1803.08494).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> y = layers.GroupNormalization(groups=2)(np.array([[1.0, 3.0, 5.0, 9.0]], "float32"))
    >>> [round(v, 2) for v in y[0].tolist()]
    [-1.0, 1.0, -1.0, 1.0]
    """

    def __init__(
        self, groups: int = 32, axis: int = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Identifier = "zeros", gamma_initializer: Identifier = "ones",
        beta_regularizer: Identifier = None, gamma_regularizer: Identifier = None, beta_constraint: Identifier = None,
        gamma_constraint: Identifier = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"GroupNormalization: `groups` must be a positive integer or -1. Received: groups={groups!r}")
        self.groups = groups
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        set_options(self, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer)
        set_options(self, beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer)
        set_options(self, beta_constraint=beta_constraint, gamma_constraint=gamma_constraint)
        self.supports_masking = True
        self.autocast = False

    def build(self, input_shape: Any = None) -> None:
        (channels,) = axis_extents(self, [self.axis], input_shape)
        self.groups = channels if self.groups == -1 else self.groups
        if channels % self.groups:
            raise ValueError(
                f"GroupNormalization {self.name!r}: `groups` must divide the number of channels. "
                f"Received: groups={self.groups}, {channels} channels on axis {self.axis}"
            )
        self.gamma = add_weight(self, "gamma", (channels,)) if self.scale else None
        self.beta = add_weight(self, "beta", (channels,)) if self.center else None
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs: Any) -> Any:
        axis = self.axis % len(inputs.shape)
        x = ops.moveaxis(ops.cast(inputs, widened(inputs.dtype)), axis, -1)  # as convolutions compute, so that it costs nothing there
        shape = ops.shape(x)
        x = ops.reshape(x, (*shape[:-1], self.groups, shape[-1] // self.groups))
        # All but the samples and the groups.
        reduced = [i for i in range(1 if axis else 0, len(shape) + 1) if i != len(shape) - 1]
        mean, variance = ops.moments(x, axes=reduced, keepdims=True)
        y = ops.multiply(ops.subtract(x, mean), ops.rsqrt(ops.add(variance, self.epsilon)))
        y = ops.reshape(y, shape)
        if self.gamma is not None:
            y = ops.multiply(y, self.gamma)
        if self.beta is not None:
            y = ops.add(y, self.beta)
        return ops.cast(ops.moveaxis(y, -1, axis), self.compute_dtype)


def widened(dtype: str) -> str:
    """The dtype to take moments in: at least float32."""
    return dtype if dtype in ("float32", "float64") else "float32"
