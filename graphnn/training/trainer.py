"""Training, evaluation and prediction: what a model does with data."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from .. import config, tree
from ..callbacks.callback_list import CallbackList, as_list
from ..callbacks.history import History, Record
from ..utils.packing import unpack_x_y_sample_weight
from ..utils.progbar import resolve_verbose
from . import checks
from .array_source import ArraySource, positive
from .batch_source import BatchSource, gives_batches
from .data import ran_out, split, with_weights
from .loop import Loop
from .on_batch import OnBatch
from .source import Source
from .watch import FinitenessWatch


class Trainer(OnBatch):
    """The part of `Model` with `fit`, `evaluate` and `predict`."""

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Collection[int] = 1,
    ) -> History:
        """Trains the model.

        Args:
            x: inputs: an array, lists or dictionaries of arrays (anything that becomes an array is one), a generator of batches, a
                `PyDataset`, or another library's loader.
            y: targets in the structure of the outputs, or by output name; part of the batches where x gives batches.
            batch_size: rows in a batch, 32 by default.
            epochs: passes over the data; the last epoch's number where `initial_epoch` is given.
            verbose: 0 nothing, 1 a bar, 2 a line for each epoch, "auto" what suits the place.
            callbacks: a list of callbacks.
            validation_split: the last rows of the data, this share of them, are left for validation.
            validation_data: (x, y) or (x, y, sample_weight), or what gives batches.
            shuffle: whether rows are shuffled anew for each epoch; "batch" shuffles whole batches.
            class_weight: a dictionary from class numbers to weights.
            sample_weight: weights of the rows, for several outputs in the structure of y.
            initial_epoch: the number of the first epoch.
            steps_per_epoch: batches in an epoch, where that is not the whole data.
            validation_steps, validation_batch_size: the same for validation.
            validation_freq: after how many epochs to validate, or the epochs (from 1) after which to.

        Returns:
            The `History` with losses and metrics of every epoch.

        Raises:
            ValueError: the model is not compiled, or the data do not fit it; nothing has changed then.

        >>> import numpy as np
        >>> import graphnn
        >>> model = graphnn.Sequential([graphnn.Input((1,)), graphnn.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = np.arange(8.0).reshape(8, 1)
        >>> history = model.fit(x, 2 * x, epochs=3, verbose=0)
        >>> len(history.history["loss"])
        3
        """
        self._assert_compiled("fit")
        verbose = resolve_verbose(verbose)
        for name, n in (("epochs", epochs), ("initial_epoch", initial_epoch)):
            if not isinstance(n, int | np.integer):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"`{name}` must be an integer. Received: {name}={n!r}")
        epochs = epochs if config.max_epochs() is None else min(epochs, config.max_epochs() or 0)
        validation: Source | None = None
        if validation_split and validation_data is None:
            if gives_batches(x):
                raise ValueError(
                    f"`validation_split` needs arrays; x gives batches ({type(x).__name__}). Give `validation_data` instead"
                )
            front, held_out = split(self._columns(x, y, sample_weight), validation_split)
            data = with_weights(front[0], front[1], front[2], class_weight)
            source: Source = ArraySource(data, batch_size, shuffle)
            validation = ArraySource(held_out, validation_batch_size or batch_size)
        else:
            source = self._source("fit", x, y, sample_weight, class_weight, batch_size, shuffle)
        if validation_data is not None:
            validation = self._validation(validation_data, validation_batch_size or batch_size)
        limit = _limit(steps_per_epoch, "steps_per_epoch")
        checked_steps = _limit(validation_steps, "validation_steps")
        _check_frequency(validation_freq)
        steps = source.steps if limit is None else limit
        hooks = as_list(callbacks, self, "train", verbose=verbose, epochs=epochs, steps=steps)
        self.stop_training = False
        watch = self._compiled.watch = _watch(hooks)
        loop = Loop(self, "train", hooks, watch)
        loop.prepare(source, whole=True)
        test_loop = Loop(self, "test", hooks)
        if validation is not None:
            test_loop.prepare(validation, whole=True)
        hooks.on_train_begin()
        logs: Record | None = None
        warned = False
        for number in range(initial_epoch, epochs):
            if not source.more():
                if not warned:
                    ran_out(source.kind, None, 0)
                break
            self.reset_metrics()
            if watch is not None:
                watch.reset()
            hooks.on_epoch_begin(number)
            source.epoch_begins()
            logs = loop.numbers(source, limit)
            if steps is not None and loop.done < steps and not self.stop_training and not warned:
                ran_out(source.kind, steps, loop.done)
                warned = True
            if validation is not None and _now(validation_freq, number + 1):
                measured = self._measure(test_loop, validation, checked_steps, hooks)
                logs.update({f"val_{k}": v for k, v in measured.items()})
            hooks.on_epoch_end(number, logs)
            source.epoch_ended()
            if self.stop_training:
                break
        if logs is not None and hasattr(self.optimizer, "finalize_variable_values"):
            self.optimizer.finalize_variable_values(self.trainable_variables)
        hooks.on_train_end(logs if logs is not None else Record())
        history = hooks.history
        assert history is not None
        return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The loss and the metrics on some data.

        Args:
            x, y, batch_size, verbose, sample_weight, callbacks: as for `fit`.
            steps: the number of batches, by default all.
            return_dict: whether to give a dictionary by name.

        Returns:
            The loss, or a list of the loss and the metrics in the order of `metrics_names`.

        Raises:
            ValueError: the model is not compiled, or the data do not fit it.
        """
        if kwargs:
            raise ValueError(f"evaluate() got unexpected keyword arguments {sorted(kwargs)}")
        self._assert_compiled("evaluate")
        verbose = resolve_verbose(verbose)
        source = self._source("evaluate", x, y, sample_weight, None, batch_size, False)
        limit = _limit(steps, "steps")
        known = source.steps if limit is None else limit if source.steps is None else min(limit, source.steps)
        hooks = as_list(callbacks, self, "test", verbose=verbose, epochs=1, steps=known)
        loop = Loop(self, "test", hooks)
        loop.prepare(source, whole=True)
        logs = self._measure(loop, source, limit, hooks)
        if limit is not None and loop.done < limit and not self.stop_evaluating:
            ran_out(source.kind, limit, loop.done)
        return dict(logs) if return_dict else self._listed(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs of the model for some inputs, in batches.

        Args:
            x: inputs as for `fit`.
            batch_size: rows in a batch, 32 by default.
            verbose, callbacks: as for `fit`.
            steps: the number of batches, by default all.

        Returns:
            An array with a row for each row of x, or the structure of the outputs with such arrays.

        >>> import numpy as np
        >>> import graphnn
        >>> model = graphnn.Sequential([graphnn.Input((3,)), graphnn.layers.Dense(2)])
        >>> model.predict(np.ones((5, 3)), verbose=0).shape
        (5, 2)
        """
        if verbose == 0 and steps is None and callbacks is None:
            found = self._compiled.predictions.predict(x, batch_size or 32)
            if found is not None:
                return found
        verbose = resolve_verbose(verbose)
        source = self._source("predict", x, None, None, None, batch_size, False)
        limit = _limit(steps, "steps")
        known = source.steps if limit is None else limit if source.steps is None else min(limit, source.steps)
        hooks = as_list(callbacks, self, "predict", verbose=verbose, epochs=1, steps=known)
        loop = Loop(self, "predict", hooks)
        step = loop.prepare(source, whole=False)
        self.stop_predicting = False
        hooks.on_predict_begin()
        outputs = loop.predictions(source, limit)
        hooks.on_predict_end()
        if limit is not None and loop.done < limit and not self.stop_predicting:
            ran_out(source.kind, limit, loop.done)
        self._compiled.predictions.keep(x, step)
        return outputs

    # ---- helpers

    def _measure(self, loop: Loop, source: Source, limit: int | None, hooks: CallbackList) -> Record:
        self.reset_metrics()
        source.restart()
        self.stop_evaluating = False
        hooks.on_test_begin()
        logs = loop.numbers(source, limit)
        hooks.on_test_end(Record(logs))
        return logs

    def _columns(self, x: Any, y: Any, sample_weight: Any, class_weight: Any = None) -> tuple[Any, Any, Any]:
        data = with_weights(x, y, sample_weight, class_weight, self._places())
        checks.check_inputs(self, data[0])
        return data

    def _source(
        self, method: str, x: Any, y: Any, sample_weight: Any, class_weight: Any, batch_size: int | None, shuffle: Any
    ) -> Source:
        if x is None:
            raise ValueError(f"{method}() needs data: x is None")
        if not gives_batches(x):
            return ArraySource(self._columns(x, y, sample_weight, class_weight), batch_size, shuffle)
        for name, given in (("y", y), ("sample_weight", sample_weight)):
            if given is not None:
                raise ValueError(
                    f"When x gives batches ({type(x).__name__}), `{name}` is part of them and cannot be passed beside it"
                )
        return BatchSource(x, class_weight, shuffle=bool(shuffle), places=self._places())

    def _validation(self, data: Any, batch_size: int | None) -> Source:
        if gives_batches(data):
            return BatchSource(data, shuffle=False, places=self._places())
        if tree.is_list(data) and not 1 <= len(data) <= 3:
            raise ValueError(
                f"`validation_data` must be (x, y) or (x, y, sample_weight). Received: a {type(data).__name__} of {len(data)}"
            )
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        return ArraySource(self._columns(x, y, sample_weight), batch_size)


def _limit(steps: Any, name: str) -> int | None:
    """The number of batches of a pass, None for all."""
    most = config.max_steps_per_epoch()
    if steps is None:
        return most
    n = positive(steps, name)
    return n if most is None else min(n, most)


def _check_frequency(freq: Any) -> None:
    if isinstance(freq, int | np.integer) and not isinstance(freq, bool):
        if freq < 1:
            raise ValueError(f"`validation_freq` must be at least 1. Received: {freq}")
    elif not isinstance(freq, Collection) or isinstance(freq, str):
        raise ValueError(f"`validation_freq` must be an integer or a list of epochs. Received: {freq!r}")


def _now(freq: int | Collection[int], epoch_number: int) -> bool:
    return epoch_number % freq == 0 if isinstance(freq, int | np.integer) else epoch_number in freq


def _watch(hooks: CallbackList) -> FinitenessWatch | None:
    return FinitenessWatch() if any(getattr(c, "watches_finiteness", False) for c in hooks) else None
