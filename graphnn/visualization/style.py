"""Which lines a node shows, and its colours."""

from __future__ import annotations

from dataclasses import dataclass

from .scene import Node
from .text import clean, shorten, width

HEAD, BODY = 13.0, 11.0  # font sizes
LINE = 1.35  # of the font size
PAD_X, PAD_Y = 10.0, 6.0


@dataclass(frozen=True)
class Show:
    """The keywords of `plot_model` that choose what a node says."""

    shapes: bool = False
    dtype: bool = False
    names: bool = False
    activations: bool = False
    trainable: bool = False


@dataclass(frozen=True)
class Label:
    """A head line, further lines, and a colour class."""

    head: str
    lines: tuple[str, ...]
    tint: str

    @property
    def width(self) -> float:
        """Of the box."""
        widest = max([width(self.head, HEAD) * 1.06, *(width(line, BODY) for line in self.lines)])
        return widest + 2 * PAD_X

    @property
    def height(self) -> float:
        """Of the box."""
        return 2 * PAD_Y + HEAD * LINE + (len(self.lines) * BODY * LINE + 4 if self.lines else 0)


def label_of(node: Node, show: Show) -> Label:
    """What a node says."""
    lines: list[str] = []
    if show.activations and node.activation:
        lines.append(f"Activation: {clean(node.activation)}")
    if show.shapes:
        if node.inputs:
            lines.append(f"Input shape: {_joined(node.inputs)}")
        lines.append(f"Output shape: {_joined(node.outputs) or 'unknown'}")
    if show.dtype:
        lines.append(f"Output dtype: {_joined(sorted(set(node.dtypes)))}")
    if show.trainable and node.trainable is not None:
        lines.append(f"Trainable: {'yes' if node.trainable else 'no'}")
    kind = shorten(clean(node.kind))
    head = f"{shorten(clean(node.name))} ({kind})" if show.names else kind
    return Label(head, tuple(shorten(line, 72) for line in lines), tint_of(node.kind))


def _joined(parts: list[str]) -> str:
    return ", ".join(clean(p) for p in parts)


# Colour classes: (fill of the head, its text) in light mode; drawings know them by name.
TINTS = {
    "input": ("#dfe7ee", "#1d2b36"),
    "dense": ("#d6e4ff", "#12284c"),
    "conv": ("#ffe3c2", "#4a2c05"),
    "recurrent": ("#e9dcff", "#2f1a52"),
    "norm": ("#d9f2df", "#11361d"),
    "merge": ("#fff1b8", "#453703"),
    "shape": ("#ece9e4", "#33302a"),
    "activation": ("#ffdbe0", "#4f1420"),
    "noise": ("#f3e3d3", "#45301a"),
    "model": ("#cfeef0", "#0d3a3d"),
    "op": ("#eeeeee", "#2b2b2b"),
}
_WORDS = {
    "input": ("InputLayer",),
    "conv": ("Conv", "Pool", "UpSampling", "Cropping", "ZeroPadding"),
    "recurrent": ("RNN", "LSTM", "GRU", "Bidirectional", "TimeDistributed", "Attention"),
    "norm": ("Normalization",),
    "dense": ("Dense", "Embedding"),
    "merge": ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"),
    "shape": ("Flatten", "Reshape", "Permute", "RepeatVector", "Masking"),
    "activation": ("Activation", "ReLU", "ELU", "Softmax"),
    "noise": ("Dropout", "Noise", "Regularization", "Random"),
    "model": ("Model", "Sequential", "Functional"),
}


def tint_of(kind: str) -> str:
    """The colour class of a layer class."""
    return next((tint for tint, words in _WORDS.items() if any(w in kind for w in words)), "op")
