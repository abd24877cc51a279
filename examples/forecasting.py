"""Forecasts of several time series by an LSTM that keeps its memory from batch to batch: `python forecasting.py [epochs] [steps]`.

Each row of a batch is one series; batch k + 1 goes on where batch k ended, so the model remembers further back than one batch shows.
"""

import sys

import numpy as np

import graphnn as keras

epochs, steps = (int(a) for a in (sys.argv + ["20", "2400"][len(sys.argv) - 1 :])[1:3])
series, window, units = 32, 24, 32

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
t = np.arange(steps + 1)
day, season = (2 * np.pi * (t / p + rng.uniform(size=(series, 1))) for p in (24, 24 * 7))
level = np.sin(day) * (1 + 0.5 * np.sin(season)) + 0.3 * np.cos(3 * day) + 0.05 * rng.standard_normal((series, len(t)))
level = level.astype("float32")


def batches(first, last):
    """Windows of all series, one after another, and what follows each of their steps."""
    starts = range(first, last - window + 1, window)
    x = np.concatenate([level[:, s : s + window] for s in starts])
    y = np.concatenate([level[:, s + 1 : s + window + 1] for s in starts])
    return x[..., None], y[..., None]


x_train, y_train = batches(0, steps * 3 // 4)
x_test, y_test = batches(steps * 3 // 4, steps)

model = keras.Sequential(
    [
        keras.Input((window, 1), batch_size=series),
        keras.layers.LSTM(units, stateful=True, return_sequences=True),
        keras.layers.Dense(1),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(5e-3), loss="mse", metrics=["mae"])


class Forget(keras.callbacks.Callback):
    """Each epoch begins without memories."""

    def on_epoch_begin(self, epoch, logs=None):
        for layer in self.model.layers:
            if getattr(layer, "stateful", False):
                layer.reset_states()


history = model.fit(x_train, y_train, batch_size=series, epochs=epochs, shuffle=False, callbacks=[Forget()])
loss, error = model.evaluate(x_test, y_test, batch_size=series)
naive = float(np.abs(y_test - x_test).mean())
print(f"mean absolute error of the next step: {error:.4f}; of a forecast that nothing changes: {naive:.4f}")
