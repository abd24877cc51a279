"""Pictures of models: layout, drawing and file formats of our own, with no system tool.

`scene` reads a model; `layering` and `layout` place it; `drawing` gives coordinates; `svg`, `png`, `html`, `dot`,
`mermaid` and `networks` write it.
"""

from .networks import to_networkx as to_networkx
from .plot import Picture as Picture
from .plot import model_to_dot as model_to_dot
from .plot import plot_model as plot_model

__all__ = ["Picture", "model_to_dot", "plot_model", "to_networkx"]
