"""Attention in several heads at once.

Exports: MultiHeadAttention.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import KerasTensor, dims_of
from .common import Identifier, positive_integer
from .head_attention import HeadAttention, traveling

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(HeadAttention):
    r"""Each query gets a mean of values, weighted by how well their keys fit it; several heads do so side by side.

    $$y = \sum_n \mathrm{softmax}\!\left(\frac{(q W^Q_n)(k W^K_n)^\top}{\sqrt{d}}\right) v W^V_n \, W^O_n$$

    with biases, $d$ being `key_dim`. A gate multiplies what each head gives by $\sigma(q W^G_n)$.

    Args:
        num_heads: number of heads.
        key_dim: features of a head's queries and keys.
        value_dim: features of a head's values; `key_dim` by default.
        dropout: share of the weights that training sets to 0.
        use_bias: whether the projections have biases.
        output_shape: last extents of the output, one or several; by default those of the query.
        attention_axes: axes of the inputs that are attended over; by default all but the batch and the features.
        sliding_window: w, to let step i look at step j only where |i - j| < w.
        flash_attention: accepted for compatibility; True forbids dropout and scores.
        kernel_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: penalty on the results of all projections, added to the loss.
        kernel_constraint, bias_constraint: applied to the weights after each update.
        use_gate: whether there is a gate.
        seed: an integer for dropout that repeats from run to run.

    Shapes:
        query `(batch, T, ...)`, value and key (by default the value) `(batch, S, ...)`; the output is
        `(batch, T, ...)`, after it scores `(batch, heads, T, S)` with `return_attention_scores=True`. In the call
        `value_mask` and `key_mask` `(batch, S)` and `attention_mask` `(batch, T, S)` or `(batch, heads, T, S)` are True
        where there is something to look at; masks that come with query, value and key count too (of the query only
        that one does: a `query_mask` given by name has no effect). With `use_causal_mask=True` no step looks at a later
        one. A query without a key gets zeros.

    Raises:
        ValueError: a count is not positive, an axis or mask does not fit the inputs, `flash_attention` goes with
            dropout or scores, or `use_causal_mask` or `sliding_window` with several `attention_axes`.

    Source: Vaswani et al., "Attention Is All You Need", 2017 (arXiv:1706.03762).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.MultiHeadAttention(num_heads=2, key_dim=3)
    >>> query, value = np.ones((1, 4, 8), "float32"), np.ones((1, 5, 6), "float32")
    >>> y, scores = layer(query, value, return_attention_scores=True)
    >>> y.shape, scores.shape
    ((1, 4, 8), (1, 2, 4, 5))
    """

    saved = ("num_heads", "key_dim", "value_dim", "output_shape", "attention_axes")

    def __init__(
        self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0, use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None, attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None, flash_attention: bool | None = None,
        kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
        bias_constraint: Identifier = None, use_gate: bool = False, seed: int | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self._num_heads = positive_integer(self, "num_heads", num_heads)
        self._key_dim = positive_integer(self, "key_dim", key_dim)
        self._value_dim = self._key_dim if value_dim is None else positive_integer(self, "value_dim", value_dim)
        self._output_shape = _extents(output_shape)
        if not isinstance(attention_axes, int | list | tuple | None):
            raise ValueError(
                "MultiHeadAttention: `attention_axes` must be an integer or a list or tuple of integers. "
                f"Received: attention_axes={attention_axes!r}"
            )
        self._attention_axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        self._set(
            dropout, use_bias, sliding_window, flash_attention, use_gate, seed, activity_regularizer,
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip

    num_heads = property(lambda self: self._num_heads, doc="Number of heads.")
    key_dim = property(lambda self: self._key_dim, doc="Features of a head's queries and keys.")
    value_dim = property(lambda self: self._value_dim, doc="Features of a head's values.")
    dropout = property(lambda self: self._dropout, doc="Share of the weights that training sets to 0.")
    use_bias = property(lambda self: self._use_bias, doc="Whether the projections have biases.")
    attention_axes = property(lambda self: self._attention_axes, doc="The axes attended over; from the front once built.")
    query_dense = property(lambda self: self._query_dense, doc="The projection of queries.")
    key_dense = property(lambda self: self._key_dense, doc="The projection of keys.")
    value_dense = property(lambda self: self._value_dense, doc="The projection of values.")
    output_dense = property(lambda self: self._output_dense, doc="The projection of the heads to the output.")

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        query, value = tuple(query_shape), tuple(value_shape)
        key = value if key_shape is None else tuple(key_shape)
        if len(query) < 3 or not len(query) == len(value) == len(key):
            raise ValueError(
                f"MultiHeadAttention {self.name!r}: the inputs must have equally many axes, batch, steps and features at least. "
                f"Received: query_shape={query}, value_shape={value}, key_shape={key}"
            )
        self._check_keys(value, key)
        self._attention_axes = self._axes(len(query))
        output = query[-1:] if self._output_shape is None else self._output_shape
        self._build_projections(query, value, key, [self._num_heads] * 2, (self._key_dim, self._value_dim), output)

    def _axes(self, ndim: int) -> tuple[int, ...]:
        given = range(1, ndim - 1) if self._attention_axes is None else self._attention_axes
        axes = tuple(a + ndim if isinstance(a, int) and a < 0 else a for a in given)
        if not axes or len({*axes}) != len(axes) or not all(isinstance(a, int) and 0 < a < ndim - 1 for a in axes):
            raise ValueError(
                f"MultiHeadAttention {self.name!r}: `attention_axes` must name axes of the inputs, each once, and neither the batch "
                f"nor the features. Received: attention_axes={tuple(given)} for inputs of {ndim} axes"
            )
        return axes

    def call(
        self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None,
        attention_mask: Any = None, return_attention_scores: bool = False, training: Any = None, use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        return self._attend(
            query, value, key, traveling(query), value_mask, key_mask, attention_mask,
            return_attention_scores, training, use_causal_mask,
        )  # fmt: skip

    def _symbolic(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # As in Keras, symbolic scores have as many steps of keys as of queries, whatever the keys have.
        found = super()._symbolic(args, kwargs)
        scores = found[1] if isinstance(found, tuple) else None  # pyright: ignore[reportUnknownVariableType]
        if isinstance(scores, KerasTensor) and scores.ndim == 4:
            scores.dims = dims_of((*scores.shape[:-1], scores.shape[-2]))
        return found  # pyright: ignore[reportUnknownVariableType]

    def compute_output_shape(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> tuple[int | None, ...]:
        """The shape of the output.

        Raises:
            ValueError: `value_shape` and `key_shape` differ in more than batch and features.
        """
        self._check_keys(value_shape, key_shape)
        return (*query_shape[:-1], *(query_shape[-1:] if self._output_shape is None else self._output_shape))


def _extents(output_shape: Any) -> tuple[int, ...] | None:
    if output_shape is None:
        return None
    extents = (output_shape,) if isinstance(output_shape, int) else output_shape
    if not isinstance(extents, list | tuple) or not extents or not all(isinstance(d, int) and d > 0 for d in extents):  # pyright: ignore
        raise ValueError(
            "MultiHeadAttention: `output_shape` must be a positive integer or a list or tuple of them. "
            f"Received: output_shape={output_shape!r}"
        )
    return tuple(extents)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
