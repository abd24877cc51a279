"""Products that sum over axes: matrix products and their relatives. All become one matrix product of the compiler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import ConcreteExtentNeeded, product, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import movement
from graphnn_compiler.ops.elementwise import cast

from ..dispatch import op
from ._common import Tensorish, cut, flat, glued, operands, weak
from ._common import total as added
from .reductions import widened


def factors(*xs: Tensorish) -> tuple[list[Value], str]:
    """Operands of a product in one dtype, and the dtype of the result: bools are multiplied as int32, int8 gives int32."""
    given = [weak(x) for x in xs]
    found = operands(*given)
    kind = found[0].dtype
    if kind in ("bool", "int8"):
        whole = kind == "int8" and len(given) > 1 and all(isinstance(v, Value) and v.dtype == "int8" for v in given)
        return [cast(v, "int32") for v in found], "int32" if whole else kind
    return found, kind


def contracted(a: Value, b: Value) -> Value:
    """`build.matmul`, its complaint in the user's terms."""
    inner = b.shape[-2] if b.ndim > 1 else b.shape[-1] if b.ndim else 1
    if a.ndim == 0 or b.ndim == 0 or (a.shape[-1] != inner and isinstance(a.shape[-1], int) and isinstance(inner, int)):
        raise ValueError(
            f"a matrix product needs the last axis of x1 to be as long as the second last of x2. "
            f"Received: x1.shape={show(a.shape)}, x2.shape={show(b.shape)}"
        )
    if a.shape[-1] != inner:
        raise ConcreteExtentNeeded(f"matrix product of {show(a.shape)} and {show(b.shape)}")
    if a.ndim == b.ndim == 1:
        return added(a * b)
    return build.matmul(a, b)


@op
def matmul(x1: Tensorish, x2: Tensorish) -> Value:
    """The matrix product; axes in front are a batch and broadcast, a vector is a row on the left and a column on the right.

    Args:
        x1: a tensor (..., m, k) or (k,).
        x2: a tensor (..., k, n) or (k,).

    Raises:
        ValueError: the inner extents differ, or an operand has no axis.

    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]]).tolist()
    [[11.0]]
    """
    (a, b), kind = factors(x1, x2)
    return cast(contracted(a, b), kind)


@op
def dot(x1: Tensorish, x2: Tensorish) -> Value:
    """The sum over the last axis of x1 and the second last (or only) axis of x2; the product where one has no axis.

    >>> dot([1.0, 2.0], [3.0, 4.0]).tolist()
    11.0
    """
    (a, b), kind = factors(x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        y = a * b
    elif b.ndim <= 2 or a.ndim == 1:
        y = contracted(a, b)
    else:
        y = _summed(a, b, [a.ndim - 1], [b.ndim - 2])
    return _narrow(y, x1, x2, kind)


def _summed(a: Value, b: Value, axes_a: Sequence[int], axes_b: Sequence[int]) -> Value:
    """The sum over pairs of axes; the other axes of a come first, then those of b."""
    free_a = [i for i in range(a.ndim) if i not in axes_a]
    free_b = [i for i in range(b.ndim) if i not in axes_b]
    for i, j in zip(axes_a, axes_b, strict=True):
        if a.shape[i] != b.shape[j]:
            if isinstance(a.shape[i], int) and isinstance(b.shape[j], int):
                raise ValueError(
                    f"axes {list(axes_a)} of {show(a.shape)} and {list(axes_b)} of {show(b.shape)} have different extents"
                )
            raise ConcreteExtentNeeded(f"product of {show(a.shape)} and {show(b.shape)}")
    outer = tuple(a.shape[i] for i in free_a) + tuple(b.shape[i] for i in free_b)
    if not axes_a:
        left = build.reshape(a, (*a.shape, *(1,) * b.ndim))
        return left * b
    k = product(a.shape[i] for i in axes_a)
    left = build.reshape(movement.transpose(a, (*free_a, *axes_a)), (product(a.shape[i] for i in free_a), k))
    right = build.reshape(movement.transpose(b, (*axes_b, *free_b)), (k, product(b.shape[i] for i in free_b)))
    return build.reshape(build.matmul(left, right), outer)


@op
def tensordot(x1: Tensorish, x2: Tensorish, axes: Any = 2) -> Value:
    """The sum over pairs of axes; the other axes of x1 come first, then those of x2.

    Args:
        x1, x2: tensors.
        axes: a number n: the last n of x1 with the first n of x2; or (axes of x1, axes of x2).

    Raises:
        ValueError: the axes do not fit.

    >>> tensordot([[1.0, 2.0]], [[3.0], [4.0]], axes=1).tolist()
    [[11.0]]
    """
    (a, b), kind = factors(x1, x2)
    if isinstance(axes, int):
        if axes > min(a.ndim, b.ndim):
            raise ValueError(
                f"`axes` cannot exceed the number of axes. Received: axes={axes}, {show(a.shape)} and {show(b.shape)}"
            )
        pairs = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        lists = [[s] if isinstance(s, int) else list(s) for s in axes]
        pairs = [build.normal_axis(int(i), a.ndim) for i in lists[0]], [build.normal_axis(int(i), b.ndim) for i in lists[1]]
    if len(pairs[0]) != len(pairs[1]):
        raise ValueError(f"`axes` must name as many axes of x1 as of x2. Received: axes={axes}")
    return _narrow(_summed(a, b, *pairs), x1, x2, kind)


def _narrow(y: Value, x1: Tensorish, x2: Tensorish, kind: str) -> Value:
    """The result in the dtype in which the operands meet (only `matmul` and `einsum` widen int8)."""
    return cast(y, "int8" if kind == "int32" and operands(x1, x2)[0].dtype == "int8" else kind)


@op
def inner(x1: Tensorish, x2: Tensorish) -> Value:
    """The sum over the last axes of both; the product where one has no axis.

    >>> inner([1.0, 2.0], [3.0, 4.0]).tolist()
    11.0
    """
    (a, b), kind = factors(x1, x2)
    y = a * b if a.ndim == 0 or b.ndim == 0 else _summed(a, b, [a.ndim - 1], [b.ndim - 1])
    return _narrow(y, x1, x2, kind)


@op
def vdot(x1: Tensorish, x2: Tensorish) -> Value:
    """The sum of the products of all elements.

    >>> vdot([1.0, 2.0], [3.0, 4.0]).tolist()
    11.0
    """
    (a, b), kind = factors(x1, x2)
    a, b = flat(a), flat(b)
    return _narrow(added(a * b), x1, x2, kind)


@op
def outer(x1: Tensorish, x2: Tensorish) -> Value:
    """Each element of x1 times each of x2: a matrix.

    >>> outer([1.0, 2.0], [3.0, 4.0]).tolist()
    [[3.0, 4.0], [6.0, 8.0]]
    """
    a, b = operands(x1, x2)
    return build.expand(flat(a), 1) * flat(b)


@op
def kron(x1: Tensorish, x2: Tensorish) -> Value:
    """The Kronecker product: each element of x1 times all of x2, as a block.

    >>> kron([1, 2], [1, 1]).tolist()
    [1, 1, 2, 2]
    """
    a, b = operands(x1, x2)
    ndim = max(a.ndim, b.ndim)
    shape_a, shape_b = ((1,) * (ndim - v.ndim) + v.shape for v in (a, b))
    left = build.reshape(a, tuple(n for d in shape_a for n in (d, 1)))
    right = build.reshape(b, tuple(n for d in shape_b for n in (1, d)))
    return build.reshape(left * right, tuple(p * q for p, q in zip(shape_a, shape_b, strict=True)))


@op(static=("axisa", "axisb", "axisc"))
def cross(x1: Tensorish, x2: Tensorish, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Value:
    """The cross product of vectors of three (or two) components.

    Args:
        x1, x2: tensors; the other axes broadcast. Where both have two components the result is the third component alone.
        axisa, axisb: which axes hold the components.
        axisc: which axis of the result holds them.
        axis: stands for all three.

    Raises:
        ValueError: there are not two or three components.

    >>> cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).tolist()
    [0.0, 0.0, 1.0]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = (widened(v) if v.dtype == "bool" else v for v in operands(x1, x2))
    u, v = _components(a, axisa), _components(b, axisb)
    if len(u) == len(v) == 2:
        return u[0] * v[1] - u[1] * v[0]
    if len(u) == 2:
        u.append(build.value(0, a.dtype))
    if len(v) == 2:
        v.append(build.value(0, b.dtype))
    parts = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
    shape = build.broadcast(*[p.shape for p in parts])
    parts = [build.broadcast_to(p, shape) for p in parts]
    at = build.normal_axis(axisc, len(shape) + 1)
    return glued([build.expand(p, at) for p in parts], at)


def _components(x: Value, axis: int) -> list[Value]:
    at = build.normal_axis(axis, x.ndim)
    n = int(x.shape[at])
    if n not in (2, 3):
        raise ValueError(
            f"the cross product takes vectors of 2 or 3 components. Received: shape {show(x.shape)} with axis {axis}"
        )
    rest = tuple(d for i, d in enumerate(x.shape) if i != at)
    return [build.reshape(cut(x, at, i, 1), rest) for i in range(n)]
