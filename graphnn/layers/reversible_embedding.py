"""An embedding that is run in both directions.

Exports: ReversibleEmbedding.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from ..config import standard_dtype
from .common import Identifier
from .embedding import Embedding
from .input_spec import known

__all__ = ["ReversibleEmbedding"]


class ReversibleEmbedding(Embedding):
    r"""Turns ids into trained vectors, and vectors back into a score for each id.

    $$y_{b \dots} = E_{x_{b \dots}}, \quad \text{in reverse } \; y = x E^\top$$

    Args:
        input_dim: the number of ids.
        output_dim: the length of each vector.
        tie_weights: whether the way back uses the table of the way there; else it has a kernel of its own.
        embeddings_initializer: first values of the table, and of that kernel.
        embeddings_regularizer: penalty on the table, added to the loss.
        embeddings_constraint: applied to the table after each update.
        mask_zero: whether id 0 is padding that later layers skip; the way back neither makes nor keeps a mask.
        reverse_dtype: the dtype of the way back; None for that of the layer.
        logit_soft_cap: a number $c$ that bounds the scores smoothly, as $c \tanh(y / c)$.
        lora_rank, lora_alpha: see `enable_lora`.
        quantization_config: must be None.

    Call:
        inputs: ids, or vectors with `reverse=True`.

    Shapes:
        `(batch, ...)` to `(batch, ..., output_dim)`; in reverse `(batch, ..., output_dim)` to `(batch, ..., input_dim)`;
        `embeddings` `(input_dim, output_dim)`, `reverse_embeddings` `(output_dim, input_dim)`.

    Raises:
        IndexError: an id is negative or not below `input_dim`; the message has the id and its position.
        TypeError: ids are not integral.
        ValueError: vectors have another length, or `logit_soft_cap` is not positive.

    Source: Press and Wolf, "Using the Output Embedding to Improve Language Models", 2016 (arXiv:1608.05859).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.ReversibleEmbedding(10, 4)
    >>> vectors = layer(np.array([[1, 2, 9]]))
    >>> vectors.shape, layer(vectors, reverse=True).shape
    ((1, 3, 4), (1, 3, 10))
    """

    embeddings_initializer: Any

    def __init__(
        self, input_dim: int, output_dim: int, tie_weights: bool = True, embeddings_initializer: Identifier = "uniform",
        embeddings_regularizer: Identifier = None, embeddings_constraint: Identifier = None, mask_zero: bool = False,
        reverse_dtype: str | None = None, logit_soft_cap: float | None = None, **kwargs: Any,
    ):  # fmt: skip
        self.tie_weights = tie_weights
        super().__init__(
            input_dim, output_dim, embeddings_initializer=embeddings_initializer, mask_zero=mask_zero,
            embeddings_regularizer=embeddings_regularizer, embeddings_constraint=embeddings_constraint, **kwargs,
        )  # fmt: skip
        self.reverse_dtype = None if reverse_dtype is None else standard_dtype(reverse_dtype)
        if logit_soft_cap is not None and not logit_soft_cap > 0:
            raise ValueError(
                f"ReversibleEmbedding: `logit_soft_cap` must be a positive number or None. Received: logit_soft_cap={logit_soft_cap!r}"
            )
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            shape = (self.output_dim, self.input_dim)
            self.reverse_embeddings = self.add_weight(shape, self.embeddings_initializer, name="reverse_embeddings")

    def call(self, inputs: Any, reverse: bool = False) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        if not reverse:
            return super().call(inputs)
        length = inputs.shape[-1] if inputs.shape else None
        if isinstance(length, int) and length != self.output_dim:
            raise ValueError(
                f"ReversibleEmbedding {self.name!r}: with `reverse=True` the last axis of the inputs must have extent "
                f"output_dim={self.output_dim}. Received: inputs of shape {known(inputs.shape)}"
            )
        dtype = self.reverse_dtype or self.compute_dtype
        kernel = ops.transpose(self.adapted(self.embeddings)) if self.tie_weights else self.reverse_embeddings
        scores = ops.matmul(ops.cast(inputs, dtype), ops.cast(kernel, dtype))
        if self.logit_soft_cap is not None:
            scores = ops.multiply(ops.tanh(ops.divide(scores, self.logit_soft_cap)), self.logit_soft_cap)
        return scores

    def _pass_masks(self, bound: dict[str, Any], outputs: Any) -> None:
        if not (self.supports_masking and bound.get("reverse")):
            super()._pass_masks(bound, outputs)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "quantization_config": None}
        return {**config, "lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha} if self.lora_rank else config
