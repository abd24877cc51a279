"""A training step of your own, compiled like the built-in one: `python custom_train_step.py [epochs]`.

Adversarial training in its simplest form: the loss is taken at inputs that were moved against the model, along the sign of the
gradient (I. Goodfellow, J. Shlens, C. Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015).
"""

import sys

import graphnn
from graphnn import layers, ops
from graphnn.datasets import digits

STEP = 0.05


class Robust(graphnn.Model):
    """Trains at adversarial inputs."""

    def train_step(self, data):
        x, y = data

        def loss_at(x):
            return self.compute_loss(x, y, self(x, training=True))

        moved = x + STEP * ops.sign(graphnn.grad(loss_at)(x))

        def loss_of(variables):
            return loss_at(moved)

        loss, gradients = graphnn.value_and_grad(loss_of)(self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
graphnn.utils.set_random_seed(0)
(x_train, y_train), (x_test, y_test) = digits.load_data()
x_train, x_test = (x.reshape(-1, 64).astype("float32") / 16 for x in (x_train, x_test))

inputs = graphnn.Input((64,))
model = Robust(inputs, layers.Dense(10, activation="softmax")(layers.Dense(64, activation="relu")(inputs)))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
losses = model.fit(x_train, y_train, epochs=epochs, verbose=0).history["loss"]
accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
print(f"loss from {losses[0]:.3f} to {losses[-1]:.3f}, held-out accuracy {accuracy:.3f}")
