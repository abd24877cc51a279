"""graphnn: deep learning on CPUs with the API of Keras 3 and a compiler of its own.

    import graphnn as keras

The parts are loaded when they are asked for: `import graphnn` by itself loads neither the compiler's back end nor any plotting library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import (
        activations,
        applications,
        backend,
        callbacks,
        config,
        constraints,
        datasets,
        dtype_policies,
        errors,
        initializers,
        layers,
        losses,
        metrics,
        models,
        ops,
        optimizers,
        preprocessing,
        random,
        regularizers,
        saving,
        testing,
        tree,
        utils,
        visualization,
    )
    from .context import name_scope
    from .differentiation import grad, value_and_grad
    from .dtype_policies import DTypePolicy
    from .initializers import Initializer
    from .layers import Input, InputSpec, Layer
    from .losses import Loss
    from .metrics import Metric
    from .models import Model, Sequential
    from .node import Operation
    from .optimizers import Optimizer
    from .regularizers import Regularizer
    from .rematerialization import RematScope, remat
    from .tensor import KerasTensor
    from .variable import Variable

_NAMESPACES = (
    "activations applications backend callbacks config constraints datasets dtype_policies errors initializers layers losses metrics "
    "models ops optimizers preprocessing random regularizers saving testing tree utils visualization"
).split()
_NAMES = {
    "DTypePolicy": "dtype_policies",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "tensor",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Operation": "node",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "RematScope": "rematerialization",
    "Sequential": "models",
    "Variable": "variable",
    "grad": "differentiation",
    "name_scope": "context",
    "remat": "rematerialization",
    "value_and_grad": "differentiation",
}

__all__ = [
    "DTypePolicy", "Initializer", "Input", "InputSpec", "KerasTensor", "Layer", "Loss", "Metric", "Model", "Operation",
    "Optimizer", "Regularizer", "RematScope", "Sequential", "Variable", "__version__", "activations", "applications",
    "backend", "callbacks", "config", "constraints", "datasets", "dtype_policies", "errors", "grad", "initializers",
    "layers", "losses", "metrics", "models", "name_scope", "ops", "optimizers", "preprocessing", "random", "regularizers", "remat",
    "saving", "testing", "tree", "utils", "value_and_grad", "version", "visualization",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _NAMESPACES:
        return importlib.import_module(f".{name}", __name__)
    if name in _NAMES:
        found = getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def version() -> str:
    """The version of this package.

    >>> import graphnn
    >>> graphnn.version() == graphnn.__version__
    True
    """
    return __version__
