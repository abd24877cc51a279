"""What older scripts make texts and sequences into arrays with."""

from ..utils.image_dataset import image_dataset_from_directory
from ..utils.text_dataset import text_dataset_from_directory
from ..utils.timeseries import timeseries_dataset_from_array
from . import sequence as sequence
from . import text as text

__all__ = ["image_dataset_from_directory", "sequence", "text", "text_dataset_from_directory", "timeseries_dataset_from_array"]
