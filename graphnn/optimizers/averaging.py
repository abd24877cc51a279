"""Moving averages of weights kept by an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler.trace import active

from .. import ops
from ..stateless import choose
from ..variable import Variable


class Averaging:
    """The part of an optimizer that averages weights over steps."""

    use_ema: bool
    iterations: Any
    _trainable_variables: list[Variable]
    _model_variables_moving_average: list[Variable | None]

    def _init_averaging(self, use_ema: bool, ema_momentum: float, ema_overwrite_frequency: int | None) -> None:
        if use_ema:
            if not 0 <= ema_momentum <= 1:
                raise ValueError(f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={ema_momentum}")
            every = ema_overwrite_frequency
            if every and (not isinstance(every, int) or every < 1):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ValueError(
                    f"`ema_overwrite_frequency` must be an integer >= 1 or None. Received: ema_overwrite_frequency={every}"
                )
        self.use_ema, self.ema_momentum, self.ema_overwrite_frequency = use_ema, ema_momentum, ema_overwrite_frequency

    def _update_averages(self) -> None:
        if not self.use_ema:
            return
        first = ops.equal(self.iterations, 0)
        for v, average in zip(self._trainable_variables, self._model_variables_moving_average, strict=True):
            if average is not None:
                momentum = ops.where(first, 0.0, self.ema_momentum)
                average.assign(average * ops.cast(momentum, v.dtype) + v * ops.cast(1.0 - momentum, v.dtype))
        if self.ema_overwrite_frequency:
            due = ops.equal((self.iterations + 1) % self.ema_overwrite_frequency, 0)
            choose(due, lambda: self._overwrite_model_variables_with_average_value(self._trainable_variables))

    def _overwrite_model_variables_with_average_value(self, variables: Sequence[Variable]) -> None:
        averages = self._model_variables_moving_average
        if len(variables) != len(averages):
            raise ValueError(f"{len(variables)} variables cannot take the {len(averages)} averages that the optimizer keeps")
        for v, average in zip(variables, averages, strict=True):
            if average is None:
                continue
            if active() is None:
                v.write(average.array)
            else:
                v.assign(average.value)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Weights become their averages, where averages are kept."""
        if self.use_ema:
            self._overwrite_model_variables_with_average_value(var_list)
