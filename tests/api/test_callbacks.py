"""Callbacks: the order of hooks, and what each of them does."""

from __future__ import annotations

import csv
import io
import sys
from typing import Any

import numpy as np
import pytest
from training_support import classifier, data, filled

import graphnn
from graphnn import callbacks, layers
from graphnn.callbacks import Callback, CallbackList


class Recorder(Callback):
    """Writes down every hook."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("on_"):
            return lambda *a, **k: self.events.append(name[3:] + (f":{a[0]}" if a and isinstance(a[0], int) else ""))
        return super().__getattribute__(name)


class Scripted(Callback):
    """Writes given numbers into the logs."""

    def __init__(self, numbers: list[float], key: str = "val_loss"):
        super().__init__()
        self.numbers, self.key = numbers, key

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs[self.key] = self.numbers[epoch]


def tiny(lr: float = 0.1, **options: Any) -> tuple[Any, Any, Any]:
    random = np.random.RandomState(0)
    model = filled(graphnn.Sequential([graphnn.Input((2,)), layers.Dense(1)]))
    model.compile(graphnn.optimizers.SGD(lr), "mse", **options)
    return model, random.normal(size=(4, 2)).astype("float32"), random.normal(size=(4, 1)).astype("float32")


def test_order_of_hooks() -> None:
    model, x, y = tiny()
    r = Recorder()
    model.fit(x, y, epochs=2, batch_size=2, verbose=0, callbacks=[r], validation_data=(x, y), validation_batch_size=4)
    batches = ["train_batch_begin:0", "train_batch_end:0", "train_batch_begin:1", "train_batch_end:1"]
    test = ["test_begin", "test_batch_begin:0", "test_batch_end:0", "test_end"]
    expected = ["train_begin"]
    for e in range(2):
        expected += [f"epoch_begin:{e}", *batches, *test, f"epoch_end:{e}"]
    assert r.events == [*expected, "train_end"]
    r.events.clear()
    model.evaluate(x, y, verbose=0, callbacks=[r], batch_size=4)
    model.predict(x, verbose=0, callbacks=r, batch_size=4)
    assert r.events == [*test, "predict_begin", "predict_batch_begin:0", "predict_batch_end:0", "predict_end"]


def test_only_hooks_of_batches_cost_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphnn_compiler.executable import Executable

    monkeypatch.setattr("graphnn.training.pace.Pace.next", lambda self: 1000)
    sizes: list[int] = []
    original = Executable.run
    monkeypatch.setattr(Executable, "run", lambda self, i, steps, o=None: (sizes.append(steps), original(self, i, steps, o))[1])

    class Epochs(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            assert logs["loss"] > 0

    class Batches(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            assert logs["loss"] > 0

    (x, y), model = data(40), classifier()
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[Epochs(), callbacks.TerminateOnNaN(), callbacks.EarlyStopping("loss")])
    model.fit(x, y, batch_size=8, verbose=2)
    model.evaluate(x, y, batch_size=8, verbose=0)
    assert sizes == [5, 5, 5]
    sizes.clear()
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[Batches()])
    model.evaluate(x, y, batch_size=8, verbose=0, callbacks=[Batches()])
    assert sizes == [1] * 5 + [5]
    sizes.clear()
    slow = classifier(steps_per_execution=2)
    r = Recorder()
    slow.fit(x, y, batch_size=8, verbose=0, callbacks=[r])
    assert sizes == [2, 2, 1]
    assert [e for e in r.events if "batch" in e] == [
        f"train_batch_{e}" for e in ("begin:0", "end:1", "begin:2", "end:3", "begin:4", "end:4")
    ]


def test_which_hooks_are_in_use() -> None:
    class Old(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            pass

    assert CallbackList([Old()]).every_batch("train") and not CallbackList([Old()]).every_batch("test")
    assert not CallbackList([Callback(), callbacks.History()], add_progbar=True).every_batch("train")
    assert CallbackList([callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: None)]).every_batch("train")
    assert not CallbackList([callbacks.LambdaCallback(on_epoch_end=lambda e, logs: None)]).every_batch("train")
    with pytest.raises(TypeError, match="Received: 3 of type int"):
        CallbackList([3])


def test_old_names_of_hooks_are_called() -> None:
    seen: list[int] = []

    class Old(Callback):
        def on_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append(batch)

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(-batch)

    model, x, y = tiny()
    model.fit(x, y, batch_size=2, verbose=0, callbacks=[Old()])
    assert seen == [0, 0, 1, -1]


def test_logs_params_and_history() -> None:
    model, x, y = tiny(metrics=["mae"])
    batches, r = [], Recorder()
    hooks = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(dict(logs)))
    history = model.fit(x, y, batch_size=2, epochs=3, initial_epoch=1, verbose=0, callbacks=[hooks, r])
    assert hooks.params == {"verbose": 0, "epochs": 3, "steps": 2} and hooks.model is model
    assert history is model.history and history.epoch == [1, 2] and history.model is model
    assert [type(v) for v in batches[0].values()] == [float, float] and list(batches[0]) == ["loss", "mae"]
    assert batches[1]["loss"] == history.history["loss"][0]
    added = model.fit(x, y, epochs=2, verbose=0, callbacks=[Scripted([7.0, 8.0], "mine")])
    assert added.history["mine"] == [7.0, 8.0]


def test_lambda_callback() -> None:
    model, x, y = tiny()
    seen: list[str] = []
    model.fit(x, y, epochs=1, batch_size=2, verbose=0, validation_data=(x, y), callbacks=[callbacks.LambdaCallback(
        on_train_begin=lambda logs: seen.append("begin"), on_epoch_begin=lambda epoch, logs: seen.append(f"epoch {epoch}"),
        on_train_batch_begin=lambda batch, logs: seen.append(f"batch {batch}"), on_test_end=lambda logs: seen.append("tested"),
        on_train_end=lambda logs: seen.append("end"),
    )])  # fmt: skip
    assert seen == ["begin", "epoch 0", "batch 0", "batch 1", "tested", "end"]


@pytest.mark.parametrize(("numbers", "options", "epochs", "stopped", "best", "restored"), [
    ([5, 4, 3, 3.5, 3.2, 3.1, 2, 1], {"patience": 2}, 5, 4, 2, 4),
    ([5, 4, 3, 3.5, 3.2, 3.1, 2, 1], {"patience": 2, "restore_best_weights": True}, 5, 4, 2, 2),
    ([3, 2, 2.5], {"patience": 5, "restore_best_weights": True}, 3, 0, 1, 1),
    ([5, 4.9, 4.85, 4.84, 4.0], {"patience": 2, "min_delta": 0.1}, 5, 0, 4, 4),
    ([5, 4.9, 4.85, 4.84, 4.0], {"patience": 2, "baseline": 1.0}, 5, 0, 4, 4),
    ([5, 4.9, 0.85, 1.84, 4, 2, 2], {"patience": 2, "baseline": 1.0, "restore_best_weights": True}, 5, 4, 2, 2),
    ([5, 6, 7, 8, 9, 10, 11], {"patience": 1, "start_from_epoch": 3}, 5, 4, 3, 4),
    ([5, 6, 7, 8, 9, 10], {"patience": 1, "start_from_epoch": 3, "restore_best_weights": True}, 5, 4, 3, 3),
    ([5, 6, 7], {"patience": 0}, 2, 1, 0, 1),
    ([1.0, float("nan"), float("nan"), 0.5], {"patience": 2}, 3, 2, 0, 2),
    ([0.1, 0.2, 0.3, 0.25, 0.2], {"patience": 1, "monitor": "val_accuracy"}, 4, 3, 2, 3),
    ([0.1, 0.2, 0.3, 0.25, 0.2], {"patience": 1, "monitor": "score", "mode": "max"}, 4, 3, 2, 3),
])  # fmt: skip
def test_early_stopping(numbers: Any, options: Any, epochs: int, stopped: int, best: int, restored: int) -> None:
    model, x, y = tiny(0.01)
    stopping = callbacks.EarlyStopping(**options)
    weights: list[Any] = []
    kept = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(model.get_weights()[0]))
    key = options.get("monitor", "val_loss")
    history = model.fit(x, y, epochs=len(numbers), verbose=0, callbacks=[Scripted(numbers, key), kept, stopping])
    assert (len(history.epoch), stopping.stopped_epoch, stopping.best_epoch) == (epochs, stopped, best)
    assert np.array_equal(model.get_weights()[0], weights[restored])


def test_early_stopping_says_what_it_does_and_what_it_misses(capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = tiny(0.01)
    loud = callbacks.EarlyStopping(patience=1, verbose=1, restore_best_weights=True)
    model.fit(x, y, epochs=4, verbose=0, callbacks=[Scripted([1, 2, 3, 4]), loud])
    assert capsys.readouterr().out == "Epoch 2: early stopping\nRestoring model weights from the end of the best epoch: 1.\n"
    with pytest.warns(UserWarning, match=r"metric `val_loss` which is not available. Available metrics are: loss"):
        model.fit(x, y, verbose=0, callbacks=[callbacks.EarlyStopping()])
    with pytest.raises(ValueError, match="monitor=foo"):
        model.fit(x, y, verbose=0, callbacks=[Scripted([1.0], "foo"), callbacks.EarlyStopping(monitor="foo")])
    with pytest.warns(UserWarning, match="mode 'zz' is unknown"):
        assert callbacks.EarlyStopping(mode="zz").mode == "auto"


def test_early_stopping_asks_the_metric_which_way_is_up() -> None:
    model, (x, y) = classifier(metrics=[graphnn.metrics.SparseCategoricalAccuracy(name="hits")]), data()
    stopping = callbacks.EarlyStopping(monitor="hits", patience=1)
    model.fit(x, y, epochs=3, verbose=0, callbacks=[Scripted([0.1, 0.2, 0.1], "hits"), stopping])
    assert stopping.best == 0.2
    named = callbacks.EarlyStopping(monitor="val_acc")
    model.fit(x, y, verbose=0, callbacks=[Scripted([0.1], "val_accuracy"), named])
    assert named.best == 0.1


def rates(numbers: list[float], key: str = "val_loss", **options: Any) -> list[float]:
    model, x, y = tiny()
    reduce = callbacks.ReduceLROnPlateau(**{"monitor": key, **options})
    history = model.fit(x, y, epochs=len(numbers), verbose=0, callbacks=[Scripted(numbers, key), reduce]).history
    assert list(history) == ["loss", key, "learning_rate"]
    return [round(r, 6) for r in history["learning_rate"]]


def test_reduce_lr_on_plateau(capsys: pytest.CaptureFixture[str]) -> None:
    assert rates([5.0] * 8, factor=0.5, patience=2, min_lr=0.03, cooldown=1, verbose=1) == [0.1] * 3 + [0.05] * 2 + [0.03] * 3
    said = capsys.readouterr().out
    assert "Epoch 3: ReduceLROnPlateau reducing learning rate to 0.05" in said and "Epoch 5" in said
    found = rates([0.1, 0.2, 0.21, 0.22, 0.4, 0.41, 0.42, 0.43], "val_acc", mode="max", factor=0.1, patience=2, min_delta=0.05)
    assert found == [0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001]
    with pytest.raises(ValueError, match=r"factor=1\.0"):
        callbacks.ReduceLROnPlateau(factor=1.0)
    model, x, y = tiny()
    with pytest.raises(ValueError, match="monitor=zz"):
        model.fit(x, y, verbose=0, callbacks=[callbacks.ReduceLROnPlateau(monitor="zz")])


def test_learning_rate_scheduler(capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = tiny()
    schedule = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5, verbose=1)
    history = model.fit(x, y, epochs=3, verbose=0, callbacks=[schedule]).history
    np.testing.assert_allclose(history["learning_rate"], [0.05, 0.025, 0.0125], rtol=1e-6)
    assert "Epoch 1: LearningRateScheduler setting learning rate to 0.05" in capsys.readouterr().out
    history = model.fit(
        x, y, epochs=2, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch: np.float32(0.25))]
    ).history
    assert history["learning_rate"] == [0.25, 0.25]
    for bad in ("a", np.ones(2), None):
        with pytest.raises(ValueError, match="should be a float"):
            model.fit(x, y, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda *_: bad)])

    def mistaken(epoch: int, rate: float) -> float:
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        model.fit(x, y, verbose=0, callbacks=[callbacks.LearningRateScheduler(mistaken)])


def test_csv_logger(tmp_path: Any) -> None:
    model, x, y = tiny(metrics=["mae"])
    path = tmp_path / "log.csv"
    logger = callbacks.CSVLogger(path)
    history = model.fit(x, y, epochs=2, verbose=0, validation_data=(x, y), validation_freq=2, callbacks=[logger]).history
    model.fit(x, y, epochs=1, verbose=0, callbacks=[callbacks.CSVLogger(str(path), append=True)])
    with open(path, newline="") as f:
        rows = list(csv.reader(f))
    assert rows[0] == ["epoch", "loss", "mae", "val_loss", "val_mae"] and len(rows) == 4
    assert rows[1][0] == "0" and rows[1][3:] == ["NA", "NA"] and float(rows[2][4]) == history["val_mae"][0]
    model.fit(x, y, epochs=1, verbose=0, callbacks=[callbacks.CSVLogger(path, separator=";")])
    assert path.read_text().startswith("epoch;loss;mae")


@pytest.mark.parametrize("every", [1, 1000])
def test_terminate_on_nan_keeps_the_weights_finite(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], every: int
) -> None:
    monkeypatch.setattr("graphnn.training.pace.Pace.next", lambda self: every)
    (x, y), model, twin = data(40), classifier(metrics=["accuracy"]), classifier()
    x[21, 1] = np.nan
    history = model.fit(x, y, epochs=5, batch_size=4, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert history.epoch == [0] and not np.isfinite(history.history["loss"][0])
    assert "Batch 5: Invalid loss, terminating training" in capsys.readouterr().out
    twin.fit(x[:20], y[:20], batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert int(model.optimizer.iterations) == 5
    with pytest.raises(RuntimeError, match="NaN or Inf loss"):
        model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN(raise_error=True)])


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("every", [1, 1000])
def test_terminate_on_nan_names_where_it_came_from(monkeypatch: pytest.MonkeyPatch, every: int, eager: bool) -> None:
    monkeypatch.setattr("graphnn.training.pace.Pace.next", lambda self: every)
    x, y = np.random.default_rng(0).normal(size=(40, 4)).astype("float32"), np.zeros((40, 1), "float32")

    def made(loss: str = "mse", **more: Any) -> graphnn.Model:
        deep = [layers.Dense(4, activation="tanh", name=f"d{i}") for i in range(12)]
        model = graphnn.Sequential([graphnn.Input((4,)), *deep, *more.get("then", []), layers.Dense(1, name="out")])
        model.compile("adam", loss, run_eagerly=eager)
        return model

    def said(model: graphnn.Model, x: Any, y: Any) -> str:
        before = model.get_weights()
        with pytest.raises(RuntimeError) as error:
            model.fit(x, y, batch_size=8, verbose=0, callbacks=[callbacks.TerminateOnNaN(raise_error=True)])
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, model.get_weights(), strict=True)) or "Batch 0" not in str(error.value)
        return str(error.value)

    for i in range(12):
        model = made()
        kernel, bias = model.layers[i].get_weights()
        (kernel if i % 2 else bias).flat[2] = np.nan
        model.layers[i].set_weights([kernel, bias])
        assert f"weight '{model.name}/d{i}/{'kernel' if i % 2 else 'bias'}' holds nan" in said(model, x, y)
    bad = x.copy()
    bad[23, 1] = np.nan
    assert "(x holds nan in row 23)" in said(made(), bad, y)
    far = y.copy()
    far[37] = np.inf
    assert "(y holds inf in row 37)" in said(made(), x, far)
    root = made(then=[layers.Lambda(lambda t: graphnn.ops.log(t - 2.0), name="root")])
    assert f"came out of Log in layer '{root.name}/root'" in said(root, x, y)


def test_terminate_on_nan_stops_at_the_batch() -> None:
    model, x, y = tiny()
    x[3] = np.inf
    ends: list[int] = []
    note = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ends.append(batch))
    history = model.fit(x, y, epochs=5, batch_size=1, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN(), note])
    assert ends == [0, 1, 2, 3] and len(history.epoch) == 1
    model, x, y = tiny()
    assert len(model.fit(x, y, epochs=3, verbose=0, callbacks=[callbacks.TerminateOnNaN()]).epoch) == 3


def test_weights_that_overflow_while_the_loss_is_finite_are_refused() -> None:
    model, x, y = tiny(1e38)
    y = y * 100
    before = model.get_weights()
    model.fit(x, y, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_stop_training_ends_the_epoch_at_the_batch() -> None:
    model, x, y = tiny()

    class Stops(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    r = Recorder()
    history = model.fit(x, y, epochs=3, batch_size=1, verbose=0, validation_data=(x, y), callbacks=[Stops(), r])
    assert history.epoch == [0] and "train_batch_end:1" in r.events and "train_batch_begin:2" not in r.events
    assert "val_loss" in history.history and r.events[-1] == "train_end"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_fit_prints(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = tiny(metrics=["mae"])
    for verbose in (1, 2, "auto"):
        model.fit(x, y, epochs=2, batch_size=2, verbose=verbose, validation_data=(x, y))
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 4 and lines[0] == "Epoch 1/2" and lines[2] == "Epoch 2/2"
        assert lines[1].startswith("2/2 - 0s - ") and "step - loss: " in lines[1] and " - val_mae: " in lines[1]
    model.evaluate(x, y, batch_size=2)
    model.predict(x)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2/2 - 0s") and "mae" in lines[0] and lines[1].startswith("1/1 - 0s")
    model.fit(x, y, verbose=0)
    assert capsys.readouterr().out == ""
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    model.fit(x, y, epochs=1, batch_size=2)
    assert out.getvalue().endswith("\n") and out.getvalue().count("\n") == 1 and "\r2/2 ━━" in out.getvalue()


def test_a_generator_of_unknown_length_shows_its_steps(capsys: pytest.CaptureFixture[str]) -> None:
    model, x, y = tiny()
    model.fit(((x, y) for _ in range(3)), verbose=2)
    assert capsys.readouterr().out.startswith("3/3 - 0s")
