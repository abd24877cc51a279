"""A copy of a band of images with its halo of zeros, so that the sums of a convolution have no edges to look out for."""

from __future__ import annotations

from graphnn_compiler.kernels.gemm import Read
from graphnn_compiler.kernels.gemm_emit import Code, Matrix, Word

LONG = 4  # vectors that are moved at a time


def fill(code: Code, dtype: str, names: tuple[str, ...], *args: Word) -> None:
    """Call fill(dims, source, copy, images, first, rows): copies indices first .. first + rows of the first axis of some images.

    The indices count from the source's own first one; what lies outside of the source is zero.
    """
    def body(code: Code, dims: Word, source: Word, copy: Word, images: Word, first: Word, rows: Word) -> None:
        d = Read(code, dims, names)
        for image in code.range(images):
            for t in code.range(rows):
                at = first + t
                there = (at >= 0) & (at < d.extent_0)
                for u in code.range(d.rows_1):
                    beside = d.low_1 + u
                    to = copy + image * d.copy_image + t * d.copy_0 + u * d.copy_1
                    row = source + image * d.image + at * d.step_0 + beside * d.step_1 + d.skip

                    def inside(to: Word = to, row: Word = row) -> None:
                        take, start = d.take, to + d.lead
                        move(code, dtype, start, row, take)
                        for place, length in ((to, d.lead), (start + take, d.trail)):
                            with code.when(length > 0):
                                clear(code, dtype, place, length)

                    def outside(to: Word = to) -> None:
                        clear(code, dtype, to, d.copy_1)

                    code.choose(there & (beside >= 0) & (beside < d.extent_1), inside, outside)

    code.call(f"conv_fill_{dtype}", body, *args)


def move(code: Code, dtype: str, *args: Word) -> None:
    """Call move(to, source, length): copies so many bytes."""

    def body(code: Code, to: Word, source: Word, length: Word) -> None:
        x = Matrix(code, dtype)
        long = length - length % (LONG * x.bytes)
        whole = length - length % x.bytes
        for i in code.range(long, step=LONG * x.bytes):
            values = [x.load(source + i + v * x.bytes) for v in range(LONG)]
            for v, value in enumerate(values):
                x.store(value, to + i + v * x.bytes)
        for i in code.range(whole, start=long, step=x.bytes):
            x.store(x.load(source + i), to + i)
        with code.when(whole < length):
            (mask,) = x.mask((length - whole) // x.size, 1)
            x.store(x.load(source + whole, mask), to + whole, mask)

    code.call(f"conv_move_{dtype}", body, *args)


def clear(code: Code, dtype: str, *args: Word) -> None:
    """Call clear(to, length): writes so many bytes of zeros."""

    def body(code: Code, to: Word, length: Word) -> None:
        x = Matrix(code, dtype)
        whole = length - length % x.bytes
        for i in code.range(whole, step=x.bytes):
            x.store(x.zero, to + i)
        with code.when(whole < length):
            (mask,) = x.mask((length - whole) // x.size, 1)
            x.store(x.zero, to + whole, mask)

    code.call(f"conv_clear_{dtype}", body, *args)
