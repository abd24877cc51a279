"""Tools around models: labels, pictures, progress, names, seeds. Each is loaded when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..backend import clear_session, standardize_dtype
    from ..config import disable_interactive_logging, enable_interactive_logging, is_interactive_logging_enabled
    from ..saving.registry import (
        CustomObjectScope,
        custom_object_scope,
        get_custom_objects,
        get_registered_name,
        get_registered_object,
        register_keras_serializable,
    )
    from ..saving.serialization import deserialize_keras_object, serialize_keras_object
    from ..tensor import is_keras_tensor
    from ..training.py_dataset import PyDataset, Sequence
    from ..visualization import model_to_dot, plot_model
    from . import np_utils
    from .data_files import get_file
    from .graph import get_source_inputs
    from .image_dataset import image_dataset_from_directory
    from .image_utils import array_to_img, img_to_array, load_img, save_img
    from .numerical import normalize, to_categorical
    from .packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
    from .progbar import Progbar
    from .seeding import set_random_seed
    from .sequences import pad_sequences
    from .text_dataset import text_dataset_from_directory
    from .timeseries import timeseries_dataset_from_array

_NAMES = {
    "CustomObjectScope": "saving.registry",
    "Progbar": "utils.progbar",
    "PyDataset": "training.py_dataset",
    "Sequence": "training.py_dataset",
    "array_to_img": "utils.image_utils",
    "clear_session": "backend",
    "custom_object_scope": "saving.registry",
    "deserialize_keras_object": "saving.serialization",
    "disable_interactive_logging": "config",
    "enable_interactive_logging": "config",
    "get_custom_objects": "saving.registry",
    "get_file": "utils.data_files",
    "get_registered_name": "saving.registry",
    "get_registered_object": "saving.registry",
    "get_source_inputs": "utils.graph",
    "image_dataset_from_directory": "utils.image_dataset",
    "img_to_array": "utils.image_utils",
    "is_interactive_logging_enabled": "config",
    "is_keras_tensor": "tensor",
    "load_img": "utils.image_utils",
    "model_to_dot": "visualization",
    "normalize": "utils.numerical",
    "pack_x_y_sample_weight": "utils.packing",
    "pad_sequences": "utils.sequences",
    "plot_model": "visualization",
    "register_keras_serializable": "saving.registry",
    "save_img": "utils.image_utils",
    "serialize_keras_object": "saving.serialization",
    "set_random_seed": "utils.seeding",
    "standardize_dtype": "backend",
    "text_dataset_from_directory": "utils.text_dataset",
    "timeseries_dataset_from_array": "utils.timeseries",
    "to_categorical": "utils.numerical",
    "unpack_x_y_sample_weight": "utils.packing",
}

__all__ = [
    "CustomObjectScope", "Progbar", "PyDataset", "Sequence", "array_to_img", "clear_session", "custom_object_scope",
    "deserialize_keras_object", "disable_interactive_logging", "enable_interactive_logging", "get_custom_objects",
    "get_file", "get_registered_name", "get_registered_object", "get_source_inputs", "image_dataset_from_directory",
    "img_to_array", "is_interactive_logging_enabled", "is_keras_tensor", "load_img", "model_to_dot", "normalize",
    "np_utils", "pack_x_y_sample_weight", "pad_sequences", "plot_model", "register_keras_serializable", "save_img",
    "serialize_keras_object", "set_random_seed", "standardize_dtype", "text_dataset_from_directory", "timeseries_dataset_from_array",
    "to_categorical", "unpack_x_y_sample_weight",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "np_utils":
        return importlib.import_module(".np_utils", __name__)
    if name in _NAMES:
        found = getattr(importlib.import_module(f"..{_NAMES[name]}", __name__), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
