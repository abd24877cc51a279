"""The loss of label sequences without an alignment."""

from __future__ import annotations

from typing import Any

from graphnn_compiler.dims import show

from .. import ops
from ..dispatch import op, value
from .wrapper import BuiltIn


@op(name="CTCFunction")
def ctc(y_true: Any, y_pred: Any) -> Any:
    """-log of the chance that the labels of each row are read off its predictions; class 0 is the blank and the padding.

    Args:
        y_true: (batch, labels) classes; how many of a row are not 0 is the length of its sequence.
        y_pred: (batch, steps, classes) logits.

    Raises:
        ValueError: one has another rank.

    >>> import numpy as np
    >>> [round(float(x), 3) for x in ctc([[1, 0]], np.zeros((1, 2, 3), "float32"))]
    [1.099]
    """
    labels, logits = value(y_true), value(y_pred)
    if labels.ndim != 2:
        raise ValueError(f"Targets `y_true` must have shape (batch_size, max_length). Received: y_true.shape={show(labels.shape)}")
    if logits.ndim != 3:
        raise ValueError(
            f"Logits `y_pred` must have shape (batch_size, max_length, num_classes). Received: y_pred.shape={show(logits.shape)}"
        )
    labels = ops.cast(labels, "int32")
    lengths = ops.sum(ops.cast(ops.not_equal(labels, 0), "int32"), axis=1)
    steps = ops.zeros_like(lengths) + ops.size(logits[0, :, 0])
    return ops.ctc_loss(labels, logits, lengths, steps)


class CTC(BuiltIn):
    """-log of the chance of label sequences, summed over all alignments with the outputs (A. Graves et al., Connectionist temporal
    classification, ICML 2006).

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import numpy as np
    >>> round(float(CTC()([[1, 0]], np.zeros((1, 2, 3), "float32"))), 3)
    1.099
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "ctc", dtype: Any = None):
        super().__init__(ctc, reduction, name, dtype)
