"""The layout of a layered drawing: boxes in rows, edges routed between them.

Rows run downwards. Long edges get a place of their own in every row that they pass, so no edge crosses a box; in the
free space between rows they may bend. The same steps are written again in viewer.js for the browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .layering import ordered, rows_of

Point = tuple[float, float]
STUB = 8.0  # the last piece of an edge, straight: the arrow's


@dataclass
class Box:
    """What is placed: a size, and where edges leave below and enter above, counted from the left edge (empty: the
    middle)."""

    width: float
    height: float
    enter: Sequence[float] = ()
    leave: Sequence[float] = ()


@dataclass(frozen=True)
class Link:
    """An edge from box `source` (its exit `out`) to box `target` (its entrance `into`)."""

    source: int
    target: int
    out: int = 0
    into: int = 0


@dataclass
class Layout:
    """Left upper corners of the boxes, points of the edges (pairs of points at the top and bottom of each row passed),
    whole size."""

    corners: list[Point] = field(default_factory=list[Point])
    routes: list[list[Point]] = field(default_factory=list[list[Point]])
    width: float = 0.0
    height: float = 0.0


def arrange(
    boxes: Sequence[Box],
    links: Sequence[Link],
    gap_x: float = 24.0,
    gap_y: float = 36.0,
    first: Sequence[int] = (),
    last: Sequence[int] = (),
) -> Layout:
    """Places boxes and routes links; `first` and `last` name boxes that must stand in the first and last row."""
    if not boxes:
        return Layout()
    row = rows_of(len(boxes), [(k.source, k.target) for k in links], first, last)
    widths = [b.width for b in boxes]
    chains: list[list[int]] = []
    edges: list[tuple[int, int]] = []
    rows: list[list[int]] = [[] for _ in range(max(row) + 1)]
    for i, r in enumerate(row):
        rows[r].append(i)
    for link in links:
        chain = [link.source]
        for r in range(row[link.source] + 1, row[link.target]):
            chain.append(len(widths))
            rows[r].append(len(widths))
            widths.append(0.0)
        chain.append(link.target)
        chains.append(chain)
        edges += pairwise(chain)
    rows = ordered(rows, edges)
    pulls = _pulls(boxes, links, chains, len(widths))
    x = _columns(rows, widths, pulls, gap_x, len(boxes))
    _straighten(rows, widths, pulls, chains, x, gap_x, len(boxes))
    left = min(c - w / 2 for c, w in zip(x, widths, strict=True))
    x = [c - left for c in x]
    heights = [max((boxes[i].height for i in r if i < len(boxes)), default=0.0) for r in rows]
    tops = [sum(heights[:r]) + gap_y * r for r in range(len(rows))]
    out = Layout(width=max(c + w / 2 for c, w in zip(x, widths, strict=True)), height=tops[-1] + heights[-1])
    for i, b in enumerate(boxes):
        out.corners.append((x[i] - b.width / 2, tops[row[i]] + (heights[row[i]] - b.height) / 2))
    ends = _entrances(boxes, links, chains, x)
    for link, chain, enter in zip(links, chains, ends, strict=True):
        a, b = boxes[link.source], boxes[link.target]
        ax, ay = out.corners[link.source]
        r = row[link.source]
        leave = ax + (a.leave[link.out] if a.leave else a.width / 2)
        points = [(leave, ay + a.height), (leave, tops[r] + heights[r])]
        for dummy in chain[1:-1]:
            r += 1
            points += [(x[dummy], tops[r]), (x[dummy], tops[r] + heights[r])]
        points += [(enter, tops[row[link.target]] - STUB), (enter, out.corners[link.target][1])]
        out.routes.append(points)
    return out


def _pulls(
    boxes: Sequence[Box], links: Sequence[Link], chains: Sequence[list[int]], n: int
) -> list[list[tuple[int, float, float]]]:
    """For each place, the neighbours that pull at it: (neighbour, offset to its middle, weight). Long edges pull
    hardest, to be straight."""
    pulls: list[list[tuple[int, float, float]]] = [[] for _ in range(n)]
    for link, chain in zip(links, chains, strict=True):
        a, b = boxes[link.source], boxes[link.target]
        leave = a.leave[link.out] - a.width / 2 if a.leave else 0.0
        enter = b.enter[link.into] - b.width / 2 if b.enter else 0.0
        for k, (u, v) in enumerate(pairwise(chain)):
            bends = (k > 0) + (k < len(chain) - 2)
            weight = (1.0, 2.0, 8.0)[bends]
            shift = (leave if k == 0 else 0.0) - (enter if k == len(chain) - 2 else 0.0)
            pulls[v].append((u, shift, weight))
            pulls[u].append((v, -shift, weight))
    return pulls


def _columns(
    rows: Sequence[Sequence[int]],
    widths: Sequence[float],
    pulls: list[list[tuple[int, float, float]]],
    gap: float,
    real: int,
) -> list[float]:
    """The middles of all places, in the order of the rows and at least a gap apart."""
    x = [0.0] * len(widths)
    where = [0] * len(widths)
    for r, members in enumerate(rows):
        at = 0.0
        for i in members:
            where[i] = r
            x[i] = at + widths[i] / 2
            at += widths[i] + (gap if i < real else gap / 2)
        for i in members:
            x[i] -= at / 2
    n = len(rows)
    for sweep in range(10):
        downward = sweep % 2 == 0
        both = sweep >= 6
        for r in range(n) if downward else range(n - 1, -1, -1):
            members = rows[r]
            wanted: list[float] = []
            weights: list[float] = []
            for i in members:
                near = [p for p in pulls[i] if both or (where[p[0]] < r) == downward]
                total = sum(w for _, _, w in near)
                wanted.append(sum((x[j] + s) * w for j, s, w in near) / total if near else x[i])
                weights.append(max(total, 0.1))
            spaces = [(widths[a] + widths[b]) / 2 + (gap if a < real or b < real else gap / 2) for a, b in pairwise(members)]
            for i, c in zip(members, spread(wanted, weights, spaces), strict=True):
                x[i] = c
    return x


def _straighten(
    rows: Sequence[Sequence[int]],
    widths: Sequence[float],
    pulls: list[list[tuple[int, float, float]]],
    chains: Sequence[list[int]],
    x: list[float],
    gap: float,
    real: int,
) -> None:
    """Puts the places of a long edge into one column wherever their neighbours leave room for that."""
    beside: dict[int, tuple[int, int]] = {}
    for members in rows:
        for k, i in enumerate(members):
            beside[i] = (members[k - 1] if k else -1, members[k + 1] if k + 1 < len(members) else -1)

    def space(a: int, b: int) -> float:
        return (widths[a] + widths[b]) / 2 + (gap if a < real or b < real else gap / 2)

    long = sorted((c for c in chains if len(c) > 2), key=len, reverse=True)
    for _ in range(3):
        for chain in long:
            dummies = chain[1:-1]
            low = max((x[beside[i][0]] + space(beside[i][0], i) for i in dummies if beside[i][0] >= 0), default=-1e18)
            high = min((x[beside[i][1]] - space(i, beside[i][1]) for i in dummies if beside[i][1] >= 0), default=1e18)
            if low > high:
                continue
            start = next(x[j] + s for j, s, _ in pulls[dummies[0]] if j == chain[0])
            end = next(x[j] + s for j, s, _ in pulls[dummies[-1]] if j == chain[-1])
            best = min((min(max(c, low), high) for c in (start, end)), key=lambda c: abs(c - start) + abs(c - end))
            for i in dummies:
                x[i] = best


def spread(wanted: Sequence[float], weights: Sequence[float], spaces: Sequence[float]) -> list[float]:
    """Places nearest to the wanted ones (least squares) that keep their order and distances: pool adjacent violators.

    >>> spread([0.0, 0.0], [1.0, 1.0], [10.0])
    [-5.0, 5.0]
    """
    offsets = [0.0]
    for s in spaces:
        offsets.append(offsets[-1] + s)
    pools: list[tuple[float, float, int]] = []
    for c, w, o in zip(wanted, weights, offsets, strict=False):
        value, weight, size = c - o, w, 1
        while pools and pools[-1][0] >= value:
            before, heavy, count = pools.pop()
            value = (before * heavy + value * weight) / (heavy + weight)
            weight, size = weight + heavy, size + count
        pools.append((value, weight, size))
    flat = [value for value, _, size in pools for _ in range(size)]
    return [v + o for v, o in zip(flat, offsets, strict=False)]


def _entrances(boxes: Sequence[Box], links: Sequence[Link], chains: Sequence[list[int]], x: Sequence[float]) -> list[float]:
    """Where each link meets its target: at its entrance, or spread over the top in the order in which the links
    arrive."""
    arriving: dict[int, list[int]] = {}
    for k, link in enumerate(links):
        arriving.setdefault(link.target, []).append(k)
    ends = [0.0] * len(links)
    for target, ks in arriving.items():
        box = boxes[target]
        left = x[target] - box.width / 2
        ks.sort(key=lambda k: x[chains[k][-2]])
        step = min(box.width * 0.7 / max(len(ks), 1), 28.0)
        for place, k in enumerate(ks):
            middle = box.width / 2 + (place - (len(ks) - 1) / 2) * step
            ends[k] = left + (box.enter[links[k].into] if box.enter else middle)
    return ends
