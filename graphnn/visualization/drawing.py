"""A scene with coordinates: boxes, frames of expanded nested models, and paths, ready for SVG and PNG.

Layout runs in flow coordinates: `u` across, `v` along the flow. `rankdir` turns them into x and y at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .layout import Box, Link, Point, arrange
from .scene import Scene
from .style import BODY, Label, Show, label_of
from .text import clean, shorten, width

MARGIN, PAD, TITLE = 16.0, 12.0, 22.0
DIRECTIONS = ("TB", "LR", "BT", "RL")


@dataclass(frozen=True)
class Area:
    """A rectangle; `title` is the text of a frame, `label` that of a node. `depth` counts the frames around it."""

    key: str
    x: float
    y: float
    width: float
    height: float
    label: Label | None = None
    title: str = ""
    tip: str = ""
    depth: int = 0


@dataclass(frozen=True)
class Path:
    """Points of an edge; every second segment, from the second on, is free to curve. `arrow`: whether it ends at a
    node."""

    points: tuple[Point, ...]
    arrow: bool = True


@dataclass
class Drawing:
    """All that is to be drawn, in pixels at 96 dpi."""

    width: float = 0.0
    height: float = 0.0
    along_y: bool = True
    areas: list[Area] = field(default_factory=list[Area])
    paths: list[Path] = field(default_factory=list[Path])


@dataclass
class _Flow:
    """A placed scene in flow coordinates, with the places where edges from outside come in and go out."""

    width: float
    height: float
    areas: list[Area]
    paths: list[Path]
    enter: list[float]
    leave: list[float]


def draw(scene: Scene, show: Show, *, expand: bool = False, rankdir: str = "TB") -> Drawing:
    """Places a scene.

    Raises:
        ValueError: `rankdir` is not one of TB, LR, BT, RL.
    """
    if rankdir not in DIRECTIONS:
        raise ValueError(f"rankdir must be one of {', '.join(DIRECTIONS)}. Received: rankdir={rankdir!r}")
    flow = _place(scene, show, expand, rankdir, 0)
    w, h = flow.width + 2 * MARGIN, flow.height + 2 * MARGIN
    turned = rankdir in ("LR", "RL")
    out = Drawing(*((h, w) if turned else (w, h)), along_y=not turned)

    def point(p: Point) -> Point:
        u, v = p[0] + MARGIN, p[1] + MARGIN
        v = h - v if rankdir in ("BT", "RL") else v
        return (v, u) if turned else (u, v)

    for a in flow.areas:
        (x0, y0), (x1, y1) = point((a.x, a.y)), point((a.x + a.width, a.y + a.height))
        out.areas.append(replace(a, x=min(x0, x1), y=min(y0, y1), width=abs(x1 - x0), height=abs(y1 - y0)))
    out.paths = [replace(p, points=tuple(map(point, p.points))) for p in flow.paths]
    return out


def _place(scene: Scene, show: Show, expand: bool, rankdir: str, depth: int) -> _Flow:
    turned = rankdir in ("LR", "RL")
    nested = depth > 0
    boxes: list[Box] = []
    labels: list[Label] = []
    inner: dict[int, _Flow] = {}
    for i, node in enumerate(scene.nodes):
        label = label_of(node, show)
        labels.append(label)
        if expand and node.inner and node.inner.nodes:
            inner[i] = flow = _place(node.inner, show, expand, rankdir, depth + 1)
            boxes.append(Box(flow.width, flow.height, flow.enter, flow.leave))
        else:
            boxes.append(Box(label.height, label.width) if turned else Box(label.width, label.height))
    place = {node.key: i for i, node in enumerate(scene.nodes)}
    links = [Link(place[e.source], place[e.target], e.out, e.into) for e in scene.edges]
    n, first, last = len(boxes), list[int](), list[int]()
    if nested:
        for key in scene.inputs:
            first.append(len(boxes))
            links.append(Link(len(boxes), place[key]))
            boxes.append(Box(0.0, 0.0))
        for key, out in scene.outputs:
            last.append(len(boxes))
            links.append(Link(place[key], len(boxes), out))
            boxes.append(Box(0.0, 0.0))
    layout = arrange(boxes, [_safe(k, boxes) for k in links], first=first, last=last)
    title = shorten(clean(scene.name))
    pads = _pads(rankdir) if nested else (0.0, 0.0, 0.0, 0.0)
    wide = layout.width
    shift = pads[0]
    if nested and not turned:
        needed = width(title, BODY) + 2 * PAD - pads[0] - pads[1]
        shift += max(0.0, needed - wide) / 2
        wide = max(wide, needed)
    whole_u, whole_v = wide + pads[0] + pads[1], layout.height + pads[2] + pads[3]
    areas: list[Area] = []
    paths: list[Path] = []
    for i in range(n):
        u, v = layout.corners[i][0] + shift, layout.corners[i][1] + pads[2]
        node, flow = scene.nodes[i], inner.get(i)
        tip = f"{clean(node.name)} ({clean(node.kind)})"
        if flow is None:
            areas.append(Area(node.key, u, v, boxes[i].width, boxes[i].height, labels[i], tip=tip, depth=depth))
            continue
        assert node.inner is not None
        areas.append(Area(node.key, u, v, flow.width, flow.height, title=shorten(clean(node.inner.name)), tip=tip, depth=depth))
        areas += [replace(a, x=a.x + u, y=a.y + v) for a in flow.areas]
        paths += [replace(p, points=tuple((a + u, b + v) for a, b in p.points)) for p in flow.paths]
    for link, route in zip(links, layout.routes, strict=True):
        points = [(u + shift, v + pads[2]) for u, v in route]
        if link.source >= n:  # from the frame's upper edge
            points[0] = (points[0][0], 0.0)
        if link.target >= n:  # to its lower edge
            points[-1] = (points[-1][0], whole_v)
        paths.append(Path(tuple(points), arrow=link.target < n and link.target not in inner))
    enter = [layout.corners[i][0] + shift for i in first]
    leave = [layout.corners[i][0] + shift for i in last]
    return _Flow(whole_u, whole_v, areas, paths, enter, leave)


def _pads(rankdir: str) -> tuple[float, float, float, float]:
    """Room inside a frame: before and after across the flow, before and after along it; the title stands at the top of
    the page."""
    if rankdir in ("LR", "RL"):
        return PAD + TITLE, PAD, PAD, PAD
    return (PAD, PAD, PAD + TITLE, PAD) if rankdir == "TB" else (PAD, PAD, PAD, PAD + TITLE)


def _safe(link: Link, boxes: list[Box]) -> Link:
    """A link whose exits and entrances exist (a model without a graph has one of each)."""
    out = min(link.out, max(len(boxes[link.source].leave) - 1, 0))
    into = min(link.into, max(len(boxes[link.target].enter) - 1, 0))
    return replace(link, out=out, into=into)
