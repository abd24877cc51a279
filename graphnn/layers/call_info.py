"""What the signature of a layer's `call` says."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


class CallInfo:
    """Names and defaults of the parameters of `call` (without self)."""

    def __init__(self, function: Callable[..., Any]):
        self.signature = inspect.signature(function)
        parameters = list(self.signature.parameters.values())[1:]
        self.signature = self.signature.replace(parameters=parameters)
        self.names = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        self.positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.any_keyword = any(p.kind is p.VAR_KEYWORD for p in parameters)
        self.has_training = "training" in self.names or self.any_keyword
        self.has_mask = "mask" in self.names or self.any_keyword

    def bind(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The given arguments by name, in the order of the signature; TypeError where they do not fit."""
        try:
            return dict(self.signature.bind(*args, **kwargs).arguments)
        except TypeError as e:
            raise TypeError(f"{type(layer).__name__}.call() of layer {layer.name!r}: {e}") from None
