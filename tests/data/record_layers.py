"""Records what Keras's convolutions and layers around them give, for random combinations of their options: layers.npz beside this file.

    KERAS_BACKEND=torch python tests/data/record_layers.py

A case holds class, arguments, input, weights, output, gradients of sum(output * cotangent) by input and trainable weights, and the
weights that are not trained after the call. Arguments that Keras refuses are recorded with the type of the error.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import keras  # type: ignore[import-not-found]
import numpy as np
import torch  # type: ignore[import-not-found]

CASES = 220
choose = random.Random(20)
numbers = np.random.RandomState(20)


def each(rank: int, make: Any) -> Any:
    """One number for all axes, or one for each."""
    return make() if choose.random() < 0.5 else [make() for _ in range(rank)]


def between(low: int, high: int) -> Any:
    return lambda: choose.randint(low, high)


def window(rank: int, both: bool) -> dict[str, Any]:
    """Arguments of a convolution; `both`: strides may differ from axis to axis."""
    found: dict[str, Any] = {
        "kernel_size": each(rank, between(1, 4 if rank < 3 else 2)),
        "padding": choose.choice(["valid", "same"]),
        "data_format": choose.choice(["channels_last", "channels_first", None]),
        "use_bias": choose.random() < 0.5,
        "activation": choose.choice([None, "relu", "tanh"]),
    }
    if choose.random() < 0.5:
        found["strides"] = each(rank, between(1, 4)) if both else choose.randint(1, 3)
    elif choose.random() < 0.5:
        found["dilation_rate"] = each(rank, between(1, 3))
    return found


def pairs(rank: int, most: int) -> Any:
    """The argument of padding and cropping."""
    if rank == 1:
        return choose.choice([choose.randint(0, most), [choose.randint(0, most), choose.randint(0, most)]])
    return each(rank, lambda: choose.choice([choose.randint(0, most), [choose.randint(0, most), choose.randint(0, most)]]))


def case() -> tuple[str, dict[str, Any], tuple[int, ...]]:
    """A class, arguments, and the shape of the input."""
    kind = choose.choice(["conv", "conv", "transpose", "transpose", "depthwise", "separable", "norm", "norm", "space"])
    rank = choose.choice([1, 2, 2, 3] if kind in ("conv", "transpose", "space", "norm") else [1, 2])
    space = [choose.randint(1 if choose.random() < 0.2 else 3, {1: 8, 2: 6, 3: 4}[rank]) for _ in range(rank)]
    channels = choose.choice([1, 2, 3, 4])
    if kind == "conv":
        groups = choose.choice([1, 1, 2, 3])
        name, kwargs = f"Conv{rank}D", {**window(rank, True), "groups": groups, "filters": groups * choose.randint(1, 3)}
        channels = groups * choose.randint(1, 2)
        if rank == 1 and choose.random() < 0.4:
            kwargs["padding"] = "causal"
    elif kind == "transpose":
        name, kwargs = f"Conv{rank}DTranspose", {**window(rank, True), "filters": choose.randint(1, 4)}
        if choose.random() < 0.5:
            kwargs["output_padding"] = each(rank, between(0, 2))
    elif kind == "depthwise":
        name, kwargs = f"DepthwiseConv{rank}D", {**window(rank, False), "depth_multiplier": choose.randint(1, 3)}
    elif kind == "separable":
        name = f"SeparableConv{rank}D"
        kwargs = {**window(rank, False), "depth_multiplier": choose.randint(1, 3), "filters": choose.randint(1, 4)}
    elif kind == "norm":
        name = choose.choice(["BatchNormalization", "GroupNormalization", "LayerNormalization", "UnitNormalization", "PReLU"])
        axes: Any = choose.choice([-1, 1])
        kwargs = {
            "axis": axes,
            "center": choose.random() < 0.5,
            "scale": choose.random() < 0.5,
            "epsilon": choose.choice([1e-3, 1e-2]),
        }
        if name == "GroupNormalization":
            kwargs["groups"], channels, space = choose.choice([1, 2, -1]), 4, [4] * rank
        elif name == "BatchNormalization":
            kwargs["momentum"] = choose.choice([0.5, 0.9])
        elif name == "LayerNormalization":
            kwargs["axis"] = choose.choice([-1, [-2, -1], list(range(1, rank + 2))])
        elif name == "UnitNormalization":
            kwargs = {"axis": choose.choice([-1, 1, [1, 2]])}
        else:
            kwargs = {"shared_axes": choose.choice([None, [1], [rank + 1], list(range(1, rank + 1))])}
    else:
        name = choose.choice(["UpSampling", "ZeroPadding", "Cropping"]) + f"{rank}D"
        argument = {"U": "size", "Z": "padding", "C": "cropping"}[name[0]]
        number = choose.randint(1, 3) if rank == 1 else each(rank, between(1, 3))
        kwargs = {argument: number if name[0] == "U" else pairs(rank, 3 if name[0] == "Z" else 2)}
        if rank > 1 or name[0] == "Z":
            kwargs["data_format"] = choose.choice(["channels_last", "channels_first"])
        if name == "UpSampling2D":
            kwargs["interpolation"] = choose.choice(["nearest", "bilinear", "bilinear"])  # of bicubic, Keras's backends have two kinds
    rows = choose.randint(1, 2) + (name == "BatchNormalization")
    if kwargs.get("data_format") == "channels_first":
        return name, kwargs, (rows, channels, *space)
    return name, kwargs, (rows, *space, channels)


def run(name: str, kwargs: dict[str, Any], shape: tuple[int, ...], training: bool) -> dict[str, Any]:
    """What Keras gives for a case."""
    layer = getattr(keras.layers, name)(**{k: tuple(v) if isinstance(v, list) and k != "axis" else v for k, v in kwargs.items()})
    layer(keras.Input(shape[1:]))
    weights = [numbers.uniform(0.2, 1.2, tuple(w.shape)).astype("float32") for w in layer.weights]
    layer.set_weights(weights)
    x = numbers.standard_normal(shape).astype("float32")
    given = torch.tensor(x, requires_grad=True)
    y = layer(given, training=True) if training else layer(given)
    cotangent = np.random.RandomState(1000).standard_normal(tuple(y.shape)).astype("float32")
    sources = [given, *[w.value for w in layer.trainable_weights]]
    found = torch.autograd.grad((y * torch.tensor(cotangent)).sum(), sources)
    return {
        "x": x,
        "out": y.detach().numpy(),
        **{f"w{i}": w for i, w in enumerate(weights)},
        **{f"d{i}": g.numpy() for i, g in enumerate(found)},
        **{f"s{i}": w.numpy() for i, w in enumerate(layer.non_trainable_weights)},
    }


def main() -> None:
    meta: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    while len(meta) < CASES:
        name, kwargs, shape = case()
        training = name == "BatchNormalization" and choose.random() < 0.6
        record: dict[str, Any] = {"layer": name, "kwargs": kwargs, "shape": shape, "training": training}
        try:
            found = run(name, kwargs, shape, training)
        except ValueError as e:
            record["error"] = type(e).__name__
            found = {}
        except RuntimeError:
            continue  # torch cannot do what Keras asks of it
        if found and not found["out"].size:
            continue  # an empty result is refused here
        arrays |= {f"{len(meta)}.{k}": v for k, v in found.items()}
        meta.append(record)
    np.savez_compressed(Path(__file__).parent / "layers.npz", meta=np.array(json.dumps(meta)), **arrays)


if __name__ == "__main__":
    main()
