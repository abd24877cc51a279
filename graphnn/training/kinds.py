"""What a structure is made of, in a form that type checkers follow."""

from __future__ import annotations

from typing import Any, TypeGuard


def is_dict(x: Any) -> TypeGuard[dict[Any, Any]]:
    """True for a dictionary."""
    return isinstance(x, dict)


def is_list(x: Any) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """True for a list or tuple."""
    return isinstance(x, list | tuple)


def is_integer(x: Any) -> TypeGuard[int]:
    """True for an integer that is no bool, NumPy's included."""
    return hasattr(x, "__index__") and not isinstance(x, bool) and not hasattr(x, "__len__")


def rebuilt(like: Any, items: list[Any]) -> Any:
    """A list, tuple or named tuple of the type of `like` with other items."""
    if isinstance(like, list):
        return items
    return type(like)(*items) if hasattr(like, "_fields") else tuple(items)
