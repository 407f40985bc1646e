"""Inner products of whole changes, held to dense float64 arithmetic for every pair of kinds and every kind of layer."""

from collections.abc import Callable
from itertools import combinations_with_replacement
from types import MappingProxyType

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.engine.layers import FactoredLinear
from kilnmark.engine.overlap import Overlaps
from kilnmark.engine.slots import Slot
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.update import (
    AnyUpdate,
    BiasUpdate,
    HadamardUpdate,
    KroneckerUpdate,
    NormUpdate,
    Update,
    WeightUpdate,
)

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn

OUT, INTO = 320, 128
TARGET = "transformer_blocks.0.attn.to_q"
Matrix64 = NDArray[np.float64]
rng = np.random.default_rng(5)


def normal(*shape: int) -> NDArray[np.float32]:
    return rng.standard_normal(shape).astype(np.float32)


def dense_layer() -> nn.Module:
    layer = nn.Linear(INTO, OUT)
    layer.weight = mx.array(normal(OUT, INTO))
    return layer


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "dense": dense_layer,
    "factored": lambda: FactoredLinear(mx.array(normal(INTO, 3)), mx.array(normal(3, OUT)), None),
    "4 bits": lambda: nn.QuantizedLinear.from_linear(dense_layer(), group_size=64, bits=4),
}


def pair(rank: int, *, dora: bool = False) -> Update:
    magnitude = np.abs(normal(OUT)) * 10 if dora else None
    return Update(TARGET, normal(rank, INTO), normal(OUT, rank), 0.5, norm=1.0, magnitude=magnitude)


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


UPDATES: dict[str, WeightUpdate] = {
    "lora": pair(4),
    "biased": Update(TARGET, normal(2, INTO), normal(OUT, 2), 1.0, norm=1.0, bias=normal(OUT)),
    "dora": pair(4, dora=True),
    "loha": hadamard(3),
    "high loha": hadamard(9),
    "lokr": kronecker(4, 8),
    "lokr split alike": kronecker(8, 8, low_rank=True),
    "lokr split otherwise": kronecker(4, 16),
    "dora on lokr": kronecker(4, 8, dora=True),
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
    stored = layer.weight
    if isinstance(layer, nn.QuantizedLinear):
        stored = mx.dequantize(stored, layer.scales, layer.biases, layer.group_size, layer.bits)
    return np.array(stored, dtype=np.float64)


def product(update: WeightUpdate) -> Matrix64:
    if isinstance(update, Update):
        whole = update.up.astype(float) @ update.down.astype(float)
    elif isinstance(update, HadamardUpdate):
        left, right = (up.astype(float) @ down.astype(float) for up, down in (update.first, update.second))
        whole = left * right
    else:
        second = np.linalg.multi_dot([*update.second, np.eye(update.second[-1].shape[1])]).astype(float)
        rows = np.kron(update.first.astype(float), second)
        whole = np.concatenate([rows[begin:end] for begin, end in update.ranges])
    return np.asarray(update.multiplier * whole)


def change(layer: nn.Module, update: WeightUpdate) -> Matrix64:
    """The weight's change with the bias's as one more column."""
    added = product(update)
    if update.magnitude is not None:
        own = weight(layer)
        whole = own + added
        added = update.magnitude[:, None] * whole / np.linalg.norm(whole, axis=1, keepdims=True) - own
    bias = np.zeros(OUT) if update.bias is None else update.bias.astype(float)
    return np.hstack([added, bias[:, None]])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("one", "other"), list(combinations_with_replacement(UPDATES, 2)), ids="-".join)
def test_the_product_is_that_of_the_dense_changes(layer: str, one: str, other: str) -> None:
    linear = LAYERS[layer]()
    slots = {TARGET: Slot(TARGET, [linear], 0, linear, (OUT, INTO))}
    got = Overlaps(slots).product(adapter(UPDATES[one], "a"), adapter(UPDATES[other], "b"))
    first, second = change(linear, UPDATES[one]), change(linear, UPDATES[other])
    allowed = 1e-5 * float(np.linalg.norm(first) * np.linalg.norm(second))
    assert got == pytest.approx(float(np.sum(first * second)), abs=allowed)


def test_norms_overlap_by_the_change_of_their_scales() -> None:
    norm = nn.RMSNorm(16)
    norm.weight = mx.array(normal(16))
    slots = {TARGET: Slot(TARGET, [norm], 0, norm, (16, 1))}
    added, put = normal(16), normal(16)
    one = adapter(NormUpdate(TARGET, added, replaces=False, norm=1.0), "a")
    other = adapter(NormUpdate(TARGET, put, replaces=True, norm=None), "b")
    expected = float(added.astype(float) @ (put.astype(float) - np.array(norm.weight, dtype=float)))
    assert Overlaps(slots).product(one, other) == pytest.approx(expected, rel=1e-6)


def test_a_bias_alone_overlaps_with_no_weight() -> None:
    linear = dense_layer()
    slots = {TARGET: Slot(TARGET, [linear], 0, linear, (OUT, INTO))}
    bias = normal(OUT)
    alone = adapter(BiasUpdate(TARGET, bias, norm=1.0), "a")
    assert Overlaps(slots).product(alone, adapter(UPDATES["lora"], "b")) == 0.0
    shared = UPDATES["biased"].bias
    assert shared is not None
    expected = float(bias.astype(float) @ shared.astype(float))
    assert Overlaps(slots).product(alone, adapter(UPDATES["biased"], "c")) == pytest.approx(expected, rel=1e-6)
