"""The layered layout: rows, crossings, places, and the same numbers from its JavaScript twin."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

import graphnn.visualization.layout as layout_module
from graphnn.visualization.layering import crossings, ordered, rows_of
from graphnn.visualization.layout import STUB, Box, Layout, Link, arrange, spread

Links = list[tuple[int, int]]


def random_dag(seed: int, n: int = 40) -> tuple[list[Box], list[Link]]:
    rng = random.Random(seed)
    boxes = [Box(rng.uniform(40, 200), rng.choice([24.0, 60.0, 110.0])) for _ in range(n)]
    pairs = [(rng.randrange(max(0, b - 6), b), b) for b in range(1, n)] + [
        tuple(sorted(rng.sample(range(n), 2))) for _ in range(12)
    ]
    return boxes, [Link(a, b) for a, b in pairs]


def check(boxes: list[Box], links: list[Link], out: Layout, gap_x: float = 24.0) -> None:
    tops = sorted({round(y, 6) for _, y in out.corners})
    assert len(tops) >= 2
    for i, (x, y) in enumerate(out.corners):
        assert x >= -1e-6 and y >= 0 and x + boxes[i].width <= out.width + 1e-6 and y + boxes[i].height <= out.height + 1e-6
        for j in range(i):
            u, v = out.corners[j]
            apart = x + boxes[i].width <= u + 1e-6 or u + boxes[j].width <= x + 1e-6
            apart = apart or y + boxes[i].height <= v + 1e-6 or v + boxes[j].height <= y + 1e-6
            assert apart, f"boxes {i} and {j} overlap"
    for link, route in zip(links, out.routes, strict=True):
        assert all(b[1] >= a[1] - 1e-6 for a, b in pairwise(route)), "an edge runs against the flow"
        assert all(route[k][0] == route[k + 1][0] for k in range(0, len(route), 2)), "an edge bends inside a row"
        ax, ay = out.corners[link.source]
        bx, by = out.corners[link.target]
        assert ax <= route[0][0] <= ax + boxes[link.source].width and route[0][1] == ay + boxes[link.source].height
        assert bx <= route[-1][0] <= bx + boxes[link.target].width and route[-1][1] == by
        assert route[-1][1] - route[-2][1] >= STUB - 1e-9
        for k in range(0, len(route) - 1, 2):  # straight pieces pass boxes of their row at a distance
            x = route[k][0]
            for i, (u, v) in enumerate(out.corners):
                if (
                    i not in (link.source, link.target)
                    and v < route[k + 1][1] - 1e-6
                    and v + boxes[i].height > route[k][1] + 1e-6
                ):
                    assert x <= u + 1e-6 or x >= u + boxes[i].width - 1e-6, "an edge crosses a box"


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs(seed: int) -> None:
    boxes, links = random_dag(seed)
    check(boxes, links, arrange(boxes, links))


def test_chain_is_straight() -> None:
    boxes = [Box(50.0 + 10 * i, 30) for i in range(6)]
    out = arrange(boxes, [Link(i, i + 1) for i in range(5)])
    assert len({round(x + b.width / 2, 6) for (x, _), b in zip(out.corners, boxes, strict=True)}) == 1
    assert out.width == 100


def test_skip_connections_do_not_cross() -> None:
    edges: Links = [(i, i + 1) for i in range(9)] + [(0, 3), (3, 6), (6, 9)]
    boxes = [Box(80, 30) for _ in range(10)]
    out = arrange(boxes, [Link(a, b) for a, b in edges])
    check(boxes, [Link(a, b) for a, b in edges], out)
    for route in out.routes[9:]:
        assert len({x for x, _ in route[2:-2]}) == 1, "a long edge is not straight"


def test_rows() -> None:
    assert rows_of(4, [(0, 1), (1, 2), (3, 2)]) == [0, 1, 2, 1]
    assert rows_of(4, [(0, 1), (1, 2), (3, 2)], first=[3]) == [0, 1, 2, 0]
    assert rows_of(3, [(0, 1), (0, 2)], last=[1]) == [0, 1, 1]
    assert rows_of(2, []) == [0, 0]
    with pytest.raises(ValueError, match="cycle"):
        rows_of(2, [(0, 1), (1, 0)])


def test_crossings_and_order() -> None:
    below = [[3], [2], [], []]
    assert crossings([0, 1], [2, 3], below) == 1
    assert crossings([1, 0], [2, 3], below) == 0
    rows = ordered([[0, 1, 2], [3, 4, 5]], [(0, 5), (1, 4), (2, 3)])
    assert crossings(rows[0], rows[1], [[5], [4], [3], [], [], []]) == 0


def test_spread() -> None:
    assert spread([0.0, 10.0], [1.0, 1.0], [5.0]) == [0.0, 10.0]
    assert spread([3.0, 3.0, 3.0], [1.0, 1.0, 1.0], [2.0, 2.0]) == [1.0, 3.0, 5.0]
    assert spread([0.0, 0.0], [3.0, 1.0], [4.0]) == [-1.0, 3.0]


def test_ports() -> None:
    boxes = [Box(40, 20), Box(100, 50, enter=(10.0, 90.0), leave=(20.0,)), Box(40, 20), Box(40, 20)]
    links = [Link(0, 1, 0, 0), Link(2, 1, 0, 1), Link(1, 3)]
    out = arrange(boxes, links)
    x = out.corners[1][0]
    assert [r[-1][0] for r in out.routes[:2]] == [x + 10, x + 90] and out.routes[2][0][0] == x + 20
    assert out.corners[0][0] < out.corners[2][0]


def test_nothing_to_place() -> None:
    assert arrange([], []).corners == []


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_browser_gets_the_same_layout() -> None:
    cases = [random_dag(seed, 25) for seed in range(5)]
    data = [
        {
            "boxes": [{"w": b.width, "h": b.height, "enter": list(b.enter), "leave": list(b.leave)} for b in boxes],
            "links": [{"source": k.source, "target": k.target, "out": k.out, "into": k.into} for k in links],
        }
        for boxes, links in cases
    ]
    script = Path(layout_module.__file__).with_name("layout.js").read_text("utf-8")
    script += f"\nconsole.log(JSON.stringify({json.dumps(data)}.map((c) => arrange(c.boxes, c.links))));"
    found = json.loads(subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True, timeout=60).stdout)
    for (boxes, links), got in zip(cases, found, strict=True):
        want = arrange(boxes, links)
        assert got["width"] == pytest.approx(want.width) and got["height"] == pytest.approx(want.height)
        for a, b in zip(got["corners"], want.corners, strict=True):
            assert a == pytest.approx(list(b))
        for a, b in zip(got["routes"], want.routes, strict=True):
            assert [list(p) for p in b] == [pytest.approx(p) for p in a]
