"""Functional models as configurations, in the shape of Keras 3."""

from __future__ import annotations

from typing import Any

from .. import tree
from ..dispatch import OPS, OpCall
from ..node import Operation
from ..saving.serialization import deserialize_keras_object, deserialized_arguments, serialize_keras_object
from ..tensor import KerasTensor


def functional_config(model: Any) -> dict[str, Any]:
    """Name, layers with their calls, and where inputs and outputs come from."""
    nodes = {id(n) for n in model.graph_nodes}
    place: dict[int, int] = {}
    for operation in model.operations:
        kept = [n for n in operation.nodes if id(n) in nodes]
        place.update({id(n): i for i, n in enumerate(kept)})

    def history(x: KerasTensor) -> list[Any]:
        operation, index, tensor = x.history
        return [operation.name, place[id(operation.nodes[index])], tensor]

    def argument(x: Any) -> Any:
        if isinstance(x, KerasTensor):
            return {
                "class_name": "__keras_tensor__",
                "config": {"shape": list(x.shape), "dtype": x.dtype, "keras_history": history(x)},
            }
        if isinstance(x, tuple) and not any(isinstance(leaf, KerasTensor) for leaf in tree.flatten(x)):
            return {"class_name": "__tuple__", "items": serialize_keras_object(list(x))}  # pyright: ignore[reportUnknownArgumentType]
        if tree.is_list(x):
            return [argument(e) for e in x]
        if tree.is_dict(x):
            return {k: argument(v) for k, v in x.items()}
        return serialize_keras_object(x)

    layers: list[dict[str, Any]] = []
    for operation in model.operations:
        data = serialize_operation(operation)
        data["name"] = operation.name
        data["inbound_nodes"] = [
            {"args": [argument(a) for a in n.args], "kwargs": {k: argument(v) for k, v in n.kwargs.items()}}
            for n in operation.nodes
            if id(n) in nodes and n.input_tensors
        ]
        layers.append(data)
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": tree.map_structure(history, model.input),
        "output_layers": tree.map_structure(history, model.output),
    }


def serialize_operation(operation: Operation) -> dict[str, Any]:
    """A layer, or an op by its class name."""
    if not isinstance(operation, OpCall):
        return serialize_keras_object(operation)
    name: str = operation.function.class_name  # type: ignore[attr-defined]
    return {"module": "keras.ops", "class_name": name, "config": operation.get_config(), "registered_name": name}


def _made(data: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A layer, or an op with the fixed arguments that Keras puts into its config."""
    name = data.get("class_name")
    module = str(data.get("module") or "")
    if ".ops" in module and name in OPS:
        config = dict(data.get("config") or {})
        return OpCall(OPS[name], config.pop("name", None)), {
            k: deserialize_keras_object(v) for k, v in config.items() if k != "dtype"
        }
    return deserialize_keras_object({k: v for k, v in data.items() if k not in ("inbound_nodes", "name")}), {}


def model_from_config(cls: Any, config: dict[str, Any]) -> Any:
    """A functional model from `functional_config`.

    Raises:
        ValueError: for calls whose inputs are never made.
    """
    made: dict[str, Any] = {}
    fixed: dict[str, dict[str, Any]] = {}
    waiting: list[tuple[str, int, dict[str, Any]]] = []
    outputs: dict[tuple[str, int], list[Any]] = {}
    for data in config["layers"]:
        name = data.get("name") or data["config"]["name"]
        operation, fixed[name] = _made(data)
        if not isinstance(operation, Operation):
            raise ValueError(f"model {config.get('name')!r}: {data.get('class_name')!r} is no layer")
        made[name] = operation
        if operation.nodes and not data.get("inbound_nodes"):
            outputs[name, 0] = operation.nodes[0].output_tensors
        waiting += [(name, i, node) for i, node in enumerate(data.get("inbound_nodes", []))]
    while waiting:
        later: list[tuple[str, int, dict[str, Any]]] = []
        for name, i, node in waiting:
            args, kwargs = _arguments(node)
            needed = [x for x in tree.flatten([args, kwargs]) if isinstance(x, _Place)]
            if any((x.name, x.node) not in outputs for x in needed) or (i and (name, i - 1) not in outputs):
                later.append((name, i, node))
                continue

            def tensor(x: Any) -> Any:
                return _output(outputs, x) if isinstance(x, _Place) else x

            args, kwargs = tree.map_structure(tensor, args), tree.map_structure(tensor, kwargs)
            operation = made[name]
            operation(*args, **_without(operation, args, {**fixed[name], **kwargs}))
            outputs[name, i] = operation.nodes[-1].output_tensors
        if len(later) == len(waiting):
            raise ValueError(
                f"model {config.get('name')!r}: the inputs of {sorted({n for n, _, _ in later})} are made by no layer"
            )
        waiting = later

    def ends(x: Any) -> Any:
        if tree.is_dict(x):
            return {k: ends(v) for k, v in x.items()}
        if len(x) == 3 and isinstance(x[0], str):
            return _output(outputs, _Place(*x))
        return type(x)(ends(e) for e in x)

    inputs, results = ends(config["input_layers"]), ends(config["output_layers"])
    model = cls(inputs=inputs, outputs=results, name=config.get("name"))
    if not config.get("trainable", True):
        model.trainable = False
    return model


class _Place:
    """Which output of which call of which layer."""

    def __init__(self, name: str, node: int, tensor: int):
        self.name, self.node, self.tensor = name, node, tensor


def _output(outputs: dict[tuple[str, int], list[Any]], place: _Place) -> Any:
    found = outputs.get((place.name, place.node))
    if found is None or not isinstance(place.tensor, int) or not 0 <= place.tensor < len(found):  # pyright: ignore
        raise ValueError(f"there is no output {place.tensor} of call {place.node} of layer {place.name!r}")
    return found[place.tensor]


def _without(operation: Any, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments of an op, those apart that are given by place."""
    if not isinstance(operation, OpCall):
        return kwargs
    given = set(operation.function.parameters[: len(args)])  # type: ignore[attr-defined]
    return {k: v for k, v in kwargs.items() if k not in given}


def _arguments(node: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    def place(x: dict[str, Any]) -> Any:
        history = x["config"]["keras_history"]
        return _Place(*history)

    return tuple(deserialized_arguments(node.get("args", []), place)), deserialized_arguments(node.get("kwargs", {}), place)
