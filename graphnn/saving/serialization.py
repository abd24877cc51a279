"""Objects as configurations and back.

A configuration names a class by its plain name. It is looked up in a dictionary of public classes and of what the user registered or
passed; nothing is imported, no attribute is followed, no code is stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any, cast

import numpy as np
from graphnn_compiler.ops.base import DTYPES

from ..tree import is_dict, is_list
from .registry import (
    CustomObjectScope,
    built_in_class,
    built_in_function,
    custom,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    public_module,
    register_keras_serializable,
)

__all__ = [
    "CustomObjectScope", "custom_object_scope", "deserialize_keras_object", "deserialized_arguments", "get_custom_objects",
    "get_registered_name", "get_registered_object", "is_serialized", "parse_json", "register_keras_serializable",
    "serialize_keras_object",
]  # fmt: skip

MAX_DEPTH = 64


def serialize_keras_object(obj: Any) -> Any:
    """A configuration of plain Python values.

    Args:
        obj: a number, string, array, list, dictionary, function with a name, or anything with `get_config`.

    Raises:
        TypeError: for anything else.
        ValueError: for a lambda.

    >>> import graphnn
    >>> graphnn.saving.serialize_keras_object(graphnn.initializers.Zeros())["class_name"]
    'Zeros'
    """
    if obj is None or isinstance(obj, bool | int | float | str):
        return obj
    if is_list(obj):
        return type(obj)(serialize_keras_object(x) for x in obj)
    if is_dict(obj):
        return {k: serialize_keras_object(v) for k, v in obj.items()}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("latin-1")}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, slice):
        ends = cast(Any, obj)
        return {"class_name": "__slice__", "config": {"start": ends.start, "stop": ends.stop, "step": ends.step}}
    if isinstance(obj, np.generic):
        return cast(Any, obj).item()
    if isinstance(obj, np.ndarray):
        array = cast(Any, obj)
        return {"class_name": "__numpy__", "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, FunctionType | BuiltinFunctionType):
        if obj.__name__ == "<lambda>":
            raise ValueError(
                "a lambda cannot be stored: give it a name with def and register it with register_keras_serializable"
            )
        return {"module": "builtins", "class_name": "function", "config": get_registered_name(obj), "registered_name": "function"}
    if isinstance(obj, type):
        return {"module": "builtins", "class_name": "type", "config": obj.__name__, "registered_name": "type"}
    if hasattr(obj, "get_config"):
        return _of_class(obj)
    raise TypeError(
        f"Cannot serialize object {obj} of type {type(obj)}. To be serializable, a class must implement the `get_config()` method."
    )


def _of_class(obj: Any) -> dict[str, Any]:
    cls = cast(Any, type(obj))
    module = public_module(cls)
    registered = get_registered_name(cls)
    data: dict[str, Any] = {
        "module": module,
        "class_name": cls.__name__,
        "config": _plain_config(obj.get_config()),
        "registered_name": registered if module is None or cls.__name__ == "Functional" else None,
    }
    for key, method in (("build_config", "get_build_config"), ("compile_config", "get_compile_config")):
        if hasattr(obj, method):
            found = getattr(obj, method)()
            if found is not None:
                data[key] = serialize_keras_object(found)
    return data


def _plain_config(config: dict[str, Any]) -> dict[str, Any]:
    return {k: serialize_keras_object(v) for k, v in config.items()}


def is_serialized(x: Any) -> bool:
    """True for the configuration of an object (not for a plain dictionary)."""
    return isinstance(x, dict) and "class_name" in x and "config" in x


def deserialize_keras_object(config: Any, custom_objects: dict[str, Any] | None = None, **kwargs: Any) -> Any:
    """The object of a configuration.

    Args:
        config: what `serialize_keras_object` gave, also after a way through JSON.
        custom_objects: {name: class or function}.

    Raises:
        TypeError: for names that are neither public in this package nor registered.

    >>> import graphnn
    >>> graphnn.saving.deserialize_keras_object({"class_name": "Dense", "config": {"units": 3}}).units
    3
    """
    return _made(config, custom_objects, None)


def deserialized_arguments(config: Any, place: Callable[[dict[str, Any]], Any]) -> Any:
    """Arguments of a call; `place` makes what stands for a symbolic tensor."""
    return _made(config, None, place)


def _made(x: Any, names: dict[str, Any] | None, place: Any) -> Any:
    if isinstance(x, str):
        found = custom(x, names) if ">" in x or names else None
        return x if found is None else found
    if is_list(x):
        items = [_made(e, names, place) for e in x]
        return items if isinstance(x, list) else tuple(items)
    if not is_dict(x):
        return x
    kind = x.get("class_name")
    if kind == "__keras_tensor__" and place is not None:
        return place(x)
    if kind == "__tuple__":
        return tuple(_made(e, names, place) for e in x.get("items", ()))
    if isinstance(kind, str) and kind in _SPECIAL:
        return _SPECIAL[kind](x.get("config") or {})
    if "class_name" not in x or "config" not in x:
        return {k: _made(v, names, place) for k, v in x.items()}
    return _function(x, names) if kind == "function" else _object(x, names)


def _numpy(config: dict[str, Any]) -> Any:
    dtype = config.get("dtype", "float32")
    if dtype not in DTYPES:
        raise ValueError(f"an array of dtype {dtype!r} cannot be read from a configuration")
    return np.array(config["value"], dtype)


def _refused(config: dict[str, Any]) -> Any:
    raise ValueError(
        "a configuration with the code of a lambda is refused: code is never loaded; pass the function in `custom_objects`"
    )


def _type(config: Any) -> Any:
    if config not in DTYPES:
        raise TypeError(f"Could not locate type {config!r}")
    return np.dtype(config).type


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "__numpy__": _numpy,
    "__tensor__": _numpy,
    "__bytes__": lambda c: str(c["value"]).encode("latin-1"),
    "__ellipsis__": lambda _: Ellipsis,
    "__slice__": lambda c: slice(c["start"], c["stop"], c["step"]),
    "__lambda__": _refused,
    "type": _type,
}


def is_class(x: Any) -> bool:
    """True for classes (without telling the type checker)."""
    return isinstance(x, type)


def _missing(what: str, name: Any, config: Any) -> TypeError:
    shown = repr(config)
    return TypeError(
        f"Could not locate {what} {name!r}. Make sure custom classes and functions are decorated with "
        "`@graphnn.saving.register_keras_serializable()`, or pass them in `custom_objects`. "
        f"Full object config: {shown if len(shown) < 2000 else shown[:2000] + ' ...'}"
    )


def _function(x: dict[str, Any], names: dict[str, Any] | None) -> Any:
    name = x["config"]
    if is_dict(name):
        name = name.get("function_name") or name.get("name")
    found = custom(name, names) or built_in_function(name)
    if found is None:
        raise _missing("function", name, x)
    return found


def _object(x: dict[str, Any], names: dict[str, Any] | None) -> Any:
    name, registered = x["class_name"], x.get("registered_name")
    cls: Any = None
    for key in (registered, name):
        if cls is None and key:
            cls = custom(key, names)
    module = x.get("module")
    if cls is None and (module is not None or "module" not in x) and (registered in (None, name) or ">" not in str(registered)):
        cls = built_in_class(name, module)
    if cls is None:
        raise _missing("class", name, x)
    if not is_class(cls):
        return cls  # a function that goes by the name of a class
    config = x["config"]
    if not is_dict(config):
        raise TypeError(f"the config of {name!r} must be a dictionary. Received: config={config!r}")
    with custom_object_scope(names or {}):
        made = cls.from_config(dict(config)) if hasattr(cls, "from_config") else cls(**config)
    if x.get("build_config") and hasattr(made, "build_from_config"):
        made.build_from_config(x["build_config"])
    if x.get("compile_config") and hasattr(made, "compile_from_config"):
        made.compile_from_config(x["compile_config"])
    return made


def parse_json(text: str | bytes) -> Any:
    """JSON that is not nested too deeply and has no repeated keys, NaN or infinite numbers.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    depth = deepest = 0
    inside = skip = False
    for c in text:
        if skip:
            skip = False
        elif inside:
            inside, skip = c != '"', c == "\\"
        elif c == '"':
            inside = True
        elif c in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                raise ValueError(f"the JSON is nested more than {MAX_DEPTH} deep")
        elif c in "]}":
            depth -= 1
    return json.loads(text, object_pairs_hook=_distinct, parse_constant=_finite)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        seen: set[str] = set()
        twice = next(k for k, _ in pairs if k in seen or seen.add(k))
        raise ValueError(f"the JSON has the key {twice!r} twice in one object")
    return out


def _finite(name: str) -> Any:
    raise ValueError(f"the JSON holds {name}, which is no number of JSON")
