"""Tables of embeddings of which a step names few rows: the same numbers as if whole tables were updated, by which optimizers, for whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.passes import touched_rows
from graphnn_compiler.runtime import team

import graphnn
from graphnn import layers
from graphnn import optimizers as o

DENSE = 1 << 62
ROWS = 9000


@pytest.fixture(autouse=True)
def as_before() -> Any:
    least = touched_rows.LEAST
    yield
    touched_rows.LEAST = least
    team.set_threads(None)


def one(**options: Any) -> Any:
    ids = graphnn.Input((6,), dtype="int32")
    h = layers.GlobalAveragePooling1D()(layers.Embedding(ROWS, 5, name="table", **options)(ids))
    return graphnn.Model(ids, layers.Dense(1)(h))


def shared() -> Any:
    """One table for two inputs, the second of any length, and another table for the first."""
    table, other = layers.Embedding(ROWS, 5, name="table"), layers.Embedding(ROWS, 3)
    a, b = graphnn.Input((6,), dtype="int32"), graphnn.Input((None,), dtype="int32")
    parts = [layers.GlobalAveragePooling1D()(h) for h in (table(a), table(b), other(a))]
    return graphnn.Model([a, b], layers.Dense(1)(layers.Concatenate()(parts)))


def recurrent() -> Any:
    ids = graphnn.Input((6,), dtype="int32")
    return graphnn.Model(ids, layers.Dense(1)(layers.GRU(4)(layers.Embedding(ROWS, 5, mask_zero=True)(ids))))


def recomputed() -> Any:
    ids = graphnn.Input((6,), dtype="int32")
    with graphnn.RematScope():
        block = graphnn.Sequential([layers.Embedding(ROWS, 5), layers.Dense(4, "tanh"), layers.GlobalAveragePooling1D()])
    return graphnn.Model(ids, layers.Dense(1)(block(ids)))


def data(model: Any, n: int = 14) -> tuple[Any, Any]:
    """Ids of which a few come often, in different numbers for each input."""
    rng = np.random.default_rng(5)
    x = [np.minimum(rng.geometric(0.02, (n, 6 + 3 * i)), ROWS - 1).astype("int32") for i in range(len(model.inputs))]
    return (x if len(x) > 1 else x[0]), rng.normal(size=(n, 1)).astype("float32")


def trained(make: Callable[[], Any], optimizer: Callable[[], Any], least: int, **options: Any) -> tuple[list[bytes], Any]:
    """The bytes of all variables after some epochs with a last batch that is smaller."""
    touched_rows.LEAST = least
    graphnn.utils.set_random_seed(1)
    model = make()
    model.compile(optimizer(), "mse", **options)
    x, y = data(model)
    model.fit(x, y, batch_size=4, epochs=3, verbose=0)
    model.train_on_batch(*data(model, 3))
    return [v.numpy().tobytes() for v in [*model.weights, *model.optimizer.variables]], model


def touched(model: Any) -> int:
    return str(model.compile_report()["train"]).count("touched rows only")


OPTIMIZERS: dict[str, tuple[Callable[[], Any], int]] = {
    "sgd": (lambda: o.SGD(0.1), 1),
    "schedule": (lambda: o.SGD(o.schedules.ExponentialDecay(0.1, 2, 0.9)), 1),
    "adagrad": (lambda: o.Adagrad(0.1), 2),
    "clipvalue": (lambda: o.Adagrad(0.1, clipvalue=0.01), 2),
    "loss_scale_factor": (lambda: o.SGD(0.1, loss_scale_factor=4.0), 1),
    "averages": (lambda: o.SGD(0.1, use_ema=True), 1),
    "averages that come back": (lambda: o.SGD(0.1, use_ema=True, ema_overwrite_frequency=2), 0),
    "momentum": (lambda: o.SGD(0.1, momentum=0.9), 0),
    "nesterov": (lambda: o.SGD(0.1, momentum=0.9, nesterov=True), 0),
    "decay": (lambda: o.SGD(0.1, weight_decay=0.01), 0),
    "clipnorm": (lambda: o.SGD(0.1, clipnorm=0.1), 0),
    "global_clipnorm": (lambda: o.Adagrad(0.1, global_clipnorm=0.1), 0),
    "accumulation": (lambda: o.SGD(0.1, gradient_accumulation_steps=2), 0),
    "loss scale": (lambda: o.LossScaleOptimizer(o.SGD(0.1), initial_scale=8.0), 0),
    **{
        name: (lambda name=name: getattr(o, name)(0.01), 0)
        for name in ("Adam", "AdamW", "RMSprop", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion", "Lamb", "Adafactor")
    },
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer(name: str) -> None:
    make, count = OPTIMIZERS[name]
    want, model = trained(one, make, DENSE)
    assert touched(model) == 0
    got, model = trained(one, make, 0)
    assert touched(model) == count
    assert got == want


@pytest.mark.parametrize("make", [shared, recurrent, recomputed])
@pytest.mark.parametrize("optimizer", [lambda: o.SGD(0.1), lambda: o.Adagrad(0.1)])
def test_each_kind_of_model_on_any_number_of_threads(
    make: Callable[[], Any], optimizer: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHNN_MIN_PARALLEL_WORK", "0")
    want, _ = trained(make, optimizer, DENSE)
    for n in (1, 2, 3, 4):
        team.set_threads(n)
        got, model = trained(make, optimizer, 0)
        assert touched(model) == len(optimizer().get_config().keys() & {"epsilon"}) * (1 + (make is shared)) + 1 + (make is shared)
        assert got == want, n


@pytest.mark.parametrize("options", [{"embeddings_regularizer": "l2"}, {"embeddings_constraint": "max_norm"}])
def test_what_concerns_all_rows_touches_all_rows(options: dict[str, Any]) -> None:
    want, _ = trained(lambda: one(**options), lambda: o.SGD(0.1), DENSE)
    got, model = trained(lambda: one(**options), lambda: o.SGD(0.1), 0)
    assert touched(model) == 0
    assert got == want


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_dtypes(dtype: str) -> None:
    want, _ = trained(lambda: one(dtype=dtype), lambda: o.Adagrad(0.1), DENSE)
    got, model = trained(lambda: one(dtype=dtype), lambda: o.Adagrad(0.1), 0)
    assert touched(model) == 2
    assert got == want


def test_a_step_of_your_own() -> None:
    class Signs(graphnn.Model):
        """Moves along signs of gradients that are small, in the part of the step that users write."""

        def train_step(self, data: Any) -> Any:
            x, y, _ = graphnn.utils.unpack_x_y_sample_weight(data)
            variables = self.trainable_variables
            loss, grads = graphnn.value_and_grad(lambda: self.compute_loss(x, y, self(x, training=True)), variables=variables)()
            for g, v in zip(grads, variables, strict=True):
                v.assign(v - 0.01 * graphnn.ops.where(graphnn.ops.abs(g) < 0.01, 0.0, graphnn.ops.sign(g)))
            return {"loss": loss}

    def make() -> Any:
        base = one()
        return Signs(base.inputs, base.outputs)

    want, _ = trained(make, lambda: o.SGD(0.1), DENSE)
    got, model = trained(make, lambda: o.SGD(0.1), 0)
    assert touched(model) == 1
    assert got == want


def test_two_tables_of_one_input() -> None:
    def mixed() -> Any:
        ids = graphnn.Input((6,), dtype="int32")
        parts = [layers.GlobalAveragePooling1D()(layers.Embedding(ROWS, 5)(ids)) for _ in range(2)]
        return graphnn.Model(ids, layers.Dense(1)(layers.Concatenate()(parts)))

    want, _ = trained(mixed, lambda: o.Adagrad(0.1), DENSE)
    got, model = trained(mixed, lambda: o.Adagrad(0.1), 0)
    assert touched(model) == 4
    assert got == want


def test_step_by_step_with_numpy() -> None:
    """The rows of SGD by hand, and what runs eagerly."""
    model = one()
    model.compile(o.SGD(0.5), "mse", run_eagerly=True)
    start = model.get_weights()
    x, y = data(model, 4)
    model.train_on_batch(x, y)
    eager = model.get_weights()
    touched_rows.LEAST = 0
    model.set_weights(start)
    model.compile(o.SGD(0.5), "mse")
    model.train_on_batch(x, y)
    assert touched(model) == 1
    table, kernel, bias = start
    h = table[x].mean(1)
    error = 2 * (h @ kernel + bias - y) / len(y)
    new = table.astype("float64")
    for row, e in zip(x, error, strict=True):
        for i in row:
            new[i] -= 0.5 * e * kernel[:, 0] / 6
    for got in (model.get_weights(), eager):
        np.testing.assert_allclose(got[0], new, rtol=1e-5, atol=1e-7)
    rest = np.setdiff1d(np.arange(ROWS), x)
    np.testing.assert_array_equal(model.get_weights()[0][rest], table[rest])


def test_a_bad_id_changes_nothing() -> None:
    touched_rows.LEAST = 0
    for make, layer in ((one, "table"), (shared, "table")):
        model = make()
        model.compile(o.Adagrad(0.1), "mse")
        x, y = data(model)
        model.fit(x, y, batch_size=7, epochs=1, verbose=0)
        assert touched(model) >= 2
        weights = [v.numpy() for v in [*model.weights, *model.optimizer.variables[2:]]]
        for bad in (-1, ROWS, 2**31 - 1, -(2**31)):
            for part in range(len(model.inputs)):
                given = [a.copy() for a in x] if isinstance(x, list) else x.copy()
                (given[part] if isinstance(given, list) else given)[3, 2] = bad
                with pytest.raises(IndexError, match=rf"layer .*{layer}: index {bad} at position .* row 3 of"):
                    model.fit(given, y, batch_size=7, epochs=1, verbose=0, shuffle=False)
                with pytest.raises(IndexError, match=f"index {bad} "):
                    model.train_on_batch(given, y)
        for v, w in zip([*model.weights, *model.optimizer.variables[2:]], weights, strict=True):
            np.testing.assert_array_equal(v.numpy(), w)


def test_steps_that_refuse_what_is_not_finite() -> None:
    """Whether a new table is finite can only be told from all of it; which is what TerminateOnNaN asks."""
    touched_rows.LEAST = 0
    model = one()
    model.compile(o.SGD(0.1), "mse")
    x, y = data(model)
    y[5] = np.nan
    table = model.get_weights()[0]
    model.fit(x, y, batch_size=14, epochs=1, verbose=0, callbacks=[graphnn.callbacks.TerminateOnNaN()])
    np.testing.assert_array_equal(model.get_weights()[0], table)


def test_a_large_table_is_updated_by_rows_without_being_asked() -> None:
    ids = graphnn.Input((None,), dtype="int32")
    model = graphnn.Model(ids, layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.Embedding(50_000, 32)(ids))))
    model.compile("sgd", "mse")
    model.train_on_batch(np.full((2, 7), 49_999), np.zeros((2, 1)))
    assert touched(model) == 1
    small = graphnn.Model(ids, layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.Embedding(50, 32)(ids))))
    small.compile("sgd", "mse")
    small.train_on_batch(np.full((2, 7), 49), np.zeros((2, 1)))
    assert touched(small) == 0
