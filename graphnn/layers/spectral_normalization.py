"""Weights kept at spectral norm 1.

Exports: SpectralNormalization.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from .common import positive_integer
from .layer import Layer
from .wrapper import Wrapper

__all__ = ["SpectralNormalization"]


class SpectralNormalization(Wrapper):
    r"""Divides the kernel of a layer by its largest singular value, in each training step.

    With the kernel as a matrix $W$ of all its axes but the last by the last, and a vector $u$ that is kept:

    $$v \leftarrow \frac{u W^\top}{\lVert u W^\top \rVert}, \quad u \leftarrow \frac{v W}{\lVert v W \rVert}, \quad
    W \leftarrow \frac{W}{v W u^\top}$$

    The gradient of the kernel is taken at the divided kernel. In inference the kernel is used as it is.

    Args:
        layer: a layer with a `kernel` or with `embeddings`.
        power_iterations: how often $v$ and $u$ are improved in a step.

    Shapes:
        as those of `layer`; `vector_u` `(1, last extent of the kernel)`.

    Raises:
        ValueError: the layer has neither weight, or `power_iterations` is not a positive integer.

    Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018 (arXiv:1802.05957).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> dense = layers.Dense(1, kernel_initializer="ones", use_bias=False)
    >>> layers.SpectralNormalization(dense)(np.ones((1, 4), "float32"), training=True).tolist()
    [[2.0]]
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.power_iterations = positive_integer(self, "power_iterations", power_iterations)

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        kernel: Any = getattr(self.layer, "kernel", None)
        if kernel is None:
            kernel = getattr(self.layer, "embeddings", None)
        if kernel is None:
            raise ValueError(
                f"SpectralNormalization {self.name!r}: the layer inside must have a `kernel` or `embeddings`. "
                f"Received: layer={self.layer!r}"
            )
        self.kernel: Any = kernel
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, kernel.shape[-1]),
            initializer="truncated_normal",
            trainable=False,
            dtype=kernel.dtype,
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self.normalize_kernel()
        return self.layer(inputs)

    def normalize_kernel(self) -> None:
        """One step of the iteration, and the division."""
        kernel = ops.convert_to_tensor(self.kernel)
        matrix = ops.stop_gradient(ops.reshape(kernel, (-1, kernel.shape[-1])))
        u: Any = self.vector_u
        v: Any = None
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(matrix)), axis=None, epsilon=1e-12)
            u = ops.normalize(ops.matmul(v, matrix), axis=None, epsilon=1e-12)
        norm = ops.matmul(ops.matmul(v, matrix), ops.transpose(u))
        self.vector_u.assign(u)
        divided = ops.reshape(ops.divide(matrix, norm), self.kernel.shape)
        # The divided kernel in value, the kernel itself for the gradient.
        self.kernel.assign(ops.add(divided, ops.subtract(kernel, ops.stop_gradient(kernel))))
