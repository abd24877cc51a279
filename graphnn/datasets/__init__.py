"""Data sets: MNIST by download, the UCI digits inside the package."""

from . import digits as digits
from . import mnist as mnist

__all__ = ["digits", "mnist"]
