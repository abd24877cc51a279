"""The names of classes and functions that a configuration may speak of: those of this package, and those that the user registered."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FunctionType
from typing import Any, TypeVar

T = TypeVar("T")

_registered: dict[str, Any] = {}
_names: dict[Any, str] = {}

# Where a class of a plain name is looked for. A module named in a configuration only chooses among these; it is never imported.
_CLASSES = (
    "layers", "models", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers", "optimizers.schedules",
    "random", "dtype_policies",
)  # fmt: skip
_FUNCTIONS = ("activations", "losses", "metrics", "initializers", "regularizers", "constraints", "ops")


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.stack: list[dict[str, Any]] = []


_scopes = _Scopes()


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Decorator that lets configurations speak of a class or function as package>name.

    Args:
        package: by default "Custom".
        name: by default the name of the class or function.

    Raises:
        ValueError: if a class has no `get_config`, or the name belongs to something else.

    >>> import graphnn
    >>> @graphnn.saving.register_keras_serializable(package="docs")
    ... def double(x):
    ...     return 2 * x
    >>> graphnn.saving.get_registered_name(double)
    'docs>double'
    """

    def decorate(x: Any) -> Any:
        if isinstance(x, type) and not hasattr(x, "get_config"):
            raise ValueError(f"Cannot register a class that does not have a get_config() method: {x.__name__}")
        full = f"{package}>{name or x.__name__}"
        if not isinstance(x, type) and not callable(x):
            raise ValueError(f"only classes and functions can be registered. Received: {x!r}")
        _registered[full] = x
        _names[x] = full
        return x

    return decorate


@contextmanager
def custom_object_scope(custom_objects: dict[str, Any]) -> Generator[None]:
    """Inside, configurations may speak of these classes and functions by name.

    Args:
        custom_objects: {name: class or function}.

    >>> import graphnn
    >>> class Mine(graphnn.layers.Layer):
    ...     pass
    >>> with graphnn.saving.custom_object_scope({"Mine": Mine}):
    ...     layer = graphnn.layers.deserialize({"class_name": "Mine", "config": {"name": "m"}})
    >>> layer.name
    'm'
    """
    _scopes.stack.append(custom_objects)
    try:
        yield
    finally:
        _scopes.stack.pop()


class CustomObjectScope:
    """`custom_object_scope` as a class.

    Args:
        custom_objects: {name: class or function}.
    """

    def __init__(self, custom_objects: dict[str, Any] | None):
        self.custom_objects = custom_objects or {}

    def __enter__(self) -> CustomObjectScope:
        _scopes.stack.append(self.custom_objects)
        return self

    def __exit__(self, *_: object) -> None:
        _scopes.stack.pop()


def get_custom_objects() -> dict[str, Any]:
    """The dictionary of registered classes and functions; changes to it take effect."""
    return _registered


def get_registered_name(obj: Any) -> str:
    """package>name of a registered class or function, else its plain name."""
    return _names.get(obj) or obj.__name__


def get_registered_object(
    name: str, custom_objects: dict[str, Any] | None = None, module_objects: dict[str, Any] | None = None
) -> Any:
    """The class or function of a name, or None."""
    for scope in (*reversed(_scopes.stack), custom_objects or {}, _registered, module_objects or {}):
        if name in scope:
            return scope[name]
    return None


def custom(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """What the user calls `name`: as it stands, or registered in a package under that name; else None."""
    if not isinstance(name, str):
        return None
    found = get_registered_object(name, custom_objects)
    if found is None and ">" not in name:
        found = _registered.get(f"Custom>{name}")
    return found


def _namespace(path: str) -> dict[str, Any]:
    # The path is one of the fixed names above, never text from a file.
    return vars(importlib.import_module(f"{__name__.split('.')[0]}.{path}"))


def built_in_class(name: Any, module: Any) -> Any:
    """The public class of this package with a plain name, first in the namespace that `module` hints at; else None."""
    if not isinstance(name, str) or name.startswith("_"):
        return None
    parts = str(module or "").split(".")
    likely: list[str] = [path for path in _CLASSES if path.split(".")[-1] in parts]
    for path in reversed(likely) if likely else _CLASSES:
        found = _namespace(path).get(name)
        if isinstance(found, type) and hasattr(found, "from_config"):
            return found
    return None


def built_in_function(name: Any) -> Any:
    """The public function of this package with a plain name; else None."""
    if not isinstance(name, str) or name.startswith("_"):
        return None
    for path in _FUNCTIONS:
        found = _namespace(path).get(name)
        if isinstance(found, FunctionType) and found.__module__.startswith(__name__.split(".")[0]) and name not in _NOT_MATHS:
            return found
    return None


_NOT_MATHS = frozenset(("get", "serialize", "deserialize"))


def public_module(x: Any) -> str | None:
    """The module that Keras's configurations name for a class of this package, None for other classes."""
    root, *rest = x.__module__.split(".")
    if root != __name__.split(".")[0] or not rest:
        return None
    if x.__name__ == "Functional":
        return "keras.src.models.functional"
    if rest[0] in ("models", "dtype_policies"):
        return "keras"
    return "keras.optimizers.schedules" if rest[:2] == ["optimizers", "schedules"] else f"keras.{rest[0]}"
