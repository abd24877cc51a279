"""fit, evaluate and predict on generators, datasets and loaders."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from training_support import Reference, classifier, data

from graphnn.training.py_dataset import PyDataset

X, Y = data(12)


def batches(n: int = 3, size: int = 4, weights: bool = False) -> Any:
    for i in range(n):
        rows = slice(i * size % 12, i * size % 12 + size)
        yield (X[rows], Y[rows], np.ones(size)) if weights else (X[rows], Y[rows])


def endless() -> Any:
    while True:
        yield from batches()


class Set(PyDataset):
    def __init__(self, x: Any = X, y: Any = Y, size: int = 4):
        super().__init__()
        self.x, self.y, self.size = x, y, size
        self.ended = 0

    def __len__(self) -> int:
        return (len(self.x) + self.size - 1) // self.size

    def __getitem__(self, i: int) -> Any:
        rows = slice(i * self.size, (i + 1) * self.size)
        return self.x[rows], self.y[rows]

    def on_epoch_end(self) -> None:
        self.ended += 1


class Loader:
    """What a torch DataLoader looks like: lists, a length, a new iterator each time."""

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Any:
        return (list(b) for b in batches())


@pytest.mark.parametrize("make", [batches, Set, Loader, lambda: batches(weights=True)])
def test_batches_train_like_arrays(make: Any) -> None:
    model = classifier()
    reference = Reference(model)
    history = model.fit(make(), verbose=0, shuffle=False)
    np.testing.assert_allclose(history.history["loss"], [reference.epoch(X, Y, 4)], rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], reference.w, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.evaluate(make(), verbose=0), reference.loss(X, Y), rtol=1e-5)
    np.testing.assert_allclose(model.predict(make(), verbose=0), reference.probabilities(X), rtol=1e-5)


def test_endless_generators_need_steps_per_epoch() -> None:
    model = classifier()
    history = model.fit(endless(), epochs=2, steps_per_epoch=3, verbose=0, validation_data=endless(), validation_steps=2)
    assert history.epoch == [0, 1] and len(history.history["val_loss"]) == 2
    assert isinstance(model.evaluate(endless(), steps=2, verbose=0), float)
    assert model.predict((b[0] for b in endless()), steps=2, verbose=0).shape == (8, 3)


def test_a_generator_goes_on_in_the_next_epoch_and_its_end_is_told_once() -> None:
    seen: list[int] = []

    def counted() -> Any:
        for i, b in enumerate(batches(7)):
            seen.append(i)
            yield b

    model = classifier()
    with pytest.warns(UserWarning, match="ran out of data.*: 2 batches were asked for, 1 came from the generator") as said:
        history = model.fit(counted(), epochs=9, steps_per_epoch=2, verbose=0)
    assert len(said) == 1 and history.epoch == [0, 1, 2, 3] and seen == list(range(7))


def test_no_epoch_without_data_gets_into_the_history() -> None:
    model = classifier()
    with pytest.warns(UserWarning, match="ran out of data") as said:
        history = model.fit(batches(), epochs=3, verbose=0)
    assert len(said) == 1 and history.epoch == [0] and len(history.history["loss"]) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(batches(), epochs=1, verbose=0)
        model.fit(Loader(), epochs=3, verbose=0)
        model.fit(Set(), epochs=3, verbose=0)
    with pytest.raises(ValueError, match="gave no batch"):
        model.fit(iter([]), verbose=0)


def test_datasets_hear_of_epochs() -> None:
    model, rows = classifier(), Set()
    model.fit(rows, epochs=2, verbose=0)
    assert rows.ended == 2
    assert len(model.fit(rows, epochs=2, steps_per_epoch=1, verbose=0).epoch) == 2


def test_class_weights_work_on_batches() -> None:
    weights = {0: 1.0, 1: 0.5, 2: 3.0}
    a = classifier().fit(batches(), verbose=0, class_weight=weights).history
    b = classifier().fit(X, Y, batch_size=4, shuffle=False, verbose=0, class_weight=weights).history
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-6)


def test_batches_of_other_dtypes_and_sizes() -> None:
    def odd() -> Any:
        yield X[:5].astype("float64"), Y[:5].astype("int32")
        yield X[5:6], Y[5:6]
        yield np.asfortranarray(X[6:]), Y[6:].tolist()

    model = classifier()
    reference = Reference(model)
    model.fit(odd(), verbose=0)
    for rows in (slice(0, 5), slice(5, 6), slice(6, 12)):
        reference.step(X[rows], Y[rows])
    np.testing.assert_allclose(model.get_weights()[0], reference.w, rtol=1e-5, atol=1e-6)


def test_a_bad_label_in_a_batch_is_named_and_changes_nothing() -> None:
    model = classifier()

    def bad() -> Any:
        yield X[:4], Y[:4]
        yield X[4:8], np.array([0, 1, 7, 0])

    with pytest.raises(ValueError, match="label 7 at position 2 is out of range"):
        model.fit(bad(), verbose=0)
    reference = Reference(classifier())
    reference.step(X[:4], Y[:4])
    np.testing.assert_allclose(model.get_weights()[0], reference.w, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("call", "words"), [
    (lambda m: m.fit(batches(), Y), "`y` is part of them"),
    (lambda m: m.fit(batches(), sample_weight=np.ones(3)), "`sample_weight` is part of them"),
    (lambda m: m.fit(batches(), validation_split=0.2), "`validation_split` needs arrays"),
    (lambda m: m.fit((1, 2, 3, 4) for _ in range(2)), "a batch must be"),
    (lambda m: m.fit((X[:4], Y[:3]) for _ in range(2)), r"x: 4\ny: 3"),
    (lambda m: m.fit((X[:0], Y[:0]) for _ in range(2)), "x has no rows"),
    (lambda m: m.fit((X[:4, :2], Y[:4]) for _ in range(2)), "expects shape"),
])  # fmt: skip
def test_mistakes_with_batches(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call(classifier())


def test_sparse_and_foreign_arrays_train() -> None:
    class Sparse:
        def __init__(self, a: Any):
            self.a, self.shape, self.dtype = a, a.shape, a.dtype

        def tocsr(self) -> Any:
            return self

        def toarray(self) -> Any:
            return self.a

        def __getitem__(self, key: Any) -> Any:
            return Sparse(self.a[key])

    class Foreign:
        def __init__(self, a: Any):
            self.a = a

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return self.a

    for wrap in (Sparse, Foreign):
        model = classifier()
        reference = Reference(model)
        model.fit(wrap(X), Y, batch_size=5, shuffle=False, verbose=0)
        reference.epoch(X, Y, 5)
        np.testing.assert_allclose(model.get_weights()[0], reference.w, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(model.predict(wrap(X), verbose=0), reference.probabilities(X), rtol=1e-5)
