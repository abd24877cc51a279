"""Attention by heads that share keys and values in groups.

Exports: GroupQueryAttention.
"""

from __future__ import annotations

from typing import Any

from .. import naming, ops, regularizers
from ..ops.attention import both, check_broadcast
from .attention_base import ProjectedAttention, check_pair, of_steps
from .common import Identifier, positive_integer
from .input_spec import known

__all__ = ["GroupQueryAttention"]


class GroupQueryAttention(ProjectedAttention):
    r"""Attention by several heads, of which groups share their keys and values.

    $$y = \sum_h A_h V_{g(h)} W^O_h + b, \quad A_h = \mathrm{softmax}\Bigl(\frac{Q_h K_{g(h)}^\top}{\sqrt{n}}\Bigr), \quad
    g(h) = \Bigl\lfloor h \, \frac{\mathrm{num\_key\_value\_heads}}{\mathrm{num\_query\_heads}} \Bigr\rfloor$$

    Args:
        head_dim: the length $n$ of each head's queries, keys and values.
        num_query_heads: the number of heads.
        num_key_value_heads: the number of groups; it divides `num_query_heads`. With 1 all heads share one.
        dropout: the part of the softmax's results that is set to 0 at random while training.
        use_bias: whether the dense layers inside have biases.
        sliding_window: query t sees only keys s with |t - s| less than it.
        flash_attention: accepted for compatibility; the results are the same.
        kernel_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        activity_regularizer: penalty on the output, and on that of each dense layer inside.
        kernel_constraint, bias_constraint: applied to the weights after each update.
        use_gate: whether the results of the heads are multiplied by the sigmoid of one more projection of the query.
        seed: an integer for a dropout that repeats from run to run.

    Call:
        query, value, key: tensors; without a key the value serves as such.
        query_mask, value_mask, key_mask: True where a step counts; by default the masks that travel with the tensors. The
            output keeps the mask that travels with the query.
        attention_mask: `(batch, T, S)` or `(batch, num_query_heads, T, S)`: True where a query may see a key.
        return_attention_scores: whether the weights of the means come as a second output.
        training: whether dropout acts.
        use_causal_mask: whether query t leaves out the keys after the t-th.

        A query that sees no key gets the bias of the output alone.

    Shapes:
        query `(batch, T, d)`, value `(batch, S, m)`, key `(batch, S, k)`; output `(batch, T, d)`, weights of the means
        `(batch, num_query_heads, T, S)`.

    Raises:
        ValueError: an argument is out of its range, or tensors or masks do not fit together.

    Source: Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints", 2023
    (arXiv:2305.13245).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    >>> x = np.ones((1, 5, 6), "float32")
    >>> layer(x, x, use_causal_mask=True).shape
    (1, 5, 6)
    """

    def __init__(
        self, head_dim: int, num_query_heads: int, num_key_value_heads: int, dropout: float = 0.0, use_bias: bool = True,
        sliding_window: int | None = None, flash_attention: bool | None = None,
        kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None, bias_constraint: Identifier = None, use_gate: bool = False,
        seed: int | None = None, **kwargs: Any,
    ):  # fmt: skip
        kwargs["name"] = kwargs.get("name") or naming.auto_name("grouped_query_attention")
        penalty = regularizers.get(activity_regularizer)
        super().__init__(activity_regularizer=penalty, **kwargs)
        self.head_dim = positive_integer(self, "head_dim", head_dim)
        self.num_query_heads = positive_integer(self, "num_query_heads", num_query_heads)
        self.num_key_value_heads = positive_integer(self, "num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                "GroupQueryAttention: `num_key_value_heads` must divide `num_query_heads`. "
                f"Received: num_query_heads={num_query_heads}, num_key_value_heads={num_key_value_heads}"
            )
        self.set_attention(
            dropout=dropout, use_bias=use_bias, use_gate=use_gate, sliding_window=sliding_window,
            flash_attention=flash_attention, seed=seed, parts_regularizer=penalty,
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        key_shape = value_shape if key_shape is None else key_shape
        check_pair(self, value_shape, key_shape)
        if not len(query_shape) == len(value_shape) == 3:
            raise ValueError(
                f"GroupQueryAttention {self.name!r}: query and value must have three axes (batch, steps, features). "
                f"Received: query_shape={known(query_shape)}, value_shape={known(value_shape)}"
            )
        many, few = (self.num_query_heads, self.head_dim), (self.num_key_value_heads, self.head_dim)
        self._query_dense = self.project("query", query_shape, many)
        self._key_dense = self.project("key", key_shape, few)
        self._gate_dense = self.project("gate", query_shape, many) if self.use_gate else None
        self._value_dense = self.project("value", value_shape, few)
        self.build_dropout()
        self._output_dense = self.dense("attention_output", "abyz,yzx->abx", (None, query_shape[-1]), "x")
        self._output_dense.build((*query_shape[:-1], *many))

    def call(
        self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None,
        attention_mask: Any = None, return_attention_scores: bool = False, training: Any = None, use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        key = value if key is None else key
        self.check_call(query, value, key)
        keep: Any = None
        masks = (("query_mask", query_mask, query, (1, 3)), ("value_mask", value_mask, value, (1, 2)))
        for name, mask, x, axes in (*masks, ("key_mask", key_mask, key, (1, 2))):
            of_x = of_steps(self, name, mask, x.shape)
            keep = both(keep, None if of_x is None else ops.expand_dims(of_x, axes))
        if attention_mask is not None:
            found = ops.cast(attention_mask, "bool")
            if len(found.shape) == 3:
                found = ops.expand_dims(found, 1)
            size = (ops.shape(query)[0], self.num_query_heads, ops.shape(query)[1], ops.shape(key)[1])
            check_broadcast("attention_mask", found.shape, size)
            keep = both(keep, found)
        q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        y, weights = self.attend(q, k, v, keep, use_causal_mask, training, return_attention_scores)
        y = self._output_dense(self.gated(y, query))
        return (y, weights) if return_attention_scores else y
