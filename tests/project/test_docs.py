"""Every piece of Python in README and docs runs and gives what stands there; the examples run; what is added is tested."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from snippets import blocks, run

ROOT = Path(__file__).resolve().parents[2]
EXTENDING = ("adding_an_op.md", "adding_a_layer.md")
PAGES = sorted(p for p in (ROOT / "docs").rglob("*.md") if blocks(p.read_text("utf-8")) and p.name not in EXTENDING)


@pytest.fixture(autouse=True)
def in_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def registry() -> Iterator[None]:
    """The ops there are, without those that a test defines."""
    from graphnn_compiler.ops.base import REGISTRY

    before = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(before)


def example(name: str, *arguments: str, warnings: str = "error", **environment: str) -> str:
    """What an example prints, run as a user runs it."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "compiler")])
    command = [sys.executable, "-W", warnings, str(ROOT / "examples" / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path, **environment}, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_code_of_the_docs(page: Path) -> None:
    run(page)


def test_code_of_the_readme_is_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    names = run(ROOT / "README.md")
    assert [p.shape for p in names["model"].predict(names["tickets"], verbose=0)] == [(2000, 1), (2000, 4)]
    (_, code) = blocks((ROOT / "README.md").read_text("utf-8"))[0]
    text = (ROOT / "examples" / "two_inputs_two_outputs.py").read_text("utf-8")
    assert text.endswith(code)
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 16


def test_tours_in_both_languages_have_the_same_code() -> None:
    english, korean = ([code for _, code in blocks((ROOT / "docs" / name).read_text("utf-8"))] for name in ("tour.md", "tour.ko.md"))
    assert english == korean


@pytest.mark.usefixtures("registry")
def test_adding_an_op(monkeypatch: pytest.MonkeyPatch) -> None:
    run(ROOT / "docs" / "adding_an_op.md")
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "compiler"))
    import test_primitive_ops as test_ops

    test_ops.test_lowering_is_the_reference("Bell")
    test_ops.test_shape_rule_is_the_real_shape("Bell")
    test_ops.test_gradient_is_the_derivative_in_float64("Bell")
    test_ops.test_special_values("Bell")


def test_adding_a_layer() -> None:
    names = run(ROOT / "docs" / "adding_a_layer.md")
    layer = names["Highway"](gate_bias=-100.0)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(layer(x), x)  # the gate is shut


def test_example_with_two_inputs_and_outputs() -> None:
    assert example("two_inputs_two_outputs.py").endswith("[(2000, 1), (2000, 4)]\n")


def test_example_of_a_layer() -> None:
    assert "factors=4" in example("custom_layer.py", "2")


def test_example_of_a_training_step() -> None:
    assert float(example("custom_train_step.py", "4").split()[-1]) > 0.8


@pytest.fixture
def mnist(tmp_path: Path) -> str:
    """A directory of data with a small file in the place of MNIST's: noise, brighter in the rows of the digit."""
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for part, n in (("train", 300), ("test", 100)):
        labels = rng.integers(0, 10, n, dtype=np.uint8)
        images = rng.integers(0, 128, (n, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[4 + 2 * label : 6 + 2 * label] += 127
        arrays |= {f"x_{part}": images, f"y_{part}": labels}
    (tmp_path / "datasets").mkdir()
    np.savez(tmp_path / "datasets" / "mnist.npz", **arrays)
    return str(tmp_path)


# A file that is not the real one is used, with a warning.


def test_example_of_mnist(mnist: str) -> None:
    assert "accuracy" in example("mnist_mlp.py", "1", warnings="default", GRAPHNN_HOME=mnist)
    assert Path("mnist_mlp.safetensors").is_file()


def test_example_of_mnist_with_convolutions(mnist: str) -> None:
    out = example("mnist_convnet.py", "12", warnings="default", GRAPHNN_HOME=mnist)
    assert float(out.split()[-1]) > 0.9


def test_example_of_generated_text() -> None:
    out = example("character_text.py", "1", "4000", "8")
    assert "val_loss" in out
    assert len(out[out.index("\nThe ") + 1 :]) >= 300


def test_example_of_dates() -> None:
    out = example("dates.py", "1", "200")
    assert 0 <= float(out.split()[-1]) <= 1


def test_example_of_forecasts() -> None:
    words = example("forecasting.py", "12", "960").split()
    found, naive = float(words[words.index("step:") + 1].rstrip(";")), float(words[-1])
    assert found < 0.6 * naive
