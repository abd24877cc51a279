"""MultiHeadAttention and GroupQueryAttention against a NumPy reference: every option, masks, gradients, errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.trace import Tracer, tracing

import graphnn
from graphnn import layers, ops
from graphnn.testing import check_gradients, check_layer

RNG = np.random.RandomState(0)
B, T, S, N, D = 2, 4, 5, 2, 3
Q = RNG.standard_normal((B, T, 6)).astype("float32")
V = RNG.standard_normal((B, S, 7)).astype("float32")
K = RNG.standard_normal((B, S, 8)).astype("float32")
KEYS = np.array([[1, 1, 0, 1, 1], [0, 1, 1, 1, 0]], bool)
QUERIES = np.array([[1, 1, 1, 0], [1, 0, 1, 1]], bool)
PAIRS = np.random.RandomState(1).rand(B, T, S) > 0.3
PAIRS[..., 0] = True
CAUSAL = np.tril(np.ones((T, S), bool))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def projections(layer: Any) -> Iterator[tuple[Any, Any]]:
    """Kernel and bias of each projection, in the order of the weights."""
    weights = [w.numpy().astype("float64") for w in layer.weights]
    step = 2 if layer.get_config()["use_bias"] else 1
    for i in range(0, len(weights), step):
        yield weights[i], weights[i + 1] if step == 2 else 0.0


def reference(layer: Any, q: Any, v: Any, k: Any = None, keep: Any = True) -> tuple[Any, Any]:
    """Output and scores; `keep` broadcasts to (batch, heads, T, S); a query without a key gets zeros."""
    config = layer.get_config()
    parts = list(projections(layer))
    names = ["query", "key", *(["gate"] if config["use_gate"] else []), "value", "output"]
    w = dict(zip(names, parts, strict=True))

    def into(name: str, x: Any) -> Any:
        return np.einsum("btf,fnd->btnd", x, w[name][0]) + w[name][1]

    qs, ks, vs = into("query", q), into("key", v if k is None else k), into("value", v)
    times = qs.shape[2] // ks.shape[2]
    ks, vs = np.repeat(ks, times, 2), np.repeat(vs, times, 2)
    scores = np.einsum("btnd,bsnd->bnts", qs, ks) / np.sqrt(qs.shape[-1])
    keep = np.broadcast_to(keep, scores.shape)
    e = np.exp(scores - scores.max(-1, keepdims=True)) * keep
    shares = e / np.where(keep.any(-1, keepdims=True), e.sum(-1, keepdims=True), 1)
    used = np.where(keep.any(-1, keepdims=True), shares, 0)
    y = np.einsum("bnts,bsnd->btnd", used, vs)
    if config["use_gate"]:
        y = y * sigmoid(into("gate", q))
    kernel, bias = w["output"]
    return np.tensordot(y, kernel, 2) + bias, shares


def made(kind: str, q: Any = Q, v: Any = V, k: Any = None, **kwargs: Any) -> Any:
    """A layer of either class, built, with biases that are not zero."""
    kwargs.setdefault("bias_initializer", "random_normal")
    if kind == "multi":
        layer: Any = layers.MultiHeadAttention(N, D, **kwargs)
    else:
        layer = layers.GroupQueryAttention(D, 2 * N, N, **kwargs)
    layer(q, v) if k is None else layer(q, v, k)
    return layer


def close(found: Any, want: Any) -> None:
    found = np.asarray(found)
    assert found.shape == want.shape
    assert np.allclose(found, want, rtol=1e-5, atol=1e-5)


class Pair(layers.Layer):
    """A layer of two inputs as one of a list, as the checks of layers call it."""

    def __init__(self, inner: Any, call: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.inner, self.options = inner, dict(call or {})

    def call(self, inputs: Any) -> Any:
        return self.inner(*inputs, **self.options)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "inner": graphnn.saving.serialize_keras_object(self.inner), "call": self.options}


both_kinds = pytest.mark.parametrize("kind", ["multi", "group"])
OPTIONS: list[dict[str, Any]] = [{}, {"use_bias": False, "bias_initializer": "zeros"}, {"use_gate": True}, {"dropout": 0.4}]


@both_kinds
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("scores", [False, True])
def test_maths(kind: str, options: dict[str, Any], scores: bool) -> None:
    for k in (None, K):
        layer = made(kind, Q, V, k, **options)
        given = (Q, V) if k is None else (Q, V, K)
        for call, keep in (
            ({}, True),
            ({"use_causal_mask": True}, CAUSAL),
            ({"attention_mask": PAIRS}, PAIRS[:, None]),
            (
                {"attention_mask": PAIRS, "use_causal_mask": True, "value_mask": KEYS},
                PAIRS[:, None] & CAUSAL & KEYS[:, None, None],
            ),
        ):
            y, shares = reference(layer, Q, V, k, keep)
            found = layer(*given, return_attention_scores=scores, **call)
            if scores:
                close(found[1], shares)
                found = found[0]
            close(found, y)


@both_kinds
@pytest.mark.parametrize("scores", [False, True])
def test_windows(kind: str, scores: bool) -> None:
    long = np.random.RandomState(3).standard_normal((B, 9, 6)).astype("float32")  # the last queries see no key
    for q in (Q, long):
        apart = np.abs(np.subtract.outer(np.arange(len(q[0])), np.arange(S)))
        layer = made(kind, q, sliding_window=2)
        for causal in (False, True):
            keep = (apart < 2) & (np.tril(np.ones(apart.shape, bool)) if causal else True)
            y, shares = reference(layer, q, V, None, keep)
            found = layer(q, V, use_causal_mask=causal, return_attention_scores=scores)
            close(found[0] if scores else found, y)
            if scores:
                close(found[1], shares)


@both_kinds
def test_masks_of_fewer_axes_and_other_dtypes(kind: str) -> None:
    layer = made(kind)
    heads = layer.weights[0].shape[1]
    flat = PAIRS[0]
    each = np.random.RandomState(5).rand(B, heads, T, S) > 0.4
    each[..., 1] = True
    for mask, keep in (
        (flat, flat),
        (PAIRS[:1], PAIRS[:1, None]),
        (KEYS[:, None], KEYS[:, None, None]),
        (each, each),
        (PAIRS.astype("int32") * 2, PAIRS[:, None]),
        (PAIRS.astype("float32"), PAIRS[:, None]),
    ):
        want = reference(layer, Q, V, None, keep)
        close(layer(Q, V, attention_mask=mask), want[0])
        close(layer(Q, V, attention_mask=mask, return_attention_scores=True)[1], want[1])
    for name in ("value_mask", "key_mask"):
        close(layer(Q, V, **{name: KEYS}), reference(layer, Q, V, None, KEYS[:, None, None])[0])
    joined = layer(Q, V, value_mask=KEYS, key_mask=PAIRS[:, 0])
    close(joined, reference(layer, Q, V, None, (KEYS & PAIRS[:, 0])[:, None, None])[0])


def masked(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask[..., None], x, np.float32(7))


@both_kinds
def test_travelling_masks(kind: str) -> None:
    q, v = masked(Q, QUERIES), masked(V, KEYS)
    a, b = graphnn.Input((T, 6)), graphnn.Input((S, 7))
    hide = layers.Masking(7)
    layer = made(kind)
    y: Any = layer(hide(a), hide(b))
    model = graphnn.Model([a, b], y)
    q0, v0 = np.where(QUERIES[..., None], Q, 0), np.where(KEYS[..., None], V, 0)  # Masking sets what it hides to 0
    keep = QUERIES[:, None, :, None] & KEYS[:, None, None]
    close(model([q, v]), reference(layer, q0, v0, None, keep)[0])
    eager: Any = layer(hide(q), hide(v))
    close(eager, reference(layer, q0, v0, None, keep)[0])
    assert np.array_equal(eager._keras_mask, QUERIES)
    found: Any = layer(hide(q), hide(v), return_attention_scores=True)
    close(found[0], reference(layer, q0, v0, None, keep)[0])
    close(found[1], reference(layer, q0, v0, None, keep)[1])
    alone: Any = layer(q0, hide(v))
    assert getattr(alone, "_keras_mask", None) is None
    # A mask that is given stands in for one that travels.
    close(layer(q0, hide(v), value_mask=np.ones_like(KEYS)), reference(layer, q0, v0)[0])


def test_a_query_mask_that_is_given() -> None:
    keep = QUERIES[:, None, :, None]
    layer = made("group")
    close(layer(Q, V, query_mask=QUERIES), reference(layer, Q, V, None, keep)[0])
    close(layer(Q, V, query_mask=QUERIES, return_attention_scores=True)[1], reference(layer, Q, V, None, keep)[1])
    layer = made("multi")  # in this class it does nothing, as in Keras
    assert np.array_equal(layer(Q, V, query_mask=QUERIES), layer(Q, V))


@both_kinds
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_queries_without_keys(kind: str, dropout: float) -> None:
    mask = PAIRS.copy()
    mask[0, 1], mask[1] = False, False
    layer = made(kind, dropout=dropout)
    close(layer(Q, V, attention_mask=mask), reference(layer, Q, V, None, mask[:, None])[0])
    left = np.array([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]], bool)  # with causality the first two queries have no key
    found = layer(Q, V, value_mask=left, use_causal_mask=True)
    close(found, reference(layer, Q, V, None, left[:, None, None] & CAUSAL)[0])


@both_kinds
def test_dropout(kind: str) -> None:
    layer = made(kind, dropout=0.5, seed=1, use_bias=False, bias_initializer="zeros")
    y, shares = layer(Q, V, return_attention_scores=True, training=True)
    close(shares, reference(layer, Q, V)[1])  # what is returned is what dropout is applied to
    assert not np.allclose(y, layer(Q, V))
    assert np.array_equal(layer(Q, V), layer(Q, V, training=False))
    many = np.mean([np.asarray(layer(Q, V, training=True)) for _ in range(400)], axis=0)
    assert np.abs(many - np.asarray(layer(Q, V))).max() < 0.25 * np.abs(np.asarray(y)).max()
    again, other = made(kind, dropout=0.5, seed=4), made(kind, dropout=0.5, seed=4)
    other.set_weights(again.get_weights())
    assert np.array_equal(again(Q, V, training=True), other(Q, V, training=True))


@both_kinds
@pytest.mark.parametrize("masked", [False, True])
def test_dropout_is_the_same_whether_scores_are_asked_for_or_not(kind: str, masked: bool) -> None:
    call: dict[str, Any] = {"attention_mask": PAIRS, "value_mask": KEYS, "use_causal_mask": True} if masked else {}
    one, two = made(kind, dropout=0.4, seed=1, dtype="float64"), made(kind, dropout=0.4, seed=1, dtype="float64")
    two.set_weights(one.get_weights())
    for _ in range(3):  # each call draws anew
        y = one(Q, V, training=True, **call)
        assert np.allclose(two(Q, V, training=True, return_attention_scores=True, **call)[0], y, rtol=1e-12, atol=1e-13)
        assert not np.allclose(one(Q, V, **call), y)


@both_kinds
def test_a_rate_of_one_leaves_nothing(kind: str) -> None:
    layer = made(kind, dropout=1.0, bias_initializer="zeros")
    assert not np.asarray(layer(Q, V, training=True)).any() and np.asarray(layer(Q, V)).any()


def block(kind: str, t: Any, dropout: float, **kwargs: Any) -> Any:
    """A model with attention, compiled to train."""
    x = graphnn.Input((t, 8))
    layer = layers.MultiHeadAttention(2, 4, dropout=dropout, seed=3, **kwargs)
    if kind == "group":
        layer = layers.GroupQueryAttention(4, 4, 2, dropout=dropout, seed=3, **kwargs)
    return graphnn.Model(x, layers.Dense(1)(layers.GlobalAveragePooling1D()(layer(x, x, use_causal_mask=True))))


@both_kinds
def test_training_with_dropout_compiled_and_eagerly(kind: str) -> None:
    """The same steps, the last of them over a smaller batch; again from a saved state; and masks that move on from step to step."""
    rng = np.random.RandomState(0)
    x, y = rng.standard_normal((10, 7, 8)).astype("float32"), rng.standard_normal((10, 1)).astype("float32")
    first = block(kind, 7, 0.3)
    weights = first.get_weights()
    found: list[Any] = []
    for eagerly in (False, True, False):
        model = block(kind, 7, 0.3)
        model.set_weights(weights)
        model.compile("sgd", "mse", run_eagerly=eagerly)
        losses = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"]
        found.append([np.array(losses), *model.get_weights()])
    for a, b, c in zip(*found, strict=True):
        assert np.allclose(a, b, rtol=2e-5, atol=1e-6) and np.array_equal(a, c)
    model = block(kind, 7, 0.3)
    model.compile("sgd", "mse")
    model.optimizer.learning_rate = 0.0
    losses = [model.train_on_batch(x, y) for _ in range(3)]
    assert len({float(np.asarray(v).ravel()[0]) for v in losses}) == 3


def test_training_with_dropout_has_no_matrix_of_weights() -> None:
    """The work space of a step grows with the length."""
    planned: list[int] = []
    for t in (256, 512, 1024):
        model = block("multi", t, 0.1)
        model.compile("sgd", "mse")
        model.fit(np.zeros((2, t, 8), "float32"), np.zeros((2, 1), "float32"), batch_size=2, verbose=0)
        planned.append(model.compile_report()["train"].arena_bytes)
    assert planned[2] - planned[1] < 2.5 * (planned[1] - planned[0]) and planned[2] < 2 * 2 * 1024 * 1024


X4 = np.random.RandomState(7).standard_normal((2, 3, 4, 6)).astype("float32")
Y4 = np.random.RandomState(8).standard_normal((2, 3, 5, 6)).astype("float32")


def by_rows(layer: Any, x: Any, y: Any, keep: Any = True) -> Any:
    """Attention over axis 2: axis 1 counts as rows."""
    flat = [a.reshape(-1, *a.shape[2:]) for a in (x, y)]
    out, shares = reference(layer, *flat, keep=keep)
    return out.reshape(*x.shape[:2], *out.shape[1:]), shares.reshape(*x.shape[:2], *shares.shape[1:])


@pytest.mark.parametrize("axes", [2, (2,), [-2]])
def test_one_axis_of_two(axes: Any) -> None:
    layer = layers.MultiHeadAttention(N, D, attention_axes=axes, bias_initializer="random_normal", use_gate=True)
    y, shares = layer(X4, Y4, return_attention_scores=True)
    assert layer.attention_axes == (2,) and layer.get_config()["attention_axes"] == (2,)
    want = by_rows(layer, X4, Y4)
    close(y, want[0])
    close(shares, want[1])
    close(layer(X4, Y4), want[0])
    mask = np.random.RandomState(2).rand(2, 3, 5) > 0.4
    close(layer(X4, Y4, value_mask=mask), by_rows(layer, X4, Y4, mask.reshape(6, 1, 1, 5))[0])
    pairs = np.random.RandomState(2).rand(2, 4, 5) > 0.4
    close(layer(X4, Y4, attention_mask=pairs), by_rows(layer, X4, Y4, np.repeat(pairs, 3, 0)[:, None])[0])
    close(layer(X4, Y4, use_causal_mask=True), by_rows(layer, X4, Y4, CAUSAL)[0])


def test_the_first_axis_of_two() -> None:
    layer = layers.MultiHeadAttention(N, D, attention_axes=1, bias_initializer="random_normal")
    x, y = X4.swapaxes(1, 2), Y4[:, :2].swapaxes(1, 2)[:, :4]
    y = np.ascontiguousarray(np.concatenate([y, y[:, :1]], 1)[:, :, :2])  # (2, 5, 2, 6): 5 keys for each of 2 others
    x = np.ascontiguousarray(x[:, :, :2])
    out, shares = layer(x, y, return_attention_scores=True)
    want = by_rows(layer, x.swapaxes(1, 2), y.swapaxes(1, 2))
    close(out, want[0].swapaxes(1, 2))
    close(shares, want[1])
    mask = np.random.RandomState(2).rand(2, 5, 2) > 0.4
    close(
        layer(x, y, value_mask=mask),
        by_rows(layer, x.swapaxes(1, 2), y.swapaxes(1, 2), mask.swapaxes(1, 2).reshape(4, 1, 1, 5))[0].swapaxes(1, 2),
    )


def test_two_axes_are_one_of_their_product() -> None:
    layer = layers.MultiHeadAttention(N, D, output_shape=(2, 3), value_dim=4, bias_initializer="random_normal")
    y, shares = layer(X4, Y4, return_attention_scores=True)
    assert layer.attention_axes == (1, 2) and np.asarray(y).shape == (2, 3, 4, 2, 3)
    out, want = reference(layer, X4.reshape(2, 12, 6), Y4.reshape(2, 15, 6))
    close(y, out.reshape(2, 3, 4, 2, 3))
    close(shares, want.reshape(2, N, 3, 4, 3, 5))
    mask = np.random.RandomState(2).rand(2, 3, 5) > 0.4
    out, _ = reference(layer, X4.reshape(2, 12, 6), Y4.reshape(2, 15, 6), None, mask.reshape(2, 1, 1, 15))
    close(layer(X4, Y4, value_mask=mask), out.reshape(2, 3, 4, 2, 3))
    with pytest.raises(ValueError, match="one axis to attend over"):
        layer(X4, Y4, use_causal_mask=True)


CALLS: list[dict[str, Any]] = [{}, {"use_causal_mask": True}, {"return_attention_scores": True}]


@both_kinds
@pytest.mark.parametrize("call", CALLS)
def test_all_that_a_layer_does(kind: str, call: dict[str, Any]) -> None:
    def build(dtype: Any = None, inner: Any = None, **kwargs: Any) -> Pair:
        kwargs.pop("call", None)
        options: dict[str, Any] = {"use_gate": True, "dtype": dtype}
        if kind == "multi":
            return Pair(layers.MultiHeadAttention(N, D, value_dim=2, **options), call, dtype=dtype, **kwargs)
        return Pair(layers.GroupQueryAttention(D, 4, 2, **options), call, dtype=dtype, **kwargs)

    check_layer(build, {}, [(3, 4, 6), (3, 5, 2)], custom_objects={"Pair": Pair})


@both_kinds
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("options", "call"),
    [
        ({}, {"value_mask": KEYS}),
        ({}, {"attention_mask": PAIRS & QUERIES[..., None]}),
        ({}, {"attention_mask": PAIRS & QUERIES[..., None], "return_attention_scores": True}),
        ({"sliding_window": 2}, {"use_causal_mask": True}),
        ({"dropout": 0.3, "seed": 1}, {"value_mask": KEYS, "use_causal_mask": True}),
        ({"use_bias": False}, {"key_mask": KEYS, "return_attention_scores": True}),
    ],
)
def test_gradients(kind: str, training: bool, options: dict[str, Any], call: dict[str, Any]) -> None:
    inner = made(kind, Q.astype("float64"), V.astype("float64"), **options, dtype="float64")
    layer = Pair(inner, call, dtype="float64")
    x = [Q.astype("float64"), V.astype("float64")]
    layer(x)
    check_gradients(layer, x, training=training, tolerance=1e-5)


@pytest.mark.parametrize("axes", [2, 1, None])
def test_gradients_over_more_axes(axes: Any) -> None:
    inner = layers.MultiHeadAttention(N, D, attention_axes=axes, dtype="float64")
    x = [X4.astype("float64"), X4[:, :, :4].astype("float64")]
    layer = Pair(inner, dtype="float64")
    layer(x)
    check_gradients(layer, x, tolerance=1e-5)


@both_kinds
@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("steps", [(1, 1), (7, 1), (1, 9), (17, 33)])
def test_sizes(kind: str, rows: int, steps: tuple[int, int]) -> None:
    rng = np.random.RandomState(9)
    q, v = (rng.standard_normal((rows, n, 5)).astype("float32") for n in steps)
    layer = made(kind, q, v)
    keep = np.tril(np.ones(steps, bool))
    close(layer(q, v, use_causal_mask=True), reference(layer, q, v, None, keep)[0])
    close(layer(q, v), reference(layer, q, v)[0])


@both_kinds
@pytest.mark.parametrize("call", [{}, {"use_causal_mask": True}, {"return_attention_scores": True}])
def test_no_keys_at_all(kind: str, call: dict[str, Any]) -> None:
    layer = made(kind)
    want = layer.weights[-1].numpy()
    for mask in (None, KEYS[:, :0]):
        found = layer(Q, V[:, :0], value_mask=mask, **call)
        y: Any = np.asarray(found[0] if "return_attention_scores" in call else found)
        assert y.shape == Q.shape and np.allclose(y, want, atol=1e-6)  # zeros are projected: the bias is left


@both_kinds
def test_any_number_of_steps_in_a_model(kind: str) -> None:
    a, b = graphnn.Input((None, 6)), graphnn.Input((None, 7))
    layer = made(kind)
    y: Any = layer(a, b, use_causal_mask=True)
    assert y.shape == (None, None, 6)
    model = graphnn.Model([a, b], y)
    for t, s in ((4, 5), (2, 3), (1, 1)):
        want = reference(layer, Q[:, :t], V[:, :s], None, np.tril(np.ones((t, s), bool)))[0]
        close(model([Q[:, :t], V[:, :s]]), want)
        close(model.predict([Q[:, :t], V[:, :s]], verbose=0), want)


@both_kinds
def test_masks_over_any_number_of_steps_in_a_model(kind: str) -> None:
    a = graphnn.Input((None, 6))
    hidden: Any = layers.Masking(7)(a)
    layer = made(kind, Q, Q)
    model = graphnn.Model(a, layer(hidden, hidden, use_causal_mask=True))
    for t in (4, 3, 1):
        q, keep = masked(Q, QUERIES)[:, :t], QUERIES[:, :t]
        pairs = keep[:, None, :, None] & keep[:, None, None] & np.tril(np.ones((t, t), bool))
        close(model(q), reference(layer, np.where(keep[..., None], q, 0), np.where(keep[..., None], q, 0), None, pairs)[0])


def test_no_matrix_of_scores_in_the_plain_case() -> None:
    layer = made("multi")
    for options, whole in (({"use_causal_mask": True, "value_mask": KEYS}, True), ({"return_attention_scores": True}, False)):
        tracer = Tracer()
        with tracing(tracer):
            values = [tracer.input(x.shape, "float32") for x in (Q, V)]
            found = layer(*values, **options)
            graph = tracer.finish([found] if whole else list(found))
        assert ("Attention" in {type(n.op).__name__ for n in graph.nodes}) is whole


def test_weights_names_and_sublayers() -> None:
    layer = made("multi", use_gate=True, value_dim=4)
    assert [w.path.split("/", 1)[1] for w in layer.weights] == [
        f"{p}/{w}" for p in ("query", "key", "gate", "value", "attention_output") for w in ("kernel", "bias")
    ]
    assert [w.shape for w in layer.weights[::2]] == [(6, N, D), (7, N, D), (6, N, 4), (7, N, 4), (N, 4, 6)]
    assert [w.shape for w in layer.weights[1::2]] == [(N, D), (N, D), (N, 4), (N, 4), (6,)]
    assert (layer.num_heads, layer.key_dim, layer.value_dim, layer.dropout, layer.use_bias) == (N, D, 4, 0.0, True)
    dense = (layer.query_dense, layer.key_dense, layer.value_dense, layer.output_dense)
    assert [d.name for d in dense] == ["query", "key", "value", "attention_output"]
    layer = made("group", use_gate=True)
    assert [w.shape for w in layer.weights[::2]] == [(6, 4, D), (7, 2, D), (6, 4, D), (7, 2, D), (4, D, 6)]
    assert layers.GroupQueryAttention(D, 4, 2).name.startswith("grouped_query_attention")


def test_configuration() -> None:
    layer = layers.MultiHeadAttention(2, 3, output_shape=[4, 5], attention_axes=1, seed=3, use_gate=True, sliding_window=2)
    config = layer.get_config()
    assert config["output_shape"] == (4, 5) and config["attention_axes"] == (1,) and config["value_dim"] == 3
    assert {"num_heads", "key_dim", "dropout", "use_bias", "use_gate", "sliding_window", "seed", "activity_regularizer"} <= {
        *config
    }
    assert "flash_attention" not in config
    assert layers.MultiHeadAttention(2, 3, output_shape=7).get_config()["output_shape"] == (7,)
    made_again = layers.deserialize(layers.serialize(layer))
    assert made_again.get_config() == config
    whole = layers.serialize(layers.GroupQueryAttention(3, 4, 2, dropout=0.1))
    assert whole["class_name"] == "GroupQueryAttention" and whole["config"]["num_key_value_heads"] == 2
    assert layers.deserialize(whole).get_config() == whole["config"]


def test_a_model_comes_back_from_its_text() -> None:
    a, b = graphnn.Input((T, 6)), graphnn.Input((S, 7))
    y: Any = layers.MultiHeadAttention(2, 3, attention_axes=(1,))(a, b)
    z: Any = layers.GroupQueryAttention(3, 4, 2)(y, b, use_causal_mask=True)
    model = graphnn.Model([a, b], z)
    again = graphnn.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    assert np.array_equal(again([Q, V]), model([Q, V]))


@both_kinds
def test_options_reach_the_projections(kind: str) -> None:
    options = {"kernel_regularizer": "l2", "bias_regularizer": "l1", "kernel_constraint": "non_neg", "bias_constraint": "non_neg"}
    layer = made(kind, **options, kernel_initializer="he_normal")
    assert len(layer.losses) == 8
    assert all(w.constraint is not None for w in layer.weights)
    drawn = made(kind, Q, Q, kernel_initializer="glorot_uniform")
    assert not np.array_equal(np.ravel(drawn.weights[0])[:9], np.ravel(drawn.weights[2])[:9])  # each projection draws its own
    a = graphnn.Input((T, 6))
    penal = (
        layers.MultiHeadAttention(N, D, activity_regularizer="l2")
        if kind == "multi"
        else layers.GroupQueryAttention(D, 2, 1, activity_regularizer="l2")
    )
    graphnn.Model(a, penal(a, a))(Q)
    penal(Q, Q)
    assert len(penal.losses) == (4 if kind == "multi" else 5)


def test_training_learns_to_look_back() -> None:
    """Each step's target is the input of the step before: the layer learns where to look."""
    rng = np.random.RandomState(0)
    x = rng.standard_normal((256, 6, 4)).astype("float32")
    places = np.broadcast_to(np.eye(6, dtype="float32"), (256, 6, 6))
    target = np.concatenate([x[:, :1], x[:, :-1]], axis=1)
    graphnn.utils.set_random_seed(1)
    a = graphnn.Input((6, 10))
    model = graphnn.Model(a, layers.MultiHeadAttention(2, 16, output_shape=4)(a, a, use_causal_mask=True))
    model.compile(graphnn.optimizers.Adam(0.02), "mse")
    losses = model.fit(np.concatenate([x, places], 2), target, epochs=30, batch_size=32, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize(
    ("args", "kwargs", "match"),
    [
        ((0, 3), {}, "num_heads"),
        ((2.5, 3), {}, "num_heads"),
        ((2, None), {}, "key_dim"),
        ((2, 3), {"value_dim": 0}, "value_dim"),
        ((2, 3), {"output_shape": 2.5}, "output_shape"),
        ((2, 3), {"output_shape": (2, "a")}, "output_shape"),
        ((2, 3), {"attention_axes": "q"}, "attention_axes"),
        ((2, 3), {"sliding_window": 0}, "sliding_window"),
        ((2, 3), {"sliding_window": 2.0}, "sliding_window"),
        ((2, 3), {"dropout": 2.0}, "dropout"),
        ((2, 3), {"dropout": 0.1, "flash_attention": True}, "flash_attention"),
    ],
)
def test_bad_arguments(args: Any, kwargs: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        layers.MultiHeadAttention(*args, **kwargs)


@pytest.mark.parametrize("args", [(0, 4, 2), (3, 0, 2), (3, 4, 0), (3, 4, 3), (3, 2, 4), (3, 4.0, 2), (3, 4, -2)])
def test_bad_heads(args: Any) -> None:
    with pytest.raises(ValueError, match="GroupQueryAttention"):
        layers.GroupQueryAttention(*args)


@both_kinds
def test_bad_inputs(kind: str) -> None:
    layer = made(kind)
    for given, kwargs in (
        ((Q[:1], V), {}),
        ((Q, V, K[:, :4]), {}),
        ((Q, V), {"attention_mask": PAIRS[..., :4]}),
        ((Q, V), {"attention_mask": PAIRS[:, None, None]}),
        ((Q, V), {"attention_mask": PAIRS[0, 0]}),
        ((Q, V), {"value_mask": KEYS[:, :4]}),
        ((Q, V), {"key_mask": KEYS[:, :4]}),
    ):
        for scores in (False, True):
            with pytest.raises(ValueError):  # noqa: PT011
                layer(*given, return_attention_scores=scores, **kwargs)
    with pytest.raises(TypeError, match="value"):
        layer(Q)
    with pytest.raises(ValueError, match="axes"):
        made(kind, Q[0], V[0])
    with pytest.raises(ValueError, match="axes"):
        made(kind, Q, Y4)
    with pytest.raises(ValueError, match="flash_attention"):
        made(kind, flash_attention=True)(Q, V, return_attention_scores=True)
    with pytest.raises(ValueError, match="last extent only"):
        layer.compute_output_shape((2, 4, 6), (2, 5, 6), (2, 4, 6))


@pytest.mark.parametrize("axes", [0, 3, -1, (1, 1), (1, -2), 5, ()])
def test_bad_axes(axes: Any) -> None:
    with pytest.raises(ValueError, match="attention_axes"):
        layers.MultiHeadAttention(2, 3, attention_axes=axes)(Q, V)


def test_shapes_without_a_call() -> None:
    assert layers.MultiHeadAttention(2, 3, output_shape=(8, 7)).compute_output_shape((None, 4, 6), (None, 5, 6)) == (
        None,
        4,
        8,
        7,
    )
    assert layers.GroupQueryAttention(3, 2, 1).compute_output_shape((2, 4, 6), (2, 5, 6)) == (2, 4, 6)
    with pytest.raises(ValueError, match="features"):
        layers.GroupQueryAttention(3, 2, 1).compute_output_shape((2, 4, 6), (2, 5, 7))
    a, b = graphnn.Input((T, 6)), graphnn.Input((S, 7))
    y, shares = layers.GroupQueryAttention(3, 4, 2)(a, b, return_attention_scores=True)
    assert y.shape == (None, T, 6) and shares.shape == (None, 4, T, S)
    model = graphnn.Model([a, b], ops.sum(shares, axis=-1))
    assert np.allclose(model([Q, V]), 1)
