"""A layer for each step of a sequence.

Exports: TimeDistributed.
"""

from __future__ import annotations

from typing import Any

from graphnn_compiler.dims import product

from .. import ops, tree
from .attention import differ
from .input_spec import known
from .layer import Layer
from .row_by_row import is_row_by_row
from .wrapper import Wrapper

__all__ = ["TimeDistributed"]


class TimeDistributed(Wrapper):
    r"""Applies a layer to every step of a sequence, with the same weights.

    $$y_{b t} = f(x_{b t})$$

    The layer is called once for each step, so that one with a state, such as the moving mean of `BatchNormalization`, moves it
    step after step, and a random one draws anew. Where that cannot be told from a single call on all steps as rows of one batch,
    that call, which is much faster, takes its place: for the layers of this package whose result for a row depends on this row
    alone (dense layers, convolutions, pooling, shapes, embeddings, layer normalization, ..., in inference also
    dropout and batch normalization; models made of them), without activity regularizer and without functions of the user's,
    where no mask is handed to them. A subclass of such a layer is always called step by step.

    Args:
        layer: the layer (or model) inside.

    Call:
        inputs: a tensor with the steps along axis 1.
        training: the mode, also of the layer inside.
        mask: `(batch, steps, ...)`, handed to the layer inside step by step where its call takes a mask; it becomes the mask of
            the output.

    Shapes:
        `(batch, steps, ...)` to `(batch, steps, ...)`.

    Raises:
        ValueError: `layer` is not a layer, the inputs have fewer than three axes or no step, or the mask does not fit them.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.TimeDistributed(layers.Conv2D(4, 3))(np.ones((2, 5, 8, 8, 1), "float32")).shape
    (2, 5, 6, 6, 4)
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        shape = self._step_shape(input_shape)
        # A model would keep the number of rows, which differs where all steps are the rows of one call.
        super().build((None, *shape[1:]) if is_row_by_row(self.layer, False) else shape)

    def _step_shape(self, shape: Any) -> tuple[Any, ...]:
        nested = not hasattr(shape, "__len__") or any(not isinstance(d, int) and d is not None for d in shape)
        if nested or len(shape) < 3:
            raise ValueError(
                f"TimeDistributed {self.name!r} takes one tensor of three axes or more, (batch, steps, ...). "
                f"Received: input_shape={shape}"
            )
        return (shape[0], *shape[2:])

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        extents: Any = ops.shape(inputs)
        self._check_mask(mask, inputs)
        handed = mask if mask is not None and "mask" in self.layer._info().names else None
        if handed is None and is_row_by_row(self.layer, bool(training)):
            rows: Any = product(extents[:2])

            def in_steps(y: Any) -> Any:
                return ops.reshape(y, (*extents[:2], *ops.shape(y)[1:]))

            return tree.map_structure(in_steps, self.layer(ops.reshape(inputs, (rows, *extents[2:]))))
        steps = int(extents[1])
        if not steps:
            raise ValueError(
                f"TimeDistributed {self.name!r}: the inputs have no step. Received: inputs of shape {known(inputs.shape)}"
            )

        def step(i: int) -> Any:
            return self.layer(inputs[:, i], **({} if handed is None else {"mask": handed[:, i]}), training=training)

        def stacked(*parts: Any) -> Any:
            return ops.stack(parts, axis=1)

        return tree.map_structure(stacked, *map(step, range(steps)))

    def _check_mask(self, mask: Any, inputs: Any) -> None:
        if mask is None:
            return
        shape = tuple(mask.shape)
        if len(shape) < 2 or differ(shape[:2], tuple(inputs.shape[:2])):
            raise ValueError(
                f"TimeDistributed {self.name!r}: the mask must have the rows and steps of the inputs. "
                f"Received: mask of shape {known(shape)}, inputs of shape {known(inputs.shape)}"
            )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the inputs."""
        return previous_mask
