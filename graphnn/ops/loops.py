"""Loops that run inside the compiled program.

Functions that are handed over are called once or a few times, on symbolic values; they may use variables and tensors around them and
assign variables. Structures are nested lists, tuples and dictionaries of tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from graphnn_compiler import control
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.elementwise import cast as converted
from graphnn_compiler.trace import Tracer, tracing

from .. import tree
from ..dispatch import op, value
from ._common import ramp
from ._structures import Structure, check_functions, flat, packed, same_structure


def _settled(init: Structure, step: Callable[[list[Value]], Sequence[Value]]) -> list[Value]:
    """First carried values; Python numbers among them take the dtype that one step gives them."""
    kinds: list[Any] = [type(x) for x in tree.flatten(init) if x is not None]
    values = flat(init)
    if any(kind in (bool, int, float) for kind in kinds):
        with tracing(Tracer()):
            after = step(values)
        for i, (kind, v) in enumerate(zip(kinds, after, strict=False)):
            if kind in (bool, int, float) and v.shape == () and np.can_cast(kind, v.dtype, "same_kind"):
                values[i] = converted(values[i], v.dtype)
    return values


@op(static=("f", "length", "reverse", "unroll", "recompute"))
def scan(
    f: Callable[..., Any],
    init: Structure,
    xs: Structure = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    recompute: int = 0,
) -> Any:
    """Steps one after another: (carry, y[t]) = f(carry, x[t]); gives the last carry and the stacks of y.

    What does not depend on the carry is computed for all steps at once. Gradients flow through.

    Args:
        f: the step; its first result has the structure, shapes and dtypes of `init`.
        init: the first carry.
        xs: stacks (steps, ...), or None.
        length: the number of steps; needed where `xs` is None.
        reverse: from the last step to the first; stacks keep their order.
        unroll: accepted for compatibility.
        recompute: steps in a piece of which gradients keep nothing but the carry into it, and compute the rest again: less memory
            for long sequences (T. Chen et al., Training deep nets with sublinear memory cost, 2016). 0: they keep what they need.

    Returns:
        The last carry, and y stacked along a new first axis.

    Raises:
        ValueError: no length is known, lengths differ, or a step changes the carry's structure, shape or dtype.

    >>> import numpy as np
    >>> total, sums = scan(lambda c, x: (c + x, c + x), 0.0, np.array([1.0, 2.0, 3.0], "float32"))
    >>> float(total), sums.tolist()
    (6.0, [1.0, 3.0, 6.0])
    """
    check_functions("scan", f=f)
    if not isinstance(unroll, bool) and unroll < 1:
        raise ValueError(f"`unroll` of `scan` must be a positive integer or a bool. Received: unroll={unroll!r}")
    if isinstance(recompute, bool) or not isinstance(recompute, int) or recompute < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"`recompute` of `scan` must be a number of steps. Received: recompute={recompute!r}")
    stacks = flat(xs)
    if not stacks and length is None:
        raise ValueError("`scan` needs `xs` with at least one tensor, or `length`.")
    made: list[Structure] = []

    def step(carried: list[Value], parts: list[Value]) -> tuple[list[Value], list[Value]]:
        result = f(packed(init, carried), None if xs is None else packed(xs, parts))
        if not tree.is_list(result) or len(result) != 2:
            raise ValueError(f"a step of `scan` must give a pair (carry, y). Received: {result!r}")
        carry, y = result
        same_structure("scan", init, carry)
        made.append(y)
        return flat(carry), flat(y)

    def trial(carried: list[Value]) -> list[Value]:
        return step(carried, [v[0] for v in stacks])[0]

    last, ys = control.scan(step, _settled(init, trial), stacks, length, reverse, recompute)
    return packed(init, last), packed(made[-1], ys)


@op(static=("f",))
def map(f: Callable[..., Any], xs: Structure) -> Any:
    """f(x[t]) for each element x[t] of stacks along their first axis, stacked.

    Args:
        f: from the structure of `xs` to any structure of tensors.
        xs: a tensor (n, ...) or a structure of such.

    Raises:
        ValueError: there is no tensor, one is a scalar, or extents differ.

    >>> map(lambda x: x * x, [1.0, 2.0, 3.0]).tolist()
    [1.0, 4.0, 9.0]
    """
    check_functions("map", f=f)
    made: list[Structure] = []

    def step(_: list[Value], parts: list[Value]) -> tuple[list[Value], list[Value]]:
        made.append(f(packed(xs, parts)))
        return [], flat(made[-1])

    ys = control.scan(step, [], _stacks("map", xs))[1]
    return packed(made[-1], ys)


def _stacks(what: str, xs: Structure) -> list[Value]:
    stacks = flat(xs)
    if not stacks:
        raise ValueError(f"`{what}` needs at least one tensor. Received: {xs!r}")
    for v in stacks:
        if not v.shape or v.shape[0] != stacks[0].shape[0]:
            shapes = ", ".join(show(v.shape) for v in stacks)
            raise ValueError(f"tensors of `{what}` must share their first extent. Received: shapes {shapes}")
    return stacks


@op(static=("function",), tensors=("elements",))
def vectorized_map(function: Callable[..., Any], elements: Structure) -> Any:
    """f(x[t]) for each element of stacks, as `map`; computed on whole stacks where all ops of `function` allow it.

    Args:
        function: from the structure of `elements` to any structure of tensors.
        elements: a tensor (n, ...) or a structure of such.

    Raises:
        ValueError: there is no tensor, one is a scalar, or extents differ.

    >>> import numpy as np
    >>> vectorized_map(lambda x: x[0] + x[1], (np.ones((2, 3)), np.ones((2, 3)))).shape
    (2, 3)
    """
    check_functions("vectorized_map", function=function)
    made: list[Structure] = []

    def each(parts: list[Value]) -> list[Value]:
        made.append(function(packed(elements, parts)))
        return flat(made[-1])

    ys = control.vectorized(each, _stacks("vectorized_map", elements))
    return packed(made[-1], ys)


@op(static=("cond", "body", "maximum_iterations"))
def while_loop(cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Structure, maximum_iterations: int | None = None) -> Any:
    """`loop_vars = body(*loop_vars)` while `cond(*loop_vars)`; without a gradient (`scan`, and `fori_loop` with numbers, have one).

    Args:
        cond: gives one bool.
        body: gives new loop variables of the same shapes and dtypes.
        loop_vars: a tuple or list of structures of tensors, or one.
        maximum_iterations: the most steps, or None.

    Returns:
        The last loop variables, as a tuple where several were given.

    Raises:
        ValueError: a step changes structure, shape or dtype, or `cond` does not give one bool.

    >>> int(while_loop(lambda x: x < 100, lambda x: x * 2, 3))
    192
    """
    check_functions("while_loop", cond=cond, body=body)
    several = tree.is_list(loop_vars)
    first: tuple[Any, ...] = tuple(loop_vars) if several else (loop_vars,)

    def step(values: list[Value]) -> list[Value]:
        new = body(*packed(first, values))
        new = new if tree.is_list(new) else (new,)
        same_structure("while_loop", first, tuple(new))
        return flat(new)

    def test(values: list[Value]) -> Value:
        holds = value(cond(*packed(first, values)))
        if holds.shape != () or holds.dtype != "bool":
            raise ValueError(f"`cond` of `while_loop` must give one bool. Received: {holds.dtype} of shape {show(holds.shape)}")
        return holds

    init = _settled(first, step)
    if maximum_iterations is None:
        last = control.while_loop(test, step, init)
    else:
        most = value(int(maximum_iterations))
        _, *last = control.while_loop(
            lambda v: (v[0] < most) & test(v[1:]), lambda v: [v[0] + 1, *step(v[1:])], [value(0), *init]
        )
    result = packed(first, last)
    return result if several else result[0]


@op(static=("body_fun",))
def fori_loop(lower: Any, upper: Any, body_fun: Callable[..., Any], init_val: Structure) -> Any:
    """val = body_fun(i, val) for i = lower, ..., upper - 1. With bounds that are numbers gradients flow through.

    Args:
        lower, upper: integers; tensors without axes, or numbers.
        body_fun: from (i, val) to the next val.
        init_val: a structure of tensors.

    Raises:
        ValueError: a step changes structure, shape or dtype.

    >>> int(fori_loop(0, 5, lambda i, v: v + i, 10))
    20
    """
    check_functions("fori_loop", body_fun=body_fun)

    def step(i: Value, values: list[Value]) -> list[Value]:
        new = body_fun(i, packed(init_val, values))
        same_structure("fori_loop", init_val, new)
        return flat(new)

    low, high = (int(cast(int, x)) if isinstance(x, int | np.integer) else value(x) for x in (lower, upper))
    init = _settled(init_val, lambda values: step(value(0), values))
    if isinstance(low, int) and isinstance(high, int):
        places = ramp(max(high - low, 0), "int32") + low
        last, _ = control.scan(lambda values, at: (step(at[0], values), []), init, [places])
    else:
        first = value(low)
        _, *last = control.while_loop(lambda v: v[0] < value(high), lambda v: [v[0] + 1, *step(v[0], v[1:])], [first, *init])
    return packed(init_val, last)
