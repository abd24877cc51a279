"""Every kernel with its memory between inaccessible pages: guard_run.py in a process of its own, since a fault ends it.

All samples of all ops run on this machine's CPU, in the slow tier also on forced AVX2; the default tier runs one sample of each there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TARGETS = {"host": "", "avx2": "haswell"}


def run(end: str, extent: str, target: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "compiler"), "GRAPHNN_MIN_PARALLEL_WORK": "0"}
    env["GRAPHNN_TARGET"] = TARGETS[target]
    done = subprocess.run(
        [sys.executable, str(HERE / "guard_run.py"), end, extent], env=env, check=False, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert int(done.stdout) > (400 if extent == "brief" else 1000)


@pytest.mark.parametrize("end", ["front", "back"])
def test_no_kernel_touches_what_it_must_not(end: str) -> None:
    run(end, "full", "host")


@pytest.mark.parametrize("end", ["front", "back"])
def test_no_kernel_for_avx2_touches_what_it_must_not(end: str) -> None:
    run(end, "brief", "avx2")


@pytest.mark.slow
@pytest.mark.parametrize("end", ["front", "back"])
def test_no_kernel_for_avx2_touches_what_it_must_not_in_any_sample(end: str) -> None:
    run(end, "full", "avx2")
