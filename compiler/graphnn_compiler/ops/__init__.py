"""The ops of the IR; importing this package fills `base.REGISTRY`."""

from . import (
    attention,
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
    rows,
    special,
    transcendental,
    variance,
)

__all__ = [
    "attention", "base", "behind", "compare", "contract", "control", "conv", "decomposition", "elementwise", "index",
    "movement", "ordering", "pool", "random", "reduce", "resample", "rows", "special", "transcendental", "variance",
]  # fmt: skip
