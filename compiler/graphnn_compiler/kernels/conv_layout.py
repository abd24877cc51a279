"""The argument blocks of the convolution kernels: what is in dims. Imported by those who bind them, so nothing is imported here.

bufs are the GEMM's: A, B, C, WORK, one unused, and the epilogue's own from TILE_FIRST on. Strides and offsets are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Generic, TypeVar

T = TypeVar("T")

DEEP = 640  # elements of k in one chain of fused multiply-adds, at most
PANEL = DEEP + 16  # rows of a panel of B; packing may write a few more than there are


@dataclass(frozen=True)
class Source(Generic[T]):
    """Where a band of images is read: in place, or in a copy of it with its halo, which is then in the thread's workspace."""

    images: T  # in the batch
    image: T  # from one image to the next
    step_0: T  # from one index of the first spatial axis to the next, where the band begins at index first * band_step
    band_step: T  # indices of the source's first axis per index of the result's
    in_place: T  # not in a copy; then where the first band begins
    start: T
    extent_0: T
    extent_1: T  # of the source
    low_0: T
    low_1: T  # index of the copy's first element in the source, which may be negative
    rows_0: T
    rows_1: T  # extents of the copy
    step_1: T  # of the source
    lead: T
    skip: T
    take: T
    trail: T  # a row of the copy: bytes of zeros, bytes of the source left out before it, bytes of it, zeros
    copy_image: T
    copy_0: T
    copy_1: T


@dataclass(frozen=True)
class Dims(Source[T]):
    """The dims of `conv`, in this order; PHASE words per phase, RUN words per run and ROW words per row of an item follow."""

    phases: T
    groups: T
    # what is shared out: groups of images, bands of an image's first axis (in indices of a phase), blocks of columns
    item_images: T
    band: T
    bands: T
    columns: T
    n: T  # columns of a group
    a_group: T  # from one group to the next
    b_group: T
    # A of a tile: bytes per step within a run; B: from one of its rows to the next; turned: B's columns are contiguous
    a_column: T
    b_row: T
    turned: T
    b_column: T  # from one column to the next
    # C: bytes of a row (the channels of a place); the places of an image, of an index of its first axis; what of the first axis
    # a band of one index makes, and how long that axis is
    c_row: T
    c_image: T
    c_0: T
    c_step: T
    c_extent: T
    # the epilogue, as in the GEMM; rows that are finished at once
    tile: T
    tile_dims: T
    scratch: T
    block: T
    # packing: 0: B is used in place, 1: a chunk of an item at a time, 2: all of B first
    pack: T
    chunk_panels: T  # bytes of the panels of a chunk and a block of columns
    packs: T  # where the CHUNK words of all that is packed first begin, from the dims on, and how many there are
    packs_count: T
    dynamic: T
    # a thread's workspace: its bytes, where in it the panels begin (the copy is in front)
    thread_bytes: T
    panels: T


@dataclass(frozen=True)
class Phase(Generic[T]):
    """One phase: the places of the result that meet the same places of the kernel."""

    # extents, and how A's address and the number of C's row change along them
    extent_0: T
    extent_1: T
    extent_2: T
    a_0: T
    a_1: T
    a_2: T
    c_first: T
    c_0: T
    c_1: T
    c_2: T
    # chunks of the sum: where their CHUNK words begin, from the dims on, and how many there are
    chunks: T
    count: T
    rows: T  # where the ROW words of an item's rows begin, in bytes from the dims on


@dataclass(frozen=True)
class Chunk(Generic[T]):
    """One chunk of a phase's sum."""

    runs: T  # where its runs begin, from the dims on
    count: T
    panel: T  # the number of its panels among those that are packed first


@dataclass(frozen=True)
class SumDims(Source[T]):
    """The dims of `conv_weights`, in this order; RUN words per run and TAP words per place of the kernel follow."""

    groups: T
    # the sum: images and indices of the first axis in a block, blocks, segments of them
    block_images: T
    band: T
    bands: T
    places_0: T  # places of y along its first axis
    lines: T  # runs per index of the first axis
    blocks: T
    segments: T
    # pieces of a run that is too long, and where their runs begin; a piece's bytes of B
    pieces: T
    runs: T
    b_piece: T
    a_column: T
    # C[m, n] of each group: m is a place of the kernel and a channel
    m: T
    n: T
    taps: T
    tap_words: T
    channels: T
    element: T
    a_group: T
    # B = dy: bytes of a row, of an image, of an index of its first axis
    b_row: T
    b_image: T
    b_0: T
    depth: T  # B's rows in a whole block's piece
    c_row: T
    c_group: T
    # what is shared out besides segments: blocks of rows, blocks of columns
    rows: T
    columns: T
    # partial sums, from WORK on; 0: C itself
    partial: T
    segment_bytes: T
    tile: T
    tile_dims: T
    block: T
    pack: T
    thread_bytes: T
    table: T
    panels: T


PHASE, CHUNK = len(fields(Phase)), len(fields(Chunk))
NAMES = tuple(field.name for field in fields(Dims))
SUM_NAMES = tuple(field.name for field in fields(SumDims))
PHASE_NAMES = tuple(field.name for field in fields(Phase))
CHUNK_NAMES = tuple(field.name for field in fields(Chunk))
