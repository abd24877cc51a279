"""Initializers without randomness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..config import standard_dtype
from ..saving.serialization import deserialize_keras_object, serialize_keras_object
from .initializer import Initializer, tensor
from .windows import window as named_window


class Constant(Initializer):
    """Every element is `value`.

    Args:
        value: a number, or an array that broadcasts to the shape asked for.

    >>> Constant(3.0)((2,)).tolist()
    [3.0, 3.0]
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        name = standard_dtype(dtype)
        return tensor(np.broadcast_to(np.asarray(self.value).astype(name), shape), name)

    def get_config(self) -> dict[str, Any]:
        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constant:
        return cls(deserialize_keras_object(config["value"]))


class Zeros(Initializer):
    """Every element is 0.

    >>> Zeros()((2,)).tolist()
    [0.0, 0.0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        name = standard_dtype(dtype)
        return tensor(np.zeros(shape, name), name)


class Ones(Initializer):
    """Every element is 1.

    >>> Ones()((2,)).tolist()
    [1.0, 1.0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        name = standard_dtype(dtype)
        return tensor(np.ones(shape, name), name)


class Identity(Initializer):
    """The identity matrix times `gain`, for weights of two axes.

    Args:
        gain: the number on the diagonal.

    >>> Identity(2.0)((2, 3)).tolist()
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices only: a shape of two axes is needed, received shape={tuple(shape)}")
        name = standard_dtype(dtype)
        return tensor(self.gain * np.eye(shape[0], shape[1]), name)

    def get_config(self) -> dict[str, Any]:
        # files of Keras hold no gain; a gain that matters is not lost here
        return {} if self.gain == 1.0 else {"gain": self.gain}


class STFT(Initializer):
    r"""Kernels of a one-dimensional convolution that computes a short-time Fourier transform.

    $$k_{t,0,f} = s\, w_t \cos(-2\pi t f / N) \quad\text{(or sin)},\qquad N = 2 (F - 1)$$

    Args:
        side: "real" for the cosine part, "imag" for the sine part.
        window: name of a window, an array of one weight per frame sample, or None for no window.
        scaling: "density" divides by the root of the window's energy, "spectrum" by its sum, None by nothing.
        periodic: True for the periodic form of a named window, False for the symmetric one.

    The shape asked for is (frame length, 1, F).

    >>> STFT("real", window=None)((4, 1, 3)).shape
    (4, 1, 3)
    """

    def __init__(self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False):
        if side not in ("real", "imag"):
            raise ValueError(f"side must be 'real' or 'imag', received side={side!r}")
        if isinstance(window, str):
            named_window(window, 1)
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(f"scaling must be None, 'density' or 'spectrum', received scaling={scaling!r}")
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        name = standard_dtype(dtype)
        frame, _, bins = shape
        angle = -2 * math.pi * np.arange(frame).reshape(frame, 1, 1) * np.arange(bins) / ((bins - 1) * 2)
        kernel = np.cos(angle) if self.side == "real" else np.sin(angle)
        if self.window is not None:
            weights = self.window
            weights = named_window(weights, frame, self.periodic) if isinstance(weights, str) else np.asarray(weights, "float64")
            if weights.shape != (frame,):
                raise ValueError(f"window must have one weight for each of {frame} samples, received shape {weights.shape}")
            scale = {None: 1.0, "density": np.sqrt(np.sum(weights**2)), "spectrum": np.sum(np.abs(weights))}[self.scaling]
            kernel = kernel * weights.reshape(frame, 1, 1) / scale
        return tensor(kernel, name)

    def get_config(self) -> dict[str, Any]:
        return {"side": self.side, "window": self.window, "periodic": self.periodic, "scaling": self.scaling}
