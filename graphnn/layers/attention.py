"""Attention over the steps of a sequence, with one head.

Exports: AdditiveAttention, Attention.
"""

from __future__ import annotations

from typing import Any

from .. import ops, random
from ..random.attention import attention, dropped_weights
from .common import ConfiguredLayer, fraction
from .merging import show

__all__ = ["AdditiveAttention", "Attention"]

# Taken from the scores of steps that are left out: far more than scores differ by, so that such steps get no weight.
_LEFT_OUT = {"float16": 6e4, "float64": 1e18}
PAIRS = 1 << 10, 1 << 16  # of queries and keys, from which on blocks of scores are faster than a matrix: in inference, in training


class Attention(ConfiguredLayer):
    r"""Mixes values by how well their keys fit a query.

    $$y_t = \sum_s \operatorname{softmax}_s(e_{t s}) \, v_s, \quad e_{t s} = g \; q_t \cdot k_s$$

    or, with `score_mode="concat"`, $e_{t s} = c \sum_i \tanh(g \, (q_{t i} + k_{s i}))$.

    Args:
        use_scale: whether $g$ is a trained number; else it is 1.
        score_mode: "dot" or "concat".
        dropout: the probability with which a weight is left out in training.
        seed: an integer for dropout that repeats from run to run.

    Shapes:
        inputs: a list of query `(batch, T, n)`, value `(batch, S, m)` and, if it is not the value, key `(batch, S, n)`;
        output `(batch, T, m)`; `scale` `()` with `use_scale`, `concat_score_weight` `()` with "concat".

    The call takes `mask`, a list of the masks `(batch, T)` of queries and `(batch, S)` of values, each of which may be None:
    values that are left out get no weight, and outputs of queries that are left out, or that may see no value, are 0. With
    `use_causal_mask=True` no step sees a later one. With `return_attention_scores=True` the weights `(batch, T, S)` come as a
    second output.

    Raises:
        ValueError: `score_mode` is neither, the inputs or masks are not lists of two or three, or shapes do not fit.

    Source: Luong et al., "Effective Approaches to Attention-based Neural Machine Translation", 2015 (arXiv:1508.04025).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> query, value = np.zeros((1, 2, 3), "float32"), np.array([[[0.0, 0, 0], [2, 4, 6]]], "float32")
    >>> layers.Attention()([query, value]).tolist()
    [[[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]]
    """

    def __init__(
        self, use_scale: bool = False, score_mode: str = "dot", dropout: float = 0.0, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(f"{self.title}: `score_mode` must be 'dot' or 'concat'. Received: score_mode={score_mode!r}")
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = fraction(self, "dropout", dropout)
        self.seed = seed
        self.supports_masking = True
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.scale: Any = None
        self.concat_score_weight: Any = None

    @property
    def title(self) -> str:
        """The layer as messages call it."""
        return f"{type(self).__name__} {self.name!r}"

    def build(self, input_shape: Any = None) -> None:
        self.check_shapes(input_shape)
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(name="concat_score_weight", shape=(), initializer="ones")

    def scores(self, query: Any, key: Any) -> Any:
        """How well keys fit queries, (batch, T, S)."""
        if self.score_mode == "dot":
            found = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return found if self.scale is None else ops.multiply(found, self.scale)
        return ops.multiply(self.concat_score_weight, ops.sum(sums_squashed(query, key, self.scale), axis=-1))

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self.check_inputs(inputs)
        self.check_mask(mask)
        query, value, key = *inputs[:2], inputs[-1]  # of two, the value is its own key
        seen = None if mask is None else mask[1]
        weights, drops, tiled = None, training and self.dropout > 0, self._tiled(query, value, key)
        if tiled and not return_attention_scores and (drops or _many_pairs(query, key, bool(training))):
            output = self._without_scores(query, value, key, seen, use_causal_mask, drops)
        else:
            weights = shares(self.scores(query, key), seen, use_causal_mask)
            if drops:
                weights = self._dropped(weights, tiled)
            output = ops.matmul(weights, value)
        if mask is not None and mask[0] is not None:
            output = ops.multiply(output, ops.cast(ops.expand_dims(truth(mask[0]), -1), output.dtype))
        return (output, weights) if return_attention_scores else output

    def _tiled(self, query: Any, value: Any, key: Any) -> bool:
        """Whether this is what `ops.dot_product_attention` computes."""
        products = self.score_mode == "dot" and type(self).scores is Attention.scores
        return products and len(query.shape) == 3 and query.shape[0] == key.shape[0] == value.shape[0]

    def _without_scores(self, query: Any, value: Any, key: Any, seen: Any, causal: bool, drops: bool) -> Any:
        """The result, block by block."""
        query = query if self.scale is None else ops.multiply(query, self.scale)
        q, k, v = (ops.expand_dims(x, 2) for x in (query, key, value))  # as one head
        mask = None if seen is None else ops.expand_dims(truth(seen), -2)
        mask = mask if mask is None or len(mask.shape) < 3 else ops.expand_dims(mask, 1)
        if drops:
            found = attention(q, k, v, self.dropout, mask=mask, scale=1.0, is_causal=causal, seed=self.seed_generator)
        else:
            found = ops.dot_product_attention(q, k, v, mask=mask, scale=1.0, is_causal=causal)
        return ops.squeeze(found, 2)

    def _dropped(self, weights: Any, tiled: bool) -> Any:
        """Weights with dropout; where scores need not be asked for the same are left out as if they were not."""
        if not tiled:
            return random.dropout(weights, self.dropout, seed=self.seed_generator)
        found = dropped_weights(ops.expand_dims(weights, 1), self.dropout, seed=self.seed_generator)
        return ops.squeeze(found, 1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The mask of the queries."""
        self.check_mask(mask)
        return None if mask is None else mask[0]

    # ---- checks

    def check_inputs(self, inputs: Any) -> None:
        """ValueError for anything but a list of two or three tensors whose shapes fit."""
        if not isinstance(inputs, list):
            shape = getattr(inputs, "shape", inputs)
            raise ValueError(f"{self.title} takes a list [query, value] or [query, value, key]. Received: inputs={shape}")
        self.check_shapes([tuple(d if isinstance(d, int) else None for d in x.shape) for x in inputs])  # pyright: ignore

    def check_shapes(self, shapes: Any) -> None:
        """ValueError for anything but a list of two or three shapes that fit."""
        if not isinstance(shapes, list) or not all(isinstance(s, list | tuple) for s in shapes):  # pyright: ignore
            raise ValueError(
                f"{self.title} takes a list [query, value] or [query, value, key]. Received: inputs of shape {shapes}"
            )
        found: list[Any] = [tuple(s) for s in shapes]  # pyright: ignore
        if len(found) not in (2, 3):
            raise ValueError(f"{self.title} takes a list of 2 or 3 inputs, query, value and key. Received: {len(found)} inputs")
        query, value, key = *found[:2], found[-1]
        if not len(query) == len(value) == len(key) or len(query) < 2:
            raise ValueError(f"{self.title}: inputs must have equally many axes, 2 at least. Received: shapes {show(found)}")
        for what, a, b in (("features of query and key", query[-1], key[-1]), ("steps of key and value", key[-2], value[-2])):
            if None not in (a, b) and a != b:
                raise ValueError(f"{self.title}: the {what} differ in number. Received: shapes {show(found)}")

    def check_mask(self, mask: Any) -> None:
        """ValueError for anything but None or a list of two or three masks."""
        if mask is None:
            return
        if not isinstance(mask, list):
            raise ValueError(f"{self.title}: `mask` must be a list [query mask, value mask]. Received: mask={mask!r}")
        if len(mask) not in (2, 3):  # pyright: ignore[reportUnknownArgumentType]
            raise ValueError(f"{self.title}: `mask` must be a list of 2 or 3 masks. Received: {len(mask)}")  # pyright: ignore


class AdditiveAttention(Attention):
    r"""Mixes values by how well their keys fit a query, after Bahdanau.

    $$y_t = \sum_s \operatorname{softmax}_s(e_{t s}) \, v_s, \quad e_{t s} = \sum_i g_i \tanh(q_{t i} + k_{s i})$$

    Args:
        use_scale: whether $g$ is trained; else it is 1.
        dropout: the probability with which a weight is left out in training.
        seed: an integer for dropout that repeats from run to run.

    Shapes:
        inputs: a list of query `(batch, T, n)`, value `(batch, S, m)` and, if it is not the value, key `(batch, S, n)`;
        output `(batch, T, m)`; `scale` `(n,)` with `use_scale`.

    The call takes `mask`, `use_causal_mask` and `return_attention_scores` as that of `Attention`.

    Raises:
        ValueError: the inputs or masks are not lists of two or three, or shapes do not fit.

    Source: Bahdanau et al., "Neural Machine Translation by Jointly Learning to Align and Translate", 2014 (arXiv:1409.0473).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> query, value = np.zeros((1, 2, 3), "float32"), np.ones((1, 4, 3), "float32")
    >>> layers.AdditiveAttention()([query, value]).tolist()
    [[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]]
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any = None) -> None:
        self.check_shapes(input_shape)
        features = input_shape[0][-1]
        if self.use_scale and features is None:
            raise ValueError(f"{self.title}: the features of the query must be known. Received: shapes {show(input_shape)}")
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(features,), initializer="glorot_uniform")

    def scores(self, query: Any, key: Any) -> Any:
        """How well keys fit queries, (batch, T, S)."""
        squashed = sums_squashed(query, key, None)
        return ops.sum(squashed if self.scale is None else ops.multiply(squashed, self.scale), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def sums_squashed(query: Any, key: Any, scale: Any) -> Any:
    """tanh(scale * (q[t] + k[s])), (batch, T, S, n)."""
    sums = ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
    return ops.tanh(sums if scale is None else ops.multiply(scale, sums))


def _many_pairs(query: Any, key: Any, training: bool) -> bool:
    """Whether there may be so many pairs of queries and keys that their scores are better not in memory."""
    steps = query.shape[1], key.shape[1]
    return not all(isinstance(n, int) for n in steps) or steps[0] * steps[1] >= PAIRS[training]


def shares(scores: Any, mask: Any, causal: bool) -> Any:
    """The softmax of scores (..., T, S) over the places that are not left out; zeros where all are."""
    keep = None if mask is None else ops.expand_dims(truth(mask), -2)
    if causal:
        *_, t, s = ops.shape(scores)
        past = ops.greater_equal(ops.expand_dims(ops.arange(t), 1), ops.expand_dims(ops.arange(s), 0))
        keep = past if keep is None else ops.logical_and(keep, past)
    if keep is None:
        return ops.softmax(scores, axis=-1)
    lowered = ops.cast(ops.logical_not(keep), scores.dtype)
    found = ops.softmax(ops.subtract(scores, ops.multiply(lowered, _LEFT_OUT.get(scores.dtype, 1e9))), axis=-1)
    return ops.where(ops.any(keep, axis=-1, keepdims=True), found, ops.cast(0, found.dtype))


def truth(mask: Any) -> Any:
    """A mask as bool."""
    return ops.cast(mask, "bool")
