"""What the models share: inputs as ImageNet's models expect them, names of its classes, shapes, tops, and weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .. import layers, ops
from ..config import image_data_format, standardize_data_format
from ..models import Model
from ..tensor import is_keras_tensor
from ..utils.data_files import home, keras_home

__all__ = ["decode_predictions", "preprocess_input"]

MEANS = (103.939, 116.779, 123.68)  # of blue, green, red over ImageNet
INDEX = "imagenet_class_index.json"


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Pictures of pixels from 0 to 255 as a model expects them.

    Args:
        x: (batch, rows, columns, 3), one picture without the batch, or with channels in front of rows; an array or a symbolic tensor.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.
        mode: "caffe", blue, green and red less their means; "tf", from -1 to 1; "torch", from 0 to 1, less means, in units of deviations.

    Raises:
        ValueError: an unknown mode or data format.

    >>> import numpy as np
    >>> from graphnn.applications.imagenet_utils import preprocess_input
    >>> preprocess_input(np.full((1, 1, 3), 255.0, "float32"), mode="tf").ravel().tolist()
    [1.0, 1.0, 1.0]
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(f"Expected mode to be one of `caffe`, `tf` or `torch`. Received: mode={mode}")
    first = standardize_data_format(data_format) == "channels_first"
    kind = str(getattr(x, "dtype", ""))
    x = x if kind.startswith("float") else ops.cast(x, "float32")
    if mode == "tf":
        return ops.subtract(ops.divide(x, 127.5), 1.0)
    axis = len(x.shape) - (3 if first else 1)
    along = (3, 1, 1) if first else (3,)

    def per_channel(numbers: Any) -> Any:
        return np.array(numbers, str(x.dtype)).reshape(along)

    if mode == "torch":
        centred = ops.subtract(ops.divide(x, 255.0), per_channel((0.485, 0.456, 0.406)))
        return ops.divide(centred, per_channel((0.229, 0.224, 0.225)))
    return ops.subtract(ops.flip(x, axis), per_channel(MEANS))


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """The most likely classes of ImageNet with their numbers: for each row `top` of (id, name, probability).

    The names are read from `imagenet_class_index.json` below `models` of `GRAPHNN_HOME` or of Keras's cache; nothing is downloaded.

    Args:
        preds: (samples, 1000).
        top: how many classes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the predictions have another shape.
    """
    p = np.asarray(preds)
    if p.ndim != 2 or p.shape[1] != 1000:
        raise ValueError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape (samples, 1000)). "
            f"Received array with shape: {p.shape}"
        )
    places = [base / "models" / INDEX for base in (home(), keras_home())]
    file = next((f for f in places if f.is_file()), None)
    if file is None:
        raise FileNotFoundError(f"the names of ImageNet's classes are not at hand: put {INDEX} at {places[0]}")
    index = json.loads(file.read_text(encoding="utf-8"))
    best = np.argsort(-p, axis=1, kind="stable")[:, :top]
    return [[(*map(str, index[str(i)]), float(row[i])) for i in order] for row, order in zip(p, best, strict=True)]  # type: ignore[misc]


def input_of(input_shape: Any, input_tensor: Any, default: int, smallest: int, include_top: bool) -> tuple[Any, Any]:
    """The input of a model, and the tensor that it starts from.

    Raises:
        ValueError: a shape that is no image, is too small, or is unknown where the top needs it.
    """
    first = image_data_format() == "channels_first"
    if input_tensor is not None:
        start = input_tensor if is_keras_tensor(input_tensor) else layers.Input(tensor=input_tensor, shape=input_shape)
        return start, start
    if input_shape is None:
        side = default if include_top else None
        input_shape = (3, side, side) if first else (side, side, 3)
    shape = tuple(input_shape)
    if len(shape) != 3:
        raise ValueError(f"`input_shape` must be a tuple of three integers. Received: input_shape={input_shape}")
    sides = shape[1:] if first else shape[:2]
    if any(n is not None and n < smallest for n in sides):
        raise ValueError(f"Input size must be at least {smallest}x{smallest}; Received: input_shape={input_shape}")
    if include_top and None in shape:
        raise ValueError(f"If `include_top` is True, you should specify a static `input_shape`. Received: input_shape={input_shape}")
    start = layers.Input(shape)
    return start, start


def check_weights(weights: Any, include_top: bool, classes: int) -> None:
    """Raises ValueError unless weights are None or name a file that exists."""
    if weights == "imagenet":
        raise ValueError(
            "weights trained on ImageNet are not part of this package: pass weights=None, or the path of a weights file "
            "(.npz or .safetensors) that `save_weights` wrote. Received: weights='imagenet'"
        )
    if weights is not None and not Path(weights).is_file():
        raise ValueError(
            "The `weights` argument should be either `None` (random initialization), or the path to the weights file to be loaded. "
            f"Received: weights={weights}"
        )
    if include_top and (not isinstance(classes, int) or isinstance(classes, bool) or classes < 1):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"`classes` must be a positive integer. Received: classes={classes}")


def topped(x: Any, include_top: bool, pooling: str | None, classes: int, activation: Any, pool_name: str | None = "avg_pool") -> Any:
    """The features x as a model gives them: classes, means, maxima, or as they are."""
    if include_top:
        x = layers.GlobalAveragePooling2D(name=pool_name)(x)
        return layers.Dense(classes, activation=activation, name="predictions")(x)
    if pooling == "avg":
        return layers.GlobalAveragePooling2D(name=pool_name)(x)
    if pooling == "max":
        return layers.GlobalMaxPooling2D(name="max_pool" if pool_name else None)(x)
    if pooling is not None:
        raise ValueError(f'`pooling` must be "avg", "max" or None. Received: pooling={pooling}')
    return x


def finished(start: Any, x: Any, name: str, weights: Any) -> Model:
    """The model, with weights from a file where one is named."""
    model = Model(start, x, name=name)
    if weights is not None:
        model.load_weights(weights)
    return model


def channel_axis() -> int:
    """The axis of channels of images."""
    return 3 if image_data_format() == "channels_last" else 1


