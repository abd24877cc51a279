"""A loss made of a function of targets and predictions: every built-in loss, and any function of the user's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import tree
from ..saving.serialization import deserialize_keras_object, serialize_keras_object
from .loss import Loss, squeeze_or_expand_to_same_rank


class LossFunctionWrapper(Loss):
    """A function (y_true, y_pred, **options) as a `Loss`.

    Args:
        fn: the function; gives a number for each sample.
        reduction, name, dtype: see `Loss`.
        **kwargs: its options.

    >>> from graphnn import losses
    >>> float(LossFunctionWrapper(losses.huber, delta=0.5)([[0.0]], [[2.0]]))
    0.875
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The function, after targets and predictions were brought to one rank."""
        if not tree.is_nested(y_true) and not tree.is_nested(y_pred):
            y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        options = {k: serialize_keras_object(v) for k, v in self._fn_kwargs.items()}
        return {**super().get_config(), "fn": serialize_keras_object(self.fn), **options}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        if "fn" in config:
            config = {k: deserialize_keras_object(v) if isinstance(v, dict) else v for k, v in config.items()}
        return cls(**config)

    def __repr__(self) -> str:
        return f"<LossFunctionWrapper({self.fn}, kwargs={self._fn_kwargs})>"


class BuiltIn(LossFunctionWrapper):
    """A built-in loss: its configuration holds its options by name instead of its function."""

    _options: tuple[str, ...] = ()

    def __init__(self, fn: Callable[..., Any], reduction: str | None, name: str | None, dtype: Any, **options: Any):
        super().__init__(fn, reduction=reduction, name=name, dtype=dtype, **options)
        for k in self._options:
            setattr(self, k, options[k])

    def get_config(self) -> dict[str, Any]:
        return {**Loss.get_config(self), **{k: getattr(self, k) for k in self._options}}
