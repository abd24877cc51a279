"""Connectionist temporal classification: the likelihood of label sequences without an alignment, and the likeliest sequences.

Source: A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, Connectionist temporal classification, ICML 2006.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from graphnn_compiler import build, control
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.elementwise import cast as converted

from ..dispatch import op, value
from ._common import Tensorish, checked_index, floating, pick, ramp
from .exponential import logaddexp
from .joining import concatenate
from .reductions import max as most
from .reductions import sum as total
from .shaping import transpose
from .softmaxes import log_softmax
from .sorting import argmax, argsort, top_k

LOWEST = -1e30  # the logarithm of no chance; finite, so that differences and gradients are


@op(tensors=("target", "output", "target_length", "output_length"))
def ctc_loss(
    target: Tensorish, output: Tensorish, target_length: Tensorish, output_length: Tensorish, mask_index: int = 0
) -> Value:
    """-log of the chance that labels are read off the outputs, summed over all alignments.

    Args:
        target: (batch, labels) classes, none of them `mask_index` within their length.
        output: (batch, steps, classes) logits.
        target_length: (batch,) how many labels count.
        output_length: (batch,) how many steps count.
        mask_index: the class of the blank.

    Returns:
        (batch,); infinity where there are too few steps for the labels.

    Raises:
        ValueError: a tensor has another rank, or batches differ.
        IndexError: a length is larger than the data, or a label is no class.

    >>> import numpy as np
    >>> logits = np.zeros((1, 2, 3), "float32")
    >>> [round(float(x), 3) for x in ctc_loss([[1]], logits, [1], [2])]
    [1.099]
    """
    labels, logits = value(target), floating(value(output))
    if labels.ndim != 2 or logits.ndim != 3:
        raise ValueError(
            "`ctc_loss` takes targets (batch, labels) and outputs (batch, steps, classes). "
            f"Received: target.shape={show(labels.shape)}, output.shape={show(logits.shape)}"
        )
    rows, count = labels.shape
    steps, classes = logits.shape[1], logits.shape[2]
    _same_rows("ctc_loss", logits.shape[0], target=rows)
    n_labels = _lengths("target_length", target_length, rows, count)
    n_steps = _lengths("output_length", output_length, rows, steps)
    logp = transpose(log_softmax(logits), (1, 0, 2))  # steps first
    mask_index = _class("mask_index", mask_index, classes)
    real = build.expand(ramp(count), 0) < build.expand(n_labels, 1)
    labels = checked_index(pick(real, converted(labels, "int32"), build.value(mask_index, "int32")), classes)
    blank = logp[:, :, mask_index : mask_index + 1]
    spoken = _take_along(logp, build.broadcast_to(build.expand(labels, 0), (steps, rows, count)))
    repeats = _shifted(labels, build.value(-1, labels.dtype)).equals(labels)
    low = build.value(LOWEST, logp.dtype)

    def step(state: list[Value], now: list[Value]) -> tuple[list[Value], list[Value]]:
        blanks, heard = state  # behind n labels and a blank; behind label n
        at, p_blank, p_label = now
        before = _shifted(heard, low)
        skip = pick(repeats, low, before)
        label = value(logaddexp(logaddexp(heard, blanks[:, :-1]), skip)) + p_label
        ends = value(concatenate([build.broadcast_to(low, (rows, 1)), heard], axis=1))
        pause = value(logaddexp(blanks, ends)) + p_blank
        going = build.expand(at < n_steps, 1)
        return [pick(going, pause, blanks), pick(going, label, heard)], []

    none = build.broadcast_to(low, (rows, count))
    first = value(concatenate([build.broadcast_to(build.value(0.0, logp.dtype), (rows, 1)), none], axis=1))
    (blanks, heard), _ = control.scan(step, [first, none], [ramp(steps), blank, spoken])
    end = build.expand(n_labels, 1)
    last = value(concatenate([build.broadcast_to(low, (rows, 1)), heard], axis=1))
    chance = logaddexp(_take_along(blanks, end), _take_along(last, end))
    found = build.reshape(value(chance), (rows,))
    return pick(found < LOWEST / 2, build.value(np.inf, logp.dtype), -found)


def _same_rows(what: str, rows: Any, **others: Any) -> None:
    for name, n in others.items():
        if isinstance(n, int) and isinstance(rows, int) and n != rows:
            raise ValueError(f"`{what}`: `{name}` must have as many rows as the outputs, {rows}. Received: {n}")


def _class(name: str, k: int, classes: Any) -> int:
    if isinstance(classes, int) and not -classes <= k < classes:
        raise ValueError(f"`{name}` must be one of {classes} classes. Received: {name}={k}")
    return k if k >= 0 else int(classes) + k


def _lengths(name: str, x: Tensorish, rows: Any, most_allowed: Any) -> Value:
    v = value(x)
    if v.ndim != 1 or (isinstance(v.shape[0], int) and isinstance(rows, int) and v.shape[0] != rows):
        raise ValueError(f"`{name}` must have shape ({rows},). Received: {name}.shape={show(v.shape)}")
    return checked_index(converted(v, "int32"), most_allowed + 1)


def _shifted(x: Value, first: Value) -> Value:
    """x (rows, n) one place to the right, `first` in front."""
    return value(concatenate([build.broadcast_to(first, (x.shape[0], 1)), x], axis=1))[:, : x.shape[1]]


def _take_along(x: Value, places: Value) -> Value:
    from graphnn_compiler.ops.index import TakeAlongAxis
    from graphnn_compiler.trace import emit

    return emit(TakeAlongAxis(x.ndim - 1), x, converted(places, "int64"))


@op(tensors=("inputs", "sequence_lengths"), static=("strategy",))
def ctc_decode(
    inputs: Tensorish,
    sequence_lengths: Tensorish,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Value, Value]:
    """The likeliest label sequences of outputs.

    Args:
        inputs: (batch, steps, classes) logits.
        sequence_lengths: (batch,) how many steps count.
        strategy: "greedy": the likeliest class of each step; "beam_search": of the `beam_width` likeliest beginnings.
        beam_width: beginnings that are followed.
        top_paths: sequences that a beam search gives.
        merge_repeated: whether a class that follows itself without a blank counts once (greedy; a beam search always does so).
        mask_index: the class of the blank.

    Returns:
        Labels (top_paths, batch, steps), -1 behind their end, and scores (batch, top_paths): for "greedy" the negative sum of the
        largest logits, for "beam_search" the log of the chance.

    Raises:
        ValueError: unknown strategy, or a tensor of another rank.
        IndexError: a length is larger than the data.

    >>> import numpy as np
    >>> logits = np.eye(3, dtype="float32")[[[1, 1, 0, 2]]]
    >>> ctc_decode(logits, [4])[0].tolist()
    [[[1, 2, -1, -1]]]
    """
    if strategy not in ("greedy", "beam_search"):
        raise ValueError(f"Invalid strategy {strategy}. Supported values are 'greedy' and 'beam_search'.")
    logits = floating(value(inputs))
    if logits.ndim != 3:
        raise ValueError(f"`ctc_decode` takes (batch, steps, classes). Received: inputs.shape={show(logits.shape)}")
    lengths = _lengths("sequence_lengths", sequence_lengths, logits.shape[0], logits.shape[1])
    blank = _class("mask_index", mask_index, logits.shape[2])
    if strategy == "greedy":
        return _greedy(logits, lengths, merge_repeated, blank)
    if top_paths > beam_width or top_paths < 1:
        raise ValueError(f"`top_paths` must be in 1..beam_width. Received: top_paths={top_paths}, beam_width={beam_width}")
    return _beams(logits, lengths, beam_width, top_paths, blank)


def _greedy(logits: Value, lengths: Value, merge: bool, blank: int) -> tuple[Value, Value]:
    rows, steps, _ = logits.shape
    best = converted(value(argmax(logits, axis=-1)), "int32")
    places = build.expand(ramp(steps), 0)
    counts = places < build.expand(lengths, 1)
    keep = counts & ~best.equals(blank)
    if merge:
        keep = keep & ~_shifted(best, build.value(-1, "int32")).equals(best)
    order = value(argsort(pick(keep, places, places + build.count_value(steps, "int32")), axis=-1))
    n = build.expand(value(total(converted(keep, "int32"), axis=-1)), 1)
    labels = pick(places < n, _take_along(best, order), build.value(-1, "int32"))
    score = -value(total(pick(counts, value(most(logits, axis=-1)), build.value(0.0, logits.dtype)), axis=-1, keepdims=True))
    return build.reshape(labels, (1, rows, steps)), score


_FACTOR = 6364136223846793005  # of a multiplicative hash of label sequences


def _beams(logits: Value, lengths: Value, width: int, top: int, blank: int) -> tuple[Value, Value]:
    """Prefix beam search: the chances of each beginning with a blank last, and with its label last.

    A beginning comes from itself, and from the one that lacks its last label; the two are found by sorting hashes of sequences.
    """
    rows, steps, classes = logits.shape
    n = int(classes)
    logp = transpose(log_softmax(logits), (1, 0, 2))
    labels = build.reshape(ramp(n), (1, 1, n))
    slots = build.expand(ramp(steps), (0, 1))
    low = build.value(LOWEST, logits.dtype)

    def full(x: Any, dtype: str, *shape: Any) -> Value:
        return build.broadcast_to(build.value(x, dtype), (rows, width, *shape))

    def both(stay: Value, grow: Value) -> Value:
        """Candidates (rows, width + width * classes): beginnings that stay, beginnings with each label behind them."""
        grow = build.reshape(build.broadcast_to(grow, (rows, width, n)), (rows, width * n))
        return value(concatenate([stay, grow], axis=1))

    def step(state: list[Value], now: list[Value]) -> tuple[list[Value], list[Value]]:
        paused, spoken, key, last, count, path = state
        at, p = now
        total_before = value(logaddexp(paused, spoken))
        again = _take_along(p, pick(last < 0, build.value(blank, "int32"), last))
        before = pick(labels.equals(build.expand(last, 2)), build.expand(paused, 2), build.expand(total_before, 2))
        grown = pick(labels.equals(blank), low, before + build.expand(p, 1))
        longer = build.expand(key, 2) * build.value(_FACTOR, "int64") + converted(labels + 1, "int64")
        keys = both(key, longer)
        order = value(argsort(keys, axis=-1))
        keys = _take_along(keys, order)
        with_blank = _merged(keys, _take_along(both(total_before + p[:, blank : blank + 1], low), order))
        with_label = _merged(keys, _take_along(both(spoken + again, grown), order))
        best = value(top_k(logaddexp(with_blank, with_label), width)[1])
        candidate = _take_along(order, best)
        grows = candidate >= width
        behind = candidate - width
        parent = pick(grows, behind // n, candidate)
        label = converted(behind % n, "int32")
        count_before = _take_along(count, parent)
        here = slots.equals(build.expand(count_before, 2)) & build.expand(grows, 2)
        news = [
            _take_along(with_blank, best),
            _take_along(with_label, best),
            _take_along(keys, best),
            pick(grows, label, _take_along(last, parent)),
            count_before + converted(grows, "int32"),
            pick(here, build.expand(label, 2), _rows(path, parent)),
        ]
        going = build.expand(at < lengths, 1)
        return [pick(going if v.ndim == 2 else build.expand(going, 2), a, v) for a, v in zip(news, state, strict=True)], []

    first = build.broadcast_to(pick(ramp(width).equals(0), build.value(0.0, logits.dtype), low), (rows, width))
    distinct = build.broadcast_to(converted(ramp(width), "int64") * build.value(-(2**40), "int64"), (rows, width))
    state = [first, full(LOWEST, logits.dtype), distinct, full(-1, "int32"), full(0, "int32"), full(-1, "int32", steps)]
    (paused, spoken, _, _, _, path), _ = control.scan(step, state, [ramp(steps), logp])
    score, best = (value(v) for v in top_k(logaddexp(paused, spoken), top))
    return transpose(_rows(path, best), (1, 0, 2)), score


def _rows(x: Value, places: Value) -> Value:
    """x (rows, n, steps) at places (rows, m) of its second axis."""
    from graphnn_compiler.ops.index import TakeAlongAxis
    from graphnn_compiler.trace import emit

    wide = build.broadcast_to(build.expand(places, 2), (*places.shape, x.shape[2]))
    return emit(TakeAlongAxis(1), x, converted(wide, "int64"))


def _merged(keys: Value, scores: Value) -> Value:
    """Scores of sorted candidates, of which at most two are equal; the first of these has the sum, the other nothing."""
    low = build.value(LOWEST, scores.dtype)
    equal = keys[:, 1:].equals(keys[:, :-1])
    end = build.broadcast_to(low, (keys.shape[0], 1))
    more = value(concatenate([pick(equal, scores[:, 1:], low), end], axis=1))
    first = ~_shifted(keys, build.value(-(2**62), "int64")).equals(keys)
    return pick(first, value(logaddexp(scores, more)), low)
