"""Adapters at scales by blocks, against dense arithmetic: every kind of update, in both numerics."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kilnmark.engine.families.traces import Shared, Traces
from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.stack.build import build_wrappers
from kilnmark.engine.stack.layers import StackedLinear
from kilnmark.engine.stack.member import Member, member_of
from kilnmark.engine.stack.slots import Slot
from kilnmark.engine.stack.stack import Stacker
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.names.blocks import Blocks
from kilnmark.keymaps.updates.dora import InputMagnitudes
from kilnmark.keymaps.updates.update import WeightUpdate
from kilnmark.protocol.picture.catalog import FAMILIES
from kilnmark.protocol.picture.report import Verdict
from tests.engine import judged
from tests.engine.arrays import as_float64
from tests.engine.small_layer import INTO, LAYERS, OUT, UPDATES, adapter, change, normal, pair, weight

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn

PLACES = tuple(
    f"{block}.attn.to_q"
    for block in ("transformer_blocks.0", "single_transformer_blocks.0", "single_transformer_blocks.1")
)
ASKED = {"double": 0.3, "single.1": -1.2}
EACH = (0.3, 0.8, -1.2)
FOUR = pair(4)
BLOCKS = Blocks.of(PLACES, FAMILIES["flux1"])


def slots(form: str = "float32") -> dict[str, Slot]:
    layers = [LAYERS[form]() for _ in PLACES]
    return {path: Slot(path, layers, at, layers[at], (OUT, INTO)) for at, path in enumerate(PLACES)}


def at(target: str, update: Any) -> Any:
    """The same update of another layer."""
    if isinstance(update.magnitude, InputMagnitudes):
        own = replace(update, target=target, magnitude=None)
        return replace(update, target=target, magnitude=InputMagnitudes(update.magnitude.numbers, (own,)))
    return replace(update, target=target)


def on_all(update: WeightUpdate, sha256: str = "a") -> Adapter:
    return replace(adapter(update, sha256), updates=tuple(at(path, update) for path in PLACES))


def measured(found: dict[str, Slot], update: WeightUpdate) -> Any:
    """The same with its true norm, where no magnitude needs the base to tell it."""
    if update.magnitude is not None:
        return update
    norm = np.linalg.norm(change(found[PLACES[0]].linear, update))
    return replace(update, norm=float(norm))  # type: ignore[type-var]  # every kind's update is a dataclass


def scaled(update: WeightUpdate, sha256: str = "a", scale: float = 0.8, asked: dict[str, float] = ASKED) -> Member:
    return member_of(on_all(update, sha256), scale, asked, BLOCKS)


@pytest.mark.parametrize("shared", [None, ()], ids=["exact", "fast"])
@pytest.mark.parametrize("kind", UPDATES)
def test_every_kind_changes_each_layer_by_its_own_scale(kind: str, shared: tuple[()] | None) -> None:
    found, x = slots(), normal(3, INTO)
    wrappers = build_wrappers(found, [scaled(UPDATES[kind])], shared=shared)
    for path, scale in zip(PLACES, EACH, strict=True):
        linear = found[path].linear
        whole = change(linear, at(path, UPDATES[kind]))
        moved = as_float64(wrappers[path](mx.array(x))) - as_float64(linear(mx.array(x)))
        dense = scale * (x.astype(float) @ whole[:, :-1].T + whole[:, -1])
        assert np.linalg.norm(moved - dense) < 2e-3 * np.linalg.norm(dense)


@pytest.mark.parametrize("kind", ["lora", "dora", "lokr"])
def test_what_is_measured_is_that_of_the_dense_sum(kind: str) -> None:
    found = slots()
    first, second, third = (measured(found, update) for update in (UPDATES[kind], pair(3), pair(2)))
    members = [scaled(first), Member(on_all(second, "b"), 0.5), scaled(third, "c", 0.0, {"single": 0.4})]
    each = [(0.3, 0.8, -1.2), (0.5, 0.5, 0.5), (0.0, 0.4, 0.4)]
    effect = Effect(found)
    products = effect.products(members)
    order = [effect.layers(products.places)[row].target for row in range(3)]
    for row, path in enumerate(order):
        parts = [
            scales[PLACES.index(path)] * change(found[path].linear, update)
            for update, scales in zip((first, second, third), each, strict=True)
        ]
        dense = np.array([[float((one * other).sum()) for other in parts] for one in parts])
        size = np.sqrt(np.outer(np.diag(dense), np.diag(dense)))
        assert np.diag(products.products[row]) == pytest.approx(np.diag(dense), rel=1e-3)
        assert np.all(np.abs(products.products[row] - dense) <= 0.3 * size)


def test_the_delta_ratio_is_that_of_the_layers_that_are_changed() -> None:
    found = slots()
    update = measured(found, UPDATES["whole matrix"])
    for asked, scales in ((ASKED, EACH), ({"double": 0.0}, (0.0, 0.8, 0.8))):
        dense = [scale * update.norm for scale in scales]
        weights = [np.linalg.norm(weight(found[path].linear)) for path, s in zip(PLACES, scales, strict=True) if s]
        ratio = Effect(found).delta_ratio(scaled(update, asked=asked))
        assert ratio == pytest.approx(np.linalg.norm(dense) / np.linalg.norm(weights), rel=1e-5)


def test_zero_on_some_blocks_is_told_and_not_called_dead() -> None:
    report = judged.assess_member(slots(), scaled(pair(4), asked={"single": 0.0}))
    assert report.verdict is Verdict.ENGAGED
    assert (report.applied_target_count, report.target_count) == (1, 3)
    assert "2 layers are left as they are, at scale 0 as asked (single)" in report.reason
    assert [(each.blocks, each.scale, each.target_count) for each in report.block_scales] == [
        ("single", 0.0, 2),
        ("rest", 0.8, 1),
    ]


def test_a_rest_of_zero_is_told_too() -> None:
    report = judged.assess_member(slots(), scaled(pair(4), scale=0.0, asked={"single.0": 0.5}))
    assert report.verdict is Verdict.ENGAGED
    assert "2 layers are left as they are, at scale 0 as asked (all others)" in report.reason


def test_zero_on_all_blocks_is_scale_zero() -> None:
    report = judged.assess_member(slots(), scaled(pair(4), scale=1.0, asked={"single": 0.0, "double": 0.0}))
    assert report.verdict is Verdict.NOOP
    assert "scale is 0 on all 3 layers" in report.reason


def test_a_file_whose_live_layers_are_all_left_alone_is_a_noop_and_its_dead_ones_are_told() -> None:
    dead = replace(pair(4), target=PLACES[0], up=np.zeros((OUT, 4), "f4"), norm=0.0)
    file = replace(adapter(dead, "a"), updates=(dead, *(at(path, pair(4)) for path in PLACES[1:])))
    report = judged.assess_member(slots(), member_of(file, 1.0, {"single": 0.0}, BLOCKS))
    assert report.verdict is Verdict.NOOP
    assert "its other 1 updates are exactly zero" in report.reason
    half = judged.assess_member(slots(), member_of(file, 1.0, {"single.0": 0.0}, BLOCKS))
    assert half.verdict is Verdict.PARTIAL


def test_one_file_at_opposite_scales_of_different_blocks_cancels_where_both_are_and_only_there() -> None:
    update = pair(4)
    members = [scaled(update, asked={"double": 1.0}, scale=0.5), scaled(update, asked={"double": -1.0}, scale=0.5)]
    assert judged.cancelled(slots(), members) == [None, None]
    assert [found.undone.first for found in judged.beside(slots(), members)] == [(PLACES[0],)] * 2
    opposite = [scaled(update), scaled(update, scale=-0.8, asked={"double": -0.3, "single.1": 1.2})]
    assert all(found is not None and found.by_blocks for found in judged.cancelled(slots(), opposite))


def called(layers: list[nn.Module], x: mx.array) -> mx.array:
    given: mx.array = layers[0](x)
    return given


def test_a_switch_of_these_scales_alone_is_a_rescale_that_makes_no_trace() -> None:
    stacker, x, made = Stacker(slots(), shared=()), mx.ones((2, INTO)), Traces()
    found = stacker._slots
    asked: list[dict[str, float]] = [ASKED, {"double": 0.0}, {"single.0": 0.2}, {}]
    shared, downs = Shared(called, made), set()
    for each in asked:
        stacker.switch([scaled(FOUR, asked=each)])
        for slot in found.values():
            wrapper = slot.current()
            downs.add(id(wrapper.pair.down))
            shared.bound([wrapper], compiled=True)(x)
    assert made == Traces(made=1)
    assert len(downs) == len(PLACES)
    assert stacker.builds == len(asked)


def test_in_exact_its_down_matrices_serve_again() -> None:
    found = slots()
    before = build_wrappers(found, [scaled(FOUR)])
    after = build_wrappers(found, [scaled(FOUR, asked={"double": 0.0})], alike=before)
    for path in PLACES:
        one, other = before[path], after[path]
        assert isinstance(one, StackedLinear)
        assert isinstance(other, StackedLinear)
        assert other.down is one.down


def test_only_the_scales_of_text_encoders_tell_encoded_prompts_apart() -> None:
    target = "clip_text_encoder.text_model.encoder.layers.3.mlp.fc1"
    blocks = Blocks.of([*PLACES, target], FAMILIES["flux1"])
    file = replace(adapter(FOUR, "a"), updates=(*on_all(FOUR).updates, at(target, FOUR)))
    plain = Member(file, 0.8).on_encoders
    assert member_of(file, 0.8, {"double": 0.1}, blocks).on_encoders == plain
    assert member_of(file, 0.8, {"clip.3": 0.1}, blocks).on_encoders != plain
    assert scaled(FOUR).on_encoders is None


def test_what_cannot_be_meant_is_refused_in_the_name_of_the_file() -> None:
    with pytest.raises(UnfitAdapter, match=r"block scales: .* no blocks 'single.2'; it has double \(double.0-0"):
        scaled(FOUR, asked={"single.2": 1.0})
