"""What the parts of `Layer` (weights in state.py, calls in calling.py and array_calls.py) know of one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..node import Operation
from ..program import Program, Programs
from ..variable import Variable
from .call_info import CallInfo

if TYPE_CHECKING:
    from ..dtype_policies import DTypePolicy
    from ..rematerialization import RematScope
    from .layer import Layer

# Attributes of the machinery: they hold no weights or sublayers of the user's, and no program needs tracing again when they change.
OWN = frozenset(
    "_own_trainable _own_other _inbound_nodes _programs _programs_epoch _quick _eager_losses _init_arguments _build_shapes built name "
    "_path_name _remat _input_shape_arg _first_weights _dtype_policy activity_regularizer input_spec supports_masking _trainable autocast "
    "_building optimizer loss stop_training stop_evaluating stop_predicting history _compile_config _functional _inputs _outputs "
    "_inputs_structure _outputs_structure _nodes _operations _model_layers _fast _graph_programs _sequence _plain _kept_states".split()
)


class LayerBase(Operation):
    """Attributes of every layer."""

    activity_regularizer: Any
    autocast: bool
    built: bool
    input_spec: Any
    supports_masking: bool
    takes_texts = True  # whether `call` may be given texts; layers of numbers say no
    untracked: frozenset[str] = frozenset()  # names of attributes that hold no weights or layers, and may be long
    _build_shapes: dict[str, Any] | None
    _dtype_policy: DTypePolicy
    _eager_losses: list[Any]
    _first_weights: Any
    _init_arguments: dict[str, Any] | None = None
    _input_shape_arg: tuple[Any, ...] | None
    _own_trainable: list[Variable]
    _own_other: list[Variable]
    _path_name: str | None
    _programs: Programs | None
    _programs_epoch: int = 0
    _quick: dict[Any, Program] | None = None  # for one plain array: (shape, dtype) -> program
    _remat: RematScope | None = None
    remat_by_steps = False  # whether the layer sees to it itself that values are computed again
    _trainable: bool

    _call_info: CallInfo | None = None

    @classmethod
    def _info(cls) -> CallInfo:
        """What the signature of `call` says."""
        info = cls.__dict__.get("_call_info")
        if info is None:
            info = CallInfo(cls.call)
            cls._call_info = info
        return info

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Layer]:
        raise NotImplementedError

    def _traced(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def _check_first(self, bound: dict[str, Any]) -> None:
        raise NotImplementedError

    def _build_for(self, bound: dict[str, Any]) -> None:
        raise NotImplementedError

    def add_loss(self, loss: Any) -> None:
        raise NotImplementedError

    def _cast_dtype(self) -> str | None:
        """The dtype that float inputs are cast to, None where they stay as they are."""
        return self.input_dtype if self.autocast and self.input_dtype.startswith("float") else None

    @property
    def compute_dtype(self) -> str:
        """The dtype of its arithmetic."""
        return self._dtype_policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype that float inputs are cast to."""
        return self.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of its weights."""
        return self._dtype_policy.variable_dtype

    @property
    def dtype(self) -> str:
        """The dtype of its weights."""
        return self._dtype_policy.variable_dtype


def super_missing(layer: object) -> RuntimeError:
    """The error of a layer whose `__init__` does not call that of its base."""
    return RuntimeError(
        f"In layer '{type(layer).__name__}', you forgot to call `super().__init__()` as the first statement in the `__init__()` method."
    )
