"""Layers that take texts: Python makes integers of these, and what follows is done on integers, in a compiled program too."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..dispatch import find
from ..front import Texts, new_length
from ..tensor import Array, KerasTensor, as_tensor
from ..texts import STRING, decoded, text_rows
from .common import ConfiguredLayer


class TextCalls(ConfiguredLayer):
    """A layer that texts are given to. Subclasses write `ids_of` and `of_ids`, and `on_numbers` where they take numbers too."""

    takes_texts = True
    encoding = "utf-8"
    each_text_alone = True  # what becomes of a text does not depend on others, nor on when it is asked

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.length = new_length()  # of the integers of a text, where it is that of the longest

    def ids_of(self, texts: Array) -> Array:
        """The integers that an array of texts (str, as objects) becomes."""
        raise NotImplementedError(type(self).__name__)

    def ids_shape(self, shape: Any, length: Any) -> Any:
        """The shape of these for texts of a shape, the batch in front; `length` is that of the longest text."""
        return shape

    def of_ids(self, ids: Any) -> Any:
        """The result for these: the layer's ops on an array or a value."""
        raise NotImplementedError(type(self).__name__)

    def on_numbers(self, inputs: Any) -> Any:
        """The result for values."""
        raise TypeError(
            f"{type(self).__name__} {self.name!r} turns texts into numbers: call it on texts, or on an Input of dtype 'string'. "
            f"Received: {inputs}"
        )

    def on_texts(self, texts: Array) -> Any:
        """The result for an array of texts."""
        self.check_ready()
        return self.of_ids(self.ids_of(texts))

    def check_ready(self) -> None:
        """Raises RuntimeError where something must be learnt first."""

    def _twin(self) -> Self:
        return self  # there is nothing to build

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Applies the layer to texts, to arrays, or to symbolic tensors."""
        if args and not find(args[0], KerasTensor | Texts):
            texts = texts_of(args[0], self.encoding)
            if texts is not None:
                found = self.on_texts(texts)
                return as_tensor(found) if isinstance(found, np.ndarray) else found  # a value, inside a trace
        return super().__call__(*args, **kwargs)

    def call(self, inputs: Any) -> Any:
        return self.of_ids(inputs.numbered(self)) if isinstance(inputs, Texts) else self.on_numbers(inputs)


class TextsOnly(TextCalls):
    """A layer that takes nothing but texts."""

    @property
    def compute_dtype(self) -> str:
        return STRING

    @property
    def dtype(self) -> str:
        return STRING

    def compute_output_shape(self, input_shape: Any) -> Any:  # type: ignore[override]
        """The shape of the output for texts of a shape."""
        return self.compute_output_spec(KerasTensor(input_shape, STRING)).shape

    compute_output_shape.by_tracing = True  # type: ignore[attr-defined]


def texts_of(x: Any, encoding: str = "utf-8") -> Array | None:
    """An array of texts as objects, where x is a text, or a list or array of them; else None."""
    rows = text_rows(x)
    return None if rows is None else decoded(rows, encoding)
