"""What `get` and `deserialize` of losses, metrics, optimizers, ... have in common: objects by name, configuration, class or themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from .saving.registry import custom
from .saving.serialization import deserialize_keras_object


def from_config(config: Any, table: Mapping[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The object that a configuration dictionary, or a name in the table, describes.

    A class of the table is made from its configuration; classes that the user registered, or passes, come first.

    Raises:
        TypeError: nothing goes by this name.
    """
    if isinstance(config, str):
        found = custom(config, custom_objects) or table.get(config)
        if found is None:
            raise TypeError(f"Could not locate {config!r}; known: {', '.join(sorted(table))}")
        return found() if inspect.isclass(found) else found
    described: dict[str, Any] = config if isinstance(config, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(described.get("config"), dict):
        name = described.get("class_name")
        own = custom(described.get("registered_name") or name, custom_objects)
        cls: Any = table.get(str(name))
        if own is None and inspect.isclass(cls) and described.get("module", "") is not None:
            return cls.from_config(dict(described["config"]))  # pyright: ignore
    return deserialize_keras_object(config, custom_objects=custom_objects)


def get(identifier: Any, table: Mapping[str, Any], deserialize: Callable[[Any], Any], what: str) -> Any:
    """What `identifier` means: None, a name, a configuration, a class (made without arguments), or itself where it can be called.

    Raises:
        ValueError: it is none of these.
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, str):
        found = custom(identifier) or table.get(identifier)
    elif isinstance(identifier, dict):
        try:
            found = deserialize(identifier)
        except TypeError as e:
            raise ValueError(f"Could not interpret {what} identifier: {identifier!r}") from e
    if found is identifier and isinstance(identifier, str | dict) or not callable(found):
        raise ValueError(f"Could not interpret {what} identifier: {identifier!r}")
    return found() if inspect.isclass(found) else found
