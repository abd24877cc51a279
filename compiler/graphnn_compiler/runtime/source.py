"""What generated kernel source may contain, checked before it is run: arithmetic, loops, calls of simd's functions."""

from __future__ import annotations

import ast
from collections.abc import Collection

BUILTINS = {"range": range, "min": min, "max": max}
ARGUMENTS = ["dims", "bufs", "ctx", "tid", "n"]

_NODES = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg,
    ast.Assign, ast.AugAssign, ast.Expr, ast.For, ast.While, ast.If, ast.Return, ast.Pass, ast.Break, ast.Continue,
    ast.Name, ast.Load, ast.Store, ast.Constant, ast.Tuple, ast.Call, ast.IfExp,
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip
_REFUSED = (ast.In, ast.NotIn, ast.Is, ast.IsNot, ast.Pow, ast.MatMult)


def check_source(source: str, functions: Collection[str]) -> None:
    """Refuse generated source that is more than one kernel function over `functions`.

    Args:
        source: Python text.
        functions: the names that may be called, besides range, min and max.

    Raises:
        ValueError: the text is not Python, or has a construct or a name that kernels do not have.

    >>> check_source("def kernel(dims, bufs, ctx, tid, n):\\n    return 0", ())
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"generated source is not Python: {error}") from None
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
        raise ValueError("generated source must define one function and nothing else")
    function = tree.body[0]
    a = function.args
    plain = not (
        a.posonlyargs
        or a.kwonlyargs
        or a.vararg
        or a.kwarg
        or a.defaults
        or function.decorator_list
        or function.returns
    )
    if (
        function.name != "kernel"
        or not plain
        or [x.arg for x in a.args] != ARGUMENTS
        or any(x.annotation for x in a.args)
    ):
        raise ValueError(f"generated source must define kernel({', '.join(ARGUMENTS)})")
    calls = set(functions) | set(BUILTINS)
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    known = set(ARGUMENTS)
    for node in (n for statement in body for n in ast.walk(statement)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            if node.id in calls or node.id.startswith("_"):
                raise ValueError(f"generated source may not assign {node.id!r} (line {node.lineno})")
            known.add(node.id)
    for statement in body:
        for node in ast.walk(statement):
            _check(node, known, calls)


def _check(node: ast.AST, known: set[str], calls: set[str]) -> None:
    line = getattr(node, "lineno", "?")
    if not isinstance(node, _NODES) or isinstance(node, (*_REFUSED, ast.FunctionDef)):
        raise ValueError(f"generated source may not contain {type(node).__name__} (line {line})")
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in calls or node.keywords:
            raise ValueError(f"generated source may only call functions of simd by name (line {line})")
    elif isinstance(node, ast.Name) and node.id not in known and node.id not in calls:
        raise ValueError(f"generated source uses the unknown name {node.id!r} (line {line})")
    elif isinstance(node, ast.Constant) and type(node.value) not in (int, float, bool):
        raise ValueError(f"generated source may not contain the constant {node.value!r} (line {line})")
