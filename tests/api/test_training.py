"""fit, evaluate and predict on arrays against plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training_support import SPARSE, Reference, classifier, data, filled

import graphnn
from graphnn import layers

close = np.testing.assert_allclose


def same_weights(model: Any, reference: Reference) -> None:
    close(model.get_weights()[0], reference.w, rtol=2e-5, atol=2e-6)
    close(model.get_weights()[1], reference.b, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("batch", [1, 4, 13, 32])
def test_fit_is_sgd(batch: int) -> None:
    model, (x, y) = classifier(metrics=["accuracy"]), data()
    reference = Reference(model)
    history = model.fit(x, y, epochs=3, batch_size=batch, shuffle=False, verbose=0)
    close(history.history["loss"], [reference.epoch(x, y, batch) for _ in range(3)], rtol=1e-5)
    same_weights(model, reference)
    loss, accuracy = model.evaluate(x, y, batch_size=5, verbose=0)
    close(loss, reference.loss(x, y), rtol=1e-5)
    close(accuracy, np.mean(reference.probabilities(x).argmax(1) == y), rtol=1e-6)
    close(model.predict(x, batch_size=3, verbose=0), reference.probabilities(x), rtol=1e-5)


def test_run_eagerly_is_the_same() -> None:
    x, y = data()
    losses = []
    for eager in (False, True):
        model = classifier(run_eagerly=eager)
        assert model.run_eagerly is eager
        losses.append(model.fit(x, y, epochs=2, batch_size=4, shuffle=False, verbose=0).history["loss"])
    close(losses[0], losses[1], rtol=1e-5)


@pytest.mark.parametrize("make", [
    lambda x: x.astype("float64"), lambda x: x.astype(">f4"), np.asfortranarray, lambda x: np.repeat(x, 2, 0)[::2],
    lambda x: x[::-1].copy()[::-1], lambda x: x.tolist(),
])  # fmt: skip
def test_any_layout_of_the_data_gives_the_same_training(make: Any) -> None:
    model, (x, y) = classifier(), data()
    reference = Reference(model)
    model.fit(make(x), y, batch_size=4, shuffle=False, verbose=0)
    reference.epoch(x, y, 4)
    same_weights(model, reference)
    close(model.predict(make(x), verbose=0), reference.probabilities(x), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float16"])
def test_other_dtypes_are_cast_inside_the_program(dtype: str) -> None:
    model, (x, y) = classifier(lr=1e-3), data()
    x = (x * 3).astype(dtype) if dtype != "uint8" else (np.abs(x) * 3).astype(dtype)
    reference = Reference(model, 1e-3)
    model.fit(x, y.astype("uint8"), batch_size=4, shuffle=False, verbose=0)
    reference.epoch(x.astype("float32"), y, 4)
    same_weights(model, reference)


def test_memory_maps_train_like_arrays(tmp_path: Any) -> None:
    model, (x, y) = classifier(), data()
    reference = Reference(model)
    disk = np.memmap(tmp_path / "x.bin", "float32", "w+", shape=x.shape)
    disk[:] = x
    read = np.memmap(tmp_path / "x.bin", "float32", "r", shape=x.shape)
    model.fit(read, y, batch_size=4, shuffle=False, verbose=0)
    reference.epoch(x, y, 4)
    same_weights(model, reference)


def test_sample_weights() -> None:
    model, (x, y) = classifier(weighted_metrics=["accuracy"]), data()
    weight = np.random.RandomState(5).uniform(0.2, 2, len(x))
    reference = Reference(model)
    history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0, sample_weight=weight)
    close(history.history["loss"], [reference.epoch(x, y, 4, weight)], rtol=1e-5)
    same_weights(model, reference)
    loss, accuracy = model.evaluate(x, y, verbose=0, sample_weight=weight)
    close(loss, reference.loss(x, y, weight), rtol=1e-5)
    close(accuracy, np.average(reference.probabilities(x).argmax(1) == y, weights=weight), rtol=1e-5)


def test_class_weights_are_sample_weights() -> None:
    x, y = data()
    first, second = classifier(), classifier()
    a = first.fit(x, y, batch_size=4, shuffle=False, verbose=0, class_weight={0: 1.0, 2: 3.0})
    b = second.fit(x, y, batch_size=4, shuffle=False, verbose=0, sample_weight=np.where(y == 2, 3.0, 1.0))
    assert a.history == b.history
    third = classifier(loss="categorical_crossentropy")
    c = third.fit(x, np.eye(3)[y], batch_size=4, shuffle=False, verbose=0, class_weight={0: 1.0, 2: 3.0})
    close(c.history["loss"], a.history["loss"], rtol=1e-5)


def test_shuffle_depends_on_the_seed_alone() -> None:
    x, y = data(50)

    def run(seed: int) -> list[float]:
        graphnn.utils.set_random_seed(seed)
        model = classifier()
        return model.fit(x, y, epochs=3, batch_size=8, verbose=0).history["loss"]

    assert run(1) == run(1) != run(2)


def test_validation() -> None:
    model, (x, y) = classifier(metrics=["accuracy"]), data(20)
    reference = Reference(model)
    history = model.fit(x, y, epochs=4, batch_size=4, shuffle=False, verbose=0, validation_split=0.25, validation_freq=2)
    losses = []
    for _ in range(4):
        reference.epoch(x[:15], y[:15], 4)
        losses.append(reference.loss(x[15:], y[15:]))
    close(history.history["val_loss"], losses[1::2], rtol=1e-5)
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    again = model.fit(x, y, epochs=3, verbose=0, validation_data=(x[:5], y[:5]), validation_freq=[1, 3], validation_batch_size=2)
    assert len(again.history["val_loss"]) == 2 and len(again.history["loss"]) == 3
    close(again.history["val_loss"][-1], model.evaluate(x[:5], y[:5], verbose=0)[0], rtol=1e-5)
    weighted = model.fit(x, y, verbose=0, validation_data=(x[:5], y[:5], np.zeros(5)))
    assert weighted.history["val_loss"] == [0.0]


def test_class_weights_leave_the_validation_alone() -> None:
    x, y = data(20)
    model = classifier(lr=0.0)
    history = model.fit(x, y, verbose=0, validation_split=0.5, class_weight={0: 5.0, 1: 7.0, 2: 9.0}).history
    close(history["val_loss"], [model.evaluate(x[10:], y[10:], verbose=0)], rtol=1e-6)
    assert history["loss"][0] > 3 * history["val_loss"][0]


def test_reports_name_the_steps_that_ran() -> None:
    model, (x, y) = classifier(), data()
    assert "nothing is compiled yet" in str(model.compile_report())
    model.fit(x, y, verbose=0)
    model.predict(x, verbose=0)
    report, source = model.compile_report(), model.compiled_source()
    assert list(report) == list(source) == ["train", "predict"]
    assert "train step of" in str(report) and all(isinstance(s, str) for s in source.values())


def test_initial_epoch_and_steps_per_epoch() -> None:
    model, (x, y) = classifier(), data(12)
    reference = Reference(model)
    history = model.fit(x, y, epochs=5, initial_epoch=3, batch_size=4, shuffle=False, verbose=0)
    assert history.epoch == [3, 4]
    for _ in range(2):
        reference.epoch(x, y, 4)
    same_weights(model, reference)
    model.fit(x, y, epochs=3, steps_per_epoch=1, batch_size=4, shuffle=False, verbose=0)
    reference.epoch(x, y, 4)  # three epochs of one batch go once through the data
    same_weights(model, reference)
    with pytest.warns(UserWarning, match="ran out of data") as warned:
        model.fit(x, y, epochs=3, steps_per_epoch=2, batch_size=4, verbose=0)
    assert len(warned) == 1


def test_the_model_may_be_built_by_fit() -> None:
    x, y = data()

    class Net(graphnn.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.out = layers.Dense(5, activation="relu"), layers.Dense(3, activation="softmax")

        def call(self, inputs: Any) -> Any:
            return self.out(self.hidden(inputs))

    for model in (Net(), graphnn.Sequential([layers.Dense(5), layers.Dense(3, activation="softmax")])):
        model.compile("adam", SPARSE, metrics=["accuracy"])
        history = model.fit(x, y, epochs=20, verbose=0)
        assert history.history["loss"][-1] < history.history["loss"][0]
        assert model.predict(x, verbose=0).shape == (13, 3)


def test_losses_of_layers_and_regularizers_are_added() -> None:
    class Added(layers.Layer):
        def call(self, inputs: Any) -> Any:
            self.add_loss(0.5 * graphnn.ops.sum(inputs))
            return inputs

    i = graphnn.Input((2,))
    model = filled(graphnn.Model(i, Added()(layers.Dense(2, kernel_regularizer=graphnn.regularizers.L2(0.1))(i))))
    model.compile(graphnn.optimizers.SGD(0.0), "mse")
    x, y = np.ones((3, 2), "float32"), np.zeros((3, 2), "float32")
    out = model.predict(x, verbose=0)
    expected = np.mean(out**2) + 0.5 * out.sum() + 0.1 * np.sum(model.get_weights()[0] ** 2)
    close(model.evaluate(x, y, verbose=0), expected, rtol=1e-5)
    close(model.fit(x, y, verbose=0).history["loss"], [expected], rtol=1e-5)


def test_moving_statistics_and_dropout_follow_the_mode() -> None:
    i = graphnn.Input((3,))
    model = graphnn.Model(i, layers.Dropout(0.5)(layers.BatchNormalization(momentum=0.5)(i)))
    model.compile(graphnn.optimizers.SGD(0.0), "mse")
    x = np.random.RandomState(0).normal(3, 2, (8, 3)).astype("float32")
    before = model.predict(x, verbose=0)
    model.evaluate(x, x, verbose=0)
    assert np.array_equal(before, model.predict(x, verbose=0))
    model.fit(x, x, batch_size=8, epochs=1, verbose=0)
    mean = next(v for v in model.weights if v.name == "moving_mean")
    close(mean.numpy(), 0.5 * x.mean(0), rtol=1e-4)


def test_frozen_weights_stay() -> None:
    x, y = data()
    i = graphnn.Input((4,))
    hidden = layers.Dense(5)
    model = graphnn.Model(i, layers.Dense(3, activation="softmax")(hidden(i)))
    model.compile("sgd", SPARSE)
    model.fit(x, y, verbose=0)
    hidden.trainable = False
    model.compile("sgd", SPARSE)
    before = model.get_weights()
    model.fit(x, y, verbose=0)
    after = model.get_weights()
    assert np.array_equal(before[0], after[0]) and not np.array_equal(before[2], after[2])


def test_on_batch_methods_speak_of_their_batch_alone() -> None:
    model, (x, y) = classifier(metrics=["accuracy"]), data()
    reference = Reference(model)
    first = model.train_on_batch(x[:4], y[:4])
    close(first[0], reference.loss(x[:4], y[:4]), rtol=1e-5)
    reference.step(x[:4], y[:4])
    second = model.train_on_batch(x[4:8], y[4:8], return_dict=True)
    close(second["loss"], reference.loss(x[4:8], y[4:8]), rtol=1e-5)
    reference.step(x[4:8], y[4:8])
    same_weights(model, reference)
    loss, accuracy = model.test_on_batch(x, y)
    close(loss, reference.loss(x, y), rtol=1e-5)
    assert isinstance(loss, float) and isinstance(accuracy, float)
    close(model.predict_on_batch(x), reference.probabilities(x), rtol=1e-5)
    weighted = classifier()
    assert isinstance(weighted.train_on_batch(x, y, class_weight={0: 2.0}), float)


def test_predict() -> None:
    model, (x, _) = classifier(), data(100)
    whole = model.predict(x, batch_size=100, verbose=0)
    for batch in (1, 7, 32, 99, 1000):
        close(model.predict(x, batch_size=batch, verbose=0), whole, rtol=1e-6)
    assert model.predict(x[:0], verbose=0).shape == (0, 3)
    close(model.predict(x, batch_size=10, steps=3, verbose=0), whole[:30], rtol=1e-6)
    one = model.predict(x[:1], verbose=0)
    assert one.shape == (1, 3) and one.dtype == np.float32
    again = model.predict(x[:1], verbose=0)  # by the short way
    assert np.array_equal(one, again) and not np.shares_memory(one, again)
    model.set_weights([w * 2 for w in model.get_weights()])
    assert not np.allclose(model.predict(x[:1], verbose=0), one)


def test_predict_does_not_need_compile_and_gives_the_structure_of_the_outputs() -> None:
    i, j = graphnn.Input((2,), name="i"), graphnn.Input((3,), name="j")
    model = graphnn.Model({"i": i, "j": j}, {"sum": layers.Add()([i, layers.Dense(2)(j)]), "i": i})
    x = {"i": np.ones((5, 2), "float32"), "j": np.ones((5, 3), "float32")}
    out = model.predict(x, batch_size=2, verbose=0)
    assert sorted(out) == ["i", "sum"] and np.array_equal(out["i"], x["i"])
    assert not np.shares_memory(out["i"], x["i"])


def test_a_prediction_never_shares_memory_with_what_it_came_from() -> None:
    i = graphnn.Input((2,))
    model = graphnn.Model(i, layers.Reshape((2, 1))(i))
    x = np.ones((3, 2), "float32")
    for _ in range(3):
        out = model.predict(x, verbose=0)
        out[...] = 7
    assert np.all(x == 1)


def test_variable_length_does_not_trace_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphnn.training import steps

    made: list[str] = []
    original = steps.Step.__init__

    def counted(self: Any, model: Any, job: str, *args: Any) -> None:
        made.append(job)
        original(self, model, job, *args)

    monkeypatch.setattr(steps.Step, "__init__", counted)
    i = graphnn.Input((None, 4))
    model = filled(graphnn.Model(i, layers.Dense(3, activation="softmax")(i)))
    model.compile("sgd", SPARSE, metrics=["accuracy"])
    random = np.random.RandomState(0)
    for n, length in ((3, 5), (1, 7), (33, 1), (2, 2)):
        x, y = random.normal(size=(n, length, 4)).astype("float32"), random.randint(0, 3, (n, length))
        model.fit(x, y, batch_size=7, verbose=0)
        model.evaluate(x, y, verbose=0)
        assert model.predict(x, verbose=0).shape == (n, length, 3)
    assert sorted(made) == ["predict", "test", "train"]


def test_call_that_asks_for_numbers_is_traced_for_each_size() -> None:
    class Looks(graphnn.Model):
        def __init__(self) -> None:
            super().__init__()
            self.out = layers.Dense(3, activation="softmax")

        def call(self, inputs: Any) -> Any:
            scale = 2.0 if int(inputs.shape[0]) > 3 else 1.0
            return self.out(inputs * scale)

    model, (x, y) = Looks(), data(9)
    model.compile("sgd", SPARSE)
    model.fit(x, y, batch_size=4, verbose=0)
    three, four = model.predict(x[:3], verbose=0), model.predict(x[:4] / 2, verbose=0)
    close(three, model.out(x[:3]), rtol=1e-5)
    close(four, model.out(x[:4]), rtol=1e-5)


def test_learning_rate_is_a_variable_of_the_step() -> None:
    model, (x, y) = classifier(), data()
    model.fit(x, y, verbose=0)
    before = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.fit(x, y, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_sequential_grows_between_fits() -> None:
    x, y = data()
    model = graphnn.Sequential([graphnn.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", SPARSE)
    model.fit(x, y, verbose=0)
    model.pop()
    model.add(layers.Dense(6, activation="softmax"))
    model.compile("sgd", SPARSE)
    model.fit(x, y, verbose=0)
    assert model.predict(x, verbose=0).shape == (13, 6)


def test_compile_again_changes_loss_and_metrics() -> None:
    model, (x, y) = classifier(), data()
    assert isinstance(model.evaluate(x, y, verbose=0), float)
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy", "mse"])
    assert len(model.evaluate(x, np.eye(3)[y], verbose=0)) == 3
    assert model.metrics_names == ["loss", "accuracy", "mse"]


def test_compile_config_round_trip() -> None:
    model = classifier(metrics=["accuracy"])
    config = model.get_compile_config()
    assert config["loss"] == SPARSE and config["metrics"] == ["accuracy"] and config["optimizer"]["class_name"] == "SGD"
    twin = filled(graphnn.models.clone_model(model))
    twin.compile_from_config(config)
    x, y = data()
    assert twin.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)


def test_the_short_ways_do_not_take_what_they_cannot() -> None:
    model, (x, y) = classifier(), data(8)
    expected = model.predict(x, verbose=0)
    for other in (x.astype(">f4"), np.asfortranarray(x), x[::-1].copy()[::-1], x.astype("float64"), x.astype(np.longdouble)):
        for _ in range(2):
            close(model.predict(other, verbose=0), expected, rtol=1e-6)
    losses = {model.test_on_batch(x, y)}
    for labels in (y, y.astype(">i8"), y.astype("float32"), y[:, None], y.astype("uint8")):
        for other in (x, x.astype(">f4"), np.asfortranarray(x)):
            losses |= {model.test_on_batch(other, labels) for _ in range(2)}
    assert len(losses) == 1
    model.test_on_batch(x, y.astype("float32"))
    with pytest.raises(ValueError, match="not an integer"):
        model.test_on_batch(x, y + np.float32(0.5))
    with pytest.raises(ValueError, match="same number of samples"):
        model.test_on_batch(x, y[:5])
    with pytest.raises(ValueError, match="no rows"):
        model.test_on_batch(x[:0], y[:0])
    model.optimizer = graphnn.optimizers.SGD(0.0)
    before = model.get_weights()
    model.train_on_batch(x, y)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
