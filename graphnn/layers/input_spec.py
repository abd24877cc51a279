"""What a layer expects of its inputs, and the check of it.

Exports: InputSpec.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler.dims import Dim

from .. import tree

__all__ = ["InputSpec"]


class InputSpec:
    """Rank, extents and dtype that an input of a layer must have.

    Args:
        dtype: the name of a dtype.
        shape: a shape with None where any extent will do.
        ndim, max_ndim, min_ndim: the number of axes, or its bounds.
        axes: extents of some axes: {axis: extent}.
        allow_last_axis_squeeze: whether a last axis of extent 1 may be missing or too many.
        name: the key of this input where inputs come as a dictionary.
        optional: whether None is accepted.

    >>> from graphnn.layers import InputSpec
    >>> InputSpec(min_ndim=2, axes={-1: 8})
    InputSpec(min_ndim=2, axes={-1: 8})
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.name, self.optional, self.allow_last_axis_squeeze = name, optional, allow_last_axis_squeeze
        keys: list[Any] = list(axes or ())
        if not all(isinstance(k, int) for k in keys):
            raise TypeError(f"Argument `axes` must be a dictionary with integer keys. Received: axes={axes}")
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        bound = self.ndim if self.ndim is not None else max_ndim
        if self.axes and bound is not None and max(self.axes) >= bound:
            raise ValueError(f"Axis {max(self.axes)} is greater than the maximum allowed value: {bound - 1}")

    def __repr__(self) -> str:
        given = {k: v for k, v in self.get_config().items() if v not in (None, {}, False)}
        return f"InputSpec({', '.join(f'{k}={v!r}' for k, v in given.items())})"

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        ndim = None if self.shape is not None else self.ndim
        return {
            "dtype": self.dtype, "shape": self.shape, "ndim": ndim, "max_ndim": self.max_ndim, "min_ndim": self.min_ndim,
            "axes": self.axes, "allow_last_axis_squeeze": self.allow_last_axis_squeeze, "name": self.name, "optional": self.optional,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """A specification from its arguments."""
        return cls(**config)


def check_inputs(spec: Any, inputs: Any, layer_name: str) -> None:
    """Raises ValueError where inputs (tensors, in the structure of `spec`) are not what a layer expects."""
    if not spec:
        return
    specs = tree.flatten(spec)
    tensors: list[Any]
    if tree.is_dict(inputs) and all(s.name is not None for s in specs):
        missing = [s.name for s in specs if s.name not in inputs and not s.optional]
        if missing:
            raise ValueError(f'Missing data for input "{missing[0]}" of layer "{layer_name}". Received keys: {list(inputs)}')
        tensors = [inputs.get(s.name) for s in specs]
    else:
        tensors = tree.flatten(inputs)
    if len(tensors) != len(specs):
        raise ValueError(
            f'Layer "{layer_name}" expects {len(specs)} input(s), but it received {len(tensors)} input tensors. '
            f"Inputs received: {[describe(t) for t in tensors]}"
        )
    for i, (x, one) in enumerate(zip(tensors, specs, strict=True)):
        if one is not None and not (x is None and one.optional):
            _check(one, x, i, layer_name)


def describe(x: Any) -> str:
    """A tensor in an error message: dtype and shape."""
    shape = getattr(x, "shape", None)
    if shape is None:
        return repr(x)
    return f"{getattr(x, 'dtype', '')}({', '.join(str(d) for d in known(shape))})"


def known(shape: Any) -> tuple[int | None, ...]:
    """A shape with None for symbolic extents."""
    return tuple(None if d is None or isinstance(d, Dim) else int(d) for d in shape)


def _check(spec: InputSpec, x: Any, place: int, layer_name: str) -> None:
    if not hasattr(x, "shape"):
        raise ValueError(
            f"Inputs to a layer should be tensors. Got '{x}' (of type {type(x)}) as input {place} for layer '{layer_name}'."
        )
    shape = known(x.shape)

    def refuse(expected: str, found: str) -> ValueError:
        return ValueError(
            f'Input {place} of layer "{layer_name}" is incompatible with the layer: {expected}, {found}. Full shape received: {shape}'
        )

    ndim, want = len(shape), spec.shape
    if spec.ndim is not None and ndim != spec.ndim and not (spec.allow_last_axis_squeeze and want and _squeezed(want, shape)):
        raise refuse(f"expected ndim={spec.ndim}", f"found ndim={ndim}")
    if spec.max_ndim is not None and ndim > spec.max_ndim:
        raise refuse(f"expected max_ndim={spec.max_ndim}", f"found ndim={ndim}")
    if spec.min_ndim is not None and ndim < spec.min_ndim:
        raise refuse(f"expected min_ndim={spec.min_ndim}", f"found ndim={ndim}")
    if spec.dtype is not None and str(x.dtype) != spec.dtype:
        raise refuse(f"expected dtype={spec.dtype}", f"found dtype={x.dtype}")
    for axis, extent in spec.axes.items():
        if extent is not None and shape[axis] not in (extent, None):
            raise refuse(f"expected axis {axis} of input shape to have value {extent}", f"but received input with shape {shape}")
    if want is not None:
        if spec.allow_last_axis_squeeze:
            want, shape = _without_last(want), _without_last(shape)
        for a, b in zip(want, shape, strict=False):
            if a is not None and b is not None and a != b:
                raise refuse(f"expected shape={spec.shape}", f"found shape={shape}")


def _without_last(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    return shape[:-1] if shape and shape[-1] == 1 else shape


def _squeezed(want: tuple[Any, ...], shape: tuple[Any, ...]) -> bool:
    return len(_without_last(want)) == len(_without_last(shape))
