"""Errors that have a type of their own; everything else is a ValueError, TypeError or IndexError as in Keras."""

from graphnn_compiler.dims import ConcreteExtentNeeded
from graphnn_compiler.ops.index import IndexOutOfRange

from .saving.arrays import DamagedFile

__all__ = ["ConcreteExtentNeeded", "DamagedFile", "IndexOutOfRange"]
