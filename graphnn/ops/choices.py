"""Choices that run inside the compiled program: only the branch that is chosen is run.

Functions that are handed over are called once, on symbolic values; they may use variables and tensors around them and assign variables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from graphnn_compiler import control
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.elementwise import cast as converted
from graphnn_compiler.trace import active

from ..dispatch import find, op, value
from ..tensor import KerasTensor
from ._structures import Structure, check_functions, flat, packed, same_structure


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """The result of `true_fn` where `pred` holds, else that of `false_fn`; only that function is run.

    Args:
        pred: one bool: a tensor without axes, or a Python bool.
        true_fn, false_fn: functions without arguments, with results of equal structure, shapes and dtypes.

    Raises:
        TypeError: a function is none.
        ValueError: `pred` has axes, or results differ.

    >>> import numpy as np
    >>> x = np.array([1.0, -2.0], "float32")
    >>> cond(x[0] > 0, lambda: x * 2, lambda: x).tolist()
    [2.0, -4.0]
    """
    check_functions("cond", true_fn=true_fn, false_fn=false_fn)
    if not find(pred, (KerasTensor, Value)) and not (active() is not None and hasattr(pred, "assign")):
        chosen = np.asarray(pred)
        if chosen.shape != ():
            raise ValueError(f"`pred` of `cond` must have no axes. Received: pred.shape={chosen.shape}")
        return (true_fn if chosen else false_fn)()
    return _cond(pred, true_fn, false_fn)


@op(static=("true_fn", "false_fn"), name="Cond")
def _cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    chosen = value(pred)
    if chosen.shape != ():
        raise ValueError(f"`pred` of `cond` must have no axes. Received: pred.shape={show(chosen.shape)}")
    return _choose(converted(chosen, "bool"), [false_fn, true_fn], ())


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Structure) -> Any:
    """The result of `branches[index](*operands)`; only that branch is run. An index beyond them counts as the nearest.

    Args:
        index: an integer: a tensor without axes, or a Python number.
        branches: functions with results of equal structure, shapes and dtypes.
        operands: structures of tensors.

    Raises:
        TypeError: a branch is no function.
        ValueError: there is no branch, `index` has axes, or results differ.

    >>> float(switch(1, [lambda x: x, lambda x: x * 10], 2.0))
    20.0
    """
    branches = list(branches)
    if not branches:
        raise ValueError("`switch` needs at least one branch.")
    check_functions("switch", **{f"branches[{i}]": b for i, b in enumerate(branches)})
    if not find((index, operands), (KerasTensor, Value)) and active() is None:
        chosen = np.asarray(index)
        if chosen.shape != ():
            raise ValueError(f"`index` of `switch` must have no axes. Received: index.shape={chosen.shape}")
        return branches[min(max(int(chosen), 0), len(branches) - 1)](*operands)
    return _switch(index, branches, *operands)


@op(static=("branches",), name="Switch")
def _switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Structure) -> Any:
    chosen = value(index)
    if chosen.shape != ():
        raise ValueError(f"`index` of `switch` must have no axes. Received: index.shape={show(chosen.shape)}")
    return _choose(chosen, branches, operands)


def _choose(index: Value, branches: Sequence[Callable[..., Any]], operands: tuple[Structure, ...]) -> Any:
    made: dict[int, Structure] = {}

    def traced(i: int) -> Callable[[list[Value]], list[Value]]:
        def run(values: list[Value]) -> list[Value]:
            made[i] = branches[i](*packed(operands, values))
            same_structure("cond` or `switch", made[min(made)], made[i])
            return flat(made[i])

        return run

    found = control.switch(index, [traced(i) for i in range(len(branches))], flat(operands))
    return packed(made[0], found)
