"""How a layer finds its weights and sublayers: through its attributes, and lists, tuples, sets and dictionaries in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from ..tree import is_dict, is_list
from ..variable import Variable

T = TypeVar("T")
_PLAIN = (int, float, str, bool, bytes, type(None))


def is_metric(x: Any) -> bool:
    """True for metrics (they are told by what they can do, since this module must not import them)."""
    return hasattr(x, "update_state") and hasattr(x, "reset_state") and hasattr(x, "result") and not isinstance(x, type)


def is_seed_generator(x: Any) -> bool:
    """True for sources of random numbers, whose state is a variable."""
    return isinstance(getattr(x, "state", None), Variable) and not isinstance(x, type)


def parts(x: Any) -> Iterator[Any]:
    """Everything in a container, containers in it opened; x itself where it is none."""
    if type(x) in _PLAIN:
        return
    items: Any = x.values() if is_dict(x) else x
    if not (is_list(x) or is_dict(x) or isinstance(x, set | frozenset)):
        yield x
        return
    for e in items:
        if type(e) not in _PLAIN:
            yield from parts(e)


def unique(items: Iterable[T]) -> list[T]:
    """The items in order, each once."""
    return list({id(x): x for x in items}.values())
