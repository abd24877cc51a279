"""Nested structures: lists, tuples and dictionaries (in the order of their sorted keys) with leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeGuard, cast


def is_list(x: Any) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """True for a list or tuple."""
    return isinstance(x, list | tuple)


def is_dict(x: Any) -> TypeGuard[dict[Any, Any]]:
    """True for a dictionary."""
    return isinstance(x, dict)


def is_nested(structure: Any) -> bool:
    """True for a list, tuple or dictionary.

    >>> is_nested([1]), is_nested(1)
    (True, False)
    """
    return isinstance(structure, list | tuple | dict)


def _sorted_keys(d: dict[Any, Any]) -> list[Any]:
    try:
        return sorted(d)
    except TypeError:
        return list(d)


def flatten(structure: Any) -> list[Any]:
    """The leaves from left to right.

    >>> flatten({"b": 3, "a": [1, (2,)]})
    [1, 2, 3]
    """
    out: list[Any] = []

    def visit(x: Any) -> None:
        if is_dict(x):
            for k in _sorted_keys(x):
                visit(x[k])
        elif is_list(x):
            for e in x:
                visit(e)
        else:
            out.append(x)

    visit(structure)
    return out


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """The leaves with the keys and places that lead to them.

    >>> flatten_with_path({"a": [5, 6]})
    [(('a', 0), 5), (('a', 1), 6)]
    """
    out: list[tuple[tuple[Any, ...], Any]] = []

    def visit(x: Any, path: tuple[Any, ...]) -> None:
        if is_dict(x):
            for k in _sorted_keys(x):
                visit(x[k], (*path, k))
        elif is_list(x):
            for i, e in enumerate(x):
                visit(e, (*path, i))
        else:
            out.append((path, x))

    visit(structure, ())
    return out


def like(model: Any, items: list[Any]) -> Any:
    """Items as a list, tuple or named tuple, whichever `model` is."""
    if not isinstance(model, tuple):
        return items
    kind = cast(Any, type(cast(Any, model)))
    return kind(*items) if hasattr(kind, "_fields") else tuple(items)


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """The same structure with `func` of the leaves of all structures in their place.

    Raises:
        ValueError: if the structures differ.

    >>> map_structure(lambda a, b: a + b, {"x": [1, 2]}, {"x": [3, 4]})
    {'x': [4, 6]}
    """
    first = structures[0]
    if is_dict(first):
        for s in structures[1:]:
            if not is_dict(s) or set(s) != set(first):
                raise ValueError(f"the structures do not match: {first!r} and {s!r}")
        done = {k: map_structure(func, *[s[k] for s in structures], none_is_leaf=none_is_leaf) for k in _sorted_keys(first)}
        return type(first)((k, done[k]) for k in first) if type(first) is not dict else {k: done[k] for k in first}
    if is_list(first):
        for s in structures[1:]:
            if not is_list(s) or len(s) != len(first):
                raise ValueError(f"the structures do not match: {first!r} and {s!r}")
        rows = zip(*structures, strict=True)
        return like(first, [map_structure(func, *row, none_is_leaf=none_is_leaf) for row in rows])
    if first is None and not none_is_leaf:
        return None
    return func(*structures)


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """The structure with other leaves.

    Raises:
        ValueError: if there are more or fewer leaves than places.

    >>> pack_sequence_as([0, (0,)], [1, 2])
    [1, (2,)]
    """
    leaves = list(flat_sequence)
    n = len(flatten(structure))
    if n != len(leaves):
        raise ValueError(f"the structure has {n} leaves and {len(leaves)} were given")
    rest: Iterator[Any] = iter(leaves)

    def following(_: Any) -> Any:
        return next(rest)

    return map_structure(following, structure)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """`func` of each shape (a tuple or list of numbers and None) in a structure.

    >>> map_shape_structure(len, {"a": (None, 3), "b": [(2,), (2, 2)]})
    {'a': 2, 'b': [1, 2]}
    """
    if is_shape(structure):
        return func(tuple(structure))
    if is_dict(structure):
        return {k: map_shape_structure(func, v) for k, v in structure.items()}
    if is_list(structure):
        return like(structure, [map_shape_structure(func, v) for v in structure])
    raise ValueError(f"Cannot map function to unknown objects {structure!r}: expected shapes")


def is_shape(x: Any) -> TypeGuard[list[int | None] | tuple[int | None, ...]]:
    """True for a tuple or list of integers and None."""
    return is_list(x) and all(e is None or (isinstance(e, int) and not isinstance(e, bool)) for e in x)


def assert_same_structure(a: Any, b: Any, check_types: bool = True) -> None:
    """Raises ValueError unless both have the same nesting.

    >>> assert_same_structure([1, {"k": 2}], [3, {"k": 4}])
    """
    if is_nested(a) != is_nested(b):
        raise ValueError(f"`a` and `b` don't have the same structure: {a!r} and {b!r}")
    if not is_nested(a):
        return
    if check_types and type(a) is not type(b):
        raise ValueError(f"`a` and `b` have different types of containers: {type(a)} and {type(b)}")
    if is_dict(a):
        if set(a) != set(b):
            raise ValueError(f"`a` and `b` have different keys: {_sorted_keys(a)} and {_sorted_keys(b)}")
        for k in a:
            assert_same_structure(a[k], b[k], check_types)
        return
    if len(a) != len(b):
        raise ValueError(f"`a` and `b` have {len(a)} and {len(b)} elements")
    for x, y in zip(a, b, strict=True):
        assert_same_structure(x, y, check_types)


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples for lists.

    >>> lists_to_tuples([1, [2]])
    (1, (2,))
    """
    if is_list(structure):
        items = [lists_to_tuples(e) for e in structure]
        return tuple(items) if isinstance(structure, list) else like(structure, items)
    if is_dict(structure):
        return {k: lists_to_tuples(v) for k, v in structure.items()}
    return structure
