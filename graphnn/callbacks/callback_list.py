"""Several callbacks behind one set of hooks."""

from __future__ import annotations

from typing import Any

from ..tree import flatten
from .callback import Callback, Logs
from .history import History
from .progbar_logger import ProgbarLogger

_BATCH_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


def overrides(callback: Any, hook: str) -> bool:
    """True where a callback does something in a hook."""
    return getattr(getattr(callback, hook, None), "__func__", None) is not getattr(Callback, hook)


class CallbackList:
    """Calls each hook of each callback in order.

    Args:
        callbacks: a list of `Callback` (nested lists are flattened), or one.
        add_history: adds a `History` at the end unless there is one.
        add_progbar: adds a `ProgbarLogger` unless there is one.
        model: the model they belong to.
        **params: what `Callback.params` shall hold.

    Raises:
        TypeError: if something in the list has no hooks.

    >>> import graphnn
    >>> hooks = graphnn.callbacks.CallbackList([graphnn.callbacks.Callback()], add_history=True)
    >>> [type(c).__name__ for c in hooks.callbacks]
    ['Callback', 'History']
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ):
        self.callbacks: list[Any] = [c for c in flatten(callbacks) if c is not None]
        for c in self.callbacks:
            if not hasattr(c, "on_epoch_end"):
                raise TypeError(f"`callbacks` must hold instances of Callback. Received: {c!r} of type {type(c).__name__}")
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        self._history = next((c for c in self.callbacks if isinstance(c, History)), None)
        if add_history and self._history is None:
            self._history = History()
            self.callbacks.append(self._history)
        self.model: Any = None
        if model is not None:
            self.set_model(model)
        self.params = params
        if params:
            self.set_params(params)

    @property
    def history(self) -> History | None:
        """The `History` among the callbacks."""
        return self._history

    def append(self, callback: Callback) -> None:
        """Adds one at the end."""
        self.callbacks.append(callback)

    def set_params(self, params: dict[str, Any]) -> None:
        """Gives `params` to all."""
        self.params = params
        for c in self.callbacks:
            c.set_params(params)

    def set_model(self, model: Any) -> None:
        """Gives the model to all, and the history to the model."""
        self.model = model
        if self._history is not None:
            model.history = self._history
        for c in self.callbacks:
            c.set_model(model)

    def every_batch(self, mode: str) -> bool:
        """Whether some callback must hear of each single batch of `mode` (train, test or predict)."""
        return any(
            not getattr(c, "accepts_runs", False) and any(overrides(c, h) for h in _BATCH_HOOKS[mode]) for c in self.callbacks
        )

    def __iter__(self) -> Any:
        return iter(self.callbacks)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_batch_begin(batch, logs=logs)

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_batch_end(batch, logs=logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_train_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_train_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_test_batch_begin(batch, logs=logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_test_batch_end(batch, logs=logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_predict_batch_begin(batch, logs=logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_predict_batch_end(batch, logs=logs)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_train_begin(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_train_end(logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_test_begin(logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_test_end(logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_predict_begin(logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Calls the hook of each."""
        logs = {} if logs is None else logs
        for c in self.callbacks:
            c.on_predict_end(logs)


def as_list(callbacks: Any, model: Any, mode: str, **params: Any) -> CallbackList:
    """The `callbacks` argument of fit, evaluate or predict as a `CallbackList`; one that is handed over is used as it is."""
    if isinstance(callbacks, CallbackList):
        return callbacks
    verbose = params.get("verbose", 0)
    return CallbackList(callbacks, add_history=mode == "train", add_progbar=verbose != 0, model=model, **params)
