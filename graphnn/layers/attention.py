"""Attention without projections.

Exports: Attention, AdditiveAttention.
"""

from __future__ import annotations

from typing import Any

from .. import ops, random
from ..ops.attention import both, causal, shares
from .common import ConfiguredLayer, fraction
from .input_spec import known

__all__ = ["AdditiveAttention", "Attention"]


class Attention(ConfiguredLayer):
    r"""Means of values, weighted by how well their keys answer a query.

    $$y_t = \sum_s \mathrm{softmax}_s(e_{t s}) \, v_s, \quad e_{t s} = a \, q_t \cdot k_s
    \;\text{ or }\; e_{t s} = c \sum_i \tanh(a (q_{t i} + k_{s i}))$$

    Args:
        use_scale: whether the factor $a$ is a weight; else it is 1.
        score_mode: `"dot"` for the first form of the scores, `"concat"` for the second, whose factor $c$ is a weight.
        dropout: the part of the softmax's results that is set to 0 at random while training.
        seed: an integer for a dropout that repeats from run to run.

    Call:
        inputs: a list `[query, value]` or `[query, value, key]`; without a key the value serves as such.
        mask: a list `[query_mask, value_mask]` (a third mask is not looked at), None for a mask that is not there. A value
            whose mask is False gets no weight, and a query whose mask is False zeros for a result; so does a query for
            which no value is left.
        training: whether dropout acts.
        return_attention_scores: whether the weights come as a second output.
        use_causal_mask: whether query t leaves out the values after the t-th.

    Shapes:
        query `(batch, T, d)`, value `(batch, S, m)`, key `(batch, S, d)`, masks `(batch, T)` and `(batch, S)`; output
        `(batch, T, m)`, weights of the mean `(batch, T, S)`; `scale` `()`, `concat_score_weight` `()`. All may have
        further axes after the batch.

    Raises:
        ValueError: the inputs are no list of 2 or 3, the masks no list of 2 or 3, a mask has another shape than its
            tensor without the last axis, or `score_mode` is another word.

    Source: Luong et al., "Effective Approaches to Attention-based Neural Machine Translation", 2015 (arXiv:1508.04025).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> query, value = np.ones((1, 2, 4), "float32"), np.ones((1, 3, 4), "float32")
    >>> layers.Attention()([query, value]).shape
    (1, 2, 4)
    """

    def __init__(
        self, use_scale: bool = False, score_mode: str = "dot", dropout: float = 0.0, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(
                f"{type(self).__name__}: `score_mode` must be 'dot' or 'concat'. Received: score_mode={score_mode!r}"
            )
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = fraction(self, "dropout", dropout)
        self.seed = seed
        self.supports_masking = True
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.scale: Any = None
        self.concat_score_weight: Any = None

    def build(self, input_shape: Any = None) -> None:
        self.check_list(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def scores(self, query: Any, key: Any) -> Any:
        """(..., T, S): how well each key answers each query."""
        if self.score_mode == "dot":
            return ops.matmul(self.scaled(query), ops.swapaxes(key, -1, -2))
        sums = ops.sum(ops.tanh(self.scaled(pairs(query, key))), axis=-1)
        return ops.multiply(self.concat_score_weight, sums)

    def scaled(self, x: Any) -> Any:
        """x times the scale, where there is one."""
        return x if self.scale is None else ops.multiply(x, self.scale)

    def call(
        self, inputs: Any, mask: Any = None, training: bool = False, return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        self.check_list(inputs)
        query, value = inputs[:2]
        key = inputs[2] if len(inputs) == 3 else value
        self.check_shapes(query, value, key)
        of_query, of_value = self.masks_of(mask, query, value)
        if len(query.shape) == 3 and self._is_plain(training, return_attention_scores):
            keep = None if of_value is None else ops.expand_dims(of_value, (1, 2))
            heads = [ops.expand_dims(x, 2) for x in (self.scaled(query), key, value)]
            y = ops.squeeze(ops.dot_product_attention(*heads, mask=keep, scale=1.0, is_causal=use_causal_mask), 2)
            weights = None
        else:
            keep = None if of_value is None else ops.expand_dims(of_value, -2)
            if use_causal_mask:
                keep = both(keep, causal(ops.shape(query)[-2], ops.shape(key)[-2]))
            weights = shares(self.scores(query, key), keep)
            if training and self.dropout > 0:
                weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
            y = ops.matmul(weights, value)
        if of_query is not None:
            y = ops.multiply(y, ops.cast(ops.expand_dims(of_query, -1), y.dtype))
        return (y, weights) if return_attention_scores else y

    def _is_plain(self, training: bool, return_scores: bool) -> bool:
        """Whether nobody sees or changes the weights of the mean, so that they need not be in memory."""
        return self.score_mode == "dot" and not return_scores and not (training and self.dropout > 0)

    def check_list(self, inputs: Any) -> None:
        """ValueError where the inputs, or their shapes, are no list of two or three."""
        if not isinstance(inputs, list):
            given: Any = known(inputs.shape) if hasattr(inputs, "shape") else inputs
            raise ValueError(
                f"{type(self).__name__} {self.name!r} must be called on a list of inputs, [query, value] or [query, value, key]. "
                f"Received: inputs={given}"
            )
        if len(inputs) not in (2, 3):  # pyright: ignore[reportUnknownArgumentType]
            raise ValueError(
                f"{type(self).__name__} {self.name!r} takes a list of 2 or 3 inputs, [query, value] or [query, value, key]. "
                f"Received: {len(inputs)} of them"  # pyright: ignore[reportUnknownArgumentType]
            )

    def check_shapes(self, query: Any, value: Any, key: Any) -> None:
        """ValueError where the three do not fit together."""
        shapes = [tuple(x.shape) for x in (query, value, key)]
        q, v, k = shapes
        if len(q) < 2 or not len(q) == len(v) == len(k):
            wrong = "must have equally many axes, two or more"
        elif differ(v[:-1], k[:-1]):
            wrong = "value and key must have the same shape but for the last axis"
        elif differ(q[-1:], k[-1:]) and (self.score_mode == "dot" or 1 not in (q[-1], k[-1])):
            wrong = "query and key must have equally many features"
        else:
            return
        shown = ", ".join(f"{n}={known(s)}" for n, s in zip(("query", "value", "key"), shapes, strict=True))
        raise ValueError(f"{type(self).__name__} {self.name!r}: inputs that do not fit together: {wrong}. Received: {shown}")

    def masks_of(self, mask: Any, query: Any, value: Any) -> list[Any]:
        """The masks of query and value as booleans, None where there is none."""
        self.check_masks(mask)
        found: list[Any] = []
        for name, m, x in zip(("query", "value"), mask or (None, None), (query, value), strict=False):
            if m is not None and (len(m.shape) != len(x.shape) - 1 or differ(m.shape, x.shape[:-1])):
                raise ValueError(
                    f"{type(self).__name__} {self.name!r}: the mask of the {name} must have its shape without the last axis. "
                    f"Received: mask of shape {known(m.shape)}, {name} of shape {known(x.shape)}"
                )
            found.append(None if m is None else ops.cast(m, "bool"))
        return found

    def check_masks(self, mask: Any) -> None:
        """ValueError where the masks are no list of two or three."""
        if mask is None:
            return
        if not isinstance(mask, list):
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: `mask` must be a list, [query_mask, value_mask]. Received: mask={mask!r}"
            )
        if len(mask) not in (2, 3):  # pyright: ignore[reportUnknownArgumentType]
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: `mask` must be a list of 2 or 3 masks. Received: {len(mask)} of them"  # pyright: ignore[reportUnknownArgumentType]
            )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The mask of the query."""
        self.check_masks(mask)
        return None if mask is None else mask[0]


class AdditiveAttention(Attention):
    r"""Means of values, weighted by a small network's judgement of query and key.

    $$y_t = \sum_s \mathrm{softmax}_s\Bigl(\sum_i a_i \tanh(q_{t i} + k_{s i})\Bigr) v_s$$

    Args:
        use_scale: whether the factors $a_i$ are weights; else they are 1.
        dropout: the part of the softmax's results that is set to 0 at random while training.
        seed: an integer for a dropout that repeats from run to run.

    Call, Shapes, Raises:
        as of `Attention`; `scale` `(d,)`.

    Source: Bahdanau et al., "Neural Machine Translation by Jointly Learning to Align and Translate", 2014
    (arXiv:1409.0473).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> query, value = np.ones((1, 2, 4), "float32"), np.ones((1, 3, 4), "float32")
    >>> layers.AdditiveAttention()([query, value]).shape
    (1, 2, 4)
    """

    unsaved = ("score_mode",)

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any = None) -> None:
        self.check_list(input_shape)
        if self.use_scale:
            features = input_shape[0][-1]
            self.scale = self.add_weight((features,), "glorot_uniform", name="scale")

    def scores(self, query: Any, key: Any) -> Any:
        return ops.sum(self.scaled(ops.tanh(pairs(query, key))), axis=-1)

    def _is_plain(self, training: bool, return_scores: bool) -> bool:
        return False

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def pairs(query: Any, key: Any) -> Any:
    """(..., T, S, d): each query plus each key."""
    return ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))


def differ(a: Any, b: Any) -> bool:
    """Whether two shapes certainly are not the same."""
    return len(a) != len(b) or any(isinstance(m, int) and isinstance(n, int) and m != n for m, n in zip(a, b, strict=True))
