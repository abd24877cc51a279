"""Memory for time: what layers compute inside is computed again in the backward pass instead of being kept.

Exports: RematScope, remat.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

from graphnn_compiler.dims import Extent
from graphnn_compiler.ir import Node, Value
from graphnn_compiler.recompute import mark
from graphnn_compiler.trace import active

from . import tree

__all__ = ["RematScope", "remat"]

STEPS = 64  # of a recurrent layer that are computed again at a time, where their number is not known
_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.stack: list[RematScope] = []


_scopes = _Scopes()


class RematScope:
    """Layers that are made inside keep only their inputs for the backward pass; what they compute is computed again there.

    A layer that contains others (a `Sequential`, a model within a model) is computed again as a whole, so that blocks of several layers
    save most. The outermost model is not: nothing would be saved. Results are the same bits as without.

    Recurrent layers (modes "full" and "list_of_layers") keep the states before every k-th step of n and compute the k steps between again,
    k = sqrt(n) or 64 where n is not known: memory for n / k + k steps. Gradients of their weights are sums over pieces then, equal but
    for rounding.

    Args:
        mode: "full": every layer; "activations": in layers with an activation, what follows the product; "larger_than": layers whose
            output has more elements than `output_size_threshold` (an extent that is not known, such as the batch, counts as 1);
            "list_of_layers": layers whose name is in `layer_names`; None: no layer, inside of another scope.
        output_size_threshold: for "larger_than".
        layer_names: for "list_of_layers".

    Raises:
        ValueError: for another mode.
        TypeError: if `output_size_threshold` is no integer, or `layer_names` no list of strings.

    Chen, Xu, Zhang, Guestrin: Training deep nets with sublinear memory cost, 2016.

    >>> import graphnn
    >>> with graphnn.RematScope("larger_than", output_size_threshold=256):
    ...     block = graphnn.Sequential([graphnn.layers.Dense(512, "gelu"), graphnn.layers.Dense(512, "gelu")])
    >>> model = graphnn.Sequential([graphnn.Input((512,)), block, graphnn.layers.Dense(1)])
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Sequence[str] | None = None
    ):
        if mode not in _MODES:
            raise ValueError(f"`mode` must be one of {', '.join(map(repr, _MODES))}. Received: mode={mode!r}")
        threshold: Any = output_size_threshold
        if isinstance(threshold, bool) or not isinstance(threshold, int):
            raise TypeError(f"`output_size_threshold` must be an integer. Received: output_size_threshold={threshold!r}")
        names: Any = [] if layer_names is None else layer_names
        if isinstance(names, str) or not all(isinstance(n, str) for n in names):
            raise TypeError(f"`layer_names` must be a list of strings. Received: layer_names={layer_names!r}")
        self.mode, self.output_size_threshold, self.layer_names = mode, output_size_threshold, list(names)

    def __enter__(self) -> RematScope:
        _scopes.stack.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _scopes.stack.pop()

    def apply(self, layer: Any, nodes: Sequence[Node], outputs: Any) -> None:
        """Marks what a layer's call has recorded, as the mode says."""
        if layer.remat_by_steps:
            return
        if self.mode == "list_of_layers" and layer.name not in self.layer_names:
            return
        if self.mode == "larger_than" and _size(outputs) <= self.output_size_threshold:
            return
        if self.mode == "activations":
            if getattr(layer, "activation", None) is None:
                return
            products = [i for i, node in enumerate(nodes) if node.op.kind == "contract"]
            nodes = nodes[products[-1] + 1 :] if products else nodes
        if self.mode is not None:
            mark(nodes)

    def steps_again(self, layer: Any, steps: Extent) -> int:
        """How many steps a recurrent layer of `steps` computes again at a time; 0: its gradients keep what they need."""
        chosen = self.mode == "full" or (self.mode == "list_of_layers" and layer.name in self.layer_names)
        return (math.isqrt(steps) if isinstance(steps, int) else STEPS) if chosen else 0


def current_scope() -> RematScope | None:
    """The innermost scope, or None."""
    return _scopes.stack[-1] if _scopes.stack else None


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function (or layer) whose intermediate values are computed again in the backward pass instead of being kept.

    It has an effect inside a layer's `call`, a `train_step` or a function that is differentiated.

    Raises:
        TypeError: if f cannot be called.

    >>> import numpy as np
    >>> import graphnn
    >>> f = graphnn.remat(lambda x: graphnn.ops.exp(graphnn.ops.sin(x)))
    >>> graphnn.grad(lambda x: graphnn.ops.sum(f(x)))(np.zeros(2, "float32")).tolist()
    [1.0, 1.0]
    """
    if not callable(f):
        raise TypeError(f"`f` must be callable. Received: f={f!r}")

    @functools.wraps(f, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        tracer = active()
        start = len(tracer.graph.nodes) if tracer is not None else 0
        result = f(*args, **kwargs)
        if tracer is not None:
            mark(tracer.graph.nodes[start:])
        return result

    return wrapper


def _size(outputs: Any) -> int:
    """The elements of the largest output, unknown extents counted as 1."""
    sizes = [1]
    for v in tree.flatten(outputs):
        if isinstance(v, Value):
            size = 1
            for d in v.shape:
                size *= d if isinstance(d, int) else 1
            sizes.append(size)
    return max(sizes)
