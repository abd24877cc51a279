"""Metrics against NumPy over several batches, in and outside of programs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.dims import symbol
from graphnn_compiler.executable import Executable
from graphnn_compiler.trace import Tracer, tracing

from graphnn import metrics, ops
from graphnn.context import set_mask

rng = np.random.RandomState(0)
N = 40
BITS = rng.randint(0, 2, N).astype("float32")
SCORES = np.clip(rng.uniform(0, 1, N) * 0.7 + 0.3 * BITS, 0, 1).astype("float32")
WEIGHT = rng.uniform(0, 2, N).astype("float32")
LABELS = rng.randint(0, 5, N)
HOT = np.eye(5, dtype="float32")[LABELS]
SOFT = rng.dirichlet(np.ones(5), N).astype("float32") + 0.5 * HOT
A, B = rng.standard_normal((N, 3)).astype("float32"), rng.standard_normal((N, 3)).astype("float32")


def measured(metric: Any, y: Any, p: Any, w: Any = None, pieces: int = 3) -> Any:
    """The result after the data came in unequal batches."""
    cuts = [0, 7, 23, len(y)] if pieces == 3 else [0, len(y)]
    for a, b in itertools.pairwise(cuts):
        metric.update_state(y[a:b], p[a:b], None if w is None else w[a:b])
    return np.asarray(metric.result())


def mean(x: Any, w: Any) -> Any:
    return x.mean() if w is None else (x * w).sum() / w.sum()


def top(p: Any, y: Any, k: int) -> Any:
    return (np.argsort(-p, axis=1, kind="stable")[:, :k] == y[:, None]).any(1).astype(float)


def cosine(y: Any, p: Any) -> Any:
    return (y * p).sum(-1) / np.linalg.norm(y, axis=-1) / np.linalg.norm(p, axis=-1)


def pearson(y: Any, p: Any) -> Any:
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(y, p, strict=True)])


MEANS: list[tuple[Any, Any, Any, Callable[[Any, Any], Any]]] = [
    (metrics.MeanSquaredError, A, B, lambda y, p: ((y - p) ** 2).mean(-1)),
    (metrics.MeanAbsoluteError, A, B, lambda y, p: abs(y - p).mean(-1)),
    (metrics.MeanAbsolutePercentageError, A, B, lambda y, p: 100 * (abs(y - p) / abs(y)).mean(-1)),
    (metrics.MeanSquaredLogarithmicError, abs(A), abs(B), lambda y, p: ((np.log1p(y) - np.log1p(p)) ** 2).mean(-1)),
    (metrics.LogCoshError, A, B, lambda y, p: np.log(np.cosh(y - p)).mean(-1)),
    (metrics.CosineSimilarity, A, B, cosine),
    (metrics.PearsonCorrelation, A, B, pearson),
    (metrics.KLDivergence, HOT * 0.5 + 0.1, SOFT / 1.5, lambda y, p: (y * np.log(y / p)).sum(-1)),
    (metrics.Poisson, abs(A), abs(B), lambda y, p: (p - y * np.log(p + 1e-7)).mean(-1)),
    (metrics.Hinge, np.sign(A), B, lambda y, p: np.maximum(1 - y * p, 0).mean(-1)),
    (metrics.SquaredHinge, np.sign(A), B, lambda y, p: (np.maximum(1 - y * p, 0) ** 2).mean(-1)),
    (metrics.CategoricalCrossentropy, HOT, SOFT, lambda y, p: -np.log((y * p).sum(-1) / p.sum(-1))),
    (metrics.SparseCategoricalCrossentropy, LABELS, SOFT, lambda y, p: -np.log(p[range(N), y] / p.sum(-1))),
    (metrics.Accuracy, LABELS, np.roll(LABELS, 3), lambda y, p: (y == p).astype(float)),
    (metrics.BinaryAccuracy, BITS, SCORES, lambda y, p: ((p > 0.5) == y).astype(float)),
    (lambda: metrics.BinaryAccuracy(threshold=0.3), BITS, SCORES, lambda y, p: ((p > 0.3) == y).astype(float)),
    (metrics.CategoricalAccuracy, HOT, SOFT, lambda y, p: (y.argmax(-1) == p.argmax(-1)).astype(float)),
    (metrics.SparseCategoricalAccuracy, LABELS, SOFT, lambda y, p: (y == p.argmax(-1)).astype(float)),
    (metrics.SparseCategoricalAccuracy, LABELS[:, None], SOFT, lambda y, p: (y[:, 0] == p.argmax(-1)).astype(float)),
    (lambda: metrics.TopKCategoricalAccuracy(2), HOT, SOFT, lambda y, p: top(p, y.argmax(-1), 2)),
    (lambda: metrics.SparseTopKCategoricalAccuracy(3), LABELS, SOFT, lambda y, p: top(p, y, 3)),
    (
        lambda: metrics.SparseTopKCategoricalAccuracy(2, from_sorted_ids=True),
        LABELS,
        np.argsort(-SOFT, 1).astype("int32"),
        lambda y, p: (p[:, :2] == y[:, None]).any(1).astype(float),
    ),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", MEANS, ids=lambda c: c[0]().name)
def test_means(case: Any, weighted: bool) -> None:
    make, y, p, want = case
    w = WEIGHT if weighted else None
    metric = make()
    assert measured(metric, y, p, w) == pytest.approx(float(mean(want(y, p), w)), rel=2e-5, abs=1e-6)
    metric.reset_state()
    assert all(not v.numpy().any() for v in metric.variables)
    assert measured(metric, y, p, w, 1) == pytest.approx(float(mean(want(y, p), w)), rel=2e-5, abs=1e-6)
    assert metric.dtype == "float32" and metric.result().dtype == np.float32


def test_root_mean_squared_error() -> None:
    want = np.sqrt(((A - B) ** 2).mean())
    assert measured(metrics.RootMeanSquaredError(), A, B) == pytest.approx(float(want), rel=1e-5)


def test_concordance_is_one_only_where_numbers_agree() -> None:
    x = np.tile(np.linspace(0, 1, 9, dtype="float32"), (N, 1))
    assert measured(metrics.ConcordanceCorrelation(), x, x) == pytest.approx(1, abs=1e-5)
    assert measured(metrics.ConcordanceCorrelation(), x, 2 * x) < 0.8
    assert measured(metrics.PearsonCorrelation(), x, 2 * x) == pytest.approx(1, abs=1e-5)


def test_mean_and_sum_of_values() -> None:
    m, s = metrics.Mean(), metrics.Sum()
    for x, w in ((1.0, None), ([3.0, 5.0], None), ([[1.0, 3.0], [5.0, 7.0]], [1.0, 0.5])):
        m.update_state(x, w)
        s.update_state(x, w)
    assert float(m.result()) == pytest.approx((1 + 8 + 2 + 3) / 4.5)
    assert float(s.result()) == pytest.approx(1 + 8 + 4 + 6)
    assert float(metrics.Mean().result()) == 0


def test_another_number_of_rows_makes_no_new_program() -> None:
    metric = metrics.MeanSquaredError()
    for n in (2, 5, 9):
        metric.update_state(A[:n], B[:n])
    assert len(metric._programs._kept) == 1
    for x in (0.5, 1.5, 2.5):
        mean = metrics.Mean()
        mean.update_state(x)
        mean.update_state(x + 1)
        assert len(mean._programs._kept) == 1


def counted(y: Any, p: Any, t: float, w: Any = None) -> tuple[float, float, float, float]:
    w = np.ones_like(p) if w is None else np.broadcast_to(w, p.shape)
    yes, guess = y != 0, p > t
    return tuple(float((w * m).sum()) for m in (yes & guess, ~yes & guess, ~yes & ~guess, yes & ~guess))  # type: ignore[return-value]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("thresholds", [None, 0.3, [0.2, 0.5, 0.8], [0.0, 0.25, 0.5, 0.75, 1.0]])
def test_counts(thresholds: Any, weighted: bool) -> None:
    w = WEIGHT if weighted else None
    at = [0.5] if thresholds is None else thresholds if isinstance(thresholds, list) else [thresholds]
    want = np.array([counted(BITS, SCORES, t, w) for t in at]).T
    classes = (metrics.TruePositives, metrics.FalsePositives, metrics.TrueNegatives, metrics.FalseNegatives)
    for cls, expected in zip(classes, want, strict=True):
        got = measured(cls(thresholds=thresholds), BITS, SCORES, w)
        np.testing.assert_allclose(got, expected if len(at) > 1 else expected[0], rtol=1e-5)
    tp, fp, _, fn = want
    for cls, expected in ((metrics.Precision, tp / np.maximum(tp + fp, 1e-9)), (metrics.Recall, tp / (tp + fn))):
        got = measured(cls(thresholds=thresholds), BITS, SCORES, w)
        np.testing.assert_allclose(got, expected if len(at) > 1 else expected[0], rtol=1e-5)


def test_counts_at_the_ends_of_the_scale() -> None:
    y, p = np.array([0, 0, 1, 1]), np.array([0.0, 1.0, 0.0, 1.0], "float32")
    for at in ([0.0, 0.5, 1.0], [0.0, 0.4, 1.0]):  # evenly spaced, and not
        np.testing.assert_array_equal(measured(metrics.TruePositives(at), y, p, pieces=1), [1, 1, 0])
        np.testing.assert_array_equal(measured(metrics.FalseNegatives(at), y, p, pieces=1), [1, 1, 2])
    assert measured(metrics.AUC(), y, p, pieces=1) == pytest.approx(0.5)


def test_predictions_that_are_no_numbers_do_not_break_the_counts() -> None:
    metric = metrics.AUC()
    metric.update_state([0.0, 1.0, 1.0], np.array([np.nan, 0.8, 0.9], "float32"))
    assert float(metric.result()) == 1


def test_one_class_and_the_best_k() -> None:
    y, p = HOT, SOFT
    got = measured(metrics.Precision(class_id=2), y, p)
    tp, fp, _, fn = counted(y[:, 2], p[:, 2], 0.5)
    assert got == pytest.approx(tp / (tp + fp), rel=1e-5)
    assert measured(metrics.Recall(class_id=2), y, p) == pytest.approx(tp / (tp + fn), rel=1e-5)
    best = np.argsort(-p, 1, kind="stable")[:, :2]
    hits = y[np.arange(N)[:, None], best].sum()
    assert measured(metrics.Precision(top_k=2), y, p) == pytest.approx(hits / (2 * N), rel=1e-5)
    assert measured(metrics.Recall(top_k=2), y, p) == pytest.approx(hits / N, rel=1e-5)
    assert measured(metrics.Recall(top_k=2, class_id=1), y, p) == pytest.approx(
        ((best == 1).any(1) & (LABELS == 1)).sum() / (LABELS == 1).sum(), rel=1e-5
    )


def area(y: Any, p: Any, w: Any = None) -> float:
    """The probability that a positive has the higher score."""
    w = np.ones_like(p) if w is None else w
    pairs = np.outer(w[y == 1], w[y == 0])
    d = p[y == 1][:, None] - p[y == 0][None]
    return float((pairs * ((d > 0) + 0.5 * (d == 0))).sum() / pairs.sum())


@pytest.mark.parametrize("weighted", [False, True])
def test_area_under_roc(weighted: bool) -> None:
    w = WEIGHT if weighted else None
    got = measured(metrics.AUC(num_thresholds=2001), BITS, SCORES, w)
    assert got == pytest.approx(area(BITS, SCORES, w), abs=2e-3)
    logits = np.log(SCORES / (1 - np.clip(SCORES, 0, 0.999)))
    assert measured(metrics.AUC(2001, from_logits=True), BITS, logits, w) == pytest.approx(float(got), abs=5e-3)
    inner = list(np.linspace(0, 1, 301)[1:-1] ** 1.5)
    assert measured(metrics.AUC(thresholds=inner), BITS, SCORES, w) == pytest.approx(float(got), abs=1e-2)


def test_bounds_of_the_area() -> None:
    lower, middle, upper = (
        measured(metrics.AUC(50, summation_method=m), BITS, SCORES) for m in ("minoring", "interpolation", "majoring")
    )
    assert lower < middle < upper
    lower, upper = (measured(metrics.AUC(50, curve="PR", summation_method=m), BITS, SCORES) for m in ("minoring", "majoring"))
    assert lower < measured(metrics.AUC(50, curve="PR"), BITS, SCORES) < upper


def test_area_under_precision_recall_of_constant_precision() -> None:
    y, p = np.tile([0.0, 1.0], 50), np.repeat(np.linspace(0.01, 0.99, 50), 2).astype("float32")
    assert measured(metrics.AUC(500, curve="PR"), y, p) == pytest.approx(0.5, abs=1e-3)
    assert 0 <= measured(metrics.AUC(500, curve="prgain"), y, p) <= 1


def test_area_of_several_labels() -> None:
    y, p = rng.randint(0, 2, (N, 3)), rng.uniform(0, 1, (N, 3)).astype("float32")
    each = [area(y[:, i], p[:, i]) for i in range(3)]
    for options in ({}, {"num_labels": 3}, {"thresholds": list(np.linspace(0, 1, 401)[1:-1] ** 1.2)}):
        metric = metrics.AUC(2001, multi_label=True, **options)
        assert measured(metric, y, p) == pytest.approx(np.mean(each), abs=1e-2)
        assert metric.true_positives.shape == (metric.num_thresholds, 3)
    weights = [1.0, 0.0, 3.0]
    metric = metrics.AUC(2001, multi_label=True, label_weights=weights)
    assert measured(metric, y, p) == pytest.approx(np.average(each, weights=weights), abs=1e-2)
    flat = metrics.AUC(2001, label_weights=weights)
    w = np.broadcast_to(weights, y.shape).ravel()
    assert measured(flat, y, p) == pytest.approx(area(y.ravel(), p.ravel(), w), abs=1e-2)


@pytest.mark.parametrize(
    ("make", "bounded", "best"),
    [
        (lambda v: metrics.SensitivityAtSpecificity(v), "spec", "sens"),
        (lambda v: metrics.SpecificityAtSensitivity(v), "sens", "spec"),
        (lambda v: metrics.PrecisionAtRecall(v), "sens", "prec"),
        (lambda v: metrics.RecallAtPrecision(v), "prec", "sens"),
    ],
)
def test_one_ratio_at_another(make: Any, bounded: str, best: str) -> None:
    found: dict[str, list[float]] = {"sens": [], "spec": [], "prec": []}
    for t in np.linspace(0, 1, 200, dtype="float32"):
        tp, fp, tn, fn = counted(BITS, SCORES, t)
        found["sens"].append(tp / (tp + fn))
        found["spec"].append(tn / (tn + fp))
        found["prec"].append(tp / (tp + fp) if tp + fp else 0)
    for v in (0.3, 0.7, 1.0):
        want = max([b for a, b in zip(found[bounded], found[best], strict=True) if a >= v], default=0)
        assert measured(make(v), BITS, SCORES) == pytest.approx(want, abs=1e-5)


def test_coefficient_of_determination() -> None:
    y, p = A.astype("float64"), (A + 0.3 * B).astype("float64")
    each = 1 - ((y - p) ** 2).sum(0) / ((y - y.mean(0)) ** 2).sum(0)
    np.testing.assert_allclose(measured(metrics.R2Score(class_aggregation=None), y, p), each, rtol=1e-4)
    assert measured(metrics.R2Score(), y, p) == pytest.approx(each.mean(), rel=1e-4)
    weighted = np.average(each, weights=((y - y.mean(0)) ** 2).sum(0))
    assert measured(metrics.R2Score("variance_weighted_average"), y, p) == pytest.approx(weighted, rel=1e-4)
    n = y.size
    adjusted = 1 - (1 - each.mean()) * (n - 1) / (n - 2 - 1)
    assert measured(metrics.R2Score(num_regressors=2), y, p) == pytest.approx(adjusted, rel=1e-4)
    assert measured(metrics.R2Score(num_regressors=n), y, p) == pytest.approx(each.mean(), rel=1e-4)


def f_score(y: Any, p: Any, beta: float) -> Any:
    tp, fp, fn = (y * p).sum(0), ((1 - y) * p).sum(0), (y * (1 - p)).sum(0)
    return (1 + beta**2) * tp / ((1 + beta**2) * tp + fp + beta**2 * fn)


def test_f_scores() -> None:
    y, guess = HOT, (SOFT > 0.4).astype("float32")
    each = f_score(y, guess, 2.0)
    np.testing.assert_allclose(measured(metrics.FBetaScore(beta=2.0, threshold=0.4), y, SOFT), each, rtol=1e-4)
    assert measured(metrics.FBetaScore("macro", 2.0, 0.4), y, SOFT) == pytest.approx(each.mean(), rel=1e-4)
    assert measured(metrics.FBetaScore("weighted", 2.0, 0.4), y, SOFT) == pytest.approx(
        np.average(each, weights=y.sum(0)), rel=1e-4
    )
    whole = f_score(y.reshape(-1, 1), guess.reshape(-1, 1), 2.0)[0]
    assert measured(metrics.FBetaScore("micro", 2.0, 0.4), y, SOFT) == pytest.approx(whole, rel=1e-4)
    best = np.eye(5)[SOFT.argmax(1)]
    np.testing.assert_allclose(measured(metrics.F1Score(), y, SOFT), f_score(y, best, 1.0), rtol=1e-4)


def test_intersection_over_union() -> None:
    y, p = LABELS, np.where(rng.uniform(size=N) < 0.6, LABELS, rng.randint(0, 5, N))
    each = np.array([((y == c) & (p == c)).sum() / ((y == c) | (p == c)).sum() for c in range(5)])
    assert measured(metrics.MeanIoU(5), y, p) == pytest.approx(each.mean(), rel=1e-5)
    assert measured(metrics.IoU(5, [1, 3]), y, p) == pytest.approx(each[[1, 3]].mean(), rel=1e-5)
    hot, soft = np.eye(5)[y], np.eye(5)[p] * 0.7 + 0.06
    assert measured(metrics.OneHotMeanIoU(5), hot, soft) == pytest.approx(each.mean(), rel=1e-5)
    assert measured(metrics.OneHotIoU(5, [2]), hot, soft) == pytest.approx(each[2], rel=1e-5)
    kept = y != 4
    some = [((y == c) & (p == c) & kept).sum() / (((y == c) | (p == c)) & kept).sum() for c in range(4)]
    assert measured(metrics.IoU(5, range(4), ignore_class=4), y, p) == pytest.approx(np.mean(some), rel=1e-5)
    high = SCORES >= 0.6
    two = [((c == BITS) & (high == c)).sum() / ((c == BITS) | (high == c)).sum() for c in (0, 1)]
    assert measured(metrics.BinaryIoU(threshold=0.6), BITS, SCORES) == pytest.approx(np.mean(two), rel=1e-5)
    weighted = metrics.MeanIoU(2, dtype="float32")
    weighted.update_state([0, 0, 1, 1], [0, 1, 0, 1], sample_weight=[0.3, 0.3, 0.3, 0.1])
    assert float(weighted.result()) == pytest.approx((0.3 / 0.9 + 0.1 / 0.7) / 2, rel=1e-5)
    with pytest.warns(UserWarning, match="floats"):
        metrics.MeanIoU(2).update_state([0], [0], np.ones(1, "float32"))


@pytest.mark.parametrize("make", [metrics.AUC, metrics.Mean, lambda: metrics.F1Score("macro"), lambda: metrics.MeanIoU(5)])
def test_inside_a_program_with_any_number_of_rows(make: Any) -> None:
    inside, outside = make(), make()
    one = isinstance(inside, metrics.Mean)
    shape = () if isinstance(inside, metrics.AUC | metrics.Mean | metrics.MeanIoU) else (5,)
    tracer = Tracer()
    with tracing(tracer):
        y, p = (tracer.input((symbol("batch"), *shape), "float32") for _ in range(2))
        inside.update_state(*([y] if one else [y, p]))
        tracer.finish([])
    run = Executable(tracer.graph)
    data = (HOT, SOFT) if shape else (LABELS.astype("float32"), LABELS[::-1].astype("float32").copy())
    if isinstance(inside, metrics.AUC):
        data = (BITS, SCORES)
    for a, b in ((0, 16), (16, 32), (32, N)):
        run([d[a:b].copy() for d in data])
        outside.update_state(*(d[a:b] for d in (data[:1] if one else data)))
    np.testing.assert_allclose(inside.result(), outside.result(), rtol=1e-6)


def test_masks_of_predictions() -> None:
    p = ops.convert_to_tensor(B)
    mask = np.arange(N) % 3 == 0
    set_mask(p, mask)
    metric = metrics.MeanSquaredError()
    metric.update_state(A, p)
    assert float(metric.result()) == pytest.approx(float(((A - B)[mask] ** 2).mean()), rel=1e-5)


def test_stateless_calls_leave_the_variables_alone() -> None:
    metric = metrics.Mean()
    metric.update_state([2.0])
    new = metric.stateless_update_state([np.float32(10), np.float32(4)], [2.0, 4.0])
    assert [float(x) for x in new] == [16, 6]
    assert float(metric.stateless_result(new)) == pytest.approx(16 / 6)
    assert [float(x) for x in metric.stateless_reset_state()] == [0, 0]
    assert float(metric.result()) == 2
    with pytest.raises(ValueError, match="1:1"):
        metric.stateless_result([0.0])


def test_metrics_of_the_user() -> None:
    class Both(metrics.Metric):
        def __init__(self, **kwargs: Any):
            super().__init__(**kwargs)
            self.inner = metrics.Mean(name="inner")
            self.calls = self.add_weight(name="calls")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.inner.update_state(ops.abs(y_true - y_pred))
            self.calls.assign_add(1.0)

        def result(self) -> Any:
            return {"mean": self.inner.result(), "calls": self.calls.value}

    metric = Both()
    assert metric(A, B)["mean"] == pytest.approx(float(abs(A - B).mean()), rel=1e-5)
    assert len(metric.variables) == 3 and metric.name.startswith("both")
    metric.reset_state()
    assert float(metric.result()["calls"]) == 0
    wrapped = metrics.MeanMetricWrapper(lambda y, p: ops.max(ops.abs(y - p), axis=-1), name="worst")
    assert measured(wrapped, A, B) == pytest.approx(float(abs(A - B).max(-1).mean()), rel=1e-5)

    class Hasty(metrics.Metric):
        def __init__(self) -> None:
            self.x = self.add_weight(name="x")

    with pytest.raises(RuntimeError, match="super"):
        Hasty()


CLASSES = [
    c for c in vars(metrics).values() if isinstance(c, type) and issubclass(c, metrics.Metric) and c is not metrics.Metric
]  # fmt: skip
NEEDED: dict[str, dict[str, Any]] = {
    "IoU": {"num_classes": 3, "target_class_ids": [1]}, "OneHotIoU": {"num_classes": 3, "target_class_ids": [1]},
    "MeanIoU": {"num_classes": 3}, "OneHotMeanIoU": {"num_classes": 3}, "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5}, "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5}, "MeanMetricWrapper": {"fn": metrics.mean_squared_error, "name": "m"},
    "AUC": {"curve": "PR", "thresholds": [0.2, 0.7], "from_logits": True},
}  # fmt: skip


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_configurations_make_the_same_metric(cls: Any) -> None:
    metric = cls(**NEEDED.get(cls.__name__, {}))
    config = metric.get_config()
    assert cls.from_config(dict(config)).get_config() == config
    again = metrics.get(metrics.serialize(metric))
    assert type(again) is cls and again.get_config() == config


@pytest.mark.parametrize(
    ("identifier", "cls"),
    [
        ("mse", "MeanSquaredError"),
        ("auc", "AUC"),
        ("Precision", "Precision"),
        ("kl_divergence", "KLDivergence"),
        ("bce", "BinaryCrossentropy"),
    ],
)
def test_get_by_name(identifier: str, cls: str) -> None:
    assert type(metrics.get(identifier)).__name__ == cls


def test_saved_variables() -> None:
    a, b = metrics.AUC(), metrics.AUC()
    measured(a, BITS, SCORES)
    store: dict[str, Any] = {}
    a.save_own_variables(store)
    b.load_own_variables(store)
    assert float(a.result()) == float(b.result())
    with pytest.raises(ValueError, match="variables"):
        b.load_own_variables({"0": 1})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.get("nope"), "nope"),
        (lambda: metrics.get(3), "3"),
        (lambda: metrics.AUC(curve="nope"), "curve"),
        (lambda: metrics.AUC(summation_method="nope"), "summation"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds"),
        (lambda: metrics.AUC(num_labels=3), "num_labels"),
        (lambda: metrics.AUC(multi_label=True).update_state([0.0, 1.0], [0.5, 0.5]), "rank"),
        (lambda: metrics.Precision(thresholds=1.5), "1.5"),
        (lambda: metrics.Precision(class_id=1).update_state([0.0, 1.0], [0.5, 0.5]), "class_id"),
        (lambda: metrics.PrecisionAtRecall(1.5), "recall"),
        (lambda: metrics.PrecisionAtRecall(0.5, num_thresholds=0), "num_thresholds"),
        (lambda: metrics.IoU(2, [2]), "out of range"),
        (lambda: metrics.R2Score("nope"), "class_aggregation"),
        (lambda: metrics.R2Score(num_regressors=-1), "num_regressors"),
        (lambda: metrics.R2Score().update_state([1.0, 2.0], [1.0, 2.0]), "R2Score"),
        (lambda: metrics.F1Score("nope"), "average"),
        (lambda: metrics.F1Score(threshold=2.0), "threshold"),
        (lambda: metrics.FBetaScore(beta=0.0), "beta"),
        (lambda: metrics.F1Score().update_state([1.0, 2.0], [1.0, 2.0]), "F1Score"),
        (lambda: metrics.SparseCategoricalCrossentropy().update_state([0, 7], [[0.5, 0.5], [0.5, 0.5]]), "label 7"),
    ],
)
def test_errors(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
