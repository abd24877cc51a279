"""Writing a kernel's control flow straight as LLVM IR, in a form that still reads like the loops it stands for.

Numba would need a third of a second to infer the types of a driver in which everything is an int64. A `Word` is such an
int64 with operators, `code.range` is a loop, `code.when` an if, a `Cell` a variable; vectors belong to `Matrix`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Union

from llvmlite import ir
from numba.core import types

from graphnn_compiler.kernels.gemm_layout import VECTOR
from graphnn_compiler.simd_emit import Emit
from graphnn_compiler.simd_types import ELEMENTS, I32, I64, VOID, define, fixed

Int = Union["Word", int]
SHORT = {"float32": "f32", "float64": "f64"}


class Word:
    """An int64 of the kernel that is being written, or the truth value of a comparison."""

    __slots__ = ("b", "v")

    def __init__(self, b: Any, v: Any) -> None:
        self.b, self.v = b, v

    def _with(self, method: str, x: Int) -> Word:
        other = x.v if isinstance(x, Word) else ir.Constant(self.v.type, x)
        return Word(self.b, getattr(self.b, method)(self.v, other))

    def _is(self, op: str, x: Int) -> Word:
        return Word(self.b, self.b.icmp_signed(op, self.v, x.v if isinstance(x, Word) else ir.Constant(self.v.type, x)))

    def __add__(self, x: Int) -> Word:
        return self if isinstance(x, int) and x == 0 else self._with("add", x)

    def __sub__(self, x: Int) -> Word:
        return self._with("sub", x)

    def __rsub__(self, x: int) -> Word:
        return Word(self.b, self.b.sub(ir.Constant(I64, x), self.v))

    def __mul__(self, x: Int) -> Word:
        return self._with("mul", x)

    def __floordiv__(self, x: Int) -> Word:
        return self._with("udiv", x)  # nothing here is negative

    def __mod__(self, x: Int) -> Word:
        return self._with("urem", x)

    def __and__(self, x: Word) -> Word:
        return self._with("and_", x)

    def __or__(self, x: Word) -> Word:
        return self._with("or_", x)

    def __lt__(self, x: Int) -> Word:
        return self._is("<", x)

    def __le__(self, x: Int) -> Word:
        return self._is("<=", x)

    def __gt__(self, x: Int) -> Word:
        return self._is(">", x)

    def __ge__(self, x: Int) -> Word:
        return self._is(">=", x)

    def equals(self, x: Int) -> Word:
        return self._is("==", x)

    def differs(self, x: Int) -> Word:
        return self._is("!=", x)

    def then(self, yes: Int, no: Int) -> Word:
        """Where this truth value holds `yes`, else `no`."""
        values = [x.v if isinstance(x, Word) else ir.Constant(I64, x) for x in (yes, no)]
        return Word(self.b, self.b.select(self.v, *values))

    def least(self, x: Int) -> Word:
        return (self < x).then(self, x)

    def most(self, x: Int) -> Word:
        return (self > x).then(self, x)

    __radd__, __rmul__ = __add__, __mul__


class Cell:
    """A variable."""

    def __init__(self, code: Code, value: Int) -> None:
        b = code.b
        with b.goto_entry_block():
            self.place = b.alloca(I64)
        self.code = code
        self.set(value)

    def get(self) -> Word:
        return Word(self.code.b, self.code.b.load(self.place))

    def set(self, value: Int) -> None:
        self.code.b.store(value.v if isinstance(value, Word) else ir.Constant(I64, value), self.place)


class Code:
    """A function of the kernel that is being written."""

    def __init__(self, e: Emit) -> None:
        self.e, self.b = e, e.b

    def words(self, values: Sequence[Any]) -> list[Word]:
        return [Word(self.b, v) for v in values]

    def number(self, x: int) -> Word:
        return Word(self.b, ir.Constant(I64, x))

    def word(self, address: Word, index: int) -> Word:
        value = self.b.load(self.b.gep(self.e.pointer(address.v, I64), [ir.Constant(I64, index)]))
        value.align = 8
        return Word(self.b, value)

    def range(self, stop: Int, start: Int = 0, step: Int = 1) -> Iterator[Word]:
        """`for i in code.range(stop)`: the body is written once and runs as often as it says."""
        b = self.b
        first, end, by = (Word(b, x.v if isinstance(x, Word) else ir.Constant(I64, x)) for x in (start, stop, step))
        before, body, after = b.block, b.append_basic_block("range"), b.append_basic_block("range_end")
        b.cbranch((first < end).v, body, after)
        b.position_at_end(body)
        i = b.phi(I64)
        i.add_incoming(first.v, before)
        yield Word(b, i)
        following = Word(b, i) + by
        i.add_incoming(following.v, b.block)
        b.cbranch((following < end).v, body, after)
        b.position_at_end(after)

    @contextmanager
    def forever(self) -> Generator[Callable[[Word], None]]:
        """A loop that ends where the function it yields is called with a truth value that holds."""
        b = self.b
        body, after = b.append_basic_block("loop"), b.append_basic_block("loop_end")

        def leave_if(condition: Word) -> None:
            rest = b.append_basic_block("rest")
            b.cbranch(condition.v, after, rest)
            b.position_at_end(rest)

        b.branch(body)
        b.position_at_end(body)
        yield leave_if
        b.branch(body)
        b.position_at_end(after)

    @contextmanager
    def when(self, condition: Word) -> Generator[None]:
        with self.b.if_then(condition.v):
            yield

    def choose(self, condition: Word, yes: Callable[[], object], no: Callable[[], object]) -> None:
        with self.b.if_else(condition.v) as (then, otherwise):
            with then:
                yes()
            with otherwise:
                no()

    def call(self, name: str, body: Callable[..., None], *args: Word) -> None:
        """Call `body(code, *words)`, which is written once per module as a function of its own."""

        def emit(e: Emit, *values: Any) -> None:
            code = Code(e)
            body(code, *code.words(values))

        self.e.call_outlined(name, VOID, [x.v for x in args], emit)

    def claim(self, address: Word, index: int) -> Word:
        """The int64 at address[index], which becomes one more, atomically."""
        place = self.b.gep(self.e.pointer(address.v, I64), [ir.Constant(I64, index)])
        return Word(self.b, self.b.atomic_rmw("add", place, ir.Constant(I64, 1), "seq_cst"))

    def fixed(self, x: Word) -> Word:
        """x itself, of which LLVM does not know how it came about: in a loop it stays one register, rather than becoming a
        part of every address that is computed from it."""
        same = ir.InlineAsm(ir.FunctionType(I64, [I64]), "", "=r,0")
        return Word(self.b, self.b.call(same, [x.v]))

    def prefetch(self, address: Word, write: bool = False, level: int = 1) -> None:
        """Ask for the line at `address` in the cache of that level."""
        args = [self.e.pointer(address.v, ir.IntType(8)), *(ir.Constant(I32, x) for x in (int(write), 4 - level, 1))]
        self.b.call(self.e.external("llvm.prefetch.p0", VOID, [x.type for x in args]), args)

    def frame(self, words: int) -> Word:
        """The address of int64s that live as long as the call."""
        with self.b.goto_entry_block():
            place = self.b.alloca(I64, size=words)
        return Word(self.b, self.b.ptrtoint(place, I64))

    def store(self, address: Word, *values: Int) -> None:
        """Writes int64s one after the other."""
        for i, x in enumerate(values):
            place = self.b.gep(self.e.pointer(address.v, I64), [ir.Constant(I64, i)])
            self.b.store(x.v if isinstance(x, Word) else ir.Constant(I64, x), place)

    def call_address(self, address: Word, *args: Word) -> Word:
        """Call `int32 function(int64, ...)`."""
        function = self.b.inttoptr(address.v, ir.FunctionType(I32, [I64] * len(args)).as_pointer())
        return Word(self.b, self.b.sext(self.b.call(function, [x.v for x in args]), I64))


class Matrix:
    """Accesses to a matrix of one element type. A vector is 64 bytes of one row."""

    def __init__(self, code: Code, dtype: str) -> None:
        element = ELEMENTS[SHORT[dtype]]
        self.code, self.b, self.e, self.name, self.size = code, code.b, code.e, element.name, element.size
        self.scalar, self.bytes, self.lanes = element.lane, VECTOR, VECTOR // element.size
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.zero = ir.Constant(self.vector, None)

    def mask(self, n: Word, vectors: int, there: Word | None = None) -> list[Any]:
        """For each vector of a row of n elements: the lanes that exist; none of them if the row is not `there`."""
        n = n.least(vectors * self.lanes)
        end = self.splat(self.b.trunc((n if there is None else there.then(n, 0)).v, I32))
        numbers = [list(range(v * self.lanes, (v + 1) * self.lanes)) for v in range(vectors)]
        return [self.b.icmp_signed("<", ir.Constant(end.type, lanes), end) for lanes in numbers]

    def splat(self, x: Any) -> Any:
        """All lanes = the LLVM scalar x."""
        nothing = ir.Constant(ir.VectorType(x.type, self.lanes), None)
        one = self.b.insert_element(nothing, x, ir.Constant(I32, 0))
        return self.b.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(I32, self.lanes), None))

    def _masked(self, what: str, result: Any, *args: Any) -> Any:
        function = self.e.external(f"llvm.masked.{what}.v{self.lanes}{self.name}.p0", result, [x.type for x in args])
        return self.b.call(function, args)

    def load(self, address: Word, mask: Any = None) -> Any:
        pointer = self.e.pointer(address.v, self.vector)
        if mask is not None:
            return self._masked("load", self.vector, pointer, ir.Constant(I32, self.size), mask, self.zero)
        value = self.b.load(pointer)
        value.align = self.size
        return value

    def store(self, value: Any, address: Word, mask: Any = None) -> None:
        pointer = self.e.pointer(address.v, self.vector)
        if mask is not None:
            self._masked("store", VOID, value, pointer, ir.Constant(I32, self.size), mask)
        else:
            self.b.store(value, pointer).align = self.size

    def load_splat(self, address: Word) -> Any:
        value = self.b.load(self.e.pointer(address.v, self.scalar))
        value.align = self.size
        return self.splat(value)

    def rows(self, count: int, there: Word | None = None) -> list[Word]:
        """0, 1, ... count - 1; instead of the rows that are not `there` the last one that is."""
        numbers = [self.code.number(i) for i in range(count)]
        return numbers if there is None else [(there - 1).least(number) for number in numbers]


def kernel_function(name: str, parameters: str, body: Callable[..., Any], result: bool = False) -> Any:
    """A function that Numba code can call, of int64 parameters, written by `body(code, *words)`."""

    def emit(e: Emit, _: Any, *values: Any) -> Any:
        code = Code(e)
        if result:
            return body(code, *code.words(values)).v
        code.call(name, body, *code.words(values))
        return None

    count = len(parameters.split())
    return define(name, parameters, fixed(types.int64 if result else types.void, *[types.int64] * count), emit)
