"""The manual: `sphinx-build -W docs docs/_build`."""

from __future__ import annotations

import re
from importlib import metadata

project = "graphnn"
author = "the graphnn developers"
copyright = author
release = version = metadata.version("graphnn")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "measured"]
root_doc = "index"
html_theme = "alabaster"
html_title = f"graphnn {version}"
html_theme_options = {"description": "Deep learning on CPUs", "page_width": "1100px", "fixed_sidebar": True}
pygments_style = "friendly"
mathjax_path = "https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-mml-chtml.js"

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

# Docstrings are short texts with `code`, $formulas$ and Google's headings.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_custom_sections = ["Shapes", "Exports"]
napoleon_use_rtype = False
napoleon_use_ivar = True
nitpicky = False

_BLOCK = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"\$([^$\n]+)\$")
_CODE = re.compile(r"(`[^`\n]+`|:math:`[^`]+`|^\s*(?:>>>|\.\.\.).*$|^\.\. math::.*$)", re.MULTILINE)


def readable(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """$$...$$ and $...$ of docstrings become formulas, and the bars of |x| and the stars of *args stay."""
    text = _BLOCK.sub(lambda m: "\n.. math:: " + " ".join(m[1].split()) + "\n", "\n".join(lines))
    text = _INLINE.sub(lambda m: f":math:`{m[1]}`", text)
    parts = _CODE.split(text)
    parts[::2] = [re.sub(r"\*\*(?=\w)|\*(?=args\b)", lambda m: "\\*" * len(m[0]), part.replace("|", "\\|")) for part in parts[::2]]
    lines[:] = "".join(parts).split("\n")


def setup(app: object) -> None:
    """Hooks of this manual; the docstrings' comes before napoleon's."""
    app.connect("autodoc-process-docstring", readable, priority=400)  # type: ignore[attr-defined]
