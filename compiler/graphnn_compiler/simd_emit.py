"""Writing LLVM IR for vectors: `Emit` wraps a builder, `Vec` is a value with operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .simd_types import ELEMENTS, I16, I32, I64, LANES, ir, vector_type

Number = float | int


def _suffix(t: Any) -> str:
    """The suffix by which LLVM names overloads of an intrinsic: v16f32, i64, p0."""
    if isinstance(t, ir.VectorType):
        return f"v{t.count}{_suffix(t.element)}"
    if isinstance(t, ir.IntType):
        return f"i{t.width}"
    return {ir.HalfType: "f16", ir.FloatType: "f32", ir.DoubleType: "f64"}[type(t)]


class _SplatConstant(ir.FormattedConstant):
    """One number in all lanes, in LLVM's short notation (a sixteenth of the text to parse)."""

    def __init__(self, vector: Any, scalar: Any) -> None:
        ir.FormattedConstant.__init__(self, vector, "")
        self.constant = f"splat ({scalar})"


class Emit:
    """Emission helpers bound to one IRBuilder."""

    def __init__(self, builder: Any) -> None:
        self.b = builder
        self.module = builder.module

    # ---- functions
    def external(self, name: str, result: Any, parameters: Sequence[Any]) -> Any:
        """A declared function of the module, by its LLVM or C name."""
        found = self.module.globals.get(name)
        return found if found is not None else ir.Function(self.module, ir.FunctionType(result, parameters), name)

    def llvm(self, name: str, *args: Any) -> Any:
        """Call LLVM intrinsic `name`, overloaded on the type of its first argument and of its result."""
        t = args[0].type
        return self.b.call(self.external(f"llvm.{name}.{_suffix(t)}", t, [a.type for a in args]), args)

    def outlined(
        self, name: str, result: Any, parameters: Sequence[Any], body: Callable[..., Any], inline: bool
    ) -> Any:
        """An internal function, written once per module; `body(Emit, *values)` emits it and gives its result."""
        fn = self.module.globals.get(name)
        if fn is None:
            fn: Any = ir.Function(self.module, ir.FunctionType(result, parameters), name)
            fn.linkage = "internal"
            fn.attributes.add("nounwind")
            fn.attributes.add("alwaysinline" if inline else "noinline")
            inner = Emit(ir.IRBuilder(fn.append_basic_block("entry")))
            value = body(inner, *fn.args)
            if value is None:
                inner.b.ret_void()
            else:
                inner.b.ret(value)
        return fn

    def call_outlined(
        self, name: str, result: Any, args: Sequence[Any], body: Callable[..., Any], inline: bool = False
    ) -> Any:
        """Call such a function."""
        return self.b.call(self.outlined(name, result, [a.type for a in args], body, inline), args)

    # ---- constants and lanes
    def constant(self, element: str, value: Number) -> Any:
        """The LLVM constant with `value` in all lanes."""
        e = ELEMENTS[element]
        scalar = ir.Constant(e.lane, float(value) if e.kind == "f" else int(value))
        return _SplatConstant(vector_type(element), scalar)

    def const(self, element: str, value: Number) -> Vec:
        """The same as a Vec."""
        return Vec(self, element, self.constant(element, value))

    def ramp(self, element: str) -> Vec:
        """0, 1, 2, ... 15."""
        return Vec(self, element, ir.Constant(vector_type(element), list(range(LANES))))

    def vec(self, element: str, value: Any) -> Vec:
        return Vec(self, element, value)

    def splat(self, x: Any) -> Any:
        """All lanes = the LLVM scalar x."""
        t = ir.VectorType(x.type, LANES)
        one = self.b.insert_element(ir.Constant(t, ir.Undefined), x, ir.Constant(I32, 0))
        return self.b.shuffle_vector(
            one, ir.Constant(t, ir.Undefined), ir.Constant(ir.VectorType(I32, LANES), [0] * LANES)
        )

    def mask_bits(self, mask: Any) -> Any:
        """The 16 bits of a b1 vector as i16."""
        return self.b.bitcast(mask, I16)

    def mask_is_full(self, mask: Any) -> Any:
        return self.b.icmp_unsigned("==", self.mask_bits(mask), ir.Constant(I16, -1))

    # ---- addresses
    def pointer(self, address: Any, pointee: Any) -> Any:
        """An int64 address as a pointer."""
        return self.b.inttoptr(address, pointee.as_pointer())

    def word(self, address: Any, index: Any) -> Any:
        """Pointer to the int64 at address[index]."""
        return self.b.gep(self.pointer(address, I64), [index])


class Vec:
    """A vector value. Python numbers on the other side of an operator stand for constants in all lanes."""

    __slots__ = ("e", "element", "v")

    def __init__(self, e: Emit, element: str, value: Any) -> None:
        self.e, self.element, self.v = e, element, value

    @property
    def kind(self) -> str:
        return ELEMENTS[self.element].kind

    def _other(self, x: Vec | Number) -> Any:
        return x.v if isinstance(x, Vec) else self.e.constant(self.element, x)

    def like(self, value: Any) -> Vec:
        return Vec(self.e, self.element, value)

    def const(self, value: Number) -> Vec:
        return self.e.const(self.element, value)

    def __add__(self, x: Vec | Number) -> Vec:
        b = self.e.b
        return self.like((b.fadd if self.kind == "f" else b.add)(self.v, self._other(x)))

    def __sub__(self, x: Vec | Number) -> Vec:
        b = self.e.b
        return self.like((b.fsub if self.kind == "f" else b.sub)(self.v, self._other(x)))

    def __rsub__(self, x: Number) -> Vec:
        return self.const(x) - self

    def __mul__(self, x: Vec | Number) -> Vec:
        b = self.e.b
        return self.like((b.fmul if self.kind == "f" else b.mul)(self.v, self._other(x)))

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, x: Vec | Number) -> Vec:
        return self.like(self.e.b.fdiv(self.v, self._other(x)))

    def __rtruediv__(self, x: Number) -> Vec:
        return self.const(x) / self

    def __neg__(self) -> Vec:
        return self.like(self.e.b.fneg(self.v) if self.kind == "f" else self.e.b.neg(self.v))

    def __and__(self, x: Vec | Number) -> Vec:
        return self.like(self.e.b.and_(self.v, self._other(x)))

    def __or__(self, x: Vec | Number) -> Vec:
        return self.like(self.e.b.or_(self.v, self._other(x)))

    def __xor__(self, x: Vec | Number) -> Vec:
        return self.like(self.e.b.xor(self.v, self._other(x)))

    def __invert__(self) -> Vec:
        return self ^ (1 if self.kind == "b" else -1)

    def __lshift__(self, n: Vec | int) -> Vec:
        return self.like(self.e.b.shl(self.v, self._other(n)))

    def __rshift__(self, n: Vec | int) -> Vec:
        b = self.e.b
        return self.like((b.ashr if self.kind == "i" else b.lshr)(self.v, self._other(n)))

    def _compare(self, op: str, x: Vec | Number) -> Vec:
        b, other = self.e.b, self._other(x)
        if self.kind == "f":  # a comparison with NaN is false, except !=
            v = (b.fcmp_unordered if op == "!=" else b.fcmp_ordered)(op, self.v, other)
        else:
            v = (b.icmp_signed if self.kind == "i" else b.icmp_unsigned)(op, self.v, other)
        return Vec(self.e, "b1", v)

    def lt(self, x: Vec | Number) -> Vec:
        return self._compare("<", x)

    def le(self, x: Vec | Number) -> Vec:
        return self._compare("<=", x)

    def gt(self, x: Vec | Number) -> Vec:
        return self._compare(">", x)

    def ge(self, x: Vec | Number) -> Vec:
        return self._compare(">=", x)

    def eq(self, x: Vec | Number) -> Vec:
        return self._compare("==", x)

    def ne(self, x: Vec | Number) -> Vec:
        return self._compare("!=", x)

    def isnan(self) -> Vec:
        return Vec(self.e, "b1", self.e.b.fcmp_unordered("uno", self.v, self.v))

    def where(self, mask: Vec, otherwise: Vec | Number) -> Vec:
        """Self where the mask is set."""
        return self.like(self.e.b.select(mask.v, self.v, self._other(otherwise)))

    def fma(self, a: Vec | Number, c: Vec | Number) -> Vec:
        """self * a + c with one rounding."""
        return self.like(self.e.llvm("fma", self.v, self._other(a), self._other(c)))

    def unary(self, intrinsic: str) -> Vec:
        """An LLVM intrinsic of one operand: fabs, rint, floor, ..."""
        return self.like(self.e.llvm(intrinsic, self.v))

    def copysign(self, sign: Vec | Number) -> Vec:
        return self.like(self.e.llvm("copysign", self.v, self._other(sign)))

    def bits(self, element: str) -> Vec:
        """The same bits as lanes of another element type of the same width."""
        return Vec(self.e, element, self.e.b.bitcast(self.v, vector_type(element)))

    def to(self, element: str) -> Vec:
        """Converted values; see `to_T`."""
        if element == self.element:
            return self
        b, e, t = self.e.b, self.e, vector_type(element)
        new, old = ELEMENTS[element], ELEMENTS[self.element]
        if new.kind == "b":
            return self.ne(0)
        if old.kind == "f" and new.kind == "f":
            v = (b.fpext if new.size > old.size else b.fptrunc)(self.v, t)
        elif old.kind == "f":  # defined for every input: limits beyond the range, 0 for NaN
            sign = "si" if new.kind == "i" else "ui"
            name = f"llvm.fpto{sign}.sat.{_suffix(t)}.{_suffix(self.v.type)}"
            v = b.call(e.external(name, t, [self.v.type]), [self.v])
        elif new.kind == "f":
            v = (b.sitofp if old.kind == "i" else b.uitofp)(self.v, t)
        elif old.lane.width == new.lane.width:
            v = self.v
        elif old.lane.width > new.lane.width:
            v = b.trunc(self.v, t)
        else:
            v = (b.sext if old.kind == "i" else b.zext)(self.v, t)
        return Vec(e, element, v)
