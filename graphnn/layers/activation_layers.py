"""Activations with options or weights, as layers.

Exports: ELU, LeakyReLU, PReLU, ReLU, Softmax.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from .. import activations, ops
from .common import ConfiguredLayer, Identifier, add_weight, axis_extents, set_options
from .input_spec import InputSpec, known
from .layer import Layer

__all__ = ["ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax"]


class ReLU(ConfiguredLayer):
    r"""The rectified linear unit.

    $$y = \begin{cases} m & x \ge m \\ x & t \le x < m \\ s\,(x - t) & x < t \end{cases}$$

    with $m$ = `max_value`, $t$ = `threshold`, $s$ = `negative_slope`.

    Args:
        max_value: the largest output, not negative; None for no limit.
        negative_slope: the slope below the threshold, not negative.
        threshold: where the linear part begins, not negative.

    Shapes:
        output as input.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.ReLU(max_value=6)(np.array([-1.0, 2.0, 9.0], "float32")).tolist()
    [0.0, 2.0, 6.0]
    """

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else not_negative(self, "max_value", max_value)
        self.negative_slope = not_negative(self, "negative_slope", negative_slope)
        self.threshold = not_negative(self, "threshold", threshold)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold)


class LeakyReLU(ConfiguredLayer):
    r"""The rectified linear unit with a fixed slope below zero.

    $$y = \max(x, 0) + s \min(x, 0)$$

    Args:
        negative_slope: the slope $s$, not negative.

    Shapes:
        output as input.

    Source: Maas et al., "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.LeakyReLU(0.5)(np.array([-1.0, 2.0], "float32")).tolist()
    [-0.5, 2.0]
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        if "alpha" in kwargs:
            warnings.warn("LeakyReLU: `alpha` is called `negative_slope` now", stacklevel=2)
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.negative_slope = not_negative(self, "negative_slope", negative_slope)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)


class PReLU(ConfiguredLayer):
    r"""The rectified linear unit with a trained slope below zero.

    $$y = \max(x, 0) + \alpha \min(x, 0)$$

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the slopes `alpha`.
        shared_axes: axes along which one slope serves all places, counted from 1 (0 is the batch axis).

    Shapes:
        output as input; `alpha` as the input without its batch axis, 1 along shared axes.

    Source: He et al., "Delving Deep into Rectifiers", 2015 (arXiv:1502.01852).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.PReLU("ones", shared_axes=[1])(np.array([[-1.0, 2.0]], "float32")).tolist()
    [[-1.0, 2.0]]
    """

    def __init__(
        self,
        alpha_initializer: Identifier = "Zeros",
        alpha_regularizer: Identifier = None,
        alpha_constraint: Identifier = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        set_options(
            self,
            alpha_initializer=alpha_initializer,
            alpha_regularizer=alpha_regularizer,
            alpha_constraint=alpha_constraint,
        )
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else None if shared_axes is None else list(shared_axes)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        n = len(input_shape) - 1
        # A negative axis shifts like a positive one: -1 is the last but one, and the weights have the shape of Keras's.
        if any(not -n <= axis - 1 < n for axis in self.shared_axes or []):
            raise IndexError(
                f"PReLU {self.name!r}: `shared_axes` must be axes of the input. "
                f"Received: shared_axes={self.shared_axes}, an input of shape {tuple(input_shape)}"
            )
        shared = {(axis - 1) % n for axis in self.shared_axes or []}
        shape = [1 if i in shared else axis_extents(self, [i + 1], input_shape)[0] for i in range(n)]
        self.alpha = add_weight(self, "alpha", shape)
        axes: dict[int, int | None] = {i + 1: d for i, d in enumerate(shape) if i not in shared} if shared else {}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs: Any) -> Any:
        return ops.subtract(activations.relu(inputs), ops.multiply(self.alpha, activations.relu(ops.negative(inputs))))


class ELU(ConfiguredLayer):
    r"""The exponential linear unit.

    $$y = \begin{cases} x & x > 0 \\ \alpha\,(e^x - 1) & x \le 0 \end{cases}$$

    Args:
        alpha: the scale of the negative part.

    Shapes:
        output as input.

    Source: Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units", 2015
    (arXiv:1511.07289).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.ELU()(np.array([0.0, 2.0], "float32")).tolist()
    [0.0, 2.0]
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, alpha=self.alpha)


class Softmax(ConfiguredLayer):
    r"""Positive numbers of sum 1 along an axis, or along several taken together.

    $$y_i = \frac{e^{x_i}}{\sum_j e^{x_j}}$$

    Args:
        axis: the axis, or a list of them.

    Shapes:
        output as input. A `mask` in the call, of a shape that broadcasts to the input's, leaves out places where it is
        False (or not above 0.5); they get 0, also where all of an axis is left out.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Softmax()(np.array([0.0, 0.0], "float32"), mask=np.array([True, False])).tolist()
    [1.0, 0.0]
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        keep = None
        if mask is not None:
            keep = self.check_mask(inputs, mask)
            lowest = -3e4 if inputs.dtype == "float16" else -1e9
            inputs = ops.where(keep, inputs, ops.cast(lowest, inputs.dtype))
        if isinstance(self.axis, list) and len(self.axis) > 1:
            y = ops.exp(ops.subtract(inputs, ops.logsumexp(inputs, axis=tuple(self.axis), keepdims=True)))
        else:
            y = activations.softmax(inputs, axis=self.axis[0] if isinstance(self.axis, list) else self.axis)
        return y if keep is None else ops.where(keep, y, ops.cast(0, y.dtype))

    def check_mask(self, inputs: Any, mask: Any) -> Any:
        """The mask as booleans; ValueError where it does not broadcast to the inputs."""
        fits = len(mask.shape) <= len(inputs.shape)
        for m, d in zip(reversed(mask.shape), reversed(inputs.shape), strict=False):
            fits = fits and (m == 1 or m == d or not (isinstance(m, int) and isinstance(d, int)))
        if not fits:
            raise ValueError(
                f"Softmax {self.name!r}: the mask must broadcast to the inputs. "
                f"Received: mask of shape {known(mask.shape)}, inputs of shape {known(inputs.shape)}"
            )
        return mask if mask.dtype == "bool" else ops.greater(mask, 0.5)


def not_negative(layer: Layer, argument: str, value: float | None) -> float:
    """`value` if it is 0 or more, else a ValueError that names layer and argument."""
    if value is None or value < 0:
        raise ValueError(f"{type(layer).__name__}: `{argument}` must be a number of 0 or more. Received: {argument}={value!r}")
    return value
