"""Vectors looked up by ids, and ids scored by vectors.

Exports: ReversibleEmbedding.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from ..config import standard_dtype
from ..context import set_mask
from ..dispatch import value
from .common import Identifier
from .embedding import Embedding

__all__ = ["ReversibleEmbedding"]


class ReversibleEmbedding(Embedding):
    r"""An `Embedding` that also goes the other way: scores of all ids for a vector, as language models predict them.

    $$y_{b \dots} = E_{x_{b \dots}}, \quad \text{reverse: } y_{b \dots} = x_{b \dots} E^\top$$

    Args:
        input_dim: the number of ids; they are 0, 1, ..., `input_dim` - 1.
        output_dim: the length of each vector.
        tie_weights: whether both ways share the table; else the way back has its own, `reverse_embeddings`.
        embeddings_initializer: first values of the tables.
        embeddings_regularizer: penalty added to the loss.
        embeddings_constraint: applied to the table after each update.
        mask_zero: whether id 0 is padding that later layers skip.
        reverse_dtype: dtype of the way back, by default the layer's compute dtype.
        logit_soft_cap: a number $c$ that bounds the scores: $c \tanh(y / c)$.

    Shapes:
        ids of any shape give their shape and `output_dim`; with `reverse=True` in the call, `(..., output_dim)` gives
        `(..., input_dim)`; `embeddings` `(input_dim, output_dim)`, `reverse_embeddings` `(output_dim, input_dim)`.

    Raises:
        IndexError: an id is negative or not below `input_dim`.
        TypeError: ids are not integral.
        ValueError: vectors have another length, or `logit_soft_cap` is 0.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.ReversibleEmbedding(10, 4)
    >>> x = layer(np.array([[1, 2, 9]]))
    >>> x.shape, layer(x, reverse=True).shape
    ((1, 3, 4), (1, 3, 10))
    """

    def __init__(
        self, input_dim: int, output_dim: int, tie_weights: bool = True, embeddings_initializer: Identifier = "uniform",
        embeddings_regularizer: Identifier = None, embeddings_constraint: Identifier = None, mask_zero: bool = False,
        reverse_dtype: Any = None, logit_soft_cap: float | None = None, **kwargs: Any,
    ):  # fmt: skip
        given = kwargs.pop("weights", None)
        super().__init__(
            input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero, **kwargs
        )
        if logit_soft_cap == 0:
            raise ValueError(f"ReversibleEmbedding: `logit_soft_cap` must not be 0. Received: logit_soft_cap={logit_soft_cap!r}")
        self.tie_weights = tie_weights
        self.reverse_dtype = None if reverse_dtype is None else standard_dtype(reverse_dtype)
        self.logit_soft_cap = logit_soft_cap
        if given is not None:
            self.build()
            self.set_weights(given if isinstance(given, list) else [given])  # pyright: ignore[reportUnknownArgumentType]

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,  # type: ignore[attr-defined]
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        return self.logits(inputs) if reverse else self.vectors(inputs)

    def vectors(self, ids: Any) -> Any:
        """The vectors of ids, with the mask where 0 is padding."""
        found = super().call(ids)
        if self.mask_zero:
            set_mask(found, value(ops.not_equal(ids, 0)))
        return found

    def logits(self, x: Any) -> Any:
        """The score of each id for vectors."""
        n = x.shape[-1] if len(x.shape) else None
        if n is None or (isinstance(n, int) and n != self.output_dim):
            raise ValueError(
                f"ReversibleEmbedding {self.name!r}: the input of the way back must have {self.output_dim} features. "
                f"Received: an input of shape {tuple(x.shape)}"
            )
        dtype = self.reverse_dtype or self.compute_dtype
        table = ops.transpose(self.adapted(self.embeddings)) if self.tie_weights else self.reverse_embeddings
        found = ops.matmul(ops.cast(x, dtype), ops.cast(table, dtype))
        cap = self.logit_soft_cap
        return found if cap is None else ops.multiply(ops.tanh(ops.divide(found, cap)), cap)

    def _pass_masks(self, first: Any, outputs: Any, given: Any = None) -> None:
        if not self.supports_masking:  # else the call has set the mask, since only it knows the direction
            super()._pass_masks(first, outputs, given)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        lora = {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha} if self.lora_rank else {}
        return {**config, "quantization_config": None, **lora}
