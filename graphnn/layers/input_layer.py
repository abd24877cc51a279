"""The entrance of a model.

Exports: Input, InputLayer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..config import tensor_dtype
from ..node import Node
from ..tensor import KerasTensor
from .layer import Layer

__all__ = ["Input", "InputLayer"]


class InputLayer(Layer):
    """The layer behind `Input`: it holds the symbolic tensor and does nothing.

    Args:
        shape: extents without the batch.
        batch_size: the extent of the batch where it is fixed.
        dtype: by default `floatx()`; "string" for texts, which layers such as `TextVectorization` take.
        batch_shape: extents with the batch, in place of `shape`.
        input_tensor: the symbolic tensor to use.

    >>> from graphnn.layers import InputLayer
    >>> InputLayer(shape=(4,)).output.shape
    (None, 4)
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name)
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
        if "batch_input_shape" in kwargs:
            batch_shape = kwargs.pop("batch_input_shape")
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to InputLayer: {kwargs}")
        if sparse or ragged:
            raise ValueError(f"InputLayer {self.name!r}: sparse and ragged tensors are not supported")
        if input_tensor is not None:
            if not isinstance(input_tensor, KerasTensor):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ValueError(f"Argument `input_tensor` must be a KerasTensor. Received invalid type: {input_tensor!r}")
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        if shape is not None and batch_shape is not None:
            raise ValueError(
                f"You cannot pass both `shape` and `batch_shape` at the same time. Received: {shape=}, {batch_shape=}"
            )
        if batch_size is not None and batch_shape is not None:
            raise ValueError(
                f"You cannot pass both `batch_size` and `batch_shape` at the same time. Received: {batch_size=}, {batch_shape=}"
            )
        if shape is None and batch_shape is None:
            raise ValueError("You must pass a `shape` argument.")
        if batch_shape is None:
            batch_shape = (batch_size, *_checked(shape, "shape"))
        self.batch_shape = _checked(batch_shape, "batch_shape")
        self.optional, self.sparse, self.ragged = optional, False, False
        self._dtype_name = tensor_dtype(dtype)
        output = input_tensor if input_tensor is not None else KerasTensor(self.batch_shape, self._dtype_name, name=name)
        Node(self, (), {}, output)
        self.built = True

    def call(self) -> Any:
        """Its tensor."""
        return self.output

    @property
    def dtype(self) -> str:
        """The dtype of its tensor."""
        return self._dtype_name

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {
            "batch_shape": self.batch_shape, "dtype": self.dtype, "sparse": False, "ragged": False, "name": self.name,
            "optional": self.optional,
        }  # fmt: skip


def _checked(shape: Any, argument: str) -> tuple[int | None, ...]:
    """Positive extents and None; ValueError that names the argument otherwise."""
    if not isinstance(shape, Sequence) or isinstance(shape, str):
        raise ValueError(f"Cannot convert '{shape}' to a shape: `{argument}` must be a tuple of integers and None")
    out: list[int | None] = []
    for d in shape:  # pyright: ignore[reportUnknownVariableType]
        if d is not None and (isinstance(d, bool) or not hasattr(d, "__index__") or int(d) < 0):  # pyright: ignore
            raise ValueError(
                f"Cannot convert '{tuple(shape)}' to a shape. Found invalid entry '{d}' of type '{type(d)}'. "  # pyright: ignore
                f"`{argument}` must be made of non-negative integers and None."
            )
        out.append(None if d is None else int(d))  # pyright: ignore[reportUnknownArgumentType]
    return tuple(out)


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor from which a functional model starts.

    Args:
        shape: extents without the batch; None where unknown.
        batch_size: the extent of the batch where it is fixed.
        dtype: by default `floatx()`; "string" for texts, which layers such as `TextVectorization` take.
        batch_shape: extents with the batch, in place of `shape`.
        name: the name of the input.
        tensor: a symbolic tensor to start from, in place of a new one.
        optional: whether the model may be called with None here.

    Raises:
        ValueError: for a shape that is none, or two of them.

    >>> import graphnn
    >>> graphnn.Input((28, 28), name="image").shape
    (None, 28, 28)
    """
    return InputLayer(
        shape, batch_size, dtype, sparse, ragged, batch_shape=batch_shape, input_tensor=tensor, optional=optional, name=name
    ).output
