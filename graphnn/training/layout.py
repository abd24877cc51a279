"""What a batch looks like without its numbers: the structure of (x, y, sample_weight), and dtype and row shape of each array."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import tree
from .columns import Column, leaves


@dataclass(frozen=True)
class Layout:
    """`template` is the batch with the number of each array in its place; `specs` holds (dtype, row shape) of the arrays.

    Two layouts are equal where one program serves both.
    """

    template: Any = field(compare=False, hash=False)
    specs: tuple[tuple[str, tuple[int, ...]], ...]
    names: tuple[str, ...] = field(compare=False, hash=False)
    key: Hashable = None

    @property
    def x(self) -> Any:
        """The part of the inputs."""
        return self.template[0]

    @property
    def y(self) -> Any:
        """The part of the targets."""
        return self.template[1]

    def fill(self, values: Sequence[Any]) -> tuple[Any, Any, Any]:
        """(x, y, sample_weight) with `values` for the arrays."""
        return tree.map_structure(values.__getitem__, self.template, none_is_leaf=False)


def _key(template: Any) -> Hashable:
    if tree.is_dict(template):
        return ("dict", *[(k, _key(v)) for k, v in template.items()])
    if tree.is_list(template):
        return (type(template), *[_key(e) for e in template])
    return template


def layout_of(batch: tuple[Any, Any, Any]) -> Layout:
    """The layout of (x, y, sample_weight) made of columns."""
    found = leaves(batch)
    place = {id(c): i for i, c in enumerate(found)}

    def number(c: Column) -> int:
        return place[id(c)]

    template = tree.map_structure(number, batch, none_is_leaf=False)
    return Layout(template, tuple([c.spec for c in found]), tuple([c.name for c in found]), _key(template))
