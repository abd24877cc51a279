"""Symbolic extents: arithmetic is that of the numbers, equal expressions are equal, and what has no number says so."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from graphnn_compiler.dims import (
    ConcreteExtentNeeded,
    Dim,
    Extent,
    broadcast,
    evaluate,
    product,
    quotient,
    show,
    symbol,
    symbols_of,
)
from hypothesis import given
from hypothesis import strategies as st

N, M = symbol("n"), symbol("m")
ENV = st.fixed_dictionaries({"n": st.integers(0, 40), "m": st.integers(1, 40)})
Expression = tuple[Extent, Callable[[dict[str, int]], int]]


def combined(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    """Sums, products, quotients and remainders of expressions."""

    def make(op: Any, a: Expression, b: Expression) -> Expression:
        return op(a[0], b[0]), lambda env: op(a[1](env), b[1](env))

    def divide(op: Any, a: Expression, d: int) -> Expression:
        return op(a[0], d), lambda env: op(a[1](env), d)

    whole = st.builds(make, st.sampled_from([operator.add, operator.sub, operator.mul]), parts, parts)
    return whole | st.builds(divide, st.sampled_from([operator.floordiv, operator.mod]), parts, st.sampled_from([1, 2, 3, 7]))


EXPRESSIONS = st.recursive(
    st.integers(-5, 5).map(lambda i: (i, lambda env, i=i: i)) | st.sampled_from(["n", "m"]).map(lambda s: (symbol(s), lambda env, s=s: env[s])),
    combined,
    max_leaves=6,
)


@given(EXPRESSIONS, ENV)
def test_arithmetic_is_that_of_the_numbers(expression: Expression, env: dict[str, int]) -> None:
    extent, number = expression
    assert evaluate(extent, env) == number(env)


@given(EXPRESSIONS)
def test_a_difference_of_equals_is_zero(expression: Expression) -> None:
    extent, _ = expression
    assert extent - extent == 0
    assert extent * 3 - extent == 2 * extent
    assert hash(extent + 1) == hash(1 + extent)


@given(EXPRESSIONS, EXPRESSIONS, EXPRESSIONS)
def test_equal_expressions_are_equal(a: Expression, b: Expression, c: Expression) -> None:
    (x, _), (y, _), (z, _) = a, b, c
    assert x + y == y + x
    assert x * y == y * x
    assert (x + y) * z == x * z + y * z


def test_the_normal_form() -> None:
    assert (N + 2) * 3 - 6 == 3 * N
    assert isinstance(N - N, int)
    assert isinstance(N + 5 - N, int)
    assert str(N * M * 2 + N + 1) == "2*m*n+n+1"
    assert str(-N) == "-1*n"
    assert 4 * N // 2 == 2 * N
    assert N * M // N == M
    assert (4 * N) % 2 == 0
    assert N % 2 != 0 and N // 2 * 2 != N
    assert (N // 2) - (N // 2) == 0
    assert quotient(7, 2) == 3
    assert N != M
    assert {N: 1}[symbol("n")] == 1


def test_symbols() -> None:
    assert symbols_of(3) == set()
    assert symbols_of(N * 2 + (M + 1) // 2 - 4) == {"n", "m"}
    assert evaluate((N + 1) // 2 + N % 3, {"n": 8}) == 4 + 2
    with pytest.raises(KeyError):
        evaluate(N, {})


@pytest.mark.parametrize("question", [bool, int, float, range, lambda d: d < 3, lambda d: d <= 3, lambda d: [1, 2][d]])
def test_an_extent_without_a_number_says_so(question: Callable[[Dim], object]) -> None:
    with pytest.raises(ConcreteExtentNeeded, match="n has no number"):
        question(N)


def test_broadcast() -> None:
    assert broadcast((N, 1), (3,)) == (N, 3)
    assert broadcast((), (N, 1, 2), (M, 1)) == (N, M, 2)
    assert broadcast() == ()
    assert broadcast((N + 1,), (1 + N,)) == (N + 1,)
    assert broadcast((0, 1), (1, 5)) == (0, 5)
    with pytest.raises(ValueError, match=r"\(2, 3\), \(2,\) cannot be broadcast"):
        broadcast((2, 3), (2,))
    for other in (M, 3, N + 1):
        with pytest.raises(ConcreteExtentNeeded):
            broadcast((N,), (other,))


def test_product_and_show() -> None:
    assert product(()) == 1
    assert product((N, 3, 2)) == 6 * N
    assert product((N, 0)) == 0
    assert show(()) == "()"
    assert show((N,)) == "(n,)"
    assert show((N, 3)) == "(n, 3)"
