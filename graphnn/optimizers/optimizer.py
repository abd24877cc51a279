"""What every optimizer is: variables of its own, a step for each weight, and what surrounds the step.

An optimizer's step is part of the training graph. A subclass writes the maths of one weight in `update_step`; the compiler makes
one streaming pass of it. The learning rate is a variable (or an expression of the step number), never a number in the program, so
that another rate compiles nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from graphnn_compiler.ir import Value
from graphnn_compiler.trace import active

from .. import initializers, ops
from ..context import name_scope
from ..dispatch import value
from ..eager import as_arrays, run
from ..naming import auto_name
from ..saving.serialization import deserialize_keras_object, serialize_keras_object
from ..variable import Variable
from .averaging import Averaging
from .decay import Decay
from .gradients import Gradients
from .rate import Rate
from .state import State


class Optimizer(Rate, Gradients, Decay, Averaging, State):
    """Base of all optimizers: subclasses give `update_step`, and `build` where they need variables.

    Args:
        learning_rate: a float, a `schedules.LearningRateSchedule`, or a function without arguments that gives the rate.
        weight_decay: before each step a weight loses this share, times the learning rate, of itself.
        clipnorm: each gradient longer than this is shortened to it.
        clipvalue: elements of gradients are kept within plus and minus this.
        global_clipnorm: all gradients together are shortened to this norm.
        use_ema: whether averages of the weights are kept: average = ema_momentum * average + (1 - ema_momentum) * weight.
        ema_momentum: see use_ema.
        ema_overwrite_frequency: weights become their averages every so many steps; None: only by `finalize_variable_values`,
            which `fit` calls at its end.
        loss_scale_factor: the loss is multiplied by this, and gradients are divided by it.
        gradient_accumulation_steps: weights are updated every so many steps, with the mean of the gradients since.
        name: a name; by default made of the class name.

    Raises:
        ValueError: an argument is none of these, or more than one way of clipping is asked for.

    >>> import graphnn
    >>> class SignDescent(Optimizer):
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         variable.assign(variable - learning_rate * graphnn.ops.sign(gradient))
    >>> w = graphnn.Variable([1.0, 2.0])
    >>> SignDescent(0.5).apply([[3.0, -4.0]], [w])
    >>> w.numpy().tolist()
    [0.5, 2.5]
    """

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        learning_rate = kwargs.pop("lr", learning_rate)  # as in the scripts of 2017
        if kwargs.pop("decay", None) is not None:
            warnings.warn("Argument `decay` is ignored; give a learning rate schedule instead", stacklevel=3)
        if kwargs:
            raise ValueError(f"Argument(s) not recognized by {type(self).__name__}: {kwargs}")
        given: Any = name
        if given is not None and (not isinstance(given, str) or "/" in given):
            raise ValueError(f"Argument `name` must be a string and cannot contain character `/`. Received: name={given!r}")
        self.name = name or auto_name(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        if sum(c is not None for c in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. "
                f"Received: clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
            )
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        if gradient_accumulation_steps and not gradient_accumulation_steps >= 2:
            raise ValueError(
                "`gradient_accumulation_steps` must be an integer >= 2. "
                f"Received: gradient_accumulation_steps={gradient_accumulation_steps}"
            )
        self._init_averaging(use_ema, ema_momentum, ema_overwrite_frequency)
        self.built = False
        self._variables: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._index: dict[Variable, int] = {}
        with name_scope(self.name):
            self._iterations = self._track(Variable(0, dtype="int", trainable=False, name="iteration"))
        self._init_rate(learning_rate)

    def _track(self, v: Variable) -> Variable:
        self._variables.append(v)
        return v

    # -- variables

    @property
    def variables(self) -> list[Variable]:
        """The step number, the learning rate (where it is a number), then the variables of `build`."""
        return list(self._variables)

    @property
    def iterations(self) -> Any:
        """How many steps were made; with gradient accumulation, how many updates."""
        if self.gradient_accumulation_steps:
            if active() is None:
                return (self._iterations.array // self.gradient_accumulation_steps).astype("int32")
            return self._iterations // self.gradient_accumulation_steps
        return self._iterations

    def build(self, variables: Sequence[Variable]) -> None:
        """Makes the optimizer's variables for these weights. Subclasses with variables extend it."""
        if self.built:
            return
        variables = list(variables)
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = [self.add_variable_from_reference(v, "gradient_accumulator") for v in variables]
        self._index = {v: i for i, v in enumerate(variables)}
        self._trainable_variables = variables
        self.built = True

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index[variable]

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """A variable of the optimizer's own.

        Args:
            shape: its extents.
            initializer: its first numbers.
            dtype: its dtype; `config.floatx()` if None.
            aggregation, layout: accepted for compatibility.
            name: its name.
        """
        self._check_super_called()
        with name_scope(self.name):
            first = initializers.get(initializer)
            return self._track(Variable(first, shape=tuple(shape), dtype=dtype, trainable=False, name=name))

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A variable of the shape and dtype of another, named after it."""
        path = str(getattr(reference_variable, "path", None) or reference_variable.name).replace("/", "_").replace(":", "_")
        v = reference_variable
        return self.add_variable(v.shape, initializer=initializer, dtype=v.dtype, name=f"{path}_{name or 'var'}")

    def add_optimizer_variables(self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros") -> Any:
        """One variable for each weight, or for a list of names a list of them for each name.

        Raises:
            ValueError: there are not as many initializers as names.
        """
        names = [name] if isinstance(name, str) else list(name)
        many = isinstance(initializer, list | tuple)
        starts: list[Any] = [*initializer] if many else [initializer] * len(names)  # pyright: ignore[reportUnknownVariableType]
        if len(starts) != len(names):
            raise ValueError(
                "The number of provided names must match the number of provided initializers. "
                f"Received name={name!r}, initializer={initializer!r}"
            )
        made: list[list[Variable | None]] = [[] for _ in names]
        for v in trainable_variables:
            for kind, start, found in zip(names, starts, made, strict=True):
                own = None if v.overwrite_with_gradient else self.add_variable_from_reference(v, kind, start)
                found.append(own)
        return made[0] if isinstance(name, str) else tuple(made)

    # -- the step

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """The step of one weight, in ops: reads and assigns `variable` and variables of the optimizer's own.

        Args:
            gradient: the gradient of the weight.
            variable: the weight.
            learning_rate: the rate of this step.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update_step(gradient, variable, learning_rate)")

    def assign(self, variable: Variable, value: Any) -> None:
        """variable := value."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """variable := variable + value."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """variable := variable - value."""
        variable.assign_sub(value)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """One step, from pairs of gradient and weight; gives the step number."""
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(list(grads), list(variables))
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """One step.

        Args:
            grads: a gradient for each weight; None where there is none.
            trainable_variables: the weights; by default those that the optimizer was built for.

        Raises:
            ValueError: the optimizer was built for other weights, or there is no gradient at all.
        """
        self._check_super_called()
        grads = list(grads)
        if not grads:
            return
        if trainable_variables is None:
            if not self.built:
                raise ValueError(
                    "Without `variables`, the optimizer must be built first: call `optimizer.build(trainable_variables)`."
                )
            variables = self._trainable_variables
        else:
            variables = list(trainable_variables)
            self.build(variables)
        if len(grads) != len(variables):
            raise ValueError(f"{self.name} received {len(grads)} gradients for {len(variables)} variables")
        for v in variables:
            if v not in self._index:
                raise ValueError(
                    f"Unknown variable: {v}. This optimizer can only be called for the variables it was originally built with. "
                    "For other variables make another optimizer."
                )
        grads, variables = self._filter_empty_gradients(grads, variables)
        if active() is not None:
            self._apply(grads, variables)
            return
        self.refresh_learning_rate()
        name = ("apply", id(self._learning_rate), *map(id, variables))
        run(self, name, lambda *gs: self._apply(list(gs), variables), tuple([as_arrays(g) for g in grads]), rows=False)

    def _apply(self, grads: list[Any], variables: list[Variable]) -> None:
        pairs = [(value(g), v) for g, v in zip(grads, variables, strict=True)]
        for g, v in pairs:
            if v.overwrite_with_gradient:
                v.assign(g)
        pairs = [(g, v) for g, v in pairs if not v.overwrite_with_gradient]
        if pairs:
            if self.loss_scale_factor is not None:
                pairs = [(g / self.loss_scale_factor, v) for g, v in pairs]
            self._accumulate_or_update(pairs)
            self._update_averages()
            for _, v in pairs:
                if v.constraint is not None:
                    v.assign(v.constraint(v.value))
        self._iterations.assign_add(1)

    def _update(self, pairs: list[tuple[Value, Variable]]) -> None:
        grads = self._clip_gradients([g for g, _ in pairs])
        variables = [v for _, v in pairs]
        self._apply_weight_decay(variables)
        self._backend_update_step(grads, variables, self.learning_rate)

    def _backend_update_step(self, grads: list[Any], trainable_variables: list[Variable], learning_rate: Any) -> None:
        rate = value(learning_rate)
        for g, v in zip(grads, trainable_variables, strict=True):
            self.update_step(ops.cast(g, v.dtype), v, ops.cast(rate, v.dtype))

    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def get_config(self) -> dict[str, Any]:
        """The arguments from which `from_config` makes the same optimizer."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = float(rate.array)
        elif callable(rate):
            rate = serialize_keras_object(rate)
        keys = (
            "weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum", "ema_overwrite_frequency",
            "loss_scale_factor", "gradient_accumulation_steps",
        )  # fmt: skip
        return {"name": self.name, "learning_rate": rate, **{k: getattr(self, k) for k in keys}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """An optimizer from its configuration."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize_keras_object(config["learning_rate"], custom_objects=custom_objects)
        return cls(**config)

    def _check_super_called(self) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__}: call super().__init__() first in the __init__() method")
