"""What was predicted before is predicted without ceremony, with the same results and the same errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers


def two_inputs(outputs: Any = list) -> graphnn.Model:
    ids, x = graphnn.Input((4,), dtype="int32", name="ids"), graphnn.Input((3,), name="x")
    h = layers.Concatenate()([layers.Flatten()(layers.Embedding(10, 2)(ids)), x])
    first, second = layers.Dense(2, name="first")(h), layers.Dense(1, name="second")(h)
    graphnn.utils.set_random_seed(1)
    return graphnn.Model([ids, x], {"b": first, "a": second} if outputs is dict else outputs([first, second]))


def data(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    return r.integers(0, 10, (rows, 4)).astype("int32"), r.standard_normal((rows, 3)).astype("float32")


def quick(model: graphnn.Model, x: Any, batch_size: int = 32) -> Any:
    return model._compiled.predictions.predict(x, batch_size)


def same(a: Any, b: Any) -> None:
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    for u, v in zip(a, b, strict=True):
        np.testing.assert_array_equal(u, v)


@pytest.mark.parametrize("outputs", [list, tuple, dict])
@pytest.mark.parametrize("form", ["list", "tuple", "dict", "other order"])
def test_structures(outputs: type, form: str) -> None:
    model = two_inputs(outputs)

    def shaped(ids: np.ndarray, x: np.ndarray) -> Any:
        forms = {"list": [ids, x], "tuple": (ids, x), "dict": {"ids": ids, "x": x}, "other order": {"x": x, "ids": ids}}
        return forms[form]

    before = shaped(*data(5))
    assert quick(model, before) is None
    want = model.predict(before, verbose=0)
    same(quick(model, before), want)
    for rows in (1, 2, 7, 40, 100):
        given = shaped(*data(rows, rows))
        same(model.predict(given, verbose=0), model.predict(given, verbose=0, steps=-(-rows // 32)))
        assert quick(model, given) is not None
        same(model.predict(given, verbose=0, batch_size=3), model.predict(given, verbose=0))


def test_what_takes_the_long_way() -> None:
    model = two_inputs()
    ids, x = data(6)
    model.predict([ids, x], verbose=0)
    assert quick(model, [ids, x]) is not None
    assert quick(model, [ids[::2], x[::2]]) is None
    same(model.predict([ids[::2], x[::2]], verbose=0), [a[::2] for a in model.predict([ids, x], verbose=0)])
    for other in ([ids.astype("int64"), x], [ids, x.astype("float64")], (ids, x), [ids, x.tolist()], [ids[:0], x[:0]], [], np.float32(3)):
        assert quick(model, other) is None
    with pytest.raises(ValueError, match="same number of samples"):
        model.predict([ids, x[:5]], verbose=0)
    with pytest.raises(ValueError, match="expects 2 inputs"):
        model.predict([ids], verbose=0)
    with pytest.raises(IndexError, match="index 10"):
        model.predict([np.full_like(ids, 10), x], verbose=0)
    with pytest.raises(ValueError, match="shape"):
        model.predict([ids, x[:, :2]], verbose=0)


def test_new_weights_and_other_modes_are_seen() -> None:
    model = two_inputs()
    given = list(data(3))
    first = model.predict(given, verbose=0)
    kernel = model.get_layer("first").kernel
    kernel.assign(kernel.numpy() * 2.0)
    second = model.predict(given, verbose=0)
    assert not np.allclose(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    model.compile("sgd", ["mse", "mse"], run_eagerly=True)
    assert quick(model, given) is None
    for u, v in zip(model.predict(given, verbose=0), second, strict=True):
        np.testing.assert_allclose(u, v, rtol=1e-5, atol=1e-6)
    model.get_layer("second").trainable = False
    assert quick(model, given) is None


def test_ids_as_floats_are_looked_at_each_time() -> None:
    model = two_inputs()
    ids, x = data(3)
    floats = ids.astype("float32")
    want = model.predict([ids, x], verbose=0)
    for _ in range(2):
        same(model.predict([floats, x], verbose=0), want)
    floats[1, 2] = 2.5
    with pytest.raises((TypeError, ValueError), match=r"2\.5"):
        model.predict([floats, x], verbose=0)


@pytest.mark.parametrize("form", [list, tuple])
def test_calls_on_several_arrays(form: type) -> None:
    model = two_inputs()
    for rows in (1, 3):
        given = form(data(rows))
        want = model.predict(given, verbose=0)
        for _ in range(2):
            same([np.asarray(a) for a in model(given)], want)
        assert any(kind == (form, *[(a.shape, a.dtype) for a in given]) for kind, _ in model._fast)
        same([np.asarray(a) for a in model(form([given[0].astype("int64"), given[1].astype("float64")]))], want)
        same([np.asarray(a) for a in model({"x": given[1], "ids": given[0]}, training=False)], want)
    kernel = model.get_layer("first").kernel
    kernel.assign(kernel.numpy() * 2.0)
    assert not np.allclose(model(given)[0], want[0])
    given[0][0, 0] = 10
    with pytest.raises(IndexError, match="index 10"):
        model(given)
    with pytest.raises(ValueError, match="expects 2 input"):
        model(form([given[0]]))


def test_losses_of_calls_are_those_of_the_last_one() -> None:
    ids, x = graphnn.Input((4,), dtype="int32"), graphnn.Input((3,))
    h = layers.Concatenate()([layers.Flatten()(layers.Embedding(10, 2)(ids)), layers.ActivityRegularization(l2=1.0)(x)])
    model = graphnn.Model([ids, x], h)
    for scale in (1.0, 2.0):
        given = [data(2)[0], np.full((2, 3), scale, "float32")]
        for _ in range(2):
            model(given)
            assert len(model.losses) == 1
            np.testing.assert_allclose(np.asarray(model.losses[0]), 3 * scale**2)
