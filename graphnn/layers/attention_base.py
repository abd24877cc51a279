"""What attention layers with projections share: their options, the dense layers inside, and how their masks become one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import initializers, ops
from ..ops.attention import both, causal, mixed, scores_of, shares
from .common import ConfiguredLayer, Identifier, fraction, set_options
from .dropout import Dropout
from .einsum_dense import EinsumDense
from .input_spec import known

__all__: list[str] = []


class ProjectedAttention(ConfiguredLayer):
    """Attention between heads that dense layers make of query, key and value; the output is a dense layer of the heads' results."""

    kernel_initializer: Any
    bias_initializer: Any
    kernel_regularizer: Any
    bias_regularizer: Any
    kernel_constraint: Any
    bias_constraint: Any
    _query_dense: EinsumDense
    _key_dense: EinsumDense
    _gate_dense: EinsumDense | None
    _value_dense: EinsumDense
    _output_dense: EinsumDense

    unsaved = ("flash_attention",)

    def set_attention(
        self, *, dropout: float, use_bias: bool, use_gate: bool, sliding_window: int | None, flash_attention: bool | None,
        seed: int | None, parts_regularizer: Identifier, **options: Identifier,
    ) -> None:  # fmt: skip
        """Notes the arguments that both layers have; `parts_regularizer` is the activity regularizer of the layers inside."""
        self.supports_masking = True
        self.dropout = fraction(self, "dropout", dropout)
        self.use_bias = use_bias
        self.use_gate = use_gate
        window: Any = sliding_window
        if window is not None and (not isinstance(window, int) or isinstance(window, bool) or window <= 0):
            raise ValueError(
                f"{type(self).__name__}: `sliding_window` must be None or a positive integer. Received: sliding_window={window!r}"
            )
        self.sliding_window = sliding_window
        if flash_attention and dropout > 0:
            raise ValueError(
                f"{type(self).__name__}: `flash_attention` goes without dropout. "
                f"Received: flash_attention={flash_attention}, dropout={dropout}"
            )
        self.flash_attention = flash_attention
        self.seed = seed
        self._parts_regularizer = parts_regularizer
        set_options(self, **options)

    # ---- the layers inside

    def project(self, name: str, inputs: Sequence[int | None], heads: tuple[int, int]) -> EinsumDense:
        """The dense layer that makes (..., heads, n) of inputs of a shape."""
        axes = "abcdefghijklm"[: len(inputs) - 1]
        layer = self.dense(name, f"{axes}x,xyz->{axes}yz", (*[None] * (len(axes) - 1), *heads), "yz")
        layer.build(tuple(inputs))
        return layer

    def dense(self, name: str, equation: str, output_shape: tuple[int | None, ...], bias_axes: str) -> EinsumDense:
        """A dense layer with the options of this one."""
        options: dict[str, Any] = {
            kind: getattr(self, kind)
            for kind in ("kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint")
        }
        for kind in ("kernel_initializer", "bias_initializer"):  # of its own, so that no two kernels begin alike
            own = getattr(self, kind)
            options[kind] = type(own).from_config(own.get_config()) if isinstance(own, initializers.Initializer) else own
        layer = EinsumDense(
            equation, output_shape, bias_axes=bias_axes if self.use_bias else None, dtype=self.dtype_policy,
            activity_regularizer=self._parts_regularizer, name=name, **options,
        )  # fmt: skip
        layer.supports_masking = True  # masks are this layer's business
        return layer

    def build_dropout(self) -> None:
        """The dropout of the weights of the mean, between the layers of value and output as in Keras's files."""
        if self.dropout > 0:
            self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy, name="dropout")

    def gated(self, y: Any, query: Any) -> Any:
        """The heads' results, times a gate between 0 and 1 that is made of the query."""
        return y if self._gate_dense is None else ops.multiply(y, ops.sigmoid(self._gate_dense(query)))

    # ---- attention

    def attend(self, q: Any, k: Any, v: Any, keep: Any, is_causal: bool, training: Any, return_scores: bool) -> tuple[Any, Any]:
        """Means (batch, T, heads, m), and the weights (batch, heads, T, S) where they are asked for."""
        if return_scores and self.flash_attention:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: `return_attention_scores` goes without `flash_attention`: "
                "what is never in memory cannot be returned"
            )
        if self.sliding_window is not None:
            keep = both(keep, near(ops.shape(q)[1], ops.shape(k)[1], self.sliding_window))
        drops = bool(training) and self.dropout > 0
        if not return_scores and not drops:
            return ops.dot_product_attention(q, k, v, mask=keep, is_causal=is_causal), None
        if is_causal:
            keep = both(keep, causal(ops.shape(q)[1], ops.shape(k)[1]))
        weights = shares(scores_of(ops.multiply(q, 1 / math.sqrt(q.shape[-1])), k), keep)
        used = self._dropout_layer(weights, training=True) if drops else weights
        return mixed(used, v), weights

    def check_call(self, query: Any, value: Any, key: Any) -> None:
        """ValueError where the tensors of a call do not fit together, TypeError where a needed one is missing."""
        check_pair(self, value.shape, key.shape)
        q, v = query.shape, value.shape
        if len(q) != len(v) or (q[0] != v[0] and isinstance(q[0], int) and isinstance(v[0], int)):
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: query and value must have equally many axes and rows. "
                f"Received: query={known(q)}, value={known(v)}"
            )

    def get_config(self) -> dict[str, Any]:
        from .. import regularizers

        return {**super().get_config(), "activity_regularizer": regularizers.serialize(self._parts_regularizer)}


def check_pair(layer: Any, value_shape: Any, key_shape: Any) -> None:
    """ValueError where value and key have other axes than the last in different extents."""
    v, k = tuple(value_shape), tuple(key_shape)
    same = len(v) == len(k) and all(
        a == b or not (isinstance(a, int) and isinstance(b, int)) for a, b in zip(v[:-1], k[:-1], strict=True)
    )
    if not same:
        raise ValueError(
            f"{type(layer).__name__} {layer.name!r}: value and key must have the same shape but for the last axis. "
            f"Received: value_shape={known(v)}, key_shape={known(k)}"
        )


def near(queries: Any, keys: Any, window: int) -> Any:
    """(T, S): whether query and key are less than `window` steps apart."""
    t, s = ops.expand_dims(ops.arange(queries), 1), ops.expand_dims(ops.arange(keys), 0)
    return ops.less(ops.abs(ops.subtract(t, s)), window)


def of_steps(layer: Any, name: str, mask: Any, shape: Any) -> Any:
    """A mask of the steps of a tensor as booleans, with an axis for each of the tensor's but the last; None stays."""
    if mask is None:
        return None
    rank = len(shape) - 1
    m = tuple(mask.shape)
    fits = len(m) <= rank and all(
        a in (1, b) or not (isinstance(a, int) and isinstance(b, int)) for a, b in zip(m, shape[:-1], strict=False)
    )
    if not fits:
        raise ValueError(
            f"{type(layer).__name__} {layer.name!r}: `{name}` must have the shape of its tensor without the last axis. "
            f"Received: mask of shape {known(m)}, tensor of shape {known(shape)}"
        )
    found = ops.cast(mask, "bool")
    for i in range(len(m), rank):
        found = ops.expand_dims(found, i)
    return found
