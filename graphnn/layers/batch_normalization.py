"""Normalisation by the statistics of the batch, and by their moving averages in inference.

Exports: BatchNormalization.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import ops
from ..config import epsilon as fuzz
from .common import ConfiguredLayer, Identifier, add_weight, axis_extents, set_options
from .input_spec import InputSpec, known
from .normalization import widened

__all__ = ["BatchNormalization"]


class BatchNormalization(ConfiguredLayer):
    r"""Normalises each channel by its mean and variance in the batch; in inference by their moving averages.

    $$y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta, \qquad
    \bar\mu \leftarrow m \bar\mu + (1 - m) \mu, \quad \bar\sigma^2 \leftarrow m \bar\sigma^2 + (1 - m) \sigma^2$$

    With `trainable = False` the layer works as in inference while other layers train.

    Args:
        axis: the axis of the channels.
        momentum: the weight $m$ of the past in the moving averages.
        epsilon: the number $\varepsilon$ under the root.
        center: whether there is $\beta$.
        scale: whether there is $\gamma$.
        beta_initializer, gamma_initializer: first values of the trained weights.
        moving_mean_initializer, moving_variance_initializer: first values of the moving averages.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of the trained weights.
        renorm: batch renormalisation: training uses the moving averages too, corrected to the batch within limits.
        renorm_clipping: the limits: a dictionary with any of "rmin", "rmax", "dmax".
        renorm_momentum: the weight of the past in the averages that renormalisation uses.
        synchronized: must be False.

    Shapes:
        output as input; `gamma`, `beta`, `moving_mean`, `moving_variance` `(channels,)`. A `mask` in the call, of the
        input's shape without the last axis, leaves places out of the statistics.

    Source: Ioffe and Szegedy, "Batch Normalization", 2015 (arXiv:1502.03167); Ioffe, "Batch Renormalization", 2017
    (arXiv:1702.03275).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> y = layers.BatchNormalization()(np.array([[1.0], [3.0]], "float32"), training=True)
    >>> [round(v, 2) for v in y[:, 0].tolist()]
    [-1.0, 1.0]
    """

    moving_mean_initializer: Any
    moving_variance_initializer: Any

    def __init__(
        self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Identifier = "zeros", gamma_initializer: Identifier = "ones",
        moving_mean_initializer: Identifier = "zeros", moving_variance_initializer: Identifier = "ones",
        beta_regularizer: Identifier = None, gamma_regularizer: Identifier = None, beta_constraint: Identifier = None,
        gamma_constraint: Identifier = None, renorm: bool = False, renorm_clipping: Mapping[str, float] | None = None,
        renorm_momentum: float = 0.99, synchronized: bool = False, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        if synchronized:
            raise ValueError("BatchNormalization: `synchronized=True` is not supported: there is one process")
        self.axis = int(axis)
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        set_options(self, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer)
        set_options(
            self,
            moving_mean_initializer=moving_mean_initializer,
            moving_variance_initializer=moving_variance_initializer,
        )
        set_options(self, beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer)
        set_options(self, beta_constraint=beta_constraint, gamma_constraint=gamma_constraint)
        self.renorm = renorm
        self.renorm_clipping = limits(renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.synchronized = synchronized
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        shape = axis_extents(self, [self.axis], input_shape)
        self.gamma = add_weight(self, "gamma", shape, autocast=False) if self.scale else None
        self.beta = add_weight(self, "beta", shape, autocast=False) if self.center else None
        state: dict[str, Any] = {"trainable": False, "autocast": False}
        self.moving_mean = add_weight(self, "moving_mean", shape, **state)
        self.moving_variance = add_weight(self, "moving_variance", shape, **state)
        if self.renorm:
            mean, deviation = self.moving_mean_initializer, self.first_deviation
            self.moving_stddev = self.add_weight(name="moving_stddev", shape=shape, initializer=deviation, **state)
            self.renorm_mean = self.add_weight(name="renorm_mean", shape=shape, initializer=mean, **state)
            self.renorm_stddev = self.add_weight(name="renorm_stddev", shape=shape, initializer=deviation, **state)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def first_deviation(self, shape: Any, dtype: Any = None) -> Any:
        """The root of the first variance."""
        return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                f"BatchNormalization {self.name!r}: the mask must have one axis less than the inputs. "
                f"Received: mask of shape {known(mask.shape)}, inputs of shape {known(inputs.shape)}"
            )
        x = ops.cast(inputs, widened(inputs.dtype))
        gamma, beta = (None if w is None else ops.cast(w, x.dtype) for w in (self.gamma, self.beta))
        if training and self.trainable:
            mean, variance = self.batch_moments(x, mask)
            if self.renorm:
                gamma, beta = self.renormalized(mean, variance, gamma, beta)
                self.update_renorm(mean, variance)
            else:
                blend(self.moving_mean, mean, self.momentum)
                blend(self.moving_variance, variance, self.momentum)
        else:
            mean, variance = ops.cast(self.moving_mean, x.dtype), ops.cast(self.moving_variance, x.dtype)
        y = ops.batch_normalization(x, mean, variance, axis=self.axis, offset=beta, scale=gamma, epsilon=self.epsilon)
        return ops.cast(y, self.compute_dtype)

    def batch_moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Mean and variance of each channel over the places that count."""
        axes = [i for i in range(len(x.shape)) if i != self.axis % len(x.shape)]
        if mask is None:
            return ops.moments(x, axes=axes)
        keep = ops.broadcast_to(ops.cast(ops.expand_dims(mask, -1), "bool"), ops.shape(x))
        count = ops.add(ops.sum(ops.cast(keep, x.dtype), axis=axes, keepdims=True), fuzz())
        mean = ops.divide(ops.sum(ops.where(keep, x, ops.zeros_like(x)), axis=axes, keepdims=True), count)
        away = ops.where(keep, ops.subtract(x, mean), ops.zeros_like(x))
        variance = ops.divide(ops.sum(ops.square(away), axis=axes, keepdims=True), count)
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)

    def renormalized(self, mean: Any, variance: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
        """Scale and offset with the correction from the batch's statistics to the moving ones."""
        deviation = ops.sqrt(ops.add(variance, self.epsilon))
        past = ops.maximum(ops.cast(self.renorm_stddev, mean.dtype), self.epsilon**0.5)
        r = ops.divide(deviation, past)
        d = ops.divide(ops.subtract(mean, ops.cast(self.renorm_mean, mean.dtype)), past)
        clip: Mapping[str, float] = self.renorm_clipping or {}
        if clip.get("rmin") is not None:
            r = ops.maximum(r, clip["rmin"])
        if clip.get("rmax") is not None:
            r = ops.minimum(r, clip["rmax"])
        if clip.get("dmax") is not None:
            d = ops.clip(d, -clip["dmax"], clip["dmax"])
        r, d = ops.stop_gradient(r), ops.stop_gradient(d)
        if gamma is not None:
            r, d = ops.multiply(r, gamma), ops.multiply(d, gamma)
        return r, d if beta is None else ops.add(d, beta)

    def update_renorm(self, mean: Any, variance: Any) -> None:
        """Moves all averages that renormalisation keeps."""
        deviation = ops.sqrt(ops.add(variance, self.epsilon))
        blend(self.renorm_mean, mean, self.renorm_momentum)
        blend(self.renorm_stddev, deviation, self.renorm_momentum)
        blend(self.moving_mean, mean, self.momentum)
        new = blend(self.moving_stddev, deviation, self.momentum)
        self.moving_variance.assign(ops.relu(ops.subtract(ops.square(new), self.epsilon)))


def blend(average: Any, value: Any, momentum: float) -> Any:
    """Moves an average towards a value and gives the new average."""
    new = ops.add(ops.multiply(average, momentum), ops.multiply(value, 1 - momentum))
    new = ops.cast(new, average.dtype)
    average.assign(new)
    return new


def limits(clipping: Mapping[str, float] | None) -> dict[str, float]:
    """`renorm_clipping` after a check."""
    clip = dict(clipping or {})
    low, high, shift = clip.get("rmin"), clip.get("rmax"), clip.get("dmax")
    if not set(clip) <= {"rmin", "rmax", "dmax"}:
        raise ValueError(f"BatchNormalization: `renorm_clipping` has the keys rmin, rmax, dmax. Received: renorm_clipping={clip}")
    if (low is not None and high is not None and high < low) or (shift is not None and shift < 0):
        raise ValueError(
            f"BatchNormalization: `renorm_clipping` needs rmin <= rmax and dmax of 0 or more. Received: renorm_clipping={clip}"
        )
    return clip
