"""Losses against NumPy in float64, their gradients against finite differences, weights and masks, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.autodiff import gradients
from graphnn_compiler.executable import Executable
from graphnn_compiler.trace import Tracer, tracing

from graphnn import losses, ops
from graphnn.context import set_mask
from graphnn.dispatch import value

EPS = 1e-7
rng = np.random.RandomState(0)
P = rng.dirichlet(np.ones(4), 6)
Y = np.eye(4)[rng.randint(0, 4, 6)]
Z = rng.standard_normal((6, 4))
A, B = rng.standard_normal((6, 4)), rng.standard_normal((6, 4))
BITS = rng.randint(0, 2, (6, 4)).astype("float64")
U = rng.uniform(0.05, 0.95, (6, 4))
LABELS = rng.randint(0, 4, 6)
UNIT = A / np.linalg.norm(A, axis=1, keepdims=True)


def unit(x: Any) -> Any:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def bce(y: Any, p: Any) -> Any:
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def huber(e: Any, d: float) -> Any:
    return np.where(abs(e) <= d, e**2 / 2, d * abs(e) - d**2 / 2)


# name, options, targets, predictions, and the same in NumPy
CASES: list[tuple[str, dict[str, Any], Any, Any, Callable[[Any, Any], Any]]] = [
    ("mean_squared_error", {}, A, B, lambda y, p: ((y - p) ** 2).mean(-1)),
    ("mean_absolute_error", {}, A, B, lambda y, p: abs(y - p).mean(-1)),
    ("mean_absolute_percentage_error", {}, A, B, lambda y, p: 100 * (abs(y - p) / abs(y)).mean(-1)),
    ("mean_squared_logarithmic_error", {}, U, 1 - U, lambda y, p: ((np.log1p(y) - np.log1p(p)) ** 2).mean(-1)),
    ("cosine_similarity", {}, A, B, lambda y, p: -(unit(y) * unit(p)).sum(-1)),
    ("huber", {}, A, B, lambda y, p: huber(y - p, 1.0).mean(-1)),
    ("huber", {"delta": 0.3}, A, B, lambda y, p: huber(y - p, 0.3).mean(-1)),
    ("log_cosh", {}, A, B, lambda y, p: np.log(np.cosh(y - p)).mean(-1)),
    ("hinge", {}, 2 * BITS - 1, B, lambda y, p: np.maximum(1 - y * p, 0).mean(-1)),
    ("hinge", {}, BITS, B, lambda y, p: np.maximum(1 - (2 * y - 1) * p, 0).mean(-1)),
    ("squared_hinge", {}, BITS, B, lambda y, p: (np.maximum(1 - (2 * y - 1) * p, 0) ** 2).mean(-1)),
    ("categorical_hinge", {}, Y, B, lambda y, p: np.maximum(((1 - y) * p).max(-1) - (y * p).sum(-1) + 1, 0)),
    ("kl_divergence", {}, P, P[::-1].copy(), lambda y, p: (y * np.log(y / p)).sum(-1)),
    ("poisson", {}, U, U[::-1].copy(), lambda y, p: (p - y * np.log(p + EPS)).mean(-1)),
    ("binary_crossentropy", {}, BITS, U, lambda y, p: bce(y, p).mean(-1)),
    ("binary_crossentropy", {"axis": 0}, BITS, U, lambda y, p: bce(y, p).mean(0)),
    ("binary_crossentropy", {"label_smoothing": 0.2}, BITS, U, lambda y, p: bce(0.8 * y + 0.1, p).mean(-1)),
    ("binary_crossentropy", {"from_logits": True}, BITS, Z, lambda y, z: bce(y, sigmoid(z)).mean(-1)),
    ("categorical_crossentropy", {}, Y, P, lambda y, p: -(y * np.log(p)).sum(-1)),
    ("categorical_crossentropy", {}, Y, 3 * P, lambda y, p: -(y * np.log(p / 3)).sum(-1)),
    ("categorical_crossentropy", {"axis": 0}, Y, P, lambda y, p: -(y * np.log(p / p.sum(0))).sum(0)),
    ("categorical_crossentropy", {"from_logits": True}, Y, Z, lambda y, z: -(y * np.log(softmax(z))).sum(-1)),
    ("categorical_crossentropy", {"label_smoothing": 0.2}, Y, P, lambda y, p: -((0.8 * y + 0.05) * np.log(p)).sum(-1)),
    ("sparse_categorical_crossentropy", {}, LABELS, P, lambda y, p: -np.log(p[range(6), y])),
    ("sparse_categorical_crossentropy", {"from_logits": True}, LABELS, Z, lambda y, z: -np.log(softmax(z)[range(6), y])),
    (
        "sparse_categorical_crossentropy",
        {"ignore_class": 2},
        LABELS,
        P,
        lambda y, p: np.where(y == 2, 0, -np.log(p[range(6), y])),
    ),
    ("sparse_categorical_crossentropy", {"axis": 0}, LABELS[:4], P, lambda y, p: -np.log((p / p.sum(0))[y, range(4)])),
    ("categorical_generalized_cross_entropy", {"q": 0.3}, LABELS, P, lambda y, p: (1 - p[range(6), y] ** 0.3) / 0.3),
    ("binary_focal_crossentropy", {}, BITS, U, lambda y, p: ((1 - (y * p + (1 - y) * (1 - p))) ** 2 * bce(y, p)).mean(-1)),
    (
        "binary_focal_crossentropy",
        {"gamma": 3.0, "alpha": 0.3, "apply_class_balancing": True, "from_logits": True},
        BITS,
        Z,
        lambda y, z: (
            (0.3 * y + 0.7 * (1 - y)) * (1 - (y * sigmoid(z) + (1 - y) * (1 - sigmoid(z)))) ** 3 * bce(y, sigmoid(z))
        ).mean(-1),
    ),
    ("categorical_focal_crossentropy", {}, Y, P, lambda y, p: -(0.25 * (1 - p) ** 2 * y * np.log(p)).sum(-1)),
    (
        "categorical_focal_crossentropy",
        {"gamma": 1.5, "alpha": 0.4, "from_logits": True},
        Y,
        Z,
        lambda y, z: -(0.4 * (1 - softmax(z)) ** 1.5 * y * np.log(softmax(z))).sum(-1),
    ),
    ("dice", {}, BITS, U, lambda y, p: 1 - 2 * (y * p).sum() / (y.sum() + p.sum() + EPS)),
    ("dice", {"axis": [1]}, BITS, U, lambda y, p: 1 - 2 * (y * p).sum(1) / (y.sum(1) + p.sum(1) + EPS)),
    (
        "tversky",
        {"alpha": 0.3, "beta": 0.8},
        BITS,
        U,
        lambda y, p: 1 - (y * p).sum() / ((y * p).sum() + 0.3 * ((1 - p) * y).sum() + 0.8 * (p * (1 - y)).sum() + EPS),
    ),
    ("circle", {"gamma": 2.0}, LABELS, UNIT, None),
]  # type: ignore[list-item]


def label(case: tuple[Any, ...]) -> str:
    return case[0] + "".join(f"-{k}={v}" for k, v in case[1].items())


@pytest.mark.parametrize("case", [c for c in CASES if c[4]], ids=label)
def test_numbers(case: Any) -> None:
    name, options, y, p, want = case
    got = getattr(losses, name)(y, p, **options)
    assert got.dtype == p.dtype
    np.testing.assert_allclose(got, want(y, p), rtol=1e-6, atol=1e-9)
    single = getattr(losses, name)(y if y.dtype.kind == "i" else y.astype("float32"), p.astype("float32"), **options)
    np.testing.assert_allclose(single, want(y, p), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_gradients_are_finite_differences(case: Any) -> None:
    name, options, y, p, _ = case
    function = getattr(losses, name)
    tracer = Tracer()
    with tracing(tracer):
        targets, predictions = tracer.input(y.shape, y.dtype.name), tracer.input(p.shape, "float64")
        total = ops.sum(function(targets, predictions, **options))
        (slope,) = gradients([total], [value(1.0, "float64")], [predictions])
        tracer.finish([total, slope])
    run = Executable(tracer.graph)
    direction = np.random.RandomState(1).standard_normal(p.shape)
    step = 1e-6
    ahead, behind = (run([y, p + s * step * direction])[0] for s in (1, -1))
    got = float((run([y, p])[1] * direction).sum())
    assert got == pytest.approx(float(ahead - behind) / (2 * step), rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("name", sorted({c[0] for c in CASES}))
def test_configurations_make_the_same_loss(name: str) -> None:
    classes = [c for c in vars(losses).values() if isinstance(c, type) and issubclass(c, losses.Loss)]
    built = [c() for c in classes if c not in (losses.Loss, losses.LossFunctionWrapper)]
    (loss,) = [x for x in built if x.fn is getattr(losses, name)]
    config = loss.get_config()
    assert type(loss).from_config(dict(config)).get_config() == config
    again = losses.get(losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == config


WEIGHTS = np.array([0.5, 2.0, 0.0, 1.0, 1.0, 3.0])
MEANS = ((A - B) ** 2).mean(-1)


@pytest.mark.parametrize(
    ("reduction", "plain", "weighted"),
    [
        ("sum_over_batch_size", MEANS.mean(), (MEANS * WEIGHTS).mean()),
        ("mean", MEANS.mean(), (MEANS * WEIGHTS).mean()),
        ("sum", MEANS.sum(), (MEANS * WEIGHTS).sum()),
        ("none", MEANS, MEANS * WEIGHTS),
        (None, MEANS, MEANS * WEIGHTS),
        ("mean_with_sample_weight", MEANS.mean(), (MEANS * WEIGHTS).sum() / WEIGHTS.sum()),
    ],
)
def test_reductions(reduction: str | None, plain: Any, weighted: Any) -> None:
    loss = losses.MeanSquaredError(reduction=reduction, dtype="float64")
    np.testing.assert_allclose(loss(A, B), plain, rtol=1e-12)
    np.testing.assert_allclose(loss(A, B, WEIGHTS), weighted, rtol=1e-12)
    np.testing.assert_allclose(np.ravel(loss(A, B, WEIGHTS[:, None])), np.ravel(weighted), rtol=1e-12)


def test_the_number_of_rows_makes_no_new_program() -> None:
    loss = losses.MeanSquaredError()
    for n in (2, 3, 7):
        np.testing.assert_allclose(loss(A[: n % 6 + 1], B[: n % 6 + 1]), MEANS[: n % 6 + 1].mean(), rtol=1e-5)
    assert len(loss._programs._kept) == 1


def test_all_weights_zero_give_zero() -> None:
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert float(loss(A, B, np.zeros(6))) == 0


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_masks(reduction: str) -> None:
    mask = np.array([True, False, True, True, False, False])
    predictions = ops.convert_to_tensor(B)
    set_mask(predictions, mask)
    loss = losses.MeanSquaredError(reduction=reduction, dtype="float64")
    want = MEANS[mask].sum() if reduction == "sum" else MEANS[mask].mean()
    np.testing.assert_allclose(loss(A, predictions), want, rtol=1e-12)


def test_an_ignored_class_does_not_count_in_the_mean() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1, dtype="float64")
    labels = np.array([0, -1, 2, -1, 3, 1])
    kept = labels >= 0
    np.testing.assert_allclose(loss(labels, P), -np.log(P[kept, labels[kept]]).mean(), rtol=1e-9)


def test_shapes_that_differ_by_one_axis_agree() -> None:
    loss = losses.MeanSquaredError()
    assert float(loss(np.ones(4), np.zeros((4, 1)))) == 1
    assert float(loss(np.ones((4, 3, 1)), np.zeros((4, 3)))) == 1
    assert float(losses.BinaryCrossentropy()(np.ones(4), np.full((4, 1), 0.5))) == pytest.approx(np.log(2))
    assert losses.sparse_categorical_crossentropy(LABELS[:, None], P).shape == (6,)


def test_large_logits_are_exact() -> None:
    z = np.array([[1e4, -1e4]], "float32")
    assert float(losses.SparseCategoricalCrossentropy(from_logits=True)([1], z)) == 20000
    assert float(losses.CategoricalCrossentropy(from_logits=True)([[0.0, 1.0]], z)) == 20000
    assert float(losses.BinaryCrossentropy(from_logits=True)([[0.0, 1.0]], z)) == 10000
    assert float(losses.BinaryCrossentropy(from_logits=True)([[1.0]], np.array([[20.0]], "float32"))) == pytest.approx(
        2.06e-9, rel=1e-2
    )
    assert float(losses.SparseCategoricalCrossentropy()([1], ops.softmax(z))) == pytest.approx(16.118, abs=1e-3)


def test_losses_of_the_user() -> None:
    class Quartic(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.mean((y_true - y_pred) ** 4, axis=-1)

    np.testing.assert_allclose(Quartic(dtype="float64")(A, B, WEIGHTS), (((A - B) ** 4).mean(-1) * WEIGHTS).mean(), rtol=1e-12)
    wrapped = losses.LossFunctionWrapper(losses.huber, delta=0.3)
    assert losses.LossFunctionWrapper.from_config(wrapped.get_config())._fn_kwargs == {"delta": 0.3}
    assert Quartic(reduction="sum", name="q").get_config() == {"name": "q", "reduction": "sum"}
    with pytest.raises(NotImplementedError, match="call"):
        losses.Loss()([1.0], [1.0])


@pytest.mark.parametrize(
    ("identifier", "name"),
    [("mse", "mean_squared_error"), ("MAE", "mean_absolute_error"), ("bce", "binary_crossentropy"), ("kld", "kl_divergence")],
)
def test_get_by_short_name(identifier: str, name: str) -> None:
    assert losses.get(identifier) is getattr(losses, name)


def test_get_takes_all_else_that_makes_sense() -> None:
    assert losses.get(None) is None
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert isinstance(losses.get(losses.Huber), losses.Huber)
    assert losses.get({"class_name": "Huber", "config": {"name": "h"}}).name == "h"
    assert losses.get(losses.serialize(losses.mean_squared_error)) is losses.mean_squared_error


SPARSE = [
    losses.SparseCategoricalCrossentropy(),
    losses.CategoricalGeneralizedCrossEntropy(),
    losses.sparse_categorical_crossentropy,
]


@pytest.mark.parametrize("loss", SPARSE)
@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.array([0, 9, 1, 1, 1, 1]), "label 9 at position 1 .* 4 classes"),
        (np.array([0, 1, -1, 1, 1, 1]), "label -1 at position 2"),
        (np.array([0, 1, 1.7, 1, 1, 1]), "label 1.7 at position 2 is not an integer"),
        (np.array([0, np.nan, 1, 1, 1, 1]), "label nan at position 1"),
        (np.array([0, 0, 0, 0, 0, 4]), "label 4 at position 5"),
    ],
)
def test_impossible_labels(loss: Any, labels: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        loss(labels, P)


def test_impossible_labels_inside_a_program_name_value_and_classes() -> None:
    tracer = Tracer()
    with tracing(tracer):
        y, p = tracer.input((6,), "int64"), tracer.input((6, 4), "float64")
        tracer.finish([value(losses.SparseCategoricalCrossentropy(dtype="float64")(y, p))])
    run = Executable(tracer.graph)
    np.testing.assert_allclose(run([LABELS, P])[0], -np.log(P[range(6), LABELS]).mean(), rtol=1e-9)
    with pytest.raises(IndexError) as caught:
        run([np.array([0, 1, 7, 0, 0, 0]), P])
    assert losses.label_error(caught.value).args[0].startswith("label 7 at position 2 is out of range: there are 4 classes")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("loss", "y", "shape"),
    [
        (losses.MeanSquaredError(), np.zeros((4, 1)), (None, 10)),
        (losses.mean_absolute_error, np.zeros(4), (None, 10)),
        (losses.CategoricalCrossentropy(), np.zeros((4, 3)), (None, 10)),
        (losses.BinaryCrossentropy(), np.zeros((4, 2, 1)), (None, 3, 5)),
        (losses.SparseCategoricalCrossentropy(), np.array([1.5]), (None, 10)),
        (losses.SparseCategoricalCrossentropy(), np.array([10]), (None, 10)),
    ],
)
def test_check_targets_refuses(loss: Any, y: Any, shape: Any) -> None:
    with pytest.raises(ValueError, match=r"fit|label"):
        losses.check_targets(loss, y, shape)


@pytest.mark.parametrize(
    ("loss", "y", "shape"),
    [
        (losses.MeanSquaredError(), np.zeros(4), (None, 1)),
        (losses.MeanSquaredError(), np.zeros((4, 1)), (None,)),
        (losses.MeanSquaredError(), np.zeros((4, 3)), (None, None)),
        (losses.SparseCategoricalCrossentropy(ignore_class=-1), np.array([-1, 9]), (None, 10)),
        (losses.SparseCategoricalCrossentropy(), np.array([1.0, 2.0]), (None, None)),
        (lambda y, p: p, np.zeros((4, 1)), (None, 10)),
        (None, np.zeros((4, 1)), (None, 10)),
    ],
)
def test_check_targets_lets_pass(loss: Any, y: Any, shape: Any) -> None:
    losses.check_targets(loss, y, shape)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: losses.get("nope"), "nope"),
        (lambda: losses.get(3), "3"),
        (lambda: losses.get({"class_name": "Nope", "config": {}}), "Nope"),
        (lambda: losses.MeanSquaredError(reduction="nope"), "reduction"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), "q"),
        (lambda: losses.categorical_crossentropy(Y[:, :3], P), "same shape"),
        (lambda: losses.binary_crossentropy(BITS[:, :3], U), "same shape"),
        (lambda: losses.sparse_categorical_crossentropy(np.zeros((6, 2), int), P), "class numbers"),
        (lambda: losses.categorical_crossentropy(Y, P, axis=True), "axis"),
        (lambda: losses.MeanSquaredError()(A[:, :2], B), "broadcast"),
    ],
)
def test_errors(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_one_class_is_warned_about() -> None:
    with pytest.warns(SyntaxWarning, match="one class"):
        losses.categorical_crossentropy(np.ones((2, 1)), np.ones((2, 1)))
