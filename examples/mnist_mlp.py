"""An MLP on MNIST: `python mnist_mlp.py [epochs]`.

The file of the data is downloaded once, into `GRAPHNN_HOME` (default `~/.graphnn`); a file of Keras's cache is found too.
"""

import sys

from graphnn.datasets import mnist
from graphnn.layers import Dense, Input
from graphnn.models import Sequential
from graphnn.utils import to_categorical

epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 5

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train.reshape(-1, 784).astype("float32") / 255
x_test = x_test.reshape(-1, 784).astype("float32") / 255
y_train, y_test = to_categorical(y_train, 10), to_categorical(y_test, 10)

model = Sequential([Input((784,)), Dense(64, activation="relu"), Dense(10, activation="softmax")])
model.compile(optimizer="sgd", loss="categorical_crossentropy", metrics=["accuracy"])
model.summary()
model.fit(x_train, y_train, epochs=epochs, batch_size=32, validation_split=0.1)

loss, accuracy = model.evaluate(x_test, y_test, batch_size=32)
print(f"test loss {loss:.4f}, accuracy {accuracy:.4f}")
model.save_weights("mnist_mlp.safetensors")
