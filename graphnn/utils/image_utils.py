"""Pictures in files as arrays and back, by Pillow (`pip install graphnn[image]`), which is imported when it is needed."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..config import floatx, standard_dtype, standardize_data_format

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]

Array: TypeAlias = npt.NDArray[Any]
METHODS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
COLOR_MODES = {"grayscale": 1, "rgb": 3, "rgba": 4}


def pillow() -> Any:
    """Pillow's Image module.

    Raises:
        ImportError: Pillow is not installed; the message says how to get it.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("pictures are read and written by Pillow, which is not installed: pip install graphnn[image]") from error
    return Image


def load_img(
    path: Any, color_mode: str = "rgb", target_size: Any = None, interpolation: str = "nearest", keep_aspect_ratio: bool = False
) -> Any:
    """A picture from a file, as a Pillow image.

    Args:
        path: a path, or the file's bytes as `io.BytesIO`.
        color_mode: "rgb", "rgba" or "grayscale".
        target_size: (height, width), None for the file's own.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: whether borders are cut off before, so that nothing is distorted.

    Raises:
        ImportError: Pillow is not installed.
        TypeError: `path` is neither.
        ValueError: an unknown mode or interpolation, or a file that is no picture; its name is in the message.

    >>> from graphnn.utils import load_img
    >>> load_img("cat.png", target_size=(224, 224))  # doctest: +SKIP
    <PIL.Image.Image image mode=RGB size=224x224>
    """
    if color_mode not in COLOR_MODES:
        raise ValueError(f'color_mode must be "grayscale", "rgb", or "rgba". Received: color_mode={color_mode!r}')
    if interpolation not in METHODS:
        raise ValueError(
            f"Invalid interpolation method {interpolation} specified. Supported methods are {', '.join(METHODS)}"
        )
    if isinstance(path, io.BytesIO):
        data, name = path.getvalue(), "the picture"
    elif isinstance(path, str | bytes | os.PathLike):
        name = str(os.fsdecode(path))  # pyright: ignore[reportUnknownArgumentType]
        data = Path(name).read_bytes()
    else:
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    image = decoded(data, color_mode, name)
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    height, width = target_size
    method = getattr(pillow().Resampling, interpolation.upper())
    box = None
    if keep_aspect_ratio:
        columns, rows = image.size
        high, wide = min(rows, (columns * height) // width), min(columns, (rows * width) // height)
        top, left = (rows - high) // 2, (columns - wide) // 2
        box = (left, top, left + wide, top + high)
    return image.resize((width, height), method, box=box)


def decoded(data: bytes, color_mode: str, name: str) -> Any:
    """A picture's bytes as a Pillow image; ValueError with its name where they are no picture."""
    images = pillow()
    try:
        image = images.open(io.BytesIO(data))
        image.load()
    except (OSError, ValueError, SyntaxError, EOFError, images.DecompressionBombError) as error:
        raise ValueError(f"{name} is no picture that can be read: {error}") from error
    if color_mode == "grayscale":
        return image if image.mode in ("L", "I;16", "I") else image.convert("L")
    wanted = color_mode.upper()
    return image if image.mode == wanted else image.convert(wanted)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> Array:
    """A Pillow image, or an array of 2 or 3 axes, as an array (rows, columns, channels), or with channels first.

    Args:
        img: the image.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.
        dtype: by default `floatx()`.

    Raises:
        ValueError: an array of another number of axes.

    >>> import numpy as np
    >>> from graphnn.utils import img_to_array
    >>> img_to_array(np.zeros((2, 3), "uint8")).shape
    (2, 3, 1)
    """
    last = standardize_data_format(data_format) == "channels_last"
    x: Array = np.array(img, standard_dtype(dtype) if dtype is not None else floatx())
    if x.ndim == 2:
        return x[:, :, None] if last else x[None]
    if x.ndim != 3:
        raise ValueError(f"Unsupported image shape: {x.shape}")
    return x if last else np.ascontiguousarray(x.transpose(2, 0, 1))


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array (rows, columns, channels), or with channels first, as a Pillow image.

    Args:
        x: one channel (grey), three (RGB) or four (RGBA).
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.
        scale: whether numbers are moved and stretched to 0..255.
        dtype: in which that is computed, by default `floatx()`.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: another number of axes or channels.

    >>> import numpy as np
    >>> from graphnn.utils import array_to_img
    >>> array_to_img(np.zeros((4, 6, 3))).size
    (6, 4)
    """
    a: Array = np.asarray(x, standard_dtype(dtype) if dtype is not None else floatx())
    if a.ndim != 3:
        raise ValueError(f"Expected image array to have rank 3 (single image). Got array with shape: {a.shape}")
    if standardize_data_format(data_format) == "channels_first":
        a = a.transpose(1, 2, 0)
    if scale:
        a = a - a.min()
        top = a.max()
        a = a / top * 255 if top != 0 else a
    channels = a.shape[2]
    if channels not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {channels}")
    if channels == 1:
        a = a[:, :, 0]
        return pillow().fromarray(np.ascontiguousarray(a.astype("int32" if a.max(initial=0) > 255 else "uint8")))
    return pillow().fromarray(np.ascontiguousarray(a.astype("uint8")))


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Writes an array as a picture.

    Args:
        path: a path or a file.
        x: (rows, columns, channels), or with channels first.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.
        file_format: Pillow's name of the format; by default by the path's ending.
        scale: whether numbers are moved and stretched to 0..255.
        **kwargs: what Pillow's `save` takes.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: another number of axes or channels, or an unknown ending.

    >>> import numpy as np
    >>> from graphnn.utils import save_img
    >>> save_img("grey.png", np.zeros((4, 6, 1)))  # doctest: +SKIP
    """
    image = array_to_img(x, data_format=data_format, scale=scale)
    ending = Path(path).suffix.lower() if isinstance(path, str | os.PathLike) else ""  # pyright: ignore[reportUnknownArgumentType]
    jpeg = file_format.lower() in ("jpg", "jpeg") if file_format else ending in (".jpg", ".jpeg")
    if image.mode == "RGBA" and jpeg:
        warnings.warn("JPEG has no transparency: the picture is saved as RGB", stacklevel=2)
        image = image.convert("RGB")
    image.save(path, format="JPEG" if file_format and jpeg else file_format, **kwargs)
