"""The base class of callbacks: hooks that `fit`, `evaluate` and `predict` call while they run."""

from __future__ import annotations

from typing import Any, TypeAlias

Logs: TypeAlias = "dict[str, Any]"


class Callback:
    """Hooks around training, evaluation and prediction; override those that are needed.

    A callback that overrides a hook of batches is called for every batch, which makes `fit` leave its compiled loop after each step
    (`compile(steps_per_execution=n)` makes that every n steps). Hooks of epochs cost nothing.

    Attributes:
        model: the model that runs.
        params: a dictionary with `verbose`, `epochs` and `steps`.

    >>> import graphnn
    >>> class Losses(graphnn.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, sorted(logs))
    """

    # True: the hooks of batches may be called once for a run of batches, with the last one's number.
    accepts_runs = False

    def __init__(self) -> None:
        self._model: Any = None
        self.params: dict[str, Any] | None = None

    @property
    def model(self) -> Any:
        """The model that runs, None before."""
        return self.__dict__.get("_model")

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before anything else with `verbose`, `epochs` and `steps`."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called before anything else with the model."""
        self._model = model

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch of `fit`."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch of `fit` and its validation. `logs` may be added to: what it holds goes into the history."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of `fit`."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of `fit`; `logs` holds loss and metrics so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of `evaluate`, also where `fit` validates."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of `evaluate`, also where `fit` validates."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of `predict`; `logs["outputs"]` holds its results."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """At the start of `fit`."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """At the end of `fit`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """At the start of `evaluate` or of validation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """At the end of `evaluate` or of validation."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """At the start of `predict`."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """At the end of `predict`."""
