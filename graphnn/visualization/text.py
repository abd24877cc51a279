"""Labels: made harmless, cut to length, and measured without a font."""

from __future__ import annotations

import unicodedata

# Advance widths of ASCII 32..126 in Helvetica, in thousandths of the font size, grouped by width.
_GROUPS = {
    191: "'", 222: "ijl", 260: "|", 278: " !,./:;I[\\]ft", 333: "()-`r", 334: "{}", 355: '"', 389: "*", 469: "^",
    500: "Jckszvxy", 556: "#$0123456789?L_abdeghnopqu", 584: "+<=>~", 611: "FTZ", 667: "ABEKPSVXY&", 722: "CDHNRUw",
    778: "GOQ", 833: "Mm", 889: "%", 944: "W", 1015: "@",
}  # fmt: skip
_WIDTH = {c: w / 1000 for w, chars in _GROUPS.items() for c in chars}


def clean(text: object) -> str:
    """Text in which control characters, direction marks and lone surrogates are written out, so that no label can hide
    or break anything.

    >>> clean("a\\x00b\\u202ec")
    'a\\\\x00b\\\\u202ec'
    """
    return "".join(c if c == " " or unicodedata.category(c) not in _HIDDEN else _escape(c) for c in str(text))


_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _escape(c: str) -> str:
    n = ord(c)
    return f"\\x{n:02x}" if n < 256 else f"\\u{n:04x}" if n < 65536 else f"\\U{n:08x}"


def shorten(text: str, limit: int = 48) -> str:
    """Text of at most `limit` characters, with an ellipsis in the middle where it was longer.

    >>> shorten("abcdefghij", 5)
    'ab…ij'
    """
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 2
    return f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}"


def width(text: str, size: float) -> float:
    """The width of a line in a sans-serif font of a size, a little on the safe side for scripts other than ASCII."""
    total = 0.0
    for c in text:
        known = _WIDTH.get(c)
        if known is not None:
            total += known
        elif unicodedata.combining(c):
            continue
        else:
            total += 1.05 if ord(c) > 0xFFFF or unicodedata.east_asian_width(c) in "WF" else 0.7
    return total * size
