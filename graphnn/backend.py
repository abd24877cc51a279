"""The few functions of Keras's `backend` namespace that scripts use."""

from typing import Any

from graphnn_compiler.dtypes import promote

from .config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    standard_dtype,
)
from .naming import get_uid
from .tensor import is_keras_tensor

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format", "is_float_dtype", "is_int_dtype", "is_keras_tensor",
    "result_type", "set_epsilon", "set_floatx", "set_image_data_format", "standardize_dtype",
]  # fmt: skip

standardize_dtype = standard_dtype


def clear_session(free_memory: bool = True) -> None:
    """Automatic names start again from the first, and kept eager programs are dropped.

    Args:
        free_memory: whether memory is collected at once.
    """
    import gc

    from . import naming
    from .dispatch import forget_programs

    naming.reset()
    forget_programs()
    if free_memory:
        gc.collect()


def is_float_dtype(dtype: Any) -> bool:
    """True for float16, float32, float64 and bfloat16.

    >>> import graphnn
    >>> graphnn.backend.is_float_dtype("float64")
    True
    """
    return str(getattr(dtype, "name", dtype)).startswith(("float", "bfloat"))


def is_int_dtype(dtype: Any) -> bool:
    """True for signed and unsigned integers.

    >>> import graphnn
    >>> graphnn.backend.is_int_dtype("uint8")
    True
    """
    return str(getattr(dtype, "name", dtype)).startswith(("int", "uint"))


def result_type(*dtypes: Any) -> str:
    """The dtype in which values of these dtypes meet; int, float and bool stand for Python numbers.

    >>> import graphnn
    >>> graphnn.backend.result_type("int32", float)
    'float32'
    """
    return promote(*[d if d in (int, float, bool) else standard_dtype(d) for d in dtypes])
