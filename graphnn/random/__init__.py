"""Random numbers. They depend on the seed, the number of draws before, and the place in the tensor alone: never on threads.

A draw takes a `seed`: an integer (the same numbers in each call), a `SeedGenerator` (which moves on with each draw), or None for the
generator of the whole process. The bits are those of Philox (J. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011).
"""

from __future__ import annotations

from .continuous import beta, gamma, normal, truncated_normal, uniform
from .discrete import binomial, categorical, dropout, randint, shuffle
from .seeds import SeedGenerator, draw_seed, global_seed_generator, make_default_seed, set_global_seed

__all__ = [
    "SeedGenerator", "beta", "binomial", "categorical", "draw_seed", "dropout", "gamma", "global_seed_generator", "make_default_seed",
    "normal", "randint", "set_global_seed", "shuffle", "truncated_normal", "uniform",
]  # fmt: skip
