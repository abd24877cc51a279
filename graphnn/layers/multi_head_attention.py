"""Attention by several heads.

Exports: MultiHeadAttention.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from graphnn_compiler.dims import product

from .. import ops, regularizers, tree
from ..context import get_mask
from ..ops.attention import both, check_broadcast
from ..tensor import dims_of
from .attention_base import ProjectedAttention, check_pair, of_steps
from .common import Identifier, positive_integer
from .input_spec import known

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(ProjectedAttention):
    r"""Attention by several heads, each with projections of its own of query, key and value.

    $$y = \sum_h A_h V_h W^O_h + b, \quad A_h = \mathrm{softmax}\Bigl(\frac{Q_h K_h^\top}{\sqrt{n}}\Bigr), \quad
    Q_h = q W^Q_h, \; K_h = k W^K_h, \; V_h = v W^V_h$$

    Args:
        num_heads: the number of heads.
        key_dim: the length $n$ of each head's queries and keys.
        value_dim: the length of each head's values; None for `key_dim`.
        dropout: the part of the softmax's results that is set to 0 at random while training.
        use_bias: whether the dense layers inside have biases.
        output_shape: extents of the output after the steps, an integer or several; None for those of the query.
        attention_axes: the axes of query, key and value that hold the steps, an integer or several (taken in row-major
            order as one); None for all but the first and the last. Others are like the batch.
        sliding_window: query t sees only keys s with |t - s| less than it.
        flash_attention: accepted for compatibility; the results are the same.
        kernel_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        activity_regularizer: penalty on the outputs of each dense layer inside.
        kernel_constraint, bias_constraint: applied to the weights after each update.
        use_gate: whether the results of the heads are multiplied by the sigmoid of one more projection of the query.
        seed: an integer for a dropout that repeats from run to run.

    Call:
        query, value, key: tensors; without a key the value serves as such.
        value_mask, key_mask: True where a step counts; by default the masks that travel with the tensors. That of the
            query is always the one that travels with it (`query_mask` is taken for compatibility); the output keeps it.
        attention_mask: `(batch, T, S)` or another shape that broadcasts to that of the weights from the right (where the
            heads' axis is missing, it is put in): True where a query may see a key.
        return_attention_scores: whether the weights of the means come as a second output.
        training: whether dropout acts.
        use_causal_mask: whether query t leaves out the keys after the t-th.

        A query that sees no key gets the bias of the output alone.

    Shapes:
        query `(batch, T, d)`, value `(batch, S, m)`, key `(batch, S, k)`; output `(batch, T, d)`, weights of the means
        `(batch, num_heads, T, S)`.

    Raises:
        ValueError: an argument is out of its range, or tensors or masks do not fit together.

    Source: Vaswani et al., "Attention Is All You Need", 2017 (arXiv:1706.03762).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layer = layers.MultiHeadAttention(num_heads=2, key_dim=3)
    >>> x = np.ones((1, 4, 6), "float32")
    >>> y, weights = layer(x, x, return_attention_scores=True)
    >>> y.shape, weights.shape
    ((1, 4, 6), (1, 2, 4, 4))
    """

    unsaved = ("flash_attention", "output_shape", "attention_axes")

    def __init__(
        self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0, use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None, attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None, flash_attention: bool | None = None,
        kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None, bias_constraint: Identifier = None, use_gate: bool = False,
        seed: int | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.num_heads = positive_integer(self, "num_heads", num_heads)
        self.key_dim = positive_integer(self, "key_dim", key_dim)
        self.value_dim = self.key_dim if value_dim is None else positive_integer(self, "value_dim", value_dim)
        self._output_shape = None if output_shape is None else self._integers("output_shape", output_shape, 1)
        self._attention_axes = None if attention_axes is None else self._integers("attention_axes", attention_axes)
        self.set_attention(
            dropout=dropout, use_bias=use_bias, use_gate=use_gate, sliding_window=sliding_window,
            flash_attention=flash_attention, seed=seed, parts_regularizer=regularizers.get(activity_regularizer),
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip

    def _integers(self, name: str, given: Any, least: int | None = None) -> tuple[int, ...]:
        numbers: tuple[Any, ...] = tuple(given) if tree.is_list(given) else (given,)
        if not numbers or not all(
            isinstance(n, int) and not isinstance(n, bool) and (least is None or n >= least) for n in numbers
        ):
            kind = "a positive integer" if least else "an integer"
            raise ValueError(f"{type(self).__name__}: `{name}` must be {kind} or several of them. Received: {name}={given!r}")
        return numbers

    @property
    def attention_axes(self) -> tuple[int, ...] | None:
        """The axes of the steps; None before the layer is built where they were not given."""
        return self._attention_axes

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        key_shape = value_shape if key_shape is None else key_shape
        check_pair(self, value_shape, key_shape)
        rank = len(query_shape)
        if rank < 3 or len(value_shape) != rank:
            raise ValueError(
                f"MultiHeadAttention {self.name!r}: query and value must have equally many axes, three or more. "
                f"Received: query_shape={known(query_shape)}, value_shape={known(value_shape)}"
            )
        axes = tuple(range(1, rank - 1)) if self._attention_axes is None else self._attention_axes
        places = [a + rank if a < 0 else a for a in axes]
        if not all(0 < a < rank - 1 for a in places) or len(set(places)) != len(places):
            raise ValueError(
                f"MultiHeadAttention {self.name!r}: `attention_axes` must name axes between the first and the last, each once. "
                f"Received: attention_axes={axes} for a query of shape {known(query_shape)}"
            )
        self._attention_axes = axes
        self._query_dense = self.project("query", query_shape, (self.num_heads, self.key_dim))
        self._key_dense = self.project("key", key_shape, (self.num_heads, self.key_dim))
        self._gate_dense = self.project("gate", query_shape, (self.num_heads, self.value_dim)) if self.use_gate else None
        self._value_dense = self.project("value", value_shape, (self.num_heads, self.value_dim))
        self.build_dropout()
        ends = (query_shape[-1],) if self._output_shape is None else self._output_shape
        front, back = "abcdefghijklm"[: rank - 1], "nopqrstuvw"[: len(ends)]
        self._output_dense = self.dense(
            "attention_output", f"{front}yz,yz{back}->{front}{back}", (*[None] * (rank - 2), *ends), back
        )
        self._output_dense.build((*query_shape[:-1], self.num_heads, self.value_dim))

    def call(
        self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None,
        attention_mask: Any = None, return_attention_scores: bool = False, training: Any = None, use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        key = value if key is None else key
        self.check_call(query, value, key)
        rank = len(query.shape)
        steps = [a % rank for a in self._attention_axes or ()]
        free = [i for i in range(1, rank - 1) if i not in steps]
        layout = _Layout(steps, free)
        of_query = layout.folded(of_steps(self, "query_mask", get_mask(query), query.shape), query, 0)
        keep = layout.expanded(of_query, (1, 3))  # (rows, 1, T, 1)
        for name, m, x in (("value_mask", value_mask, value), ("key_mask", key_mask, key)):
            of_keys = layout.folded(of_steps(self, name, m, x.shape), x, 0)
            keep = both(keep, layout.expanded(of_keys, (1, 2)))
        if attention_mask is not None:
            keep = both(keep, layout.pairs(attention_mask, query, key, self.num_heads))
        q, k, v = (
            layout.folded(dense(x), x, 2)
            for dense, x in ((self._query_dense, query), (self._key_dense, key), (self._value_dense, value))
        )
        y, weights = self.attend(q, k, v, keep, use_causal_mask, training, return_attention_scores)
        y = self.gated(layout.unfolded(y, query), query)
        y = self._output_dense(y)
        return (y, layout.unfolded_weights(weights, query, key)) if return_attention_scores else y

    def _symbolic(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        found = super()._symbolic(args, kwargs)
        if isinstance(found, tuple):
            # As in Keras, the symbolic weights have as many keys as queries; those of a run have as many as there are.
            y, weights = cast("tuple[Any, Any]", found)
            if y.ndim == 3 and weights.ndim == 4:
                weights.dims = dims_of([*weights.dims[:3], weights.dims[2]])
        return cast(Any, found)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_shape": self._output_shape, "attention_axes": self._attention_axes}


class _Layout:
    """Tensors (batch, ..., features) as (rows, steps, features): `steps` are the axes of the steps, `free` those that join the batch."""

    def __init__(self, steps: list[int], free: list[int]):
        self.steps, self.free = steps, free
        self.plain = steps == [1] and not free

    def folded(self, x: Any, like: Any, more: int) -> Any:
        """x (batch, ..., `more` further axes) as (rows, steps, further axes); `like` has the extents of the axes in front."""
        if self.plain or x is None:
            return x
        extents = ops.shape(like)
        rank = len(extents) - 1
        tail = ops.shape(x)[rank:]
        if not more:  # a mask: what it has extent 1 along is meant for all
            x = ops.broadcast_to(x, extents[:-1])
        order = [0, *self.free, *self.steps, *range(rank, rank + more)]
        return ops.reshape(ops.transpose(x, order), (*self._rows_and_steps(extents), *tail))

    def _rows_and_steps(self, extents: Any) -> tuple[Any, Any]:
        return product([extents[i] for i in (0, *self.free)]), product([extents[i] for i in self.steps])

    def unfolded(self, y: Any, like: Any) -> Any:
        """(rows, steps, heads, n) as (batch, ..., heads, n)."""
        if self.plain:
            return y
        extents = ops.shape(like)
        order = [0, *self.free, *self.steps]
        y = ops.reshape(y, (*[extents[i] for i in order], *ops.shape(y)[2:]))
        return ops.transpose(y, [*[order.index(i) for i in range(len(order))], len(order), len(order) + 1])

    def unfolded_weights(self, weights: Any, query: Any, key: Any) -> Any:
        """(rows, heads, T, S) as (batch, free axes, heads, axes of T, axes of S)."""
        if self.plain:
            return weights
        q, k = ops.shape(query), ops.shape(key)
        front = [q[i] for i in (0, *self.free)]
        return ops.reshape(weights, (*front, weights.shape[1], *[q[i] for i in self.steps], *[k[i] for i in self.steps]))

    def expanded(self, mask: Any, axes: tuple[int, int]) -> Any:
        """A mask (rows, steps) with two axes put in."""
        return None if mask is None else ops.expand_dims(mask, axes)

    def pairs(self, mask: Any, query: Any, key: Any, heads: int) -> Any:
        """A mask that broadcasts to (batch, free axes, heads, axes of T, axes of S) as one that does to (rows, heads, T, S)."""
        q, k = ops.shape(query), ops.shape(key)
        inner: list[Any] = [*[q[i] for i in self.steps], *[k[i] for i in self.steps]]
        front: list[Any] = [q[i] for i in (0, *self.free)]
        found: Any = ops.cast(mask, "bool")
        while len(found.shape) < len(inner):
            found = ops.expand_dims(found, 0)
        while len(found.shape) < len(front) + 1 + len(inner):
            found = ops.expand_dims(found, len(found.shape) - len(inner))
        check_broadcast("attention_mask", found.shape, (*front, heads, *inner))
        if self.plain:
            return found
        over: Any = found.shape[len(front)]
        found = ops.broadcast_to(found, (*front, over, *inner))
        rows_and_steps: list[Any] = [product(front), over, product(inner[: len(self.steps)]), product(inner[len(self.steps) :])]
        return ops.reshape(found, rows_and_steps)
