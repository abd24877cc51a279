"""Axes by name: `rearrange` in the notation of einops (A. Rogozhnikov, Einops: clear and reliable tensor manipulations, 2022)."""

from __future__ import annotations

import re

from graphnn_compiler import build
from graphnn_compiler.dims import Extent, product, quotient, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import movement

from ..dispatch import op, value
from ._common import Tensorish

_TOKEN = re.compile(r"\(([^()]*)\)|(\.\.\.|\w+)")


def _groups(side: str, pattern: str) -> list[list[str]]:
    """The axes of one side, each a list of names; 1 is an axis of extent 1."""
    if _TOKEN.sub("", side).strip():
        raise ValueError(f"pattern {pattern!r} has characters that mean nothing")
    found = [(m.group(1).split() if m.group(1) is not None else [m.group(2)]) for m in _TOKEN.finditer(side)]
    return [[name for name in group if name != "1"] for group in found]


def _spelled(groups: list[list[str]], dots: list[str]) -> list[list[str]]:
    """The groups with the names of the axes that "..." stands for: by themselves axes of their own, in parentheses joined."""
    found: list[list[str]] = []
    for group in groups:
        if group == ["..."]:
            found += [[d] for d in dots]
        else:
            found.append([name for part in group for name in (dots if part == "..." else [part])])
    return found


@op(tensors=("tensor",))
def rearrange(tensor: Tensorish, pattern: str, **axes_lengths: int) -> Value:
    """Axes split, joined and reordered by name.

    Args:
        tensor: a tensor.
        pattern: names of its axes, an arrow, names in their new order: "b h w -> b (h w)"; parentheses join, or split on the left;
            "..." stands for the other axes.
        **axes_lengths: extents of axes that are split.

    Raises:
        ValueError: the pattern does not fit the tensor.

    >>> rearrange([[1, 2, 3, 4]], "a (b c) -> b a c", b=2).tolist()
    [[[1, 2]], [[3, 4]]]
    """
    v = value(tensor)
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise ValueError(f"a pattern needs '->'. Received: pattern={pattern!r}")
    sources, targets = _groups(left, pattern), _groups(right, pattern)
    rest = v.ndim - sum(g != ["..."] for g in sources)
    dots = [f"...{i}" for i in range(max(rest, 0))]
    sources, targets = _spelled(sources, dots), _spelled(targets, dots)
    if len(sources) != v.ndim:
        raise ValueError(f"pattern {pattern!r} does not fit a tensor of shape {show(v.shape)}")
    extents: dict[str, Extent] = {}
    for group, whole in zip(sources, v.shape, strict=True):
        unknown = [n for n in group if n not in axes_lengths]
        known = product(axes_lengths[n] for n in group if n in axes_lengths)
        if len(unknown) > 1:
            raise ValueError(f"pattern {pattern!r}: give the extents of all but one of {', '.join(group)}")
        extents |= {n: axes_lengths[n] for n in group if n in axes_lengths}
        extents |= {n: quotient(whole, known) for n in unknown}
    names = [n for g in sources for n in g]
    order = [n for g in targets for n in g]
    if sorted(names) != sorted(order) or len(set(names)) != len(names):
        raise ValueError(f"pattern {pattern!r} must name each axis once on both sides")
    y = build.reshape(v, tuple(extents[n] for n in names))
    y = movement.transpose(y, tuple(names.index(n) for n in order))
    return build.reshape(y, tuple(product(extents[n] for n in g) for g in targets))
