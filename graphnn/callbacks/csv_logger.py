"""The history as a table in a file."""

from __future__ import annotations

import csv
import os
from typing import Any, TextIO

import numpy as np

from .callback import Callback, Logs


def _cell(value: Any) -> Any:
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f'"[{", ".join(str(v) for v in value)}]"'


class CSVLogger(Callback):
    """Writes a line for each epoch to a CSV file, at once.

    Args:
        filename: the path of the file.
        separator: what stands between cells.
        append: whether to write behind what the file holds.

    >>> import graphnn
    >>> graphnn.callbacks.CSVLogger("log.csv").append
    False
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False):
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self._file: TextIO | None = None
        self._writer: Any = None
        self._header = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._header = True
        if self.append and os.path.exists(self.filename):
            with open(self.filename, newline="", encoding="utf-8") as old:
                self._header = not old.readline()
        self._close()
        self._writer = self.keys = None
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            # The first epoch may have had no validation; later ones will.
            if not any(k.startswith("val_") for k in self.keys):
                self.keys += [f"val_{k}" for k in self.keys if k != "learning_rate"]
        assert self._file is not None
        if self._writer is None:
            dialect = "excel" if self.sep == "," else "excel-tab" if self.sep == "\t" else "excel"
            self._writer = csv.DictWriter(self._file, ["epoch", *self.keys], dialect=dialect, delimiter=self.sep)
            if self._header:
                self._writer.writeheader()
        row: dict[str, Any] = {"epoch": epoch}
        row.update((k, _cell(logs.get(k, "NA"))) for k in self.keys)
        self._writer.writerow(row)
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()
        self._writer = None

    def _close(self) -> None:
        if self._file is not None and not self._file.closed:
            self._file.close()
        self._file = None
