"""How time and memory of recurrent and attention networks grow with the length of sequences, the batch and the width.

    python bench/growth_sequences.py --out docs/measured --graphnn PYTHON --peers PYTHON

Token ids go through an embedding, one LSTM or one layer of attention, a mean over the steps, and a classifier; they are trained with SGD
and used. `growth_points.py` says what is measured. Medians over the repeats go into growth_sequences.csv, pictures into
growth_sequences.svg; points of sweeps that are not measured again are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from growth_points import Study
from growth_sequences_contenders import CLASSES, TOKENS, Net, make


def data(net: Net, rows: int) -> tuple[Any, Any]:
    """Random tokens and classes."""
    rng = np.random.default_rng(0)
    return rng.integers(0, TOKENS, (rows, net.length)).astype(np.int32), rng.integers(0, CLASSES, rows).astype(np.int32)


LENGTHS = (16, 64, 256, 1024, 4096)
STUDY = Study(
    __file__,
    "sequence",
    {
        "lstm_length": [(16, Net("lstm", n, 64)) for n in LENGTHS],
        "attention_length": [(4, Net("attention", n, 64)) for n in LENGTHS],
        "lstm_batch": [(b, Net("lstm", 100, 64)) for b in (1, 4, 16, 64, 256)],
        "attention_batch": [(b, Net("attention", 100, 64)) for b in (1, 4, 16, 64, 256)],
        "lstm_width": [(32, Net("lstm", 64, w)) for w in (32, 64, 128, 256, 512)],
        "attention_width": [(16, Net("attention", 128, w)) for w in (32, 64, 128, 256, 512)],
    },
    {
        "lstm_length": ("LSTM of 64, batch 16", "steps", "length"),
        "attention_length": ("attention, 2 heads of 32, batch 4", "steps", "length"),
        "lstm_batch": ("LSTM of 64, 100 steps", "batch", "batch"),
        "attention_batch": ("attention, 2 heads of 32, 100 steps", "batch", "batch"),
        "lstm_width": ("LSTM, 64 steps, batch 32", "units", "width"),
        "attention_width": ("attention, heads of 32, 128 steps, batch 16", "width", "width"),
    },
    data,
    make,
)

if __name__ == "__main__":
    STUDY.main(__doc__ or "")
