"""What was compiled: one line per kernel call of a program, and the totals a user wants to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .dims import Dim, evaluate
from .ir import Graph
from .lowering.lower import Lowered
from .lowering.steps import ControlStep, ConvStep, GemmStep, KernelStep, LoopStep, Step, TiledStep
from .ops.rows import PutRows


@dataclass(frozen=True)
class Line:
    """One kernel call: what it does, for which layers, and its cost (None where it depends on sizes that are not bound).

    `depth`: how many loops and choices it is in; its cost is that of one step of them. `lane`: which of several lanes that run side by
    side it belongs to, from 1 on; 0 for what is in none. `note`: what else there is to say.
    """

    kernel: str
    ops: tuple[str, ...]
    layers: tuple[str, ...]
    flops: int | None
    depth: int = 0
    lane: int = 0
    note: str = ""


@dataclass(frozen=True)
class Report:
    """The compiled form of one job.

    Args:
        job: its name.
        lines: its kernel calls in order.
        ops: operations of the traced graph.
        arena_bytes: work space of the program last bound, or None.
        kept_bytes: of what is made of weights alone and kept while they do not change.
        before: lines on what runs before it, outside of the program.
    """

    job: str
    lines: tuple[Line, ...]
    ops: int
    arena_bytes: int | None
    env: dict[str, int] = field(default_factory=dict[str, int])
    kept_bytes: int = 0
    before: tuple[str, ...] = ()

    def __str__(self) -> str:
        sizes = ", ".join(f"{k}={v}" for k, v in self.env.items())
        head = f"{self.job}: {self.ops} operations in {len(self.lines)} kernels" + (f" ({sizes})" if sizes else "")
        if self.arena_bytes is not None:
            head += f", {self.arena_bytes / 1024:.0f} KiB of work space"
        if self.kept_bytes:
            head += f", {self.kept_bytes / 1024:.0f} KiB made of weights and kept"
        rows = [head, *[f"      before      {line}" for line in self.before]]
        for i, line in enumerate(self.lines):
            flops = f"{line.flops / 1e6:10.2f} MFLOP" if line.flops else " " * 16
            row = f"  {i:3} {'  ' * line.depth}{line.kernel:10}{flops}  {'+'.join(line.ops)}  {', '.join(line.layers)}".rstrip()
            row += f"  [lane {line.lane}]" if line.lane else ""
            rows.append(f"{row}  ({line.note})" if line.note else row)
        return "\n".join(rows)


def _kernel(step: Step) -> str:
    if isinstance(step, GemmStep):
        return "matmul"
    if isinstance(step, ConvStep):
        return "conv"
    if isinstance(step, ControlStep):
        return step.name
    assert isinstance(step, LoopStep | KernelStep)
    return step.spec.name


def _note(step: Step) -> str:
    """What ops do not tell."""
    in_place = isinstance(step, KernelStep) and isinstance(step.nodes[0].op, PutRows) and step.places[0] == step.places[-1]
    return "touched rows only" if in_place else ""


def _walk(lowered: Lowered, depth: int = 0) -> Iterator[tuple[Step, int]]:
    """All steps, those of sub-programs after the one that runs them, with their depth."""
    for step in lowered.steps:
        yield step, depth
        if isinstance(step, ControlStep):
            for section in step.sections:
                yield from _walk(section.lowered, depth + 1)


def report(
    job: str, graph: Graph, lowered: Lowered, env: Mapping[str, int] | None, arena_bytes: int | None, lanes: Mapping[Step, int]
) -> Report:
    """The report of a lowered graph; `env` are the numbers of its symbols, `lanes` the steps that run beside others."""
    lines: list[Line] = []
    lane = 0
    for step, depth in _walk(lowered):
        lane = lane if depth else lanes.get(step, 0)
        flops = step.flops if isinstance(step, TiledStep) else None
        number = evaluate(flops, env) if flops is not None and env is not None else flops
        layers = tuple(dict.fromkeys(n.origin for n in step.nodes if n.origin))
        ops = tuple(type(n.op).__name__ for n in step.nodes) or ("copy",)
        lines.append(Line(_kernel(step), ops, layers, None if isinstance(number, Dim) else number, depth, lane, _note(step)))
    return Report(job, tuple(lines), len(graph.nodes), arena_bytes, dict(env or {}))


def sources(lowered: Lowered) -> str:
    """The generated source of every loop kernel, each once, with the operations it stands for."""
    parts: dict[str, str] = {}
    for i, (step, _) in enumerate(_walk(lowered)):
        tiles = [step] if isinstance(step, LoopStep) else [step.epilogue] if isinstance(step, TiledStep) and step.epilogue else []
        for tile in tiles:
            ops = "+".join(type(n.op).__name__ for n in tile.nodes) or "copy"
            parts.setdefault(tile.spec.source, f"# kernel call {i}: {ops}\n{tile.spec.source}")
    return "\n\n".join(parts.values())
