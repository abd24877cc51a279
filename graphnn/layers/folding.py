"""Which layers may take steps for rows: those whose result for a row depends on that row alone.

The rule, by layer:
- it is of a class listed here itself, not of a subclass, which may do anything;
- it has no penalty on its outputs, which would be a mean over other rows;
- an `axis` that it has is the last one or counted from the front, and is not that of the rows;
- its activation is one of this package's, and its `call` that of its class;
- the equation of an `EinsumDense` keeps the first axis where it is, and no axis of the kernel meets it;
- layers that draw numbers or follow statistics while training are used in inference.
Of models, all layers must be such ones, in a `Sequential` or connected by plain calls.
"""

from __future__ import annotations

from typing import Any

from .. import activations

_ALWAYS = frozenset(
    "Activation Add AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D "
    "AdaptiveMaxPooling2D AdaptiveMaxPooling3D Average AveragePooling1D AveragePooling2D AveragePooling3D Concatenate Conv1D "
    "Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D "
    "DepthwiseConv2D ELU Embedding Flatten GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
    "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization Identity InputLayer LayerNormalization "
    "LeakyReLU MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum Multiply PReLU Permute RMSNormalization ReLU RepeatVector "
    "Reshape SeparableConv1D SeparableConv2D Softmax Subtract UnitNormalization UpSampling1D UpSampling2D UpSampling3D "
    "ZeroPadding1D ZeroPadding2D ZeroPadding3D".split()
)
_IN_INFERENCE = frozenset(
    "AlphaDropout BatchNormalization Dropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D "
    "SpatialDropout3D".split()
)


def rows_are_apart(layer: Any, training: Any) -> bool:
    """Whether each row of the result of a layer depends on the same row of its input alone."""
    from ..models.functional import Functional
    from ..models.sequential import Sequential
    from .time_distributed import TimeDistributed

    if layer.activity_regularizer is not None:
        return False
    if type(layer) is TimeDistributed:
        return rows_are_apart(layer.layer, training)
    if type(layer) is Sequential:
        return bool(layer.layers) and all(rows_are_apart(inner, training) for inner in layer.layers)
    if type(layer) is Functional:
        return _model_is(layer, training)
    return _layer_is(layer, training)


def _layer_is(layer: Any, training: Any) -> bool:
    from .. import layers

    name = type(layer).__name__
    if getattr(layers, name, None) is not type(layer) or "call" in vars(layer):
        return False
    if name == "EinsumDense":
        if not _keeps_rows(layer.equation):
            return False
    elif not (name in _ALWAYS or (name in _IN_INFERENCE and not training)):
        return False
    axis: Any = getattr(layer, "axis", -1)
    axes: list[Any] = [*axis] if isinstance(axis, list | tuple) else [axis]  # pyright: ignore[reportUnknownArgumentType]
    if not all(isinstance(a, int) and (a == -1 or a > 0) for a in axes):
        return False
    if name == "Reshape" and not layer.target_shape:
        return False
    function = getattr(layer, "activation", None)
    return function is None or any(function is f for f in vars(activations).values())


def _keeps_rows(equation: str) -> bool:
    """Whether the first axis of the input is the first of the output, and none of the kernel."""
    x, _, rest = equation.replace(" ", "").partition(",")
    w, _, y = rest.partition("->")
    if x.startswith("...") and len(x) == 4:  # of two axes or more one is left: the dots begin with the rows
        return True
    x, y = x.removeprefix("..."), y.removeprefix("...")  # the dots may stand for nothing
    return x[:1] == y[:1] and x[0] not in w


def _model_is(model: Any, training: Any) -> bool:
    """For a model of one input whose layers are called on tensors of the model, and nothing else."""
    if len(model.inputs) != 1 or model.inputs[0].shape[:1] != (None,):
        return False
    for node in model.graph_nodes:
        if not node.is_input and (node.kwargs or len(node.args) != 1):
            return False
    return all(hasattr(f, "activity_regularizer") and rows_are_apart(f, training) for f in model.operations)
