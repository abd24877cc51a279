"""What is no text, and what is no place for texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from text_support import NUMBERS, WORDS, X, Y, compiled, head, model_of, text_input, vectorize

import graphnn
from graphnn import layers, ops


def string_model() -> Any:
    x = text_input(name="words")
    return compiled(graphnn.Model(x, head(vectorize()(x)), name="reader"))


def number_model() -> Any:
    return compiled(graphnn.Sequential([graphnn.Input((1,)), layers.Dense(1)]))


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda m: m.predict(np.ones((3, 1)), verbose=0), TypeError, "'words' of model 'reader' takes texts .* x has dtype float64"),
        (lambda m: m(np.ones((3, 1))), TypeError, "'words' of model 'reader' takes texts"),
        (lambda m: m.fit(iter([(X[:3], Y[:3]), (np.ones((3, 1)), Y[:3])]), verbose=0), TypeError, "'words' of model 'reader' takes texts"),
        (lambda m: m.predict(np.array([["a"], [None]], object), verbose=0), ValueError, r"x is an array of texts, but holds None .* at \[1, 0\]"),
        (lambda m: m(np.array([["a"], [None]], object)), ValueError, r"input 'words' of model 'reader' .* holds None"),
        (lambda m: m.fit(np.array([["a"], [3]], object), Y[:2], verbose=0), TypeError, r"holds 3 \(of type int\) at \[1, 0\]"),
        (lambda m: m.fit(np.array(["a", float("nan")], object), Y[:2], verbose=0), TypeError, r"holds nan \(of type float\) at \[1\]"),
        (lambda m: m.predict(np.array([[None], [None]]), verbose=0), ValueError, "numbers .* or texts are expected"),
        (lambda m: m.predict(None, verbose=0), ValueError, "x is None"), (lambda m: m(None), ValueError, "'words' of model 'reader' is None"),
        (lambda m: m.predict(np.concatenate([X, X], 1), verbose=0), ValueError, r"'words' .* expects shape \(None, 1\), but x has shape \(83, 2\)"),
        (lambda m: m(np.concatenate([X, X], 1)), ValueError, "'words' .* found shape"), (lambda m: m("a b"), ValueError, "should be tensors"),
        (lambda m: m.predict(np.array([[b"\xff"]], object), verbose=0), ValueError, r"not utf-8: b'\\xff', at byte 0"),
        (lambda m: m.fit(X[:0], Y[:0], verbose=0), ValueError, "x has no rows"), (lambda m: m.fit(X, X, verbose=0), ValueError, "y is an array of dtype object"),
        (lambda m: m.fit(X, Y, sample_weight=X[:, 0], verbose=0), ValueError, "sample_weight is an array of dtype object"),
        (lambda m: number_model().fit(X, Y, verbose=0), ValueError, "Invalid dtype: object. x is .* of type str"),
        (lambda m: number_model()(X), ValueError, "Invalid dtype"), (lambda m: number_model().fit(iter([(X, Y)]), verbose=0), ValueError, "Invalid dtype"),
        (lambda m: compiled(graphnn.Sequential([layers.Dense(1)])).fit(X, Y, verbose=0), TypeError, "starts with a layer of numbers"),
        (lambda m: graphnn.Sequential([layers.Dense(1)])(X), ValueError, "starts with a layer of numbers"),
        (lambda m: layers.Dense(1)(X), ValueError, "Invalid dtype"), (lambda m: layers.Dense(1, name="d")(m.input), TypeError, r"'d' \(of type Dense\) works on numbers"),
        (lambda m: graphnn.Model(m.input, m.input).predict(X, verbose=0), TypeError, "must be numbers, but it is texts"),
        (lambda m: graphnn.Model(m.input, m.input)(X), TypeError, "must be numbers, but it is texts"),
        (lambda m: layers.TimeDistributed(vectorize())(m.input), TypeError, "TimeDistributed"), (lambda m: layers.Embedding(3, 2)(m.input), TypeError, "Embedding"),
        (lambda m: ops.add(m.input, 1), TypeError, r"ops\.add works on numbers"), (lambda m: m.input + "a", TypeError, r"ops\.add"),
        (lambda m: ops.cast(m.input, "int32"), TypeError, r"ops\.cast"), (lambda m: ops.equal(m.input, m.input), TypeError, r"ops\.equal"),
        (lambda m: m.input[np.array([0, 1])], TypeError, r"ops\.get_item with these arguments"),
        (lambda m: ops.concatenate([m.input, graphnn.Input((1,))], -1), TypeError, r"ops\.concatenate"),
        (lambda m: layers.Lambda(lambda x: ops.exp(x), name="l")(m.input), TypeError, r"ops\.exp in layer 'l'"),
        (lambda m: layers.StringLookup(vocabulary=WORDS, invert=True)(m.input), TypeError, "invert=True"),
        (lambda m: layers.StringLookup(vocabulary=WORDS, invert=True)(graphnn.Input((1,), dtype="int64")), TypeError, "call it on what a model predicts"),
        (lambda m: vectorize()(graphnn.Input((2,), dtype="string")), ValueError, r"\(None, 2\)"), (lambda m: vectorize()(graphnn.Input((1,))), TypeError, "dtype 'string'"),
        (lambda m: model_of(layers.StringLookup(vocabulary=["a"], num_oov_indices=0)).predict(np.array(["zz"]), verbose=0), ValueError, "zz"),
        (lambda m: model_of(layers.IntegerLookup(vocabulary=[1])).predict(np.array(["1", "1.5"]), verbose=0), ValueError, "must be integers. Received: '1.5'"),
        (lambda m: model_of(layers.Hashing(4, mask_value=0)).predict(X, verbose=0), TypeError, "mask_value"),
        (lambda m: model_of(vectorize(), layers.Embedding(4, 2, name="small")).predict(X, verbose=0), IndexError, r"small.* in row \d+ of text_vectorization.*\(x\)"),
    ],
)  # fmt: skip
def test_bad_input(act: Any, error: type[Exception], words: str) -> None:
    model = string_model()
    before = [np.array(w) for w in model.get_weights()]
    with pytest.raises(error, match=words):
        act(model)
    if "takes texts" not in words:  # one of them gives a good batch first
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_model_refused_for_texts_still_takes_numbers() -> None:
    model = compiled(graphnn.Sequential([layers.Dense(1)]))
    with pytest.raises(TypeError):
        model.fit(X, Y, verbose=0)
    assert np.isfinite(model.fit(NUMBERS, Y, verbose=0).history["loss"][0])
