"""Losses. Names, arguments, numbers and configurations are those of Keras 3."""

from __future__ import annotations

from typing import Any

from .. import identifiers
from ..saving.serialization import serialize_keras_object
from .classification import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
)
from .crossentropy import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from .ctc import CTC, ctc
from .hinge import CategoricalHinge, Circle, Hinge, SquaredHinge, categorical_hinge, circle, hinge, squared_hinge
from .labels import check_labels, check_targets, label_error
from .loss import Loss
from .regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from .segmentation import Dice, Tversky, dice, tversky
from .wrapper import LossFunctionWrapper

_CLASSES: tuple[type[Loss], ...] = (
    Loss, LossFunctionWrapper, KLDivergence, Poisson, BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy, SparseCategoricalCrossentropy, MeanSquaredError,
    MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, CosineSimilarity, LogCosh, Huber, Hinge,
    SquaredHinge, CategoricalHinge, Dice, Tversky, Circle, CTC,
)  # fmt: skip
_FUNCTIONS: tuple[Any, ...] = (
    kl_divergence, poisson, binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
    categorical_focal_crossentropy, categorical_generalized_cross_entropy, sparse_categorical_crossentropy, mean_squared_error,
    mean_absolute_error, mean_absolute_percentage_error, mean_squared_logarithmic_error, cosine_similarity, log_cosh, huber, hinge,
    squared_hinge, categorical_hinge, dice, tversky, circle, ctc,
)  # fmt: skip
ALL_OBJECTS_DICT: dict[str, Any] = {f.__name__: f for f in (*_CLASSES, *_FUNCTIONS)}
for _function, _names in {
    binary_crossentropy: "bce BCE", kl_divergence: "kld KLD kullback_leibler_divergence", mean_absolute_error: "mae MAE",
    mean_squared_error: "mse MSE", mean_absolute_percentage_error: "mape MAPE", mean_squared_logarithmic_error: "msle MSLE",
    log_cosh: "logcosh", cosine_similarity: "cosine_proximity",
}.items():  # fmt: skip
    ALL_OBJECTS_DICT.update(dict.fromkeys(_names.split(), _function))

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
bce = BCE = binary_crossentropy
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh


def serialize(loss: Any) -> Any:
    """The configuration of a loss: a dictionary with its class name, or with the name of a function."""
    return serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss that a configuration dictionary or a name describes."""
    return identifiers.from_config(name, ALL_OBJECTS_DICT, custom_objects)


def get(identifier: Any) -> Any:
    """A loss from a name, a configuration, a class, a function or a loss.

    Args:
        identifier: None (gives None), a name such as "mse" or "MeanSquaredError", a configuration dictionary, a class, or
            any function of (y_true, y_pred).

    Raises:
        ValueError: it is none of these.

    >>> get("mse").__name__, get("MeanSquaredError").name
    ('mean_squared_error', 'mean_squared_error')
    """
    return identifiers.get(identifier, ALL_OBJECTS_DICT, deserialize, "loss")


__all__ = [
    "CTC", "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy", "CategoricalHinge", "Circle", "CosineSimilarity", "Dice", "Hinge", "Huber",
    "KLDivergence", "LogCosh", "Loss", "LossFunctionWrapper", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge", "Tversky",
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy", "categorical_hinge", "check_labels", "check_targets", "circle",
    "cosine_similarity", "ctc", "deserialize", "dice", "get", "hinge", "huber", "kl_divergence", "label_error", "log_cosh",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
    "poisson", "serialize", "sparse_categorical_crossentropy", "squared_hinge", "tversky",
]  # fmt: skip
