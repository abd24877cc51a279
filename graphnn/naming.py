"""Automatic names: dense, dense_1, ... as each class is used, and the counters behind them."""

from __future__ import annotations

import re

_counts: dict[str, int] = {}


def to_snake_case(name: str) -> str:
    """A class name in lower case with underscores.

    >>> to_snake_case("BatchNormalization"), to_snake_case("Conv2D")
    ('batch_normalization', 'conv2d')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def uniquify(name: str) -> str:
    """The name itself at first, then with _1, _2, ..."""
    n = _counts.get(name, 0)
    _counts[name] = n + 1
    return f"{name}_{n}" if n else name


def auto_name(prefix: str) -> str:
    """A fresh name for an object of the class `prefix`."""
    return uniquify(to_snake_case(prefix))


def get_uid(prefix: str = "") -> int:
    """1, 2, ... for each prefix.

    >>> import graphnn
    >>> graphnn.backend.get_uid("doc"), graphnn.backend.get_uid("doc")
    (1, 2)
    """
    _counts[prefix] = _counts.get(prefix, 0) + 1
    return _counts[prefix]


def reset() -> None:
    """Names start again from the first."""
    _counts.clear()
