"""What all tests and doctests share: one kernel cache for the whole run, the same start for each."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

# Set before anything is imported that compiles, and inherited by the workers of pytest-xdist: a kernel is compiled once per run.
# GRAPHNN_TEST_CACHE names a directory that is kept from run to run; by default the cache is new, as on a new machine.
_OWN = "PYTEST_XDIST_WORKER" not in os.environ
_CACHE = os.environ.get("GRAPHNN_TEST_CACHE") or (tempfile.mkdtemp(prefix="graphnn-tests-") if _OWN else "")
if _OWN:
    os.environ["GRAPHNN_CACHE_DIR"] = os.path.abspath(_CACHE)
for name in ("GRAPHNN_DEBUG", "GRAPHNN_DUMP", "GRAPHNN_HOME"):
    os.environ.pop(name, None)

# The time of an example is mostly the compiler's, so a deadline says nothing; the examples are the same in every run.
hypothesis.settings.register_profile("fixed", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("fixed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes the generated source that tests/compiler/golden holds anew."""
    parser.addoption("--update-golden", action="store_true", help="write tests/compiler/golden anew instead of comparing with it")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Deletes the cache that this run made."""
    if _OWN and not os.environ.get("GRAPHNN_TEST_CACHE"):
        shutil.rmtree(_CACHE, ignore_errors=True)


@pytest.fixture(autouse=True)
def same_start() -> None:
    """Every test starts with the same random numbers and the same names of layers, alone or among others."""
    from graphnn import naming
    from graphnn.utils import set_random_seed

    naming.reset()
    set_random_seed(0)


@pytest.fixture(autouse=True, scope="session")
def work_space_starts_as_nan() -> Iterator[None]:
    """Whatever reads work space that nothing wrote gets NaN, or an index that no table has."""
    from graphnn_compiler.runtime import arena, program

    ordinary = arena.aligned

    def poisoned(n_bytes: int) -> Any:
        found = ordinary(n_bytes)
        found.fill(0xFF)
        return found

    arena.aligned = program.aligned = poisoned  # type: ignore[attr-defined]
    yield
    arena.aligned = program.aligned = ordinary  # type: ignore[attr-defined]
