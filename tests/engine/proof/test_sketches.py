"""Sketches of every kind of update on every kind of layer, held to dense float64 arithmetic."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.engine.proof.measured import Measured
from kilnmark.engine.proof.sketches import FEWER, SIDE, TIMES, VIEWS, Sketch, Sketches
from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.updates.kinds.bias import BiasUpdate
from kilnmark.keymaps.updates.kinds.norm import NormUpdate
from kilnmark.keymaps.updates.update import AnyUpdate
from tests.engine.small_layer import INTO, LAYERS, OUT, TARGET, UPDATES, adapter, change, dense_layer, normal, slot_of
from tests.engine.test_rotations import ROTATIONS
from tests.engine.test_rotations import change as turned
from tests.engine.tf32 import tf32_products

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn


def sketch(slot: Slot, update: AnyUpdate, norm: float = 1.0) -> Sketch:
    return Sketches({slot.path: slot}).of(Measured(adapter(update, "a"), np.array([0]), np.array([norm])))


def seen(slot: Slot, whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight's change, with the bias's as one more column, from all directions: `(views, numbers)`."""
    sketches = Sketches({slot.path: slot})
    rows, columns = sketches.directions(slot, VIEWS)
    left, right = (each.all().reshape(-1, VIEWS * TIMES, SIDE) for each in (rows, columns))
    right = np.concatenate([right, columns.signs[-1:]])
    views = np.einsum("otk,oi,itl->tkl", left.astype(float), whole, right.astype(float), optimize=True)
    return np.asarray(views.reshape(VIEWS, -1) / TIMES**0.5)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("kind", [*UPDATES, *ROTATIONS])
def test_it_is_the_dense_change_seen_from_its_directions(layer: str, kind: str) -> None:
    linear = LAYERS[layer]()
    update: AnyUpdate = UPDATES[kind] if kind in UPDATES else ROTATIONS[kind]
    whole = change(linear, UPDATES[kind]) if kind in UPDATES else turned(linear, ROTATIONS[kind])
    with tf32_products():
        found = sketch(slot_of(linear), update, float(np.linalg.norm(whole)))
    (count,) = found.counts
    assert count == (VIEWS if update.is_light else FEWER)
    expected = seen(slot_of(linear), whole)[:count] / np.linalg.norm(whole)
    assert np.abs(found.views[0, :count] - expected).max() < 2e-4
    assert not found.views[0, count:].any()
    assert 0.5 < np.linalg.norm(found.views[0]) / count**0.5 < 2


def test_a_bias_is_seen_in_the_place_of_one_more_column() -> None:
    bias = normal(OUT)
    whole = np.hstack([np.zeros((OUT, INTO)), bias[:, None].astype(float)])
    slot = slot_of(dense_layer())
    found = sketch(slot, BiasUpdate(TARGET, bias, norm=1.0))
    assert np.abs(found.views[0] - seen(slot, whole)).max() < 2e-4


def test_scales_of_a_norm_are_seen_as_what_they_change() -> None:
    norm = nn.RMSNorm(40)
    norm.weight = mx.array(normal(40))
    put = normal(40)
    slot = Slot(TARGET, [norm], 0, norm, (40, 1))
    added = put.astype(float) - np.array(norm.weight).astype(float)
    found = sketch(slot, NormUpdate(TARGET, put, replaces=True, norm=None))
    assert np.abs(found.views[0] - seen(slot, np.stack([np.zeros(40), added], axis=1))).max() < 2e-4


def test_after_every_start_it_is_the_same_and_on_every_layer_another() -> None:
    linear, update = dense_layer(), UPDATES["lora"]
    again = [sketch(slot_of(linear), update).views for _ in range(2)]
    assert np.array_equal(again[0], again[1])
    elsewhere = sketch(replace(slot_of(linear), path="blocks.1"), update).views
    assert abs(float(np.vdot(again[0], elsewhere))) < 0.2 * float(np.vdot(again[0], again[0]))


def test_the_first_directions_are_known_by_their_numbers() -> None:
    """What is told of a stack is the same on every machine, and after every change of numpy."""
    rows, columns = Sketches({}).directions(slot_of(dense_layer()), VIEWS)
    assert [np.packbits(each.flips[:16] > 0).tobytes().hex() for each in (rows, columns)] == ["2cad", "7621"]
    assert np.packbits(rows.signs[0, 0] > 0).tobytes().hex() == "64fd"


def test_it_is_kept_by_content() -> None:
    slot = slot_of(dense_layer())
    sketches = Sketches({TARGET: slot})
    measured = Measured(adapter(UPDATES["lora"], "a"), np.array([0]), np.ones(1))
    assert sketches.of(measured) is sketches.of(measured._replace(adapter=adapter(UPDATES["loha"], "a")))
    assert sketches.made == 1


def test_a_change_beyond_float32_has_none() -> None:
    huge = replace(UPDATES["lora"], multiplier=1e38)  # type: ignore[type-var]  # every kind is a dataclass
    assert not sketch(slot_of(dense_layer()), huge).views.any()


def test_a_layer_that_is_larger_than_all_signs_has_directions_too() -> None:
    sketches, usual = Sketches({}), slot_of(dense_layer())
    before = sketches.directions(usual, VIEWS)[0].flips.copy()
    rows, columns = sketches.directions(Slot("wide", [], 0, nn.Linear(1, 1), (200_000, 8)), VIEWS)
    assert (len(rows.flips), len(columns.flips)) == (200_000, 8)
    assert np.array_equal(sketches.directions(usual, VIEWS)[0].flips, before)
