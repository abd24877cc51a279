"""Which layers treat each row of a batch by itself, so that rows may be put together and taken apart without a trace."""

from __future__ import annotations

from typing import Any

from .. import activations, tree
from .layer import Layer

# By exact class: a subclass may do anything.
_ALWAYS = frozenset(
    """
    Activation Add Average AveragePooling1D AveragePooling2D AveragePooling3D Conv1D Conv1DTranspose Conv2D Conv2DTranspose
    Conv3D Conv3DTranspose Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Dot ELU Embedding Flatten
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GroupNormalization Identity LeakyReLU MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum Multiply PReLU Permute ReLU
    RepeatVector Rescaling Reshape SeparableConv1D SeparableConv2D Subtract UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D
    ZeroPadding2D ZeroPadding3D
    """.split()
)
_ALONG_AXES = frozenset(("Concatenate", "LayerNormalization", "RMSNormalization", "Softmax", "UnitNormalization"))
_IN_INFERENCE = frozenset(
    "AlphaDropout Dropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D SpatialDropout3D".split()
)


def is_row_by_row(layer: Any, training: bool) -> bool:
    """Whether a call on many rows gives for each row what a call on this row alone would, and leaves nothing else behind.

    It says no wherever it does not know.
    """
    name = type(layer).__name__
    if not _is_ours(layer) or "call" in vars(layer) or layer.activity_regularizer is not None or not _activation_is_known(layer):
        return False
    if name == "Functional":
        return all(is_row_by_row(part, training) for part in layer.operations)
    if name == "Sequential":
        return all(is_row_by_row(part, training) for part in layer._sequence)
    if name == "TimeDistributed":
        return is_row_by_row(layer.layer, training)
    if name == "InputLayer":
        return layer.batch_shape[0] is None
    if name == "EinsumDense":
        return _keeps_rows(layer.equation)
    if name in _ALONG_AXES or (name == "BatchNormalization" and not training):
        return _skips_rows(layer.axis)
    return name in _ALWAYS or (name in _IN_INFERENCE and not training)


def _is_ours(layer: Any) -> bool:
    return isinstance(layer, Layer) and type(layer).__module__.partition(".")[0] == __name__.partition(".")[0]


def _skips_rows(axis: Any) -> bool:
    """Whether axes surely do not have the rows among them; those counted from the end might, but for the last."""
    axes: Any = axis if tree.is_list(axis) else [axis]
    return all(isinstance(a, int) and (a == -1 or a > 0) for a in axes)


def _keeps_rows(equation: str) -> bool:
    """Whether the first axis of the input is the first of the output and meets no axis of the kernel."""
    left, _, y = equation.replace(" ", "").partition("->")
    x, _, w = left.partition(",")
    if x.startswith("...") and len(x) == 4:
        return True
    x, y = x.removeprefix("..."), y.removeprefix("...")
    return x[:1] == y[:1] and x[0] not in w


def _activation_is_known(layer: Any) -> bool:
    """A function of the user's may look at all rows."""
    function = getattr(layer, "activation", None)
    return function is None or any(function is known for known in vars(activations).values())
