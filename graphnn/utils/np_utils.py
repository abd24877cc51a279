"""The place where scripts of 2017 look for `to_categorical` and `normalize`."""

from .numerical import normalize as normalize
from .numerical import to_categorical as to_categorical

__all__ = ["normalize", "to_categorical"]
