"""Steps of the user's own, and what the compiled step promises: one trace, all or nothing, nothing left behind."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from training_support import SPARSE, Reference, classifier, data, filled

import graphnn
from graphnn import layers, ops


def custom(step: Any, **methods: Any) -> Any:
    """The classifier of the tests with a train_step of its own."""
    cls = type("Custom", (graphnn.Model,), {"train_step": step, **methods})
    x = graphnn.Input((4,))
    model = filled(cls(x, layers.Dense(3, activation="softmax")(x)))
    model.compile(graphnn.optimizers.SGD(0.1), SPARSE, metrics=["accuracy"])
    return model


def test_a_step_with_value_and_grad() -> None:
    def train_step(self: Any, batch: Any) -> Any:
        x, y = batch

        def loss_of(variables: Any) -> Any:
            return self.compute_loss(x, y, self(x, training=True))

        loss, gradients = graphnn.value_and_grad(loss_of)(self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss, "constant": 2.5, "norm": ops.sum(gradients[0] ** 2)}

    model, (x, y) = custom(train_step), data()
    reference = Reference(model)
    history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history
    for _ in range(2):
        reference.epoch(x, y, 4)
    np.testing.assert_allclose(model.get_weights()[0], reference.w, rtol=1e-5, atol=1e-6)
    assert list(history) == ["constant", "loss", "norm"] and history["constant"] == [2.5, 2.5]


def test_a_step_in_the_manner_of_keras_guides() -> None:
    def train_step(self: Any, batch: Any) -> Any:
        x, y = batch

        def loss_of(variables: Any) -> Any:
            y_pred = self(x, training=True)
            return self.compute_loss(y=y, y_pred=y_pred), y_pred

        (loss, y_pred), gradients = graphnn.value_and_grad(loss_of, has_aux=True)(self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}

    model, (x, y) = custom(train_step), data()
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert list(history) == ["accuracy", "loss"]
    assert history["loss"][1] < history["loss"][0]


def test_metrics_of_ones_own_are_reset_every_epoch() -> None:
    class Net(graphnn.Model):
        def __init__(self) -> None:
            super().__init__()
            self.out, self.tracker = layers.Dense(1), graphnn.metrics.Mean(name="mine")

        def call(self, inputs: Any) -> Any:
            return self.out(inputs)

        def train_step(self, batch: Any) -> Any:
            x, _ = batch
            self.tracker.update_state(ops.mean(x))
            return {"mine": self.tracker.result()}

        @property
        def metrics(self) -> Any:
            return [self.tracker]

    model = Net()
    model.compile("sgd")
    x = np.arange(6.0, dtype="float32").reshape(6, 1)
    assert model.fit(x, x, batch_size=2, epochs=2, verbose=0).history["mine"] == [2.5, 2.5]


def test_compute_loss_and_test_step_may_be_overridden() -> None:
    def compute_loss(
        self: Any, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        return ops.sum(y_pred) * (2.0 if training else 3.0)

    cls = type("Sums", (graphnn.Model,), {"compute_loss": compute_loss})
    i = graphnn.Input((4,))
    model = cls(i, layers.Dense(1)(i))
    model.compile(graphnn.optimizers.SGD(0.0), "mse")
    x, _ = data()
    total = model.predict(x, batch_size=32, verbose=0).sum()
    np.testing.assert_allclose(model.fit(x, x[:, :1], verbose=0).history["loss"], [2 * total], rtol=1e-4)
    np.testing.assert_allclose(model.evaluate(x, x[:, :1], verbose=0), 3 * total, rtol=1e-4)


def test_predict_step_may_be_overridden() -> None:
    cls = type("Best", (graphnn.Model,), {"predict_step": lambda self, batch: ops.argmax(self(batch, training=False), -1)})
    i = graphnn.Input((4,))
    model, (x, _) = cls(i, layers.Dense(3)(i)), data()
    assert np.array_equal(model.predict(x, verbose=0), np.asarray(model(x)).argmax(-1))


@pytest.mark.parametrize("body", ["tape", "backward", "jax"])
def test_steps_of_other_frameworks_get_a_hint(body: str) -> None:
    def with_tape(self: Any, batch: Any) -> Any:
        with tf.GradientTape() as tape:  # type: ignore[name-defined]  # noqa: F821
            loss = self.compute_loss(y=batch[1], y_pred=self(batch[0]))
        tape.gradient(loss, self.trainable_weights)

    def with_backward(self: Any, batch: Any) -> Any:
        loss = self.compute_loss(y=batch[1], y_pred=self(batch[0]))
        loss.backward()

    def of_jax(self: Any, state: Any, batch: Any) -> Any:
        return {}, state

    model, (x, y) = custom({"tape": with_tape, "backward": with_backward, "jax": of_jax}[body]), data()
    with pytest.raises(Exception, match="value_and_grad") as caught:
        model.fit(x, y, verbose=0)
    assert "value_and_grad" in str(caught.value)


def test_a_step_must_give_names_and_numbers() -> None:
    model, (x, y) = custom(lambda self, batch: 3.0), data()
    with pytest.raises(TypeError, match="train_step must return a dictionary"):
        model.fit(x, y, verbose=0)


def test_one_trace_serves_all_sizes_and_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphnn.training import steps

    made: list[str] = []
    original = steps.Step.__init__

    def counted(self: Any, model: Any, job: str, *args: Any) -> None:
        made.append(job)
        original(self, model, job, *args)

    monkeypatch.setattr(steps.Step, "__init__", counted)
    model = classifier(metrics=["accuracy"])
    for n in (1, 7, 33, 50):
        x, y = data(n)
        model.fit(x, y, batch_size=7, epochs=2, verbose=0, validation_data=(x, y))
        model.train_on_batch(x, y)
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)
        model.predict_on_batch(x)
    assert sorted(made) == ["predict", "test", "train"]


def test_a_batch_with_a_bad_label_changes_nothing() -> None:
    model, (x, y) = classifier(metrics=["accuracy"]), data()
    model.fit(x, y, verbose=0)
    before, step = model.get_weights(), int(model.optimizer.iterations)
    y[5] = 9
    for call in (lambda: model.train_on_batch(x, y), lambda: model.fit(x, y, verbose=0), lambda: model.evaluate(x, y, verbose=0)):
        with pytest.raises(ValueError, match="label 9 at position 5 is out of range"):
            call()
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert int(model.optimizer.iterations) == step
    model.fit(x, y % 3, verbose=0)


def test_a_generator_that_fails_leaves_the_model_as_it_was_after_the_last_whole_step() -> None:
    model, (x, y) = classifier(), data(8)
    reference = Reference(model)

    def batches() -> Any:
        yield x[:4], y[:4]
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        model.fit(batches(), verbose=0)
    reference.step(x[:4], y[:4])
    np.testing.assert_allclose(model.get_weights()[0], reference.w, rtol=1e-5, atol=1e-6)
    model.fit(x, y, verbose=0)


def test_interrupt_between_chunks() -> None:
    model, (x, y) = classifier(), data(64)

    class Interrupts(graphnn.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=4, verbose=0, callbacks=[Interrupts()])
    assert np.all(np.isfinite(model.predict(x, verbose=0)))
    assert model.fit(x, y, verbose=0).epoch == [0]


def test_predictions_of_many_threads_are_equal() -> None:
    model, (x, _) = classifier(), data(40)
    expected = classifier().predict(x, verbose=0)
    found: list[Any] = [None] * 6

    def work(i: int) -> None:
        found[i] = [model.predict(x, batch_size=16, verbose=0) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(np.array_equal(p, expected) for result in found for p in result)


def test_a_copy_of_a_trained_model_trains_on_its_own() -> None:
    import copy

    model, (x, y) = classifier(), data()
    model.fit(x, y, verbose=0)
    twin = copy.deepcopy(model)
    twin.compile("sgd", SPARSE)
    before = model.get_weights()
    twin.fit(x, y, epochs=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert not np.array_equal(twin.get_weights()[0], before[0])


def test_chunks_do_not_change_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data(100)
    losses = []
    for size in (1, 3, 1000):
        monkeypatch.setattr("graphnn.training.pace.Pace.next", lambda self, size=size: size)
        model = classifier(metrics=["accuracy"])
        history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history
        losses.append((dict(history), model.predict(x, verbose=0).tolist()))
    assert losses[0] == losses[1] == losses[2]


def test_nothing_to_learn_is_said() -> None:
    i = graphnn.Input((3,))
    model = graphnn.Model(i, layers.Rescaling(2.0)(i))
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="no trainable weights"):
        model.fit(np.ones((4, 3)), np.ones((4, 3)), verbose=0)
    other = graphnn.Model(i, layers.Dense(1)(i))
    other.compile("sgd")
    with pytest.warns(UserWarning, match="No loss to compute"):
        assert other.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0).history["loss"] == [0.0]


def test_a_copy_of_a_trained_model_goes_its_own_way() -> None:
    import copy

    x = np.random.default_rng(0).standard_normal((32, 4)).astype("float32")
    model = graphnn.Sequential([graphnn.Input((4,)), graphnn.layers.Dense(3), graphnn.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, x[:, :1], verbose=0)
    before = model.predict(x, verbose=0)
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(twin.predict(x, verbose=0), before)
    twin.fit(x, x[:, :1], verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)
    assert (twin.predict(x, verbose=0) != before).any()
