"""llvmlite.binding, which has no type hints, as one untyped name. Importing it takes some 25 ms: import it where it is needed."""

from __future__ import annotations

import importlib
from typing import Any

llvm: Any = importlib.import_module("llvmlite.binding")
