"""What the conformance runner cannot say in public names: gradients of a model and of a loss, each one compiled program."""

from __future__ import annotations

from typing import Any

import numpy as np
from conformance import cot
from graphnn_compiler import autodiff
from graphnn_compiler.dims import ConcreteExtentNeeded, evaluate
from graphnn_compiler.executable import Executable
from graphnn_compiler.interpret import bind_data, bind_symbols
from graphnn_compiler.trace import Tracer, tracing

from graphnn import dispatch, tree
from graphnn.program import as_array


def to_numpy(api: Any, x: Any) -> Any:
    """A tensor, variable or anything array-like as an array."""
    return np.asarray(x)


def _is_float(dtype: str) -> bool:
    return dtype.startswith("float")


def _first_value(tracer: Tracer, weight: Any) -> Any:
    """The value that a weight has before the call, which may assign it."""
    weight.value
    return tracer.graph.states[weight]


def _run(
    model: Any, arrays: list[Any], shapes: list[Any], cotangents: Any, training: bool
) -> tuple[list[Any], list[Any], list[Any]]:
    """Forward and backward in one program; the state that the call changes is put back."""
    weights = model.trainable_variables
    tracer = Tracer()
    with tracing(tracer):
        values = [tracer.input(s, a.dtype.name) for s, a in zip(shapes, arrays, strict=True)]
        outputs = [dispatch.value(y) for y in tree.flatten(model(values if len(values) > 1 else values[0], training=training))]
        floats = [y for y in outputs if _is_float(y.dtype)]
        given = [tracer.input(y.shape, y.dtype) for y in floats]
        sources = [v for v in values if _is_float(v.dtype)] + [_first_value(tracer, w) for w in weights]
        found = autodiff.gradients(floats, given, sources) if floats else []
        tracer.finish([*outputs, *found])
    env = bind_symbols(values, [a.shape for a in arrays]) | bind_data(tracer.graph, arrays)
    cots: list[Any] = []
    for i, y in enumerate(outputs):
        if _is_float(y.dtype):
            shape = tuple(evaluate(d, env) for d in y.shape)
            c = cot(i, shape) if cotangents is None else cotangents[i]
            cots.append(np.asarray(c).astype(y.dtype).reshape(shape))
    before = [(v, v.numpy()) for v in model.variables]
    try:
        results = [np.array(a) for a in Executable(tracer.graph)([*arrays, *cots])]
    finally:
        for v, a in before:
            v.write(a)
    outs, rest = results[: len(outputs)], results[len(outputs) :]
    if not floats:
        return outs, [None] * len(arrays), [None] * len(weights)
    gradients = iter(rest)
    inputs = [next(gradients) if _is_float(a.dtype.name) else None for a in arrays]
    return outs, inputs, list(gradients)


def gradients(api: Any, model: Any, inputs: Any, cotangents: Any = None, training: bool = False) -> Any:
    """Outputs, and the gradients of sum of output * cotangent by float inputs and trainable weights."""
    arrays = [as_array(a).astype(x.dtype) for a, x in zip(inputs, model.inputs, strict=True)]
    try:
        return _run(model, arrays, [x.dims for x in model.inputs], cotangents, training)
    except ConcreteExtentNeeded:
        return _run(model, arrays, [a.shape for a in arrays], cotangents, training)


def loss_gradients(api: Any, loss: Any, y_true: Any, y_pred: Any, sample_weight: Any, cotangent: Any) -> Any:
    """The value of a loss, and the gradient of sum of cotangent * value by y_pred."""
    given = [as_array(a) for a in (y_true, y_pred, sample_weight, cotangent) if a is not None]
    if given[1].dtype.kind != "f":
        given[1] = given[1].astype("float32")
    tracer = Tracer()
    with tracing(tracer):
        values = [tracer.input(a.shape, a.dtype.name) for a in given]
        weight = values[2] if sample_weight is not None else None
        result = dispatch.value(loss(values[0], values[1], weight))
        (found,) = autodiff.gradients([result], [dispatch.value(values[-1], result.dtype)], [values[1]])
        tracer.finish([result, found])
    value, gradient = Executable(tracer.graph)(given)
    return np.array(value), np.array(gradient)
