"""What surrounds a call: the `training` flag of the calls around it, and what a trace collects beside its outputs (losses, masks)."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from graphnn_compiler import trace
from graphnn_compiler.ir import Value
from graphnn_compiler.trace import Tracer, active


class Collected:
    """What calls inside one trace leave behind: losses of layers (with their layer), the mask of a value, and layers that have to learn
    (by `adapt`) before what is traced can run."""

    def __init__(self) -> None:
        self.losses: list[tuple[Any, Value]] = []
        self.masks: dict[Value, Any] = {}
        self.unready: list[Any] = []


_collected: WeakKeyDictionary[Tracer, Collected] = WeakKeyDictionary()


def collected(tracer: Tracer | None = None) -> Collected:
    """The collection that belongs to a trace (the active one by default)."""
    tracer = tracer or active()
    if tracer is None:
        raise RuntimeError("losses and masks are collected while nothing is traced")
    found = _collected.get(tracer)
    if found is None:
        found = _collected[tracer] = Collected()
    return found


class _Calls(threading.local):
    def __init__(self) -> None:
        self.training: list[Any] = []
        self.scopes: list[str] = []
        self.depth = 0
        self.unmasked: Any = None


_calls = _Calls()


def current_training() -> bool | None:
    """The `training` flag of the innermost call that set one."""
    return _calls.training[-1] if _calls.training else None


@contextmanager
def calling(training: Any) -> Generator[bool]:
    """Calls inside see `training`; gives True for the outermost call."""
    _calls.training.append(training)
    try:
        yield len(_calls.training) == 1
    finally:
        _calls.training.pop()


@contextmanager
def name_scope(name: str) -> Generator[None]:
    """Weights and layers made inside have `name/` in front of their path."""
    _calls.scopes.append(name)
    try:
        yield
    finally:
        _calls.scopes.pop()


def current_path() -> str:
    """The names of the scopes around, joined by slashes."""
    return "/".join(_calls.scopes)


@contextmanager
def suspended() -> Generator[None]:
    """Code inside runs at once on arrays, even in the middle of a trace: first values of weights are made so."""
    stack: list[Any] = trace._stack.tracers  # pyright: ignore[reportPrivateUsage]
    stack.append(None)
    try:
        yield
    finally:
        stack.pop()


@contextmanager
def mask_ends_in(layer: Any) -> Generator[None]:
    """A layer called inside may end a mask without a warning: its caller lets it travel on."""
    before, _calls.unmasked = _calls.unmasked, layer
    try:
        yield
    finally:
        _calls.unmasked = before


def mask_may_end_in(layer: Any) -> bool:
    """Whether `mask_ends_in` names the layer."""
    return _calls.unmasked is layer


def get_mask(x: Any) -> Any:
    """The mask that travels with a tensor, or None."""
    if isinstance(x, Value):
        return collected().masks.get(x) if active() is not None else None
    return getattr(x, "_keras_mask", None)


def set_mask(x: Any, mask: Any) -> None:
    """Lets a mask (True: this step counts) travel with a tensor."""
    if isinstance(x, Value):
        collected().masks[x] = mask
    elif hasattr(x, "__dict__"):
        x._keras_mask = mask
