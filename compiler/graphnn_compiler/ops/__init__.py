"""The ops of the IR; importing this package fills `base.REGISTRY`."""

from . import (
    base,
    behind,
    compare,
    contract,
    control,
    conv,
    decomposition,
    elementwise,
    index,
    movement,
    ordering,
    pool,
    random,
    reduce,
    resample,
    special,
    transcendental,
    variance,
)

__all__ = [
    "base", "behind", "compare", "contract", "control", "conv", "decomposition", "elementwise", "index", "movement",
    "ordering", "pool", "random", "reduce", "resample", "special", "transcendental", "variance",
]  # fmt: skip
