"""The dims of the attention kernels, and their planning from shapes alone; nothing here imports Numba.

bufs hold the op's inputs, its results, and the work space. Forward: q, k, v, then the mask and the bias if there are any, then the
result and the log-sum-exp. Backward: q, k, v, the log-sum-exp, delta, the result's gradient, then mask and bias, then dq, dk, dv.
"""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass, fields
from typing import Generic, TypeVar

from graphnn_compiler.kernels.gemm_layout import VECTOR

T = TypeVar("T")

VECTORS = 4  # vectors of queries in a block
ROW = VECTORS * VECTOR  # bytes of a row of scores: a key, and the queries of a block
KEYS = 128  # in a block
LANES = 16  # rows of a turned block are written in multiples of it
DYNAMIC = 1 << 24  # multiplications from which on threads claim units, so that a slow core does less


@dataclass(frozen=True)
class Dims(Generic[T]):
    """The dims block, in this order."""

    batch: T
    queries: T
    keys: T
    heads: T
    groups: T  # heads of keys and values; heads // groups of the queries' share one
    features: T  # of queries and keys
    values: T  # features of values
    causal: T
    scale: T  # the bits of a float64
    dynamic: T
    # where the mask and the bias are in bufs (0: there is none), and their strides in elements; that of the bias's keys is 1
    mask: T
    mask_batch: T
    mask_head: T
    mask_query: T
    mask_key: T
    bias: T
    bias_batch: T
    bias_head: T
    bias_query: T
    # where the results begin in bufs
    results: T
    # a thread's work space: bytes of it, and where its parts are
    thread_bytes: T
    turned_g: T  # the gradient's block, turned; that of the queries is at 0
    scores: T
    slopes: T
    kept: T  # the block of the mask
    added: T  # the block of the bias
    rows: T  # numbers of each query


NAMES = tuple(field.name for field in fields(Dims))
ROWS = 3  # numbers of each query: forward the maximum, the sum, the last factor; backward log-sum-exp and delta


def up(x: int, step: int) -> int:
    """The next multiple of a step."""
    return -(-x // step) * step


def thread_bytes(features: int, values: int, back: bool, bias: bool) -> list[int]:
    """Where the parts of a thread's work space begin, and at last its length."""
    turned = up(features, LANES) * ROW
    gradient = turned + (up(values, LANES) * ROW if back else 0)
    slopes = gradient + KEYS * ROW
    kept = slopes + (KEYS * ROW if back else 0)
    added = kept + KEYS * VECTORS * VECTOR // 4  # a byte for each float32 of a row
    rows = added + (KEYS * ROW if bias else 0)
    return [turned, gradient, slopes, kept, added, rows, rows + ROWS * ROW]


def _broadcast(shape: tuple[int, ...]) -> list[int]:
    """Strides of a contiguous tensor in elements; 0 along axes of extent 1."""
    strides: list[int] = []
    size = 1
    for d in reversed(shape):
        strides.append(0 if d == 1 else size)
        size *= d
    return strides[::-1]


def dims(
    q: tuple[int, ...],
    k: tuple[int, ...],
    v: tuple[int, ...],
    scale: float,
    causal: bool,
    mask: tuple[int, ...] | None,
    bias: tuple[int, ...] | None,
    back: bool,
) -> list[int]:
    """The dims block of shapes (batch, T, heads, n), (batch, S, groups, n), (batch, S, groups, m), of a mask's and of a bias's."""
    first = 6 if back else 3
    parts = thread_bytes(q[3], v[3], back, bias is not None)
    m, b = _broadcast(mask or (1,) * 4), _broadcast(bias or (1,) * 4)
    block = Dims(
        *(q[0], q[1], k[1], q[2], k[2], q[3], v[3], int(causal)),
        scale=struct.unpack("q", struct.pack("d", scale))[0],
        dynamic=int(q[0] * q[2] * q[1] * k[1] * (q[3] + v[3]) > DYNAMIC),
        mask=first if mask else 0,
        mask_batch=m[0],
        mask_head=m[1],
        mask_query=m[2],
        mask_key=m[3],
        bias=first + (mask is not None) if bias else 0,
        bias_batch=b[0],
        bias_head=b[1],
        bias_query=b[2],
        results=first + (mask is not None) + (bias is not None),
        thread_bytes=parts[-1],
        turned_g=parts[0],
        scores=parts[1],
        slopes=parts[2],
        kept=parts[3],
        added=parts[4],
        rows=parts[5],
    )
    return list(astuple(block))
