"""What is looked at before a model sees any data: names, numbers of arrays, shapes and class numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import tree
from ..losses import check_targets
from ..losses.labels import CLASS_NUMBERS, check_target_shape, squeezed
from ..narrowing import check_whole, holds
from ..tensor import Array, KerasTensor, shape_of
from ..texts import STRING, TextError
from .columns import Column, no_numbers
from .layout import Layout
from .outputs import no_leaf, spread

BLOCK = 1 << 20  # class numbers that are looked at in one go


def functional(model: Any) -> Any:
    """The functional model in a model: itself, or what a Sequential made; None for other models."""
    if getattr(model, "_inputs_structure", None) is not None:
        return model
    return getattr(model, "_functional", None)


def inputs_in_order(model: Any, x: Any) -> list[Any] | None:
    """The leaves of `x` in the order of the model's inputs, None where the model is not functional.

    Raises:
        ValueError: an input is missing, a name is unknown, or there are more or fewer arrays than inputs.
    """
    graph = functional(model)
    if graph is None:
        return None
    names = list(graph.input_names)
    structure = graph.input
    if tree.is_dict(x):
        keys = list(structure) if tree.is_dict(structure) else names
        for k in x:
            if k not in keys:
                raise ValueError(
                    f"x has the key {k!r}, which is no input of model {model.name!r}. Expected keys: {keys}. Received: {list(x)}"
                )
        for k in keys:
            if k not in x and not _optional(graph, keys.index(k)):
                raise ValueError(
                    f"x has no entry for input {k!r} of model {model.name!r}. Expected keys: {keys}. Received: {list(x)}"
                )
        return tree.flatten({k: x.get(k) for k in keys}) if tree.is_dict(structure) else [x.get(k) for k in keys]
    flat = tree.flatten(x)
    if len(flat) != len(names):
        raise ValueError(
            f"Model {model.name!r} expects {len(names)} input{'s' if len(names) > 1 else ''} with names {names}, but x holds "
            f"{len(flat)} array{'s' if len(flat) > 1 else ''}"
        )
    return flat


def _optional(graph: Any, i: int) -> bool:
    history = getattr(graph.inputs[i], "_keras_history", None)
    return bool(getattr(history.operation if history else None, "optional", False))


def check_inputs(model: Any, x: Any) -> None:
    """Compares columns with the inputs of a functional model.

    Raises:
        ValueError: naming the input, its shape, and the shape that came.
    """
    found = inputs_in_order(model, x)
    graph = functional(model)
    if found is None or graph is None:
        return
    for name, tensor, column in zip(graph.input_names, graph.inputs, found, strict=True):
        if isinstance(column, Column):
            if column.dtype == STRING != tensor.dtype:
                raise no_numbers(column.source.dtype, column.name, column.source)
            if column.dtype != STRING == tensor.dtype:
                raise TextError(
                    f"Input {name!r} of model {model.name!r} takes texts (its dtype is string), but {column.name} has dtype {column.dtype}"
                )
            _check_shape(model, name, tensor.shape, column)


def _check_shape(model: Any, name: str, want: tuple[int | None, ...], column: Column) -> None:
    shape = column.shape
    fits = [shape]
    if len(shape) == len(want) - 1 and want[-1] == 1:
        fits.append((*shape, 1))
    if len(shape) == len(want) + 1 and shape[-1] == 1:
        fits.append(shape[:-1])
    for s in fits:
        if len(s) == len(want) and all(w is None or w == n for w, n in zip(want[1:], s[1:], strict=True)):
            return
    hint = ""
    if len(shape) == len(want) - 1 and all(w is None or w == n for w, n in zip(want[1:], shape, strict=True)):
        hint = f". One sample is given as {column.name}[None], of shape {(1, *shape)}"
    raise ValueError(f"Input {name!r} of model {model.name!r} expects shape {want}, but {column.name} has shape {shape}{hint}")


def symbolic_leaves(model: Any, layout: Layout) -> list[tuple[int, KerasTensor]]:
    """For the arrays of a layout that are inputs or targets of a functional model: their number and the symbolic tensor."""
    graph = functional(model)
    if graph is None:
        return []
    inputs: list[KerasTensor] = graph.inputs
    places: list[Any] | None = inputs_in_order(model, layout.x)
    assert places is not None
    pairs: list[tuple[int, KerasTensor]] = []
    for p, t in zip(places, inputs, strict=True):
        if p is not None and t.ndim == len(layout.specs[int(p)][1]) + 1:
            pairs.append((p, t))
    targets = tree.flatten(layout.y) if layout.y is not None else []
    if len(targets) == len(graph.outputs) and not tree.is_dict(layout.y):
        pairs += [(p, t) for p, t in zip(targets, graph.outputs, strict=True) if p is not None]
    elif tree.is_dict(layout.y):
        named = dict(zip(model.output_names, graph.outputs, strict=False))
        if tree.is_dict(graph.output):
            named = {k: v for k, v in graph.output.items() if isinstance(v, KerasTensor)}
        pairs += [(p, named[k]) for k, p in layout.y.items() if k in named and isinstance(p, int)]
    return pairs


def wide_inputs(model: Any, layout: Layout) -> frozenset[int]:
    """The arrays that go into inputs of float64, which must not be narrowed on the way."""
    graph = functional(model)
    if graph is None:
        return frozenset()
    places = inputs_in_order(model, layout.x) or []
    return frozenset(p for p, t in zip(places, graph.inputs, strict=True) if p is not None and t.dtype == "float64")


def narrowed(model: Any, layout: Layout) -> list[tuple[int, str, str]]:
    """The arrays whose numbers an integer input may not be able to hold: (number of the array, dtype of the input, what to call it)."""
    graph = functional(model)
    if graph is None:
        return []
    places = inputs_in_order(model, layout.x) or []
    found: list[tuple[int, str, str]] = []
    for name, tensor, place in zip(graph.input_names, graph.inputs, places, strict=True):
        if place is not None and tensor.dtype != STRING and not holds(tensor.dtype, layout.specs[int(place)][0]):
            found.append((place, tensor.dtype, f"input {name!r} of model {model.name!r}"))
    return found


def check_narrowed(places: list[tuple[int, str, str]], found: Sequence[Any], names: Sequence[str]) -> None:
    """Looks at every number that is going to be an integer of fewer bits.

    Args:
        places: what `narrowed` gave.
        found: columns or arrays.
        names: what the user knows them as.
    """
    for place, dtype, what in places:
        data = found[place]
        if isinstance(data, Column):
            width = max(int(np.prod(data.shape[1:])), 1)
            size = max(BLOCK // width, 1)
            for start in range(0, len(data), size):
                check_whole(data.rows(start, min(start + size, len(data))), dtype, what, names[place], start)
        else:
            check_whole(data, dtype, what, names[place])


def targets_of(model: Any, layout: Layout) -> list[tuple[int, Any, tuple[int | None, ...], str]]:
    """For each output with a loss: number of the array with its targets, the loss, the predictions' shape, and a name."""
    loss = model.compiled_loss()
    if loss is None or not loss.built or layout.y is None:
        return []
    outputs = loss.outputs
    assert outputs is not None
    places: list[Any] = spread(layout.y, outputs, "the targets (y)", no_leaf, "none")
    shapes: list[Any] = [p.shape for p in tree.flatten(outputs.structure)]
    found: list[tuple[int, Any, tuple[int | None, ...], str]] = []
    for t in loss.targets:
        place = places[t.place]
        if isinstance(place, int):
            key = outputs.keys[t.place]
            of = f" (the targets of output {key!r})" if key and len(outputs) > 1 else ""
            found.append((place, t.loss, shapes[t.place], f"{layout.names[place]}{of}"))
    return found


def uses_class_numbers(loss: Any) -> bool:
    """Whether the targets of a loss are class numbers."""
    return getattr(getattr(loss, "fn", None), "__name__", "") in CLASS_NUMBERS


def check_target(loss: Any, rows: Array, shape: tuple[int | None, ...], name: str) -> None:
    """`check_targets` with the name of the targets in front of what it says."""
    try:
        check_targets(loss, rows, shape)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def check_traced_target(loss: Any, y: Any, y_pred: Any, name: str) -> None:
    """Compares the shapes of traced targets and predictions, as far as they have numbers."""
    if not y.ndim:
        return
    try:
        if uses_class_numbers(loss):
            squeezed(y, y_pred, getattr(loss, "_fn_kwargs", {}).get("axis", -1))
        else:
            check_target_shape(loss, (None, *shape_of(y.shape)[1:]), shape_of(y_pred.shape))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def check_all_targets(
    targets: list[tuple[int, Any, tuple[int | None, ...], str]], found: list[Column], quick: bool = False
) -> None:
    """Looks at every class number among the targets of a data set.

    Args:
        targets: what `targets_of` gave.
        found: the columns of the data set.
        quick: leaves class numbers that are integers to the program, which checks them anyway.
    """
    for place, loss, shape, name in targets:
        column = found[place]
        if not uses_class_numbers(loss):
            continue  # shapes were compared when the step was traced
        if not quick or column.dtype.startswith("float"):
            width = max(int(np.prod(column.shape[1:])), 1)
            size = max(BLOCK // width, 1)
            for start in range(0, len(column), size):
                try:
                    check_targets(loss, column.rows(start, min(start + size, len(column))), shape)
                except ValueError as error:
                    where = f" of rows {start} and on" if start else ""
                    raise ValueError(f"{name}{where}: {error}") from None


def need_a_look(targets: list[tuple[int, Any, tuple[int | None, ...], str]], found: list[Column]) -> bool:
    """Whether class numbers come as floats, which only a look at each tells from labels like 1.7."""
    return any(uses_class_numbers(loss) and found[place].dtype.startswith("float") for place, loss, _, _ in targets)


def check_filled(found: list[Column], what: str) -> None:
    """A ValueError where a data set for training or evaluation has no rows."""
    for c in found:
        if not len(c):
            raise ValueError(f"{c.name} has no rows (its shape is {c.shape}): {what} needs at least one sample")
