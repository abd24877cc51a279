"""The state of a model as nested dictionaries: the kind of a variable first, then the parts of its path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import tree as tree_of
from ..variable import Variable


def groups(model: Any) -> dict[str, list[Variable]]:
    """The variables of a model by kind."""
    optimizer = model.optimizer
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": [] if optimizer is None else list(optimizer.variables),
        "metrics_variables": model.metrics_variables,
    }


def nested(variables: Iterable[Variable], plain: bool) -> dict[str, Any]:
    """The numbers of variables, as plain arrays or as tensors, under the parts of their paths; ValueError for a path twice."""
    tree: dict[str, Any] = {}
    for v in variables:
        *scopes, name = v.path.split("/")
        branch: Any = tree
        for scope in scopes:
            branch = branch.setdefault(scope, {})
            if not tree_of.is_dict(branch):
                raise ValueError(f"variable {v.path!r} lies below another variable; give the layers other names")
        if name in branch:
            raise ValueError(f"two variables have the path {v.path!r}; give the layers other names")
        branch[name] = v.numpy() if plain else v.value
    return tree


def set_state(model: Any, tree: dict[str, dict[str, Any]]) -> None:
    """Gives the variables of a model the numbers that stand under their paths; what has no place there stays."""
    kinds = groups(model)
    unknown = sorted(set(tree) - set(kinds))
    if unknown:
        raise ValueError(f"a state holds {list(kinds)}. Received also: {unknown}")
    found: list[tuple[Variable, Any]] = []
    for kind, branches in tree.items():
        for v in kinds[kind]:
            branch: Any = branches
            for part in v.path.split("/"):
                branch = branch.get(part) if tree_of.is_dict(branch) else None
            if branch is not None and not tree_of.is_dict(branch):
                found.append((v, np.asarray(branch)))
    for v, numbers in found:
        if numbers.shape != v.shape:
            raise ValueError(f"variable {v.path!r} has shape {v.shape}. Received: numbers of shape {numbers.shape}")
    for v, numbers in found:
        v.assign(numbers)
