"""A drawing as PNG, by Pillow (the extra `plot`): no system tool, and Pillow's own font where the system has none."""

from __future__ import annotations

import importlib
import importlib.util
import os
import warnings
from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from typing import Any

from .drawing import PAD, TITLE, Drawing, Path
from .layout import Point
from .style import BODY, HEAD, LINE, PAD_X, PAD_Y, TINTS
from .svg import arrow_points, controls

MAX_PIXELS = 60e6
# Fonts for scripts that Pillow's own font lacks, by the names under which systems find them.
_WIDE_FONTS = (
    "NotoSansCJK-Regular.ttc", "NotoSansKR-Regular.otf", "NanumGothic.ttf", "malgun.ttf", "AppleSDGothicNeo.ttc",
    "UnDotum.ttf", "Arial Unicode.ttf", "DejaVuSans.ttf",
)  # fmt: skip


def available() -> bool:
    """Whether Pillow is there."""
    return importlib.util.find_spec("PIL") is not None


def write_png(drawing: Drawing, path: str | os.PathLike[str], dpi: float = 200.0) -> float:
    """Writes the PNG and gives the scale used: dpi / 96, less where the picture would get too large."""
    image_module: Any = importlib.import_module("PIL.Image")
    draw_module: Any = importlib.import_module("PIL.ImageDraw")

    scale = max(dpi, 1.0) / 96.0
    limit = sqrt(MAX_PIXELS / (drawing.width * drawing.height))
    if scale > limit:
        scale = limit
        warnings.warn(
            f"the picture is drawn at {scale * 96:.0f} dpi: at {dpi:.0f} it would have too many pixels. SVG has no such limit",
            stacklevel=3,
        )
    image = image_module.new("RGB", (max(1, round(drawing.width * scale)), max(1, round(drawing.height * scale))), "white")
    _Pen(draw_module.Draw(image), scale).draw(drawing)
    image.save(os.fspath(path), format="PNG", dpi=(96 * scale, 96 * scale), optimize=True)
    return scale


class _Pen:
    def __init__(self, draw: Any, scale: float):
        self.d, self.s = draw, scale
        self.missing = False

    def at(self, *xs: float) -> list[float]:
        return [x * self.s for x in xs]

    def draw(self, drawing: Drawing) -> None:
        line = max(1, round(self.s))
        for a in (a for a in drawing.areas if a.label is None):
            box = self.at(a.x, a.y, a.x + a.width, a.y + a.height)
            self.d.rounded_rectangle(box, 8 * self.s, fill=_shade(a.depth), outline="#7b8a97", width=line)
            self.text(a.x + PAD, a.y + TITLE - 6, a.title, BODY, "#222222")
        for p in drawing.paths:
            self.d.line(
                [tuple(self.at(*q)) for q in flattened(p, drawing.along_y)],
                fill="#5f6b75",
                width=max(1, round(1.2 * self.s)),
                joint="curve",
            )
            if p.arrow:
                self.d.polygon([tuple(self.at(*q)) for q in arrow_points(p)], fill="#5f6b75")
        for a in (a for a in drawing.areas if a.label is not None):
            label = a.label
            assert label is not None
            fill, ink = TINTS[label.tint]
            head = 2 * PAD_Y + HEAD * LINE if label.lines else a.height
            box = self.at(a.x, a.y, a.x + a.width, a.y + a.height)
            self.d.rounded_rectangle(box, 6 * self.s, fill="white")
            top = self.at(a.x, a.y, a.x + a.width, a.y + head)
            self.d.rounded_rectangle(top, 6 * self.s, fill=fill, corners=(True, True, not label.lines, not label.lines))
            self.d.rounded_rectangle(box, 6 * self.s, outline="#9aa3ab", width=line)
            self.text(a.x + a.width / 2, a.y + PAD_Y + HEAD, label.head, HEAD, ink, "ms", bold=True)
            for i, row in enumerate(label.lines):
                self.text(a.x + PAD_X, a.y + head + 2 + BODY * LINE * i + BODY, row, BODY, "#222222")

    def text(self, x: float, y: float, text: str, size: float, ink: str, anchor: str = "ls", bold: bool = False) -> None:
        """A line at its baseline, in pieces where one font does not have all of it."""
        pieces = list(self.pieces(text, size))
        total = sum(font.getlength(part) for part, font in pieces)
        left, base = self.at(x, y)
        left -= total / 2 if anchor == "ms" else 0
        for part, font in pieces:
            stroke = 0.35 * self.s if bold else 0
            self.d.text((left, base), part, font=font, fill=ink, anchor="ls", stroke_width=_stroke(stroke), stroke_fill=ink)
            left += font.getlength(part)

    def pieces(self, text: str, size: float) -> Sequence[tuple[str, Any]]:
        """The text cut where another font is needed; what no font has becomes a box."""
        pixels = max(4, round(size * self.s))
        found: list[tuple[str, Any]] = []
        for c in text:
            font = font_for(c, pixels)
            if font is None:
                c, font = "□", font_for("□", pixels) or fonts(pixels)[0]
                if not self.missing:
                    self.missing = True
                    warnings.warn("no font on this system has all characters of the labels; the SVG keeps them all", stacklevel=6)
            if found and found[-1][1] is font:
                found[-1] = (found[-1][0] + c, font)
            else:
                found.append((c, font))
        return found


def _stroke(x: float) -> float:
    return x if x >= 0.3 else 0


def _shade(depth: int) -> str:
    level = max(214, 246 - 8 * depth)
    return f"#{level:02x}{min(level + 2, 255):02x}{min(level + 4, 255):02x}"


@lru_cache(maxsize=32)
def fonts(size: int) -> list[Any]:
    """Pillow's own font, then those of the system that have more scripts."""
    font_module: Any = importlib.import_module("PIL.ImageFont")

    found: list[Any] = [font_module.load_default(size)]
    for name in _WIDE_FONTS:
        try:
            found.append(font_module.truetype(name, size))
        except OSError:
            continue
    return found


@lru_cache(maxsize=4096)
def font_for(c: str, size: int) -> Any:
    """The first font that has a character, or None."""
    if c < "\x7f":
        return fonts(size)[0]
    for font in fonts(size):
        glyph, none = font.getmask(c), font.getmask("\U0010ffff")
        if glyph.size != none.size or bytes(glyph) != bytes(none):
            return font
    return None


def flattened(p: Path, along_y: bool, steps: int = 14) -> list[Point]:
    """The path as a polyline, bends in `steps` pieces."""
    out = [p.points[0]]
    for k, (a, b) in enumerate(zip(p.points, p.points[1:], strict=False)):
        if k % 2 and abs(a[0] - b[0]) > 0.01 and abs(a[1] - b[1]) > 0.01:
            c1, c2 = controls(a, b, along_y)
            for i in range(1, steps + 1):
                t = i / steps
                w = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                out.append((_mix(w, a[0], c1[0], c2[0], b[0]), _mix(w, a[1], c1[1], c2[1], b[1])))
        elif b != out[-1]:
            out.append(b)
    return out


def _mix(w: Sequence[float], *xs: float) -> float:
    return sum(a * x for a, x in zip(w, xs, strict=True))
