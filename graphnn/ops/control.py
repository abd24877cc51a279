"""Control flow: loops and choices that run inside the compiled program.

Functions that are handed over are called once or a few times, on symbolic values; they may use variables and tensors around them and
assign variables. Structures are nested lists, tuples and dictionaries of tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from graphnn_compiler import build, control
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.elementwise import cast as converted
from graphnn_compiler.trace import Tracer, active, tracing

from .. import tree
from ..dispatch import find, op, value
from ..tensor import KerasTensor
from ._common import ramp
from .joining import concatenate, stack

Structure = Any


def flat(structure: Structure) -> list[Value]:
    """The leaves of a structure as values, None left out."""
    return [value(x) for x in tree.flatten(structure) if x is not None]


def packed(structure: Structure, values: Sequence[Value]) -> Structure:
    """The structure with other leaves."""
    rest = iter(values)

    def leaf(x: Any) -> Any:
        return None if x is None else next(rest)

    return tree.map_structure(leaf, structure)


def _callable(what: str, **functions: Any) -> None:
    for name, f in functions.items():
        if not callable(f):
            raise TypeError(f"`{name}` of `{what}` must be a function. Received: {name}={f!r}")


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


def _same_structure(what: str, given: Structure, made: Structure) -> None:
    try:
        tree.assert_same_structure(given, made, check_types=False)
    except ValueError:
        raise ValueError(f"a step of `{what}` must give the structure that it carries. Received: {made!r} for {given!r}") from None


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
    _callable("scan", f=f)
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
        _same_structure("scan", init, carry)
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
    _callable("map", f=f)
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
    _callable("vectorized_map", function=function)
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
    _callable("while_loop", cond=cond, body=body)
    several = tree.is_list(loop_vars)
    first: tuple[Any, ...] = tuple(loop_vars) if several else (loop_vars,)

    def step(values: list[Value]) -> list[Value]:
        new = body(*packed(first, values))
        new = new if tree.is_list(new) else (new,)
        _same_structure("while_loop", first, tuple(new))
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
    _callable("fori_loop", body_fun=body_fun)

    def step(i: Value, values: list[Value]) -> list[Value]:
        new = body_fun(i, packed(init_val, values))
        _same_structure("fori_loop", init_val, new)
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


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """The result of `true_fn` where `pred` holds, else that of `false_fn`; only that function is run.

    Args:
        pred: one bool: a tensor without axes, or a Python bool.
        true_fn, false_fn: functions without arguments, with results of equal structure, shapes and dtypes.

    Raises:
        TypeError: a function is none.
        ValueError: `pred` has axes, or results differ.

    >>> import numpy as np
    >>> x = np.array([1.0, -2.0], "float32")
    >>> cond(x[0] > 0, lambda: x * 2, lambda: x).tolist()
    [2.0, -4.0]
    """
    _callable("cond", true_fn=true_fn, false_fn=false_fn)
    if not find(pred, (KerasTensor, Value)) and not (active() is not None and hasattr(pred, "assign")):
        chosen = np.asarray(pred)
        if chosen.shape != ():
            raise ValueError(f"`pred` of `cond` must have no axes. Received: pred.shape={chosen.shape}")
        return (true_fn if chosen else false_fn)()
    return _cond(pred, true_fn, false_fn)


@op(static=("true_fn", "false_fn"), name="Cond")
def _cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    chosen = value(pred)
    if chosen.shape != ():
        raise ValueError(f"`pred` of `cond` must have no axes. Received: pred.shape={show(chosen.shape)}")
    return _choose(converted(chosen, "bool"), [false_fn, true_fn], ())


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Structure) -> Any:
    """The result of `branches[index](*operands)`; only that branch is run. An index beyond them counts as the nearest.

    Args:
        index: an integer: a tensor without axes, or a Python number.
        branches: functions with results of equal structure, shapes and dtypes.
        operands: structures of tensors.

    Raises:
        TypeError: a branch is no function.
        ValueError: there is no branch, `index` has axes, or results differ.

    >>> float(switch(1, [lambda x: x, lambda x: x * 10], 2.0))
    20.0
    """
    branches = list(branches)
    if not branches:
        raise ValueError("`switch` needs at least one branch.")
    _callable("switch", **{f"branches[{i}]": b for i, b in enumerate(branches)})
    if not find((index, operands), (KerasTensor, Value)) and active() is None:
        chosen = np.asarray(index)
        if chosen.shape != ():
            raise ValueError(f"`index` of `switch` must have no axes. Received: index.shape={chosen.shape}")
        return branches[min(max(int(chosen), 0), len(branches) - 1)](*operands)
    return _switch(index, branches, *operands)


@op(static=("branches",), name="Switch")
def _switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Structure) -> Any:
    chosen = value(index)
    if chosen.shape != ():
        raise ValueError(f"`index` of `switch` must have no axes. Received: index.shape={show(chosen.shape)}")
    return _choose(chosen, branches, operands)


def _choose(index: Value, branches: Sequence[Callable[..., Any]], operands: tuple[Structure, ...]) -> Any:
    made: dict[int, Structure] = {}

    def traced(i: int) -> Callable[[list[Value]], list[Value]]:
        def run(values: list[Value]) -> list[Value]:
            made[i] = branches[i](*packed(operands, values))
            _same_structure("cond` or `switch", made[min(made)], made[i])
            return flat(made[i])

        return run

    found = control.switch(index, [traced(i) for i in range(len(branches))], flat(operands))
    return packed(made[0], found)


@op(static=("f", "reverse", "axis"))
def associative_scan(f: Callable[..., Any], elems: Structure, reverse: bool = False, axis: int = 0) -> Any:
    """x[0], f(x[0], x[1]), f(f(x[0], x[1]), x[2]), ... for an associative f, in about 2 log2(n) calls of f on long tensors.

    Args:
        f: takes two structures like `elems`, of any extent along `axis`, and combines their elements.
        elems: tensors of the same extent along `axis`.
        reverse: from the last element to the first.
        axis: along which the elements are.

    Raises:
        ValueError: extents differ.

    Source: G. Blelloch, Prefix sums and their applications, 1990.

    >>> associative_scan(lambda a, b: a + b, [1.0, 2.0, 3.0, 4.0]).tolist()
    [1.0, 3.0, 6.0, 10.0]
    """
    _callable("associative_scan", f=f)
    leaves = flat(elems)
    places = [build.normal_axis(axis, v.ndim) for v in leaves]
    counts = {v.shape[a] for v, a in zip(leaves, places, strict=True)}
    if len(counts) != 1:
        given = ", ".join(str(c) for c in counts)
        raise ValueError(f"`associative_scan`: tensors must have one extent along axis {axis}. Received: {given}")
    n = int(counts.pop())

    def cut(values: list[Value], part: slice) -> list[Value]:
        return [v[(slice(None),) * a + (part,)] for v, a in zip(values, places, strict=True)]

    def combined(a: list[Value], b: list[Value]) -> list[Value]:
        return flat(f(packed(elems, a), packed(elems, b)))

    def sums(values: list[Value], count: int) -> list[Value]:
        if count < 2:
            return values
        pairs = count // 2
        odd = sums(combined(cut(values, slice(0, 2 * pairs, 2)), cut(values, slice(1, 2 * pairs, 2))), pairs)
        rest = (count - 1) // 2  # elements 2, 4, ...
        even = cut(values, slice(0, 1))
        if rest:
            more = combined(cut(odd, slice(0, rest)), cut(values, slice(2, 2 * rest + 1, 2)))
            even = [value(concatenate([a, b], axis=at)) for a, b, at in zip(even, more, places, strict=True)]
        return [_interleaved(a, b, at, pairs, count) for a, b, at in zip(even, odd, places, strict=True)]

    if reverse:
        leaves = cut(leaves, slice(None, None, -1))
    found = sums(leaves, n)
    return packed(elems, cut(found, slice(None, None, -1)) if reverse else found)


def _interleaved(even: Value, odd: Value, axis: int, pairs: int, count: int) -> Value:
    before: tuple[slice, ...] = (slice(None),) * axis
    both = value(stack([even[(*before, slice(0, pairs))], odd], axis=axis + 1))
    shape = both.shape
    y = build.reshape(both, (*shape[:axis], 2 * pairs, *shape[axis + 2 :]))
    return value(concatenate([y, even[(*before, slice(pairs, None))]], axis=axis)) if count % 2 else y
