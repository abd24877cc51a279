"""What ops that take functions share: structures of tensors as lists of values and back, and checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler.ir import Value

from .. import tree
from ..dispatch import value

Structure = Any


def flat(structure: Structure) -> list[Value]:
    """The leaves of a structure as values, None left out."""
    return [value(x) for x in tree.flatten(structure) if x is not None]


def packed(structure: Structure, values: Sequence[Value]) -> Structure:
    """The structure with other leaves."""
    rest = iter(values)

    def leaf(x: Any) -> Any:
        return None if x is None else next(rest)

    return tree.map_structure(leaf, structure)


def check_functions(what: str, **functions: Any) -> None:
    for name, f in functions.items():
        if not callable(f):
            raise TypeError(f"`{name}` of `{what}` must be a function. Received: {name}={f!r}")


def same_structure(what: str, given: Structure, made: Structure) -> None:
    try:
        tree.assert_same_structure(given, made, check_types=False)
    except ValueError:
        raise ValueError(f"a step of `{what}` must give the structure that it carries. Received: {made!r} for {given!r}") from None
