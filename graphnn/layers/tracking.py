"""How a layer finds its weights and sublayers: through its attributes, and lists, tuples and dictionaries in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..variable import Variable

_PLAIN = (int, float, str, bool, bytes, type(None))


def is_metric(x: Any) -> bool:
    """True for metrics (they are told by what they can do, since this module must not import them)."""
    return hasattr(x, "update_state") and hasattr(x, "reset_state") and hasattr(x, "result") and not isinstance(x, type)


def is_seed_generator(x: Any) -> bool:
    """True for sources of random numbers, whose state is a variable."""
    return isinstance(getattr(x, "state", None), Variable) and not isinstance(x, type)


def parts(x: Any, depth: int = 0) -> Iterator[Any]:
    """Everything in a container, containers in it opened."""
    if type(x) in _PLAIN:
        return
    if isinstance(x, list | tuple):
        for e in x:  # pyright: ignore[reportUnknownVariableType]
            if type(e) not in _PLAIN:  # pyright: ignore[reportUnknownArgumentType]
                yield from parts(e, depth + 1)
    elif isinstance(x, dict):
        for e in x.values():  # pyright: ignore[reportUnknownVariableType]
            yield from parts(e, depth + 1)
    elif isinstance(x, set | frozenset):
        yield from (e for e in x if type(e) not in _PLAIN)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    else:
        yield x


def unique(items: Iterator[Any] | list[Any]) -> list[Any]:
    """The items in order, each once."""
    return list({id(x): x for x in items}.values())
