"""A layer of your own in a model: `python custom_layer.py [epochs]`.

Factorization machine, S. Rendle, "Factorization Machines", ICDM 2010: all products of two features, weighted by products of learned
vectors, in time linear in the number of features.
"""

import sys

import numpy as np

import graphnn
from graphnn import layers, ops


class FactorizationMachine(layers.Layer):
    """$y = b + w^T x + \\frac{1}{2} \\sum_f [(V_f^T x)^2 - (V_f^2)^T x^2]$ for inputs `(batch, n)`, outputs `(batch, 1)`."""

    def __init__(self, factors=8, **kwargs):
        super().__init__(**kwargs)
        self.factors = factors

    def build(self, input_shape):
        n = input_shape[-1]
        self.linear = self.add_weight(shape=(n, 1), initializer="zeros", name="linear")
        self.vectors = self.add_weight(shape=(n, self.factors), initializer="random_normal", name="vectors")
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, x):
        sums = ops.matmul(x, self.vectors)
        squares = ops.matmul(x * x, self.vectors * self.vectors)
        pairs = 0.5 * ops.sum(sums * sums - squares, axis=-1, keepdims=True)
        return ops.matmul(x, self.linear) + pairs + self.bias


epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
graphnn.utils.set_random_seed(0)
x = np.random.uniform(-1, 1, (4000, 6)).astype("float32")
y = x[:, :1] * x[:, 1:2] - x[:, 2:3] * x[:, 3:4]  # nothing that a linear model could learn

model = graphnn.Sequential([graphnn.Input((6,)), FactorizationMachine(factors=4)])
model.compile(optimizer=graphnn.optimizers.Adam(0.02), loss="mse")
history = model.fit(x, y, epochs=epochs, verbose=0)
print(f"mean squared error: {history.history['loss'][0]:.4f} in the first epoch, {history.history['loss'][-1]:.6f} in the last")

again = FactorizationMachine.from_config(model.layers[-1].get_config())
print(f"from its configuration: factors={again.factors}")
