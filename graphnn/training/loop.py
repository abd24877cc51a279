"""One pass over the data: chunk after chunk through the compiled step, with callbacks between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..callbacks.callback_list import CallbackList
from ..callbacks.history import Record
from ..layers.calling import epoch
from ..tensor import Array
from . import checks
from .compiling import STOPS
from .layout import Layout
from .source import Chunk, Source
from .steps import Step
from .watch import FinitenessWatch


class Loop:
    """Runs a job of a model over a source.

    Args:
        model: the model.
        job: train, test or predict.
        callbacks: their hooks of batches are called around each chunk.
        watch: refuses updates that are not finite.
    """

    def __init__(self, model: Any, job: str, callbacks: CallbackList, watch: FinitenessWatch | None = None):
        self.model, self.job, self.watch = model, job, watch
        self.state = model._compiled
        self.stop = STOPS[job]
        # Hooks of batches want each batch; steps_per_execution makes that every few.
        self.fixed = self.state.steps_per_execution if callbacks.every_batch(job) else None
        self.begin: Callable[..., None] = getattr(callbacks, f"on_{job}_batch_begin")
        self.end: Callable[..., None] = getattr(callbacks, f"on_{job}_batch_end")
        self.refresh = getattr(model.optimizer, "refresh_learning_rate", None) if job == "train" else None
        self.done = 0
        self._last: tuple[Layout, int, Step] | None = None

    def step_for(self, layout: Layout, rows: int) -> Step:
        """The traced step for a layout."""
        last = self._last
        if last is not None and last[0] is layout and last[1] == rows and last[2].epoch == epoch():
            return last[2]
        step = self.state.steps.get(self.model, self.job, layout, rows, self.watch)
        self._last = (layout, rows, step)
        return step

    def prepare(self, source: Source, whole: bool) -> Step:
        """Traces the step for the first batch and checks the data, so that mistakes are found before anything starts."""
        layout, rows, columns = source.first()
        if self.job != "predict":
            checks.check_filled(columns, {"train": "fit", "test": "evaluate"}[self.job])
        if source.rows is None:
            checks.check_inputs(self.model, layout.fill(columns)[0])
        step = self.step_for(layout, rows)
        checks.check_all_targets(step.targets, columns, quick=not whole)
        step.check(columns)
        return step

    def _pace(self, layout: Layout, rows: int) -> int:
        step = self.step_for(layout, rows)
        if step.front is not None and not step.front.by_rows:
            return 1
        return self.fixed or step.pace(rows).next()

    def _run(self, chunk: Chunk, step: Step, outputs: list[Array] | None = None) -> list[Array]:
        if self.refresh is not None:
            self.refresh()
        start = time.perf_counter()
        found = step.run(chunk.inputs, chunk.steps, outputs)
        step.pace(chunk.batch).took(chunk.steps, time.perf_counter() - start)
        if self.watch is not None and self.watch.bad_step is not None and not self.watch.reason:
            numbers = step.numbers(chunk.inputs, chunk.steps)
            self.watch.explain(step.executable, step.names, numbers, self.watch.bad_step - self.done)
        return found

    def numbers(self, source: Source, limit: int | None) -> Record:
        """Trains or tests on at most `limit` batches; gives the logs. `done` is the number of batches then."""
        logs = Record()
        self.done = 0
        checked: Layout | None = None
        for chunk in source.chunks(limit, self._pace):
            step = self.step_for(chunk.layout, chunk.batch)
            if source.rows is None:
                if chunk.layout is not checked:
                    checks.check_filled(list(chunk.columns), self.job)
                    checked = chunk.layout
                checks.check_all_targets(step.targets, list(chunk.columns), quick=True)
                step.check(chunk.columns)
            self.begin(self.done)
            found = self._run(chunk, step)
            self.done += chunk.steps
            logs = Record(step.logs(found))
            self.end(self.done - 1, Record(logs))
            if getattr(self.model, self.stop):
                break
        return logs

    def predictions(self, source: Source, limit: int | None) -> Any:
        """Predicts at most `limit` batches; gives the outputs for all rows."""
        rows = source.rows
        layout, first, _ = source.first()
        step = self.step_for(layout, first)
        self.done = 0
        if rows is not None and not rows:
            shapes = step.output_shapes([(0, *trailing) for _, trailing in layout.specs])
            return step.fill([np.empty(s, d) for s, d in zip(shapes, step.dtypes, strict=True)])
        if rows is None or not step.by_rows:
            return self._joined(source, limit)
        if limit is not None:
            rows = min(rows, limit * first)
        shapes = step.output_shapes([(first, *trailing) for _, trailing in layout.specs])
        whole = [np.empty((rows, *s[1:]), d) for s, d in zip(shapes, step.dtypes, strict=True)]
        for chunk in source.chunks(limit, self._pace):
            self.begin(self.done)
            stop = chunk.first + chunk.batch * chunk.steps
            outputs = [a[chunk.first : stop] for a in whole]
            self._run(chunk, step, outputs)
            self.done += chunk.steps
            self.end(self.done - 1, {"outputs": step.fill([a[stop - chunk.batch : stop] for a in whole])})
            if getattr(self.model, self.stop):
                return step.fill([a[:stop] for a in whole])
        return step.fill(whole)

    def _joined(self, source: Source, limit: int | None) -> Any:
        """Batch by batch, for outputs whose rows are not those of the batch, and for data of unknown length."""
        parts: list[list[Array]] = []
        step: Step | None = None
        for chunk in source.chunks(limit, lambda layout, rows: 1):
            step = self.step_for(chunk.layout, chunk.batch)
            if source.rows is None:
                step.check(chunk.columns)
            self.begin(self.done)
            found = self._run(chunk, step)
            parts.append(found)
            self.done += 1
            self.end(self.done - 1, {"outputs": step.fill(found)})
            if getattr(self.model, self.stop):
                break
        if step is None:
            raise ValueError("predict() was given data without a single batch")
        whole = [np.concatenate(list(group)) if group[0].ndim else np.stack(list(group)) for group in zip(*parts, strict=True)]
        return step.fill(whole)
