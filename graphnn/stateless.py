"""Code that assigns variables, run on other values of them: the variables themselves stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphnn_compiler.ir import Value
from graphnn_compiler.trace import active

from . import dispatch
from .variable import Variable


def call(variables: Sequence[Variable], values: Sequence[Any], f: Callable[[], Any]) -> tuple[Any, list[Any]]:
    """The result of f and the new values of the variables, when they start from `values`.

    >>> from graphnn import Variable
    >>> v = Variable([1.0])
    >>> _, new = call([v], [[5.0]], lambda: v.assign_add([2.0]))
    >>> new[0].tolist(), v.numpy().tolist()
    ([7.0], [1.0])
    """
    tracer = active()
    if tracer is not None:
        before = [v.value for v in variables]
        for v, x in zip(variables, values, strict=True):
            tracer.assign(v, dispatch.value(x, v.dtype))
        result = f()
        after = [v.value for v in variables]
        for v, x in zip(variables, before, strict=True):
            tracer.assign(v, x)
        return result, after
    saved = [v.numpy() for v in variables]
    try:
        for v, x in zip(variables, values, strict=True):
            v.assign(x)
        result = f()
        return result, [v.value for v in variables]
    finally:
        for v, x in zip(variables, saved, strict=True):
            v.write(x)


def choose(condition: Value, f: Callable[[], Any]) -> None:
    """Runs f inside a trace; what it assigns takes effect only where the (scalar) condition holds."""
    from graphnn_compiler.ops.elementwise import Where
    from graphnn_compiler.trace import emit

    tracer = active()
    if tracer is None:
        raise RuntimeError("choose() works inside a trace only")
    before = dict(tracer.current)
    f()
    for key, new in tracer.current.items():
        old = before.get(key, tracer.graph.states[key])
        if new is not old:
            tracer.current[key] = emit(Where(), condition, new, old)
