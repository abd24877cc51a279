"""The passes in their order. Each takes a graph and gives a graph; in debug mode each result is verified and can be printed."""

from __future__ import annotations

from collections.abc import Callable

from ..ir import Graph
from .bodies import inside, trim
from .cse import cse
from .dce import dce
from .expand import expand
from .fold_affine import fold_affine
from .fold_padding import fold_padding
from .join_slices import join_slices
from .layout import layout
from .simplify import simplify
from .split_sums import split_sums
from .touched_rows import touched_rows

Pass = Callable[[Graph], Graph]
PASSES: tuple[Pass, ...] = (
    *(dce, trim, expand, simplify, cse, join_slices, layout, fold_padding, dce),
    *(fold_affine, simplify, split_sums, touched_rows, cse, dce),
)


def optimize(graph: Graph, between: Callable[[str, Graph], None] | None = None) -> Graph:
    """Runs all passes; `between` is called with the name of each pass and what it made."""
    for one in PASSES:
        graph = one(graph)
        if between is not None:
            between(one.__name__, graph)
    return inside(graph, optimize)
