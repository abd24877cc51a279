"""plot_model and its formats: what is shown, and that no name of the user's can break anything."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import graphnn
from graphnn import layers, ops
from graphnn.utils import model_to_dot, plot_model
from graphnn.visualization import png
from graphnn.visualization.scene import scene_of

HOSTILE = [
    "한국어 층",
    "</script><script>alert(1)</script>",
    'a"b\'c\\"; DROP',
    "<b>&amp;]]>-->",
    "x\u202egnp.exe\u0007\u0000",
    "`{{${1}}}` %s {0}",
    "n0 -> n1; } digraph {",
    "end\nsubgraph",
    "\u2028line\u2029",
    "𝔘😀" * 40,
]


NAMES = ["a", "b", "enc", "joined", "left", "right", "deep", "deepest", "in1", "in2"]


def two_in_two_out(names: list[str] | None = None) -> Any:
    """Two inputs, two outputs, a model in a model that is called twice; `names` replace the layers' own afterwards."""
    u, v = graphnn.Input((4,), name="a"), graphnn.Input((4,), name="b")
    s, t = graphnn.Input((4,), name="in1"), graphnn.Input((4,), name="in2")
    deepest = graphnn.Model(s, layers.Dense(3, activation="relu", name="deep")(s), name="deepest")
    encoder = graphnn.Model(t, layers.Dropout(0.5)(deepest(t)), name="enc")
    joined = layers.Concatenate(name="joined")([encoder(u), encoder(v), ops.tanh(v)])
    left = layers.Dense(2, activation="softmax", name="left")(joined)
    right = layers.Dense(1, name="right", trainable=False)(joined)
    model = graphnn.Model([u, v], [left, right], name="two")
    for part in (model, encoder, deepest):
        for layer in part.layers:
            if names and layer.name in NAMES:
                layer.name = names[NAMES.index(layer.name)]
    return model


def texts(svg: str) -> list[str]:
    return [e.text or "" for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_scene() -> None:
    scene = scene_of(two_in_two_out())
    assert [n.name for n in scene.nodes if n.kind == "Dense"] == ["left", "right"]
    assert len([n for n in scene.nodes if n.name == "enc"]) == 2, "a shared model stands at both places"
    enc = next(n for n in scene.nodes if n.name == "enc")
    assert enc.inner and enc.parameters == 15 and enc.outputs == ["(None, 3)"]
    assert [n.kind for n in enc.inner.walk()].count("Dense") == 1
    joined = next(n for n in scene.nodes if n.name == "joined")
    assert [e.into for e in scene.edges if e.target == joined.key] == [0, 1, 2]
    right = next(n for n in scene.nodes if n.name == "right")
    assert right.trainable is False and len(scene.inputs) == 2 and len(scene.outputs) == 2
    keys = [n.key for n in scene.walk()]
    assert len(set(keys)) == len(keys) and all(re.fullmatch(r"n\d+", k) for k in keys)


def test_what_is_shown() -> None:
    model = two_in_two_out()
    plain = texts(plot_model(model, to_file=None).svg)
    assert "Dense" in plain and "Tanh" in plain and not any("shape" in t for t in plain)
    named = texts(plot_model(model, to_file=None, show_layer_names=True).svg)
    assert "left (Dense)" in named
    full = texts(
        plot_model(
            model,
            None,
            show_shapes=True,
            show_dtype=True,
            show_layer_activations=True,
            show_trainable=True,
            expand_nested=True,
        ).svg
    )
    for line in ("Output shape: (None, 2)", "Input shape: (None, 3), (None, 3), (None, 4)", "Output dtype: float32"):
        assert line in full
    for line in ("Activation: softmax", "Trainable: no", "Trainable: yes", "enc", "deepest"):
        assert line in full


@pytest.mark.parametrize("rankdir", ["TB", "LR", "BT", "RL"])
def test_directions(rankdir: str) -> None:
    root = ET.fromstring(plot_model(two_in_two_out(), None, rankdir=rankdir, expand_nested=True).svg)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert (width > height) == (rankdir in ("LR", "RL"))
    for box in root.iter("{http://www.w3.org/2000/svg}rect"):
        if "x" in box.attrib:
            x, y, w, h = (float(box.attrib[k]) for k in ("x", "y", "width", "height"))
            assert x >= 0 and y >= 0 and x + w <= width + 0.1 and y + h <= height + 0.1


@pytest.mark.parametrize("suffix", ["svg", "png", "html", "dot", "mmd", "graphml"])
def test_every_format_survives_hostile_names(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture = plot_model(two_in_two_out(HOSTILE), path, show_shapes=True, show_layer_names=True, expand_nested=True)
    assert picture.path == path
    if suffix == "png":
        assert path.read_bytes().startswith(b"\x89PNG")
        return
    text = path.read_text("utf-8")
    assert "한국어 층" in text or suffix == "mmd" and "한국어" in text
    assert "alert(1)" not in text.replace("&lt;script&gt;alert(1)", "") or suffix in ("dot", "html")
    if suffix in ("svg", "graphml"):
        root = ET.fromstring(text)
        assert not [e for e in root.iter() if e.tag.endswith("script")]
    if suffix == "dot":
        assert text.count("digraph model {") == 1 and balanced(text)
        bare = re.sub(r'"(\\.|[^"\\])*"', '""', text)
        assert "DROP" not in bare and "digraph {" not in bare and bare.count("{") == bare.count("}")
    if suffix == "mmd":
        for line in text.splitlines():
            assert re.fullmatch(
                r'\s*(flowchart \w+|n\d+ --> n\d+|end|class(Def)? .*|(subgraph )?n\d+\["[^"<>`{}]*(<br/>[^"<>`{}]*)*"\])',
                line,
            ), line
    if suffix == "html":
        check_page(text)


def balanced(text: str) -> bool:
    return len(re.findall(r'(?<!\\)"', re.sub(r"\\\\", "", text))) % 2 == 0


class Page(HTMLParser):
    """The elements of a page and the text of its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        assert not any(k.startswith("on") or k in ("src", "href") for k, _ in attrs)

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script":
            self.scripts.append(data)


def check_page(text: str) -> None:
    page = Page()
    page.feed(text)
    assert (
        page.tags.count("script") == 3
        and "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        and "https://" not in text
    )
    data = json.loads(page.scripts[0])
    names = [n["name"] for n in data["scene"]["nodes"]]
    assert "한국어 층" in names and "</script><script>alert(1)</script>" in names
    assert data["kernels"] is None


BROWSER = """
const { JSDOM } = require("jsdom");
const page = require("fs").readFileSync(process.argv[2], "utf8");
const dom = new JSDOM(page, { runScripts: "dangerously", pretendToBeVisual: true });
const d = dom.window.document, count = (q) => d.querySelectorAll(q).length, event = (t) => new dom.window.Event(t, { bubbles: true });
const out = { closed: [count(".node"), count(".frame")], title: d.getElementById("title").textContent };
d.getElementById("open").click();
out.open = [count(".node"), count(".frame")];
d.getElementById("close").click();
const search = d.getElementById("search");
search.value = "deep";
search.dispatchEvent(event("input"));
out.search = [count(".frame"), count(".hit"), d.getElementById("found").textContent];
[...d.querySelectorAll(".node")].find((n) => n.textContent.includes("left")).dispatchEvent(event("click"));
out.side = d.getElementById("side").textContent;
d.getElementById("view").click();
out.kernels = [...d.querySelectorAll(".head")].map((e) => e.textContent);
d.querySelector(".node").dispatchEvent(event("click"));
out.kernel = d.getElementById("side").textContent;
console.log(JSON.stringify(out));
"""


def test_the_page_in_a_browser(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or subprocess.run([node, "-e", "require('jsdom')"], capture_output=True).returncode:
        pytest.skip("needs node and jsdom")
    kernels = {
        "name": "program",
        "nodes": [
            {"key": "k0", "name": "gemm 0", "kind": "gemm", "layers": ["n0"], "costs": {"flops": 9}, "source": "def k(): ..."},
            {"key": "k1", "name": "fused 1", "kind": "fused", "tint": "op", "lines": ["relu"]},
        ],
        "edges": [["k0", "k1", 0, 0]], "inputs": [], "outputs": [],
    }  # fmt: skip
    path = tmp_path / "m.html"
    plot_model(two_in_two_out(), path, kernels=kernels)
    script = tmp_path / "browser.js"
    script.write_text(BROWSER)
    run = subprocess.run([node, str(script), str(path)], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    out = json.loads(run.stdout)
    assert out["title"] == "two" and out["closed"] == [8, 0] and out["open"][1] == 4
    assert out["search"][0] >= 1 and out["search"][1] >= 1 and "/" in out["search"][2]
    assert "left" in out["side"] and "softmax" in out["side"] and "(None, 2)" in out["side"]
    assert out["kernels"] == ["gemm 0 (gemm)", "fused 1 (fused)"] and "def k()" in out["kernel"]


def test_png_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "available", lambda: False)
    with pytest.warns(UserWarning, match=r"Pillow \(pip install graphnn\[plot\]\).*m\.svg is written"):
        picture = plot_model(two_in_two_out(), tmp_path / "m.png")
    assert picture.path == tmp_path / "m.svg" and picture.path.exists() and not (tmp_path / "m.png").exists()


def test_png_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = pytest.importorskip("PIL.Image")
    model = two_in_two_out()
    sizes = []

    def size() -> tuple[int, int]:
        with image.open(tmp_path / "m.png") as picture:
            return picture.size

    for dpi in (96, 192):
        plot_model(model, tmp_path / "m.png", dpi=dpi)
        sizes.append(size())
    assert sizes[1] == pytest.approx((2 * sizes[0][0], 2 * sizes[0][1]), abs=2)
    monkeypatch.setattr(png, "MAX_PIXELS", 50_000)
    with pytest.warns(UserWarning, match="too many pixels"):
        plot_model(model, tmp_path / "m.png", dpi=300)
    width, height = size()
    assert width * height <= 51_000


def test_dot() -> None:
    text = model_to_dot(two_in_two_out(), show_shapes=True, expand_nested=True, rankdir="LR", dpi=100)
    assert text.startswith("digraph model {") and "rankdir=LR; dpi=100" in text and "cluster_" in text
    assert text.to_string() == text and "left (Dense)" in text
    assert model_to_dot(two_in_two_out(), subgraph=True).startswith('subgraph "cluster_two" {')


def test_networkx() -> None:
    graph = two_in_two_out().to_networkx()
    assert graph.is_multigraph() and graph.nodes["left"]["layer"] == "Dense" and graph.nodes["left"]["parameters"] == 22
    assert {"enc", "enc:1"} <= set(graph) and ("joined", "left") in graph.edges()
    import networkx as nx

    assert nx.is_directed_acyclic_graph(graph)
    flat = graphnn.visualization.to_networkx(two_in_two_out(), expand_nested=True)
    assert "enc/deepest/deep" in flat and "enc" not in flat


def test_sequential_and_subclassed() -> None:
    model = graphnn.Sequential([graphnn.Input((3,)), layers.Dense(2), layers.Activation("relu")])
    assert texts(plot_model(model, None).svg)[-2:] == ["Dense", "Activation"]
    with pytest.raises(ValueError, match=r"no layers|not built|built"):
        plot_model(graphnn.Sequential(), None)

    class Own(graphnn.Model):
        def __init__(self) -> None:
            super().__init__()
            self.d = layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.d(x)

    assert "Dense" in texts(plot_model(Own(), None).svg)


def test_bad_arguments(tmp_path: Path) -> None:
    model = two_in_two_out()
    with pytest.raises(ValueError, match=r"rankdir.*'XY'"):
        plot_model(model, None, rankdir="XY")
    with pytest.raises(ValueError, match=r"\.svg.*\.exe"):
        plot_model(model, tmp_path / "m.exe")
    with pytest.raises(ValueError, match="layer_range"):
        plot_model(model, None, layer_range=("a", "b"))


def test_notebooks_show_the_picture() -> None:
    bundle = plot_model(two_in_two_out(), None)._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg") and "text/plain" in bundle


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, graphnn, graphnn.visualization; print([m for m in ('networkx', 'PIL', 'matplotlib', 'numba') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
