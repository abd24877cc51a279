"""A drawing as SVG text: no scripts, no references to anything outside; every label escaped."""

from __future__ import annotations

from xml.sax.saxutils import escape

from .drawing import PAD, TITLE, Area, Drawing, Path
from .style import BODY, HEAD, LINE, PAD_X, PAD_Y, TINTS

FONTS = "Helvetica, Arial, 'Noto Sans', 'Noto Sans CJK KR', 'Apple SD Gothic Neo', 'Malgun Gothic', sans-serif"

_STYLE = f"""
text {{ font-family: {FONTS}; fill: #222 }}
.head {{ font-size: {HEAD:g}px; font-weight: 600 }}
.body {{ font-size: {BODY:g}px }}
.box {{ fill: #fff; stroke: #9aa3ab; stroke-width: 1 }}
.frame {{ fill: #8899aa; fill-opacity: .08; stroke: #7b8a97; stroke-width: 1; stroke-dasharray: 5 3 }}
.edge {{ fill: none; stroke: #5f6b75; stroke-width: 1.2 }}
.tip {{ fill: #5f6b75 }}
""" + "\n".join(f".{name} {{ fill: {fill} }} .{name}-text {{ fill: {ink} }}" for name, (fill, ink) in TINTS.items())


def svg(drawing: Drawing, dpi: float = 96.0, background: str = "#ffffff") -> str:
    """The SVG document; `dpi` sets its natural size, the numbers inside stay those of 96 dpi."""
    w, h, scale = drawing.width, drawing.height, dpi / 96.0
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(w * scale)}" height="{_n(h * scale)}" '
        f'viewBox="0 0 {_n(w)} {_n(h)}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="100%" height="100%" fill="{escape(background)}"/>' if background else "",
    ]
    parts += [_frame(a) for a in drawing.areas if a.label is None]
    parts += [_path(p, drawing.along_y) for p in drawing.paths]
    parts += [_box(a) for a in drawing.areas if a.label is not None]
    return "\n".join(p for p in parts if p) + "\n</svg>\n"


def _n(x: float) -> str:
    return f"{x:.2f}".rstrip("0").rstrip(".")


def _frame(a: Area) -> str:
    return (
        f"<g><title>{escape(a.tip)}</title>"
        f'<rect class="frame" x="{_n(a.x)}" y="{_n(a.y)}" width="{_n(a.width)}" height="{_n(a.height)}" '
        f'rx="8"/><text class="body" x="{_n(a.x + PAD)}" y="{_n(a.y + TITLE - 6)}">{escape(a.title)}</text></g>'
    )


def _box(a: Area) -> str:
    assert a.label is not None
    label = a.label
    head = 2 * PAD_Y + HEAD * LINE if label.lines else a.height
    x, y, w = _n(a.x), _n(a.y), _n(a.width)
    middle = _n(a.x + a.width / 2)
    out = [
        f"<g><title>{escape(a.tip)}</title>",
        f'<rect class="box" x="{x}" y="{y}" width="{w}" height="{_n(a.height)}" rx="6"/>',
        f'<path class="{label.tint}" d="{_top(a, head)}"/>',
        f'<text class="head {label.tint}-text" x="{middle}" y="{_n(a.y + PAD_Y + HEAD)}" text-anchor="middle">'
        f"{escape(label.head)}</text>",
    ]
    for i, line in enumerate(label.lines):
        base = a.y + head + 2 + BODY * LINE * i + BODY
        out.append(f'<text class="body" x="{_n(a.x + PAD_X)}" y="{_n(base)}">{escape(line)}</text>')
    return "".join(out) + "</g>"


def _top(a: Area, height: float) -> str:
    """The head of a box: rounded above, and below too if it is all there is."""
    x0, y0, x1, y1, r = a.x + 0.5, a.y + 0.5, a.x + a.width - 0.5, a.y + height - 0.5, 5.5
    left, right = f"{_n(x0)} {_n(y0)}", f"{_n(x1)} {_n(y0)}"
    start = f"M{_n(x0)} {_n(y0 + r)}Q{left} {_n(x0 + r)} {_n(y0)}H{_n(x1 - r)}Q{right} {_n(x1)} {_n(y0 + r)}"
    if height < a.height:
        return f"{start}V{_n(y1)}H{_n(x0)}Z"
    below = f"Q{_n(x1)} {_n(y1)} {_n(x1 - r)} {_n(y1)}H{_n(x0 + r)}Q{_n(x0)} {_n(y1)} {_n(x0)} {_n(y1 - r)}Z"
    return f"{start}V{_n(y1 - r)}{below}"


def _path(p: Path, along_y: bool) -> str:
    d = [f"M{_n(p.points[0][0])} {_n(p.points[0][1])}"]
    for k, (a, b) in enumerate(zip(p.points, p.points[1:], strict=False)):
        if k % 2 and abs(a[0] - b[0]) > 0.01 and abs(a[1] - b[1]) > 0.01:
            c1, c2 = controls(a, b, along_y)
            d.append(f"C{_n(c1[0])} {_n(c1[1])} {_n(c2[0])} {_n(c2[1])} {_n(b[0])} {_n(b[1])}")
        else:
            d.append(f"L{_n(b[0])} {_n(b[1])}")
    out = f'<path class="edge" d="{"".join(d)}"/>'
    return out + (f'<path class="tip" d="{_arrow(p)}"/>' if p.arrow else "")


def controls(a: tuple[float, float], b: tuple[float, float], along_y: bool) -> tuple[tuple[float, float], tuple[float, float]]:
    """The control points of the bend between two points: it leaves and arrives along the flow."""
    x, y = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    return ((a[0], y), (b[0], y)) if along_y else ((x, a[1]), (x, b[1]))


def arrow_points(p: Path) -> list[tuple[float, float]]:
    """The triangle at the end of a path, which always arrives along the flow."""
    (x1, y1), (x0, y0) = p.points[-1], p.points[-3]
    size, half = 6.5, 3.2
    if p.points[-2] != p.points[-1]:
        x0, y0 = p.points[-2]
    if abs(y1 - y0) >= abs(x1 - x0):
        s = size if y1 >= y0 else -size
        return [(x1, y1), (x1 - half, y1 - s), (x1 + half, y1 - s)]
    s = size if x1 >= x0 else -size
    return [(x1, y1), (x1 - s, y1 - half), (x1 - s, y1 + half)]


def _arrow(p: Path) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in arrow_points(p)) + "Z"
