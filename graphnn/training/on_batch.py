"""Single batches: `train_on_batch`, `test_on_batch`, `predict_on_batch`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ..layers.calling import epoch
from ..tensor import Array
from . import checks
from .columns import leaves, same_length
from .compiling import Compiling
from .data import with_weights
from .layout import layout_of
from .steps import Step


class OnBatch(Compiling):
    """The part of `Model` that works on one batch at a time."""

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Trains on one batch.

        Args:
            x, y, sample_weight, class_weight: as for `fit`.
            return_dict: whether to give a dictionary by name.

        Returns:
            The loss of this batch before the update, or a list of the loss and the metrics.
        """
        self._assert_compiled("train_on_batch")
        logs = self._on_batch("train", x, y, sample_weight, class_weight)
        return logs if return_dict else self._listed(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch; arguments as for `train_on_batch`."""
        self._assert_compiled("test_on_batch")
        logs = self._on_batch("test", x, y, sample_weight, None)
        return logs if return_dict else self._listed(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        data = with_weights(x, None, None, None, self._places())
        found = leaves(data)
        layout = layout_of(data)
        rows = same_length(found)
        checks.check_inputs(self, data[0])
        step = self._compiled.steps.get(self, "predict", layout, rows)
        step.check(found)
        return step.fill(step.run([c.rows(0, rows) for c in found]))

    def _on_batch(self, job: str, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> dict[str, Any]:
        key: Any = None
        if type(x) is np.ndarray and type(y) is np.ndarray and sample_weight is None and class_weight is None:
            key = (job, x.dtype, x.shape[1:], y.dtype, y.shape[1:])
            kept, optimizer = self._compiled.quick.get(key, (None, None))
            known = kept is not None and kept.epoch == epoch() and optimizer is self.optimizer
            if known and 0 < len(x) == len(y) and x.flags.c_contiguous and y.flags.c_contiguous:
                return self._one_step(job, cast(Step, kept), (x, y))
        data = with_weights(x, y, sample_weight, class_weight, self._places())
        found = leaves(data)
        rows = same_length(found)
        checks.check_filled(found, f"{job}_on_batch")
        layout = layout_of(data)
        checks.check_inputs(self, data[0])
        step = self._compiled.steps.get(self, job, layout, rows)
        checks.check_all_targets(step.targets, found, quick=True)
        step.check(found)
        plain = key is not None and len(found) == 2 and step.general and all(c.plain for c in found)
        if plain and not step.narrowed and not checks.need_a_look(step.targets, found):
            self._compiled.quick[key] = (step, self.optimizer)
        return self._one_step(job, step, [c.rows(0, rows) for c in found])

    def _one_step(self, job: str, step: Step, inputs: Sequence[Array]) -> dict[str, Any]:
        if job == "train" and hasattr(self.optimizer, "refresh_learning_rate"):
            self.optimizer.refresh_learning_rate()
        self.reset_metrics()
        return step.logs(step.run(inputs))

    def _listed(self, logs: dict[str, Any]) -> Any:
        numbers = [logs[k] for k in self._ordered_names(logs)]
        return numbers[0] if len(numbers) == 1 else numbers

    def _places(self) -> int:
        return len(getattr(checks.functional(self), "input_names", "1"))
