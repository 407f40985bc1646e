"""Inner products of whole changes, held to dense float64 arithmetic for every pair of kinds and every kind of layer,
also where the device multiplies float32 as TF32.
"""

from dataclasses import replace
from functools import cache
from itertools import combinations_with_replacement

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.engine.proof.measured import Measured
from kilnmark.engine.proof.overlaps import Overlaps
from kilnmark.engine.stack.slots import Slot
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.updates.kinds.bias import BiasUpdate
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.updates.kinds.norm import NormUpdate
from tests.engine.arrays import as_float64
from tests.engine.judged import cancelled, overlap
from tests.engine.small_layer import (
    INTO,
    LAYERS,
    OUT,
    TARGET,
    UPDATES,
    Matrix64,
    adapter,
    change,
    dense_layer,
    normal,
    product,
    slot_of,
)
from tests.engine.tf32 import tf32_products
from tests.pairs import pairs_of

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn


@cache
def made(layer: str) -> nn.Module:
    """One of each kind for all pairs; nothing is written to it."""
    return LAYERS[layer]()


@cache
def change_of(layer: str, kind: str) -> Matrix64:
    return change(made(layer), UPDATES[kind])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("one", "other"), list(combinations_with_replacement(UPDATES, 2)), ids="-".join)
def test_the_product_is_that_of_the_dense_changes(layer: str, one: str, other: str) -> None:
    with tf32_products():
        got = overlap(slot_of(made(layer)), adapter(UPDATES[one], "a"), adapter(UPDATES[other], "b"))
    first, second = change_of(layer, one), change_of(layer, other)
    allowed = 1e-5 * float(np.linalg.norm(first) * np.linalg.norm(second))
    assert got == pytest.approx(float(np.sum(first * second)), abs=allowed)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("kind", UPDATES)
def test_one_change_under_two_hashes_undoes_itself_in_every_kind_and_on_every_layer(layer: str, kind: str) -> None:
    linear, update = LAYERS[layer](), UPDATES[kind]
    bias = 0.0 if update.bias is None else float(np.linalg.norm(update.bias))
    true = replace(update, norm=float(np.hypot(np.linalg.norm(product(update)), bias)))  # type: ignore[type-var]  # every kind is a dataclass
    members = [Member(adapter(true, "a"), 0.7), Member(adapter(true, "b"), -0.7)]
    with tf32_products():
        assert None not in cancelled({TARGET: slot_of(linear)}, members)


def test_norms_overlap_by_the_change_of_their_scales() -> None:
    norm = nn.RMSNorm(16)
    norm.weight = mx.array(normal(16))
    slot = Slot(TARGET, [norm], 0, norm, (16, 1))
    added, put = normal(16), normal(16)
    one = adapter(NormUpdate(TARGET, added, replaces=False, norm=1.0), "a")
    other = adapter(NormUpdate(TARGET, put, replaces=True, norm=None), "b")
    expected = float(added.astype(float) @ (put.astype(float) - as_float64(norm.weight)))
    assert overlap(slot, one, other) == pytest.approx(expected, rel=1e-6)


def test_a_bias_alone_overlaps_with_no_weight() -> None:
    slot = slot_of(dense_layer())
    bias = normal(OUT)
    alone = adapter(BiasUpdate(TARGET, bias, norm=1.0), "a")
    assert overlap(slot, alone, adapter(UPDATES["lora"], "b")) == 0.0
    shared = UPDATES["biased"].bias
    assert shared is not None
    expected = float(bias.astype(float) @ shared.astype(float))
    assert overlap(slot, alone, adapter(UPDATES["biased"], "c")) == pytest.approx(expected, rel=1e-6)


def test_a_product_is_computed_once_for_two_contents_and_once_more_in_float64() -> None:
    one, other = (adapter(PairUpdate(TARGET, normal(4, INTO), normal(OUT, 4), 1.0, norm=1.0), name) for name in "ab")
    measured = [Measured(each, np.array([0]), np.ones(1)) for each in (one, other)]
    overlaps, cells = Overlaps({TARGET: slot_of(dense_layer())}), np.ones((1, 2, 2), dtype=bool)
    narrow = [overlaps.of(measured, np.array([0]), cells, wide=False)[0, 0, 1] for _ in range(2)]
    assert (narrow[0], overlaps.computed) == (narrow[1], 1)
    wide = overlaps.of(measured, np.array([0]), cells, wide=True)[0, 0, 1]
    assert overlaps.computed == 2
    first, second = (dense(each) for each in (one, other))
    assert wide == pytest.approx(float(np.sum(first * second)), rel=1e-12)
    assert narrow[0] == pytest.approx(wide, abs=1e-6 * float(np.linalg.norm(first) * np.linalg.norm(second)))


def dense(one: Adapter) -> NDArray[np.float64]:
    (update,) = pairs_of(one)
    return np.asarray(update.multiplier * update.up.astype(float) @ update.down.astype(float))
