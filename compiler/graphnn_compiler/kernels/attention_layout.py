"""The dims of the attention kernels, and their planning from shapes alone; nothing here imports Numba.

bufs hold the op's inputs, its results, and the work space. Forward: q, k, v, then the mask, the bias and the words that dropout starts
from, as far as there are any, then the result and the log-sum-exp. Backward: q, k, v, the log-sum-exp, delta, the result's gradient,
then mask, bias and words, then dq, dk, dv.
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
    scale: T  # the bits of a float64, as those of `cap` and `factor`
    cap: T  # what bounds the scaled products
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
    # dropout: where the words are in bufs, the least random number that is kept, the factor of what is kept
    words: T
    least: T
    factor: T
    # where the results begin in bufs
    results: T
    # a thread's work space: bytes of it, and where its parts are
    thread_bytes: T
    turned_g: T  # the gradient's block, turned; that of the queries is at 0
    scores: T
    slopes: T
    kept: T  # the block of the mask
    added: T  # the block of the bias
    drawn: T  # the block of what dropout keeps, a bit for each query
    bends: T  # the derivatives of capped products
    rows: T  # numbers of each query


NAMES = tuple(field.name for field in fields(Dims))
ROWS = 3  # numbers of each query: forward the maximum, the sum, the last factor; backward log-sum-exp and delta


def up(x: int, step: int) -> int:
    """The next multiple of a step."""
    return -(-x // step) * step


@dataclass(frozen=True)
class Optional:
    """What attention may have: shapes of mask and bias, dropout's least random number that is kept and the factor of what is, a cap."""

    mask: tuple[int, ...] | None = None
    bias: tuple[int, ...] | None = None
    least: int | None = None
    factor: float = 1.0
    cap: float = 0.0


def thread_bytes(features: int, values: int, back: bool, bias: bool, dropped: bool, capped: bool) -> list[int]:
    """Where the parts of a thread's work space begin, and at last its length."""
    turned = up(features, LANES) * ROW
    gradient = turned + (up(values, LANES) * ROW if back else 0)
    slopes = gradient + KEYS * ROW
    kept = slopes + (KEYS * ROW if back else 0)
    added = kept + KEYS * VECTORS * VECTOR // 4  # a byte for each float32 of a row
    drawn = added + (KEYS * ROW if bias else 0)
    bends = drawn + (KEYS * VECTORS * VECTOR // 32 if dropped else 0)  # a bit for each float32 of a row
    rows = bends + (KEYS * ROW if capped and back else 0)
    return [turned, gradient, slopes, kept, added, drawn, bends, rows, rows + ROWS * ROW]


def _bits(x: float) -> int:
    """The bits of a float64 as an integer."""
    return struct.unpack("q", struct.pack("d", x))[0]


def _broadcast(shape: tuple[int, ...]) -> list[int]:
    """Strides of a contiguous tensor in elements; 0 along axes of extent 1."""
    strides: list[int] = []
    size = 1
    for d in reversed(shape):
        strides.append(0 if d == 1 else size)
        size *= d
    return strides[::-1]


def dims(
    q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...], scale: float, causal: bool, more: Optional, back: bool
) -> list[int]:
    """The dims block of shapes (batch, T, heads, n), (batch, S, groups, n), (batch, S, groups, m)."""
    first = 6 if back else 3
    masked, biased, dropped = more.mask is not None, more.bias is not None, more.least is not None
    parts = thread_bytes(q[3], v[3], back, biased, dropped, more.cap > 0)
    m, b = _broadcast(more.mask or (1,) * 4), _broadcast(more.bias or (1,) * 4)
    block = Dims(
        *(q[0], q[1], k[1], q[2], k[2], q[3], v[3], int(causal)),
        scale=_bits(scale),
        cap=_bits(more.cap),
        dynamic=int(q[0] * q[2] * q[1] * k[1] * (q[3] + v[3]) > DYNAMIC),
        mask=first if masked else 0,
        mask_batch=m[0],
        mask_head=m[1],
        mask_query=m[2],
        mask_key=m[3],
        bias=first + masked if biased else 0,
        bias_batch=b[0],
        bias_head=b[1],
        bias_query=b[2],
        words=first + masked + biased if dropped else 0,
        least=more.least or 0,
        factor=_bits(more.factor),
        results=first + masked + biased + dropped,
        thread_bytes=parts[-1],
        turned_g=parts[0],
        scores=parts[1],
        slopes=parts[2],
        kept=parts[3],
        added=parts[4],
        drawn=parts[5],
        bends=parts[6],
        rows=parts[7],
    )
    return list(astuple(block))
