"""Seeds: where a draw of random numbers starts from."""

from __future__ import annotations

import random as python_random
from typing import Any, cast

import numpy as np
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.index import Iota
from graphnn_compiler.trace import active, emit

from .. import naming
from ..context import name_scope
from ..dispatch import find
from ..tensor import KerasTensor
from ..variable import Variable

_WORD = 0xFFFFFFFF
_ONE_DRAW = np.array([0, 1], np.uint32)


def make_default_seed() -> int:
    """A seed from Python's generator, so that `random.seed` decides it."""
    return python_random.randint(1, 10**9)


class SeedGenerator:
    """A seed and the number of draws so far; each draw moves it on.

    Args:
        seed: a non-negative integer; by default one is drawn.
        name: a name.

    Raises:
        ValueError: the seed is not a non-negative integer.

    >>> from graphnn import random
    >>> generator = random.SeedGenerator(7)
    >>> a, b = (random.uniform((3,), seed=generator) for _ in range(2))
    >>> bool((a == b).any()), generator.state.numpy().tolist()
    (False, [7, 2])
    """

    def __init__(self, seed: Any = None, name: str | None = None, **kwargs: Any):
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        self.name = name or naming.auto_name(type(self).__name__)
        if seed is None:
            seed = make_default_seed()
        if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0:
            raise ValueError(f"Argument `seed` must be a non-negative integer. Received: seed={seed}")
        self._initial = int(seed)
        with name_scope(self.name):
            self.state = Variable(_state(self._initial), dtype="uint32", trainable=False, name="seed_generator_state")

    def next(self, ordered: bool = True) -> Any:
        """The present state (seed, draws), after which the number of draws grows by one."""
        if active() is None:
            now = self.state.array.copy()
            self.state.write(now + _ONE_DRAW)
            return now
        now = self.state.value
        step = emit(Iota(2, "uint32"))
        self.state.assign(now + step)
        return now

    def get_config(self) -> dict[str, Any]:
        """The seed it started from and its name."""
        return {"seed": self._initial, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator as `get_config` describes it."""
        return cls(**config)


def _state(seed: int) -> Any:
    """Seed and draws as two words; what a word cannot hold of the seed is mixed in."""
    return np.array([(seed ^ (seed >> 32)) & _WORD, 0], "uint32")


class _Process:
    """The generator for draws that name no seed, made when it is first needed."""

    generator: SeedGenerator | None = None


def global_seed_generator() -> SeedGenerator:
    """The generator of draws that name no seed."""
    if _Process.generator is None:
        _Process.generator = SeedGenerator(name="global_seed_generator")
    return _Process.generator


def set_global_seed(seed: int | None) -> None:
    """Starts the generator of draws that name no seed again; None lets the next draw choose a seed."""
    _Process.generator = None if seed is None else SeedGenerator(seed, name="global_seed_generator")


def draw_seed(seed: Any) -> Any:
    """Seed and draws as two words of 32 bits: an array, or inside a model a value.

    Raises:
        ValueError: it is neither an integer, a `SeedGenerator` nor None.
    """
    if isinstance(seed, SeedGenerator) or (hasattr(seed, "state") and hasattr(seed, "next")):
        return seed.next()
    if seed is None:
        return global_seed_generator().next()
    if isinstance(seed, Value | np.ndarray | Variable):
        return cast(Any, seed)
    if hasattr(seed, "__index__") and not isinstance(seed, bool):
        return _state(int(seed) & 0xFFFFFFFFFFFFFFFF)
    raise ValueError(
        f"Argument `seed` must be either an integer or an instance of `SeedGenerator`. Received: seed={seed} (of type {type(seed)})"
    )


def prepared(seed: Any, *tensors: Any) -> Any:
    """The seed as the ops below take it: drawn now on arrays, later where the call becomes a node of a model."""
    return seed if find(tensors, KerasTensor) or active() is not None else draw_seed(seed)
