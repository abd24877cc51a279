"""Records which dtype Keras gives to the result of each op, for test_ops_dtypes.py. Needs Keras 3 with torch and jax:

    KERAS_BACKEND=torch python record_op_dtypes.py torch.json
    KERAS_BACKEND=jax python record_op_dtypes.py jax.json
    python record_op_dtypes.py --join op_dtypes.json torch.json jax.json

`op_dtypes.json` holds for each op and dtype (or pair "a,b", or "a,float" for a Python number) all answers: of torch on arrays, and
of both on symbolic tensors. They differ in places; graphnn has to agree with one of them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

DTYPES = "bool int8 int16 int32 int64 uint8 uint32 float16 float32 float64".split()
PAIRED = "bool int8 int32 int64 uint8 float16 float32 float64".split()
NUMBERS = {"float": 2.5, "int": 2}

UNARY = (
    "abs absolute ceil floor round trunc exp exp2 expm1 log log1p log2 log10 sqrt square sign negative reciprocal sin cos tan arcsin "
    "arccos arctan sinh cosh tanh arcsinh arccosh arctanh erf erfinv erfc cbrt deg2rad rad2deg fabs sinc i0 isnan isinf isfinite "
    "isneginf isposinf isreal signbit logical_not bitwise_not conj real angle nan_to_num relu relu6 sigmoid softplus softsign silu "
    "log_sigmoid leaky_relu hard_sigmoid hard_silu hard_tanh elu selu celu gelu glu softmax log_softmax soft_shrink hard_shrink "
    "tanh_shrink squareplus sparse_plus sparse_sigmoid sparsemax sum mean var std prod max min all any amax amin argmax argmin "
    "count_nonzero cumsum cumprod logsumexp median ptp sort argsort diff ravel copy flip transpose diagonal trace tril triu zeros_like "
    "ones_like size nansum nanmean nanvar nanstd nanmax nanmin nanprod nancumsum nancumprod nanargmax nanargmin average norm normalize "
    "trapezoid diagflat rsqrt"
).split()
BINARY = (
    "add subtract multiply divide true_divide floor_divide mod power maximum minimum fmax fmin fmod equal not_equal less less_equal "
    "greater greater_equal logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor left_shift right_shift arctan2 hypot "
    "logaddexp logaddexp2 divide_no_nan isclose heaviside gcd lcm outer kron inner vdot append"
).split()


def calls(k: Any) -> tuple[dict[str, Callable[..., Any]], dict[str, Callable[..., Any]]]:
    """Functions of one tensor (2, 4) and of two, by name, of a module of ops."""
    one: dict[str, Callable[..., Any]] = {n: getattr(k, n) for n in UNARY}
    two: dict[str, Callable[..., Any]] = {n: getattr(k, n) for n in BINARY}
    one |= {
        "clip": lambda x: k.clip(x, 0, 1),
        "clip_float": lambda x: k.clip(x, 0.5, 1.5),
        "full_like": lambda x: k.full_like(x, 2),
        "threshold": lambda x: k.threshold(x, 1, 0),
        "quantile": lambda x: k.quantile(x, 0.5),
        "one_hot": lambda x: k.one_hot(x, 3),
        "pad": lambda x: k.pad(x, 1),
        "layer_normalization": lambda x: k.layer_normalization(x),
        "rms_normalization": lambda x: k.rms_normalization(x),
        "digitize": lambda x: k.digitize(x, np.array([0.0, 1.0], "float32")),
        "average_weighted": lambda x: k.average(x, axis=1, weights=np.ones(4, "float32")),
        "prod_float32": lambda x: k.prod(x, dtype="float32"),
        "cast": lambda x: k.cast(x, "int16"),
    }
    two |= {
        "matmul": lambda x, y: k.matmul(x, k.transpose(y)),
        "tensordot": lambda x, y: k.tensordot(x, y, axes=[[1], [1]]),
        "einsum": lambda x, y: k.einsum("ij,ij->i", x, y),
        "where": lambda x, y: k.where(np.ones((2, 4), bool), x, y),
        "concatenate": lambda x, y: k.concatenate([x, y]),
        "stack": lambda x, y: k.stack([x, y]),
        "categorical_crossentropy": lambda x, y: k.categorical_crossentropy(x, y),
    }
    return one, two


def record(target: str) -> None:
    os.environ["JAX_ENABLE_X64"] = "1"
    import keras

    eager = keras.backend.backend() == "torch"
    one, two = calls(keras.ops)

    def dtype_of(f: Callable[[], Any]) -> str:
        try:
            return keras.backend.standardize_dtype(f().dtype)
        except Exception as error:
            return type(error).__name__

    def array(dtype: str) -> Any:
        return (np.arange(8).reshape(2, 4) % 3).astype(dtype)

    def answers(f: Callable[..., Any], *kinds: str) -> list[str]:
        ways = [lambda d: keras.KerasTensor((2, 4), dtype=d)] + ([array] if eager else [])
        return [dtype_of(lambda w=w: f(*[NUMBERS[d] if d in NUMBERS else w(d) for k, d in enumerate(kinds)])) for w in ways]

    found: dict[str, dict[str, list[str]]] = {n: {d: answers(f, d) for d in DTYPES} for n, f in one.items()}
    for n, f in two.items():
        pairs = [(a, b) for a in PAIRED for b in PAIRED]
        if n in BINARY[:38]:
            pairs += [(a, number) for a in PAIRED for number in NUMBERS]
        found[n] = {f"{a},{b}": answers(f, a, b) for a, b in pairs}
    with open(target, "w") as file:
        json.dump(found, file)


def join(target: str, sources: list[str]) -> None:
    parts = []
    for s in sources:
        with open(s) as file:
            parts.append(json.load(file))
    whole = {n: {k: " ".join(sorted({a for p in parts for a in p[n][k]})) for k in parts[0][n]} for n in parts[0]}
    # Ops with the same answers share a table.
    tables: list[dict[str, str]] = []
    index = {}
    for n, answers in whole.items():
        if answers not in tables:
            tables.append(answers)
        index[n] = tables.index(answers)
    with open(target, "w") as file:
        json.dump({"recorded_with": "keras 3.15.1, torch 2.13 and jax 0.10.2", "ops": index, "tables": tables}, file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    if sys.argv[1] == "--join":
        join(sys.argv[2], sys.argv[3:])
    else:
        record(sys.argv[1])
