"""Inner products of whole changes, held to dense float64 arithmetic for every pair of kinds and every kind of layer,
also where the device multiplies float32 as TF32.
"""

from itertools import combinations_with_replacement

import numpy as np
import pytest

from kilnmark.engine.proof.effect import Overlaps
from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.updates.kinds.bias import BiasUpdate
from kilnmark.keymaps.updates.kinds.norm import NormUpdate
from tests.engine.arrays import as_float64
from tests.engine.small_layer import LAYERS, OUT, TARGET, UPDATES, adapter, change, dense_layer, normal, slot_of
from tests.engine.tf32 import tf32_products

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("one", "other"), list(combinations_with_replacement(UPDATES, 2)), ids="-".join)
def test_the_product_is_that_of_the_dense_changes(layer: str, one: str, other: str) -> None:
    linear = LAYERS[layer]()
    with tf32_products():
        got = Overlaps({TARGET: slot_of(linear)}).product(adapter(UPDATES[one], "a"), adapter(UPDATES[other], "b"))
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
    expected = float(added.astype(float) @ (put.astype(float) - as_float64(norm.weight)))
    assert Overlaps(slots).product(one, other) == pytest.approx(expected, rel=1e-6)


def test_a_bias_alone_overlaps_with_no_weight() -> None:
    slots = {TARGET: slot_of(dense_layer())}
    bias = normal(OUT)
    alone = adapter(BiasUpdate(TARGET, bias, norm=1.0), "a")
    assert Overlaps(slots).product(alone, adapter(UPDATES["lora"], "b")) == 0.0
    shared = UPDATES["biased"].bias
    assert shared is not None
    expected = float(bias.astype(float) @ shared.astype(float))
    assert Overlaps(slots).product(alone, adapter(UPDATES["biased"], "c")) == pytest.approx(expected, rel=1e-6)
