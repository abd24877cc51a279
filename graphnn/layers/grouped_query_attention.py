"""Attention whose heads of queries share heads of keys and values.

Exports: GroupQueryAttention.
"""

from __future__ import annotations

from typing import Any

from ..naming import auto_name
from .common import Identifier, positive_integer
from .head_attention import HeadAttention

__all__ = ["GroupQueryAttention"]


class GroupQueryAttention(HeadAttention):
    r"""Attention in heads of which several in a row share keys and values, which take less room and time to project.

    $$y = \sum_n \mathrm{softmax}\!\left(\frac{(q W^Q_n)(k W^K_g)^\top}{\sqrt{d}}\right) v W^V_g \, W^O_n, \quad
    g = \lfloor n G / N \rfloor$$

    with biases, for $N$ heads of queries and $G$ of keys and values, $d$ being `head_dim`. A gate multiplies what each
    head gives by $\sigma(q W^G_n)$.

    Args:
        head_dim: features of a head.
        num_query_heads: number of heads of queries.
        num_key_value_heads: number of heads of keys and values, which divides that of queries.
        dropout: share of the weights that training sets to 0.
        use_bias: whether the projections have biases.
        sliding_window: w, to let step i look at step j only where |i - j| < w.
        flash_attention: accepted for compatibility; True forbids dropout and scores.
        kernel_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: penalty on the results of all projections and of the layer, added to the loss.
        kernel_constraint, bias_constraint: applied to the weights after each update.
        use_gate: whether there is a gate.
        seed: an integer for dropout that repeats from run to run.

    Shapes:
        query `(batch, T, features)`, value and key (by default the value) `(batch, S, ...)`; the output is as the query,
        after it scores `(batch, num_query_heads, T, S)` with `return_attention_scores=True`. In the call `query_mask`
        `(batch, T)`, `value_mask` and `key_mask` `(batch, S)`, `attention_mask` `(batch, T, S)` or
        `(batch, heads, T, S)` are True where there is something to look at or from; masks that come with the inputs
        stand in where these are not given. With `use_causal_mask=True` no step looks at a later one. A query without a
        key gets zeros.

    Raises:
        ValueError: a count is not positive or does not divide the other, a mask does not fit the inputs, or
            `flash_attention` goes with dropout or scores.

    Source: Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints", 2023
    (arXiv:2305.13245).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    >>> x = np.ones((1, 5, 6), "float32")
    >>> layer(x, x, use_causal_mask=True).shape, [w.shape for w in layer.weights][:4:2]
    ((1, 5, 6), [(6, 4, 3), (6, 2, 3)])
    """

    saved = ("head_dim", "num_query_heads", "num_key_value_heads")

    def __init__(
        self, head_dim: int, num_query_heads: int, num_key_value_heads: int, dropout: float = 0.0, use_bias: bool = True,
        sliding_window: int | None = None, flash_attention: bool | None = None,
        kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
        bias_constraint: Identifier = None, use_gate: bool = False, seed: int | None = None, **kwargs: Any,
    ):  # fmt: skip
        if kwargs.get("name") is None and type(self) is GroupQueryAttention:
            kwargs["name"] = auto_name("GroupedQueryAttention")  # as models of Keras have it
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.head_dim = self._head_dim = positive_integer(self, "head_dim", head_dim)
        self.num_query_heads = self._num_query_heads = positive_integer(self, "num_query_heads", num_query_heads)
        self.num_key_value_heads = self._num_key_value_heads = positive_integer(self, "num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                "GroupQueryAttention: `num_key_value_heads` must divide `num_query_heads`. "
                f"Received: num_query_heads={num_query_heads}, num_key_value_heads={num_key_value_heads}"
            )
        self._set(
            dropout, use_bias, sliding_window, flash_attention, use_gate, seed, activity_regularizer,
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip
        self.dropout, self.use_bias, self.use_gate, self.sliding_window = dropout, use_bias, use_gate, sliding_window

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        query, value = tuple(query_shape), tuple(value_shape)
        key = value if key_shape is None else tuple(key_shape)
        if not len(query) == len(value) == len(key) == 3:
            raise ValueError(
                f"GroupQueryAttention {self.name!r}: the inputs must have 3 axes, batch, steps and features. "
                f"Received: query_shape={query}, value_shape={value}, key_shape={key}"
            )
        self._check_keys(value, key)
        heads = (self._num_query_heads, self._num_key_value_heads)
        self._build_projections(query, value, key, heads, [self._head_dim] * 2, query[-1:])

    def call(
        self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None,
        attention_mask: Any = None, return_attention_scores: bool = False, training: Any = None, use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        return self._attend(
            query, value, key, query_mask, value_mask, key_mask, attention_mask,
            return_attention_scores, training, use_causal_mask,
        )  # fmt: skip

    def compute_output_shape(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> tuple[int | None, ...]:
        """The shape of the output.

        Raises:
            ValueError: the last extents of `query_shape` and `value_shape` differ, or `value_shape` and `key_shape` in more
                than batch and features.
        """
        self._check_keys(value_shape, key_shape)
        if query_shape[-1] != value_shape[-1]:
            raise ValueError(
                f"GroupQueryAttention {self.name!r}: `query` and `value` must have equally many features. "
                f"Received: query_shape={query_shape}, value_shape={value_shape}"
            )
        return tuple(query_shape)
