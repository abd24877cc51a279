"""A convolutional network on MNIST: `python mnist_convnet.py [epochs]`.

The file of the data is downloaded once, into `GRAPHNN_HOME` (default `~/.graphnn`); a file of Keras's cache is found too.
"""

import sys

import graphnn as keras

epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 5

keras.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train = x_train[..., None].astype("float32") / 255
x_test = x_test[..., None].astype("float32") / 255

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(64, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary()
history = model.fit(x_train, y_train, batch_size=128, epochs=epochs, validation_data=(x_test, y_test))

loss, accuracy = model.evaluate(x_test, y_test, batch_size=128)
print(f"test loss {loss:.4f}, accuracy {accuracy:.4f}")
