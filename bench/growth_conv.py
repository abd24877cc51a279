"""How time and memory of convolutional networks grow with the batch, the side of the images, the channels and the depth.

    python bench/growth_conv.py --out docs/measured --graphnn PYTHON --peers PYTHON

Residual networks are trained with SGD and momentum, and used. `growth_points.py` says what is measured. Medians over the repeats go
into growth_conv.csv, pictures into growth_conv.svg; points of sweeps that are not measured again are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from growth_conv_contenders import Net, make
from growth_points import Study


def data(net: Net, rows: int) -> tuple[Any, Any]:
    """Random images and classes."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, net.side, net.side, 3), dtype=np.float32)
    return x, rng.integers(0, net.classes, rows).astype(np.int32)


STUDY = Study(
    __file__,
    "image",
    {
        "batch": [(b, Net(20, 32, 16)) for b in (1, 4, 16, 64, 256)],
        "side": [(16, Net(20, s, 16)) for s in (16, 32, 64, 128)],
        "channels": [(16, Net(20, 32, w)) for w in (8, 16, 32, 64, 128)],
        "depth": [(32, Net(d, 32, 16)) for d in (20, 56, 110)],
        "resnet50": [(b, Net(50, 224, 64)) for b in (1, 2, 4, 8)],
    },
    {
        "batch": ("ResNet-20, 32 px", "batch", "batch"),
        "side": ("ResNet-20, batch 16", "side of the images", "side"),
        "channels": ("ResNet-20, 32 px, batch 16", "channels of the first stage", "width"),
        "depth": ("ResNet-20, 56, 110, 32 px, batch 32", "depth", "depth"),
        "resnet50": ("ResNet-50, 224 px", "batch", "batch"),
    },
    data,
    make,
)

if __name__ == "__main__":
    STUDY.main(__doc__ or "")
