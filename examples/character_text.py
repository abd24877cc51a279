"""Text, letter by letter, from an LSTM: `python character_text.py [epochs] [characters of text] [units]`.

The text is Python's own reference, which the standard library brings along. The model that writes is the one that was trained, with a
batch of one and a memory that it keeps from call to call.
"""

import sys
from pydoc_data import topics

import numpy as np

import graphnn as keras

epochs, size, units = (int(a) for a in (sys.argv + ["12", "400000", "256"][len(sys.argv) - 1 :])[1:4])
length, batch = 100, 64

keras.utils.set_random_seed(1)
text = "\n".join(topics.topics[k] for k in sorted(topics.topics))[:size]
letters = sorted(set(text))
number = {c: i for i, c in enumerate(letters)}
codes = np.array([number[c] for c in text], "int32")
windows = len(codes) // (length + 1)
codes = codes[: windows * (length + 1)].reshape(windows, length + 1)


def network(batch_size=None, stateful=False):
    inputs = keras.Input((None,), batch_size=batch_size, dtype="int32")
    x = keras.layers.Embedding(len(letters), 64)(inputs)
    x = keras.layers.LSTM(units, return_sequences=True, stateful=stateful)(x)
    return keras.Model(inputs, keras.layers.Dense(len(letters))(x))


model = network()
model.compile(
    optimizer=keras.optimizers.Adam(3e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
cut = max(1, windows // 20)
history = model.fit(
    codes[cut:, :-1], codes[cut:, 1:], batch_size=batch, epochs=epochs, validation_data=(codes[:cut, :-1], codes[:cut, 1:])
)

writer = network(batch_size=1, stateful=True)
writer.set_weights(model.get_weights())


def write(start, count, temperature=0.6):
    """`count` characters that follow `start`; the higher the temperature, the bolder."""
    rng = np.random.default_rng(1)
    for c in start[:-1]:
        writer.predict(np.array([[number[c]]]), verbose=0)
    found = start
    for _ in range(count):
        logits = writer.predict(np.array([[number[found[-1]]]]), verbose=0)[0, -1].astype("float64") / temperature
        chances = np.exp(logits - logits.max())
        found += letters[rng.choice(len(letters), p=chances / chances.sum())]
    return found


print(write("The ", 300))
