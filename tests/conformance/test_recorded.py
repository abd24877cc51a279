"""Keras's recorded behaviour (conformance.py says how it was recorded), one test for each case of the .ids files.

What is in pending.ids too does not pass yet: it must fail, so that what begins to pass leaves that list and stays tested.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphnn_compiler import executable

HERE = Path(__file__).parent
DATA = HERE / "visible"
COUNTS = {"foundation": 661, "convolution": 377, "sequences": 164}
IDS = [i for name in COUNTS for i in (HERE / f"{name}.ids").read_text().split()]
PENDING = (HERE / "pending.ids").read_text().split()


@pytest.fixture(scope="session")
def runner() -> Iterator[Any]:
    """The runner's module."""
    sys.path.insert(0, str(HERE))
    try:
        import conformance

        yield conformance
    finally:
        sys.path.remove(str(HERE))


@pytest.fixture(scope="session")
def context(runner: Any) -> Any:
    """The API under test with its adapter."""
    import graphnn

    found = runner.Ctx(graphnn, runner.load_adapter("graphnn"), str(DATA))
    found.scripts = runner.load_scripts(str(DATA))
    return found


@pytest.fixture(autouse=True)
def _compiled_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is interpreted: what is by default, being a handful of numbers (a metric's result, a schedule), is compiled here too."""
    start = executable.Executable.__init__

    def compiled(self: Any, graph: Any, *, eager: bool = False, job: str = "program") -> None:
        start(self, graph, eager=False, job=job)

    def interpreted(*_: Any) -> None:
        raise AssertionError("an instruction was interpreted")

    monkeypatch.setattr(executable.Executable, "__init__", compiled)
    monkeypatch.setattr(executable.Executable, "_interpret", interpreted)


@functools.cache
def group(name: str) -> dict[str, Any]:
    """The cases of a group by id."""
    import conformance

    return {case["id"]: (case, store) for case, store in conformance.load_group(str(DATA), name)}


def test_no_case_is_left_out() -> None:
    for name, count in COUNTS.items():
        assert len(set((HERE / f"{name}.ids").read_text().split())) == count
    assert set(PENDING) <= set(IDS) and len(set(PENDING)) == len(PENDING)


@pytest.mark.parametrize(
    "case_id", [pytest.param(i, marks=[pytest.mark.xfail(strict=True)] if i in PENDING else []) for i in dict.fromkeys(IDS)]
)
def test_recorded(case_id: str, runner: Any, context: Any) -> None:
    case, store = group(case_id.split("/")[0])[case_id]
    status, notes = runner.run_case(case, store, context)
    assert status == "passed", notes
