"""The outputs of a model as a flat list, and what a user says about them (targets, losses, metrics, weights) in the same order.

Whatever is said by name, in a list or in the structure of the outputs comes out as one entry for each output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from .. import tree
from ..tensor import shape_of

Leaf: TypeAlias = Callable[[Any], bool]


class OutputMismatch(ValueError, KeyError):
    """What was said does not fit the outputs of the model. (Keras raises one or the other.)"""

    def __str__(self) -> str:
        return Exception.__str__(self)


@dataclass(frozen=True)
class Output:
    """One output: the shape of its predictions, None for extents without a number."""

    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Outputs:
    """The outputs of a model in flat order.

    Attributes:
        structure: the structure of the predictions, with an `Output` in each place.
        keys: for each output what the user may call it: its path joined by slashes, where a place in a list goes by its layer's name.
            Empty where it has none.
        prefixes: for each output what its metrics are called after: the key, but of a list in a structure the layer's name alone.
    """

    structure: Any
    keys: tuple[str, ...]
    prefixes: tuple[str, ...]

    @property
    def single(self) -> bool:
        """True where the model has one output that stands in no list or dictionary."""
        return not tree.is_nested(self.structure)

    def __len__(self) -> int:
        return len(self.keys)

    def describe(self) -> str:
        """The outputs for messages."""
        names = [k or f"output {i}" for i, k in enumerate(self.keys)]
        return f"{len(names)} output{'s' if len(names) > 1 else ''} ({', '.join(repr(n) for n in names)})"

    def wanted(self) -> str:
        """What one value for each output may look like, for messages."""
        if tree.is_dict(self.structure):
            return f"a dictionary with the keys {list(self.structure)}"
        if self.single:
            return "one value"
        named = f", or a dictionary with the keys {list(self.keys)}" if all(self.keys) else ""
        return f"a list of {len(self)}{named}"


def outputs_of(model: Any, predictions: Any) -> Outputs:
    """The outputs of a model whose call gives the structure `predictions`."""
    names = list(getattr(model, "output_names", None) or [])
    paths = [p for p, _ in tree.flatten_with_path(predictions)]
    keys: list[str] = []
    prefixes: list[str] = []
    for i, path in enumerate(paths):
        named = len(paths) == len(names) and (not path or isinstance(path[-1], int))
        if named:
            keys.append("/".join([*map(str, path[:-1]), names[i]]))
        elif path and (names or isinstance(path[0], str)):
            keys.append("/".join(map(str, path)))
        else:
            keys.append("")
        prefixes.append(names[i] if named else keys[-1])

    def output(v: Any) -> Output:
        return Output(shape_of(tuple(v.shape)))

    return Outputs(tree.map_structure(output, predictions), tuple(keys), tuple(prefixes))


def spread(said: Any, outputs: Outputs, what: str, leaf: Leaf, missing: str = "error") -> list[Any]:
    """One entry of `said` for each output.

    Args:
        said: a value, a list, a dictionary by name, or the structure of the outputs.
        outputs: the outputs.
        what: what it is called in messages.
        leaf: tells whether an object is one value (a list of metrics may be one).
        missing: "error", or "none" where a dictionary need not name every output.

    Raises:
        OutputMismatch: a name that no output has, an output that is not named, or another number of entries.
    """
    n = len(outputs)
    if tree.is_dict(said) and not leaf(said):
        return _by_name(said, outputs, what, leaf, missing)
    if n == 1:
        while tree.is_list(said) and not leaf(said):
            if len(said) != 1:
                raise OutputMismatch(f"{what} has {len(said)} entries; the model has {outputs.describe()}")
            said = said[0]
        return [said]
    if tree.is_list(said):
        nested = tree.is_nested(outputs.structure) and any(tree.is_nested(e) for e in _children(outputs.structure))
        if nested and len(said) == len(outputs.structure):
            return _by_structure(said, outputs, what, leaf, missing)
        if len(said) != n:
            raise OutputMismatch(
                f"{what} has {len(said)} entries, but the model has {outputs.describe()}. Expected {outputs.wanted()}"
            )
        return list(said)
    raise OutputMismatch(f"{what} is one value, but the model has {outputs.describe()}. Expected {outputs.wanted()}")


def _children(structure: Any) -> list[Any]:
    return list(structure.values()) if tree.is_dict(structure) else list(structure)


def _by_name(said: dict[Any, Any], outputs: Outputs, what: str, leaf: Leaf, missing: str) -> list[Any]:
    structure = outputs.structure
    if tree.is_dict(structure) and any(tree.is_nested(v) for v in structure.values()) and set(said) <= set(structure):
        return _by_structure(said, outputs, what, leaf, missing)
    keys = list(outputs.keys)
    unknown = [k for k in said if k not in keys]
    if unknown:
        known = f"the outputs are called {keys}" if all(keys) else f"the {len(keys)} outputs of the model have no names"
        raise OutputMismatch(
            f"{what} names {unknown[0]!r}, which is no output of the model: {known}. Received keys: {list(said)}"
        )
    absent = [k for k in keys if k not in said]
    if absent and missing == "error":
        raise OutputMismatch(f"{what} has no entry for output {absent[0]!r}. Expected keys: {keys}. Received keys: {list(said)}")
    return [said.get(k) for k in keys]


def _by_structure(said: Any, outputs: Outputs, what: str, leaf: Leaf, missing: str) -> list[Any]:
    found: list[Any] = []

    def visit(structure: Any, part: Any, where: str) -> None:
        if not tree.is_nested(structure):
            found.append(part)
            return
        if tree.is_dict(structure):
            if not tree.is_dict(part) or set(part) - set(structure) or (missing == "error" and set(structure) - set(part)):
                raise OutputMismatch(
                    f"{what}{where} must be a dictionary with the keys {list(structure)}. Received: {_kind(part)}"
                )
            for k in sorted(structure):
                visit(structure[k], part.get(k), f"{where}[{k!r}]")
            return
        if not tree.is_list(part) or len(part) != len(structure):
            raise OutputMismatch(f"{what}{where} must be a list of {len(structure)}. Received: {_kind(part)}")
        for i, (s, p) in enumerate(zip(structure, part, strict=True)):
            visit(s, p, f"{where}[{i}]")

    visit(outputs.structure, said, "")
    return found


def _kind(x: Any) -> str:
    if tree.is_dict(x):
        return f"a dictionary with the keys {list(x)}"
    return f"a {type(x).__name__} of {len(x)}" if tree.is_list(x) else f"one {type(x).__name__}"


def no_leaf(x: Any) -> bool:
    """False: every list and dictionary is a structure."""
    return False


def unique_names(names: list[str]) -> list[str]:
    """Names in order, later equal ones with _1, _2, ... behind.

    >>> unique_names(["mae", "mse", "mae"])
    ['mae', 'mse', 'mae_1']
    """
    taken: set[str] = set()
    out: list[str] = []
    for name in names:
        new, i = name, 0
        while new in taken:
            i += 1
            new = f"{name}_{i}"
        taken.add(new)
        out.append(new)
    return out
