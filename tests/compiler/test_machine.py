"""The machine of machine.py finds what it is for: generated source with a fault put into it does not pass."""

from __future__ import annotations

import numpy as np
import pytest
from graphnn_compiler import build as b
from graphnn_compiler.codegen import text
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, transcendental
from graphnn_compiler.runtime.program import Mode
from graphnn_compiler.trace import emit, trace
from machine import allow, machine
from machine_memory import Fault

N = symbol("n")


def run(threads: int = 1) -> np.ndarray:
    """exp(x) + exp(x) backwards; exp(x) lies in the arena."""

    def f(x: Value) -> list[Value]:
        y = emit(transcendental.Exp(), x)
        return [b.binary(elementwise.Add(), y, b.getitem(y, (slice(None), slice(None, None, -1))))]

    graph = trace(f, [((N, 20), "float32")])
    arrays = [np.zeros((23, 20), "float32")]  # more rows than an item has
    with machine(threads, apart=True):
        program = Executable(graph).program([a.shape for a in arrays], Mode(("whole",), False, (0,)))
        outputs = [np.empty(s, d) for s, d in zip(program.output_shapes, program.output_dtypes, strict=True)]
        allow(program, arrays, outputs)
        assert program.run([a.ctypes.data for a in arrays], {}, [a.ctypes.data for a in outputs], 1) is None
    return outputs[0]


def test_right_source_passes() -> None:
    for threads in (1, 3):
        np.testing.assert_array_equal(run(threads), np.full((23, 20), 2.0))


@pytest.mark.parametrize(
    ("right", "wrong", "message", "threads"),
    [
        ("lanes_below(j1 - j)", "lanes_below(j1 - j + 1)", "no memory of the program", 1),
        ("j0 = ", "j0 = -1 + ", "no memory of the program", 1),
        ("items * tid // n", "0", "what another touches", 3),
        ("first = items * tid // n", "first = items * tid // n + 1", "memory is read that nobody wrote", 1),
    ],
)
def test_wrong_source_is_found(monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, message: str, threads: int) -> None:
    put = text._Writer.put
    seen: list[str] = []

    def faulty(self: text._Writer, line: str) -> None:
        seen.append(line)
        put(self, line.replace(right, wrong))

    monkeypatch.setattr(text._Writer, "put", faulty)
    with pytest.raises(Fault, match=message):
        run(threads)
    assert any(right in line for line in seen)
