"""Line charts as SVG text, with no package: y axes are logarithmic, x axes too unless they are even."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#b5179e", "#1d6fb8", "#2a9d4b", "#d97706", "#6b7280", "#7c3aed", "#0f766e")
WIDTH, HEIGHT, GAP = 420, 280, 70  # of a panel's frame, and the room around it


@dataclass(frozen=True)
class Panel:
    """One chart: a title, the name of the x axis, (x, y) points by the name of the line, and whether the steps of x are even."""

    title: str
    axis: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    even: bool = False


def svg(panels: Sequence[Panel], unit: str, columns: int = 2) -> str:
    """The panels in rows of `columns`, the legend below; y axes of all are the same."""
    ys = [y for p in panels for line in p.lines.values() for _, y in line]
    low, high = math.floor(math.log10(min(ys, default=1.0))), math.ceil(math.log10(max(ys, default=10.0)) + 1e-9)
    names = list(dict.fromkeys(name for p in panels for name, line in p.lines.items() if line))
    rows = -(-len(panels) // columns)
    width, height = columns * (WIDTH + GAP) + GAP // 2, rows * (HEIGHT + GAP) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for i, panel in enumerate(panels):
        x, y = GAP + (i % columns) * (WIDTH + GAP), 36 + (i // columns) * (HEIGHT + GAP)
        parts += [f'<g transform="translate({x},{y})">', *_panel(panel, names, low, max(high, low + 1), unit), "</g>"]
    for i, name in enumerate(names):
        x, y = GAP + i * 150, height - 16
        parts.append(f'<path d="M{x} {y - 4}h22" stroke="{_colour(names, name)}" stroke-width="2.5"/>')
        parts.append(f'<text x="{x + 28}" y="{y}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _colour(names: Sequence[str], name: str) -> str:
    return COLOURS[names.index(name) % len(COLOURS)]


def _panel(panel: Panel, names: Sequence[str], low: int, high: int, unit: str) -> list[str]:
    xs = sorted({x for line in panel.lines.values() for x, _ in line}) or [1.0]
    scale = float if panel.even else math.log2
    first, last = scale(xs[0]), max(scale(xs[-1]), scale(xs[0]) + 1)

    def place(x: float, y: float) -> str:
        return f"{WIDTH * (scale(x) - first) / (last - first):.1f} {HEIGHT * (high - math.log10(y)) / (high - low):.1f}"

    parts = [f'<text y="-12"><tspan font-weight="bold">{escape(panel.title)}</tspan>, {escape(unit)}</text>']
    for e in range(low, high + 1):
        y = HEIGHT * (high - e) / (high - low)
        parts.append(f'<path d="M0 {y:.1f}h{WIDTH}" stroke="#e5e7eb"/><text x="-6" y="{y + 4:.1f}" text-anchor="end">{10.0**e:g}</text>')
    for x in xs[:: 1 + len(xs) // 10]:
        at = place(x, 10.0**low).split()[0]
        parts.append(f'<text x="{at}" y="{HEIGHT + 16}" text-anchor="middle">{x:g}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT + 32}" text-anchor="middle" fill="#555">{escape(panel.axis)}</text>')
    for name in names:
        line = sorted(panel.lines.get(name, ()))
        if line:
            path = "L".join(place(x, y) for x, y in line)
            parts.append(f'<path d="M{path}" fill="none" stroke="{_colour(names, name)}" stroke-width="2.5"/>')
    return parts
