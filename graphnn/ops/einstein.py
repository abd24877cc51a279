"""Einstein's sum: diagonals and single sums first, then pairs of operands as elementwise or matrix products."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import ConcreteExtentNeeded, Extent, evaluate, product, show, symbols_of
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import movement
from graphnn_compiler.ops.elementwise import cast

from ..dispatch import op
from ._common import Tensorish
from ._common import total as added
from .contraction import factors
from .diagonals import main_diagonal

_GUESS = 64  # stands for unknown extents where the order of products is chosen


@dataclass(frozen=True)
class Term:
    """A value with a label for each axis."""

    labels: str
    value: Value


def _parsed(subscripts: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """A label for each axis of each operand and of the result; the axes of an ellipsis get letters of their own."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"`einsum` of {len(ranks)} operands needs as many terms. Received: subscripts={subscripts!r}")
    widest = max((rank - len(t.replace("...", "")) for t, rank in zip(terms, ranks, strict=True) if "..." in t), default=0)
    spare = "".join(itertools.islice((c for c in map(chr, range(0xE000, 0xF000)) if c not in text), max(widest, 0)))
    found: list[str] = []
    for t, rank in zip(terms, ranks, strict=True):
        free = rank - len(t.replace("...", ""))
        if free < 0 or ("..." not in t and free):
            raise ValueError(
                f"term {t!r} of `einsum` does not fit an operand of {rank} axes. Received: subscripts={subscripts!r}"
            )
        found.append(t.replace("...", spare[len(spare) - free :]))
    if not arrow:
        once = [c for c in sorted(set(left) - set(",.")) if left.count(c) == 1]
        return found, spare + "".join(once)
    result = right.replace("...", spare)
    if len(set(result)) != len(result) or not set(result) <= set("".join(found)):
        raise ValueError(
            f"the result of `einsum` names an axis twice, or one that no operand has. Received: subscripts={subscripts!r}"
        )
    return found, result


def _extents(terms: Sequence[Term], subscripts: str) -> dict[str, Extent]:
    """The extent of each label; 1 gives way to any other."""
    known: dict[str, Extent] = {}
    for term in terms:
        for label, n in zip(term.labels, term.value.shape, strict=True):
            if known.get(label, 1) == 1:
                known[label] = n
            elif n not in (1, known[label]):
                if isinstance(n, int) and isinstance(known[label], int):
                    shapes = ", ".join(show(t.value.shape) for t in terms)
                    raise ValueError(f"`einsum` {subscripts!r}: an axis has different extents in operands of shapes {shapes}")
                raise ConcreteExtentNeeded(f"einsum {subscripts!r}: {n} and {known[label]}")
    return known


def _single(term: Term, needed: set[str], extents: dict[str, Extent]) -> Term:
    """Without repeated labels, broadcast axes, and labels that nothing else needs."""
    labels, v = term.labels, term.value
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            rest = [k for k in range(v.ndim) if k not in (i, j)]
            v = main_diagonal(movement.transpose(v, (*rest, i, j)))
            labels = "".join(labels[k] for k in rest) + label
    wide = [k for k, label in enumerate(labels) if v.shape[k] == 1 and extents[label] != 1]
    v = build.reshape(v, tuple(n for k, n in enumerate(v.shape) if k not in wide))
    labels = "".join(label for k, label in enumerate(labels) if k not in wide)
    gone = [k for k, label in enumerate(labels) if label not in needed]
    if gone:
        v = added(v, gone)
    return Term("".join(label for k, label in enumerate(labels) if k not in gone), v)


def _ordered(term: Term, labels: str) -> Value:
    return movement.transpose(term.value, tuple(term.labels.index(c) for c in labels))


def _aligned(term: Term, labels: str, extents: dict[str, Extent]) -> Value:
    """The value with an axis for each label, of extent 1 where it has none."""
    mine = "".join(c for c in labels if c in term.labels)
    return build.reshape(_ordered(term, mine), tuple(extents[c] if c in mine else 1 for c in labels))


def _pair(a: Term, b: Term, needed: set[str], extents: dict[str, Extent]) -> Term:
    """Two terms as one, summed over the labels that nothing else needs."""
    both = [c for c in a.labels if c in b.labels]
    batch = "".join(c for c in both if c in needed)
    inner = "".join(c for c in both if c not in needed)
    left = "".join(c for c in a.labels if c not in both)
    right = "".join(c for c in b.labels if c not in both)
    if not inner or not (left or right):
        labels = batch + left + right + inner
        y = _aligned(a, labels, extents) * _aligned(b, labels, extents)
        return Term(batch + left + right, added(y, range(len(labels) - len(inner), len(labels))) if inner else y)
    sizes = [product(extents[c] for c in part) for part in (batch, left, inner, right)]
    front = (sizes[0],) if batch else ()
    x = build.reshape(_ordered(a, batch + left + inner), (*front, sizes[1], sizes[2]))
    y = build.reshape(_ordered(b, batch + inner + right), (*front, sizes[2], sizes[3]))
    labels = batch + left + right
    return Term(labels, build.reshape(build.matmul(x, y), tuple(extents[c] for c in labels)))


def _number(n: Extent) -> int:
    return evaluate(n, dict.fromkeys(symbols_of(n), _GUESS))


def _cheapest(terms: Sequence[Term], extents: dict[str, Extent]) -> tuple[int, int]:
    """The pair whose product takes the least arithmetic."""

    def cost(pair: tuple[int, int]) -> int:
        labels = set(terms[pair[0]].labels) | set(terms[pair[1]].labels)
        return _number(product(extents[c] for c in labels))

    return min(itertools.combinations(range(len(terms)), 2), key=cost)


@op(static=("subscripts",), tensors=("operands",))
def einsum(subscripts: str, *operands: Tensorish, **kwargs: Any) -> Value:
    """Einstein's sum over labelled axes.

    Args:
        subscripts: a letter for each axis of each operand, "ij,jk->ik"; letters that the result does not name are summed over; "..."
            stands for axes that broadcast. Without "->" the result has the letters that occur once, in alphabetical order.
        *operands: tensors.
        **kwargs: accepted for compatibility, such as `optimize`: the order of the products is found here.

    Raises:
        ValueError: the subscripts do not fit the operands.

    >>> einsum("ij,jk->ik", [[1.0, 2.0]], [[3.0], [4.0]]).tolist()
    [[11.0]]
    """
    values, kind = factors(*operands)
    labels, result = _parsed(subscripts, [v.ndim for v in values])
    terms = [Term(t, v) for t, v in zip(labels, values, strict=True)]
    extents = _extents(terms, subscripts)

    def needed(*without: int) -> set[str]:
        return set("".join([result, *[t.labels for k, t in enumerate(terms) if k not in without]]))

    for i, term in enumerate(terms):
        terms[i] = _single(term, needed(i), extents)
    while len(terms) > 1:
        i, j = _cheapest(terms, extents)
        joined = _pair(terms[i], terms[j], needed(i, j), extents)
        terms[:] = [*[t for k, t in enumerate(terms) if k not in (i, j)], joined]
    y = _ordered(terms[0], "".join(c for c in result if c in terms[0].labels))
    return cast(build.broadcast_to(y, tuple(extents[c] for c in result)), kind)
