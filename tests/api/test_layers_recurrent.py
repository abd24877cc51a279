"""SimpleRNN, LSTM, GRU, their cells, RNN over cells of one's own, StackedRNNCells."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
import recurrent_reference as reference
from graphnn_compiler.runtime import team

import graphnn
from graphnn import layers, ops
from graphnn.testing import check_gradients, check_layer

R = np.random.RandomState(0)
X = R.standard_normal((4, 6, 3)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1, 1], [0, 1, 0, 0, 1, 0], [1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], bool)
STATES = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}
STEPS = {"SimpleRNN": reference.simple_rnn, "LSTM": reference.lstm, "GRU": reference.gru}


def made(kind: str, **kwargs: Any) -> Any:
    """A layer whose biases are not 0."""
    return getattr(layers, kind)(5, bias_initializer=graphnn.initializers.RandomNormal(stddev=0.5, seed=3), **kwargs)


def close(a: Any, b: Any, tolerance: float = 1e-5) -> None:
    assert np.shape(a) == np.shape(b)
    assert np.allclose(a, b, rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", STATES)
@pytest.mark.parametrize(("sequences", "backwards", "unroll", "masked", "zero"), list(itertools.product([False, True], repeat=5)))
@pytest.mark.parametrize("started", [False, True])
def test_against_numpy(
    kind: str, sequences: bool, backwards: bool, unroll: bool, masked: bool, zero: bool, started: bool
) -> None:
    layer = made(
        kind, return_sequences=sequences, return_state=True, go_backwards=backwards, unroll=unroll, zero_output_for_mask=zero
    )
    states = [
        R.standard_normal((4, 5)).astype("float32") if started else np.zeros((4, 5), "float32") for _ in range(STATES[kind])
    ]
    mask = MASK if masked else None
    found = layer(X, initial_state=states if started else None, mask=mask)
    outputs, last = reference.run(STEPS[kind](layer.get_weights()), X, states, mask, backwards, zero)
    close(found[0], outputs if sequences else outputs[:, -1])
    for a, b in zip(found[1:], last, strict=True):
        close(a, b)


@pytest.mark.parametrize("kind", STATES)
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"return_sequences": True, "go_backwards": True},
        {"return_state": True, "unroll": True},
        {"use_bias": False, "activation": "relu", "return_sequences": True, "return_state": True},
        {"kernel_regularizer": "l2", "recurrent_regularizer": "l1", "bias_regularizer": "l2", "recurrent_constraint": "max_norm"},
    ],
)
def test_layers(kind: str, kwargs: dict[str, Any]) -> None:
    names = ["kernel", "recurrent_kernel", "bias"] if kwargs.get("use_bias", True) else ["kernel", "recurrent_kernel"]
    shape = (3, 4, 2) if kwargs.get("return_sequences") else (3, 2)
    layer = check_layer(
        getattr(layers, kind), {"units": 2, **kwargs}, (3, 4, 3), expected_output_shape=shape, expected_weights=names
    )
    assert layer.weights[0].path.endswith(f"{layer.name}/{layer.cell.name}/kernel")


@pytest.mark.parametrize(
    "kwargs", [{"reset_after": False}, {"reset_after": False, "use_bias": False}, {"recurrent_activation": "relu"}]
)
def test_gru_options(kwargs: dict[str, Any]) -> None:
    check_layer(layers.GRU, {"units": 2, **kwargs}, (3, 4, 3), expected_output_shape=(3, 2))


def test_gru_with_reset_before_the_product() -> None:
    layer = made("GRU", reset_after=False, return_sequences=True)
    found = layer(X)
    close(found, reference.run(reference.gru(layer.get_weights(), False), X, [np.zeros((4, 5))])[0])


def test_weights() -> None:
    lstm, gru = layers.LSTM(3), layers.GRU(3)
    lstm(X)
    gru(X)
    assert lstm.get_weights()[2].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert [w.shape for w in gru.get_weights()] == [(3, 9), (3, 9), (2, 9)]
    u = layers.SimpleRNN(3)
    u(X)
    close(u.get_weights()[1] @ u.get_weights()[1].T, np.eye(3))
    plain = layers.LSTM(3, unit_forget_bias=False)
    plain(X)
    assert not plain.get_weights()[2].any()


@pytest.mark.parametrize("kind", STATES)
@pytest.mark.parametrize("kwargs", [{"return_sequences": True}, {"return_sequences": True, "zero_output_for_mask": True}, {}])
@pytest.mark.parametrize("unroll", [False, True])
def test_gradients_with_mask_and_initial_state(kind: str, kwargs: dict[str, Any], unroll: bool) -> None:
    class Around(layers.Layer):
        def __init__(self, **more: Any):
            super().__init__(**more)
            self.inner = getattr(layers, kind)(2, unroll=unroll, return_state=True, dtype="float64", **kwargs)

        def call(self, inputs: Any) -> Any:
            x, *states = inputs
            return self.inner(x, initial_state=list(states), mask=ops.convert_to_tensor(MASK))

    inputs = [R.standard_normal((4, 6, 3)), *(R.standard_normal((4, 2)) for _ in range(STATES[kind]))]
    check_gradients(Around(dtype="float64"), inputs)


@pytest.mark.parametrize("kind", STATES)
def test_a_long_sequence_trains(kind: str) -> None:
    x = R.standard_normal((2, 3000, 2)).astype("float32")
    y = x.sum(axis=(1, 2))[:, None] * 0.01
    model = graphnn.Sequential([graphnn.Input((None, 2)), getattr(layers, kind)(4), layers.Dense(1)])
    model.compile("adam", "mse")
    history = model.fit(x, y, epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    layer = model.layers[0]
    outputs, _ = reference.run(STEPS[kind](layer.get_weights()), x, [np.zeros((2, 4))] * STATES[kind])
    close(layer(x), outputs[:, -1], 1e-4)


def test_bits_are_those_of_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHNN_MIN_PARALLEL_WORK", "0")
    ids, y = R.randint(0, 9, (20, 7)).astype("int32"), R.standard_normal((20, 1)).astype("float32")
    found: set[bytes] = set()
    for threads in (1, 2, 3, 4):
        team.set_threads(threads)
        try:
            graphnn.utils.set_random_seed(1)
            inner = layers.LSTM(9, return_sequences=True, dropout=0.2, recurrent_dropout=0.1, seed=1)
            model = graphnn.Sequential(
                [
                    graphnn.Input((None,), dtype="int32"),
                    layers.Embedding(9, 11, mask_zero=True),
                    layers.Bidirectional(inner),
                    layers.GRU(7),
                    layers.Dense(1),
                ]
            )
            model.compile("adam", "mse")
            model.fit(ids, y, batch_size=8, epochs=2, verbose=0)
            found.add(b"".join(w.tobytes() for w in model.get_weights()) + model.predict(ids, verbose=0).tobytes())
        finally:
            team.set_threads(None)
    assert len(found) == 1


def test_any_length_of_one_model() -> None:
    model = graphnn.Sequential([graphnn.Input((None, 3)), layers.LSTM(4, return_sequences=True), layers.GRU(2)])
    assert model.output_shape == (None, 2) and model.layers[0].output.shape == (None, None, 4)
    for steps in (1, 2, 7):
        x = R.standard_normal((3, steps, 3)).astype("float32")
        y, _ = reference.run(reference.lstm(model.layers[0].get_weights()), x, [np.zeros((3, 4))] * 2)
        z, _ = reference.run(reference.gru(model.layers[1].get_weights()), y, [np.zeros((3, 2))])
        close(model.predict(x, verbose=0), z[:, -1])


def test_no_steps() -> None:
    x = np.zeros((2, 0, 3), "float32")
    for unroll in (False, True):
        y, state = layers.GRU(4, return_state=True, unroll=unroll)(x, initial_state=np.ones((2, 4), "float32"))
        assert not y.any() or np.array_equal(y, state)
        assert np.array_equal(state, np.ones((2, 4)))
        assert layers.LSTM(4, return_sequences=True, unroll=unroll)(x).shape == (2, 0, 4)


def test_masks_travel() -> None:
    ids = graphnn.Input((4,), dtype="int32")
    x = layers.Embedding(5, 3, mask_zero=True)(ids)
    inner, last = layers.LSTM(4, return_sequences=True), layers.GRU(2)
    model = graphnn.Model(ids, last(inner(x)))
    numbers = np.array([[1, 2, 0, 0], [0, 0, 0, 0], [3, 0, 4, 0]])
    table = model.layers[1].get_weights()[0]
    mask = numbers != 0
    y, _ = reference.run(reference.lstm(inner.get_weights()), table[numbers], [np.zeros((3, 4))] * 2, mask)
    z, _ = reference.run(reference.gru(last.get_weights()), y, [np.zeros((3, 2))], mask)
    close(model.predict(numbers, verbose=0), z[:, -1])
    assert np.array_equal(z[1, -1], np.zeros(2)), "a row without any step that counts gives zeros"


def test_compute_mask() -> None:
    mask = object()
    assert layers.LSTM(2).compute_mask(X, mask) is None
    assert layers.LSTM(2, return_sequences=True).compute_mask(X, [mask]) is mask
    assert layers.LSTM(2, return_sequences=True, return_state=True).compute_mask(X, mask) == [mask, None, None]
    assert layers.GRU(2, return_state=True).compute_mask(X, mask) == [None, None]


def test_states_between_layers() -> None:
    a, b = graphnn.Input((6, 3)), graphnn.Input((4, 3))
    encoder, decoder = layers.LSTM(5, return_state=True), layers.LSTM(5, return_sequences=True)
    _, h, c = encoder(a)
    model = graphnn.Model([a, b], decoder(b, initial_state=[h, c]))
    again = graphnn.Model.from_config(json.loads(json.dumps(model.get_config())))
    again.set_weights(model.get_weights())
    y = X[:, 1:5]
    _, states = reference.run(reference.lstm(encoder.get_weights()), X, [np.zeros((4, 5))] * 2)
    want, _ = reference.run(reference.lstm(decoder.get_weights()), y, states)
    close(model.predict([X, y], verbose=0), want)
    close(again.predict([X, y], verbose=0), want)


# ---- noise


def test_noise_is_the_same_in_all_steps() -> None:
    ones = np.ones((3, 7, 40), "float32")
    layer = layers.SimpleRNN(
        1, "linear", kernel_initializer="ones", recurrent_initializer="zeros", dropout=0.5, return_sequences=True, seed=1
    )
    first, second = np.asarray(layer(ones, training=True)), np.asarray(layer(ones, training=True))
    assert (first == first[:, :1]).all() and len(np.unique(first[:, 0])) > 1
    assert (first != second).any() and np.array_equal(layer(ones), np.full((3, 7, 1), 40))
    assert 25 < first.mean() < 55


@pytest.mark.parametrize(("implementation", "equal"), [(1, False), (2, True)])
def test_noise_of_gates(implementation: int, equal: bool) -> None:
    cell = layers.LSTMCell(
        1, "linear", "linear", kernel_initializer=graphnn.initializers.Constant(1 / 40), unit_forget_bias=False, dropout=0.5,
        implementation=implementation, seed=4,
    )  # fmt: skip
    zeros = np.zeros((3, 1), "float32")
    h, (_, c) = cell(np.ones((3, 40), "float32"), [zeros, zeros], training=True)
    assert np.allclose(h**2, c**3, atol=1e-6) is equal  # where all gates are z: c is their square, h their cube


@pytest.mark.parametrize("kind", STATES)
@pytest.mark.parametrize("unroll", [False, True])
def test_recurrent_noise(kind: str, unroll: bool) -> None:
    layer = made(kind, recurrent_dropout=0.5, seed=2, unroll=unroll)
    a, b = np.asarray(layer(X, training=True)), np.asarray(layer(X, training=True))
    assert np.abs(a - b).max() > 1e-3 and np.abs(a - layer(X)).max() > 1e-3
    layer.cell.seed_generator.state.assign(np.array([2, 0], "uint32"))
    assert np.array_equal(layer(X, training=True), a)


def test_all_noise() -> None:
    layer = made("LSTM", dropout=1.0, recurrent_dropout=2.0)
    assert layer.recurrent_dropout == 1.0
    close(layer(X, training=True), layer(np.zeros_like(X), training=True))


def test_noise_of_a_cell_inside_a_cell() -> None:
    class Outer(layers.Layer):
        state_size = 1

        def __init__(self) -> None:
            super().__init__()
            self.inner = layers.SimpleRNNCell(
                1, "linear", kernel_initializer="ones", recurrent_initializer="zeros", dropout=0.5, seed=1
            )

        def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
            return self.inner(inputs, states, training=training)

    lower = layers.SimpleRNNCell(40, "linear", kernel_initializer="identity", recurrent_initializer="zeros")
    upper = layers.SimpleRNNCell(1, "linear", kernel_initializer="ones", recurrent_initializer="zeros", dropout=0.5, seed=1)
    for cell in (Outer(), [lower, upper], [lower, Outer()]):
        y = np.asarray(layers.RNN(cell, return_sequences=True)(np.ones((3, 7, 40), "float32"), training=True))
        assert (y == y[:, :1]).all() and len(np.unique(y[:, 0])) > 1


# ---- cells of one's own


class Minimal(layers.Layer):
    """A cell with a state of its own shape and one that counts steps."""

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units, 1]
        self.output_size = units
        self.dense = layers.Dense(units, use_bias=False)

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [ops.ones((batch_size, self.units)), ops.zeros((batch_size, 1), dtype="int32")]

    def call(self, inputs: Any, states: Any) -> Any:
        h, count = states
        new = self.dense(inputs) + 0.5 * h
        return new * 2.0, [new, count + 1]


def test_a_cell_of_ones_own() -> None:
    layer = layers.RNN(Minimal(2), return_sequences=True, return_state=True)
    y, h, count = layer(X)
    (kernel,) = layer.get_weights()
    now, want = np.ones((4, 2)), []
    for t in range(6):
        now = X[:, t] @ kernel + 0.5 * now
        want.append(2 * now)
    close(y, np.stack(want, 1))
    close(h, now)
    assert count.dtype == np.int32 and count.tolist() == [[6]] * 4
    x = graphnn.Input((None, 3))
    model = graphnn.Model(x, layers.RNN(Minimal(2))(x))
    model.compile("sgd", "mse")
    before = model.evaluate(X, np.ones((4, 2)), verbose=0)
    model.fit(X, np.ones((4, 2)), epochs=5, verbose=0)
    assert model.evaluate(X, np.ones((4, 2)), verbose=0) < before
    again = layers.RNN.from_config(layer.get_config(), custom_objects={"Minimal": Minimal})
    assert isinstance(again.cell, Minimal) and again.cell.units == 2


def test_a_cell_that_adds_a_loss() -> None:
    class Costly(layers.Layer):
        state_size = 3

        def call(self, inputs: Any, states: Any) -> Any:
            self.add_loss(ops.sum(ops.square(inputs)))
            return inputs, [inputs]

    for unroll in (False, True):
        layer = layers.RNN(Costly(), unroll=unroll)
        layer(X)
        close(np.sum(np.asarray(layer.losses)), np.sum(X**2), 1e-3)


@pytest.mark.parametrize("sequences", [False, True])
def test_stacked_cells(sequences: bool) -> None:
    cells = [layers.LSTMCell(4), layers.GRUCell(2)]
    layer = layers.RNN(cells, return_sequences=sequences, return_state=True)
    y, (h, c), g = layer(X)
    weights = layer.get_weights()
    first, states = reference.run(reference.lstm(weights[:3]), X, [np.zeros((4, 4))] * 2)
    second, last = reference.run(reference.gru(weights[3:]), first, [np.zeros((4, 2))])
    close(y, second if sequences else second[:, -1])
    for a, b in zip((h, c, g[0]), (*states, *last), strict=True):
        close(a, b)
    assert layer.state_size == [[4, 4], 2] and layer.cell.output_size == 2
    again = layers.RNN.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.get_config() == layer.get_config()
    again(X)
    again.set_weights(weights)
    close(again(X, initial_state=[[h, c], g])[0], layer(X, initial_state=[[h, c], g])[0])


def test_cells_by_themselves() -> None:
    h, c = (R.standard_normal((4, 5)).astype("float32") for _ in range(2))
    for kind, states in (("SimpleRNN", [h]), ("LSTM", [h, c]), ("GRU", [h])):
        cell = getattr(layers, f"{kind}Cell")(5, bias_initializer="ones")
        y, new = cell(X[:, 0], states)
        want, wanted = STEPS[kind](cell.get_weights())(X[:, 0], states)
        close(y, want)
        for a, b in zip(new, wanted, strict=True):
            close(a, b)
    y, state = layers.GRUCell(5)(X[:, 0], h)
    assert np.array_equal(y, state) and not isinstance(state, list)


# ---- states kept from batch to batch


@pytest.mark.parametrize("kind", STATES)
def test_stateful(kind: str) -> None:
    x = graphnn.Input(batch_shape=(4, None, 3))
    layer = made(kind, stateful=True, return_sequences=True)
    model = graphnn.Model(x, layer(x))
    assert len(layer.weights) == 3 and all(not s.trainable for s in layer.states)
    step = STEPS[kind](layer.get_weights())
    states = [np.zeros((4, 5))] * STATES[kind]
    for k in range(3):
        part = X[:, 2 * k : 2 * k + 2]
        want, states = reference.run(step, part, states)
        close(model.predict(part, verbose=0) if k != 1 else layer(part), want)
    for a, b in zip(layer.states, states, strict=True):
        close(a.numpy(), b)
    layer.reset_state()
    assert not any(s.numpy().any() for s in layer.states)
    close(layer(X), reference.run(step, X, [np.zeros((4, 5))] * STATES[kind])[0])
    layer.reset_states()
    close(
        layer(X, initial_state=[np.ones((4, 5), "float32")] * STATES[kind]),
        reference.run(step, X, [np.ones((4, 5))] * STATES[kind])[0],
    )


def test_stateful_training_carries_states() -> None:
    layer = layers.SimpleRNN(2, stateful=True)
    model = graphnn.Sequential([graphnn.Input(batch_shape=(4, 6, 3)), layer, layers.Dense(1)])
    model.compile(graphnn.optimizers.SGD(0.0), "mse")
    model.fit(X, np.zeros((4, 1)), epochs=2, shuffle=False, verbose=0)
    step = reference.simple_rnn(layer.get_weights())
    _, states = reference.run(step, X, [np.zeros((4, 2))])
    close(layer.states[0].numpy(), reference.run(step, X, states)[1][0])


def test_stateful_wants_one_batch_size() -> None:
    with pytest.raises(ValueError, match=r"'keeps'.*batch size must be known.*None"):
        layers.GRU(2, stateful=True, name="keeps")(graphnn.Input((4, 3)))
    layer = layers.GRU(2, stateful=True, name="keeps")
    layer(X)
    with pytest.raises(ValueError, match=r"'keeps'.*Expected batch size: 4. Received batch size: 3"):
        layer(X[:3])
    model = graphnn.Sequential([graphnn.Input(batch_shape=(4, 6, 3)), layers.LSTM(2, stateful=True)])
    with pytest.raises(ValueError, match="4"):
        model.predict(np.concatenate([X, X[:1]]), batch_size=4, verbose=0)


# ---- bad input


@pytest.mark.parametrize("units", [0, -2, 2.5, "3", None, True])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell"])
def test_units(kind: str, units: Any) -> None:
    with pytest.raises(ValueError, match=r"units.*positive integer"):
        getattr(layers, kind)(units)


def test_initial_states_are_checked() -> None:
    layer = layers.LSTM(5, name="mine")
    good, wide = np.zeros((4, 5), "float32"), np.zeros((4, 6), "float32")
    for bad in ([good], [good] * 3, good):
        with pytest.raises(ValueError, match=r"'mine'.*`initial_state` must have 2 tensors.*[13] tensors"):
            layer(X, initial_state=bad)
    with pytest.raises(ValueError, match=r"'mine'.*tensor 1 of `initial_state`.*\(None, 5\).*\(None, 6\)"):
        layer(X, initial_state=[good, wide])
    with pytest.raises(ValueError, match=r"'mine'.*tensor 0 of `initial_state`"):
        layer(X, initial_state=[good[:3], good[:3]])
    with pytest.raises(ValueError, match=r"'mine'.*`initial_state`"):
        layer(graphnn.Input((6, 3)), initial_state=[graphnn.Input((6,)), graphnn.Input((5,))])


def test_masks_are_checked() -> None:
    for mask in (np.ones((4, 5), bool), np.ones((3, 6), bool), np.ones(4, bool), np.ones((4, 6, 3), bool)):
        with pytest.raises(ValueError, match=r"'mine'.*mask must have the shape"):
            layers.LSTM(2, name="mine")(X, mask=mask)
    a, b = layers.GRU(2, seed=0), MASK[:, :, None]
    close(a(X, mask=b), a(X, mask=MASK))


def test_inputs_are_checked() -> None:
    for bad in (X[0], X[None]):
        with pytest.raises(ValueError, match="ndim=3"):
            layers.LSTM(2)(bad)
    layer = layers.GRU(2, name="mine")
    layer(X)
    with pytest.raises(ValueError, match=r"mine.*axis 2.*3"):
        layer(X[:, :, :2])
    with pytest.raises(ValueError, match="known extent"):
        layers.LSTM(2)(graphnn.Input((3, None)))
    with pytest.raises(ValueError, match="use_cudnn"):
        layers.LSTM(2, use_cudnn="never")
    with pytest.raises(ValueError, match="implementation"):
        layers.GRU(2, implementation=3)
    with pytest.raises(ValueError, match="time_major"):
        layers.LSTM(2, time_major=True)


def test_cells_are_checked() -> None:
    with pytest.raises(ValueError, match=r"`call` method"):
        layers.RNN(3)
    with pytest.raises(ValueError, match="`state_size`"):
        layers.RNN(layers.Dense(3))
    with pytest.raises(ValueError, match=r"`call` method"):
        layers.StackedRNNCells([3])
    with pytest.raises(ValueError, match="`state_size`"):
        layers.StackedRNNCells([layers.Dense(3)])

    class Grows(layers.Layer):
        state_size = 3

        def call(self, inputs: Any, states: Any) -> Any:
            return inputs, [ops.concatenate([states[0], inputs], axis=-1)]

    class Forgets(layers.Layer):
        state_size = 3

        def call(self, inputs: Any, states: Any) -> Any:
            return inputs, []

    with pytest.raises(
        ValueError, match=r"state 0 of the cell is float32\(batch, 3\) before a step and float32\(batch, 6\) after"
    ):
        layers.RNN(Grows())(X)
    with pytest.raises(ValueError, match=r"takes 1 states and must give as many. Received: 0"):
        layers.RNN(Forgets())(X)
    with pytest.raises(ValueError, match=r"2 tensors. Received: 1"):
        layers.LSTMCell(3)(X[:, 0], [np.zeros((4, 3), "float32")])
