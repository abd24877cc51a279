"""`@op`: one body for the three situations in which a public op is called.

With a symbolic tensor among the arguments the call becomes a node of the layer DAG. Inside a trace the body is run on the trace's
values. Otherwise the body is traced on the arrays' shapes, compiled, kept, and run on the arrays.

    @op
    def square(x):
        x = value(x)
        return x * x

Arrays, NumPy scalars and variables among the arguments (also inside lists, tuples and dictionaries) are tensors; a list of numbers is
one where the parameter's name says so (`TENSORS`); parameters named in `STATIC`, or in `@op(static=...)`, never are. Python numbers
adapt to the dtype of what they meet; for parameters that are tensors they are inputs of the program, so that `x * 0.1` and `x * 0.2`
are one program, except for numbers that `@op(constants=...)` names because the body treats them in a way of its own.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar, cast, overload

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.trace import active

from . import tree
from .config import on_change, standard_dtype
from .front import Texts, moved, refusal
from .node import Node, Operation, symbolic_outputs
from .program import Program, Programs, Scalar, as_array, is_arraylike, split
from .tensor import KerasTensor, Tensor
from .variable import Variable

F = TypeVar("F", bound=Callable[..., Any])

STATIC = frozenset(
    "axis axes axis1 axis2 shape newshape dtype name padding strides dilation_rate data_format keepdims perm "
    "num_classes ord mode side k num source destination offset training seed output_shape".split()
)
TENSORS = frozenset(
    "x x1 x2 x3 a b y y_true y_pred condition inputs target output value values tensor indices segment_ids data updates mask "
    "x_min x_max weights xs".split()
)

_WIDEST = 2**63

OPS: dict[str, Callable[..., Any]] = {}
_programs = Programs(1024)
_quick_tables: list[dict[Any, Program]] = []


def camel(name: str) -> str:
    """The class name that configurations give to an op: reduce_sum -> ReduceSum."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def value(x: Any, dtype: Any = None) -> Value:
    """Anything numeric as a value of the active trace.

    Variables give their present value, arrays keep their dtype, Python numbers and lists of them take Keras's defaults
    (int32, float32, bool). With `dtype` the result is cast.
    """
    kind = None if dtype is None else standard_dtype(dtype)
    if isinstance(x, Variable):
        x = x.value
    if isinstance(x, Value):
        return build.value(x, kind)
    if isinstance(x, Texts):
        raise refusal()
    if isinstance(x, KerasTensor):
        raise ValueError(
            f"a KerasTensor ({x.name}) of the layer graph cannot be used inside a layer's call; pass it as an argument"
        )
    if isinstance(x, bool | int | float | build.Number):
        return build.value(x, kind or build.value(x).dtype)
    if isinstance(x, list | tuple):
        items = cast(Any, x)
        if any(isinstance(e, Value | Variable) for e in tree.flatten(items)):
            return build.value(_joined([build.expand(value(e), 0) for e in items]), kind)
        return build.value(listed(items), kind)
    return build.value(as_array(x), kind)


def _joined(parts: list[Value]) -> Value:
    from graphnn_compiler.ops.movement import Concat
    from graphnn_compiler.trace import emit

    return emit(Concat(0), *build.together(*parts))


def listed(x: Any) -> Any:
    """A list of Python numbers as an array of the default dtype of its kind."""
    a = np.asarray(x)
    if any(hasattr(e, "dtype") for e in tree.flatten(x)):
        return as_array(a)
    if a.dtype.kind == "f":
        return a.astype(standard_dtype(None))
    return a.astype("int32") if a.dtype.kind in "iu" and a.dtype != np.int32 else as_array(a)


def _install_operators() -> None:
    """Arrays and variables on either side of `@`, and arrays in front of any operator, become values of the trace."""
    Value.__array_ufunc__ = None  # type: ignore[attr-defined]
    Value.__matmul__ = lambda self, other: NotImplemented if isinstance(other, KerasTensor) else build.matmul(self, value(other))  # type: ignore
    Value.__rmatmul__ = lambda self, other: build.matmul(value(other), self)  # type: ignore


_install_operators()


def find(x: Any, kinds: Any) -> bool:
    """True if a structure holds an object of some kind."""
    if isinstance(x, kinds):
        return True
    if tree.is_list(x):
        return any(find(e, kinds) for e in x)
    return tree.is_dict(x) and any(find(e, kinds) for e in x.values())


def _plain(x: Any) -> Any:
    """A static argument without NumPy in it."""
    if isinstance(x, np.ndarray | np.generic):
        return cast(Any, x).tolist()
    if tree.is_list(x):
        items = [_plain(e) for e in x]
        return items if isinstance(x, list) else tuple(items)
    return x


def _number_list(x: Any) -> bool:
    return tree.is_list(x) and len(x) > 0 and all(isinstance(e, bool | int | float | np.generic) for e in tree.flatten(x))


class OpCall(Operation):
    """An op used directly in a functional model."""

    def __init__(self, function: Callable[..., Any], name: str | None = None):
        self.function = function
        super().__init__(name or _auto(function))

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the op; on symbolic tensors records a node of this operation."""
        if find((args, kwargs), KerasTensor):
            outputs = symbolic_outputs(self.function, args, kwargs)
            Node(self, args, kwargs, outputs)
            return outputs
        return self.function(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The name (the arguments stand in the nodes)."""
        return {"name": self.name}


def _auto(function: Any) -> str:
    from .naming import auto_name

    return auto_name(function.class_name)


@overload
def op(function: F) -> F: ...
@overload
def op(
    *,
    static: Iterable[str] = (),
    tensors: Iterable[str] = (),
    constants: Mapping[str, tuple[float, ...]] | None = None,
    name: str | None = None,
) -> Callable[[F], F]: ...
def op(
    function: Any = None,
    *,
    static: Iterable[str] = (),
    tensors: Iterable[str] = (),
    constants: Mapping[str, tuple[float, ...]] | None = None,
    name: str | None = None,
) -> Any:
    """Makes a public op of a body written on values (see the module's text).

    Args:
        static: names of parameters that are never tensors.
        tensors: names of parameters where a list of numbers is a tensor.
        constants: by names of parameters, the Python numbers that are constants of the program and not inputs.
        name: the class name in configurations, by default the function's name in camel case.
    """
    if function is None:
        return functools.partial(op, static=static, tensors=tensors, constants=constants, name=name)
    fixed = (STATIC | set(static)) - set(tensors)
    numeric = (TENSORS | set(tensors)) - set(static)
    inputs: dict[str, tuple[float, ...]] = {}
    names: list[str] = []
    rest = ""
    for p in inspect.signature(function).parameters.values():
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
        elif p.kind is p.VAR_POSITIONAL:
            rest = p.name
        if p.name in numeric and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            inputs[p.name] = (constants or {}).get(p.name, ())

    def prepared(parameter: str, x: Any) -> Any:
        if parameter in fixed:
            return _plain(x)
        if parameter in numeric and _number_list(x):
            return listed(x)
        return x

    places = tuple([inputs.get(p) for p in names])
    quick: dict[Any, Program] = {}
    _quick_tables.append(quick)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        arrays: list[Any] = []
        key = _quick_key(args, kwargs, arrays, places, inputs)
        if key is not None and active() is None:
            program = quick.get(key)
            if program is not None:
                return program(arrays)
        else:
            key = None
        n = len(names)
        args = tuple([prepared(names[i] if i < n else rest, a) for i, a in enumerate(args)])
        if kwargs:
            kwargs = {k: prepared(k, a) for k, a in kwargs.items()}
        if find((args, kwargs), KerasTensor):
            return OpCall(wrapper)(*args, **kwargs)
        if active() is not None:
            if find((args, kwargs), Texts):
                return moved(function, args, kwargs)
            args, kwargs = tree.map_structure(_traced, args), tree.map_structure(_traced, kwargs)
            return function(*args, **kwargs)
        args = tuple([Scalar(x) if i < n and _is_input(x, places[i]) else x for i, x in enumerate(args)])
        kwargs = {k: Scalar(x) if _is_input(x, inputs.get(k)) else x for k, x in kwargs.items()}
        program, prepared_arrays = _program(function, args, kwargs)
        if key is not None and len(arrays) == len(prepared_arrays) and all(a.dtype.isnative for a in arrays):
            if len(quick) >= 256:
                quick.clear()
            quick[key] = program
        return program(prepared_arrays)

    wrapper.class_name = name or camel(function.__name__.strip("_"))  # type: ignore[attr-defined]
    wrapper.parameters = names  # type: ignore[attr-defined]
    OPS[wrapper.class_name] = wrapper  # type: ignore[attr-defined]
    return wrapper


def _traced(x: Any) -> Any:
    if isinstance(x, Variable) or (is_arraylike(x) and not isinstance(x, Value)):
        return value(x)
    return x


_Constants: TypeAlias = "tuple[float, ...] | None"


def _is_input(x: Any, constants: _Constants) -> bool:
    """Whether x is a number that shall be an input; `constants`: those of its parameter that shall not, None if none shall."""
    kind = cast(Any, type(x))
    if constants is None or not (kind is float or (kind is int and -_WIDEST <= x < _WIDEST)):
        return False
    return x not in constants


def _quick_key(
    args: tuple[Any, ...], kwargs: dict[str, Any], arrays: list[Any], places: tuple[_Constants, ...], inputs: Mapping[str, _Constants]
) -> Any:
    """A key for arguments that are plain arrays (appended to `arrays`), variables, numbers, strings and None; None for others.

    `places` and `inputs` say by position and by name which numbers are inputs (see `_is_input`).
    """
    key: list[Any] = []
    n = len(args)
    for i, x in enumerate((*args, *kwargs.values()) if kwargs else args):
        kind = cast(Any, type(x))
        if kind is np.ndarray or kind is Tensor:
            if not x.flags.c_contiguous:
                return None
            arrays.append(x)
            key += (x.dtype, x.shape)
        elif kind is Variable:
            arrays.append(x.array)
            key += (x.array.dtype, x.array.shape)
        elif kind is float or kind is int:
            constants = (places[i] if i < len(places) else None) if i < n else inputs.get(list(kwargs)[i - n])
            if _is_input(x, constants):
                arrays.append(np.array(x))
                key.append(kind)
            else:  # `hex` tells -0.0 from 0.0
                key += (kind, x.hex() if kind is float else x)
        elif kind is bool or kind is str or x is None:
            key += (kind, x)
        else:
            return None
    if kwargs:
        key += kwargs
    return tuple(key)


def _program(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Program, list[Any]]:
    """The program of a body for the shapes and dtypes of its arrays (traced and compiled where there is none), and the arrays."""
    arrays: list[Any] = []
    args, key = split(args, arrays)
    named: Any = None
    if kwargs:
        kwargs, named = split(kwargs, arrays)
    specs = tuple([(a.shape, a.dtype.name) for a in arrays])
    return _programs.get((function, key, named, specs), lambda: Program(function, args, kwargs, specs)), arrays


def run_eagerly(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A body on arrays, as a compiled program that is kept."""
    program, arrays = _program(function, args, kwargs)
    return program(arrays)


def forget_programs() -> None:
    """Drops all kept programs of ops (those of models stay with their models)."""
    _programs.clear()
    for table in _quick_tables:
        table.clear()


on_change.append(forget_programs)
