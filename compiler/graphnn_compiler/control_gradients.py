"""Gradients of control flow: loops that run backwards over what the forward loop keeps.

    scan: h[t+1] = f(h[t], x[t], w)    ->    reverse scan: g[t] = df/dh(kept[t])^T g[t+1],  dx[t] = df/dx(kept[t])^T g[t+1]

Values of a step that the backward loop reads become results of the forward loop. The gradient of what all steps share, such as a
weight, is a sum over steps: where each term is a product of matrices or a sum, it is one product (or sum) over the stacks of all steps
(H^T G for h[t]^T g[t]), after the loop; else the loop carries it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .autodiff import gradients
from .body import Body, record
from .build import broadcast_to, expand
from .dims import product
from .ir import Graph, Node, Value
from .ops.base import is_float
from .ops.compare import And, Compare, IsFinite, Not, Or
from .ops.contract import MatMul
from .ops.control import Scan, Switch
from .ops.conv import ConvKernel
from .ops.elementwise import Add, Cast
from .ops.movement import BroadcastTo, Concat, Constant, Reshape, Transpose, reshape, transpose, zeros_like
from .ops.reduce import Sum
from .passes.dce import dce
from .trace import Tracer, active, emit, emit_all, tracing
from .vectorize import stacked

Grads = Sequence[Value | None]
AGAIN = (Compare, And, Or, Not, IsFinite, Cast)  # cheaper computed again than kept


def _is_zero(v: Value) -> bool:
    while v.node is not None and isinstance(v.node.op, BroadcastTo | Reshape):
        v = v.node.inputs[0]
    return v.node is not None and isinstance(v.node.op, Constant) and not v.node.op.shape and v.node.op.array().item() == 0


class _Reverse:
    """A step and its reverse in one graph: `inputs` and `outputs` of the step, `given` cotangents, `grads` of inputs."""

    def __init__(self, body: Body, cotangents: Sequence[bool], wrt: Sequence[bool]):
        graph, tracer = body.graph, Tracer()
        self.copy: dict[Value, Value] = {}
        with tracing(tracer):
            self.inputs = [tracer.input(v.shape, v.dtype, v.name) for v in graph.inputs]
            self.copy.update(zip(graph.inputs, self.inputs, strict=True))
            record(graph.nodes, self.copy)
            self.original = {new: old for old, new in self.copy.items()}
            self.forward = set(tracer.graph.nodes)
            self.outputs = [self.copy[v] for v in graph.outputs]
            self.given = [tracer.input(v.shape, v.dtype) if c else None for v, c in zip(self.outputs, cotangents, strict=True)]
            pairs = [(v, g) for v, g in zip(self.outputs, self.given, strict=True) if g is not None]
            found = iter(gradients([v for v, _ in pairs], [g for _, g in pairs], [v for v, w in zip(self.inputs, wrt, strict=True) if w]))
            self.grads = [next(found) if w else None for w in wrt]
        self.grads = [None if g is None or _is_zero(g) else g for g in self.grads]
        self.nodes = tracer.graph.nodes


def scan_gradient(op: Scan, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> list[Value | None]:
    """The cotangents of a scan's inputs; its node keeps what they need."""
    return _ScanGradient(op, inputs, outputs, cotangents).run()


class _ScanGradient:
    """The backward loop under construction."""

    def __init__(self, op: Scan, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads):
        main = active()
        assert main is not None
        self.op, self.outputs, self.cotangents, self.main = op, outputs, cotangents, main
        c, x = op.carries, op.carries + op.xs
        self.n_carried, self.n_xs = c, op.xs
        self.init, self.xs, self.consts = list(inputs[:c]), list(inputs[c:x]), list(inputs[x:])
        node = outputs[0].node
        assert node is not None
        self.node: Node = node
        flows = [is_float(v.dtype) and (i < c or cotangents[i] is not None) for i, v in enumerate(outputs)]
        self.step = _Reverse(op.body, [*flows], [is_float(v.dtype) for v in inputs])
        self.kept: list[Value] = []  # values of the forward step that become stacks
        self.back = Tracer()  # the backward step
        self.here: dict[Value, Value] = {}  # values of `step` in it
        self.reads: list[tuple[Value, Value]] = []  # (input of the backward step, value of `step`)
        self.shares: list[tuple[Value, Value]] = []  # (input of the backward step, value around)
        self.results: list[Value] = []  # of the backward step, stacked
        self.promised: dict[Value, Value] = {}  # their stacks, before there are any
        self.stack_of: dict[Value, Value] = {}  # stacks around

    # -- values of the forward step

    def stack(self, v: Value) -> Value:
        """The stack of a forward value over all steps."""
        if v not in self.stack_of:
            with tracing(self.main):
                self.stack_of[v] = self.make_stack(v)
        return self.stack_of[v]

    def make_stack(self, v: Value) -> Value:
        inputs, c = self.step.inputs, self.n_carried
        if v in inputs:
            i = inputs.index(v)
            if i >= c + self.n_xs:
                return broadcast_to(self.consts[i - c - self.n_xs], (self.op.length, *v.shape))
            if i >= c:
                return self.xs[i - c]
            later = self.keep(self.step.outputs[i])  # what step t carries in is what step t - 1 made
            first = expand(self.init[i], 0)
            if self.op.reverse:
                return emit(Concat(0), later, first)[1:]
            return emit(Concat(0), first, later)[: self.op.length]
        return self.keep(v)

    def keep(self, v: Value) -> Value:
        """A forward value as a result of the forward loop."""
        outputs = self.step.outputs
        for i in range(self.n_carried, len(outputs)):
            if outputs[i] is v:
                return self.node.outputs[i]
        graph = Graph()
        assert isinstance(self.node.op, Scan)
        old = self.node.op.body.graph
        graph.inputs, graph.nodes, graph.outputs = old.inputs, old.nodes, [*old.outputs, self.step.original[v]]
        self.node.op = replace(self.node.op, body=Body(graph))
        made = Value((self.op.length, *v.shape), v.dtype, self.node, len(self.node.outputs))
        self.node.outputs = (*self.node.outputs, made)
        outputs.append(v)
        return made

    def read(self, v: Value) -> Value:
        """A value of `step` inside the backward step."""
        if v not in self.here:
            self.here[v] = self.make_read(v)
        return self.here[v]

    def make_read(self, v: Value) -> Value:
        inputs = self.step.inputs
        if v in inputs and inputs.index(v) >= self.n_carried + self.n_xs:
            around = self.consts[inputs.index(v) - self.n_carried - self.n_xs]
            new = Value(v.shape, v.dtype)
            self.shares.append((new, around))
            return new
        node = v.node
        cheap = node is not None and (node.op.kind == "movement" or isinstance(node.op, AGAIN) or not node.inputs)
        if node is not None and (cheap or self.op.again):
            operands = [self.read(u) for u in node.inputs]
            with tracing(self.back):
                made = emit_all(node.op, *operands)
            self.here.update(zip(node.outputs, made, strict=True))
            return made[v.index]
        new = Value(v.shape, v.dtype)
        self.reads.append((new, v))
        return new

    # -- sums over steps

    def summed(self, v: Value) -> Value | None:
        """The sum of a backward value over all steps as ops on stacks, to be recorded around; None where that does not pay."""
        node = v.node
        if node is None or node in self.step.forward or self.op.again:  # stacks of what is computed again would be kept
            return None
        op = node.op
        if isinstance(op, Add) and node.inputs[0].shape == node.inputs[1].shape:
            parts = [self.summed(u) for u in node.inputs]
            return None if parts[0] is None or parts[1] is None else parts[0] + parts[1]
        if isinstance(op, Transpose | Reshape):
            inner = self.summed(node.inputs[0])
            return None if inner is None else emit(op, inner)
        if isinstance(op, MatMul) and v.ndim == 2:
            return self.summed_product(*node.inputs)
        if isinstance(op, Sum):
            whole = self.whole(node.inputs[0])
            return emit(Sum((0, *(a + 1 for a in op.axes))), whole)
        if isinstance(op, ConvKernel):
            x, dy = (self.whole(u) for u in node.inputs)
            return emit(op, *(reshape(u, (u.shape[0] * u.shape[1], *u.shape[2:])) for u in (x, dy)))
        return None

    def summed_product(self, a: Value, b: Value) -> Value:
        """The sum of a[t] b[t]: the product of all rows of their stacks."""
        turned = a.node is not None and isinstance(a.node.op, Transpose)
        if turned:
            assert a.node is not None
            left = self.whole(a.node.inputs[0])
            left = reshape(left, (left.shape[0] * left.shape[1], left.shape[2]))
            left = transpose(left, (1, 0))
        else:
            left = transpose(self.whole(a), (1, 0, 2))
            left = reshape(left, (left.shape[0], product(left.shape[1:])))
        right = self.whole(b)
        return emit(MatMul(), left, reshape(right, (right.shape[0] * right.shape[1], right.shape[2])))

    def whole(self, v: Value) -> Value:
        """The stack of a value of either step; of the backward step, a promise that `run` keeps."""
        moves: list[Node] = []
        base = v
        while base.node is not None and base.node.op.kind == "movement" and len(base.node.inputs) == 1 and _stackable(base.node):
            moves.append(base.node)
            base = base.node.inputs[0]
        if base in self.step.inputs or (base.node is not None and base.node in self.step.forward):
            found = self.stack(base)
        else:
            if base not in self.results:
                self.results.append(base)
                self.promised[base] = Value((self.op.length, *base.shape), base.dtype)
            found = self.promised[base]
        for node in reversed(moves):
            made = stacked(node, [found], [True], self.op.length)
            assert made is not None
            found = made
        return found

    # -- the loop

    def run(self) -> list[Value | None]:
        c, n = self.n_carried, self.op.length
        step = self.step
        around = Tracer()  # sums over steps, recorded once the stacks are known
        sums: list[Value | None] = []
        carried_sums: list[Value] = []
        with tracing(around):
            for g in step.grads[c + self.n_xs :]:
                total = None if g is None else self.summed(g)
                if g is not None and total is None:
                    carried_sums.append(g)
                sums.append(total)
        floats = [i for i in range(c) if step.given[i] is not None]
        ys = [i for i in range(c, len(self.cotangents)) if step.given[i] is not None]
        xs_grads = [g for g in step.grads[c : c + self.n_xs] if g is not None]
        results = list(dict.fromkeys([*xs_grads, *self.results]))
        # the backward step: its nodes, with what they read of the forward step
        wanted = [*(g for i in floats if (g := step.grads[i]) is not None), *results, *carried_sums]
        trial = Graph()
        trial.inputs, trial.nodes, trial.outputs = [], list(step.nodes), wanted
        backward = [node for node in dce(trial).nodes if node not in step.forward]
        made = {v for node in backward for v in node.outputs}
        given = [step.given[i] for i in (*floats, *ys)]
        self.here.update((g, Value(g.shape, g.dtype)) for g in given if g is not None)
        for v in [*(u for node in backward for u in node.inputs), *wanted]:
            if v not in made:
                self.read(v)
        totals = [Value(g.shape, g.dtype) for g in carried_sums]
        with tracing(self.back):
            record(backward, self.here)
            news = [self.here[g] if (g := step.grads[i]) is not None else zeros_like(self.here[step.given[i]]) for i in floats]  # type: ignore[index]
            news += [emit(Add(), t, self.here[g]) for t, g in zip(totals, carried_sums, strict=True)]
        graph = self.back.graph
        cts = [self.here[g] for g in given if g is not None]
        graph.inputs = [*cts[: len(floats)], *totals, *cts[len(floats) :], *(v for v, _ in self.reads), *(v for v, _ in self.shares)]
        graph.outputs = [*news, *(self.here[v] for v in results)]
        carries = len(floats) + len(totals)
        stacks = [ct for i in ys if (ct := self.cotangents[i]) is not None]
        stacks += [self.stack(v) for _, v in self.reads]
        first = [ct if (ct := self.cotangents[i]) is not None else zeros_like(self.outputs[i]) for i in floats]
        first += [zeros_like(v) for v in self._const_of(carried_sums)]
        op = Scan(Body(graph), carries, len(stacks), n, not self.op.reverse)
        if not graph.outputs:
            return [None] * (c + self.n_xs + len(self.consts))
        found = emit_all(op, *first, *stacks, *(v for _, v in self.shares))
        back = dict(zip(results, found[carries:], strict=True))
        known = {promise: back[v] for v, promise in self.promised.items()}
        record(around.graph.nodes, known)
        out: list[Value | None] = [None] * (c + self.n_xs + len(self.consts))
        for i, ct in zip(floats, found, strict=False):
            out[i] = ct
        for i, g in enumerate(step.grads[c : c + self.n_xs], c):
            out[i] = None if g is None else back[g]
        rest = iter(found[len(floats) : carries])
        for i, (g, total) in enumerate(zip(step.grads[c + self.n_xs :], sums, strict=True), c + self.n_xs):
            out[i] = None if g is None else next(rest) if total is None else known.get(total, total)
        return out

    def _const_of(self, grads: Sequence[Value]) -> list[Value]:
        by_grad = {id(g): v for g, v in zip(self.step.grads[self.n_carried + self.n_xs :], self.consts, strict=True)}
        return [by_grad[id(g)] for g in grads]


def _stackable(node: Node) -> bool:
    return isinstance(node.op, Transpose | Reshape | BroadcastTo)


def switch_gradient(op: Switch, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> list[Value | None]:
    """The cotangents of a switch's inputs: a switch over the reverses of its branches, which compute their values again."""
    flows = [ct is not None for ct in cotangents]
    given = [ct for ct in cotangents if ct is not None]
    wrt = [(i, v) for i, v in enumerate(inputs) if i and is_float(v.dtype)]
    branches: list[Body] = []
    reads: list[int] = []
    operands: list[Value] = []
    for body, part in zip(op.branches, op.parts(inputs), strict=True):
        mine = list(inputs[part])
        step = _Reverse(body, flows, [is_float(v.dtype) for v in mine])
        found = dict(zip(range(part.start, part.stop), step.grads, strict=True))
        graph = Graph()
        graph.inputs = [*step.inputs, *(g for g in step.given if g is not None)]
        tracer = Tracer()
        tracer.graph.nodes = step.nodes
        with tracing(tracer):
            graph.outputs = [g if (g := found.get(i)) is not None else zeros_like(v) for i, v in wrt]
        graph.nodes = tracer.graph.nodes
        branches.append(Body(dce(graph)))
        operands += [*mine, *given]
        reads.append(len(mine) + len(given))
    out: list[Value | None] = [None] * len(inputs)
    if wrt:
        results = emit_all(Switch(tuple(branches), tuple(reads)), inputs[0], *operands)
        for (i, _), v in zip(wrt, results, strict=True):
            out[i] = v
    return out


