"""The graphs of test_lowering.py: states written in place, old values, views as results, empty and single extents, several passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from graphnn_compiler import build as b
from graphnn_compiler.dims import symbol
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, contract, elementwise, index, movement, ordering, reduce, transcendental
from graphnn_compiler.trace import Tracer, emit
from random_graphs import State

N = symbol("n")


class Case:
    """A graph under construction: inputs and states of whole numbers, so that any right order of evaluation gives the same bits."""

    def __init__(self, tracer: Tracer, n: int):
        self.tracer, self.n = tracer, n
        self.arrays: list[np.ndarray] = []
        self.keys: list[State] = []

    def numbers(self, shape: Sequence[int], dtype: str) -> np.ndarray:
        rng = np.random.default_rng(len(self.arrays) + 10 * len(self.keys))
        return np.ascontiguousarray(rng.integers(0 if dtype[0] in "ub" else -3, 4, tuple(shape)).astype(dtype)).reshape(tuple(shape))

    def input(self, *shape: Any, dtype: str = "float32", array: np.ndarray | None = None) -> Value:
        numbers = [self.n if d is N else 2 * self.n if d == 2 * N else d for d in shape]
        self.arrays.append(self.numbers(numbers, dtype) if array is None else array)
        return self.tracer.input(tuple(shape), dtype)

    def state(self, *shape: int, dtype: str = "float32") -> tuple[State, Value]:
        key = State(self.numbers(shape, dtype))
        self.keys.append(key)
        return key, self.read(key)

    def read(self, key: State) -> Value:
        return self.tracer.read(key, key.array.shape, key.array.dtype.name)

    def assign(self, key: State, v: Value) -> None:
        self.tracer.assign(key, v)


Build = Callable[[Case], list[Value]]
CASES: dict[str, Build] = {}


def case(f: Build) -> Build:
    CASES[f.__name__] = f
    return f


def turned(v: Value) -> Value:
    return movement.transpose(v, (1, 0))


def row_sum(v: Value) -> Value:
    return b.reduced(reduce.Sum, v, -1, True)


def halves(v: Value) -> Value:
    """An exact op that is thought to be costly."""
    return emit(transcendental.Floor(), v * 0.5)


# -- states


@case
def update_in_place(c: Case) -> list[Value]:
    key, s = c.state(5, 3)
    c.assign(key, s * 2.0 - c.input(5, 3))
    return []


@case
def old_value_is_read_by_another_kernel(c: Case) -> list[Value]:
    key, s = c.state(5, 5)
    c.assign(key, s - c.input(5, 5))
    return [b.matmul(s, s), b.reduced(reduce.Sum, s, 0)]


@case
def old_value_is_returned(c: Case) -> list[Value]:
    key, s = c.state(5, 3)
    c.assign(key, s + 1.0)
    return [s, turned(s), s]


@case
def new_value_is_returned_twice(c: Case) -> list[Value]:
    key, s = c.state(5, 3)
    new = s + 1.0
    c.assign(key, new)
    return [new, new, turned(new), s]


@case
def new_value_is_a_view_of_another_state(c: Case) -> list[Value]:
    (k, s), (m, t) = c.state(5, 5), c.state(5, 5)
    c.assign(k, turned(t))
    c.assign(m, t + s)
    return []


@case
def states_are_exchanged(c: Case) -> list[Value]:
    (k, s), (m, t) = c.state(4), c.state(4)
    c.assign(k, t)
    c.assign(m, s)
    return [s + t]


@case
def three_states_go_round(c: Case) -> list[Value]:
    (k, s), (m, t), (o, u) = c.state(4), c.state(4), c.state(4)
    c.assign(k, t)
    c.assign(m, u)
    c.assign(o, s + 1.0)
    return [s]


@case
def one_value_for_two_states(c: Case) -> list[Value]:
    (k, s), (m, t) = c.state(4), c.state(4)
    new = s - t
    c.assign(k, new)
    c.assign(m, new)
    return [new]


@case
def a_state_becomes_its_own_transpose(c: Case) -> list[Value]:
    key, s = c.state(5, 5)
    c.assign(key, turned(s))
    return []


@case
def a_state_is_read_through_a_transpose_and_updated(c: Case) -> list[Value]:
    key, s = c.state(5, 5)
    c.assign(key, turned(s) + s)
    return []


@case
def a_state_is_read_backwards_and_updated(c: Case) -> list[Value]:
    key, s = c.state(7)
    c.assign(key, s[::-1] - s)
    return []


@case
def a_state_is_read_by_a_product_and_updated_by_it(c: Case) -> list[Value]:
    key, s = c.state(5, 5)
    c.assign(key, s + b.matmul(s, s))
    return []


@case
def an_update_is_the_epilogue_of_a_product(c: Case) -> list[Value]:
    key, s = c.state(5, 5)
    x = c.input(N, 5)
    c.assign(key, s - emit(contract.MatMul(), turned(x), x) * 2.0)
    return [b.matmul(x, s)]


@case
def a_later_read_sees_the_assigned_value(c: Case) -> list[Value]:
    key, s = c.state(3)
    c.assign(key, s + 1.0)
    c.assign(key, c.read(key) * 2.0)
    return [c.read(key), s]


@case
def an_update_is_followed_by_a_pass_that_reads_the_old_value(c: Case) -> list[Value]:
    key, s = c.state(17)
    new = halves(s)
    c.assign(key, new)
    return [emit(elementwise.Maximum(), s, b.reduced(reduce.Sum, new))]


@case
def an_update_in_the_last_pass(c: Case) -> list[Value]:
    key, s = c.state(3, 17)
    c.assign(key, s - b.reduced(reduce.Max, s, -1, True))
    return [row_sum(halves(s))]


@case
def a_kept_state_is_read_in_a_full_pass(c: Case) -> list[Value]:
    key, s = c.state(5)
    x = c.input(5, 17)
    c.assign(key, b.reduced(reduce.Sum, x + b.expand(s, 1), 1))
    return [x * b.expand(s, 1)]


@case
def a_sum_of_states_of_all_ranks(c: Case) -> list[Value]:
    (k, s), (_, t), (_, u) = c.state(), c.state(1), c.state(1, 1)
    c.assign(k, s + b.reduced(reduce.Sum, t) + b.reduced(reduce.Sum, u))
    return [s + t + u]


@case
def a_scatter_into_a_state(c: Case) -> list[Value]:
    key, s = c.state(5, 3)
    c.assign(key, emit(index.Scatter("add"), s, c.input(N, dtype="int64", array=np.arange(c.n) % 5), c.input(N, 3)))
    return [s * 2.0]


@case
def a_slice_of_a_state_is_replaced(c: Case) -> list[Value]:
    key, s = c.state(6, 3)
    c.assign(key, emit(movement.SliceUpdate((1, 0), (2, 1)), s, s[0:2] * 2.0))
    return []


@case
def a_lookup_in_a_group_that_writes_states(c: Case) -> list[Value]:
    (k, s), (m, t) = c.state(5, 3), c.state(2, 3)
    rows = emit(index.Take(0), s, b.value(np.array([4, 0])))
    c.assign(m, t + rows)
    c.assign(k, s * 2.0)
    return [rows]


@case
def a_mask_of_an_old_value_is_a_result(c: Case) -> list[Value]:
    key, s = c.state(5)
    c.assign(key, s + s)
    mask = emit(compare.Less(), b.value(np.float32(1)), s)
    return [s + s, mask[0:2], emit(movement.Concat(0), mask, mask[::-1])]


@case
def a_counter_of_integers(c: Case) -> list[Value]:
    key, s = c.state(2, dtype="uint32")
    c.assign(key, s + np.uint32(1))
    return [s]


# -- results


@case
def inputs_are_results(c: Case) -> list[Value]:
    x = c.input(N, 3)
    return [x, x, x[:, ::-1], turned(x), movement.reshape(x, (3 * N,))]


@case
def constants_and_extents_are_results(c: Case) -> list[Value]:
    c.input(N, 3)
    numbers = b.value(np.arange(6, dtype="float32").reshape(2, 3))
    return [numbers, turned(numbers), index.extent_value(N), emit(index.Iota(N)), b.broadcast_to(b.value(1.0), (N, 2)), b.value(7)]


@case
def parts_of_one_value_are_results(c: Case) -> list[Value]:
    y = c.input(N, 6) * 2.0
    return [y[:, 0:2], y[:, 2:6], y, row_sum(y), movement.reshape(y, (N, 2, 3))]


@case
def a_product_is_a_result_and_is_read(c: Case) -> list[Value]:
    y = b.matmul(c.input(N, 4), c.input(4, 6))
    return [y, emit(elementwise.Relu(), y), b.reduced(reduce.Sum, y, 0), turned(y)]


@case
def joined_results(c: Case) -> list[Value]:
    x = c.input(N, 3)
    y = emit(movement.Concat(0), x, x * 2.0)
    return [y, y[::-1], emit(movement.Concat(1), x, turned(turned(x)))]


@case
def padded_results(c: Case) -> list[Value]:
    x = c.input(N, 3)
    return [emit(movement.Unslice((1, 2), (1, 1), (N + 3, 7)), x), emit(movement.Unslice((N - 1, 0), (-1, 2), (N, 5)), x)]


# -- extents


@case
def axes_of_extent_one(c: Case) -> list[Value]:
    x, w = c.input(1, N, 1, 3), c.input(1, 1)
    return [x + w, b.reduced(reduce.Sum, x, (0, 2)), b.reduced(reduce.Max, x, -1, True), movement.transpose(x, (3, 2, 1, 0)) * 2.0]


@case
def a_column_of_a_matrix(c: Case) -> list[Value]:
    x = c.input(N, 3)
    return [emit(elementwise.Maximum(), x[:, 1:2], x[:, 2:3]), x[::-1, 1:2] * 2.0, x[:, 1] + x[:, 0]]


@case
def products_with_extents_of_one(c: Case) -> list[Value]:
    x, w, v = c.input(N, 1), c.input(1, 4), c.input(4, 1)
    y = b.matmul(x, w)
    return [y + 1.0, emit(elementwise.Relu(), b.matmul(y, v)), b.matmul(turned(x), x) * 2.0]


@case
def sums_over_the_batch(c: Case) -> list[Value]:
    x = c.input(N, 3)
    return [b.reduced(reduce.Sum, x), b.reduced(reduce.Sum, x, 0), b.reduced(reduce.Prod, emit(elementwise.Sign(), x), 0)]


@case
def sums_along_an_axis_before_the_batch(c: Case) -> list[Value]:
    x = c.input(5, N)
    return [b.reduced(reduce.Sum, x, 0), b.reduced(reduce.Sum, turned(x) * 2.0, 1)]


@case
def sums_over_outer_and_inner_axes(c: Case) -> list[Value]:
    x = c.input(3, N, 4)
    return [b.reduced(reduce.Sum, x, (0, 2)), b.reduced(reduce.Sum, x, 1), b.reduced(reduce.Sum, movement.transpose(x, (2, 0, 1)), (0, 2))]


@case
def a_batch_twice(c: Case) -> list[Value]:
    x, y = c.input(N, 3), c.input(2 * N, 3)
    return [b.matmul(x, turned(y)), emit(movement.Concat(0), x, y) * 2.0, movement.reshape(y, (N, 6)) + 1.0]


@case
def batched_products(c: Case) -> list[Value]:
    x, w = c.input(2, N, 3), c.input(3, 4)
    products = emit(contract.MatMul(), b.expand(x, 1), movement.transpose(b.expand(x, 0), (0, 1, 3, 2)))
    return [b.matmul(x, w), emit(contract.MatMul(), x, b.broadcast_to(w, (2, 3, 4))), products, products + 1.0]


# -- passes and dtypes


@case
def costly_values_are_kept_between_passes(c: Case) -> list[Value]:
    x = c.input(N, 33)
    y = halves(x)
    z = y - b.reduced(reduce.Max, y, -1, True)
    return [z, row_sum(z * z) + row_sum(y), y * row_sum(halves(z))]


@case
def passes_along_the_first_axis(c: Case) -> list[Value]:
    x = c.input(33, N)
    y = halves(x) - b.reduced(reduce.Max, halves(x), 0, True)
    return [y, b.reduced(reduce.Sum, y * y, 0)]


@case
def lookups_between_passes(c: Case) -> list[Value]:
    x, table = c.input(N, 5), c.input(7, 5)
    i = b.cast(b.reduced(reduce.Max, emit(elementwise.Abs(), x), 1), "int64")
    rows = emit(index.Take(0), table, i)
    return [rows, row_sum(rows * x), emit(index.TakeAlongAxis(1), x, b.expand(i, 1))]


@case
def masks_are_computed_again(c: Case) -> list[Value]:
    y = emit(elementwise.Relu(), c.input(N, 5))
    hit = emit(compare.Greater(), y, b.value(np.float32(0)))
    return [y, emit(elementwise.Where(), hit, y * 3.0, b.value(np.float32(-1))), b.reduced(reduce.Sum, b.cast(hit, "int32"), 0)]


@case
def half_floats(c: Case) -> list[Value]:
    x = c.input(N, 4, dtype="float16")
    return [x * x + x, b.reduced(reduce.Sum, x, 0), b.matmul(x, turned(x)), b.cast(x, "float32") * 0.5, turned(x)]


@case
def small_integers_wrap(c: Case) -> list[Value]:
    x = c.input(N, 4, dtype="uint8")
    return [x * np.uint8(100), x - np.uint8(9), b.reduced(reduce.Sum, x * np.uint8(90), 1), b.cast(x, "int8") - np.int8(4)]


@case
def wide_integers(c: Case) -> list[Value]:
    x = c.input(N, 3, dtype="int64")
    return [x * 4000000000, emit(elementwise.FloorDiv(), x, b.value(np.int64(2))), b.matmul(x, turned(x)), b.cast(x, "uint64")]


@case
def bools(c: Case) -> list[Value]:
    x = c.input(N, 4, dtype="bool")
    return [emit(compare.Not(), x), b.reduced(reduce.All, x, 1), b.reduced(reduce.Any, x, 0), turned(x), b.cast(x, "float32") + 1.0]


@case
def sorts_and_totals_of_views(c: Case) -> list[Value]:
    x = c.input(N, 5)
    return [emit(ordering.ArgSort(), turned(x)), emit(ordering.Cumulate("add"), x[:, ::-1]), emit(ordering.ArgSort(True), x * 2.0)]
