"""Regularizers and constraints against NumPy, their configurations and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphnn import Variable, constraints, regularizers

W = np.random.RandomState(0).standard_normal((5, 4)).astype("float32")


def cosines(w: Any) -> float:
    w = w / np.linalg.norm(w, axis=1, keepdims=True)
    c = abs(w @ w.T)
    n = len(w)
    return float((c.sum() - np.trace(c)) / (n * (n - 1)))


REGULARIZERS: list[tuple[Any, Callable[[Any], float]]] = [
    (regularizers.L1(0.1), lambda w: 0.1 * abs(w).sum()),
    (regularizers.L2(0.1), lambda w: 0.1 * (w**2).sum()),
    (regularizers.L1L2(0.1, 0.2), lambda w: 0.1 * abs(w).sum() + 0.2 * (w**2).sum()),
    (regularizers.L1L2(), lambda w: 0.0),
    (regularizers.OrthogonalRegularizer(0.3), lambda w: 0.3 * cosines(w)),
    (regularizers.OrthogonalRegularizer(0.3, "columns"), lambda w: 0.3 * cosines(w.T)),
]


@pytest.mark.parametrize(("regularizer", "want"), REGULARIZERS)
def test_regularizers(regularizer: Any, want: Callable[[Any], float]) -> None:
    for x in (W, Variable(W, name="w")):
        assert float(regularizer(x)) == pytest.approx(want(W), rel=1e-5, abs=1e-7)
    assert regularizer(W.astype("float64")).dtype == np.float64
    config = regularizer.get_config()
    assert type(regularizer).from_config(dict(config)).get_config() == config
    assert regularizers.get(regularizers.serialize(regularizer)).get_config() == config


def test_default_factors() -> None:
    assert regularizers.L1(None).l1 == regularizers.L2(None).l2 == 0.01
    assert regularizers.L1L2(None, None).get_config() == {"l1": 0.0, "l2": 0.0}
    assert regularizers.Regularizer()(W) == 0.0
    with pytest.raises(NotImplementedError, match="get_config"):
        regularizers.Regularizer().get_config()


def norms(w: Any, axis: Any) -> Any:
    return np.sqrt((w**2).sum(axis=axis, keepdims=True))


CONSTRAINTS: list[tuple[Any, Callable[[Any], Any]]] = [
    (constraints.NonNeg(), lambda w: np.maximum(w, 0)),
    (constraints.MaxNorm(1.5), lambda w: w * np.minimum(1, 1.5 / norms(w, 0))),
    (constraints.MaxNorm(0.5, axis=1), lambda w: w * np.minimum(1, 0.5 / norms(w, 1))),
    (constraints.UnitNorm(axis=[0, 1]), lambda w: w / norms(w, (0, 1))),
    (constraints.MinMaxNorm(1.0, 1.5), lambda w: w * np.clip(norms(w, 0), 1.0, 1.5) / norms(w, 0)),
    (constraints.MinMaxNorm(1.0, 1.5, rate=0.3, axis=1), lambda w: w * (0.3 * np.clip(norms(w, 1), 1, 1.5) / norms(w, 1) + 0.7)),
]


@pytest.mark.parametrize(("constraint", "want"), CONSTRAINTS)
def test_constraints(constraint: Any, want: Callable[[Any], Any]) -> None:
    np.testing.assert_allclose(constraint(W), want(W), rtol=1e-5)
    config = constraint.get_config()
    assert type(constraint).from_config(dict(config)).get_config() == config
    assert constraints.get(constraints.serialize(constraint)).get_config() == config


def test_a_zero_weight_stays_zero() -> None:
    zero = np.zeros((3, 2), "float32")
    for c in (constraints.MaxNorm(), constraints.UnitNorm(), constraints.MinMaxNorm(0.5)):
        assert not np.asarray(c(zero)).any()
    assert constraints.Constraint()(W) is W


@pytest.mark.parametrize("name", ["max_norm", "MaxNorm", "non_neg", "unit_norm", "min_max_norm"])
def test_constraints_by_name(name: str) -> None:
    assert isinstance(constraints.get(name), constraints.Constraint)


@pytest.mark.parametrize("name", ["l1", "L2", "l1l2", "l1_l2", "orthogonal_regularizer"])
def test_regularizers_by_name(name: str) -> None:
    assert isinstance(regularizers.get(name), regularizers.Regularizer)


def test_other_identifiers() -> None:
    assert regularizers.get(None) is None and constraints.get(None) is None
    assert regularizers.get(abs) is abs and constraints.get(abs) is abs
    assert isinstance(constraints.get(constraints.NonNeg), constraints.NonNeg)
    assert constraints.get({"class_name": "MaxNorm", "config": {"max_value": 3}}).max_value == 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: regularizers.get("nope"), "nope"),
        (lambda: constraints.get("nope"), "nope"),
        (lambda: regularizers.L1(-1.0), "l1"),
        (lambda: regularizers.L2(float("nan")), "l2"),
        (lambda: regularizers.L1L2(l2="x"), "l2"),
        (lambda: regularizers.OrthogonalRegularizer(mode="x"), "mode"),
        (lambda: regularizers.OrthogonalRegularizer()(np.ones(3)), "axes"),
    ],
)
def test_errors(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
