"""Two inputs, two outputs: how urgent a ticket is, and which team should have it."""

import numpy as np

import graphnn as keras
from graphnn import layers

text, age = keras.Input((16,), name="text"), keras.Input((1,), name="age")
x = layers.Dense(32, activation="relu")(layers.concatenate([text, age]))
urgent = layers.Dense(1, activation="sigmoid", name="urgent")(x)
team = layers.Dense(4, activation="softmax", name="team")(x)
model = keras.Model(inputs=[text, age], outputs=[urgent, team])
model.compile("adam", loss={"urgent": "binary_crossentropy", "team": "sparse_categorical_crossentropy"})

rng = np.random.default_rng(0)
tickets = {"text": rng.normal(size=(2000, 16)), "age": rng.uniform(size=(2000, 1))}
answers = {"urgent": tickets["text"][:, :1] > tickets["age"], "team": tickets["text"][:, :4].argmax(-1)}
model.fit(tickets, answers, epochs=5, validation_split=0.2)
print([part.shape for part in model.predict(tickets)])
