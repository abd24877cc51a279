"""Gradients of Python functions.

Exports: grad, value_and_grad.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from graphnn_compiler import autodiff
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.movement import constant
from graphnn_compiler.trace import active

from . import tree
from .dispatch import value
from .program import Held, Program, Programs, split
from .tensor import KerasTensor
from .variable import Variable

__all__ = ["grad", "value_and_grad"]


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, variables: Any = None
) -> Callable[..., Any]:
    """A function that gives what `function` gives, and its gradients.

    The function and its derivative are one compiled program, traced once for each shape and dtype of its arguments: Python values that
    it reads from elsewhere are those of the first call. Inside a model's `train_step` they become part of its program.

    Args:
        function: gives a float without axes; with `has_aux` a pair whose first member is that.
        argnums: the arguments to differentiate by: arrays, variables, or structures of them.
        has_aux: whether a second result comes along.
        variables: variables (a list, or another structure) to differentiate by in place of arguments.

    Returns:
        A function of the same arguments that gives (result, gradients).

    Raises:
        TypeError: if the result is no float without axes, or there is nothing to differentiate by.

    >>> import numpy as np
    >>> import graphnn
    >>> f = graphnn.value_and_grad(lambda x: graphnn.ops.sum(x * x))
    >>> y, g = f(np.array([1.0, 2.0], "float32"))
    >>> float(y), g.tolist()
    (5.0, [2.0, 4.0])
    """
    programs = Programs(64)
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def body(*args: Any, **kwargs: Any) -> Any:
        wrt = variables if variables is not None else tuple(args[i] for i in numbers)
        leaves: list[Any] = tree.flatten(wrt)
        values = [x.value if isinstance(x, Variable) else x for x in leaves]
        _check_inputs(values)
        out = function(*args, **kwargs)
        result = value(out[0] if has_aux else out)
        if result.ndim or not result.dtype.startswith("float"):
            raise TypeError(
                f"the function to differentiate must give a float without axes. Received: {result.dtype} of shape {result.shape}"
            )
        found = autodiff.gradients([result], [constant(1, result.dtype)], values)
        gradients = tree.pack_sequence_as(wrt, found)
        if variables is None and isinstance(argnums, int):
            gradients = gradients[0]
        return (result, out[1]) if has_aux else result, gradients

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, KerasTensor) for x in tree.flatten([args, kwargs])):
            raise TypeError(
                "gradients are taken of arrays, or inside a layer's call or a model's train_step; not of a KerasTensor"
            )
        if active() is not None:
            return body(*args, **kwargs)
        arrays: list[Any] = []
        held = tree.map_structure(_held, args)
        fixed, key = split(held, arrays)
        named, named_key = split(kwargs, arrays)
        specs = tuple([(a.shape, a.dtype.name) for a in arrays])
        from .layers.calling import epoch

        program = programs.get((key, named_key, specs, epoch()), lambda: Program(body, fixed, named, specs))
        return program(arrays)

    return wrapper


def _held(x: Any) -> Any:
    return Held(x) if isinstance(x, Variable) else x


def _check_inputs(values: list[Any]) -> None:
    if not values:
        raise TypeError("there is nothing to differentiate by: `argnums` names no array and `variables` is empty")
    for x in values:
        if not isinstance(x, Value):
            raise TypeError(f"gradients are taken by arrays and variables. Received: {x!r} (of type {type(x).__name__})")
        if not x.dtype.startswith("float"):
            raise TypeError(f"gradients are taken by floats. Received: an argument of dtype {x.dtype}")


def grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, variables: Any = None
) -> Callable[..., Any]:
    """A function that gives the gradients of `function` (see `value_and_grad`).

    >>> import numpy as np
    >>> import graphnn
    >>> graphnn.grad(lambda x: graphnn.ops.sum(x * x))(np.array([1.0, 2.0], "float32")).tolist()
    [2.0, 4.0]
    """
    both = value_and_grad(function, argnums, has_aux, variables)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        result, gradients = both(*args, **kwargs)
        return (gradients, result[1]) if has_aux else gradients

    return wrapper
