"""What must hold for every public layer: a record for each, hostile names, and compiled programs equal to the NumPy reference."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.executable import Executable
from graphnn_compiler.trace import Tracer, tracing

import graphnn
from graphnn import layers, tree
from graphnn.context import calling
from graphnn.testing import random_input

# Name: arguments and input shape (a list for several inputs).
RECORDS: dict[str, tuple[dict[str, Any], Any]] = {
    "Activation": ({"activation": "gelu"}, (4, 5)),
    "ActivityRegularization": ({"l1": 0.1}, (4, 5)),
    "AdaptiveAveragePooling1D": ({"output_size": 2}, (4, 5, 2)),
    "AdaptiveAveragePooling2D": ({"output_size": 2}, (4, 5, 4, 2)),
    "AdaptiveAveragePooling3D": ({"output_size": 2}, (4, 3, 4, 3, 2)),
    "AdaptiveMaxPooling1D": ({"output_size": 2}, (4, 5, 2)),
    "AdaptiveMaxPooling2D": ({"output_size": 2}, (4, 5, 4, 2)),
    "AdaptiveMaxPooling3D": ({"output_size": 2}, (4, 3, 4, 3, 2)),
    "Add": ({}, [(4, 5), (4, 5)]),
    "AdditiveAttention": ({}, [(4, 3, 2), (4, 5, 2)]),
    "AlphaDropout": ({"rate": 0.3, "seed": 1}, (4, 5)),
    "Attention": ({"use_scale": True, "dropout": 0.2, "seed": 1}, [(4, 3, 2), (4, 5, 2)]),
    "Average": ({}, [(4, 5), (4, 5)]),
    "AveragePooling1D": ({"pool_size": 2, "padding": "same"}, (4, 5, 2)),
    "AveragePooling2D": ({"pool_size": 2, "padding": "same"}, (4, 5, 4, 2)),
    "AveragePooling3D": ({"pool_size": 2, "padding": "same"}, (4, 3, 4, 3, 2)),
    "AvgPool1D": ({"pool_size": 2, "padding": "same"}, (4, 5, 2)),
    "AvgPool2D": ({"pool_size": 2, "padding": "same"}, (4, 5, 4, 2)),
    "AvgPool3D": ({"pool_size": 2, "padding": "same"}, (4, 3, 4, 3, 2)),
    "BatchNormalization": ({}, (4, 5)),
    "Bidirectional": ({"layer": layers.GRU(3, return_sequences=True)}, (4, 3, 2)),
    "CategoryEncoding": ({"num_tokens": 9, "output_mode": "count"}, (4, 5)),
    "CenterCrop": ({"height": 3, "width": 3}, (4, 5, 4, 2)),
    "Concatenate": ({}, [(4, 5), (4, 2)]),
    "Conv1D": ({"filters": 3, "kernel_size": 2, "padding": "causal"}, (4, 5, 2)),
    "Conv1DTranspose": ({"filters": 3, "kernel_size": 3, "strides": 2}, (4, 3, 2)),
    "Conv2D": ({"filters": 4, "kernel_size": 3, "strides": 2, "groups": 2, "activation": "relu"}, (4, 5, 6, 2)),
    "Conv2DTranspose": ({"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (4, 3, 2, 2)),
    "Conv3D": ({"filters": 2, "kernel_size": 2, "padding": "same"}, (4, 3, 2, 3, 2)),
    "Conv3DTranspose": ({"filters": 2, "kernel_size": 2}, (4, 2, 2, 3, 2)),
    "ConvLSTM1D": ({"filters": 2, "kernel_size": 2, "dropout": 0.3, "seed": 1}, (4, 3, 5, 2)),
    "ConvLSTM2D": ({"filters": 2, "kernel_size": 2, "padding": "same", "return_sequences": True}, (4, 2, 3, 4, 2)),
    "ConvLSTM3D": ({"filters": 2, "kernel_size": 2, "strides": 2, "recurrent_dropout": 0.3, "seed": 1}, (4, 2, 3, 2, 4, 2)),
    "Convolution1D": ({"filters": 3, "kernel_size": 2, "padding": "causal"}, (4, 5, 2)),
    "Convolution1DTranspose": ({"filters": 3, "kernel_size": 3, "strides": 2}, (4, 3, 2)),
    "Convolution2D": ({"filters": 4, "kernel_size": 3, "strides": 2, "groups": 2, "activation": "relu"}, (4, 5, 6, 2)),
    "Convolution2DTranspose": ({"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (4, 3, 2, 2)),
    "Convolution3D": ({"filters": 2, "kernel_size": 2, "padding": "same"}, (4, 3, 2, 3, 2)),
    "Convolution3DTranspose": ({"filters": 2, "kernel_size": 2}, (4, 2, 2, 3, 2)),
    "Cropping1D": ({}, (4, 5, 2)),
    "Cropping2D": ({"cropping": ((0, 1), 1)}, (4, 3, 4, 2)),
    "Cropping3D": ({}, (4, 3, 3, 4, 2)),
    "Dense": ({"units": 3, "activation": "relu"}, (4, 5)),
    "DepthwiseConv1D": ({"kernel_size": 2, "depth_multiplier": 2}, (4, 5, 2)),
    "DepthwiseConv2D": ({"kernel_size": 2, "data_format": "channels_first"}, (4, 3, 5, 4)),
    "Discretization": ({"bin_boundaries": [0.0, 0.5], "output_mode": "one_hot"}, (4, 5)),
    "Dot": ({"axes": 1}, [(4, 5), (4, 5)]),
    "Dropout": ({"rate": 0.3, "seed": 1}, (4, 5)),
    "ELU": ({}, (4, 5)),
    "EinsumDense": ({"equation": "abc,cd->abd", "output_shape": (None, 3), "bias_axes": "d"}, (4, 2, 5)),
    "Embedding": ({"input_dim": 3, "output_dim": 4}, (4, 5)),
    "Flatten": ({}, (4, 5, 2)),
    "GRU": ({"units": 3, "return_sequences": True, "dropout": 0.3, "seed": 1}, (4, 3, 2)),
    "GaussianDropout": ({"rate": 0.3, "seed": 1}, (4, 5)),
    "GaussianNoise": ({"stddev": 0.3, "seed": 1}, (4, 5)),
    "GlobalAveragePooling1D": ({}, (4, 5, 2)),
    "GlobalAveragePooling2D": ({}, (4, 5, 4, 2)),
    "GlobalAveragePooling3D": ({}, (4, 3, 4, 3, 2)),
    "GlobalAvgPool1D": ({}, (4, 5, 2)),
    "GlobalAvgPool2D": ({}, (4, 5, 4, 2)),
    "GlobalAvgPool3D": ({}, (4, 3, 4, 3, 2)),
    "GlobalMaxPool1D": ({}, (4, 5, 2)),
    "GlobalMaxPool2D": ({}, (4, 5, 4, 2)),
    "GlobalMaxPool3D": ({}, (4, 3, 4, 3, 2)),
    "GlobalMaxPooling1D": ({}, (4, 5, 2)),
    "GlobalMaxPooling2D": ({}, (4, 5, 4, 2)),
    "GlobalMaxPooling3D": ({}, (4, 3, 4, 3, 2)),
    "GroupNormalization": ({"groups": 2}, (4, 6)),
    "GroupQueryAttention": ({"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}, [(4, 5, 6), (4, 3, 6)]),
    "Hashing": ({"num_bins": 7, "mask_value": 1, "salt": [3, 4]}, (4, 5)),
    "Identity": ({}, (4, 5)),
    "IntegerLookup": ({"vocabulary": [2, 1, 7], "num_oov_indices": 2, "output_mode": "count"}, (4, 5)),
    "LSTM": ({"units": 3, "go_backwards": True, "recurrent_dropout": 0.3, "seed": 1}, (4, 3, 2)),
    "Lambda": ({"function": graphnn.ops.square}, (4, 5)),
    "LayerNormalization": ({}, (4, 5)),
    "LeakyReLU": ({}, (4, 5)),
    "Masking": ({}, (4, 5, 2)),
    "MaxPool1D": ({"pool_size": 2, "padding": "same"}, (4, 5, 2)),
    "MaxPool2D": ({"pool_size": 2, "padding": "same"}, (4, 5, 4, 2)),
    "MaxPool3D": ({"pool_size": 2, "padding": "same"}, (4, 3, 4, 3, 2)),
    "MaxPooling1D": ({"pool_size": 2, "padding": "same"}, (4, 5, 2)),
    "MaxPooling2D": ({"pool_size": 2, "padding": "same"}, (4, 5, 4, 2)),
    "MaxPooling3D": ({"pool_size": 2, "padding": "same"}, (4, 3, 4, 3, 2)),
    "Maximum": ({}, [(4, 5), (4, 5)]),
    "Minimum": ({}, [(4, 5), (4, 5)]),
    "Multiply": ({}, [(4, 5), (4, 5)]),
    "MultiHeadAttention": ({"num_heads": 2, "key_dim": 3, "use_gate": True}, [(4, 5, 6), (4, 3, 2)]),
    "Normalization": ({}, (4, 5)),
    "PReLU": ({"alpha_initializer": "ones"}, (4, 5)),
    "Permute": ({"dims": (2, 1)}, (4, 5, 2)),
    "RMSNormalization": ({}, (4, 5)),
    "RNN": ({"cell": layers.LSTMCell(3), "unroll": True}, (4, 3, 2)),
    "RandomBrightness": ({"factor": 0.2, "seed": 1}, (4, 5, 4, 2)),
    "RandomContrast": ({"factor": 0.2, "seed": 1}, (4, 5, 4, 2)),
    "RandomCrop": ({"height": 3, "width": 3, "seed": 1}, (4, 5, 4, 2)),
    "RandomFlip": ({"seed": 1}, (4, 5, 4, 2)),
    "RandomRotation": ({"factor": 0.2, "seed": 1}, (4, 5, 4, 2)),
    "RandomTranslation": ({"height_factor": 0.2, "width_factor": 0.1, "seed": 1}, (4, 5, 4, 2)),
    "RandomZoom": ({"height_factor": 0.2, "seed": 1}, (4, 5, 4, 2)),
    "ReLU": ({"max_value": 1.0}, (4, 5)),
    "RepeatVector": ({"n": 3}, (4, 5)),
    "Rescaling": ({"scale": 0.5}, (4, 5)),
    "Reshape": ({"target_shape": (5, 2)}, (4, 10)),
    "Resizing": ({"height": 3, "width": 6}, (4, 5, 4, 2)),
    "ReversibleEmbedding": ({"input_dim": 3, "output_dim": 4}, (4, 5)),
    "SeparableConv1D": ({"filters": 3, "kernel_size": 2}, (4, 5, 2)),
    "SeparableConv2D": ({"filters": 3, "kernel_size": 2, "padding": "same"}, (4, 5, 4, 2)),
    "SeparableConvolution1D": ({"filters": 3, "kernel_size": 2}, (4, 5, 2)),
    "SeparableConvolution2D": ({"filters": 3, "kernel_size": 2, "padding": "same"}, (4, 5, 4, 2)),
    "SimpleRNN": ({"units": 3, "return_sequences": True, "zero_output_for_mask": True}, (4, 3, 2)),
    "Softmax": ({}, (4, 5)),
    "SpatialDropout1D": ({"rate": 0.5, "seed": 1}, (4, 3, 2)),
    "SpatialDropout2D": ({"rate": 0.5, "seed": 1}, (4, 3, 3, 2)),
    "SpatialDropout3D": ({"rate": 0.5, "seed": 1}, (4, 2, 2, 2, 3)),
    "SpectralNormalization": ({"layer": layers.Dense(3)}, (4, 5)),
    "Subtract": ({}, [(4, 5), (4, 5)]),
    "TimeDistributed": ({"layer": layers.Dense(3)}, (4, 5, 2)),
    "UnitNormalization": ({}, (4, 5)),
    "UpSampling1D": ({}, (4, 5, 2)),
    "UpSampling2D": ({"interpolation": "bilinear"}, (4, 3, 2, 2)),
    "UpSampling3D": ({}, (4, 2, 1, 2, 2)),
    "ZeroPadding1D": ({}, (4, 5, 2)),
    "ZeroPadding2D": ({"padding": ((0, 1), 2)}, (4, 3, 2, 2)),
    "ZeroPadding3D": ({}, (4, 2, 1, 2, 2)),
}
CELLS = ("GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells")  # they take states beside the input
INTEGERS = ("CategoryEncoding", "Embedding", "Hashing", "IntegerLookup", "ReversibleEmbedding")
BEFORE_MODELS = ("StringLookup", "TextVectorization")  # they turn texts into numbers, in Python
APART = ("GroupQueryAttention", "MultiHeadAttention")  # their inputs are arguments of their own
TEXTS = ("Hashing",)  # they take texts too
HOSTILE = "x'); import os; os.system('echo 1') # 한국어 \u202e \"{0}%s"


def made(which: str, **kwargs: Any) -> tuple[Any, Any]:
    arguments, shape = RECORDS[which]
    dtype = "int32" if which in INTEGERS else "float32"
    return getattr(layers, which)(**copy.deepcopy(arguments), **kwargs), random_input(np.random.RandomState(0), shape, dtype)


def called(layer: Any, x: Any) -> Any:
    return layer(*x) if type(layer).__name__ in APART else layer(x)


def test_every_layer_has_a_record() -> None:
    public = {n for n in layers.__all__ if isinstance(getattr(layers, n), type) and issubclass(getattr(layers, n), layers.Layer)}
    assert set(RECORDS) == public - {"Layer", "InputLayer", "Wrapper", *BEFORE_MODELS, *CELLS}


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("training", [False, True])
def test_compiled_is_the_reference(name: str, training: bool) -> None:
    layer, x = made(name)
    called(layer, x)
    arrays = tree.flatten(x)
    state = [(v, v.array.copy()) for v in layer.variables]
    found = []
    for eager in (True, False):
        for v, start in state:
            v.write(start)
        tracer = Tracer()
        with tracing(tracer), calling(training):
            values = [tracer.input(a.shape, a.dtype.name) for a in arrays]
            graph = tracer.finish(tree.flatten(called(layer, tree.pack_sequence_as(x, values))))
        outputs = [a.copy() for a in Executable(graph, eager=eager)(arrays)]
        found.append(outputs + [v.numpy() for v in layer.variables])
    for a, b in zip(*found, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        assert np.allclose(a, b, rtol=1e-5, atol=1e-5)


def answer(layer: Any, x: Any) -> np.ndarray:
    """What a layer gives in inference; augmentation is training unless told otherwise."""
    return np.asarray(layer(x, training=False) if type(layer).__name__.startswith("Random") else called(layer, x))


@pytest.mark.parametrize("name", RECORDS)
def test_hostile_names(name: str) -> None:
    plain, x = made(name)
    evil, _ = made(name, name=HOSTILE)
    want = answer(plain, x)
    answer(evil, x)
    evil.set_weights(plain.get_weights())
    assert np.array_equal(answer(evil, x), want)
    assert evil.get_config()["name"] == HOSTILE and type(evil).from_config(evil.get_config()).name == HOSTILE


@pytest.mark.parametrize("name", RECORDS)
def test_layout_of_inputs_does_not_matter(name: str) -> None:
    layer, x = made(name)
    want = answer(layer, x)

    def other(a: Any) -> list[Any]:
        strided = np.repeat(a, 2, axis=0)[::2]
        return [np.asfortranarray(a), a[::-1].copy()[::-1], strided, a.astype(a.dtype.newbyteorder("S"))]

    for arrays in zip(*map(other, tree.flatten(x)), strict=True):
        assert np.array_equal(answer(layer, tree.pack_sequence_as(x, list(arrays))), want)


@pytest.mark.parametrize("name", RECORDS)
def test_bad_inputs_are_refused(name: str) -> None:
    layer, x = made(name)
    for bad in (np.array([{}, []], dtype=object), np.array(["a", "b"]))[: 1 if name in TEXTS else 2]:
        with pytest.raises((TypeError, ValueError)):
            called(layer, tree.map_structure(lambda _: bad, x))
