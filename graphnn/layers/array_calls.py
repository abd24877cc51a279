"""Layers called on arrays: traced once for any number of rows, compiled, kept with the layer, run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from graphnn_compiler.dims import ConcreteExtentNeeded, Shape, symbol

from .. import tree
from ..dispatch import listed
from ..program import Program, Programs, fill, is_arraylike, split
from ..tensor import BATCH, Array
from ..texts import TextRows, dtype_of, text_rows
from . import versions
from .state import State

MAX_QUICK = 64


class ArrayCalls(State):
    """The part of `Layer` that runs it on arrays."""

    def _eager(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args = tuple(_listed(a) for a in args)
        if args and self.takes_texts:
            args = (_texts(args[0]), *args[1:])
        arrays: list[Array] = []
        fixed, key = split(args, arrays)
        named, named_key = split(kwargs, arrays)
        arrays = [_cast(a, self._cast_dtype()) for a in arrays]
        masks: list[tuple[int, int]] = []
        for i, x in enumerate(_arrays_of([*args, kwargs])):
            mask = getattr(x, "_keras_mask", None)
            if mask is not None:
                masks.append((i, len(arrays)))
                arrays.append(np.asarray(mask))
        if not self.built:
            bound = self._info().bind(self, fill(fixed, arrays), fill(named, arrays))
            self._check_first(bound)
            self._build_for(bound)
        program = self._program_for((key, named_key, tuple(masks)), fixed, named, arrays, masks)
        self._forget_losses()
        plain = len(args) == len(arrays) == 1 and not kwargs and getattr(args[0], "dtype", None) == arrays[0].dtype
        if plain and not program.loss_layers and self._quick is not None and not isinstance(arrays[0], TextRows):
            if len(self._quick) >= MAX_QUICK:
                self._quick.clear()
            self._quick[arrays[0].shape, arrays[0].dtype] = program
        return program(arrays)

    def _program_for(self, key: Any, fixed: Any, named: Any, arrays: list[Array], masks: list[tuple[int, int]]) -> Program:
        """The program for these arguments: one for any number of rows where all arrays have as many, else one for each shape."""
        if self._programs is None or self._programs_epoch != versions.epoch():
            self._programs, self._quick, self._programs_epoch = Programs(64), {}, versions.epoch()
        rest = tuple((a.shape[1:], a.ndim, dtype_of(a)) for a in arrays)
        exact = tuple((a.shape, dtype_of(a)) for a in arrays)
        rows = {a.shape[0] if a.ndim else None for a in arrays}

        def traced(specs: Sequence[tuple[Shape, str]]) -> Program:
            self._check_first(self._info().bind(self, fill(fixed, arrays), fill(named, arrays)))
            return Program(self._traced, fixed, named, specs, masks, job=f"{self.name} called")

        def for_any_rows() -> Program | None:
            try:
                return traced([((symbol(BATCH), *a.shape[1:]), dtype_of(a)) for a in arrays])
            except ConcreteExtentNeeded:
                return None

        if len(rows) == 1 and None not in rows:
            program = self._programs.get((key, rest), for_any_rows)
            if program is not None:
                return program
        return self._programs.get((key, exact), lambda: traced(exact))


def _listed(x: Any) -> Any:
    """A list of numbers as an array; anything else as it is."""
    if tree.is_list(x) and x and all(isinstance(e, bool | int | float) for e in tree.flatten(x)):
        return listed(x)
    return x


def _texts(x: Any) -> Any:
    """A structure with arrays and lists of texts as `TextRows`; anything else as it is."""
    found = None if isinstance(x, str | bytes) else text_rows(x, "the input")
    if found is not None:
        return found
    if tree.is_dict(x):
        return {k: _texts(v) for k, v in x.items()}
    return tree.like(x, [_texts(e) for e in x]) if tree.is_list(x) else x


def _cast(a: Array, dtype: str | None) -> Array:
    return a.astype(dtype) if dtype and a.dtype.kind == "f" and a.dtype.name != dtype else a


def _arrays_of(x: Any) -> list[Any]:
    """The array-like leaves in the order of `split`: dictionaries as they are."""
    if is_arraylike(x):
        return [x]
    items: list[Any] = list(x.values()) if tree.is_dict(x) else list(x) if tree.is_list(x) else []
    return [leaf for e in items for leaf in _arrays_of(e)]
