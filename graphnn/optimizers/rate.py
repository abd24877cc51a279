"""The learning rate of an optimizer: a variable, a schedule of the step number, or a function of the user's."""

from __future__ import annotations

from typing import Any

from graphnn_compiler.ir import Value
from graphnn_compiler.trace import active

from ..config import floatx
from ..context import name_scope
from ..variable import Variable
from .schedules.learning_rate_schedule import LearningRateSchedule


class Rate:
    """The part of an optimizer that knows its learning rate."""

    name: str
    _variables: list[Variable]
    _iterations: Variable

    def _init_rate(self, learning_rate: Any) -> None:
        if callable(learning_rate):
            self._learning_rate: Any = learning_rate
            return
        if not isinstance(learning_rate, float):
            raise ValueError(
                "Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a callable without arguments. "
                f"Received instead: learning_rate={learning_rate!r}"
            )
        self._learning_rate = self._rate_variable("learning_rate", learning_rate)
        self._variables.append(self._learning_rate)

    def _rate_variable(self, name: str, first: float) -> Variable:
        with name_scope(self.name):
            return Variable(first, dtype=floatx(), trainable=False, name=name)

    @property
    def learning_rate(self) -> Any:
        """The rate of the present step: a variable, or what the schedule or function gives."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        found = rate()
        if active() is None or isinstance(found, Value):
            return found
        # a number that Python computes is no part of the program: the program reads it from a variable
        self.refresh_learning_rate()
        return self._called_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        rate = self._learning_rate
        if callable(learning_rate):
            self._learning_rate = learning_rate
            if isinstance(rate, Variable):
                self._variables = [v for v in self._variables if v is not rate]
        elif isinstance(rate, LearningRateSchedule):
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` constructor argument, hence "
                "its learning rate is not settable. Make the optimizer with a float `learning_rate` instead."
            )
        elif isinstance(rate, Variable):
            rate.assign(learning_rate)
        else:
            self._learning_rate = self._rate_variable("learning_rate", float(learning_rate))
            self._variables.insert(1, self._learning_rate)

    def refresh_learning_rate(self) -> None:
        """Asks a function that gives the learning rate for its present number; before every run of a program with this optimizer."""
        rate = self._learning_rate
        if isinstance(rate, Variable | LearningRateSchedule):
            return
        if "_called_rate" not in self.__dict__:
            self._called_rate = self._rate_variable("called_rate", 0.0)
        if active() is None:
            self._called_rate.write(rate())

    @property
    def lr(self) -> Any:
        """The learning rate, as scripts of 2017 call it."""
        return self.learning_rate

    @lr.setter
    def lr(self, learning_rate: Any) -> None:
        self.learning_rate = learning_rate
