"""What a model is trained with: `compile`, and the settings that it leaves."""

from __future__ import annotations

from typing import Any

from .compile_loss import CompileLoss
from .compile_metrics import CompileMetrics
from .compiled import ByJob, Compiled
from .quick import QuickPredictions
from .step_methods import StepMethods

# the attribute with which a callback ends a job
STOPS = {"train": "stop_training", "test": "stop_evaluating", "predict": "stop_predicting"}


class Compiling(StepMethods):
    """The part of `Model` that holds what it is trained with.

    Attributes:
        optimizer: the optimizer, None before `compile`.
        loss: what `compile` was given.
        stop_training, stop_evaluating, stop_predicting: set by callbacks to end `fit`, `evaluate` or `predict` after the present batch.
        history: the `History` of the last `fit`.
    """

    loss: Any
    history: Any
    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool

    def __init__(self) -> None:
        start: dict[str, Any] = {"optimizer": None, "loss": None, "history": None, **dict.fromkeys(STOPS.values(), False)}
        for k, v in start.items():
            object.__setattr__(self, k, v)
        object.__setattr__(self, "_training", Compiled())

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
        for k, v in {"optimizer": made, "loss": loss, **dict.fromkeys(STOPS.values(), False)}.items():
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
        self._compiled.quick, self._compiled.predictions = {}, QuickPredictions()

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
            raise ValueError(
                f"You must call `compile()` before using the model: `{method}()` of model {self.name!r} was called first."
            )

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

    # ---- what the compiler made

    def compile_report(self) -> ByJob:
        """What the compiler made of each step that ran so far: kernels, fusion, memory. Print it.

        >>> import numpy as np
        >>> import graphnn
        >>> model = graphnn.Sequential([graphnn.Input((3,)), graphnn.layers.Dense(1)])
        >>> _ = model.predict(np.ones((2, 3), "float32"), verbose=0)
        >>> list(model.compile_report())
        ['predict']
        """
        return ByJob((name, step.report()) for name, step in self._compiled.steps.named())

    def compiled_source(self) -> ByJob:
        """The generated source of the kernels of each step that ran so far. Print it."""
        return ByJob((name, step.executable.source()) for name, step in self._compiled.steps.named())
