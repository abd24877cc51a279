"""What the signature of a layer's `call` says."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


class CallInfo:
    """Names and defaults of the parameters of `call` (without self)."""

    def __init__(self, function: Callable[..., Any]):
        signature = inspect.signature(function)
        self.parameters = list(signature.parameters.values())[1:]
        self.signature = signature.replace(parameters=self.parameters)
        self.names = [p.name for p in self.parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        self.positional = [p.name for p in self.parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.defaults: dict[str, Any] = {p.name: p.default for p in self.parameters if p.default is not p.empty}
        self.any_keyword = any(p.kind is p.VAR_KEYWORD for p in self.parameters)

    def bind(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The given arguments by name, in the order of the signature; TypeError where they do not fit.

        `training` is always taken: sublayers see it even where `call` itself does not ask for it.
        """
        aside: dict[str, Any] = {}
        if "training" in kwargs and "training" not in self.names and not self.any_keyword:
            aside["training"] = kwargs["training"]
            kwargs = {k: v for k, v in kwargs.items() if k != "training"}
        try:
            return dict(self.signature.bind(*args, **kwargs).arguments) | aside
        except TypeError as e:
            raise TypeError(f"{type(layer).__name__}.call() of layer {layer.name!r}: {e}") from None

    def arguments(self, bound: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """What `call` is called with: by place up to the first argument that is not given, then by name."""
        places: list[Any] = []
        names: dict[str, Any] = {}
        by_place = True
        for p in self.parameters:
            if p.kind is p.VAR_KEYWORD:
                names.update(bound.get(p.name, {}))
            elif p.kind is p.VAR_POSITIONAL:
                places += bound.get(p.name, ())
            elif p.name not in bound or p.kind is p.KEYWORD_ONLY:
                by_place = False
                if p.name in bound:
                    names[p.name] = bound[p.name]
            elif by_place:
                places.append(bound[p.name])
            else:
                names[p.name] = bound[p.name]
        return places, names
