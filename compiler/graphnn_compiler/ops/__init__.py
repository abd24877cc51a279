"""The ops of the IR; importing this package fills `base.REGISTRY`."""

from . import (
    base,
    compare,
    contract,
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
    statistics,
    transcendental,
)

__all__ = [
    "base", "compare", "contract", "conv", "decomposition", "elementwise", "index", "movement", "ordering", "pool", "random", "reduce",
    "resample", "special", "statistics", "transcendental",
]  # fmt: skip
