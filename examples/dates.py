"""Dates as people write them into ISO dates, by a sequence-to-sequence model with attention: `python dates.py [epochs] [examples]`.

An encoder reads the letters in both directions; a decoder writes a letter at a time and looks at the encoder's outputs by attention.
"""

import datetime
import sys

import numpy as np

import graphnn as keras

epochs, count = (int(a) for a in (sys.argv + ["10", "20000"][len(sys.argv) - 1 :])[1:3])
units, n_out = 64, 10
FORMATS = ["%d %B %Y", "%B %d, %Y", "%A %d %b %Y", "%d/%m/%y", "%d.%m.%Y", "%b %d %Y", "%A, %B %d, %Y", "%Y %B %d"]

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
days = rng.integers(datetime.date(1970, 1, 1).toordinal(), datetime.date(2068, 1, 1).toordinal(), count)
dates = [datetime.date.fromordinal(int(d)) for d in days]
sources = [d.strftime(FORMATS[k]).lower() for d, k in zip(dates, rng.integers(0, len(FORMATS), count), strict=True)]
targets = [d.isoformat() for d in dates]

letters = sorted(set("".join(sources)))
signs = "0123456789-"
n_in = max(map(len, sources))
x = np.zeros((count, n_in), "int32")  # 0 is padding
for row, text in zip(x, sources, strict=True):
    row[: len(text)] = [letters.index(c) + 1 for c in text]
y = np.array([[signs.index(c) for c in text] for text in targets], "int32")
start = np.full((count, 1), len(signs), "int32")
before = np.concatenate([start, y[:, :-1]], axis=1)  # what the decoder has written so far

given = keras.Input((n_in,), dtype="int32", name="given")
written = keras.Input((None,), dtype="int32", name="written")
seen = keras.layers.Embedding(len(letters) + 1, 32, mask_zero=True)(given)
seen = keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True))(seen)
h = keras.layers.Embedding(len(signs) + 1, 32)(written)
h = keras.layers.LSTM(2 * units, return_sequences=True)(h)
looked = keras.layers.Attention(use_scale=True)([h, seen])
h = keras.layers.Dense(units, activation="tanh")(keras.layers.Concatenate()([h, looked]))
model = keras.Model([given, written], keras.layers.Dense(len(signs), activation="softmax")(h))
model.compile(optimizer=keras.optimizers.Adam(4e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])

cut = count // 10
history = model.fit(
    [x[cut:], before[cut:]], y[cut:], batch_size=64, epochs=epochs, validation_data=([x[:cut], before[:cut]], y[:cut])
)


def translate(rows):
    """The likeliest sign at each place, given those before it."""
    so_far = np.full((len(rows), 1), len(signs), "int32")
    for _ in range(n_out):
        best = model.predict([rows, so_far], batch_size=256, verbose=0)[:, -1].argmax(-1)
        so_far = np.concatenate([so_far, best[:, None].astype("int32")], axis=1)
    return ["".join(signs[i] for i in row) for row in so_far[:, 1:]]


found = translate(x[:cut])
right = np.mean([a == b for a, b in zip(found, targets[:cut], strict=True)])
for source, date in list(zip(sources, found, strict=False))[:5]:
    print(f"{source:30} {date}")
print(f"exact: {right:.4f}")
