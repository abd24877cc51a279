"""How a layer is called: on symbolic tensors, inside a trace, and on arrays."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from graphnn_compiler.dims import ConcreteExtentNeeded, Dim, symbol
from graphnn_compiler.ir import Value
from graphnn_compiler.trace import active

from .. import tree
from ..context import calling, current_training, get_mask, name_scope, set_mask, suspended
from ..dispatch import find, listed, value
from ..node import Node, symbolic_outputs
from ..program import Program, Programs, fill, is_arraylike, split
from ..tensor import BATCH, KerasTensor
from ..variable import Variable
from .call_info import CallInfo
from .input_spec import check_inputs, describe, known

if TYPE_CHECKING:
    from .layer import Layer

# How often an attribute of a built layer has changed; programs that were traced before are traced again.
_epoch = [0]


def epoch() -> int:
    """A number that changes when an attribute of a built layer changes."""
    return _epoch[0]


class Calling:
    """The part of `Layer` that runs `call`."""

    _call_info: CallInfo | None = None
    _programs_epoch = 0

    @classmethod
    def _info(cls) -> CallInfo:
        info = cls.__dict__.get("_call_info")
        if info is None:
            info = CallInfo(cls.call)  # type: ignore[attr-defined]
            cls._call_info = info
        return info

    def _changed(self, name: str, new: Any) -> None:
        """Notes that an attribute is about to change."""
        if active() is None:
            old = self.__dict__.get(name, Ellipsis)
            if old is not new and not (type(old) is type(new) and isinstance(new, int | float | str | tuple) and old == new):
                _epoch[0] += 1

    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Applies the layer to arrays or symbolic tensors, building it first where it is not built."""
        if "_own_trainable" not in self.__dict__:
            from .layer import _super_missing  # pyright: ignore[reportPrivateUsage]

            raise RuntimeError(_super_missing(self))
        if find((args, kwargs), KerasTensor):
            return self._symbolic(args, kwargs)
        if active() is not None:
            return self._traced(*args, **kwargs)
        return self._eager(args, kwargs)

    # ---- symbolic tensors

    def _symbolic(self: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        bound = self._info().bind(self, args, kwargs)
        self._check_first(bound)
        self._build_for(bound)
        outputs = symbolic_outputs(self._traced, args, kwargs)
        if any(x is y for x in tree.flatten(outputs) for y in tree.flatten(list(bound.values())) if isinstance(x, KerasTensor)):
            outputs = tree.map_structure(lambda x: KerasTensor(x.dims, x.dtype) if isinstance(x, KerasTensor) else x, outputs)
        Node(self, args, kwargs, outputs)
        return outputs

    symbolic_call = _symbolic

    # ---- values of a trace

    def _cast_dtype(self: Any) -> str | None:
        """The dtype that float inputs are cast to, None where they stay as they are."""
        return self.input_dtype if self.autocast and self.input_dtype.startswith("float") else None

    def _traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        info = self._info()
        bound = info.bind(self, args, kwargs)
        cast_to = self._cast_dtype()

        def prepared(x: Any) -> Any:
            if isinstance(x, Value):
                v = x
            elif isinstance(x, Variable) or is_arraylike(x):
                v = value(x)
            else:
                return x
            if cast_to and v.dtype.startswith("float") and v.dtype != cast_to:
                mask = get_mask(v)
                v = value(v, cast_to)
                if mask is not None:
                    set_mask(v, mask)
            return v

        for name, x in bound.items():
            if name not in ("training", "mask") and not isinstance(x, bool | int | float | str | type(None)):
                bound[name] = tree.map_structure(prepared, x)
        first = next(iter(bound.values()), None)
        self._check_first(bound)
        with_tensors = {k: v for k, v in bound.items() if find(v, Value)}
        if info.has_mask or len(with_tensors) > 1:
            for name, x in with_tensors.items():
                mask_name = "mask" if len(with_tensors) == 1 else f"{name}_mask"
                if mask_name in info.names and bound.get(mask_name) is None:
                    masks = tree.map_structure(get_mask, x)
                    if any(m is not None for m in tree.flatten(masks)):
                        bound[mask_name] = masks
        training = bound.get("training")
        if training is None:
            training = current_training()
        if training is None:
            training = info.defaults.get("training")
        if "training" in info.names:
            bound["training"] = training
        elif "training" in bound and not info.any_keyword:
            del bound["training"]
        self._build_for(bound)
        tracer = active()
        assert tracer is not None
        above = tracer.path[-1] if tracer.path else ""
        tracer.path.append(f"{above}/{self.name}" if above else self.name)
        try:
            with calling(training), name_scope(self.name):
                outputs = self.call(*_arguments(info, bound), **_keywords(info, bound))
                if self.activity_regularizer is not None:
                    self._add_activity_loss(outputs)
        except ConcreteExtentNeeded:
            raise
        except Exception as e:
            _add_note(e, self, bound)
            raise
        finally:
            tracer.path.pop()
        self._pass_masks(first, outputs)
        return outputs

    def _check_first(self: Any, bound: dict[str, Any]) -> None:
        if self.input_spec is not None and bound:
            check_inputs(self.input_spec, next(iter(bound.values())), self.name)

    def _add_activity_loss(self: Any, outputs: Any) -> None:
        for y in tree.flatten(outputs):
            if isinstance(y, Value):
                batch = value(1.0, y.dtype) if not y.ndim else _extent_as(y, 0)
                self.add_loss(value(self.activity_regularizer(y)) / batch)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the outputs, from the masks of the inputs."""
        return previous_mask

    def _pass_masks(self: Any, first: Any, outputs: Any) -> None:
        before = tree.map_structure(get_mask, first) if first is not None else None
        some = any(m is not None for m in tree.flatten(before))
        if not self.supports_masking:
            if some:
                warnings.warn(
                    f"Layer '{self.name}' (of type {type(self).__name__}) was passed an input with a mask attached to it. However, this "
                    "layer does not support masking and will therefore destroy the mask information.",
                    stacklevel=4,
                )
            return
        flat = tree.flatten(outputs)
        if all(get_mask(y) is not None for y in flat if isinstance(y, Value)):
            return
        masks = self.compute_mask(first, before)
        if masks is None:
            return
        for y, m in zip(flat, tree.flatten(masks), strict=False):
            if m is not None and isinstance(y, Value) and get_mask(y) is None:
                set_mask(y, m)

    # ---- building

    def _build_for(self: Any, bound: dict[str, Any]) -> None:
        """Builds the layer for the shapes of its tensors, where it is not built."""
        if self.built:
            return
        shapes: dict[str, Any] = {}
        for name, x in bound.items():
            if name != "training" and not name.endswith("mask") and any(hasattr(e, "shape") for e in tree.flatten(x)):
                shapes[f"{name}_shape"] = tree.map_structure(lambda e: known(e.shape) if hasattr(e, "shape") else None, x)
        with suspended():
            self._build_on(shapes)
        self.built = True

    def _build_on(self: Any, shapes: dict[str, Any]) -> None:
        from .layer import Layer

        build = type(self).build
        if build is Layer.build or getattr(build, "by_tracing", False):
            self._build_shapes = {"input_shape": next(iter(shapes.values()))} if shapes else None
            from ..context import current_path

            scope = current_path()
            self._path_name = f"{scope}/{self.name}" if scope else self.name
            return
        info = CallInfo(build)
        if len(info.positional) > 1 or info.any_keyword:
            named = {k: v for k, v in shapes.items() if k in info.names}
            if named:
                self.build(**named)
                return
        if not info.positional:
            self.build()
        else:
            self.build(next(iter(shapes.values()), None))

    # ---- arrays

    def _eager(self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args = tuple([_listed(a) for a in args])
        cast_to = self._cast_dtype()
        leaves: list[Any] = [x for x in tree.flatten([args, kwargs]) if is_arraylike(x)]
        arrays: list[Any] = []
        fixed_args, key = split(args, arrays)
        fixed_kwargs, named = split(kwargs, arrays) if kwargs else ({}, None)
        if cast_to:
            kind = np.dtype(cast_to)
            arrays = [a.astype(kind) if a.dtype.kind == "f" and a.dtype != kind else a for a in arrays]
        masks: list[tuple[int, int]] = []
        for i, x in enumerate(_in_order(args, kwargs)):
            mask = getattr(x, "_keras_mask", None)
            if mask is not None:
                masks.append((i, len(arrays)))
                arrays.append(np.asarray(mask))
        if not self.built:
            bound = self._info().bind(self, fill(fixed_args, arrays), fill(fixed_kwargs, arrays))
            self._check_first(bound)
            self._build_for(bound)
        if self._programs is None:
            self._programs = Programs(64)
        if self._programs_epoch != _epoch[0]:
            self._programs.clear()
            self._programs_epoch = _epoch[0]
        whole = (key, named, tuple(masks), tuple([(a.shape[1:], a.ndim, a.dtype.name) for a in arrays]))
        batches = {a.shape[0] if a.ndim else None for a in arrays}
        program: Program | None = None
        exact = [(a.shape, a.dtype.name) for a in arrays]
        if leaves and len(batches) == 1 and None not in batches:
            free = [((symbol(BATCH), *a.shape[1:]), a.dtype.name) for a in arrays]

            def any_batch() -> Any:
                self._check_first(self._info().bind(self, fill(fixed_args, arrays), fill(fixed_kwargs, arrays)))
                try:
                    return Program(self._traced, fixed_args, fixed_kwargs, free, masks)
                except ConcreteExtentNeeded:
                    return False

            program = self._programs.get(whole, any_batch)
        if not program:
            program = self._programs.get(
                (whole, tuple(exact)), lambda: Program(self._traced, fixed_args, fixed_kwargs, exact, masks)
            )
        for layer in self._flatten_layers():
            if layer._eager_losses:
                layer._eager_losses = []
        return program(arrays)


def _in_order(*structures: Any) -> list[Any]:
    """The array-like leaves in the order of `split`: dictionaries as they are."""
    out: list[Any] = []

    def visit(x: Any) -> None:
        if is_arraylike(x):
            out.append(x)
        elif isinstance(x, list | tuple):
            for e in x:  # pyright: ignore[reportUnknownVariableType]
                visit(e)
        elif isinstance(x, dict):
            for e in x.values():  # pyright: ignore[reportUnknownVariableType]
                visit(e)

    for s in structures:
        visit(s)
    return out


def _listed(x: Any) -> Any:
    """A list of numbers as an array; anything else as it is."""
    if isinstance(x, list | tuple) and x and all(isinstance(e, bool | int | float) for e in tree.flatten(x)):
        return listed(x)
    return x


def _arguments(info: CallInfo, bound: dict[str, Any]) -> list[Any]:
    """The first arguments, up to one that is not given, and those of *args."""
    out: list[Any] = []
    for p in info.signature.parameters.values():
        if p.kind is p.VAR_POSITIONAL:
            out += bound.get(p.name, ())
        elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name in bound:
            out.append(bound[p.name])
        else:
            break
    return out


def _keywords(info: CallInfo, bound: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    leading = True
    for p in info.signature.parameters.values():
        if p.kind is p.VAR_KEYWORD:
            out.update(bound.get(p.name, {}))
        elif leading and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL) and (
            p.name in bound or p.kind is p.VAR_POSITIONAL
        ):
            continue
        else:
            leading = False
            if p.name in bound:
                out[p.name] = bound[p.name]
    for name in ("training", "mask"):
        if name in bound and name not in info.names and info.any_keyword:
            out[name] = bound[name]
    return out


def _extent_as(y: Value, axis: int) -> Value:
    from graphnn_compiler.build import count_value

    return count_value(y.shape[axis], y.dtype)


def _add_note(e: Exception, layer: Any, bound: dict[str, Any]) -> None:
    """Names the innermost layer whose call failed, and what it was given."""
    if getattr(e, "__notes__", None):
        return
    given = ", ".join(f"{k}={describe(v) if hasattr(v, 'shape') else _short(v)}" for k, v in bound.items())
    e.add_note(f"in the call of layer {layer.name!r} (of type {type(layer).__name__}) with {given}")


def _short(x: Any) -> str:
    if isinstance(x, list | tuple):
        return "[" + ", ".join(describe(e) if hasattr(e, "shape") else repr(e)[:40] for e in x) + "]"  # pyright: ignore
    return repr(x)[:80]


_ = Dim
