"""How a layer is called: on symbolic tensors, and inside a trace."""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
from graphnn_compiler.build import count_value
from graphnn_compiler.dims import ConcreteExtentNeeded
from graphnn_compiler.ir import Value
from graphnn_compiler.runtime.fork import LockOwner
from graphnn_compiler.trace import active

from .. import tree
from ..context import calling, current_path, current_training, get_mask, mask_may_end_in, name_scope, set_mask, suspended
from ..dispatch import find, value
from ..node import Node, symbolic_outputs
from ..program import is_arraylike
from ..tensor import KerasTensor, Tensor, dims_of
from ..texts import STRING, TextError
from . import versions
from .array_calls import ArrayCalls
from .base import super_missing
from .call_info import CallInfo
from .input_spec import check_inputs, describe, known
from .versions import epoch as epoch

_building = LockOwner()  # of two threads that call a new layer at once, one builds it
_NO_TENSOR = (bool, int, float, str, type(None))


class Calling(ArrayCalls):
    """The part of `Layer` that runs `call`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Applies the layer to arrays or symbolic tensors, building it first where it is not built."""
        if self._quick and len(args) == 1 and not kwargs:
            x = args[0]
            if (type(x) is np.ndarray or type(x) is Tensor) and active() is None:
                program = self._quick.get((x.shape, x.dtype))
                fresh = self._programs_epoch == versions.count[0]
                if program is not None and fresh and x.flags.c_contiguous and not hasattr(x, "_keras_mask"):
                    return program((x,))
        if "_own_trainable" not in self.__dict__:
            raise super_missing(self)
        if find((args, kwargs), KerasTensor):
            return self._symbolic(args, kwargs)
        if active() is not None:
            return self._traced(*args, **kwargs)
        return self._eager(args, kwargs)

    def stateless_call(
        self, trainable_variables: Any, non_trainable_variables: Any, *args: Any, return_losses: bool = False, **kwargs: Any
    ) -> Any:
        """What a call gives for other values of the variables, and the new values of those that are not trained.

        Args:
            trainable_variables, non_trainable_variables: values in the order of the properties of these names.
            return_losses: whether the losses come as a third member.
        """
        from .. import stateless

        others = self.non_trainable_variables
        variables = [*self.trainable_variables, *others]

        def call() -> Any:
            outputs = self(*args, **kwargs)
            return outputs, list(self.losses) if return_losses else []

        (outputs, losses), new = stateless.call(variables, [*trainable_variables, *non_trainable_variables], call)
        after = new[len(new) - len(others) :]
        return (outputs, after, losses) if return_losses else (outputs, after)

    # ---- symbolic tensors

    def _symbolic(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        bound = self._info().bind(self, args, kwargs)
        self._refuse_texts(bound)
        self._check_first(bound)
        self._build_for(bound)
        declared = cast(Any, type(self))
        if getattr(declared.compute_output_spec, "by_tracing", False):
            outputs = symbolic_outputs(self._traced, args, kwargs)
        else:
            outputs = declared.compute_output_spec(self, *args, **kwargs)
        if not getattr(declared.compute_output_shape, "by_tracing", False) and isinstance(outputs, KerasTensor):
            self._forget_extents(outputs, bound)
        Node(self, args, kwargs, outputs)
        return outputs

    def _forget_extents(self, output: KerasTensor, bound: dict[str, Any]) -> None:
        """Where a layer's own `compute_output_shape` leaves an extent open, the symbolic output does so too."""
        try:
            shape = cast(Any, self).compute_output_shape(tree.map_structure(_known_shape, next(iter(bound.values()))))
        except (AttributeError, IndexError, NotImplementedError, TypeError, ValueError):
            return  # it does not suit these arguments; what was traced holds
        if tree.is_shape(shape) and len(shape) == output.ndim:
            output.dims = dims_of(
                [None if m is None and isinstance(n, int) else n for m, n in zip(shape, output.dims, strict=True)]
            )

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic outputs for symbolic inputs, with a node in the DAG."""
        return self._symbolic(args, kwargs)

    # ---- values of a trace

    def _traced(self, *args: Any, **kwargs: Any) -> Any:
        info = self._info()
        bound = self._prepared(info.bind(self, args, kwargs))
        first = next(iter(bound.values()), None)
        self._refuse_texts(bound)
        self._check_first(bound)
        self._add_masks(info, bound)
        training = bound.get("training")
        if training is None:
            training = current_training()
        if training is None:
            training = info.defaults.get("training")
        if "training" in info.names:
            bound["training"] = training
        self._build_for(bound)
        tracer = active()
        assert tracer is not None
        above = tracer.path[-1] if tracer.path else ""
        tracer.path.append(f"{above}/{self.name}" if above else self.name)
        try:
            with calling(training), name_scope(self.name):
                arguments, keywords = info.arguments(bound)
                start = len(tracer.graph.nodes)
                outputs = self.call(*arguments, **keywords)
                if self._remat is not None and above:
                    self._remat.apply(self, tracer.graph.nodes[start:], outputs)
                if self.activity_regularizer is not None:
                    self._add_activity_loss(outputs)
        except ConcreteExtentNeeded:
            raise
        except Exception as e:
            _add_note(e, self, bound)
            raise
        finally:
            tracer.path.pop()
        self._pass_masks(first, outputs, bound.get("mask"))
        return outputs

    def _prepared(self, bound: dict[str, Any]) -> dict[str, Any]:
        """The arguments with arrays and variables as values, floats in the dtype of the layer."""
        cast_to = self._cast_dtype()

        def prepared(x: Any) -> Any:
            if not isinstance(x, Value):
                if not is_arraylike(x):
                    return x
                x = value(x)
            if cast_to is None or not x.dtype.startswith("float") or x.dtype == cast_to:
                return x
            cast, mask = value(x, cast_to), get_mask(x)
            if mask is not None:
                set_mask(cast, mask)
            return cast

        return {
            name: x if name in ("training", "mask") or isinstance(x, _NO_TENSOR) else tree.map_structure(prepared, x)
            for name, x in bound.items()
        }

    def _add_masks(self, info: CallInfo, bound: dict[str, Any]) -> None:
        """Fills `mask` (or `<argument>_mask`, where several arguments are tensors) from the masks that travel with the arguments."""
        tensors = {k: v for k, v in bound.items() if not k.endswith("mask") and find(v, Value)}
        for name, x in tensors.items():
            mask_name = "mask" if len(tensors) == 1 else f"{name}_mask"
            if mask_name in info.names and bound.get(mask_name) is None:
                masks = tree.map_structure(get_mask, x)
                if any(m is not None for m in tree.flatten(masks)):
                    bound[mask_name] = masks

    def _refuse_texts(self, bound: dict[str, Any]) -> None:
        if not self.takes_texts:
            given = next((x for x in tree.flatten(bound) if getattr(x, "dtype", None) == STRING), None)
            if given is not None:
                raise TextError(
                    f"Layer {self.name!r} (of type {type(self).__name__}) works on numbers, but was given texts: {describe(given)}. "
                    "TextVectorization, StringLookup and Hashing make numbers of texts"
                )

    def _check_first(self, bound: dict[str, Any]) -> None:
        if self.input_spec is not None and bound:
            check_inputs(self.input_spec, next(iter(bound.values())), self.name)

    def _add_activity_loss(self, outputs: Any) -> None:
        for y in tree.flatten(outputs):
            if isinstance(y, Value):
                rows = count_value(y.shape[0] if y.ndim else 1, y.dtype)
                penalty: Any = value(self.activity_regularizer(y))
                self.add_loss(penalty / rows)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the outputs, from the masks of the inputs."""
        return previous_mask

    def _pass_masks(self, first: Any, outputs: Any, given: Any = None) -> None:
        """Lets masks travel with the outputs; `given`: the argument `mask`, which counts in place of what came with the inputs."""
        before = given
        if before is None and first is not None:
            before = tree.map_structure(get_mask, first)
        if not self.supports_masking:
            if any(m is not None for m in tree.flatten(before)) and not mask_may_end_in(self):
                warnings.warn(
                    f"Layer '{self.name}' (of type {type(self).__name__}) was passed an input with a mask attached to it. However, this "
                    "layer does not support masking and will therefore destroy the mask information.",
                    stacklevel=4,
                )
            return
        values = [y for y in tree.flatten(outputs) if isinstance(y, Value)]
        if all(get_mask(y) is not None for y in values):
            return
        masks = self.compute_mask(first, before)
        for y, m in zip(values, tree.flatten(masks), strict=False):
            if (isinstance(m, Value) or is_arraylike(m)) and get_mask(y) is None:
                set_mask(y, value(m))

    # ---- building

    def _build_for(self, bound: dict[str, Any]) -> None:
        """Builds the layer for the shapes of its tensors, where it is not built."""
        if self.built:
            return

        shapes: dict[str, Any] = {}
        for name, x in bound.items():
            if name != "training" and not name.endswith("mask") and any(hasattr(e, "shape") for e in tree.flatten(x)):
                shapes[f"{name}_shape"] = tree.map_structure(_known_shape, x)
        with _building.lock, suspended():
            if not self.built:
                self._build_on(shapes)
                self.built = True

    def _build_on(self, shapes: dict[str, Any]) -> None:
        build = cast(Any, type(self)).build
        first = next(iter(shapes.values()), None)
        if getattr(build, "by_tracing", False):  # sublayers are built as the call reaches them
            self._build_shapes = {"input_shape": first} if shapes else None
            scope = current_path()
            self._path_name = f"{scope}/{self.name}" if scope else self.name
            return
        info = CallInfo(build)
        named = {k: v for k, v in shapes.items() if k in info.names}
        if named and (len(info.positional) > 1 or info.any_keyword):
            build(self, **named)
        elif info.positional:
            build(self, first)
        else:
            build(self)


def _known_shape(x: Any) -> Any:
    return known(x.shape) if hasattr(x, "shape") else None


def _add_note(e: Exception, layer: Calling, bound: dict[str, Any]) -> None:
    """Names the innermost layer whose call failed, and what it was given."""
    if not getattr(e, "__notes__", None):
        given = ", ".join(f"{k}={_short(v)}" for k, v in bound.items())
        e.add_note(f"in the call of layer {layer.name!r} (of type {type(layer).__name__}) with {given}")


def _short(x: Any) -> str:
    if hasattr(x, "shape"):
        return describe(x)
    if tree.is_list(x):
        return "[" + ", ".join(_short(e) for e in x) + "]"
    return repr(x)[:80]
