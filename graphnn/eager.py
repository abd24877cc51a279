"""Methods of several steps (a loss, a metric's update, an optimizer's step) as one program when they are called on arrays.

Inside a trace such a method just runs. Called on arrays it is traced once for its fixed arguments, the shapes and dtypes of its
arrays and the settings of its object, compiled, kept with the object, and run; variables it reads and assigns are states of the
program. The extent of the leading axis that the arrays share stays symbolic, so that another number of rows is no other program.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from graphnn_compiler.dims import ConcreteExtentNeeded, Shape, symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.ops.index import IndexOutOfRange
from graphnn_compiler.trace import active

from .dispatch import OpCall, find, listed
from .program import Program, Programs, Unhashable, is_arraylike, split
from .tensor import BATCH, Array, KerasTensor
from .tree import flatten

_NUMBER = (bool, int, float)
_PLAIN = (*_NUMBER, str, type(None))


class OwnPrograms(Programs):
    """The programs of one object; a copy of the object starts without any."""

    def __init__(self, limit: int = 64):
        super().__init__(limit)
        self._exact: set[Hashable] = set()

    def asked(self, key: Hashable) -> bool:
        """Whether the function of this key asked for the number of an extent."""
        try:
            return key in self._exact
        except (Unhashable, TypeError):
            return True

    def ask(self, key: Hashable) -> None:
        """Remembers that it did."""
        self._exact.add(key)

    def __deepcopy__(self, memo: dict[int, Any]) -> OwnPrograms:
        return OwnPrograms(self.limit)


def programs_of(owner: Any) -> OwnPrograms:
    """The programs kept with an object."""
    found = owner.__dict__.get("_programs")
    if found is None:
        found = owner.__dict__["_programs"] = OwnPrograms()
    return found


def settings(owner: Any) -> Hashable:
    """The plain attributes of an object: a program made under others is not used."""
    return tuple([(k, v) for k, v in owner.__dict__.items() if isinstance(v, _PLAIN)])


def as_arrays(x: Any) -> Any:
    """Nested arguments with numbers and lists of numbers as arrays of the default dtypes; None stays."""
    if isinstance(x, _NUMBER):
        return np.asarray(listed([x])[0])
    if isinstance(x, dict):
        named: dict[Any, Any] = x  # pyright: ignore[reportUnknownVariableType]
        return {k: as_arrays(v) for k, v in named.items()}
    if isinstance(x, list | tuple):
        items: list[Any] = list(x)  # pyright: ignore[reportUnknownArgumentType]
        if items and all(isinstance(e, (*_NUMBER, np.generic)) for e in flatten(items)):
            return listed(items)
        items = [as_arrays(e) for e in items]
        return items if isinstance(x, list) else tuple(items)
    if not is_arraylike(x) and hasattr(x, "numpy"):
        return np.asarray(x.numpy())
    return x


def _row_specs(arrays: Sequence[Array]) -> list[tuple[Shape, str]] | None:
    rows = next((a.shape[0] for a in arrays if a.ndim), 1)
    if rows <= 1:
        return None
    batch = symbol(BATCH)
    return [((batch, *a.shape[1:]) if a.ndim and a.shape[0] == rows else a.shape, a.dtype.name) for a in arrays]


def run(owner: Any, name: Hashable, function: Callable[..., Any], args: Any, *, rows: bool = True, small: bool = False) -> Any:
    """`function(*args)` as one program kept with `owner`.

    Args:
        owner: the object whose settings the function depends on.
        name: tells functions of the same owner apart.
        function: written on values and variables.
        args: arrays (also nested) and fixed arguments.
        rows: the leading extent may stay symbolic.
        small: the work is a handful of numbers, so interpreting it is cheaper than compiling it.
    """
    arrays: list[Array] = []
    args, fixed = split(args, arrays)
    exact: list[tuple[Shape, str]] = [(a.shape, a.dtype.name) for a in arrays]
    kept, base = programs_of(owner), (name, settings(owner), fixed)

    def program(specs: Sequence[tuple[Shape, str]]) -> Program:
        def make() -> Program:
            made = Program(function, args, {}, specs)
            if small:
                made.run = Executable(made.graph, eager=True)
            return made

        return kept.get((base, tuple(specs)), make)

    specs = _row_specs(arrays) if rows else None
    try:
        if specs is not None and not kept.asked(base):
            try:
                return program(specs)(arrays)
            except ConcreteExtentNeeded:
                kept.ask(base)
        return program(exact)(arrays)
    except IndexOutOfRange as error:
        from .losses.labels import LABELS, label_error

        if error.where == LABELS:
            raise label_error(error) from None
        raise


def one_program(method: Any = None, *, rows: bool = True, small: bool = False) -> Any:
    """Makes a method of values and variables callable on arrays too, as one program (see `run`), and on symbolic tensors.

    Numbers and lists of numbers among the arguments count as arrays.
    """
    if method is None:
        return functools.partial(one_program, rows=rows, small=small)
    signature = inspect.signature(method)
    name = method.__qualname__

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if active() is not None:
            return method(self, *args, **kwargs)
        if find((args, kwargs), KerasTensor):
            call = functools.partial(method, self)
            call.class_name = type(self).__name__  # type: ignore[attr-defined]
            return OpCall(call)(*args, **kwargs)
        if kwargs:
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            if bound.kwargs:
                return method(self, *args, **kwargs)
            args = bound.args[1:]
        return run(self, name, functools.partial(method, self), tuple([as_arrays(a) for a in args]), rows=rows, small=small)

    return wrapper
