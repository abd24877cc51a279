"""The dtype of every op's result, held against answers of Keras 3 in tests/data/op_dtypes.json, recorded by the script beside it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

import graphnn
from graphnn import ops

DATA = Path(__file__).parent.parent / "data"
_spec = importlib.util.spec_from_file_location("record_op_dtypes", DATA / "record_op_dtypes.py")
assert _spec and _spec.loader
record = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(record)
RECORDED = json.loads((DATA / "op_dtypes.json").read_text())
ONE, TWO = record.calls(ops)
NARROW = {"float64": "float32", "int64": "int32", "uint64": "uint32"}


# Where Keras's answer is not taken over: it would lose what the op computes, or depends on which operand is a Python number.
OWN = {
    "layer_normalization": {k: "float32" for k in record.DTYPES if "float" not in k},
    "rms_normalization": {k: "float32" for k in record.DTYPES if "float" not in k},
    "heaviside": {"bool,bool": "float32"},
    "left_shift": {"bool,int": "int32"},
    "right_shift": {"bool,int": "int32"},
    "arctan2": {"float16,float": "float16"},
    "kron": {"int8,int": "int8", "uint8,int": "uint8", "float16,float": "float16"},
    "categorical_crossentropy": {f"float16,{k}": "float16" for k in record.PAIRED},
}


def answer(f: Any, kinds: list[str]) -> str:
    args = [record.NUMBERS[k] if k in record.NUMBERS else graphnn.KerasTensor((2, 4), k) for k in kinds]
    try:
        return f(*args).dtype
    except (TypeError, ValueError) as error:
        return type(error).__name__


def agrees(got: str, answers: list[str]) -> bool:
    if any(a.endswith("Error") for a in answers):
        return True  # a backend of Keras that cannot do it
    return got in answers or NARROW.get(got) in answers  # 64 bits are kept, which jax drops and some ops of Keras narrow


@pytest.mark.parametrize("name", RECORDED["ops"])
def test_dtype_is_that_of_keras(name: str) -> None:
    table = RECORDED["tables"][RECORDED["ops"][name]]
    f = ONE.get(name) or TWO[name]
    found = {k: answer(f, k.split(",")) for k in table}
    own = OWN.get(name, {})
    wrong = {k: (got, table[k]) for k, got in found.items() if got != own.get(k) and not agrees(got, table[k].split())}
    assert not wrong
