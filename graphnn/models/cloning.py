"""Copies of models.

Exports: clone_model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import tree
from ..layers.input_layer import Input, InputLayer
from ..layers.layer import Layer
from ..layers.text_calls import TextCalls
from ..node import Operation
from ..tensor import KerasTensor
from .functional import Functional
from .model import Model
from .sequential import Sequential

__all__ = ["clone_model"]


def _same(layer: Layer) -> Layer:
    new = type(layer).from_config(layer.get_config())
    if isinstance(layer, TextCalls):  # what it learnt is no weight
        new.build_from_config(layer.get_build_config())
    return new


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model of the same layers with new weights, and the vocabularies of the old ones.

    Args:
        model: a functional or sequential model, or one with `get_config`.
        input_tensors: symbolic tensors to start from, in place of new inputs.
        clone_function: makes the new layer from the old one (inputs excepted), by default through its configuration.
        call_function: called as call_function(layer, *args, **kwargs) in place of the layer.
        recursive: whether `clone_function` is asked for the layers of nested models too.

    >>> import graphnn
    >>> x = graphnn.Input((3,))
    >>> model = graphnn.Model(x, graphnn.layers.Dense(2, name="d")(x))
    >>> twin = graphnn.models.clone_model(model)
    >>> twin.get_layer("d") is model.get_layer("d"), twin.count_params()
    (False, 8)
    """
    make = clone_function or _same

    def clone(layer: Any) -> Any:
        if recursive and isinstance(layer, Functional | Sequential):
            return clone_model(layer, clone_function=clone_function, call_function=call_function, recursive=True)
        return make(layer)

    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError("`call_function` is only for functional models. Received a Sequential model")
        return _sequential(model, input_tensors, clone)
    if isinstance(model, Functional) and type(model).call is Functional.call:
        return _functional(model, input_tensors, clone, call_function)
    if input_tensors is not None or clone_function is not None or call_function is not None:
        raise ValueError(f"Arguments other than `model` need a functional or sequential model. Received: {model!r}")
    return type(model).from_config(model.get_config())


def _sequential(model: Sequential, input_tensors: Any, clone: Callable[[Any], Any]) -> Any:
    layers = [clone(layer) for layer in model.layers]
    start = model.start
    if input_tensors is not None:
        layers.insert(0, tree.flatten(input_tensors)[0])
    elif start is not None:
        layers.insert(0, Input(batch_shape=start.batch_shape, dtype=start.dtype, name=start.name))
    made: Any = type(model)(layers, trainable=model.trainable, name=model.name)
    return made


def _functional(model: Functional, input_tensors: Any, clone: Callable[[Any], Any], call: Any) -> Any:
    if input_tensors is None:
        starts = [Input(batch_shape=x.shape, dtype=x.dtype, name=n) for x, n in zip(model.inputs, model.input_names, strict=True)]
    else:
        starts = tree.flatten(input_tensors)
        if len(starts) != len(model.inputs):
            raise ValueError(f"model {model.name!r} has {len(model.inputs)} inputs. Received: input_tensors={input_tensors}")
        for x in starts:
            if not isinstance(x, KerasTensor):
                raise ValueError(f"All entries in `input_tensors` must be KerasTensors. Received: {input_tensors}")
    tensors: dict[int, Any] = {id(x): y for x, y in zip(model.inputs, starts, strict=True)}
    copies: dict[int, Any] = {}
    for node in model.graph_nodes:
        if all(id(y) in tensors for y in node.output_tensors):
            continue
        old: Any = node.operation
        if id(old) not in copies:
            copies[id(old)] = clone(old) if isinstance(old, Layer) and not isinstance(old, InputLayer) else _copied(old)
        new = copies[id(old)]
        args, kwargs = node.filled(tensors)
        result = call(new, *args, **kwargs) if call is not None else new(*args, **kwargs)
        for y, v in zip(tree.flatten(node.outputs), tree.flatten(result), strict=True):
            tensors[id(y)] = v

    def number(y: Any) -> Any:
        return tensors[id(y)]

    inputs = tree.pack_sequence_as(model.input, starts)
    twin = Functional(inputs, tree.map_structure(number, model.output), name=model.name)
    if not model.trainable:
        twin.trainable = False
    return twin


def _copied(operation: Operation) -> Any:
    from ..dispatch import OpCall

    assert isinstance(operation, OpCall)
    return OpCall(operation.function, operation.name)
