"""What a model is trained with: `compile`, losses and metrics, and the steps that users may override."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from typing import Any

from graphnn_compiler import autodiff
from graphnn_compiler.build import count_value
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.movement import constant
from graphnn_compiler.trace import active

from .. import ops, tree
from ..config import floatx
from ..context import suspended
from ..dispatch import value
from ..layers.calling import epoch
from ..tensor import Array
from ..variable import Variable
from .compile_utils import CompileLoss, CompileMetrics
from .layout import unpack_x_y_sample_weight
from .steps import Steps
from .watch import FinitenessWatch


class Compiled:
    """What `compile` leaves with a model, and the steps traced since."""

    def __init__(self) -> None:
        self.loss: CompileLoss | None = None
        self.metrics: CompileMetrics | None = None
        self.loss_tracker: Any = None
        self.run_eagerly = False
        self.jit_compile: Any = "auto"
        self.steps_per_execution = 1
        self.arguments: dict[str, Any] | None = None
        self.steps = Steps()
        self.watch: FinitenessWatch | None = None
        self.quick: dict[Any, Any] = {}
        self.warned = False
        self._facts: dict[Hashable, Any] = {}
        self._facts_of = -1

    @property
    def done(self) -> bool:
        """Whether `compile` was called."""
        return self.arguments is not None

    def fact(self, key: Hashable, find: Callable[[], Any]) -> Any:
        """What `find` gives, remembered as long as no attribute of a layer changes."""
        if self._facts_of != epoch():
            self._facts, self._facts_of = {}, epoch()
        key = (key, self.loss is None or self.loss.built, self.metrics is None or self.metrics.built)
        if key not in self._facts:
            self._facts[key] = find()
        return self._facts[key]


class Compiling:
    """The part of `Model` that holds what it is trained with.

    Attributes:
        optimizer: the optimizer, None before `compile`.
        loss: what `compile` was given.
        stop_training: set by callbacks to end `fit` after the present epoch.
        history: the `History` of the last `fit`.
    """

    optimizer: Any
    loss: Any
    history: Any
    stop_training: bool
    trainable_variables: list[Variable]
    losses: list[Any]
    name: str

    def __init__(self) -> None:
        start: dict[str, Any] = {"optimizer": None, "loss": None, "history": None, "stop_training": False}
        for k, v in start.items():
            object.__setattr__(self, k, v)
        object.__setattr__(self, "_training", Compiled())

    @property
    def _compiled(self) -> Compiled:
        # Set past Layer.__setattr__, which would look for weights in it and have programs traced again.
        found = self.__dict__.get("_training")
        if found is None:
            found = Compiled()
            object.__setattr__(self, "_training", found)
        return found

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Says how the model is trained.

        Args:
            optimizer: a name or an optimizer.
            loss: a name, a `Loss` or a function of (y_true, y_pred); for several outputs a list, or a dictionary by output name.
            loss_weights: numbers by which the losses of several outputs are multiplied, in the same form.
            metrics: a list of names, metrics or functions; for several outputs a list of lists, or a dictionary by output name.
            weighted_metrics: the same; these are weighted by sample and class weights.
            run_eagerly: runs op by op with NumPy, for debugging.
            steps_per_execution: batches between two calls of the hooks of batches, where a callback has such hooks.
            jit_compile, auto_scale_loss: accepted for compatibility; everything is compiled.

        Raises:
            ValueError: for a name that is not known.

        >>> import graphnn
        >>> model = graphnn.Sequential([graphnn.Input((3,)), graphnn.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
        >>> model.optimizer.name
        'sgd'
        """
        from .. import metrics as metrics_module
        from .. import optimizers

        made = optimizers.get(optimizer)
        if isinstance(steps_per_execution, bool) or not isinstance(steps_per_execution, int) or steps_per_execution < 1:  # pyright: ignore
            raise ValueError(f"`steps_per_execution` must be a positive integer. Received: {steps_per_execution!r}")
        state = Compiled()
        state.loss = CompileLoss(self, loss, loss_weights) if loss is not None else None
        if metrics is not None or weighted_metrics is not None:
            state.metrics = CompileMetrics(self, metrics, weighted_metrics)
        state.loss_tracker = metrics_module.Mean(name="loss")
        state.run_eagerly, state.jit_compile = bool(run_eagerly), jit_compile
        state.steps_per_execution = steps_per_execution
        state.arguments = {
            "optimizer": made, "loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics,
            "run_eagerly": bool(run_eagerly), "steps_per_execution": steps_per_execution, "jit_compile": jit_compile is not False,
        }  # fmt: skip
        for k, v in {"optimizer": made, "loss": loss, "stop_training": False}.items():
            object.__setattr__(self, k, v)
        object.__setattr__(self, "_training", state)

    # ---- what is compiled

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compiled.done

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run op by op with NumPy."""
        return self._compiled.run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, flag: bool) -> None:
        self._compiled.run_eagerly = bool(flag)
        self._compiled.quick = {}

    @property
    def jit_compile(self) -> Any:
        """Accepted for compatibility: models are always compiled, unless `run_eagerly`."""
        return not self._compiled.run_eagerly

    @jit_compile.setter
    def jit_compile(self, flag: Any) -> None:
        self._compiled.jit_compile = flag

    @property
    def steps_per_execution(self) -> int:
        """Batches between two calls of hooks of batches."""
        return self._compiled.steps_per_execution

    @steps_per_execution.setter
    def steps_per_execution(self, n: int) -> None:
        self._compiled.steps_per_execution = n

    def compiled_loss(self) -> CompileLoss | None:
        """The losses of the outputs, None without a loss."""
        return self._compiled.loss

    def _assert_compiled(self, method: str) -> None:
        if not self.compiled:
            raise ValueError(f"You must call `compile()` before using the model: `{method}()` of model {self.name!r} was called first.")

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile` as plain data."""
        from ..saving.serialization import serialize_keras_object

        arguments = self._compiled.arguments
        return None if arguments is None else {k: serialize_keras_object(v) for k, v in arguments.items()}

    def compile_from_config(self, config: dict[str, Any] | None) -> None:
        """Compiles with the arguments that `get_compile_config` gave."""
        if not config:
            return
        from ..saving.serialization import deserialize_keras_object

        self.compile(**{k: deserialize_keras_object(v) for k, v in config.items()})
        if self.optimizer is not None and getattr(self, "built", False):
            self.optimizer.build(self.trainable_variables)

    # ---- losses and metrics

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss to be minimised: that of `compile`, and the losses that layers added. Override it for another.

        Args:
            x: inputs.
            y: targets.
            y_pred: predictions.
            sample_weight: weights of the samples, None without.
            training: whether the model is being trained.
        """
        state = self._compiled
        total: Any = None
        if state.loss is not None:
            if active() is None:
                raise RuntimeError("compute_loss() is part of a step; outside of one, use evaluate() or call the loss itself")
            total = state.loss(y, y_pred, sample_weight, _rows_of(x if x is not None else y_pred))
        for each in self.losses:
            each = ops.sum(ops.cast(each, floatx()))
            total = each if total is None else total + each
        if total is None:
            if not state.warned:
                state.warned = True
                warnings.warn(
                    f"No loss to compute for model {self.name!r}: compile() was given no `loss` and no layer adds one. Nothing is learned.",
                    stacklevel=2,
                )
            total = value(0.0, floatx())
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Updates the metrics of `compile` and gives all results by name. Override it to add more."""
        state = self._compiled
        if state.metrics is not None:
            if y is None:
                raise ValueError(f"model {self.name!r} is compiled with metrics, but no targets (y) were given")
            state.metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by name."""
        found: dict[str, Any] = {}
        for m in self.metrics:
            result = m.result()
            found.update(result if tree.is_dict(result) else {m.name: result})
        return found

    @property
    def metrics(self) -> list[Any]:
        """The mean of the loss, the metrics of `compile`, the means of the losses of single outputs, and metrics of layers."""
        state = self._compiled
        found: list[Any] = []
        if state.done:
            found.append(state.loss_tracker)
            if state.metrics is not None:
                found.append(state.metrics)
            if state.loss is not None:
                found += state.loss.metrics
        return found + list(super().metrics)  # type: ignore[misc]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the numbers that `evaluate` gives, in order."""
        return self._ordered_names(self.reported_metrics())

    def reported_metrics(self) -> dict[str, Any]:
        """The metric behind each name in the logs."""
        found: dict[str, Any] = {}
        for m in self.metrics:
            entries = m.entries if isinstance(m, CompileMetrics) else None
            found.update({e.name: e.metric for e in entries} if entries is not None else {m.name: m})
        return found

    def _ordered_names(self, names: Any) -> list[str]:
        """Names in the order in which `evaluate` lists their numbers."""
        return self._compiled.fact(tuple(names), lambda: self._in_order(names))

    def _in_order(self, names: Any) -> list[str]:
        state = self._compiled
        first: list[str] = []
        if state.done:
            first.append("loss")
            if state.metrics is not None:
                first += [e.name for e in state.metrics.entries if state.metrics.outputs and not _prefixed(e, state.metrics)]
            if state.loss is not None:
                first += [m.name for m in state.loss.metrics]
        first += [m.name for m in super().metrics]  # type: ignore[misc]
        first = [n for n in dict.fromkeys(first) if n in names]
        return first + sorted(n for n in names if n not in first)

    def reset_metrics(self) -> None:
        """Metrics start again."""
        if type(self).metrics is not Compiling.metrics:  # a list of the user's own may be another one each time
            for m in self.metrics:
                m.reset_state()
            return
        arrays, others = self._compiled.fact("resets", lambda: _resets(self.metrics))
        for a in arrays:
            a.fill(0)
        for m in others:
            m.reset_state()

    def finiteness_watch(self) -> FinitenessWatch | None:
        """What `TerminateOnNaN` looks at."""
        return self._compiled.watch

    # ---- steps

    def train_step(self, data: Any) -> dict[str, Any]:
        """What happens with a batch in training. Override it for another way: the method is traced once and compiled.

        Args:
            data: (x, y) or (x, y, sample_weight), or x alone; symbolic values.

        Returns:
            A dictionary of names and numbers for the logs.

        >>> import graphnn
        >>> class Doubled(graphnn.Model):
        ...     def train_step(self, data):
        ...         x, y = data
        ...         def loss_of(variables):
        ...             return self.compute_loss(x, y, self(x, training=True) * 2.0)
        ...         loss, gradients = graphnn.value_and_grad(loss_of)(self.trainable_variables)
        ...         self.optimizer.apply(gradients, self.trainable_variables)
        ...         return {"loss": loss}
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=True)  # type: ignore[operator]
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
        self._compiled.loss_tracker.update_state(loss, sample_weight=_rows_of(x))
        variables = self.trainable_variables
        if variables:
            optimizer = self.optimizer
            gradients = _gradients(optimizer.scale_loss(loss), variables)
            with suspended():
                optimizer.build(variables)
            optimizer.apply(gradients, variables)
        else:
            warnings.warn(f"model {self.name!r} has no trainable weights: nothing is learned", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """What happens with a batch in `evaluate`; arguments and result as in `train_step`."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)  # type: ignore[operator]
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=False)
        self._compiled.loss_tracker.update_state(loss, sample_weight=_rows_of(x))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """What happens with a batch in `predict`: gives the predictions."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)  # type: ignore[operator]

    # ---- what the compiler made

    def compile_report(self) -> Any:
        """What the compiler made of the steps so far: kernels, fusion, memory, times."""
        return {name: step.executable.report() for name, step in self._compiled.steps.named()}

    def compiled_source(self) -> Any:
        """The generated source of the steps so far, by step."""
        return {name: step.executable.source() for name, step in self._compiled.steps.named()}


def _prefixed(entry: Any, metrics: CompileMetrics) -> bool:
    assert metrics.outputs is not None
    return len(metrics.outputs) > 1 and bool(metrics.outputs.keys[entry.place])


def _resets(metrics: list[Any]) -> tuple[list[Array], list[Any]]:
    """The arrays that are filled with zeros to reset metrics, and the metrics that do it in their own way."""
    from ..metrics import Metric

    arrays: list[Array] = []
    others: list[Any] = []
    for m in metrics:
        if isinstance(m, CompileMetrics):
            inner = _resets(m.metrics)
            arrays += inner[0]
            others += inner[1]
        elif getattr(type(m), "reset_state", None) is Metric.reset_state:
            arrays += [v.array for v in m.variables]
        else:
            others.append(m)
    return arrays, others


def _rows_of(x: Any) -> Value:
    """The number of rows of a batch as a value."""
    first = next(v for v in tree.flatten(x) if v is not None)
    return count_value(first.shape[0] if first.ndim else 1, "float32")


def _gradients(loss: Any, variables: list[Variable]) -> list[Value]:
    """The gradients of a traced loss by the values that variables had when the step began."""
    tracer = active()
    assert tracer is not None
    states = tracer.graph.states
    first = [states[v] if v in states else v.value for v in variables]
    return autodiff.gradients([loss], [constant(1, loss.dtype)], first)


