"""Settings of the whole process: default dtype, image layout, fuzz factor, limits of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphnn_compiler.dtypes import check

from .dtype_policies import DTypePolicy

_FLOATS = ("bfloat16", "float16", "float32", "float64")
_LAYOUTS = ("channels_last", "channels_first")


@dataclass
class _Settings:
    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    policy: DTypePolicy | None = None
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    interactive_logging: bool = True
    traceback_filtering: bool = True


_settings = _Settings()
on_change: list[Callable[[], None]] = []  # called when a setting changes that traced programs may depend on


def _changed() -> None:
    for f in on_change:
        f()


def floatx() -> str:
    """The dtype of weights and of float inputs where none is named.

    >>> import graphnn
    >>> graphnn.config.floatx()
    'float32'
    """
    return _settings.floatx


def set_floatx(value: str) -> None:
    """Sets the default float dtype.

    Args:
        value: "float16", "float32" or "float64".

    Raises:
        ValueError: for any other value.
    """
    if value not in _FLOATS:
        raise ValueError(f"Unknown `floatx` value: {value!r}. Expected one of {', '.join(_FLOATS)}")
    _settings.floatx = value
    _changed()


def standard_dtype(dtype: Any = None) -> str:
    """The canonical name of a dtype, `floatx()` where it is None or "float".

    >>> import graphnn
    >>> graphnn.backend.standardize_dtype(int)
    'int32'
    """
    if dtype is None or dtype is float or (isinstance(dtype, str) and dtype == "float"):
        return _settings.floatx
    if dtype is int:
        return "int32"
    return "bool" if dtype is bool else check(dtype)


def tensor_dtype(dtype: Any = None) -> str:
    """`standard_dtype`, and "string" for texts, which only the inputs of a model may have."""
    return "string" if dtype is str or (isinstance(dtype, str) and dtype == "string") else standard_dtype(dtype)


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite.

    >>> import graphnn
    >>> graphnn.config.epsilon()
    1e-07
    """
    return _settings.epsilon


def set_epsilon(value: float) -> None:
    """Sets the small number of `epsilon()`."""
    _settings.epsilon = float(value)
    _changed()


def image_data_format() -> str:
    """Where images have their channels: "channels_last" or "channels_first".

    >>> import graphnn
    >>> graphnn.config.image_data_format()
    'channels_last'
    """
    return _settings.image_data_format


def set_image_data_format(data_format: str) -> None:
    """Sets where images have their channels.

    Args:
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: for any other value.
    """
    _settings.image_data_format = standardize_data_format(data_format)
    _changed()


def standardize_data_format(data_format: str | None) -> str:
    """A layer's `data_format`: the setting where None, else checked."""
    if data_format is None:
        return _settings.image_data_format
    name = str(data_format).lower()
    if name not in _LAYOUTS:
        raise ValueError(f"`data_format` must be one of {', '.join(_LAYOUTS)}. Received: data_format={data_format!r}")
    return name


def dtype_policy() -> DTypePolicy:
    """The policy of layers that name no dtype."""
    return _settings.policy or DTypePolicy(_settings.floatx)


def set_dtype_policy(policy: DTypePolicy | str | None) -> None:
    """Sets the policy of layers that name no dtype; None follows `floatx`."""
    _settings.policy = policy if policy is None or isinstance(policy, DTypePolicy) else DTypePolicy(policy)


def max_epochs() -> int | None:
    """The greatest number of epochs that `fit` runs, None without limit."""
    return _settings.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limits the epochs of every `fit`."""
    _settings.max_epochs = max_epochs


def max_steps_per_epoch() -> int | None:
    """The greatest number of steps in an epoch, None without limit."""
    return _settings.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limits the steps of every epoch of `fit`, `evaluate` and `predict`."""
    _settings.max_steps_per_epoch = max_steps_per_epoch


def enable_interactive_logging() -> None:
    """Progress goes to standard output (the default)."""
    _settings.interactive_logging = True


def disable_interactive_logging() -> None:
    """Progress goes to Python's `logging`."""
    _settings.interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """True where progress goes to standard output."""
    return _settings.interactive_logging


def enable_traceback_filtering() -> None:
    """Accepted for compatibility: tracebacks are always whole."""
    _settings.traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Accepted for compatibility: tracebacks are always whole."""
    _settings.traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """What the last of the two calls above asked for."""
    return _settings.traceback_filtering


def backend() -> str:
    """The name of the backend: there is one.

    >>> import graphnn
    >>> graphnn.config.backend()
    'graphnn'
    """
    return "graphnn"
