"""Optimizers against their formulas in NumPy, what surrounds the step, and their state."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.executable import Executable
from graphnn_compiler.trace import Tracer, tracing

import graphnn
from graphnn import Variable, constraints, optimizers
from graphnn.optimizers import schedules

rng = np.random.RandomState(0)
START = [rng.standard_normal((4, 3)).astype("float32"), rng.standard_normal(3).astype("float32")]
GRADS = [[rng.standard_normal(w.shape).astype("float32") for w in START] for _ in range(5)]


def weights(dtype: str = "float32") -> list[Variable]:
    return [Variable(w.astype(dtype), name=f"w{i}") for i, w in enumerate(START)]


def stepped(optimizer: Any, grads: Any = GRADS, dtype: str = "float32") -> list[np.ndarray[Any, Any]]:
    ws = weights(dtype)
    for g in grads:
        optimizer.apply([x.astype(dtype) for x in g], ws)
    return [w.numpy() for w in ws]


class Slots(dict[str, Any]):
    """Named arrays that start at 0."""

    def __missing__(self, key: str) -> Any:
        return 0.0


def sgd(w: Any, g: Any, s: Slots, t: int, momentum: float = 0.0, nesterov: bool = False, lr: float = 0.1) -> Any:
    s["m"] = momentum * s["m"] - lr * g
    return w + (momentum * s["m"] - lr * g if nesterov else s["m"])


def adam(
    w: Any, g: Any, s: Slots, t: int, b1: float = 0.9, b2: float = 0.999, e: float = 1e-7, ams: bool = False, lr: float = 0.1
) -> Any:
    s["m"] = b1 * s["m"] + (1 - b1) * g
    s["v"] = b2 * s["v"] + (1 - b2) * g * g
    s["h"] = np.maximum(s["h"], s["v"]) if ams else s["v"]
    return w - lr * np.sqrt(1 - b2**t) / (1 - b1**t) * s["m"] / (np.sqrt(s["h"]) + e)


def rmsprop(w: Any, g: Any, s: Slots, t: int, momentum: float = 0.0, centered: bool = False, lr: float = 0.1) -> Any:
    s["v"] = 0.9 * s["v"] + 0.1 * g * g
    s["a"] = 0.9 * s["a"] + 0.1 * g if centered else 0.0
    s["m"] = momentum * s["m"] + lr * g / np.sqrt(s["v"] - s["a"] ** 2 + 1e-7)
    return w - s["m"]


def adagrad(w: Any, g: Any, s: Slots, t: int) -> Any:
    s["a"] = (s["a"] if t > 1 else 0.1) + g * g
    return w - 0.1 * g / np.sqrt(s["a"] + 1e-7)


def adadelta(w: Any, g: Any, s: Slots, t: int) -> Any:
    s["a"] = 0.95 * s["a"] + 0.05 * g * g
    d = -np.sqrt(s["b"] + 1e-7) / np.sqrt(s["a"] + 1e-7) * g
    s["b"] = 0.95 * s["b"] + 0.05 * d * d
    return w + 0.1 * d


def adamax(w: Any, g: Any, s: Slots, t: int) -> Any:
    s["m"] = 0.9 * s["m"] + 0.1 * g
    s["u"] = np.maximum(0.999 * s["u"], abs(g))
    return w - 0.1 / (1 - 0.9**t) * s["m"] / (s["u"] + 1e-7)


def nadam(w: Any, g: Any, s: Slots, t: int) -> Any:
    mu = [0.9 * (1 - 0.5 * 0.96**k) for k in range(1, t + 2)]
    past, coming = np.prod(mu[:t]), np.prod(mu)
    s["m"] = 0.9 * s["m"] + 0.1 * g
    s["v"] = 0.999 * s["v"] + 0.001 * g * g
    m = mu[t] * s["m"] / (1 - coming) + (1 - mu[t - 1]) * g / (1 - past)
    return w - 0.1 * m / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-7)


def lion(w: Any, g: Any, s: Slots, t: int) -> Any:
    w = w - 0.1 * np.sign(0.9 * s["m"] + 0.1 * g)
    s["m"] = 0.99 * s["m"] + 0.01 * g
    return w


def lamb(w: Any, g: Any, s: Slots, t: int) -> Any:
    s["m"] = 0.9 * s["m"] + 0.1 * g
    s["v"] = 0.999 * s["v"] + 0.001 * g * g
    d = s["m"] / (1 - 0.9**t) / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-7)
    return w - 0.1 * np.linalg.norm(w) / np.linalg.norm(d) * d


def ftrl(w: Any, g: Any, s: Slots, t: int, l1: float = 0.0, l2: float = 0.0, shrink: float = 0.0, beta: float = 0.0) -> Any:
    old = s["n"] if t > 1 else 0.1
    new = old + g * g
    s["z"] = s["z"] + g + 2 * shrink * w - (new**0.5 - np.sqrt(old)) / 0.1 * w
    s["n"] = new
    return (np.clip(s["z"], -l1, l1) - s["z"]) / (new**0.5 / 0.1 + 2 * (l2 + beta / 0.2))


RULES: list[tuple[Any, Callable[..., Any]]] = [
    (optimizers.SGD(0.1), sgd),
    (optimizers.SGD(0.1, momentum=0.9), lambda *a: sgd(*a, momentum=0.9)),
    (optimizers.SGD(0.1, momentum=0.9, nesterov=True), lambda *a: sgd(*a, momentum=0.9, nesterov=True)),
    (optimizers.Adam(0.1), adam),
    (optimizers.Adam(0.1, 0.8, 0.9, 1e-3, amsgrad=True), lambda *a: adam(*a, b1=0.8, b2=0.9, e=1e-3, ams=True)),
    (optimizers.RMSprop(0.1), rmsprop),
    (optimizers.RMSprop(0.1, momentum=0.5, centered=True), lambda *a: rmsprop(*a, momentum=0.5, centered=True)),
    (optimizers.Adagrad(0.1), adagrad),
    (optimizers.Adadelta(0.1), adadelta),
    (optimizers.Adamax(0.1), adamax),
    (optimizers.Nadam(0.1), nadam),
    (optimizers.Lion(0.1), lion),
    (optimizers.Lamb(0.1), lamb),
    (optimizers.Ftrl(0.1), ftrl),
    (
        optimizers.Ftrl(
            0.1,
            l1_regularization_strength=0.2,
            l2_regularization_strength=0.3,
            l2_shrinkage_regularization_strength=0.1,
            beta=0.4,
        ),
        lambda *a: ftrl(*a, l1=0.2, l2=0.3, shrink=0.1, beta=0.4),
    ),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("optimizer", "rule"), RULES, ids=lambda x: getattr(x, "name", ""))
def test_rules(optimizer: Any, rule: Callable[..., Any], dtype: str) -> None:
    optimizer = type(optimizer).from_config(optimizer.get_config())
    got = stepped(optimizer, dtype=dtype)
    for i, w in enumerate(START):
        x, slots = w.astype("float64"), Slots()
        for t, g in enumerate(GRADS, 1):
            x = rule(x, g[i].astype("float64"), slots, t)
        np.testing.assert_allclose(got[i], x, rtol=2e-5, atol=2e-6)
    assert int(optimizer.iterations) == 5 and got[0].dtype == dtype


def test_adafactor_keeps_a_row_and_a_column() -> None:
    optimizer = optimizers.Adafactor(0.1, relative_step=False)
    got = stepped(optimizer)
    w, r, c, v = START[0].astype("float64"), 0.0, 0.0, None
    for t, g in enumerate(GRADS, 1):
        beta, square = 1 - t**-0.8, g[0].astype("float64") ** 2 + 1e-30
        r = beta * r + (1 - beta) * square.mean(1)
        c = beta * c + (1 - beta) * square.mean(0)
        v = (r / r.mean())[:, None] * c[None]
        u = g[0] / np.sqrt(v)
        rate = max(1e-3, np.sqrt((w**2).mean())) * min(0.1, t**-0.5)
        w = w - rate * u / max(1.0, np.sqrt((u**2).mean()))
    np.testing.assert_allclose(got[0], w, rtol=2e-5)
    assert [v.shape for v in optimizer.variables[2:5]] == [(4,), (3,), (4, 3)]


def test_muon_steps_along_an_orthogonal_matrix() -> None:
    w = Variable(np.zeros((3, 5), "float32"), name="w")
    optimizers.Muon(1.0, weight_decay=None, rms_rate=None, ns_steps=12).apply(
        [GRADS[0][0][:3, :1] @ np.ones((1, 5), "float32")], [w]
    )
    assert np.linalg.matrix_rank(w.numpy(), 1e-2) == 1
    rest = Variable(START[1], name="embedding")
    adamw, muon = optimizers.AdamW(0.1), optimizers.Muon(0.1)
    same = Variable(START[1], name="embedding")
    for g in GRADS:
        adamw.apply([g[1]], [rest])
        muon.apply([g[1]], [same])
    np.testing.assert_allclose(same.numpy(), rest.numpy(), rtol=1e-6)


def test_schedule_free_keeps_the_weight_between_iterate_and_average() -> None:
    optimizer = optimizers.ScheduleFreeAdamW(0.1, warmup_steps=2)
    got = stepped(optimizer)
    assert all(np.isfinite(w).all() for w in got)
    assert not np.allclose(got[0], START[0])
    ws = weights()
    optimizer = optimizers.ScheduleFreeAdamW(0.1)
    optimizer.apply(GRADS[0], ws)
    np.testing.assert_allclose(ws[0].numpy(), START[0] - 0.1 * np.sign(GRADS[0][0]), rtol=1e-4, atol=1e-5)


# what surrounds the step


def plain(grads: Any, rate: float = 0.1) -> list[Any]:
    return [w - rate * sum(g[i] for g in grads) for i, w in enumerate(START)]


def test_clipping() -> None:
    norms = [np.sqrt((x**2).sum()) for x in GRADS[0]]
    each = [x * min(1, 0.7 / n) for x, n in zip(GRADS[0], norms, strict=True)]
    whole = [x * min(1, 0.7 / np.sqrt(sum(n**2 for n in norms))) for x in GRADS[0]]
    values = [np.clip(x, -0.3, 0.3) for x in GRADS[0]]
    for options, want in (({"clipnorm": 0.7}, each), ({"global_clipnorm": 0.7}, whole), ({"clipvalue": 0.3}, values)):
        for got, w in zip(stepped(optimizers.SGD(0.1, **options), [GRADS[0]]), plain([want]), strict=True):
            np.testing.assert_allclose(got, w, rtol=1e-5)
    zero = [[np.zeros_like(w) for w in START]]
    for options in ({"clipnorm": 0.7}, {"global_clipnorm": 0.7}):
        np.testing.assert_array_equal(stepped(optimizers.SGD(0.1, **options), zero)[0], START[0])


def test_weight_decay() -> None:
    got = stepped(optimizers.SGD(0.1, weight_decay=0.5), GRADS[:1])
    np.testing.assert_allclose(got[0], START[0] * 0.95 - 0.1 * GRADS[0][0], rtol=1e-5)
    optimizer = optimizers.AdamW(0.1, weight_decay=0.5)
    ws = weights()
    optimizer.exclude_from_weight_decay(var_list=[ws[0]], var_names=["w1"])
    optimizer.apply(GRADS[0], ws)
    free = stepped(optimizers.Adam(0.1), GRADS[:1])
    for w, f in zip(ws, free, strict=True):
        np.testing.assert_allclose(w.numpy(), f, rtol=1e-6)
    with pytest.raises(ValueError, match="before"):
        optimizer.exclude_from_weight_decay(var_names=["x"])
    with pytest.raises(ValueError, match="weight_decay"):
        optimizers.AdamW(weight_decay=None)  # type: ignore[arg-type]


def test_loss_scale() -> None:
    optimizer = optimizers.SGD(0.1, loss_scale_factor=8.0)
    assert optimizer.scale_loss(2.0) == 16
    got = stepped(optimizer, [[8 * x for x in GRADS[0]]])
    np.testing.assert_allclose(got[0], plain(GRADS[:1])[0], rtol=1e-5)
    assert optimizers.SGD(0.1).scale_loss(2.0) == 2


def test_accumulated_gradients() -> None:
    optimizer = optimizers.SGD(0.1, gradient_accumulation_steps=2)
    ws = weights()
    for t, g in enumerate(GRADS[:4], 1):
        before = ws[0].numpy()
        optimizer.apply(g, ws)
        assert np.array_equal(before, ws[0].numpy()) == bool(t % 2)
        assert int(optimizer.iterations) == t // 2
    np.testing.assert_allclose(ws[0].numpy(), plain(GRADS[:4], 0.05)[0], rtol=1e-5)
    halves = [[(a + b) / 2 for a, b in zip(GRADS[i], GRADS[i + 1], strict=True)] for i in (0, 2)]
    np.testing.assert_allclose(
        stepped(optimizers.Adam(0.1, gradient_accumulation_steps=2), GRADS[:4])[0],
        stepped(optimizers.Adam(0.1), halves)[0],
        rtol=1e-5,
    )


def test_averages_of_weights() -> None:
    optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8)
    ws, average, w = weights(), None, START[0].astype("float64")
    for g in GRADS:
        optimizer.apply(g, ws)
        w = w - 0.1 * g[0]
        average = w if average is None else 0.8 * average + 0.2 * w
        np.testing.assert_allclose(ws[0].numpy(), w, rtol=1e-5)
    optimizer.finalize_variable_values(ws)
    np.testing.assert_allclose(ws[0].numpy(), average, rtol=1e-5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="averages"):
        optimizer.finalize_variable_values(ws[:1])


def test_averages_overwrite_weights() -> None:
    optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2)
    ws, average, w = weights(), None, START[0].astype("float64")
    for t, g in enumerate(GRADS, 1):
        optimizer.apply(g, ws)
        w = w - 0.1 * g[0]
        average = w if average is None else 0.8 * average + 0.2 * w
        w = average if t % 2 == 0 else w
        np.testing.assert_allclose(ws[0].numpy(), w, rtol=1e-5)


def test_constraints_hold_after_the_step() -> None:
    ws = weights()
    ws[0].constraint = constraints.NonNeg()
    optimizers.SGD(0.1).apply(GRADS[0], ws)
    np.testing.assert_allclose(ws[0].numpy(), np.maximum(plain(GRADS[:1])[0], 0), rtol=1e-5)


# the learning rate


def test_another_learning_rate_makes_no_new_program() -> None:
    optimizer, ws = optimizers.SGD(0.1), weights()
    optimizer.apply(GRADS[0], ws)
    optimizer.learning_rate = 0.5
    optimizer.apply(GRADS[1], ws)
    optimizer.learning_rate.assign(0.25)
    optimizer.apply(GRADS[2], ws)
    want = START[0] - 0.1 * GRADS[0][0] - 0.5 * GRADS[1][0] - 0.25 * GRADS[2][0]
    np.testing.assert_allclose(ws[0].numpy(), want, rtol=1e-5)
    assert len(optimizer._programs._kept) == 1 and optimizer.get_config()["learning_rate"] == 0.25


def test_schedules_and_functions_as_learning_rate() -> None:
    falling = schedules.ExponentialDecay(0.4, 1, 0.5)
    optimizer = optimizers.SGD(falling)
    got = stepped(optimizer, GRADS[:3])
    want = START[0] - 0.4 * GRADS[0][0] - 0.2 * GRADS[1][0] - 0.1 * GRADS[2][0]
    np.testing.assert_allclose(got[0], want, rtol=1e-5)
    assert float(optimizer.learning_rate) == pytest.approx(0.05)
    with pytest.raises(TypeError, match="Schedule"):
        optimizer.learning_rate = 0.1
    again = optimizers.SGD.from_config(optimizer.get_config())
    np.testing.assert_allclose(stepped(again, GRADS[:3])[0], got[0])
    rates = iter([0.4, 0.2, 0.1])
    optimizer = optimizers.SGD(lambda: next(rates))
    ws = weights()
    optimizer.build(ws)
    assert len(optimizer.variables) == 1
    optimizer._called_rate = optimizer._rate_variable("called_rate", 0.0)
    now = [0.4]
    optimizer = optimizers.SGD(lambda: now[0])
    for g, now[0] in zip(GRADS, (0.4, 0.2, 0.1), strict=False):
        optimizer.apply(g, ws)
    np.testing.assert_allclose(ws[0].numpy(), want, rtol=1e-5)
    stepping = optimizers.SGD(lambda: 0.4 * 0.5 ** graphnn.ops.cast(stepping.iterations, "float32"))
    np.testing.assert_allclose(stepped(stepping, GRADS[:3])[0], want, rtol=1e-5)


def test_a_schedule_may_take_the_place_of_a_number() -> None:
    optimizer, ws = optimizers.SGD(0.1), weights()
    optimizer.apply(GRADS[0], ws)
    optimizer.learning_rate = schedules.PiecewiseConstantDecay([0], [9.0, 0.5])
    optimizer.apply(GRADS[1], ws)
    np.testing.assert_allclose(ws[0].numpy(), START[0] - 0.1 * GRADS[0][0] - 0.5 * GRADS[1][0], rtol=1e-5)
    assert len(optimizer.variables) == 1


def test_the_spellings_of_2017() -> None:
    with pytest.warns(UserWarning, match="decay"):
        optimizer = optimizers.SGD(lr=0.1, decay=1e-6, momentum=0.9, nesterov=True)
    assert float(optimizer.lr) == pytest.approx(0.1)
    optimizer.lr = 0.5
    assert float(optimizer.learning_rate) == 0.5


# inside programs, state, configuration


def test_inside_a_program() -> None:
    optimizer, ws = optimizers.Adam(0.1), weights()
    optimizer.build(ws)
    tracer = Tracer()
    with tracing(tracer):
        gs = [tracer.input(w.shape, "float32") for w in START]
        optimizer.apply_gradients(zip(gs, ws, strict=True))
        tracer.finish([])
    run = Executable(tracer.graph)
    for g in GRADS:
        run(g)
    for w, want in zip(ws, stepped(optimizers.Adam(0.1)), strict=True):
        np.testing.assert_allclose(w.numpy(), want, rtol=1e-6)


def test_the_step_of_sgd_is_one_difference() -> None:
    optimizer, w = optimizers.SGD(0.1), weights()[0]
    optimizer.build([w])
    tracer = Tracer()
    with tracing(tracer):
        optimizer.apply([tracer.input(w.shape, "float32")], [w])
        graph = tracer.finish([])
    assert [type(n.op).__name__ for n in graph.updates[w].node.inputs[1].node.inputs[0:0] or [graph.updates[w].node]] == ["Sub"]  # type: ignore[union-attr]
    made = [type(n.op).__name__ for n in graph.nodes if n.outputs[0].shape == w.shape]
    assert made == ["Mul", "Sub"]


def test_stateless_steps_leave_everything_alone() -> None:
    optimizer, ws = optimizers.Adam(0.1), weights()
    with pytest.raises(ValueError, match="built"):
        optimizer.stateless_apply([], GRADS[0], START)
    optimizer.build(ws)
    values, state = START, [v.numpy() for v in optimizer.variables]
    for g in GRADS:
        values, state = optimizer.stateless_apply(state, g, values)
    np.testing.assert_allclose(values[0], stepped(optimizers.Adam(0.1))[0], rtol=1e-6)
    np.testing.assert_array_equal(ws[0].numpy(), START[0])
    assert int(optimizer.iterations) == 0
    with pytest.raises(ValueError, match="1:1"):
        optimizer.stateless_apply(state[:1], GRADS[0], values)


def test_saved_state_continues_exactly() -> None:
    first, ws = optimizers.Adam(0.1, amsgrad=True), weights()
    for g in GRADS[:3]:
        first.apply(g, ws)
    store: dict[str, Any] = {}
    first.save_own_variables(store)
    second, vs = optimizers.Adam(0.1, amsgrad=True), [Variable(w.numpy(), name=w.name) for w in ws]
    with pytest.warns(UserWarning, match="not loaded"):
        second.load_own_variables(store)
    second.build(vs)
    second.load_own_variables(store)
    third = copy.deepcopy(second)
    assert third._programs is not second._programs if "_programs" in second.__dict__ else True
    for g in GRADS[3:]:
        first.apply(g, ws)
        second.apply(g, vs)
    for w, v in zip(ws, vs, strict=True):
        np.testing.assert_array_equal(w.numpy(), v.numpy())
    second.set_weights([v.numpy() for v in first.variables])
    with pytest.raises(ValueError, match="shape"):
        second.set_weights([np.zeros(3)])
    with pytest.raises(ValueError, match="built"):
        optimizers.SGD(0.1).set_weights([])


def test_variables_and_their_names() -> None:
    optimizer, ws = optimizers.Adam(0.1, use_ema=True, name="opt"), weights()
    optimizer.build(ws)
    assert [v.path for v in optimizer.variables] == [
        "opt/iteration", "opt/learning_rate", "opt/w0_average", "opt/w1_average", "opt/w0_momentum", "opt/w0_velocity",
        "opt/w1_momentum", "opt/w1_velocity",
    ]  # fmt: skip
    assert optimizer.variables[0].dtype == "int32"
    assert not any(v.trainable for v in optimizer.variables)


CLASSES = [
    optimizers.SGD, optimizers.Adam, optimizers.AdamW, optimizers.RMSprop, optimizers.Adagrad, optimizers.Adadelta, optimizers.Adamax,
    optimizers.Nadam, optimizers.Lion, optimizers.Lamb, optimizers.Ftrl, optimizers.Adafactor, optimizers.Muon,
    optimizers.ScheduleFreeAdamW,
]  # fmt: skip


@pytest.mark.parametrize("cls", CLASSES)
def test_configurations_make_the_same_optimizer(cls: Any) -> None:
    first = cls(0.25, clipnorm=0.5, use_ema=True, ema_overwrite_frequency=3)
    config = first.get_config()
    assert cls.from_config(config).get_config() == config
    again = optimizers.get(optimizers.serialize(first))
    assert type(again) is cls and again.get_config() == config
    assert type(optimizers.get(cls.__name__.lower())) is cls
    assert type(optimizers.get({"class_name": cls.__name__, "config": {"learning_rate": 0.5}})) is cls


def test_optimizers_of_the_user() -> None:
    class Signs(optimizers.Optimizer):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            self.assign_sub(variable, learning_rate * graphnn.ops.sign(gradient))

    np.testing.assert_allclose(stepped(Signs(0.1), GRADS[:1])[0], START[0] - 0.1 * np.sign(GRADS[0][0]), rtol=1e-6)
    with pytest.raises(NotImplementedError, match="update_step"):
        stepped(optimizers.Optimizer(0.1))

    class Hasty(optimizers.Optimizer):
        def __init__(self) -> None:
            self.x = 1

    with pytest.raises(RuntimeError, match="super"):
        Hasty().apply(GRADS[0], weights())


def test_loss_scaling_leaves_out_steps_that_are_not_finite() -> None:
    inner = optimizers.SGD(0.1, momentum=0.9)
    optimizer = optimizers.LossScaleOptimizer(inner, initial_scale=4.0, dynamic_growth_steps=2)
    ws = weights()
    optimizer.build(ws)
    assert float(optimizer.scale_loss(2.0)) == 8
    scale = 4.0
    for t, g in enumerate(GRADS[:4]):
        bad = t == 2
        optimizer.apply([x * np.float32(np.inf if bad else scale) for x in g], ws)
        scale = {1: 8.0, 2: 4.0}.get(t, scale)
        assert float(optimizer.dynamic_scale.numpy()) == scale
    want = stepped(optimizers.SGD(0.1, momentum=0.9), [GRADS[0], GRADS[1], GRADS[3]])
    for w, v in zip(ws, want, strict=True):
        np.testing.assert_allclose(w.numpy(), v, rtol=1e-5)
    assert int(optimizer.iterations) == 3
    again = optimizers.LossScaleOptimizer.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    with pytest.raises(ValueError, match="clipnorm"):
        optimizers.LossScaleOptimizer(inner, clipnorm=1.0)
    with pytest.raises(ValueError, match="dynamic"):
        optimizers.LossScaleOptimizer(inner, dynamic=False)


def test_several_optimizers() -> None:
    slow, fast = optimizers.SGD(0.1), optimizers.Adam(0.5)
    table = optimizers.OptimizerMap(slow, {"w1": fast})
    optimizer = optimizers.MultiOptimizer(table)
    got = stepped(optimizer)
    np.testing.assert_allclose(got[0], stepped(optimizers.SGD(0.1))[0], rtol=1e-6)
    np.testing.assert_allclose(got[1], stepped(optimizers.Adam(0.5))[1], rtol=1e-6)
    assert len(optimizer.variables) == 2 + 2 + 2 + 2
    with pytest.raises(AttributeError, match="individual"):
        _ = optimizer.learning_rate
    again = optimizers.MultiOptimizer.from_config(optimizer.get_config())
    np.testing.assert_allclose(stepped(again)[1], got[1], rtol=1e-6)
    with pytest.raises(ValueError, match="already"):
        table["w1"] = slow
    with pytest.raises(ValueError, match="LossScaleOptimizer"):
        table["w2"] = optimizers.LossScaleOptimizer(optimizers.SGD())
    with pytest.raises(TypeError, match="default"):
        optimizers.OptimizerMap("sgd")  # type: ignore[arg-type]
    both = optimizers.OptimizerMap(slow, {"w.": fast, ".1": slow})
    with pytest.raises(ValueError, match="Multiple"):
        _ = both["w1"]


def test_missing_gradients() -> None:
    optimizer, ws = optimizers.SGD(0.1), weights()
    with pytest.warns(UserWarning, match="w1"):
        optimizer.apply([GRADS[0][0], None], ws)
    np.testing.assert_allclose(ws[0].numpy(), plain(GRADS[:1])[0], rtol=1e-6)
    np.testing.assert_array_equal(ws[1].numpy(), START[1])
    with pytest.raises(ValueError, match="No gradients"):
        optimizer.apply([None, None], ws)
    optimizer.apply([])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: optimizers.get("nope"), "nope"),
        (lambda: optimizers.get(3), "3"),
        (lambda: optimizers.get({"class_name": "Nope", "config": {}}), "Nope"),
        (lambda: optimizers.SGD(1), "learning_rate"),
        (lambda: optimizers.SGD(speed=1.0), "speed"),
        (lambda: optimizers.SGD(momentum=2.0), "momentum"),
        (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0), "Only one"),
        (lambda: optimizers.SGD(use_ema=True, ema_momentum=1.5), "ema_momentum"),
        (lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=0.5), "ema_overwrite_frequency"),
        (lambda: optimizers.SGD(gradient_accumulation_steps=1), "gradient_accumulation_steps"),
        (lambda: optimizers.Lion(beta_1=0.0), "beta_1"),
        (lambda: optimizers.Ftrl(learning_rate_power=0.5), "learning_rate_power"),
        (lambda: optimizers.Ftrl(l1_regularization_strength=-0.5), "l1_regularization_strength"),
        (lambda: optimizers.SGD().apply([1.0]), "built"),
        (lambda: optimizers.SGD().apply([np.ones(3)], weights()), "2 variables"),
    ],
)
def test_errors(call: Any, words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=words):
            call()


def test_other_variables_are_refused() -> None:
    optimizer, ws = optimizers.SGD(0.1), weights()
    optimizer.apply(GRADS[0], ws)
    with pytest.raises(ValueError, match="Unknown variable"):
        optimizer.apply(GRADS[0], weights())
