"""Control flow: kernels that run tables of the program, by way of the runner.

    loop:        dims: [runner, rows, steps]; bufs: [table].
    while_loop:  dims: [runner, rows of the condition, rows of the body]; bufs: [its result (bool), table, table].
    switch:      dims: [runner, branches, rows of each]; bufs: [index (int32), a table for each].
    lanes:       dims: [runner, lanes, words of a context, rows of each]; bufs: [contexts, a table for each]; lane i is run by thread
                 i modulo n, alone, in a context of its own.

The last row of each table has a barrier where the team runs it, so that all threads see the same condition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..runtime.context import CODE, LINE, LINES, NOTED, NOW, STEP_OF
from ..simd import call_kernel, scalar_i32, scalar_u8, set_word, word
from .run import stack_words

HELPERS = ("kernels/run.py", "runtime/context.py", "runtime/table.py")


def build(kind: str) -> Callable[..., Any]:
    """The kernel called `kind`."""

    def loop(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        block = stack_words(4)
        set_word(block, 0, word(bufs, 0))
        set_word(block, 1, word(dims, 1))
        set_word(block, 2, word(dims, 2))
        set_word(block, 3, 0)
        return call_kernel(word(dims, 0), block, 0, ctx, tid, n)

    def while_loop(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        block = stack_words(4)
        set_word(block, 2, 1)
        set_word(block, 3, 0)
        code = 0
        going = 1
        while going != 0:
            set_word(block, 0, word(bufs, 1))
            set_word(block, 1, word(dims, 1))
            code = call_kernel(word(dims, 0), block, 0, ctx, tid, n)
            going = 0
            if code == 0 and scalar_u8(word(bufs, 0)) != 0:
                set_word(block, 0, word(bufs, 2))
                set_word(block, 1, word(dims, 2))
                code = call_kernel(word(dims, 0), block, 0, ctx, tid, n)
                if code == 0:
                    going = 1
        return code

    def switch(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        chosen = min(max(scalar_i32(word(bufs, 0)), 0), word(dims, 1) - 1)
        block = stack_words(4)
        set_word(block, 0, word(bufs, chosen + 1))
        set_word(block, 1, word(dims, chosen + 2))
        set_word(block, 2, 1)
        set_word(block, 3, 0)
        return call_kernel(word(dims, 0), block, 0, ctx, tid, n)

    def lanes(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        mine = ctx + 8 * (LINES + LINE * tid)
        block = stack_words(4)
        set_word(block, 2, 1)
        set_word(block, 3, word(mine, NOW))
        code = 0
        lane = tid
        while lane < word(dims, 1) and code == 0:
            own = word(bufs, 0) + 8 * word(dims, 2) * lane
            i = 0
            while i < word(dims, 2):
                set_word(own, i, 0)
                i += 1
            set_word(block, 0, word(bufs, lane + 1))
            set_word(block, 1, word(dims, lane + 3))
            call_kernel(word(dims, 0), block, 0, own, 0, 1)
            if word(own, LINES + CODE) != 0 and word(mine, CODE) == 0:
                i = CODE
                while i <= STEP_OF:
                    set_word(mine, i, word(own, LINES + i))
                    i += 1
                code = NOTED
            lane += n
        return code

    kernels: dict[str, Callable[..., Any]] = {"loop": loop, "while_loop": while_loop, "switch": switch, "lanes": lanes}
    return kernels[kind]
