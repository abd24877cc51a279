"""Where batches come from: layouts of arrays, shuffling, generators, weights of classes."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.executable import Rows

from graphnn.training.array_source import ArraySource
from graphnn.training.batch_source import BatchSource, gives_batches, is_dataset
from graphnn.training.class_weight import class_weights
from graphnn.training.columns import Column, columns, leaves, same_length
from graphnn.training.data import split, with_weights
from graphnn.training.layout import layout_of
from graphnn.training.pace import Pace
from graphnn.training.py_dataset import PyDataset


def rows_of(source: Any, steps: int = 3) -> list[np.ndarray[Any, Any]]:
    """The rows of the first array as the steps of one pass read them."""
    out: list[np.ndarray[Any, Any]] = []
    for chunk in source.chunks(None, lambda layout, rows: steps):
        first = chunk.inputs[0]
        out += [first.at(s) if isinstance(first, Rows) else first for s in range(chunk.steps)]
    return out


def array_source(x: Any, batch_size: int = 4, shuffle: Any = False) -> ArraySource:
    return ArraySource(with_weights(x, None, None, None), batch_size, shuffle)


def test_contiguous_native_arrays_are_used_where_they_lie() -> None:
    x = np.arange(12.0).reshape(6, 2)
    for dtype in ("float16", "float32", "float64", "uint8", "int64", "bool"):
        a = x.astype(dtype)
        column = Column(a, "x")
        assert column.array is not None and np.shares_memory(column.array, a) and column.dtype == dtype


@pytest.mark.parametrize("make", [
    lambda x: np.asfortranarray(x), lambda x: x[::-1], lambda x: x[:, ::2], lambda x: x.astype(">f8"), lambda x: x.astype(np.longdouble),
    lambda x: np.repeat(x, 2, 0)[::2],
])  # fmt: skip
def test_other_layouts_give_the_same_rows(make: Any) -> None:
    x = make(np.arange(40.0).reshape(10, 4))
    got = np.concatenate(rows_of(array_source(x)))
    assert got.dtype.isnative and got.flags.c_contiguous
    np.testing.assert_array_equal(got, x)


def test_large_arrays_of_other_layouts_are_staged_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphnn.training.columns.COPY_LIMIT", 0)
    monkeypatch.setattr("graphnn.training.array_source.STAGE", 200)
    x = np.asfortranarray(np.arange(60.0).reshape(20, 3))
    source = array_source(x, 2)
    assert source.columns[0].array is None
    chunks = list(source.chunks(None, lambda layout, rows: 100))
    assert [c.steps for c in chunks] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(rows_of(source)), x)


@pytest.mark.parametrize("dtype", ["float32", ">f4"])
def test_files_in_memory_are_never_read_as_a_whole(tmp_path: Any, dtype: str) -> None:
    a = np.memmap(tmp_path / "x.bin", dtype=dtype, mode="w+", shape=(50, 3))
    a[:] = np.arange(150).reshape(50, 3)
    source = array_source(a, 8, shuffle=True)
    column = source.columns[0]
    assert (column.array is not None) == (dtype == "float32")
    if column.array is not None:
        assert np.shares_memory(column.array, a)
    got = np.concatenate(rows_of(source))
    np.testing.assert_array_equal(np.sort(got[:, 0]), np.arange(50) * 3.0)


def test_lists_of_numbers_are_arrays_and_lists_of_arrays_are_structures() -> None:
    assert isinstance(columns([[1.0, 2.0], [3.0, 4.0]], "x"), Column)
    assert isinstance(columns([1, 2, 3], "y"), Column)
    two = columns([np.zeros((3, 1)), np.zeros((3, 2))], "x")
    assert [c.name for c in two] == ["x[0]", "x[1]"]
    named = columns({"b": np.zeros(3), "a": np.zeros(3)}, "x")
    assert named["a"].name == "x['a']"
    assert isinstance(columns([[1, 2, 3], [4, 5, 6]], "x", places=2), list)


class Tensorish:
    """What torch tensors and their like look like from outside."""

    def __init__(self, a: Any):
        self.a = a

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.a, dtype)


class Torchish(Tensorish):
    dtype = "torch.float32"

    def detach(self) -> Any:
        return self

    def cpu(self) -> Any:
        return self

    def numpy(self) -> Any:
        return self.a


class Frame:
    def __init__(self, a: Any):
        self.a = a

    def to_numpy(self) -> Any:
        return self.a


class Sparse:
    """As much of a scipy matrix in CSR form as is used."""

    def __init__(self, a: Any):
        self.a, self.shape, self.dtype = a, a.shape, a.dtype

    def tocsr(self) -> Any:
        return self

    def toarray(self) -> Any:
        return self.a

    def __getitem__(self, key: Any) -> Any:
        return Sparse(self.a[key])

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(None, object)


@pytest.mark.parametrize("kind", [Tensorish, Torchish, Frame, Sparse])
def test_foreign_arrays(kind: Any) -> None:
    x = np.arange(12.0, dtype="float32").reshape(6, 2)
    np.testing.assert_array_equal(np.concatenate(rows_of(array_source(kind(x)))), x)


@pytest.mark.parametrize("shuffle", [False, True])
def test_sparse_rows_are_made_dense_batch_by_batch(shuffle: bool) -> None:
    x = np.arange(12.0, dtype="float32").reshape(6, 2)
    source = array_source(Sparse(x), 4, shuffle)
    assert source.columns[0].array is None
    got = np.concatenate(rows_of(source))
    np.testing.assert_array_equal(got[np.argsort(got[:, 0])], x)


@pytest.mark.parametrize(("x", "words"), [
    (np.array(["a", "b"]), "x is an array of dtype <U1"),
    (np.array([1, "a", None], object), "whose first value is 1 of type int"),
    (np.array([1j]), "Invalid dtype: complex128"),
    (np.array(["2020-01-01"], "datetime64[D]"), "Invalid dtype"),
    ([[1, 2], [3]], "x is a list that is no array"),
    ([], "x is an empty list"),
    (3.0, "x is a single number|Unrecognized data type"),
    (np.float32(3.0), "x is a single number"),
    (object(), "Unrecognized data type"),
    (np.ma.masked_array([1.0, 2.0], [True, False]), "masked"),
    ({"a": np.array(["q"])}, r"x\['a'\] is an array of dtype"),
])  # fmt: skip
def test_what_is_no_array_of_numbers_is_named(x: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        columns(x, "x")


def test_different_numbers_of_rows_are_listed() -> None:
    with pytest.raises(ValueError, match=r"x: 3\ny: 4"):
        same_length(leaves((columns(np.zeros(3), "x"), columns(np.zeros(4), "y"), None)))


def test_one_permutation_for_each_pass_from_the_seed() -> None:
    x = np.arange(30)

    def passes(seed: int) -> list[list[int]]:
        random.seed(seed)
        source = array_source(x, 7, shuffle=True)
        return [np.concatenate(rows_of(source)).tolist() for _ in range(3)]

    first = passes(1)
    assert all(sorted(p) == x.tolist() for p in first)
    assert len({tuple(p) for p in first}) == 3
    assert passes(1) == first and passes(2) != first


def test_batches_change_places_as_a_whole() -> None:
    random.seed(0)
    got = rows_of(array_source(np.arange(11), 3, shuffle="batch"))
    assert sorted(g[0] for g in got[:3]) == [0, 3, 6] and got[3].tolist() == [9, 10]
    assert all(np.all(np.diff(g) == 1) for g in got)


def test_a_limit_goes_on_where_the_last_pass_stopped() -> None:
    source = array_source(np.arange(10), 3)

    def some() -> list[int]:
        return [int(r) for c in source.chunks(3, lambda layout, rows: 2) for s in range(c.steps) for r in c.inputs[0].at(s)]

    assert some() == list(range(9))
    assert some() == [9]
    assert some() == list(range(9))


def test_split_takes_the_last_rows_without_copying() -> None:
    x, y = np.arange(20.0).reshape(10, 2), np.arange(10)
    front, back = split(with_weights(x, y, None, None), 0.25)
    assert len(front[0]) == 7 and len(back[1]) == 3
    assert np.shares_memory(back[0].array, x)
    with pytest.raises(ValueError, match="not sufficient"):
        split(with_weights(x[:1], None, None, None), 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        split(with_weights(x, None, None, None), 1.5)


class Five(PyDataset):
    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Any:
        return np.full((2, 1), index, "float32"), np.zeros(2)


def test_datasets_give_batches_by_number_in_shuffled_order() -> None:
    random.seed(3)
    source = BatchSource(Five(), shuffle=True)
    assert source.steps == 5
    layout, rows, _ = source.first()
    assert rows == 2 and layout.specs == (("float32", (1,)), ("float64", ()))
    first = [int(c.inputs[0][0, 0]) for c in source.chunks(None, None)]
    second = [int(c.inputs[0][0, 0]) for c in source.chunks(None, None)]
    assert sorted(first) == sorted(second) == list(range(5)) and first != second


def test_generators_end_and_lists_of_batches_start_again() -> None:
    def generate() -> Any:
        for i in range(3):
            yield np.full((1, 1), i), np.zeros(1)

    once = BatchSource(generate())
    assert len(list(once.chunks(2, None))) == 2 and not once.exhausted
    assert len(list(once.chunks(2, None))) == 1 and once.exhausted
    assert not list(once.chunks(2, None))

    class Loader:
        def __iter__(self) -> Any:
            return generate()

    again = BatchSource(Loader())
    assert [len(list(again.chunks(None, None))) for _ in range(2)] == [3, 3]


def test_what_counts_as_giving_batches() -> None:
    assert gives_batches(iter([])) and gives_batches(Five()) and is_dataset(Five())
    for x in (np.zeros(2), [1], {"a": 1}, None, Tensorish([1]), Frame([1]), (1, 2)):
        assert not gives_batches(x)


def test_class_weights() -> None:
    ints = Column(np.array([0, 2, 1, 2]), "y")
    assert class_weights(ints, {0: 2.0, 2: 0.5}).tolist() == [2.0, 0.5, 1.0, 0.5]
    hot = Column(np.eye(3)[[0, 2, 1, 2]], "y")
    assert class_weights(hot, {0: 2.0, 2: 0.5}).tolist() == [2.0, 0.5, 1.0, 0.5]
    column = Column(np.array([[1.0], [0.0]]), "y")
    assert class_weights(column, {1: 3}).tolist() == [3.0, 1.0]
    for bad in ({}, {"a": 1.0}, {-1: 1.0}, {0.5: 1.0}, {0: float("nan")}, [1, 2]):
        with pytest.raises(ValueError, match="class_weight"):
            class_weights(ints, bad)
    with pytest.raises(ValueError, match="3 classes"):
        class_weights(hot, {3: 1.0})
    with pytest.raises(ValueError, match="at the same time"):
        with_weights(np.zeros(4), np.zeros(4), np.ones(4), {0: 1.0})


def test_layouts_are_equal_where_one_program_serves_both() -> None:
    def layout(x: Any, y: Any = None) -> Any:
        return layout_of((columns(x, "x"), columns(y, "y"), None))

    a = layout(np.zeros((3, 2)), np.zeros(3))
    assert a == layout(np.ones((9, 2)), np.zeros(9)) and hash(a) == hash(layout(np.ones((9, 2)), np.zeros(9)))
    assert a != layout(np.zeros((3, 2), "float32"), np.zeros(3))
    assert (
        a != layout(np.zeros((3, 3)), np.zeros(3))
        and a != layout([np.zeros((3, 2))], np.zeros(3))
        and a != layout(np.zeros((3, 2)))
    )
    assert a.fill(["X", "Y"]) == ("X", "Y", None)


def test_the_pace_grows_to_a_call_of_some_ten_milliseconds() -> None:
    pace = Pace()
    pace.took(1, 2.0)  # the first call compiles
    taken = []
    for _ in range(6):
        taken.append(pace.next())
        pace.took(pace.next(), pace.next() * 1e-4)
    assert taken[:3] == [1, 8, 64] and 0.05 <= pace.next() * 1e-4 <= 0.1
    pace.took(pace.next(), pace.next() * 1.0)
    assert pace.next() == 1
    slow = Pace()
    slow.took(1, 1.0)
    slow.took(1, 1.0)
    assert slow.next() == 1
