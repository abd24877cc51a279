"""Code in Markdown: found, and run in order in one namespace."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

_BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(text: str) -> list[tuple[int, str]]:
    """First line and code of each block that is marked as Python."""
    return [(text.count("\n", 0, m.start(2)) + 1, dedent(m[2])) for m in _BLOCK.finditer(text)]


def run(path: Path) -> dict[str, Any]:
    """Runs a file's blocks: sessions (>>>) are compared with their output, others are executed. Gives the names defined.

    Raises:
        AssertionError: says which line gave what.
    """
    names: dict[str, Any] = {"__name__": "snippets"}
    found = blocks(path.read_text(encoding="utf-8"))
    assert found, f"{path.name} has no code"
    for line, code in found:
        if not code.lstrip().startswith(">>>"):
            exec(compile("\n" * (line - 1) + code, str(path), "exec"), names)
            continue
        session = doctest.DocTestParser().get_doctest(code, names, path.name, str(path), line - 1)
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
        runner.run(session, out=report.append, clear_globs=False)
        assert not runner.failures, "".join(report)
        names.update(session.globs)
    return names
