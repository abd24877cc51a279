"""What attention layers with heads share: projections, masks, and the attention between them."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any, ClassVar

from .. import constraints, initializers, ops, regularizers
from ..context import get_mask
from ..ops.attention import both, causal, check_broadcast
from ..random.attention import attention, dropped_weights
from .activation_layers import Softmax
from .common import ConfiguredLayer, Identifier, fraction, positive_integer, written
from .dropout import Dropout
from .einsum_dense import EinsumDense
from .input_spec import known

_OPTIONS = (
    "kernel_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "bias_constraint",
)
_GET = {"initializer": initializers.get, "regularizer": regularizers.get, "constraint": constraints.get}
FRONT, BACK = string.ascii_lowercase[:13], string.ascii_lowercase[13:]


class HeadAttention(ConfiguredLayer):
    """Base of `MultiHeadAttention` and `GroupQueryAttention`; a projected tensor has its axes, then heads and features of a head."""

    saved: ClassVar[tuple[str, ...]] = ()  # arguments of `__init__` that the configuration holds beside the shared ones
    _attention_axes: Any = (1,)
    _query_dense: EinsumDense
    _key_dense: EinsumDense
    _value_dense: EinsumDense
    _gate_dense: EinsumDense | None
    _output_dense: EinsumDense

    def _set(
        self, dropout: float, use_bias: bool, sliding_window: int | None, flash_attention: bool | None, use_gate: bool,
        seed: int | None, activity_regularizer: Identifier, **options: Identifier,
    ) -> None:  # fmt: skip
        """Takes the arguments that both layers have."""
        self.supports_masking = True
        self._dropout = fraction(self, "dropout", dropout)
        self._use_bias, self._use_gate, self.seed = use_bias, use_gate, seed
        self._sliding_window = None if sliding_window is None else positive_integer(self, "sliding_window", sliding_window)
        self._flash_attention = flash_attention
        if flash_attention and dropout > 0:
            raise ValueError(
                f"{type(self).__name__}: with `flash_attention` there is no dropout. "
                f"Received: flash_attention={flash_attention}, dropout={dropout}"
            )
        self._options = {name: _GET[name.rpartition("_")[2]](options[name]) for name in _OPTIONS}
        self._options["activity_regularizer"] = regularizers.get(activity_regularizer)

    # ---- building

    def _projection(self, name: str, equation: str, shape: Sequence[int], axes: int, bias: str, **kwargs: Any) -> EinsumDense:
        """A dense layer that turns the features of a tensor of `axes` axes into `shape`."""
        options = {k: _fresh(v) for k, v in self._options.items()}
        made = EinsumDense(
            equation, output_shape=(*(None,) * (axes - 2), *shape), bias_axes=bias if self._use_bias else None,
            name=name, dtype=self.dtype_policy, **options, **kwargs,
        )  # fmt: skip
        made.supports_masking = True  # what is done about masks is done here
        return made

    def _build_projections(
        self, query: Any, value: Any, key: Any, heads: Sequence[int], features: Sequence[int], output: Sequence[int]
    ) -> None:
        """Makes the sublayers for inputs of three shapes; `heads` are those of queries, and of keys and values, `features` those
        of a head of queries and keys, and of values."""
        n = len(query)
        front = FRONT[: n - 1]

        def into_heads(name: str, shape: Any, count: int, size: int, **kwargs: Any) -> EinsumDense:
            dense = self._projection(name, f"{front}x,xyz->{front}yz", (count, size), n, "yz", **kwargs)
            dense.build(shape)
            return dense

        self._query_dense = into_heads("query", query, heads[0], features[0])
        self._key_dense = into_heads("key", key, heads[1], features[0])
        self._gate_dense = into_heads("gate", query, heads[0], features[1], activation="sigmoid") if self._use_gate else None
        self._value_dense = into_heads("value", value, heads[1], features[1])
        self._softmax = Softmax(axis=list(range(-len(self._attention_axes), 0)), dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self._dropout, seed=self.seed, dtype=self.dtype_policy)
        new = BACK[: len(output)]
        self._output_dense = self._projection("attention_output", f"{front}yz,yz{new}->{front}{new}", output, n, new)
        self._output_dense.build((*query[:-1], heads[0], features[1]))

    # ---- masks: True where a query may look at a key; all are brought to the axes of the scores (batch, others, heads, T, S)

    def _placed(self, what: str, mask: Any, size: Any) -> Any:
        """A mask (..., T, S) of possibly fewer axes than the scores, as one that broadcasts to them."""
        n = len(self._attention_axes)
        m = ops.cast(mask, "bool")
        if m.ndim < 2 * n:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: `{what}` must have the axes of queries and of keys last. "
                f"Received: {what} of {m.ndim} axes"
            )
        while m.ndim < len(size):
            m = ops.expand_dims(m, -2 * n - 1)
        check_broadcast(what, m.shape, size)
        return m

    def _over(self, what: str, mask: Any, size: Any, queries: bool) -> Any:
        """A mask of the steps of a tensor, as one of scores."""
        n = len(self._attention_axes)
        m = ops.cast(mask, "bool")
        if m.ndim == len(size) - n - 1:  # each axis of the tensor but its features: those attended over go last
            others = [i for i in range(m.ndim) if i not in self._attention_axes]
            if [*others, *self._attention_axes] != list(range(m.ndim)):
                m = ops.transpose(m, (*others, *self._attention_axes))
        for _ in range(n):
            m = ops.expand_dims(m, -1 if queries else -n - 1)
        return self._placed(what, m, size)

    def _steps(self, size: Any) -> tuple[Any, Any]:
        """T and S, for masks that go by the order of steps."""
        if len(self._attention_axes) != 1:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: a causal mask or a window needs one axis to attend over. "
                f"Received: attention_axes={tuple(self._attention_axes)}"
            )
        return size[-2], size[-1]

    def _kept(self, size: Any, value_mask: Any, key_mask: Any, attention_mask: Any) -> Any:
        """What the masks of keys and scores and the window leave; None where they leave all."""
        keep = None if value_mask is None else self._over("value_mask", value_mask, size, False)
        keep = both(keep, None if key_mask is None else self._over("key_mask", key_mask, size, False))
        keep = both(keep, None if attention_mask is None else self._placed("attention_mask", attention_mask, size))
        if self._sliding_window is not None:
            rows, columns = self._steps(size)
            apart = ops.subtract(ops.expand_dims(ops.arange(rows), 1), ops.arange(columns))
            keep = both(keep, ops.less(ops.abs(apart), self._sliding_window))
        return keep

    # ---- the call

    def _attend(
        self, query: Any, value: Any, key: Any, query_mask: Any, value_mask: Any, key_mask: Any, attention_mask: Any,
        return_attention_scores: bool, training: Any, use_causal_mask: bool,
    ) -> Any:  # fmt: skip
        if return_attention_scores and self._flash_attention:
            raise ValueError(f"{type(self).__name__} {self.name!r}: with `flash_attention` there are no scores to return")
        key = value if key is None else key
        q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        axes = self._attention_axes
        others = [i for i in range(q.ndim - 2) if i not in axes]
        if any(_differ(q.shape[i], x.shape[i]) for i in others for x in (k, v)) or any(map(_differ, k.shape[:-2], v.shape[:-2])):
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the inputs must have equal extents but for features and, between query and "
                "the others, steps. "
                f"Received: query.shape={known(query.shape)}, value.shape={known(value.shape)}, key.shape={known(key.shape)}"
            )
        size = (*(q.shape[i] for i in others), q.shape[-2], *(q.shape[i] for i in axes), *(k.shape[i] for i in axes))
        keep = self._kept(size, value_mask, key_mask, attention_mask)
        rows = None if query_mask is None else self._over("query_mask", query_mask, size, True)
        if use_causal_mask:
            self._steps(size)
        scores = None
        if return_attention_scores or q.ndim != 4:
            if use_causal_mask:
                keep = both(keep, causal(*self._steps(size)))
            y, scores = self._with_scores(q, k, v, both(keep, rows), training)
        else:
            y = self._without_scores(q, k, v, keep, rows, use_causal_mask, training)
        if self._gate_dense is not None:
            y = ops.multiply(y, self._gate_dense(query))
        y = self._output_dense(y)
        return (y, scores) if return_attention_scores else y

    def _without_scores(self, q: Any, k: Any, v: Any, keep: Any, rows: Any, is_causal: bool, training: Any) -> Any:
        if training and self._dropout > 0:
            seed = self._dropout_layer.seed_generator
            y = attention(q, k, v, self._dropout, mask=keep, is_causal=is_causal, seed=seed)
        else:
            y = ops.dot_product_attention(q, k, v, mask=keep, is_causal=is_causal)
        return y if rows is None else ops.where(_heads_last(rows), y, ops.cast(0, y.dtype))

    def _with_scores(self, q: Any, k: Any, v: Any, keep: Any, training: Any) -> tuple[Any, Any]:
        n, axes = q.ndim - 2, self._attention_axes
        front, seen = FRONT[:n], list(FRONT[:n])
        for i, axis in enumerate(axes):
            seen[axis] = BACK[i]
        others = "".join(c for i, c in enumerate(front) if i not in axes)
        steps = "".join(front[i] for i in axes)
        scores = f"{others}y{steps}{BACK[: len(axes)]}"
        keys = "".join(seen)
        k, v = self._of_each_head(k, q.shape[-2]), self._of_each_head(v, q.shape[-2])
        shares = ops.einsum(f"{front}yz,{keys}yz->{scores}", ops.multiply(q, q.shape[-1] ** -0.5), k)
        shares = self._softmax(shares, mask=keep)
        if n == 2 and training and self._dropout > 0:  # the same weights are left out whether scores are asked for or not
            dropped = dropped_weights(shares, self._dropout, seed=self._dropout_layer.seed_generator)
        else:
            dropped = self._dropout_layer(shares, training=training)
        return ops.einsum(f"{scores},{keys}yz->{front}yz", dropped, v), shares

    def _of_each_head(self, x: Any, heads: int) -> Any:
        """x (..., heads of keys, n) with each head as often as it serves one of queries."""
        return x if x.shape[-2] == heads else ops.repeat(x, heads // x.shape[-2], axis=x.ndim - 2)

    # ---- shapes and configuration

    def _check_keys(self, value_shape: Any, key_shape: Any) -> None:
        if key_shape is not None and tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: `value` and `key` may differ in their last extent only. "
                f"Received: value_shape={value_shape}, key_shape={key_shape}"
            )

    def get_config(self) -> dict[str, Any]:
        names = ("dropout", "use_bias", "use_gate", "sliding_window")
        own = {name: getattr(self, f"_{name}") for name in (*self.saved, *names)}
        options = {name: written(name, value) for name, value in self._options.items()}
        base = super(ConfiguredLayer, self).get_config()
        return {**base, **own, **options, "seed": self.seed}


def _fresh(option: Any) -> Any:
    """An initializer of its own for each projection: drawn from one, equal shapes would get equal numbers."""
    if isinstance(option, initializers.Initializer):
        return type(option).from_config(option.get_config())
    return option


def _heads_last(x: Any) -> Any:
    """(batch, heads, T, 1) as (batch, T, heads, 1)."""
    return ops.transpose(x, (0, 2, 1, 3))


def _differ(a: Any, b: Any) -> bool:
    return isinstance(a, int) and isinstance(b, int) and a != b


def traveling(x: Any) -> Any:
    """The mask that came with a tensor."""
    return get_mask(x)
