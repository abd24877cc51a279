"""Vectors looked up by integer ids.

Exports: Embedding.
"""

from __future__ import annotations

import warnings
from typing import Any

from graphnn_compiler.build import whole_index
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.index import Take
from graphnn_compiler.trace import emit

from .. import ops
from ..dispatch import value
from .common import Identifier, add_weight, positive_integer, refuse_quantization, set_options
from .lora import LoraMixin

__all__ = ["Embedding"]


class Embedding(LoraMixin):
    r"""Turns ids into trained vectors.

    $$y_{b \dots} = E_{x_{b \dots}}$$

    Args:
        input_dim: the number of ids; they are 0, 1, ..., `input_dim` - 1.
        output_dim: the length of each vector.
        embeddings_initializer: first values of the table.
        embeddings_regularizer: penalty added to the loss.
        embeddings_constraint: applied to the table after each update.
        mask_zero: whether id 0 is padding that later layers skip.
        weights: the first table, an array `(input_dim, output_dim)` or a list with it.
        lora_rank, lora_alpha: see `enable_lora`.
        quantization_config: must be None.

    Shapes:
        input: any, of ids; output: the input's shape and `output_dim`; `embeddings` `(input_dim, output_dim)`.

    Raises:
        IndexError: an id is negative or not below `input_dim`; the message has the id and its position.
        TypeError: ids are not integral.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.Embedding(10, 4)
    >>> layer(np.array([[1, 2, 9]])).shape
    (1, 3, 4)
    """

    lora_weight = "embeddings"
    unsaved = ("weights",)

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Identifier = "uniform",
        embeddings_regularizer: Identifier = None, embeddings_constraint: Identifier = None, mask_zero: bool = False,
        weights: Any = None, lora_rank: int | None = None, lora_alpha: float | None = None,
        quantization_config: None = None, **kwargs: Any,
    ):  # fmt: skip
        if kwargs.pop("input_length", None) is not None:
            warnings.warn("Embedding: `input_length` has no effect any more; leave it away", stacklevel=2)
        super().__init__(**kwargs)
        refuse_quantization(self, quantization_config)
        self.input_dim = positive_integer(self, "input_dim", input_dim)
        self.output_dim = positive_integer(self, "output_dim", output_dim)
        set_options(self, embeddings_initializer=embeddings_initializer)
        set_options(self, embeddings_regularizer=embeddings_regularizer, embeddings_constraint=embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        self.set_lora(lora_rank, lora_alpha)
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) else [weights])  # pyright: ignore[reportUnknownArgumentType]

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        self.embeddings = add_weight(self, "embeddings", (self.input_dim, self.output_dim))
        self.built = True
        self.finish_lora()

    def call(self, inputs: Any) -> Any:
        return ops.cast(look_up(self.adapted(self.embeddings), inputs), self.compute_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """True where the id is not 0; None without `mask_zero`."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self) -> dict[str, Any]:
        return {"activity_regularizer": None, **super().get_config()}


def look_up(table: Any, ids: Any) -> Any:
    """Rows of a table; ids outside it, negative ones too, are an error."""
    i = value(ids)
    if is_float(i.dtype):
        i = whole_index(i)  # float ids come from `Input` without a dtype; those that are not integral must not pass as neighbours
    return emit(Take(0), value(table), value(i, "int64"))
