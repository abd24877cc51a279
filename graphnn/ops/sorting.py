"""Order: sorting, the places of extrema, the k largest, places in a sorted sequence."""

from __future__ import annotations

from collections.abc import Sequence

from graphnn_compiler import build
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise, reduce
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.index import TakeAlongAxis
from graphnn_compiler.ops.ordering import ArgSort
from graphnn_compiler.trace import emit

from ..dispatch import op, value
from ._common import Tensorish, cut, flat, from_last, largest, ramp_along, smallest, to_last
from ._common import total as added


def order_of(x: Value, descending: bool = False) -> Value:
    """The stable order of elements along the last axis, as int64."""
    return emit(ArgSort(descending), cast(x, {"bool": "uint8", "float16": "float32"}.get(x.dtype, x.dtype)))


def sorted_last(x: Value) -> Value:
    """x in ascending order along its last axis."""
    return emit(TakeAlongAxis(x.ndim - 1), x, order_of(x))


def arg_extremum(x: Value, axis: int | None, keepdims: bool, high: bool) -> Value:
    """Where the first extremum (or NaN) is along an axis, or among all elements, as int32."""
    if axis is None:
        place = arg_extremum(flat(x), 0, False, high)
        return build.reshape(place, (1,) * x.ndim) if keepdims else place
    at = build.normal_axis(axis, x.ndim)
    hit = emit(compare.Equal(), x, (largest if high else smallest)(x, at, True))
    if is_float(x.dtype):
        hit = emit(compare.Or(), hit, emit(compare.IsNan(), x))
    places = ramp_along(at, x.shape)
    beyond = cast(build.count_value(x.shape[at], "int64"), "int32")
    return build.reduced(reduce.Min, emit(elementwise.Where(), hit, places, beyond), at, keepdims)


@op
def argmax(x: Tensorish, axis: int | None = None, keepdims: bool = False) -> Value:
    """Where the largest element is, as int32; of equal ones the first, of NaN the first NaN.

    Args:
        x: a tensor.
        axis: an axis; None counts through all elements.
        keepdims: whether the axis stays, with extent 1.

    >>> argmax([[1.0, 5.0], [7.0, 4.0]], axis=1).tolist()
    [1, 0]
    """
    return arg_extremum(value(x), axis, keepdims, True)


@op
def argmin(x: Tensorish, axis: int | None = None, keepdims: bool = False) -> Value:
    """Where the smallest element is, as int32. Arguments as in `argmax`.

    >>> argmin([[1.0, 5.0], [7.0, 4.0]], axis=1).tolist()
    [0, 1]
    """
    return arg_extremum(value(x), axis, keepdims, False)


@op
def sort(x: Tensorish, axis: int | None = -1) -> Value:
    """The elements in ascending order along an axis, NaN last.

    Args:
        x: a tensor.
        axis: an axis; None sorts all elements and gives one axis.

    >>> sort([3.0, 1.0, 2.0]).tolist()
    [1.0, 2.0, 3.0]
    """
    v = value(x)
    if axis is None or v.ndim == 0:
        return sorted_last(flat(v)) if axis is None else v
    at = build.normal_axis(axis, v.ndim)
    return from_last(sorted_last(to_last(v, at)), at)


@op
def argsort(x: Tensorish, axis: int | None = -1) -> Value:
    """The indices that sort x along an axis, as int32; equal elements keep their order.

    Args:
        x: a tensor.
        axis: an axis; None counts through all elements.

    >>> argsort([3.0, 1.0, 2.0]).tolist()
    [1, 2, 0]
    """
    v = value(x)
    if axis is None or v.ndim == 0:
        v, axis = flat(v), 0
    at = build.normal_axis(axis, v.ndim)
    return cast(from_last(order_of(to_last(v, at)), at), "int32")


@op(static=("kth",))
def argpartition(x: Tensorish, kth: int | Sequence[int], axis: int | None = -1) -> Value:
    """Indices that put the kth smallest element in its place, smaller ones before and larger ones behind it, as int32.

    >>> argpartition([3.0, 1.0, 2.0], 1).tolist()[1]
    2
    """
    return argsort(x, axis)


@op(static=("sorted",))
def top_k(x: Tensorish, k: int, sorted: bool = True) -> tuple[Value, Value]:
    """The k largest elements along the last axis and their indices (int32), the largest first.

    Args:
        x: a tensor.
        k: how many.
        sorted: accepted for compatibility; the result is sorted.

    Raises:
        ValueError: there are fewer than k elements.

    >>> [t.tolist() for t in top_k([1.0, 9.0, 5.0], 2)]
    [[9.0, 5.0], [1, 2]]
    """
    v = value(x)
    n = v.shape[-1]
    if isinstance(n, int) and not 0 <= k <= n:
        raise ValueError(f"`top_k` takes k from 0 to the extent of the last axis. Received: k={k}, x.shape={show(v.shape)}")
    places = cut(order_of(v, True), v.ndim - 1, 0, k)
    return emit(TakeAlongAxis(v.ndim - 1), v, places), cast(places, "int32")


@op(tensors=("targets", "predictions"))
def in_top_k(targets: Tensorish, predictions: Tensorish, k: int) -> Value:
    """Whether the score of the target class is among the k largest; equal scores count as one place.

    Args:
        targets: class indices (batch,).
        predictions: scores (batch, classes).
        k: how many places count.

    >>> in_top_k([1, 0], [[0.1, 0.9], [0.1, 0.9]], k=1).tolist()
    [True, False]
    """
    labels, scores = build.expand(cast(value(targets), "int64"), -1), value(predictions)
    classes = scores.shape[-1]
    mine = emit(compare.Equal(), labels, ramp_along(scores.ndim - 1, scores.shape, "int64"))
    # A class that does not exist has no score: it is in no top k.
    score = added(emit(elementwise.Where(), mine, scores, build.value(0, scores.dtype)), -1, True)
    better = added(cast(scores > score, "int32"), -1)
    known = emit(compare.And(), labels >= 0, labels < build.count_value(classes, "int64"))
    known = emit(compare.And(), known, emit(compare.IsFinite(), score)) if is_float(scores.dtype) else known
    return emit(compare.And(), better < k, build.reshape(known, better.shape))


@op(tensors=("sorted_sequence",))
def searchsorted(sorted_sequence: Tensorish, values: Tensorish, side: str = "left") -> Value:
    """Where values would go into a sorted sequence so that it stays sorted, as int32.

    Args:
        sorted_sequence: a tensor of one axis, ascending.
        values: a tensor.
        side: "left": before equal elements; "right": behind them.

    Raises:
        ValueError: the sequence has more than one axis, or `side` is another word.

    >>> searchsorted([1.0, 2.0, 3.0], [2.0, 9.0]).tolist()
    [1, 3]
    """
    sequence, v = value(sorted_sequence), value(values)
    if sequence.ndim != 1 or side not in ("left", "right"):
        raise ValueError(
            "`searchsorted` only supports 1-D sorted sequences and side 'left' or 'right'. "
            f"Received: sorted_sequence.shape={show(sequence.shape)}, side={side!r}"
        )
    sequence, v = build.together(sequence, v)
    spread = build.expand(v, -1)
    before = sequence < spread if side == "left" else sequence <= spread
    return added(cast(before, "int32"), -1)


@op(tensors=("bins",))
def digitize(x: Tensorish, bins: Tensorish) -> Value:
    """The bin of each element, as int32: i where bins[i - 1] <= x < bins[i], or the other way round for descending bins.

    >>> digitize([0.5, 1.0, 9.0], [1.0, 2.0]).tolist()
    [0, 1, 2]
    """
    v, edges = build.together(value(x), value(bins))
    spread, last = build.expand(v, -1), edges.shape[0] - 1
    falling = cut(edges, 0, 0, 1) > cut(edges, 0, last, 1)
    before = emit(elementwise.Where(), falling, edges > spread, edges <= spread)
    return added(cast(before, "int32"), -1)
