"""Control flow in traced code: functions that are traced into bodies of `ops/control.py`.

They take and give lists of values; functions see values, and may read states and values around them and assign states.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from .body import Body, Captured, capture, state_spec
from .dims import Extent, show
from .hoist import Hoisted, on_stacks
from .ir import Value
from .ops.base import Spec
from .ops.control import Scan, Switch, While
from .ops.elementwise import cast
from .ops.movement import Concat, reshape
from .trace import Tracer, active, emit, emit_all

Values = Sequence[Value]
Step = Callable[[list[Value], list[Value]], tuple[Values, Values]]


def _specs(values: Values) -> list[Spec]:
    return [(v.shape, v.dtype) for v in values]


def _tracer() -> Tracer:
    tracer = active()
    if tracer is None:
        raise RuntimeError("control flow is recorded while nothing is traced")
    return tracer


def _present(keys: Sequence[Hashable]) -> list[Value]:
    """The present values of states."""
    tracer = _tracer()
    return [tracer.current[k] if k in tracer.current else tracer.read(k, *state_spec(k)) for k in keys]


def _assign(keys: Sequence[Hashable], values: Values) -> None:
    for k, v in zip(keys, values, strict=True):
        _tracer().assign(k, v)


def _same(given: Values, made: Sequence[Spec], what: str) -> None:
    if len(given) != len(made):
        raise ValueError(f"{what} carries {len(given)} values but its function gives {len(made)}")
    for i, (v, (shape, dtype)) in enumerate(zip(given, made, strict=True)):
        if (v.shape, v.dtype) != (shape, dtype):
            raise ValueError(
                f"{what}: carried value {i} is {v.dtype}{show(v.shape)} before a step and {dtype}{show(shape)} after it; "
                "both must be the same"
            )


def scan(
    f: Step, init: Values, xs: Values, length: Extent | None = None, reverse: bool = False, recompute: int = 0
) -> tuple[list[Value], list[Value]]:
    """Steps one after another: (carried, x[t]) -> (new carried, y[t]); gives what is carried at last, and the stacks of y.

    Args:
        f: the step, called once, on symbolic values.
        init: what is carried at first.
        xs: stacks, read along the first axis.
        length: the number of steps; needed where there are no `xs`.
        reverse: from the last step to the first; stacks keep their order.
        recompute: steps in a piece of which gradients keep nothing but what is carried into it; 0: they keep what they need.

    Raises:
        ValueError: stacks differ in length, or a step changes shape or dtype of what is carried.
    """
    init, xs = list(init), list(xs)
    for v in xs:
        if not v.shape:
            raise ValueError("scan: a value of steps must have an axis of steps, not be a scalar")
    lengths = ([] if length is None else [length]) + [v.shape[0] for v in xs]
    if not lengths:
        raise ValueError("scan: without values of steps, `length` must be given")
    count = lengths[0]
    if any(n != count for n in lengths):
        raise ValueError(f"scan: lengths must be equal. Received: {', '.join(map(str, lengths))}")
    if recompute:
        return _in_pieces(f, init, xs, count, reverse, recompute)
    return _scan(f, init, xs, count, reverse)


def _scan(
    f: Step, init: list[Value], xs: list[Value], count: Extent, reverse: bool, again: bool = False
) -> tuple[list[Value], list[Value]]:
    n_carried = 0

    def step(*values: Value) -> Values:
        nonlocal n_carried
        carried, ys = f(list(values[: len(init)]), list(values[len(init) :]))
        n_carried = len(carried)
        return [*carried, *ys]

    found = capture(step, [*_specs(init), *((v.shape[1:], v.dtype) for v in xs)])
    outputs = found.graph.outputs
    _same(init, _specs(outputs[:n_carried]), "scan")
    n, k = len(init), len(found.assigned)
    found.graph.inputs = _moved(found.graph.inputs, n, len(xs), k)
    found.graph.outputs = [*outputs[:n], *outputs[len(outputs) - k :], *outputs[n : len(outputs) - k]]
    lifted = Hoisted(found.graph, n + k, xs, found.consts, count)
    op = Scan(Body(found.graph), n + k, len(lifted.xs), count, reverse, again)
    results = emit_all(op, *init, *_present(found.assigned), *lifted.xs, *lifted.consts) if n + k or len(outputs) else ()
    _assign(found.assigned, results[n : n + k])
    return list(results[:n]), list(results[n + k :])


def _in_pieces(f: Step, init: list[Value], xs: list[Value], count: Extent, reverse: bool, size: int) -> tuple[list[Value], list[Value]]:
    """A loop over pieces of `size` steps, each a loop that its gradient runs again, and a loop over what is left."""
    pieces = count // size
    whole = pieces * size
    first, last = [v[:whole] for v in xs], [v[whole:] for v in xs]
    carried, rest = _scan(f, init, last, count - whole, True) if reverse else (init, [])

    def piece(c: list[Value], parts: list[Value]) -> tuple[list[Value], list[Value]]:
        return _scan(f, c, parts, size, reverse)

    cut = [reshape(v, (pieces, size, *v.shape[1:])) for v in first]
    carried, ys = _scan(piece, carried, cut, pieces, reverse, True)
    ys = [reshape(v, (whole, *v.shape[2:])) for v in ys]
    if not reverse:
        carried, rest = _scan(f, carried, last, count - whole, False)
    return carried, [emit(Concat(0), a, b) for a, b in zip(ys, rest, strict=True)]


def _moved(inputs: list[Value], carried: int, xs: int, assigned: int) -> list[Value]:
    """Inputs with assigned states behind what is carried."""
    a, b, c = carried, carried + xs, carried + xs + assigned
    return [*inputs[:a], *inputs[b:c], *inputs[a:b], *inputs[c:]]


def vectorized(f: Callable[[list[Value]], Values], xs: Values) -> list[Value]:
    """f on each element of stacks: as ops on whole stacks where all its ops have such a form, else one after another."""
    count = xs[0].shape[0]
    found = capture(lambda *v: f(list(v)), [(v.shape[1:], v.dtype) for v in xs])
    whole = None if found.assigned else on_stacks(found.graph, xs, found.consts, count)
    return scan(lambda _, x: ([], f(x)), [], xs)[1] if whole is None else whole


def while_loop(condition: Callable[[list[Value]], Value], f: Callable[[list[Value]], Values], init: Values) -> list[Value]:
    """Carried values after as many steps of f as `condition` holds before them.

    Raises:
        ValueError: the condition is not one bool, or a step changes shape or dtype of what is carried.
    """
    init = list(init)
    found = capture(lambda *v: f(list(v)), _specs(init))
    n, k = len(init), len(found.assigned)
    _same(init, _specs(found.graph.outputs[: len(found.graph.outputs) - k]), "while_loop")
    test = capture(lambda *v: [condition(list(v[:n]))], _specs([*init, *_present(found.assigned)]))
    if test.assigned:
        raise ValueError("while_loop: the condition must not assign variables")
    (holds,) = test.graph.outputs
    if holds.shape != () or holds.dtype != "bool":
        raise ValueError(f"while_loop: the condition must be one bool. Received: {holds.dtype}{show(holds.shape)}")
    op = While(Body(test.graph), Body(found.graph), n + k, len(test.consts))
    results = emit_all(op, *init, *_present(found.assigned), *test.consts, *found.consts)
    _assign(found.assigned, results[n:])
    return list(results[:n])


def switch(index: Value, branches: Sequence[Callable[[list[Value]], Values]], operands: Values) -> list[Value]:
    """The results of branch number `index` on the operands; a number beyond them counts as the nearest.

    Raises:
        ValueError: there is no branch, or branches give different shapes or dtypes.
    """
    if not branches:
        raise ValueError("switch: there must be at least one branch")
    specs = _specs(operands)
    functions = [_of_list(b) for b in branches]
    found = [capture(f, specs) for f in functions]
    keys = list(dict.fromkeys(k for c in found for k in c.assigned))
    if any(c.assigned != keys for c in found):
        found = [capture(f, specs, keys) for f in functions]
    first = _specs(found[0].graph.outputs)
    for i, c in enumerate(found):
        if _specs(c.graph.outputs) != first:
            kinds = [", ".join(f"{d}{show(s)}" for s, d in part) for part in (first, _specs(c.graph.outputs))]
            raise ValueError(f"branches must give equal shapes and dtypes. Received: {kinds[0]} from branch 0, {kinds[1]} from {i}")
    parts = [_operands(c, list(operands), keys) for c in found]
    op = Switch(tuple(Body(c.graph) for c in found), tuple(map(len, parts)))
    if not first:
        return []
    results = emit_all(op, cast(index, "int32"), *(v for part in parts for v in part))
    n = len(results) - len(keys)
    _assign(keys, results[n:])
    return list(results[:n])


def _of_list(f: Callable[[list[Value]], Values]) -> Callable[..., Values]:
    return lambda *values: f(list(values))


def _operands(c: Captured, operands: list[Value], keys: Sequence[Hashable]) -> list[Value]:
    """What a branch reads, and its graph without inputs that it does not."""
    around = [*operands, *_present(keys), *c.consts]
    read = {v for n in c.graph.nodes for v in n.inputs} | set(c.graph.outputs)
    pairs = [(v, w) for v, w in zip(c.graph.inputs, around, strict=True) if v in read]
    c.graph.inputs = [v for v, _ in pairs]
    return [w for _, w in pairs]


