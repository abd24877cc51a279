"""What all tests share: one kernel cache for the whole run, fixed seeds."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import tempfile
from pathlib import Path

import hypothesis
import numpy as np
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


def pytest_unconfigure(config: pytest.Config) -> None:
    """Deletes the cache that this run made."""
    if _OWN and not os.environ.get("GRAPHNN_TEST_CACHE"):
        shutil.rmtree(_CACHE, ignore_errors=True)


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Every test starts from the same random numbers, alone or among others."""
    random.seed(0)
    np.random.seed(0)
    if importlib.util.find_spec("graphnn.random"):
        from graphnn.utils import set_random_seed

        set_random_seed(0)


@pytest.fixture
def root() -> Path:
    """The project's directory."""
    return Path(__file__).resolve().parents[1]
