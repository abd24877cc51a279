"""What happened in each epoch."""

from __future__ import annotations

from typing import Any

from .callback import Callback, Logs


class Record(dict[str, Any]):
    """A dictionary whose `acc` names are also found under `accuracy`, as the Keras of 2017 called them; they are no keys of their own.

    >>> r = Record(loss=[0.5], accuracy=[0.8], val_accuracy=[0.7])
    >>> r["acc"], r["val_acc"], list(r)
    ([0.8], [0.7], ['loss', 'accuracy', 'val_accuracy'])
    """

    def __missing__(self, key: Any) -> Any:
        other = f"{key}uracy"
        if isinstance(key, str) and (key == "acc" or key.endswith("_acc")) and other in self:
            return self[other]
        raise KeyError(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of a key or of its older name."""
        try:
            return self[key]
        except KeyError:
            return default


class History(Callback):
    """The losses and metrics of every epoch; `fit` returns it.

    Attributes:
        history: a dictionary from names (`loss`, `accuracy`, `val_loss`, ...) to a list with a number for each epoch.
        epoch: the list of epochs that ran.

    >>> import graphnn
    >>> graphnn.callbacks.History().history
    {}
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: Record = Record()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, number in (logs or {}).items():
            self.history.setdefault(name, []).append(number)
        self._model.history = self
