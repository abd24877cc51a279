"""Records what Keras's attention layers give for random combinations of their options: attention.npz beside this file.

    KERAS_BACKEND=torch python tests/data/record_attention.py

A case holds class, arguments, tensors, arguments of the call, weights, outputs, and gradients of sum(output * cotangent) by tensors and
weights. Masks leave each query a key: for one without, this package gives zeros where Keras gives a mean of all values or zeros.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import keras  # type: ignore[import-not-found]
import numpy as np
import torch  # type: ignore[import-not-found]

CASES = 60
choose = random.Random(4)
numbers = np.random.RandomState(4)


def often(p: float) -> bool:
    return choose.random() < p


def mask(*shape: int) -> Any:
    """Random, the first place along the last axis always True."""
    m = numbers.rand(*shape) > 0.4
    m[..., 0] = True
    return m


def normal(*shape: int) -> Any:
    return numbers.standard_normal(shape).astype("float32")


def projected() -> tuple[str, dict[str, Any], list[Any], dict[str, Any]]:
    b, t, s, d = choose.choice([1, 2, 3]), choose.randint(1, 6), choose.randint(1, 6), choose.randint(1, 5)
    grouped = often(0.4)
    kwargs: dict[str, Any] = {"use_bias": often(0.6), "use_gate": often(0.4)}
    free: list[int] = []
    if grouped:
        groups = choose.randint(1, 3)
        heads = groups * choose.randint(1, 3)
        kwargs |= {"head_dim": choose.randint(1, 5), "num_query_heads": heads, "num_key_value_heads": groups}
    else:
        heads = choose.randint(1, 4)
        kwargs |= {"num_heads": heads, "key_dim": choose.randint(1, 5), "value_dim": choose.choice([None, 1, 4])}
        kwargs["output_shape"] = choose.choice([None, None, 3, [2, 3]])
        if often(0.2):
            free, kwargs["attention_axes"] = [choose.randint(1, 3)], choose.choice([2, [2]])
    call: dict[str, Any] = {"return_attention_scores": often(0.4)}
    if not free:
        call["use_causal_mask"] = often(0.4)
        if often(0.3):
            kwargs["sliding_window"] = choose.randint(max(1, t - s + 1), t + 3)  # so that every query has a key
        alone = not call["use_causal_mask"] and "sliding_window" not in kwargs
        if alone and often(0.6):
            call["attention_mask"] = choose.choice([mask(b, t, s), mask(b, 1, t, s), mask(b, heads, t, s), mask(1, t, s)])
        if alone and often(0.3) and call.get("attention_mask", mask(b, t, s)).ndim == 3:  # Keras mixes up axes of others
            call["value_mask"] = mask(b, s)
    elif often(0.5):
        call["attention_mask"] = choose.choice([mask(b, t, s), mask(b, *free, 1, t, s)])
    tensors = [normal(b, *free, t, d), normal(b, *free, s, d if grouped or often(0.5) else choose.randint(1, 5))]
    if often(0.4):
        tensors.append(normal(b, *free, s, choose.randint(1, 5)))
    return "GroupQueryAttention" if grouped else "MultiHeadAttention", kwargs, tensors, call


def listed() -> tuple[str, dict[str, Any], list[Any], dict[str, Any]]:
    b, t, s, d = choose.choice([1, 2, 3]), choose.randint(1, 6), choose.randint(1, 6), choose.randint(1, 5)
    additive = often(0.4)
    kwargs: dict[str, Any] = {"use_scale": often(0.5)}
    if not additive:
        kwargs["score_mode"] = choose.choice(["dot", "concat"])
    free = [2] if often(0.4) and kwargs.get("score_mode") == "dot" else []  # for the others Keras takes three axes
    call: dict[str, Any] = {"return_attention_scores": often(0.4), "use_causal_mask": often(0.3)}
    if often(0.5):
        call["mask"] = [choose.choice([None, mask(b, *free, t)]), choose.choice([None, mask(b, *free, s)])]
    tensors = [normal(b, *free, t, d), normal(b, *free, s, d)]
    if often(0.4):
        tensors = [tensors[0], normal(b, *free, s, choose.randint(1, 5)), normal(b, *free, s, d)]
    return "AdditiveAttention" if additive else "Attention", kwargs, tensors, call


def main() -> None:
    arrays: dict[str, Any] = {}
    cases: list[dict[str, Any]] = []
    for n in range(CASES):
        name, kwargs, tensors, call = (projected if n % 3 else listed)()
        layer = getattr(keras.layers, name)(**kwargs)
        given = [torch.tensor(x, requires_grad=True) for x in tensors]
        as_list = "Attention" in name and name in ("Attention", "AdditiveAttention")
        layer(*([given] if as_list else given), **call)
        layer.set_weights([normal(*w.shape) for w in layer.get_weights()])
        outputs = layer(*([given] if as_list else given), **call)
        outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
        cotangents = [normal(*y.shape) for y in outputs]
        weights = [w.value for w in layer.trainable_weights]
        total = sum((y * torch.tensor(c)).sum() for y, c in zip(outputs, cotangents, strict=True))
        gradients = torch.autograd.grad(total, [*given, *weights], allow_unused=True)
        held: dict[str, Any] = {}
        for key, value in call.items():
            if isinstance(value, bool):
                held[key] = value
            else:
                parts = value if isinstance(value, list) else [value]
                held[key] = {"masks": [p is not None for p in parts], "list": isinstance(value, list)}
                for i, p in enumerate(parts):
                    if p is not None:
                        arrays[f"{n}.{key}{i}"] = p
        kinds = {"x": tensors, "w": layer.get_weights(), "y": [y.detach().numpy() for y in outputs], "c": cotangents}
        kinds["d"] = [np.zeros(s.shape, "float32") if g is None else g.numpy() for g, s in zip(gradients, [*given, *weights])]
        for kind, found in kinds.items():
            for i, a in enumerate(found):
                arrays[f"{n}.{kind}{i}"] = a
        cases.append({"layer": name, "kwargs": kwargs, "call": held})
    arrays["meta"] = np.array(json.dumps(cases))
    np.savez_compressed(Path(__file__).parent / "attention.npz", **arrays)


if __name__ == "__main__":
    main()
