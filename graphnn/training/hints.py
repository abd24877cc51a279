"""Tells users of other frameworks how a step is written here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

_TAPE = {"GradientTape": "a gradient tape", "backward": "backward()", "zero_grad": "zero_grad()", "no_grad": "no_grad()"}

HOW = (
    "write the loss as a function and use graphnn.value_and_grad: "
    "`loss, gradients = graphnn.value_and_grad(loss_of)(self.trainable_variables)`, "
    "then `self.optimizer.apply(gradients, self.trainable_variables)`"
)


def _names(function: Any) -> set[str]:
    code = getattr(function, "__code__", None)
    found: set[str] = set()
    while code is not None:
        found |= set(code.co_names)
        code = next((c for c in code.co_consts if inspect.iscode(c)), None)
    return found


def check_step(step: Callable[..., Any], owner: str) -> None:
    """Raises TypeError for a step that is written for another framework.

    Args:
        step: the bound method.
        owner: the class it belongs to, for the message.
    """
    function = getattr(step, "__func__", step)
    used = [said for name, said in _TAPE.items() if name in _names(function)]
    if used:
        raise TypeError(
            f"{owner}.{function.__name__} uses {used[0]}; a step of graphnn is traced and differentiated as a whole: {HOW}"
        )
    try:
        inspect.signature(step).bind(None)
    except TypeError:
        raise TypeError(
            f"{owner}.{function.__name__}{inspect.signature(function)} must take (self, data) and give a dictionary; "
            f"state is kept in variables. In it, {HOW}"
        ) from None
