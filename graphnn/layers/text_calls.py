"""Layers that take texts: these are turned into numbers by Python before any program runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import tree
from ..dispatch import find
from ..tensor import Array, KerasTensor, Tensor, as_tensor
from .common import ConfiguredLayer


class TextCalls(ConfiguredLayer):
    """A layer that texts are given to. Subclasses write `on_texts`."""

    encoding = "utf-8"

    def on_texts(self, texts: Array) -> Any:
        """The result for an array of texts (of dtype object)."""
        raise NotImplementedError(type(self).__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Applies the layer to texts, to arrays, or to symbolic tensors of numbers."""
        if args and not find(args[0], KerasTensor):
            texts = texts_of(args[0], self.encoding)
            if texts is not None:
                found = self.on_texts(texts)
                return found if isinstance(found, Tensor) else as_tensor(found)
        return super().__call__(*args, **kwargs)


def texts_of(x: Any, encoding: str = "utf-8") -> Array | None:
    """An array of texts as objects, where x is a text, or a list or array of them; else None."""
    if tree.is_list(x):
        leaves = tree.flatten(x)
        if not leaves or not any(isinstance(e, str | bytes) or _kind(e) in "USO" for e in leaves):
            return None
    elif not isinstance(x, str | bytes) and _kind(x) not in "USO":
        return None
    a: Array = np.asarray(x)
    if a.dtype.kind not in "USO":
        return None
    flat: list[Any] = a.ravel().tolist()
    if not all(isinstance(t, str | bytes) for t in flat):
        return None
    out: Array = np.empty(len(flat), object)
    out[:] = [t.decode(encoding) if isinstance(t, bytes) else t for t in flat]
    return out.reshape(a.shape)


def _kind(x: Any) -> str:
    """The kind of the dtype of an array; "-" for anything else."""
    dtype: Any = getattr(x, "dtype", None)
    if isinstance(dtype, np.dtype):
        return dtype.kind
    return "O" if "string" in str(dtype) else "-"
