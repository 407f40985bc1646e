"""One small layer in every form a base may hold it, one update of every kind for it, and what each does, dense.

Independent of the code under test: everything is multiplied out in float64.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kilnmark.engine.stack.layers import FactoredLinear
from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.updates.dora import InputMagnitudes
from kilnmark.keymaps.updates.kinds.loha import HadamardUpdate
from kilnmark.keymaps.updates.kinds.lokr import KroneckerUpdate
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.updates.update import AnyUpdate, WeightUpdate
from tests.engine.arrays import as_float64, given

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn

OUT, INTO = 320, 128
TARGET = "transformer_blocks.0.attn.to_q"
Matrix64 = NDArray[np.float64]
_Update = TypeVar("_Update", bound=WeightUpdate)
rng = np.random.default_rng(5)


def normal(*shape: int) -> NDArray[np.float32]:
    return rng.standard_normal(shape).astype(np.float32)


def dense_layer() -> nn.Module:
    layer = nn.Linear(INTO, OUT)
    layer.weight = mx.array(normal(OUT, INTO))
    return layer


def stored_as(dtype: mx.Dtype) -> nn.Module:
    layer = dense_layer()
    layer.set_dtype(dtype)
    return layer


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "factored": lambda: FactoredLinear(given(normal(INTO, 3)), given(normal(3, OUT)), None),
    "float32": dense_layer,
    "bfloat16": lambda: stored_as(mx.bfloat16),
    "float16": lambda: stored_as(mx.float16),
    "8 bits": lambda: nn.QuantizedLinear.from_linear(dense_layer(), group_size=64, bits=8),
    "4 bits": lambda: nn.QuantizedLinear.from_linear(dense_layer(), group_size=64, bits=4),
}


def slot_of(layer: nn.Module) -> Slot:
    """The layer as the only one of a base."""
    return Slot(TARGET, [layer], 0, layer, (OUT, INTO))


def pair(rank: int, *, dora: bool = False) -> PairUpdate:
    magnitude = np.abs(normal(OUT)) * 10 if dora else None
    return PairUpdate(TARGET, normal(rank, INTO), normal(OUT, rank), 0.5, norm=1.0, magnitude=magnitude)


def kronecker(height: int, width: int, *, dora: bool = False, low_rank: bool = False) -> KroneckerUpdate:
    """Of 400 rows, of which the layer has two ranges."""
    rows, columns = 400 // height, INTO // width
    second = (normal(rows, 2), normal(2, columns)) if low_rank else (normal(rows, columns),)
    magnitude = np.abs(normal(OUT)) * 10 if dora else None
    return KroneckerUpdate(
        TARGET, normal(height, width), second, ((0, 300), (380, 400)), 0.3, norm=1.0, magnitude=magnitude
    )


def hadamard(rank: int) -> HadamardUpdate:
    return HadamardUpdate(
        TARGET, (normal(OUT, rank), normal(rank, INTO)), (normal(OUT, rank), normal(rank, INTO)), 0.7, norm=1.0
    )


def of_inputs(update: _Update) -> _Update:
    """The same with a magnitude for every input."""
    magnitude = InputMagnitudes(np.abs(normal(INTO)) * 10, (update,))
    return replace(update, magnitude=magnitude)  # type: ignore[type-var]  # every kind's update is a dataclass


UPDATES: dict[str, WeightUpdate] = {
    "lora": pair(4),
    "biased": PairUpdate(TARGET, normal(2, INTO), normal(OUT, 2), 1.0, norm=1.0, bias=normal(OUT)),
    "dora": pair(4, dora=True),
    "loha": hadamard(3),
    "high loha": hadamard(9),
    "lokr": kronecker(4, 8),
    "lokr split alike": kronecker(8, 8, low_rank=True),
    "lokr split otherwise": kronecker(4, 16),
    "dora on lokr": kronecker(4, 8, dora=True),
    "dora of inputs": of_inputs(pair(4)),
    "dora of inputs on lokr": of_inputs(kronecker(4, 8)),
    "dora of inputs on high loha": of_inputs(hadamard(9)),
    "whole matrix": KroneckerUpdate(TARGET, np.ones((1, 1), "f4"), (normal(OUT, INTO),), ((0, OUT),), 1.0, norm=1.0),
}


def adapter(update: AnyUpdate, sha256: str) -> Adapter:
    return Adapter(
        path="/l/a.safetensors",
        name="a",
        sha256=sha256,
        size=1,
        metadata=MappingProxyType({}),
        convention="kohya",
        convention_version=1,
        share=1.0,
        kind="lora",
        rank=1,
        total_key_count=1,
        matched_key_count=1,
        ignored_keys=MappingProxyType({}),
        unmatched_keys=(),
        updates=(update,),
    )


def weight(layer: nn.Module) -> Matrix64:
    if isinstance(layer, FactoredLinear):
        return as_float64(layer.up).T @ as_float64(layer.down).T
    stored = layer.weight
    if isinstance(layer, nn.QuantizedLinear):
        stored = mx.dequantize(stored, layer.scales, layer.biases, layer.group_size, layer.bits)
    return as_float64(stored)


@lru_cache(64)
def product(update: WeightUpdate) -> Matrix64:
    """What it adds to the weight, written out; the same array for the same update."""
    if isinstance(update, PairUpdate):
        whole = update.up.astype(float) @ update.down.astype(float)
    elif isinstance(update, HadamardUpdate):
        left, right = (up.astype(float) @ down.astype(float) for up, down in (update.first, update.second))
        whole = left * right
    else:
        assert isinstance(update, KroneckerUpdate)
        second = np.linalg.multi_dot([*update.second, np.eye(update.second[-1].shape[1])]).astype(float)
        rows = np.kron(update.first.astype(float), second)
        whole = np.concatenate([rows[begin:end] for begin, end in update.ranges])
    whole = np.asarray(update.multiplier * whole)
    whole.flags.writeable = False
    return whole


def stretched(whole: Matrix64, update: WeightUpdate) -> Matrix64:
    """All of W + D, its rows or its columns as long as the update's magnitudes say."""
    if isinstance(update.magnitude, InputMagnitudes):
        return np.asarray(update.magnitude.numbers * whole / np.linalg.norm(whole, axis=0))
    assert update.magnitude is not None
    return np.asarray(update.magnitude[:, None] * whole / np.linalg.norm(whole, axis=1, keepdims=True))


def change(layer: nn.Module, update: WeightUpdate) -> Matrix64:
    """The weight's change with the bias's as one more column."""
    added = product(update)
    if update.magnitude is not None:
        own = weight(layer)
        whole = own + added
        added = stretched(whole, update) - own
    bias = np.zeros(OUT) if update.bias is None else update.bias.astype(float)
    return np.hstack([added, bias[:, None]])
