"""Bad data and bad arguments: an error that names the thing, what came and what was expected, before anything has changed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from training_support import SPARSE, classifier, data, two_outputs

import graphnn
from graphnn import layers

X, Y = data()
X2, YA = np.ones((13, 3), "float32"), np.ones((13, 2), "float32")
SINGLE: list[tuple[Any, type[Exception], str]] = [
    (lambda m: m.fit(X, Y[:5]), ValueError, r"same number of samples. Received:\nx: 13\ny: 5"),
    (lambda m: m.fit(X, Y, sample_weight=np.ones(3)), ValueError, "sample_weight: 3"),
    (lambda m: m.fit(X[:, :3], Y), ValueError, r"Input 'in' of model .* expects shape \(None, 4\), but x has shape \(13, 3\)"),
    (
        lambda m: m.fit(X[0], Y),
        ValueError,
        r"expects shape \(None, 4\), but x has shape \(4,\). One sample is given as x\[None\]",
    ),
    (lambda m: m.predict(X[..., None, None]), ValueError, "expects shape"),
    (lambda m: m.evaluate(X[:, :2], Y), ValueError, "expects shape"),
    (lambda m: m.train_on_batch(X[:, :2], Y), ValueError, "expects shape"),
    (lambda m: m.predict_on_batch(X[:, :2]), ValueError, "expects shape"),
    (lambda m: m.fit([X, X], Y), ValueError, r"expects 1 input with names \['in'\], but x holds 2 arrays"),
    (lambda m: m.fit({"wrong": X}, Y), ValueError, "x has the key 'wrong', which is no input"),
    (lambda m: m.fit({"in": X, "more": X}, Y), ValueError, "x has the key 'more'"),
    (lambda m: m.fit(X.astype(object), Y), ValueError, "Invalid dtype: object. x is an array of dtype object .* of type float"),
    (lambda m: m.fit(np.array([["a"] * 4] * 13), Y), ValueError, "Invalid dtype: <U1"),
    (lambda m: m.fit(X, np.array(["a"] * 13)), ValueError, "y is an array of dtype"),
    (lambda m: m.fit(X[:0], Y[:0]), ValueError, r"x has no rows \(its shape is \(0, 4\)\)"),
    (lambda m: m.evaluate(X[:0], Y[:0]), ValueError, "x has no rows"),
    (lambda m: m.train_on_batch(X[:0], Y[:0]), ValueError, "x has no rows"),
    (lambda m: m.test_on_batch(X[:0], Y[:0]), ValueError, "x has no rows"),
    (lambda m: m.fit(X), ValueError, "targets .* are missing"),
    (lambda m: m.evaluate(X), ValueError, "targets .* are missing"),
    (lambda m: m.fit(), ValueError, "x is None"),
    (lambda m: m.fit(X, [Y, Y]), ValueError, r"targets \(y\) has 2 entries; the model has 1 output"),
    (
        lambda m: m.fit(X, {"nope": Y}),
        ValueError,
        "targets .* names 'nope', which is no output of the model: the outputs are called",
    ),
    (lambda m: m.fit(X, np.full(13, 3)), ValueError, "y: label 3 at position 0 is out of range: there are 3 classes"),
    (lambda m: m.fit(X, np.where(np.arange(13) == 4, -1, Y)), ValueError, "label -1 at position 4"),
    (lambda m: m.fit(X, Y + 0.7), ValueError, r"y: label \d\.7 at position 0 is not an integer"),
    (lambda m: m.train_on_batch(X, Y + 0.7), ValueError, "not an integer"),
    (lambda m: m.train_on_batch(X, np.full(13, 3)), ValueError, "label 3 at position 0"),
    (lambda m: m.test_on_batch(X, np.full(13, -2)), ValueError, "label -2 at position 0"),
    (lambda m: m.fit(X, np.ones((13, 2), int)), ValueError, r"the targets \(y\): class numbers of shape .* do not fit predictions"),
    (lambda m: m.fit(X, Y, epochs=1.5), TypeError, r"`epochs` must be an integer. Received: epochs=1.5"),
    (lambda m: m.fit(X, Y, initial_epoch="1"), TypeError, "initial_epoch='1'"),
    (lambda m: m.fit(X, Y, validation_data=(X, np.full(13, 3))), ValueError, "label 3 at position 0"),
    (lambda m: m.fit(X, Y, validation_data=(X[:, :1], Y)), ValueError, "expects shape"),
    (lambda m: m.fit(X, Y, validation_data=(X, Y, Y, Y)), ValueError, "a tuple of 4"),
    (lambda m: m.fit(X, Y, validation_data=(X[:0], Y[:0])), ValueError, "x has no rows"),
    (lambda m: m.fit(X[:1], Y[:1], validation_split=0.5), ValueError, "not sufficient"),
    (lambda m: m.fit(X, Y, validation_split=1.5), ValueError, "between 0 and 1"),
    (lambda m: m.fit(X, Y, class_weight={0: 1.0}, sample_weight=np.ones(13)), ValueError, "at the same time"),
    (lambda m: m.fit(X, Y, class_weight=[1, 2]), ValueError, "`class_weight` must be a dictionary"),
    (lambda m: m.fit(X, Y, batch_size=0), ValueError, "`batch_size` must be a positive integer. Received: batch_size=0"),
    (lambda m: m.fit(X, Y, batch_size=2.5), ValueError, "batch_size=2.5"),
    (lambda m: m.fit(X, Y, steps_per_epoch=0), ValueError, "steps_per_epoch=0"),
    (lambda m: m.fit(X, Y, verbose="zz"), ValueError, "verbose='zz'"),
    (lambda m: m.fit(X, Y, validation_freq=0, validation_data=(X, Y)), ValueError, "validation_freq"),
    (lambda m: m.fit(X, Y, callbacks=[3]), TypeError, "callbacks"),
    (lambda m: m.fit(X, Y, epoch=3), TypeError, "unexpected keyword argument 'epoch'"),
    (lambda m: m.evaluate(X, Y, foo=1), ValueError, "foo"),
    (lambda m: m.fit(X, np.ma.masked_array(Y, Y == 0)), ValueError, "y is a masked array"),
    (lambda m: m.fit(X, 3), ValueError, "Unrecognized data type: y=3"),
    (lambda m: m.fit([], Y), ValueError, "x is an empty list"),
]


@pytest.mark.parametrize("case", range(len(SINGLE)))
def test_one_input_one_output(case: int) -> None:
    call, kind, words = SINGLE[case]
    model = classifier(metrics=["accuracy"])
    before = model.get_weights()
    with pytest.raises(kind, match=words):
        call(model)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert int(model.optimizer.iterations) == 0
    model.fit(X, Y, verbose=0)


SEVERAL: list[tuple[Any, str]] = [
    (lambda m: m.fit([X], [YA, Y]), r"expects 2 inputs with names \['i', 'j'\], but x holds 1 array"),
    (lambda m: m.fit(X, [YA, Y]), "expects 2 inputs"),
    (lambda m: m.fit({"i": X}, [YA, Y]), "x has no entry for input 'j'"),
    (lambda m: m.fit([X2, X], [YA, Y]), r"Input 'i' .* expects shape \(None, 4\), but x\[0\] has shape \(13, 3\)"),
    (lambda m: m.fit([X, X2], [YA]), r"targets \(y\) has 1 entries, but the model has 2 outputs \('a', 'b'\)"),
    (lambda m: m.fit([X, X2], YA), r"targets \(y\) is one value, but the model has 2 outputs"),
    (
        lambda m: m.fit([X, X2], {"a": YA, "c": Y}),
        r"names 'c', which is no output of the model: the outputs are called \['a', 'b'\]",
    ),
    (lambda m: m.fit([X, X2], {"a": YA}), "output 'b' are missing"),
    (lambda m: m.fit([X, X2], [YA[:, :1], Y]), r"targets \(y\) of output 'a': targets of shape .* do not fit predictions"),
    (lambda m: m.fit([X, X2], [np.ones((13, 5)), Y]), "of output 'a'"),
    (lambda m: m.fit([X, X2], [YA, np.full(13, 8)]), r"y\[1\] \(the targets of output 'b'\): label 8 at position 0"),
    (lambda m: m.fit([X, X2[:5]], [YA, Y]), r"x\[0\]: 13\nx\[1\]: 5"),
    (lambda m: m.fit([X, X2], [YA, Y], sample_weight=[np.ones(13)]), "`sample_weight` has 1 entries"),
    (lambda m: m.fit([X, X2], [YA, Y], sample_weight={"q": np.ones(13)}), "`sample_weight` names 'q'"),
    (lambda m: m.fit([X, X2], [YA, Y], class_weight={0: 1.0}), "single output"),
]


@pytest.mark.parametrize("case", range(len(SEVERAL)))
def test_several_inputs_and_outputs(case: int) -> None:
    call, words = SEVERAL[case]
    with pytest.raises(ValueError, match=words):
        call(two_outputs(loss=["mse", SPARSE]))


@pytest.mark.parametrize(("options", "words"), [
    ({"loss": ["mse"] * 3}, r"the argument `loss` of compile\(\) has 3 entries, but the model has 2 outputs"),
    ({"loss": {"a": "mse"}}, "no entry for output 'b'"),
    ({"loss": {"a": "mse", "zz": "mse"}}, "names 'zz'"),
    ({"loss": "mse", "loss_weights": [1.0]}, "`loss_weights` of compile.* has 1 entries"),
    ({"loss": "mse", "loss_weights": {"a": 1.0}}, "no entry for output 'b'"),
    ({"loss": "mse", "loss_weights": 2.0}, "is one number"),
    ({"loss": ["mse", SPARSE], "metrics": ["mae"]}, r"`metrics` of compile\(\) has 1 entries"),
    ({"loss": ["mse", SPARSE], "metrics": {"zz": "mae"}}, "names 'zz'"),
    ({"loss": ["mse", SPARSE], "weighted_metrics": {"zz": "mae"}}, "`weighted_metrics` .* names 'zz'"),
])  # fmt: skip
def test_what_compile_said_must_fit_the_outputs(options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        two_outputs(**options).fit([X, X2], [YA, Y], verbose=0)


@pytest.mark.parametrize(("arguments", "words"), [
    ({"loss": "nope"}, "nope"), ({"loss": ["mse", "nope"]}, "nope"), ({"loss": "mse", "metrics": ["nope"]}, "nope"),
    ({"loss": "mse", "metrics": "mae"}, "to be a list, tuple, or dict"), ({"optimizer": "nope"}, "nope"),
    ({"loss": "mse", "loss_weights": "a"}, "`loss_weights` must hold numbers"), ({"steps_per_execution": 0}, "steps_per_execution"),
])  # fmt: skip
def test_unknown_names_are_errors_of_compile(arguments: Any, words: str) -> None:
    model = graphnn.Sequential([graphnn.Input((2,)), layers.Dense(1)])
    with pytest.raises(ValueError, match=words):
        model.compile(**{"optimizer": "sgd", **arguments})
    assert not model.compiled


@pytest.mark.parametrize("loss", ["mse", "mae", "categorical_crossentropy", "huber", graphnn.losses.CosineSimilarity()])
@pytest.mark.parametrize("shape", [(13, 1), (13,), (13, 2), (13, 1, 3), (13, 3, 1, 1)])
def test_targets_that_would_only_broadcast(loss: Any, shape: tuple[int, ...]) -> None:
    model = classifier(loss=loss)
    with pytest.raises(ValueError, match=r"the targets \(y\): targets of shape .* do not fit predictions of shape \(None, 3\)"):
        model.fit(X, np.ones(shape), verbose=0)
    with pytest.raises(ValueError, match=rf"targets of shape {re.escape(str((None, *shape[1:])))} do not fit"):
        model.train_on_batch(X, np.ones(shape))


def test_a_loss_of_the_users_may_take_any_targets() -> None:
    model = classifier(loss=lambda a, b: graphnn.ops.mean((a - b) ** 2, axis=-1))
    assert np.isfinite(model.fit(X, np.ones((13, 1)), verbose=0).history["loss"][0])


def test_columns_of_one_number_and_vectors_are_the_same() -> None:
    a, b = classifier(1, loss="mse", activation=None), classifier(1, loss="mse", activation=None)
    y = X[:, 0] * 2
    assert a.fit(X, y, shuffle=False, verbose=0).history == b.fit(X, y[:, None], shuffle=False, verbose=0).history


def test_ignored_classes_are_no_error() -> None:
    model = classifier(loss=graphnn.losses.SparseCategoricalCrossentropy(ignore_class=-1))
    y = np.where(np.arange(13) % 2, Y, -1)
    assert np.isfinite(model.fit(X, y, verbose=0).history["loss"][0])
    with pytest.raises(ValueError, match="label -2"):
        model.fit(X, y * 2, verbose=0)


def test_nothing_works_before_compile() -> None:
    model = graphnn.Sequential([graphnn.Input((4,)), layers.Dense(1)])
    for name in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
        with pytest.raises(ValueError, match=r"You must call `compile\(\)` before using the model: `" + name):
            getattr(model, name)(X, Y)


def test_predict_on_no_rows_has_the_shape_of_the_outputs() -> None:
    assert classifier().predict(X[:0], verbose=0).shape == (0, 3)
    out = two_outputs("dict").predict({"i": X[:0], "j": X2[:0]}, verbose=0)
    assert {k: v.shape for k, v in out.items()} == {"a": (0, 2), "b": (0, 3)}


def test_a_bad_index_in_a_layer_is_named() -> None:
    i = graphnn.Input((2,), dtype="int32")
    model = graphnn.Model(i, layers.Flatten()(layers.Embedding(5, 3, name="words")(i)))
    model.compile("sgd", "mse")
    x = np.array([[0, 1], [4, 7]])
    before = model.get_weights()
    with pytest.raises(IndexError, match="7 at position 3"):
        model.fit(x, np.ones((2, 6)), verbose=0)
    assert np.array_equal(before[0], model.get_weights()[0])


@pytest.mark.parametrize(("make", "words"), [
    (lambda: graphnn.Sequential([graphnn.Input((4,)), layers.Dense(10**12, name="d")]), r"'.*d/kernel' of shape \(4, 1000000000000\) needs 14901.2 GiB"),
    (lambda: layers.Dense(2**40, name="d")(np.ones((1, 4), "float32")), "d/kernel' of shape"),
    (lambda: graphnn.ops.broadcast_to(np.ones(1), (2**44,)), "needs 131072.0 GiB"),
    (lambda: layers.RepeatVector(2**44)(np.ones((1, 3), "float32")), "needs 196608.0 GiB"),
    (lambda: graphnn.ops.ones((2**44,)), "needs 65536.0 GiB"),
    (lambda: graphnn.ops.one_hot(np.arange(3), 2**44), "needs"),
])  # fmt: skip
def test_impossible_sizes_are_refused_by_arithmetic(make: Any, words: str) -> None:
    with pytest.raises(MemoryError, match=words + ".*; the machine has"):
        make()


@pytest.mark.parametrize(("call", "words"), [
    (lambda: graphnn.ops.take(np.arange(3.0), np.array([1, -4])), "index -4 at position 1"),
    (lambda: graphnn.ops.take(np.arange(3.0), np.array([3])), "index 3 at position 0"),
    (lambda: graphnn.ops.take_along_axis(np.arange(3.0), np.array([0, -9]), axis=0), "index -9 at position 1"),
    (lambda: graphnn.ops.bincount(np.array([2, -1])), "index -1 at position 1"),
    (lambda: graphnn.ops.bincount(np.array([[2, 1], [0, -1]])), "index -1 at position 3"),
])  # fmt: skip
def test_an_error_names_the_index_that_was_given(call: Any, words: str) -> None:
    with pytest.raises(IndexError, match=words):
        call()


def ids_model(dtype: str = "int32", rows: int = 5) -> Any:
    i = graphnn.Input((2,), dtype=dtype, name="ids")
    model = graphnn.Model(i, layers.Dense(1)(layers.Flatten()(layers.Embedding(rows, 3, name="words")(i))), name="m")
    model.compile("adam", "mse")
    return model


def jobs(model: Any, x: Any, y: Any) -> dict[str, Any]:
    return {
        "fit": lambda: model.fit(x, y, batch_size=4, verbose=0),
        "fit batches": lambda: model.fit(((x[i : i + 4], y[i : i + 4]) for i in range(0, 12, 4)), verbose=0),
        "evaluate": lambda: model.evaluate(x, y, batch_size=4, verbose=0),
        "predict": lambda: model.predict(x, batch_size=4, verbose=0),
        "predict batches": lambda: model.predict((x[i : i + 4] for i in range(0, 12, 4)), verbose=0),
        "predict again": lambda: model.predict(x, verbose=0),
        "train_on_batch": lambda: model.train_on_batch(x, y),
        "test_on_batch": lambda: model.test_on_batch(x, y),
        "predict_on_batch": lambda: model.predict_on_batch(x),
        "call": lambda: model(x),
    }


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(("bad", "dtype", "kind", "words"), [
    (1.9, "float32", TypeError, "input 'ids' of model 'm' takes integers .int32., but .* holds 1.9 at .0, 1."),
    (np.nan, "float32", TypeError, "holds nan at .0, 1."), (np.inf, "float64", TypeError, "holds inf at"),
    (1e30, "float64", IndexError, "takes int32, -2147483648 to 2147483647, but .* holds 1e.30 at .0, 1."),
    (2**32 + 1, "int64", IndexError, "holds 4294967297 at .0, 1."), (2**63 + 1, "uint64", IndexError, "holds 9223372036854775809"),
    (5, "uint8", IndexError, "layer m/words: index 5 at position .* is out of range; it must be in 0..4"),
    (5.0, "float32", IndexError, "layer m/words: index 5 at position .* is out of range; it must be in 0..4"),
])  # fmt: skip
def test_ids_that_an_integer_input_cannot_hold(bad: float, dtype: str, kind: type[Exception], words: str, eager: bool) -> None:
    good = np.arange(24).reshape(12, 2) % 5
    y = np.ones((12, 1), "float32")
    for name in jobs(None, good, y):
        model = ids_model()
        model.run_eagerly = eager
        jobs(model, good.astype(dtype), y)[name]()  # also fills what is kept for a quick second call
        before, steps = model.get_weights(), int(model.optimizer.iterations)
        x = good.astype(dtype)
        x[0, 1] = bad
        with pytest.raises(kind, match=words):
            jobs(model, x, y)[name]()
        if name != "fit" or bad != 5:  # a bad id may come in a later batch of those that were shuffled
            assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
            assert int(model.optimizer.iterations) == steps
        jobs(model, good, y)[name]()


@pytest.mark.parametrize("eager", [False, True])
def test_ids_of_an_input_of_floats_must_be_integral(eager: bool) -> None:
    good = (np.arange(24).reshape(12, 2) % 5).astype("float32")
    y = np.ones((12, 1), "float32")
    for name in jobs(None, good, y):
        model = ids_model("float32")
        model.run_eagerly = eager
        jobs(model, good, y)[name]()
        for bad in (1.5, np.nan, -np.inf):
            x = good.copy()
            x[0, 1] = bad
            with pytest.raises((TypeError, IndexError), match=r"layer m/words|Embedding 'words'"):
                jobs(model, x, y)[name]()
        x[0, 1] = 1.5
        with pytest.raises(TypeError, match=r"layer m/words: ids must be integral|Embedding 'words': ids must be integral"):
            jobs(model, x, y)[name]()


def test_the_row_of_a_bad_id_is_named_through_shuffling() -> None:
    model = ids_model()
    x = np.zeros((400, 2), "int32")
    x[311, 1] = 77
    with pytest.raises(IndexError, match=r"layer m/words: index 77 at position \d+ is out of range; it must be in 0..4. It is in row 311 of x"):
        model.fit(x, np.ones((400, 1)), batch_size=16, verbose=0)
