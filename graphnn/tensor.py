"""The tensors of the API: `KerasTensor`, a place in the DAG of layers, and `Tensor`, an array of numbers.

Numbers enter and leave as NumPy arrays; `Tensor` is one that also answers to `.numpy()`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from graphnn_compiler.dims import Dim, Extent, Shape, symbol

from .config import tensor_dtype

Array: TypeAlias = npt.NDArray[Any]
BATCH = "batch"
_unknown = count()


class Tensor(np.ndarray[Any, np.dtype[Any]]):
    """What eager calls return: a NumPy array with `.numpy()`.

    >>> from graphnn import ops
    >>> ops.add([1.0], 2.0).numpy().tolist()
    [3.0]
    """

    def numpy(self) -> Array:
        """The same memory as a plain array."""
        return self.view(np.ndarray)


def as_tensor(a: Any) -> Tensor:
    """An array seen as a `Tensor`."""
    return np.asarray(a).view(Tensor)


class KerasHistory(NamedTuple):
    """Which output of which call of which operation a tensor is."""

    operation: Any
    node_index: int
    tensor_index: int


class Operators:
    """Python's operators by way of the public ops of the same meaning."""

    __array_priority__ = 1000
    __graphnn_symbolic__ = True

    def __getitem__(self, key: Any) -> Any:
        from .indexing import get_item

        return get_item(self, key)

    if TYPE_CHECKING:  # installed below

        def __add__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...
        def __sub__(self, other: Any) -> Any: ...
        def __rsub__(self, other: Any) -> Any: ...
        def __mul__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...
        def __truediv__(self, other: Any) -> Any: ...
        def __rtruediv__(self, other: Any) -> Any: ...
        def __floordiv__(self, other: Any) -> Any: ...
        def __rfloordiv__(self, other: Any) -> Any: ...
        def __mod__(self, other: Any) -> Any: ...
        def __rmod__(self, other: Any) -> Any: ...
        def __pow__(self, other: Any) -> Any: ...
        def __rpow__(self, other: Any) -> Any: ...
        def __matmul__(self, other: Any) -> Any: ...
        def __rmatmul__(self, other: Any) -> Any: ...
        def __and__(self, other: Any) -> Any: ...
        def __rand__(self, other: Any) -> Any: ...
        def __or__(self, other: Any) -> Any: ...
        def __ror__(self, other: Any) -> Any: ...
        def __xor__(self, other: Any) -> Any: ...
        def __rxor__(self, other: Any) -> Any: ...
        def __lt__(self, other: Any) -> Any: ...
        def __le__(self, other: Any) -> Any: ...
        def __gt__(self, other: Any) -> Any: ...
        def __ge__(self, other: Any) -> Any: ...
        def __neg__(self) -> Any: ...
        def __abs__(self) -> Any: ...
        def __invert__(self) -> Any: ...


def _install() -> None:
    def binary(name: str) -> tuple[Any, Any]:
        def method(self: Any, other: Any) -> Any:
            from . import ops

            return getattr(ops, name)(self, other)

        def reflected(self: Any, other: Any) -> Any:
            from . import ops

            return getattr(ops, name)(other, self)

        return method, reflected

    def unary(name: str) -> Any:
        def method(self: Any) -> Any:
            from . import ops

            return getattr(ops, name)(self)

        return method

    table = {
        "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide", "mod": "mod",
        "pow": "power", "matmul": "matmul", "and": "logical_and", "or": "logical_or", "xor": "logical_xor",
    }  # fmt: skip
    for python, name in table.items():
        method, reflected = binary(name)
        setattr(Operators, f"__{python}__", method)
        setattr(Operators, f"__r{python}__", reflected)
    for python, name in {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.items():
        setattr(Operators, f"__{python}__", binary(name)[0])
    for python, name in {"neg": "negative", "abs": "absolute", "invert": "logical_not"}.items():
        setattr(Operators, f"__{python}__", unary(name))


_install()


def dims_of(shape: Sequence[Any], name: str = "") -> Shape:
    """Symbolic extents for a shape: None in front is the batch, shared by all inputs; any other None is unknown by itself."""
    out: list[Extent] = []
    for axis, d in enumerate(shape):
        if isinstance(d, Dim):
            out.append(d)
        elif d is not None:
            out.append(int(d))
        else:
            out.append(symbol(BATCH if axis == 0 else f"n{next(_unknown)}"))
    return tuple(out)


def shape_of(dims: Shape) -> tuple[int | None, ...]:
    """A shape as Keras shows it: None where the extent has no number."""
    return tuple(d if isinstance(d, int) else None for d in dims)


class KerasTensor(Operators):
    """A symbolic tensor: the output of `Input`, or of a layer or op called on symbolic tensors.

    Args:
        shape: a tuple of integers and None.
        dtype: the name of a dtype.
        sparse, ragged: must be False.
        record_history: accepted for compatibility.
        name: a name; by default keras_tensor, keras_tensor_1, ...

    >>> import graphnn
    >>> x = graphnn.KerasTensor((None, 3))
    >>> x.shape, x.dtype, x.ndim
    ((None, 3), 'float32', 2)
    """

    __array_ufunc__ = None
    _keras_history: KerasHistory | None
    _keras_mask: Any

    def __init__(
        self,
        shape: Sequence[Any],
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        from .naming import auto_name

        if sparse or ragged:
            raise ValueError("sparse and ragged tensors are not supported")
        self.dims = dims_of(shape)
        self.dtype = tensor_dtype(dtype)
        self.name = name or auto_name("KerasTensor")
        self._keras_history = None
        self._keras_mask = None

    @property
    def history(self) -> KerasHistory:
        """Which output of which call of which operation it is.

        Raises:
            ValueError: if it was made by no operation.
        """
        if self._keras_history is None:
            raise ValueError(
                f"A KerasTensor of shape {self.shape} was made by no layer: start from graphnn.Input(...). Received: {self!r}"
            )
        return self._keras_history

    @history.setter
    def history(self, value: KerasHistory) -> None:
        self._keras_history = value

    @property
    def mask(self) -> Any:
        """The symbolic mask that travels with it, or None."""
        return self._keras_mask

    @mask.setter
    def mask(self, value: Any) -> None:
        self._keras_mask = value

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Extents, None where unknown."""
        return shape_of(self.dims)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.dims)

    sparse = ragged = False

    def reshape(self, *newshape: Any) -> Any:
        """`ops.reshape` of this tensor."""
        from . import ops

        return ops.reshape(self, newshape[0] if len(newshape) == 1 and not isinstance(newshape[0], int) else newshape)

    def squeeze(self, axis: Any = None) -> Any:
        """`ops.squeeze` of this tensor."""
        from . import ops

        return ops.squeeze(self, axis)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise ValueError(
            "A KerasTensor is symbolic: it's a placeholder for a shape and a dtype. It doesn't have any actual numerical value. "
            "You cannot convert it to a NumPy array; inside a model use graphnn.ops instead of numpy."
        )

    def __bool__(self) -> bool:
        raise TypeError("A symbolic KerasTensor cannot be used as a boolean. Use ops.where or ops.cond inside a model.")

    def __int__(self) -> int:
        raise ValueError("A KerasTensor is symbolic: it has no numerical value and cannot be converted to an integer.")

    def __float__(self) -> float:
        raise ValueError("A KerasTensor is symbolic: it has no numerical value and cannot be converted to a float.")

    def __iter__(self) -> Any:
        raise NotImplementedError("Iterating over a symbolic KerasTensor is not supported.")

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse=False, ragged=False, name={self.name}>"


def is_keras_tensor(x: Any) -> bool:
    """True for a symbolic tensor.

    >>> import graphnn
    >>> graphnn.utils.is_keras_tensor(graphnn.Input((2,)))
    True
    """
    return isinstance(x, KerasTensor)
