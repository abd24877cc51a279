"""What progress looks like on a terminal, in a notebook and in a file."""

from __future__ import annotations

import io
import sys
import types
from typing import Any

import pytest

from graphnn import config
from graphnn.utils import progbar
from graphnn.utils.progbar import Progbar, duration, resolve_verbose


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    c = Clock()
    monkeypatch.setattr(progbar.time, "perf_counter", c)
    return c


def run(clock: Clock, bar: Progbar, n: int, seconds: float) -> None:
    for i in range(1, n + 1):
        clock.now += seconds
        bar.update(i, [("loss", 1.0 / i)], finalize=i == n)


def test_a_terminal_gets_one_line_that_is_rewritten_at_most_ten_times_a_second(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    run(clock, Progbar(200), 200, 0.01)
    text = out.getvalue()
    assert text.count("\n") == 1 and text.endswith("\n")
    assert text.startswith("\r") and text.count("\r") <= 21
    assert "\x1b" not in text and "\x08" not in text
    last = text.rsplit("\r", 1)[1]
    assert last.startswith("200/200 ━━━━━━━━━━━━━━━━━━━━ 2s 10ms/step - loss: 0.0050")


def test_a_line_never_wraps_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("COLUMNS", "60")
    bar = Progbar(3)
    clock.now += 1
    bar.update(1, [(f"metric_{i}", float(i)) for i in range(9)], finalize=False)
    clock.now += 1
    bar._values.clear()
    bar.update(2, [("loss", 1.0)], finalize=False)
    first, second = out.getvalue().split("\r")[1:]
    assert len(first) == 59 and len(second) == 59 and second.rstrip().endswith("loss: 1.0000")


def test_a_terminal_without_the_signs_gets_others(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    monkeypatch.setattr(out, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdout", out)
    Progbar(2).update(2)
    assert raw.getvalue().startswith(b"\r2/2 ====================")


@pytest.mark.parametrize("verbose", [1, 2])
def test_a_file_gets_one_plain_line(capsys: pytest.CaptureFixture[str], clock: Clock, verbose: int) -> None:
    run(clock, Progbar(1000, verbose=verbose), 1000, 0.002)
    assert capsys.readouterr().out == "1000/1000 - 2s - 2ms/step - loss: 1.0000e-03\n"


def test_a_notebook_gets_one_display_that_is_updated(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    shown: list[tuple[str, Any]] = []

    class Handle:
        def update(self, bundle: Any, raw: bool) -> None:
            shown.append(("update", bundle["text/plain"]))

    def display(bundle: Any, raw: bool, display_id: bool) -> Handle:
        shown.append(("new", bundle["text/plain"]))
        return Handle()

    package = types.ModuleType("IPython")
    package.get_ipython = lambda: types.SimpleNamespace(kernel=1)  # type: ignore[attr-defined]
    part = types.ModuleType("IPython.display")
    part.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", part)
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    run(clock, Progbar(30), 30, 0.05)
    assert out.getvalue() == "" and shown[0][0] == "new" and {k for k, _ in shown[1:]} == {"update"} and len(shown) <= 16
    assert resolve_verbose("auto") == 1


def test_verbose_auto_depends_on_the_place(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert resolve_verbose("auto") == 2
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert resolve_verbose("auto") == 1
    assert [resolve_verbose(v) for v in (0, 1, 2, True, False)] == [0, 1, 2, 1, 0]
    with pytest.raises(ValueError, match="verbose='loud'"):
        resolve_verbose("loud")


def test_without_interactive_logging_progress_goes_to_logging(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    config.disable_interactive_logging()
    try:
        with caplog.at_level("INFO", "graphnn"):
            Progbar(2).update(2, [("loss", 0.5)])
    finally:
        config.enable_interactive_logging()
    assert capsys.readouterr().out == "" and "loss: 0.5000" in caplog.text


def test_values_and_unknown_targets(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    bar = Progbar(None, verbose=2, stateless_metrics=["mean"])
    bar.update(1, [("mean", 1.0), ("last", 1.0)])
    bar.add(3, [("mean", 5.0), ("last", 5.0)])
    bar.update(4, [("flag", True), ("pair", [1.0, 2.0]), ("name", "a")], finalize=True)
    line = capsys.readouterr().out
    assert line.startswith("4/Unknown") and "mean: 4.0000 - last: 5.0000 - flag: 1.0000 - pair: [1. 2.] - name: a" in line
    Progbar(3, verbose=0).update(3)
    assert capsys.readouterr().out == ""


def test_durations() -> None:
    assert [duration(s) for s in (0, 12.4, 1.0, 0.5, 0.00123, 2e-6)] == ["0s", "12s", "1s", "500ms", "1ms", "2us"]
