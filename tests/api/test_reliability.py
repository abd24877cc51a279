"""The public API over time, threads, processes and interruptions: memory, bits, forks, Ctrl-C, hostile names, warm starts."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import graphnn as keras
from graphnn.utils import set_random_seed

ROOT = Path(__file__).resolve().parents[2]
PRELUDE = """
import gc, os, signal, sys
import numpy as np
import graphnn as keras
from graphnn.utils import set_random_seed

signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell starts the tests in the background

def resident():
    gc.collect()
    return 4096 * int(open("/proc/self/statm").read().split()[1])

def model(width=20, optimizer="adam", dropout=0.2):
    set_random_seed(3)
    layers = keras.layers
    m = keras.Sequential([keras.Input((width,)), layers.Dense(16, activation="relu"), layers.BatchNormalization(),
                          layers.Dropout(dropout), layers.Dense(5, activation="softmax")])
    m.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return m

def data(rows=256, width=20):
    rng = np.random.default_rng(0)
    return rng.standard_normal((rows, width), dtype=np.float32), rng.integers(0, 5, rows)

def bits(m):
    return b"".join(w.tobytes() for w in m.get_weights())
"""


def python(code: str, timeout: float = 240, **env: str) -> str:
    """Runs code in a new process; gives what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'compiler'}", **env},
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def small(seed: int = 0) -> keras.Model:
    """A compiled model of two layers."""
    set_random_seed(seed)
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(5, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


# -- memory


def test_many_calls_need_no_more_memory() -> None:
    code = """
m, (x, y) = model(), data()
def some(n):
    for i in range(n):
        k = 1 + i % 8
        m.predict(x[:k], verbose=0)
        m.train_on_batch(x[:k], y[:k])
        m(x[:k])
some(1000)
before = resident()
some(10000)
assert resident() - before < 2 << 20, resident() - before
"""
    python(code)


def test_equal_models_compile_once_and_memory_stays_flat() -> None:
    code = """
from graphnn_compiler.runtime import loader
x, y = data()
def once():
    m = model()
    m.fit(x[:64], y[:64], verbose=0)
    m.predict(x[:3], verbose=0)
for _ in range(15):
    once()
loaded, before = len(loader._loaded), resident()
for _ in range(40):
    once()
assert len(loader._loaded) == loaded
assert resident() - before < 2 << 20, resident() - before
"""
    python(code)


# -- threads


def test_many_threads_predict_at_once() -> None:
    """The first call, which compiles, is among them."""
    set_random_seed(1)
    inputs = keras.Input((20,))
    hidden = keras.layers.Dense(11, activation="gelu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(hidden))
    batches = [np.random.default_rng(i).standard_normal((i + 1, 20), dtype=np.float32) for i in range(8)]
    found: list[set[bytes]] = [set() for _ in batches]

    def work(i: int) -> None:
        for _ in range(200):
            found[i].add(np.asarray(model.predict(batches[i], verbose=0)).tobytes())

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [{np.asarray(model.predict(x, verbose=0)).tobytes()} for x in batches]


def test_a_fit_has_the_same_bits_on_any_number_of_threads() -> None:
    code = """
import hashlib
from graphnn_compiler.runtime import team
x, y = data(203)
found = set()
for n in (1, 2, 3, 4, 2):
    team.set_threads(n)
    m = model()
    history = m.fit(x, y, batch_size=50, epochs=3, verbose=0, validation_split=0.2)
    found.add(hashlib.sha256(bits(m) + repr(history.history).encode()).hexdigest())
print(*found)
"""
    once = python(code, GRAPHNN_MIN_PARALLEL_WORK="0")
    assert len(once.split()) == 1
    assert python(code.replace("(1, 2, 3, 4, 2)", "(1,)")) == once


# -- processes


def test_fork_after_predict_with_the_team_in_use() -> None:
    code = """
from graphnn_compiler.runtime import team
team.set_threads(3)
x, y = data()
m = model()
m.fit(x, y, verbose=0)
before, want = m.get_weights(), m.predict(x, verbose=0).tobytes()
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        same = m.predict(x, verbose=0).tobytes() == want
        m.fit(x, y, verbose=0)
        os._exit(0 if same and np.isfinite(m.predict(x, verbose=0)).all() else 1)
    assert os.waitpid(pid, 0)[1] == 0
assert m.predict(x, verbose=0).tobytes() == want
m.fit(x, y, verbose=0)
"""
    python(code, GRAPHNN_MIN_PARALLEL_WORK="0", PYTHONWARNINGS="ignore::DeprecationWarning")


def test_a_fresh_process_with_a_warm_cache_compiles_nothing(tmp_path: Path) -> None:
    code = """
import hashlib
found = []
for width, rows in SIZES:
    m = model(width)
    x, y = data(rows, width)
    m.fit(x, y, batch_size=rows, verbose=0)
    m.evaluate(x, y, verbose=0)
    found.append(bits(m) + m.predict(x, verbose=0).tobytes() + np.asarray(m(x)).tobytes())
heavy = [name for name in ("numba", "networkx", "matplotlib", "PIL") if name in sys.modules]
print(hashlib.sha256(b"".join(found[-6:])).hexdigest(), heavy)
"""
    sizes = "[(20, 1), (20, 7), (20, 33), (5, 32), (64, 32), (257, 32)]"
    cache = {"GRAPHNN_CACHE_DIR": str(tmp_path)}
    cold = python(code.replace("SIZES", "[(20, 50)] + " + sizes), **cache).split(" ", 1)
    files = sorted(p.name for p in tmp_path.rglob("*") if p.is_file())
    warm = python(code.replace("SIZES", sizes), **cache).split(" ", 1)
    assert warm == [cold[0], "[]"]
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == files


def test_a_process_without_a_home_trains() -> None:
    nowhere = {"HOME": "/nonexistent", "XDG_CACHE_HOME": "/proc/nowhere", "GRAPHNN_CACHE_DIR": ""}
    code = """
import warnings
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    m, (x, y) = model(), data(32)
    m.fit(x, y, verbose=0)
    m.predict(x, verbose=0)
print(len(found))
"""
    assert python(code, **nowhere) == "1"


# -- interruptions


def test_ctrl_c_in_fit_leaves_whole_steps_and_a_usable_model() -> None:
    code = """
import random, signal, threading, time
x, y = data(3200)
m = model()
m.fit(x[:64], y[:64], verbose=0)
m.predict(x[:64], verbose=0)
late = []
for i in range(15):
    sent = []
    timer = threading.Timer(random.Random(i).uniform(0.01, 0.15), lambda: (sent.append(time.perf_counter()), os.kill(os.getpid(), signal.SIGINT)))
    timer.start()
    try:
        m.fit(x, y, batch_size=32, epochs=10000, verbose=0)
    except KeyboardInterrupt:
        late.append(time.perf_counter() - sent[0])
    timer.join()
    assert np.isfinite(m.predict(x[:64], verbose=0)).all()
    assert all(np.isfinite(w).all() for w in m.get_weights())
    history = m.fit(x[:64], y[:64], verbose=0)
    assert np.isfinite(history.history["loss"]).all()
assert len(late) == 15
assert sorted(late)[7] < 0.25, late
"""
    python(code)


def test_ctrl_c_never_tears_a_step() -> None:
    """Weights after an interrupted fit are the weights after some whole number of batches."""
    code = """
import random, signal, threading
x, y = data(640)
m = model(dropout=0.0)
m.fit(x, y, batch_size=32, shuffle=False, verbose=0)
start = [a.copy() for a in m.get_weights()]
state = [v.numpy().copy() for v in m.optimizer.variables]
def again():
    m.set_weights(start)
    for v, a in zip(m.optimizer.variables, state):
        v.assign(a)
wanted = {}
for steps in range(1, 21):
    again()
    m.fit(x[:32 * steps], y[:32 * steps], batch_size=32, shuffle=False, verbose=0)
    wanted[bits(m)] = steps
again()
wanted[bits(m)] = 0
for i in range(20):
    again()
    timer = threading.Timer(random.Random(i).uniform(0.0, 0.004), lambda: os.kill(os.getpid(), signal.SIGINT))
    try:
        timer.start()
        # a callback for each batch makes every call of native code one step
        m.fit(x, y, batch_size=32, shuffle=False, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)] if i % 2 else [])
        timer.join()
    except KeyboardInterrupt:
        pass
    try:
        timer.join()
    except KeyboardInterrupt:
        pass
    assert bits(m) in wanted
"""
    python(code)


@pytest.mark.slow
def test_ctrl_c_in_a_large_model_ends_within_a_step() -> None:
    """The update that runs is finished; one more may have begun before the signal reaches the main thread."""
    code = """
import threading
m = keras.Sequential([keras.Input((784,)), *[keras.layers.Dense(2048, activation="relu") for _ in range(4)], keras.layers.Dense(10)])
m.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
x, y = np.random.default_rng(0).standard_normal((4096, 784), dtype=np.float32), np.arange(4096) % 10
m.fit(x[:512], y[:512], batch_size=512, verbose=0)
updates = lambda: int(m.optimizer.iterations.array)
for i in range(6):
    sent = []
    timer = threading.Timer(0.2 + 0.13 * i, lambda: (sent.append(updates()), os.kill(os.getpid(), signal.SIGINT)))
    timer.start()
    try:
        m.fit(x, y, batch_size=512, epochs=100, verbose=0)
        raise AssertionError("no interrupt")
    except KeyboardInterrupt:
        assert updates() - sent[0] <= 2, (updates(), sent)
    timer.join()
    assert np.isfinite(m.predict(x[:32], verbose=0)).all()
"""
    python(code, timeout=600)


# -- names


def hostile_names(n: int) -> list[str]:
    """Names that a careless generator of source, paths, markup or logs would fall for."""
    parts = [
        "');import os;os.system('x')#", '"""', "\\", "\n    return 0\n", "{0}{x!r}", "%s%n", "$(reboot)", "`id`", "<script>", "&amp;", "..", "~",
        "def kernel(dims, bufs, ctx, tid, n):", "v0", "word(dims, 0)", "한국어", "\u202e", "\x00", "\r", "💥", "__import__('os')", "lambda: 0", "# kernel",
        "0x", "None", "con", "a" * 300, "'" * 7, "]", "}}", "{{",
    ]  # fmt: skip
    rng = random.Random(7)
    return [f"{''.join(rng.sample(parts, rng.randint(1, 3)))}{i}" for i in range(n)]


def named(names: list[str]) -> keras.Model:
    layers = keras.layers
    kinds = [lambda name: layers.Dense(6, activation="relu", name=name), lambda name: layers.Dropout(0.1, seed=1, name=name)]
    kinds += [lambda name: layers.LayerNormalization(name=name), lambda name: layers.Activation("tanh", name=name)]
    model = keras.Sequential([keras.Input((6,)), *[kinds[i % len(kinds)](name) for i, name in enumerate(names)]])
    model.compile("sgd", "mse")
    return model


def test_hostile_names_do_not_reach_the_source() -> None:
    """1,000 layers with names that try to break out of text: the source is, byte for byte, that of layers named a0, a1, ..."""
    x = np.ones((4, 6), np.float32)
    sources = set[str]()
    names = hostile_names(1000)
    for start in range(0, 1000, 25):
        for part in ([f"a{i}" for i in range(25)],) if start == 0 else (names[start : start + 25],):
            model = named(part)
            assert [layer.name for layer in model.layers] == part
            model.predict(x, verbose=0)
            if start < 100:
                model.train_on_batch(x, x)
            sources.add(model.compiled_source()["predict"])
            if start < 100:
                sources.add(model.compiled_source()["train"])
    assert len(sources) == 2


def test_fork_while_another_thread_compiles_the_model(tmp_path: Path) -> None:
    """The child has none of the parent's threads, so it must not wait for the locks that they had."""
    code = """
import signal, threading, time
x, y = data(32)
for delay in (0.02, 0.1, 0.3):
    m = model(20 + int(100 * delay), optimizer="sgd" if delay == 0.1 else "adam")
    x, y = data(32, 20 + int(100 * delay))
    t = threading.Thread(target=lambda: m.fit(x, y, verbose=0))
    t.start()
    time.sleep(delay)
    pid = os.fork()
    if pid == 0:
        signal.alarm(200)
        m.fit(x, y, verbose=0)
        os._exit(0 if np.isfinite(m.predict(x, verbose=0)).all() else 1)
    assert os.waitpid(pid, 0)[1] == 0
    t.join()
    assert np.isfinite(m.predict(x, verbose=0)).all()
"""
    python(code, timeout=600, GRAPHNN_CACHE_DIR=str(tmp_path), PYTHONWARNINGS="ignore::DeprecationWarning")
