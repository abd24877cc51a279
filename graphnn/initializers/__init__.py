"""Initializers: the first numbers of weights. Names, arguments and configurations are those of Keras 3."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import identifiers
from ..config import standard_dtype
from ..naming import to_snake_case
from ..saving.serialization import serialize_keras_object
from .constant_initializers import STFT, Constant, Identity, Ones, Zeros
from .initializer import Initializer, tensor
from .random_initializers import Orthogonal, RandomInitializer, RandomNormal, RandomUniform, TruncatedNormal
from .variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    compute_fans,
)

_CLASSES: tuple[type[Initializer], ...] = (
    Initializer, Constant, Identity, Ones, STFT, Zeros, GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal,
    LecunUniform, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling,
)  # fmt: skip
ALL_OBJECTS_DICT: dict[str, Any] = {c.__name__: c for c in _CLASSES}
ALL_OBJECTS_DICT.update({to_snake_case(c.__name__): c for c in _CLASSES})
ALL_OBJECTS_DICT.update(
    IdentityInitializer=Identity, OrthogonalInitializer=Orthogonal, STFTInitializer=STFT,
    normal=RandomNormal, uniform=RandomUniform, one=Ones, zero=Zeros, stft=STFT,
)  # fmt: skip

IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
constant, identity, ones, zeros, stft = Constant, Identity, Ones, Zeros, STFT
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, orthogonal = LecunNormal, LecunUniform, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling


def serialize(initializer: Initializer) -> dict[str, Any]:
    """The configuration dictionary of an initializer, with its class name."""
    return serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer that a configuration dictionary or a name describes."""
    return identifiers.from_config(config, ALL_OBJECTS_DICT, custom_objects)


def get(identifier: Any) -> Any:
    """An initializer from a name, a configuration, an array, a class or an initializer.

    Args:
        identifier: None (gives None), a name such as "glorot_uniform", a configuration dictionary, an array that is the
            weight itself, a class, or any function of (shape, dtype).

    Raises:
        ValueError: it is none of these.

    >>> get("he_normal").get_config()
    {'seed': None, 'input_axes': None, 'output_axes': None}
    """
    given: Any = identifier
    if isinstance(given, np.ndarray | np.generic) or hasattr(given, "assign"):
        return _given(np.asarray(given))  # pyright: ignore[reportUnknownArgumentType]
    return identifiers.get(identifier, ALL_OBJECTS_DICT, deserialize, "initializer")


def _given(array: Any) -> Any:
    def same(shape: Any, dtype: Any = None) -> Any:
        if tuple(shape) != array.shape:
            raise ValueError(f"an array of shape {array.shape} cannot initialize a weight of shape {tuple(shape)}")
        return tensor(array, standard_dtype(dtype))

    return same


__all__ = [
    "STFT", "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "IdentityInitializer",
    "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "OrthogonalInitializer", "RandomInitializer",
    "RandomNormal", "RandomUniform", "STFTInitializer", "TruncatedNormal", "VarianceScaling", "Zeros", "compute_fans",
    "constant", "deserialize", "get", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity",
    "lecun_normal", "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "serialize", "stft",
    "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip
