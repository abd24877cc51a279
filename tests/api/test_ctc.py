"""CTC: losses against the sum over all alignments, decoding against all readings, numbers recorded from Keras 3.15, bad input."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.executable import Executable
from graphnn_compiler.trace import trace

import graphnn
from graphnn import ops

LOGITS = np.random.default_rng(0).standard_normal((2, 5, 4)).astype("float32")


def read(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """What an alignment says."""
    return tuple(c for i, c in enumerate(path) if c != blank and (i == 0 or path[i - 1] != c))


def readings(logits: np.ndarray, steps: int, blank: int) -> dict[tuple[int, ...], float]:
    """The chance of each label sequence, by going through all alignments."""
    e = np.exp(logits[:steps].astype("float64"))
    p = e / e.sum(-1, keepdims=True)
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(logits.shape[-1]), repeat=steps):
        key = read(path, blank)
        found[key] = found.get(key, 0.0) + float(np.prod([p[t, c] for t, c in enumerate(path)]))
    return found


@pytest.mark.parametrize("blank", [0, 3])
@pytest.mark.parametrize(
    ("labels", "lengths", "steps"),
    [([[1, 2, 0], [2, 2, 1]], [2, 3], [5, 4]), ([[1, 1, 1], [2, 1, -1]], [3, 2], [5, 5]), ([[1, 0, 0], [2, 0, 0]], [0, 1], [3, 1])],
)
def test_loss_is_the_sum_over_alignments(labels: Any, lengths: Any, steps: Any, blank: int) -> None:
    got = ops.ctc_loss(np.array(labels), LOGITS, np.array(lengths), np.array(steps), mask_index=blank)
    want = [
        -np.log(readings(LOGITS[i], steps[i], blank)[tuple(labels[i][: lengths[i]])]) for i in range(2)
    ]
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_loss_recorded_from_keras() -> None:
    got = ops.ctc_loss(np.array([[1, 2, 0], [3, 3, 1]]), LOGITS, np.array([2, 3]), np.array([5, 4]))
    np.testing.assert_allclose(got, [5.029121, 4.583808], rtol=1e-5)
    np.testing.assert_allclose(graphnn.losses.ctc(np.array([[1, 2, 0], [3, 3, 1]]), LOGITS), [5.029121, 5.479897], rtol=1e-5)
    assert float(graphnn.losses.CTC()(np.array([[1, 2, 0], [3, 3, 1]]), LOGITS)) == pytest.approx(5.254509, rel=1e-5)


def test_too_few_steps_are_infinitely_unlikely_and_gradients_stay_finite() -> None:
    arrays = [np.array([[1, 1, 1], [3, 2, 1]], "int32"), LOGITS, np.array([3, 3], "int32"), np.array([4, 0], "int32")]

    def f(*v: Any) -> list[Any]:
        loss = ops.ctc_loss(*v)
        return [loss, *gradients([loss], [loss * 0.0 + 1.0], [v[1]])]

    loss, slope = Executable(trace(f, [(a.shape, a.dtype.name) for a in arrays]))(arrays)
    assert np.isposinf(loss).all()
    assert np.isfinite(slope).all()


def test_gradient_in_float64() -> None:
    x = LOGITS.astype("float64")
    arrays = [np.array([[1, 2, 0], [3, 3, 1]], "int32"), x, np.array([2, 3], "int32"), np.array([5, 4], "int32")]

    def f(*v: Any) -> list[Any]:
        loss = ops.ctc_loss(*v)
        return [loss, *gradients([loss], [ops.ones_like(loss)], [v[1]])]

    run = Executable(trace(f, [(a.shape, a.dtype.name) for a in arrays]))
    _, slope = run(arrays)
    for place in np.ndindex(x.shape):
        high, low = x.copy(), x.copy()
        high[place] += 1e-6
        low[place] -= 1e-6
        a, b = (float(run([arrays[0], z, *arrays[2:]])[0].sum()) for z in (high, low))
        assert abs((a - b) / 2e-6 - slope[place]) < 1e-6


@pytest.mark.parametrize("blank", [0, 2])
def test_a_wide_beam_finds_the_likeliest_readings(blank: int) -> None:
    labels, scores = ops.ctc_decode(LOGITS, np.array([5, 3]), "beam_search", beam_width=400, top_paths=3, mask_index=blank)
    assert labels.shape == (3, 2, 5)
    for row, steps in enumerate((5, 3)):
        best = sorted(readings(LOGITS[row], steps, blank).items(), key=lambda kv: -kv[1])[:3]
        for k, (path, chance) in enumerate(best):
            assert labels[k, row].tolist() == [*path, *[-1] * (5 - len(path))]
            assert float(scores[row, k]) == pytest.approx(np.log(chance), rel=1e-4)


def test_narrow_beams_recorded_from_keras() -> None:
    labels, scores = ops.ctc_decode(LOGITS, np.array([5, 3]), "beam_search", beam_width=5, top_paths=2)
    assert labels.tolist() == [[[2, 3, -1, -1, -1], [1, -1, -1, -1, -1]], [[2, 3, 1, 3, -1], [1, 3, -1, -1, -1]]]
    np.testing.assert_allclose(scores, [[-2.9098406, -2.994072], [-1.5842018, -2.0190961]], rtol=1e-5)
    labels, scores = ops.ctc_decode(LOGITS[:1], np.array([5]), "beam_search", beam_width=1)
    assert labels.tolist() == [[[2, 3, 1, 3, -1]]]
    np.testing.assert_allclose(scores, [[-3.8721652]], rtol=1e-5)


def test_greedy_recorded_from_keras() -> None:
    lengths = np.array([5, 3])
    labels, scores = ops.ctc_decode(LOGITS, lengths)
    assert labels.tolist() == [[[2, 3, 1, 3, -1], [1, 1, -1, -1, -1]]]
    np.testing.assert_allclose(scores, [[-2.8094704], [-2.4901288]], rtol=1e-5)
    assert ops.ctc_decode(LOGITS, lengths, merge_repeated=False)[0].tolist() == [[[2, 2, 3, 1, 3], [1, 1, -1, -1, -1]]]
    assert ops.ctc_decode(LOGITS, lengths, mask_index=3)[0].tolist() == [[[2, 1, -1, -1, -1], [1, 0, 1, -1, -1]]]


def test_decoding_inside_a_model() -> None:
    x = graphnn.Input((5, 4))
    n = graphnn.Input((), dtype="int32")
    model = graphnn.Model([x, n], ops.ctc_decode(x, n, "beam_search", beam_width=5, top_paths=2))
    labels, _ = model([LOGITS, np.array([5, 3], "int32")])
    assert labels[0, 0].tolist() == [2, 3, -1, -1, -1]


def test_a_model_learns_with_it() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(1, 4, (64, 3))
    x = np.repeat(np.eye(4, dtype="float32")[y], 3, axis=1)
    x = x + 0.1 * rng.standard_normal(x.shape).astype("float32")
    graphnn.utils.set_random_seed(0)
    model = graphnn.Sequential([graphnn.Input((9, 4)), graphnn.layers.Dense(4)])
    model.compile(graphnn.optimizers.Adam(0.05), graphnn.losses.CTC())
    losses = model.fit(x, y, epochs=10, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: ops.ctc_decode(LOGITS, [5, 3], strategy="x"), ValueError, "Invalid strategy x"),
        (lambda: ops.ctc_decode(LOGITS[0], [5]), ValueError, "inputs.shape"),
        (lambda: ops.ctc_decode(LOGITS, [5, 9]), IndexError, "9"),
        (lambda: ops.ctc_decode(LOGITS, [5, 3], "beam_search", beam_width=2, top_paths=3), ValueError, "top_paths"),
        (lambda: ops.ctc_decode(LOGITS, [5, 3], mask_index=4), ValueError, "mask_index"),
        (lambda: ops.ctc_loss([1], LOGITS, [1], [5]), ValueError, "target.shape"),
        (lambda: ops.ctc_loss([[1]], LOGITS, [1, 1], [5, 5]), ValueError, "target"),
        (lambda: ops.ctc_loss([[1], [1]], LOGITS, [1], [5, 5]), ValueError, "target_length"),
        (lambda: ops.ctc_loss([[1], [1]], LOGITS, [2, 1], [5, 5]), IndexError, "2"),
        (lambda: ops.ctc_loss([[1], [7]], LOGITS, [1, 1], [5, 5]), IndexError, "7"),
        (lambda: graphnn.losses.ctc([1, 2], LOGITS), ValueError, "y_true"),
        (lambda: graphnn.losses.ctc([[1, 2]], LOGITS[0]), ValueError, "y_pred"),
    ],
)
def test_bad_input(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()
